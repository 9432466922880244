#!/usr/bin/env bash
# Signatures over the bytes of a file, with nothing around them, by openssl's keys: each side verifies the other's.
# What keys of other places sign is checked by openssl in keys.sh. A bare signature does not say whose it is, so that
# another file and another key are the same to Bulla: nobody trusted has signed this.
. "$(dirname "$0")/lib.sh"

need openssl jq
printf 'an artifact\n' >"$work/art"
printf 'another artifact\n' >"$work/wrong"

# scheme KIND: how openssl signs with such a key, as flags of `openssl dgst`, or `raw` for `openssl pkeyutl`.
scheme() {
  case $1 in
    p256 | rsa* | older-p384) printf -- '-sha256' ;;
    p384) printf -- '-sha384' ;;
    p521) printf -- '-sha512' ;;
    pss) printf -- '-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest' ;;
    ed25519) printf raw ;;
  esac
}

# signed KEY SIGNATURE SCHEME / verified PUBLIC-KEY SIGNATURE SCHEME FILE
signed() {
  # The scheme is several words.
  # shellcheck disable=SC2086
  if [ "$3" = raw ]; then openssl pkeyutl -sign -rawin -inkey "$1" -in "$work/art" -out "$2"; else openssl dgst $3 -sign "$1" -out "$2" "$work/art"; fi
}
verified() {
  # shellcheck disable=SC2086
  if [ "$3" = raw ]; then openssl pkeyutl -verify -rawin -pubin -inkey "$1" -sigfile "$2" -in "$4"; else openssl dgst $3 -verify "$1" -signature "$2" "$4"; fi
}

for pair in p256:EC:P-256 p384:EC:P-384 older-p384:EC:P-384 p521:EC:P-521 ed25519:ED25519: \
  rsa2048:RSA:2048 rsa3072:RSA:3072 rsa4096:RSA:4096 pss:RSA:2048; do
  IFS=: read -r kind algorithm size <<<"$pair"
  case $algorithm in
    EC) options=(-pkeyopt "ec_paramgen_curve:$size") ;;
    RSA) options=(-pkeyopt "rsa_keygen_bits:$size") ;;
    *) options=() ;;
  esac
  for name in own other; do
    quiet openssl genpkey -algorithm "$algorithm" ${options[@]+"${options[@]}"} -out "$work/$name.key"
    quiet openssl pkey -in "$work/$name.key" -pubout -out "$work/$name.pub"
  done
  how=$(scheme "$kind")
  quiet signed "$work/own.key" "$work/art.sig" "$how"
  base64 <"$work/art.sig" >"$work/art.sig64"
  flags=()
  case $kind in
    pss | older-p384)
      # Not what such a key is used with, unless one says so.
      expect 12 "$BULLA" verify --key "$work/own.pub" --signature "$work/art.sig" "$work/art"
      flags=(--allow-legacy-schemes)
      ;;
  esac
  for form in sig sig64; do
    quiet "$BULLA" verify --key "$work/own.pub" "${flags[@]+"${flags[@]}"}" --signature "$work/art.$form" "$work/art"
    expect 12 "$BULLA" verify --key "$work/own.pub" "${flags[@]+"${flags[@]}"}" --signature "$work/art.$form" "$work/wrong"
    expect 12 "$BULLA" verify --key "$work/other.pub" "${flags[@]+"${flags[@]}"}" --signature "$work/art.$form" "$work/art"
  done
  ok "$kind: Bulla verifies openssl's signature, as bytes and in base64"

  # Bulla does not make the older scheme, and of a file's bytes makes Ed25519ph as cosign does, which OpenSSL 3.0 does
  # not know.
  case $kind in older-p384 | ed25519) continue ;; esac
  if [ "$kind" = pss ]; then flags=(--key-scheme rsa-pss-sha256); fi
  quiet "$BULLA" sign --message --key "$work/own.key" "${flags[@]+"${flags[@]}"}" --bundle "$work/art.json" "$work/art"
  jq -r .messageSignature.signature "$work/art.json" | base64 -d >"$work/ours"
  quiet verified "$work/own.pub" "$work/ours" "$how" "$work/art"
  expect 1 verified "$work/own.pub" "$work/ours" "$how" "$work/wrong"
  ok "$kind: openssl verifies Bulla's signature"
done
