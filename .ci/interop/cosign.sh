#!/usr/bin/env bash
# cosign accepts what Bulla wrote, and Bulla what cosign wrote: keys, signatures, attestations, in a registry
# without and one with the referrers API.
. "$(dirname "$0")/lib.sh"
. "$interop/release.sh"
. "$interop/registries.sh"

need cosign docker-registry skopeo umoci jq curl

# cosign reads the user's folder and asks for the public trusted root: give it an empty one of each.
cosign() { HOME=$work/home TUF_ROOT=$work/tuf command cosign "$@"; }
quiet cosign trusted-root create --out "$work/trusted-root.json"
quiet cosign signing-config create --out "$work/signing-config.json"
offline=(--trusted-root "$work/trusted-root.json" --signing-config "$work/signing-config.json" --yes)
unlogged=(--insecure-ignore-tlog)

quiet "$BULLA" key generate --out "$work/bulla"
quiet cosign public-key --key "$work/bulla.key" --outfile "$work/derived.pub"
cmp "$work/bulla.pub" "$work/derived.pub"
ok "cosign opens Bulla's encrypted key and derives the same public key"

quiet cosign generate-key-pair --output-key-prefix "$work/cosign"
quiet "$BULLA" key public --key "$work/cosign.key" --out "$work/derived-by-bulla.pub"
cmp "$work/cosign.pub" "$work/derived-by-bulla.pub"
ok "Bulla opens cosign's encrypted key and derives the same public key"
BULLA_PASSWORD=wrong COSIGN_PASSWORD=wrong expect 2 "$BULLA" key public --key "$work/cosign.key"
ok "a wrong password for cosign's key is exit 2"

make_evidence "$work/evidence"
small_image "$work/lay" v1 'signed by Bulla'
small_image "$work/lay" v2 'signed by cosign'
small_image "$work/lay" v3 'signed by nobody'

# cosign_verifies KEY IMAGE, cosign_verifies_attestation KEY TYPE IMAGE: cosign's own word for it.
cosign_verifies() { cosign verify --key "$1" "${unlogged[@]}" "${transport[@]}" "${@:2}"; }
cosign_verifies_attestation() {
  cosign verify-attestation --key "$1" --type "$2" "${unlogged[@]}" "${transport[@]}" "$3"
}

both_ways() {
  local kind=$1
  start_registry "$kind"
  transport=()
  if [ "$scheme" = http ]; then transport=(--allow-http-registry); fi

  image=$registry/pay/bulla@$(push_image "$work/lay:v1" pay/bulla:1)
  quiet "$BULLA" sbom "$image" --out "$work/sbom.cdx.json"
  quiet "$BULLA" sign --key "$work/bulla.key" "$image"
  quiet "$BULLA" attest --key "$work/bulla.key" --sbom "$work/sbom.cdx.json" \
    --provenance="$evidence/provenance.json" --test-results "$evidence/junit.xml" "$image"
  quiet cosign_verifies "$work/bulla.pub" "$image"
  ok "$kind: cosign verify accepts Bulla's signature"
  local type
  for type in cyclonedx slsaprovenance1 https://in-toto.io/attestation/test-result/v0.1; do
    cosign_verifies_attestation "$work/bulla.pub" "$type" "$image" >"$work/attestation" 2>"$work/last" ||
      { cat "$work/last" && fail "$kind: cosign refuses Bulla's $type"; }
    # What cosign hands on is the statement about this very image.
    jq -er --arg digest "${image##*:}" '.payload | @base64d | fromjson | .subject[] | select(.digest.sha256 == $digest) | .digest.sha256' \
      "$work/attestation" >/dev/null || fail "$kind: cosign shows another subject"
    ok "$kind: cosign verify-attestation --type $type accepts Bulla's attestation"
  done
  if cosign_verifies "$work/cosign.pub" "$image" >"$work/last" 2>&1; then
    fail "$kind: cosign accepts the wrong key, so its yes means nothing"
  fi

  image=$registry/pay/cosign@$(push_image "$work/lay:v2" pay/cosign:1)
  quiet cosign sign --key "$work/cosign.key" "${offline[@]}" "${transport[@]}" "$image"
  quiet "$BULLA" verify --key "$work/cosign.pub" "$image"
  ok "$kind: Bulla verifies an image cosign signed"
  quiet cosign attest --key "$work/cosign.key" "${offline[@]}" "${transport[@]}" \
    --type cyclonedx --predicate "$work/sbom.cdx.json" "$image"
  quiet cosign attest --key "$work/cosign.key" "${offline[@]}" "${transport[@]}" \
    --type slsaprovenance1 --predicate "$evidence/provenance.json" "$image"
  quiet "$BULLA" verify --key "$work/cosign.pub" --type cyclonedx "$image"
  quiet "$BULLA" verify --key "$work/cosign.pub" --type slsaprovenance1 "$image"
  ok "$kind: Bulla verifies attestations cosign made"
  expect 11 "$BULLA" verify --key "$work/bulla.pub" "$image"
  expect 10 "$BULLA" verify --key "$work/cosign.pub" --type openvex "$image"
  ok "$kind: another key is exit 11, a type nobody attested exit 10"

  # What the signer adds, both ways.
  quiet "$BULLA" sign --key "$work/bulla.key" -a stage=release "$image"
  quiet cosign_verifies "$work/bulla.pub" "$image" -a stage=release
  if cosign_verifies "$work/bulla.pub" "$image" -a stage=other >"$work/last" 2>&1; then
    fail "$kind: cosign accepts an annotation Bulla did not sign"
  fi
  quiet cosign sign --key "$work/cosign.key" "${offline[@]}" "${transport[@]}" -a stage=release "$image"
  quiet "$BULLA" verify --key "$work/cosign.pub" -a stage=release "$image"
  expect 13 "$BULLA" verify --key "$work/cosign.pub" -a stage=other "$image"
  ok "$kind: annotations are demanded and found both ways"

  # Both write beside each other's.
  quiet "$BULLA" sign --key "$work/bulla.key" "$image"
  quiet cosign_verifies "$work/cosign.pub" "$image"
  quiet cosign_verifies "$work/bulla.pub" "$image"
  ok "$kind: Bulla and cosign find both signatures on one image"

  image=$registry/pay/nobody@$(push_image "$work/lay:v3" pay/nobody:1)
  expect 10 "$BULLA" verify --key "$work/cosign.pub" "$image"
  ok "$kind: an image nobody signed is exit 10"
}

for kind in plain tls api; do both_ways "$kind"; done

# A key file of the one, used by the other.
quiet "$BULLA" sign --key "$work/cosign.key" "$image"
quiet cosign_verifies "$work/cosign.pub" "$image"
ok "Bulla signs with cosign's key, cosign verifies"
