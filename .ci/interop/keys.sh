#!/usr/bin/env bash
# Keys of every kind and from every place that can be had here: what Bulla signs with them is verified by
# openssl over the bare bytes, by cosign and by Bulla.
#
# Real: openssl, cosign, OpenBao (which is Vault's API), SoftHSM. moto only answers like AWS: it checks no
# request's signature, and it hashes digests once more, so what it proves is the question for a key and the
# signing of short messages.
. "$(dirname "$0")/lib.sh"

need openssl cosign jq curl
cosign() { HOME=$work/home TUF_ROOT=$work/tuf command cosign "$@"; }
quiet cosign trusted-root create --out "$work/trusted-root.json"
quiet cosign signing-config create --out "$work/signing-config.json"

printf 'an artifact\n' >"$work/artifact"
printf '{"by": "bulla"}\n' >"$work/predicate.json"
kind_of_claim=https://example.test/bulla

# encoding BUNDLE: the bytes the envelope's signature is over, DSSE v1.0.2.
encoding() {
  python3 - "$1" <<'PYTHON'
import base64, json, sys
envelope = json.load(open(sys.argv[1]))["dsseEnvelope"]
payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
sys.stdout.buffer.write(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
PYTHON
}

# openssl_verifies SCHEME PUBLIC-KEY SIGNATURE MESSAGE
openssl_verifies() {
  case $1 in
    pss) openssl dgst -sha256 -sigopt rsa_padding_mode:pss -verify "$2" -signature "$3" "$4" ;;
    ed25519) openssl pkeyutl -verify -rawin -pubin -inkey "$2" -sigfile "$3" -in "$4" ;;
    *) openssl dgst "-$1" -verify "$2" -signature "$3" "$4" ;;
  esac
}

# prove NAME SCHEME KEY [FLAG...]: signs with KEY and has everybody verify it.
prove() {
  local name=$1 scheme=$2 key=$3 public=$work/$1.pub bundle=$work/$1.sigstore.json
  shift 3
  quiet "$BULLA" key public --key "$key" --out "$public"
  quiet "$BULLA" attest --key "$key" "$@" --type "$kind_of_claim" \
    --predicate "$work/predicate.json" --bundle "$bundle" "$work/artifact"
  encoding "$bundle" >"$work/message"
  jq -r '.dsseEnvelope.signatures[0].sig' "$bundle" | base64 -d >"$work/signature"
  quiet openssl_verifies "$scheme" "$public" "$work/signature" "$work/message"
  printf 'x' >>"$work/message"
  expect 1 openssl_verifies "$scheme" "$public" "$work/signature" "$work/message"
  if [ "$scheme" = pss ]; then
    # Not what an RSA key is used with unless somebody says so.
    expect 12 "$BULLA" verify --key "$public" --type "$kind_of_claim" --bundle "$bundle" "$work/artifact"
    ok "$name: openssl verifies the signature"
    return
  fi
  quiet "$BULLA" verify --key "$public" --type "$kind_of_claim" --bundle "$bundle" "$work/artifact"
  ok "$name: openssl and Bulla verify the signature"
}

# cosign_too NAME: cosign verifies what `prove` made. cosign v3.1.3 signs with P-384 and P-521 keys as Bulla
# does, but verifies neither its own attestations by them nor ours: those are checked the other way.
cosign_too() {
  case $1 in *p384 | *p521) return 0 ;; esac
  quiet cosign verify-blob-attestation --key "$work/$1.pub" --bundle "$work/$1.sigstore.json" \
    --type "$kind_of_claim" --insecure-ignore-tlog --trusted-root "$work/trusted-root.json" "$work/artifact"
  ok "$1: cosign verifies the attestation"
}

# same_for_cosign KEY PUBLIC-KEY: cosign derives the same public key. It does not cut files it overwrites.
same_for_cosign() {
  rm -f "$work/cosigns.pub"
  quiet cosign public-key --key "$1" --outfile "$work/cosigns.pub"
  cmp "$2" "$work/cosigns.pub"
}

# Files of every kind openssl 3.0 knows, encrypted as cosign does.
for pair in ecdsa-p256:sha256 ecdsa-p384:sha384 ecdsa-p521:sha512 ed25519:ed25519 \
  rsa-2048:sha256 rsa-3072:sha256 rsa-4096:sha256; do
  kind=${pair%%:*}
  quiet "$BULLA" key generate --type "$kind" --out "$work/key-$kind"
  prove "file-$kind" "${pair##*:}" "$work/key-$kind.key"
  cmp "$work/key-$kind.pub" "$work/file-$kind.pub"
  same_for_cosign "$work/key-$kind.key" "$work/key-$kind.pub"
  ok "file-$kind: cosign opens the encrypted key"
  cosign_too "file-$kind"
done
for kind in ecdsa-p256 ecdsa-p384 ecdsa-p521 rsa-2048; do
  quiet cosign attest-blob --key "$work/key-$kind.key" --type "$kind_of_claim" --predicate "$work/predicate.json" \
    --bundle "$work/cosigns.json" --signing-config "$work/signing-config.json" \
    --trusted-root "$work/trusted-root.json" --yes "$work/artifact"
  quiet "$BULLA" verify --key "$work/key-$kind.pub" --type "$kind_of_claim" --bundle "$work/cosigns.json" "$work/artifact"
  ok "file-$kind: Bulla verifies what cosign signed with Bulla's key"
done

# What openssl makes, in each of its formats.
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$work/pkcs8.pem" 2>/dev/null
openssl ec -in "$work/pkcs8.pem" -out "$work/sec1.pem" 2>/dev/null
openssl genrsa -traditional -out "$work/pkcs1.pem" 2048 2>/dev/null
for format in pkcs8:sha384 sec1:sha384 pkcs1:sha256; do
  prove "${format%%:*}" "${format##*:}" "$work/${format%%:*}.pem"
  quiet "$BULLA" key import --key "$work/${format%%:*}.pem" --out "$work/imported-${format%%:*}"
  cmp "$work/imported-${format%%:*}.pub" "$work/${format%%:*}.pub"
  ok "${format%%:*}: imported"
done

if command -v bao >/dev/null; then
  port=$(free_port)
  export VAULT_ADDR=http://127.0.0.1:$port VAULT_TOKEN=root
  HOME=$work/home serve_until "$VAULT_ADDR/v1/sys/health" bao server -dev -dev-root-token-id=root \
    -dev-listen-address="127.0.0.1:$port" -dev-no-store-token
  vault() { curl -sf -m 10 -H 'X-Vault-Token: root' -X POST -d "$2" "$VAULT_ADDR/v1/$1"; }
  for try in $(seq 100); do
    if vault sys/mounts/transit '{"type": "transit"}' 2>/dev/null; then break; fi
    sleep 0.1
  done
  for pair in ecdsa-p256:sha256 ecdsa-p384:sha384 ecdsa-p521:sha512 ed25519:ed25519 rsa-3072:sha256; do
    kind=${pair%%:*}
    vault "transit/keys/$kind" "{\"type\": \"$kind\"}" >/dev/null
    prove "openbao-$kind" "${pair##*:}" "openbao://$kind"
    cosign_too "openbao-$kind"
    same_for_cosign "hashivault://$kind" "$work/openbao-$kind.pub"
    ok "openbao-$kind: cosign reads the same public key"
  done
  prove openbao-pss pss openbao://rsa-3072 --key-scheme rsa-pss-sha256
  quiet cosign attest-blob --key hashivault://ecdsa-p256 --type "$kind_of_claim" --predicate "$work/predicate.json" \
    --bundle "$work/cosigns.json" --signing-config "$work/signing-config.json" \
    --trusted-root "$work/trusted-root.json" --yes "$work/artifact"
  quiet "$BULLA" verify --key hashivault://ecdsa-p256 --type "$kind_of_claim" --bundle "$work/cosigns.json" "$work/artifact"
  ok "openbao: Bulla verifies what cosign signed, with the key where it is"
  vault transit/keys/ecdsa-p256/rotate '{}' >/dev/null
  expect 11 "$BULLA" verify --key openbao://ecdsa-p256 --type "$kind_of_claim" \
    --bundle "$work/openbao-ecdsa-p256.sigstore.json" "$work/artifact"
  prove openbao-rotated sha256 openbao://ecdsa-p256
  VAULT_TOKEN=wrong expect 3 "$BULLA" key public --key openbao://ecdsa-p256
  said 403
  expect 3 "$BULLA" key public --key openbao://not-there
  ok "openbao: a rotated key, a wrong token and an unknown key"
  unset VAULT_ADDR VAULT_TOKEN
else
  skip openbao
fi

module=${SOFTHSM_MODULE:-/usr/lib/softhsm/libsofthsm2.so}
if command -v softhsm2-util >/dev/null && command -v pkcs11-tool >/dev/null && [ -e "$module" ]; then
  mkdir "$work/tokens"
  printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$work" >"$work/softhsm2.conf"
  export SOFTHSM2_CONF=$work/softhsm2.conf BULLA_PKCS11_MODULE=$module BULLA_PIN=1234
  quiet softhsm2-util --init-token --free --label 'build token' --so-pin 5678 --pin 1234
  token() { quiet pkcs11-tool --module "$module" --token-label 'build token' --login --pin 1234 "$@"; }
  token --keypairgen --key-type EC:prime256v1 --id 01 --label p256
  token --keypairgen --key-type EC:secp384r1 --id 02 --label p384
  token --keypairgen --key-type EC:secp521r1 --id 03 --label p521
  token --keypairgen --key-type EC:edwards25519 --id 04 --label ed25519
  token --keypairgen --key-type rsa:3072 --id 05 --label rsa
  for pair in p256:sha256 p384:sha384 p521:sha512 ed25519:ed25519 rsa:sha256; do
    prove "softhsm-${pair%%:*}" "${pair##*:}" "pkcs11:token=build%20token;object=${pair%%:*}"
    cosign_too "softhsm-${pair%%:*}"
  done
  prove softhsm-pss pss 'pkcs11:token=build%20token;object=rsa' --key-scheme rsa-pss-sha256
  prove softhsm-id sha256 'pkcs11:token=build%20token;id=%05'
  BULLA_PIN='' prove softhsm-pin sha256 "pkcs11:token=build%20token;id=%01?module-path=$module&pin-value=1234"
  BULLA_PIN=0000 expect 2 "$BULLA" attest --key 'pkcs11:token=build%20token;id=%01' --type "$kind_of_claim" \
    --predicate "$work/predicate.json" --bundle "$work/never.json" "$work/artifact"
  [ ! -e "$work/never.json" ] || fail "something was signed with a wrong PIN"
  expect 2 "$BULLA" key public --key 'pkcs11:token=build%20token;object=none'
  ok "softhsm: a wrong PIN and an unknown key sign nothing"
else
  skip softhsm
fi

if command -v moto_server >/dev/null; then
  port=$(free_port)
  export AWS_ENDPOINT_URL=http://127.0.0.1:$port AWS_REGION=eu-north-1
  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test-secret AWS_EC2_METADATA_DISABLED=true
  serve_until "$AWS_ENDPOINT_URL" moto_server -H 127.0.0.1 -p "$port"
  # The interpreter moto runs in has the library that asks it.
  "$(head -1 "$(readlink -f "$(command -v moto_server)")" | cut -c3-)" - >"$work/arns" <<'PYTHON'
import boto3
kms = boto3.client("kms", region_name="eu-north-1")
for name, spec in [("p256", "ECC_NIST_P256"), ("p384", "ECC_NIST_P384"), ("rsa", "RSA_3072")]:
    key = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=key["KeyId"])
    print(key["Arn"])
PYTHON
  for pair in p256:sha256 p384:sha384 rsa:sha256; do
    prove "moto-${pair%%:*}" "${pair##*:}" "awskms:///alias/${pair%%:*}"
    cosign_too "moto-${pair%%:*}"
    same_for_cosign "awskms:///alias/${pair%%:*}" "$work/moto-${pair%%:*}.pub"
    ok "moto-${pair%%:*}: cosign reads the same public key"
  done
  quiet "$BULLA" key public --key "awskms:///$(head -1 "$work/arns")" --out "$work/by-arn.pub"
  cmp "$work/by-arn.pub" "$work/moto-p256.pub"
  expect 3 "$BULLA" key public --key awskms:///alias/none
  ok "moto: a key by its ARN, and an unknown alias"
else
  skip moto
fi
