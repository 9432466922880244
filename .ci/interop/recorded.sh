#!/usr/bin/env bash
# More who sign without a key against the real services: @sigstore/sign, cosign in its older mode, and
# `bulla-conformance sign-bundle`, which sigstore-conformance drives. Each other client verifies what can be verified.
#
# What these cannot do: @sigstore/sign 4.1 asks Rekor v2 for entries of a kind that version 2.3 of it no longer makes,
# so in that log it records the bytes of files only.
. "$(dirname "$0")/lib.sh"
. "$interop/registries.sh"
. "$interop/sigstore.sh"

need jq umoci node cosign openssl docker-registry skopeo
if [ ! -e "$peers/node" ]; then
  skip 'node packages'
  exit 0
fi
need_services
conformance=${BULLA_CONFORMANCE:-$(dirname "$BULLA")/bulla-conformance}
if [ ! -x "$conformance" ]; then
  printf '%s is not there: cargo build -p bulla-cli --bins\n' "$conformance" >&2
  exit 1
fi
start_services
token aud=sigstore
sigstore=$peers/python/bin/sigstore
export NODE_PATH=$peers/node/node_modules
by=(--certificate-identity "$who" --certificate-oidc-issuer "$ISSUER")
stranger=(--certificate-identity other@example.test --certificate-oidc-issuer "$ISSUER")
type=https://example.test/claim/v1
printf 'an artifact\n' >"$work/art"
printf 'another artifact\n' >"$work/wrong"
jq -nc --arg digest "$(sha256sum "$work/art" | cut -d ' ' -f 1)" --arg type "$type" '{_type: "https://in-toto.io/Statement/v1",
  subject: [{name: "art", digest: {sha256: $digest}}], predicateType: $type, predicate: {by: "interop"}}' >"$work/statement"

# judged BUNDLE [ARGUMENT...]: Bulla verifies the bundle of $work/art, and no other's.
judged() {
  local bundle=$1
  shift
  quiet "$BULLA" verify --trusted-root "$roots" "${by[@]}" "$@" --bundle "$bundle" "$work/art"
  expect 11 "$BULLA" verify --trusted-root "$roots" "${stranger[@]}" "$@" --bundle "$bundle" "$work/art"
  expect 13 "$BULLA" verify --trusted-root "$roots" "${by[@]}" "$@" --bundle "$bundle" "$work/wrong"
}

by_node() { # FILE TYPE REKOR-VERSION ENTRY
  local at=REKOR$3
  FULCIO=$FULCIO REKOR=${!at} TSA=$TSA TOKEN=$work/token node "$interop/sign-recorded.cjs" "$@" \
    >"$work/node.json" 2>"$work/last" || { cat "$work/last" && fail '@sigstore/sign does not sign'; }
}
for entry in dsse intoto; do
  by_node "$work/statement" application/vnd.in-toto+json 1 "$entry"
  judged "$work/node.json" --type "$type"
  test "$(jq -r '.verificationMaterial.tlogEntries[0].kindVersion.kind' "$work/node.json")" = "$entry"
  ok "Bulla verifies a file @sigstore/sign attested with Rekor v1, entry $entry"
done
for rekor in 1 2; do
  by_node "$work/art" bytes "$rekor" dsse
  judged "$work/node.json"
  ok "Bulla verifies a file whose bytes @sigstore/sign signed with Rekor v$rekor"
done

# What sigstore-conformance asks of a client that signs.
for rekor in 1 2; do
  instance=(--trusted-root "$roots" --signing-config "$services/signing_config.rekor$rekor.json")
  stamps=()
  if [ "$rekor" = 2 ]; then stamps=(--use-signed-timestamps); fi
  for what in art statement; do
    bundle=$work/$what$rekor.json form=()
    theirs=(verify-blob)
    if [ "$what" = statement ]; then
      form=(--in-toto)
      theirs=(verify-blob-attestation --type "$type")
    fi
    quiet "$conformance" sigstore sign-bundle --identity-token "$(cat "$work/token")" "${instance[@]}" \
      ${form[@]+"${form[@]}"} --bundle "$bundle" "$work/$what"
    quiet "$conformance" sigstore verify-bundle --bundle "$bundle" "${by[@]}" --trusted-root "$roots" "$work/art"
    expect 12 "$conformance" sigstore verify-bundle --bundle "$bundle" "${stranger[@]}" --trusted-root "$roots" "$work/art"
    quiet cosign "${theirs[@]}" --bundle "$bundle" --trusted-root "$roots" "${by[@]}" ${stamps[@]+"${stamps[@]}"} "$work/art"
    quiet "$sigstore" --trust-config "$services/trust_config.rekor$rekor.json" verify identity --offline \
      --bundle "$bundle" --cert-identity "$who" --cert-oidc-issuer "$ISSUER" "$work/art"
    expect 1 "$sigstore" --trust-config "$services/trust_config.rekor$rekor.json" verify identity --offline \
      --bundle "$bundle" --cert-identity "$who" --cert-oidc-issuer "$ISSUER" "$work/wrong"
    ok "cosign and sigstore-python verify the bundle of the $what sign-bundle made with Rekor v$rekor"
  done
done

# cosign's older form with an RFC 3161 timestamp: by a certificate, by a key, and by a certificate no log knows of,
# which Bulla refuses as cosign does unless told otherwise.
small_image "$work/lay" v1 'stamped'
start_registry plain
quiet env COSIGN_PASSWORD= cosign generate-key-pair --output-key-prefix "$work/cosign"
older=(--new-bundle-format=false --use-signing-config=false --timestamp-server-url "$TSA" --allow-http-registry --yes)
certified=(--fulcio-url "$FULCIO" --identity-token "$work/token" --trusted-root "$roots")
jq 'del(.timestampAuthorities[])' "$roots" >"$work/no-tsa.json"
for how in certificate alone key; do
  pushed=$registry/pay/$how@$(push_image "$work/lay:v1" "pay/$how:1")
  case $how in
    certificate) signer=("${certified[@]}" --rekor-url "$REKOR1") known=("${by[@]}") ;;
    alone) signer=("${certified[@]}" --tlog-upload=false) known=("${by[@]}") ;;
    key) signer=(--key "$work/cosign.key" --tlog-upload=false) known=(--key "$work/cosign.pub") ;;
  esac
  quiet env COSIGN_PASSWORD= cosign sign "${older[@]}" "${signer[@]}" "$pushed"
  quiet env COSIGN_PASSWORD= cosign attest "${older[@]}" "${signer[@]}" --type "$type" --predicate "$interop/slsa-predicate.json" "$pushed"
  for tag in sig att; do
    at=${pushed##*@}
    skopeo inspect --raw --tls-verify=false "docker://$registry/pay/$how:${at/:/-}.$tag" |
      jq -e '.layers[0].annotations["dev.sigstore.cosign/rfc3161timestamp"] | length > 100' >/dev/null ||
      fail "no timestamp at .$tag"
  done
  for kind in '' "$type"; do
    asked=("${known[@]}" --timestamp-threshold 1 ${kind:+--type "$kind"} "$pushed")
    if [ "$how" = alone ]; then
      expect 12 "$BULLA" verify --trusted-root "$roots" "${asked[@]}"
      said 'no log entry'
    else
      quiet "$BULLA" verify --trusted-root "$roots" "${asked[@]}"
      expect 12 "$BULLA" verify --trusted-root "$work/no-tsa.json" "${asked[@]}"
    fi
  done
  case $how in
    alone) ok "Bulla refuses cosign's older form by a certificate that only a timestamp speaks for" ;;
    *) ok "Bulla verifies cosign's older form and its RFC 3161 timestamp, signed by: $how" ;;
  esac
done
