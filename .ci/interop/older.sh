#!/usr/bin/env bash
# Bulla reads what cosign writes in its formats before bundles: signatures and attestations at tags, in
# another repository and under a prefix, an attached SBOM, and signatures over files.
. "$(dirname "$0")/lib.sh"
. "$interop/release.sh"
. "$interop/registries.sh"

need cosign docker-registry skopeo umoci jq curl

cosign() { HOME=$work/home TUF_ROOT=$work/tuf command cosign "$@"; }
quiet cosign generate-key-pair --output-key-prefix "$work/cosign"
quiet "$BULLA" key generate --out "$work/other"
older=(--new-bundle-format=false --use-signing-config=false --tlog-upload=false --yes)

make_evidence "$work/evidence"
small_image "$work/lay" v1 'signed the older way'
small_image "$work/lay" v2 'signed elsewhere'
start_registry plain

image=$registry/pay/older@$(push_image "$work/lay:v1" pay/older:1)
quiet "$BULLA" sbom "$image" --out "$work/sbom.cdx.json"
expect 10 "$BULLA" verify --key "$work/cosign.pub" "$image"
quiet cosign sign --key "$work/cosign.key" "${older[@]}" --allow-http-registry "$image"
quiet "$BULLA" verify --key "$work/cosign.pub" "$image"
expect 11 "$BULLA" verify --key "$work/other.pub" "$image"
ok "a signature at a .sig tag is verified, and another key is exit 11"

quiet cosign attest --key "$work/cosign.key" "${older[@]}" --allow-http-registry \
  --type cyclonedx --predicate "$work/sbom.cdx.json" "$image"
quiet cosign attest --key "$work/cosign.key" "${older[@]}" --allow-http-registry \
  --type slsaprovenance1 --predicate "$evidence/provenance.json" "$image"
quiet "$BULLA" verify --key "$work/cosign.pub" --type cyclonedx "$image"
quiet "$BULLA" verify --key "$work/cosign.pub" --type slsaprovenance1 "$image"
expect 11 "$BULLA" verify --key "$work/other.pub" --type cyclonedx "$image"
expect 10 "$BULLA" verify --key "$work/cosign.pub" --type openvex "$image"
ok "attestations at a .att tag are verified"

quiet cosign attach sbom --allow-http-registry --sbom "$work/sbom.cdx.json" --type cyclonedx "$image"
"$BULLA" tree "$image" --output json >"$work/tree.json"
jq -e '[.nodes[0].attached[] | .what] | any(startswith("SBOM, unsigned")) and any(startswith("signature (simple signing)"))
  and any(. == "https://cyclonedx.org/bom (older format)")' "$work/tree.json" >/dev/null ||
  { cat "$work/tree.json" && fail "tree leaves something out"; }
ok "tree lists signature, attestations and the unsigned SBOM"

# The signature of one image at the tag of another.
other=$registry/pay/older@$(push_image "$work/lay:v2" pay/older:2)
quiet skopeo copy --src-tls-verify=false "${push_flags[@]}" \
  "docker://$registry/pay/older:sha256-${image##*:}.sig" "docker://$registry/pay/older:sha256-${other##*:}.sig"
expect 13 "$BULLA" verify --key "$work/cosign.pub" "$other"
ok "a signature moved to another image is exit 13"

image=$registry/pay/apart@$(push_image "$work/lay:v2" pay/apart:1)
export COSIGN_REPOSITORY=$registry/seals/all
quiet cosign sign --key "$work/cosign.key" "${older[@]}" --allow-http-registry \
  --attachment-tag-prefix team- "$image"
quiet "$BULLA" verify --key "$work/cosign.pub" --attachment-tag-prefix team- "$image"
expect 10 "$BULLA" verify --key "$work/cosign.pub" "$image"
unset COSIGN_REPOSITORY
expect 10 "$BULLA" verify --key "$work/cosign.pub" --attachment-tag-prefix team- "$image"
ok "COSIGN_REPOSITORY and the prefix of tags are honoured"

printf 'a file\n' >"$work/file.bin"
printf 'another file\n' >"$work/wrong.bin"
quiet cosign sign-blob --key "$work/cosign.key" "${older[@]}" \
  --bundle "$work/file.bin.bundle" --output-signature "$work/file.sig" "$work/file.bin"
quiet "$BULLA" verify --key "$work/cosign.pub" "$work/file.bin"
quiet "$BULLA" verify --key "$work/cosign.pub" --signature "$work/file.sig" "$work/file.bin"
quiet "$BULLA" verify --key "$work/cosign.pub" --bundle "$work/file.bin.bundle" "$work/file.bin"
for how in --signature="$work/file.sig" --bundle="$work/file.bin.bundle"; do
  if "$BULLA" verify --key "$work/cosign.pub" "$how" "$work/wrong.bin" >"$work/last" 2>&1; then
    fail "another file passes with $how"
  fi
  expect 11 "$BULLA" verify --key "$work/other.pub" "$how" "$work/file.bin"
done
ok "sign-blob's bundle and detached signature are verified, and refused for another file or key"

quiet cosign attest-blob --key "$work/cosign.key" "${older[@]}" --type slsaprovenance1 \
  --predicate "$evidence/provenance.json" --bundle "$work/attest.json" "$work/file.bin"
quiet "$BULLA" verify --key "$work/cosign.pub" --type slsaprovenance1 --bundle "$work/attest.json" "$work/file.bin"
expect 13 "$BULLA" verify --key "$work/cosign.pub" --type slsaprovenance1 --bundle "$work/attest.json" "$work/wrong.bin"
ok "attest-blob's bundle is verified, and about another file exit 13"
