#!/usr/bin/env bash
# cosign's formats before bundles, both ways. Bulla reads what cosign writes: signatures and attestations at
# tags, in another repository and under a prefix, an attached SBOM, and signatures over files. What Bulla adds to
# the tags is accepted by cosign in its older mode, and both keep what the other wrote there.
#
# podman and skopeo as Debian builds them have the reader of these signatures compiled out (the build tag
# containers_image_sigstore is not set), so cosign's older mode stands for it: it reads the same layers, and the
# payload is compared with what containers/image insists on.
. "$(dirname "$0")/lib.sh"
. "$interop/release.sh"
. "$interop/registries.sh"

need cosign docker-registry skopeo umoci jq curl

cosign() { HOME=$work/home TUF_ROOT=$work/tuf command cosign "$@"; }
quiet cosign trusted-root create --out "$work/trusted-root.json"
quiet cosign generate-key-pair --output-key-prefix "$work/cosign"
quiet "$BULLA" key generate --out "$work/other"
quiet "$BULLA" key generate --out "$work/bulla"
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
  expect 12 "$BULLA" verify --key "$work/other.pub" "$how" "$work/file.bin"
done
ok "sign-blob's bundle and detached signature are verified, and refused for another file or key"

quiet cosign attest-blob --key "$work/cosign.key" "${older[@]}" --type slsaprovenance1 \
  --predicate "$evidence/provenance.json" --bundle "$work/attest.json" "$work/file.bin"
quiet "$BULLA" verify --key "$work/cosign.pub" --type slsaprovenance1 --bundle "$work/attest.json" "$work/file.bin"
expect 13 "$BULLA" verify --key "$work/cosign.pub" --type slsaprovenance1 --bundle "$work/attest.json" "$work/wrong.bin"
ok "attest-blob's bundle is verified, and about another file exit 13"

# The other way: what Bulla writes.
printf '{"by": "interop"}\n' >"$work/predicate.json"
small_image "$work/lay" v3 'signed in both forms'

cosign_verifies() { # KEY
  cosign verify --key "$1" --new-bundle-format=false --insecure-ignore-tlog "${transport[@]}" "$image"
}
cosign_verifies_attestation() { # KEY TYPE
  cosign verify-attestation --key "$1" --type "$2" --new-bundle-format=false --insecure-ignore-tlog "${transport[@]}" "$image"
}
layers() { # sig|att: how many layers the tag has
  skopeo inspect --raw --tls-verify=false "docker://${image%@*}:${digest/:/-}.$1" | jq '.layers | length'
}

for kind in plain api; do
  if [ "$kind" != plain ]; then start_registry "$kind"; fi
  transport=(--allow-http-registry)
  digest=$(push_image "$work/lay:v3" pay/both:1)
  image=$registry/pay/both@$digest

  quiet "$BULLA" sign --legacy --key "$work/bulla.key" "$image"
  cosign_verifies "$work/bulla.pub" >"$work/payload" 2>"$work/last" ||
    { cat "$work/last" && fail "$kind: cosign's older mode refuses Bulla's .sig"; }
  # What podman's policy `exactRepository` compares.
  jq -e --arg name "${image%@*}" --arg digest "$digest" \
    '.[0].critical | .identity["docker-reference"] == $name and .image["docker-manifest-digest"] == $digest
      and .type == "cosign container image signature"' "$work/payload" >/dev/null ||
    fail "$kind: the payload names something else"
  ok "$kind: cosign's older mode verifies Bulla's .sig"
  if cosign_verifies "$work/cosign.pub" >"$work/last" 2>&1; then
    fail "$kind: cosign accepts the wrong key, so its yes means nothing"
  fi

  quiet "$BULLA" attest --legacy --key "$work/bulla.key" --type https://example.test/x/v1 \
    --predicate "$work/predicate.json" "$image"
  quiet cosign_verifies_attestation "$work/bulla.pub" https://example.test/x/v1
  ok "$kind: cosign's older mode verifies Bulla's .att"
  if cosign_verifies_attestation "$work/bulla.pub" https://example.test/other >"$work/last" 2>&1; then
    fail "$kind: cosign accepts an attestation of another type"
  fi

  # Both write at the same tags.
  quiet cosign sign --key "$work/cosign.key" "${older[@]}" \
    "${transport[@]}" "$image"
  quiet "$BULLA" sign --legacy --key "$work/bulla.key" "$image"
  quiet cosign attest --key "$work/cosign.key" "${older[@]}" \
    --type https://example.test/y/v1 --predicate "$work/predicate.json" "${transport[@]}" "$image"
  quiet "$BULLA" attest --legacy --key "$work/bulla.key" --type https://example.test/z/v1 \
    --predicate "$work/predicate.json" "$image"
  quiet cosign_verifies "$work/bulla.pub"
  quiet cosign_verifies "$work/cosign.pub"
  quiet cosign_verifies_attestation "$work/cosign.pub" https://example.test/y/v1
  quiet cosign_verifies_attestation "$work/bulla.pub" https://example.test/z/v1
  [ "$(layers sig)" = 3 ] || fail "$kind: $(layers sig) layers at .sig"
  [ "$(layers att)" = 3 ] || fail "$kind: $(layers att) layers at .att"
  ok "$kind: Bulla and cosign keep each other's signatures at the older tags"

  # Twelve at once, each of which reads the tag and writes it anew.
  writers=()
  for number in $(seq 12); do
    "$BULLA" attest --legacy --key "$work/bulla.key" --type "https://example.test/n/$number" \
      --predicate "$work/predicate.json" "$image" >"$work/writer-$number" 2>&1 &
    writers+=($!)
  done
  for writer in "${writers[@]}"; do
    wait "$writer" || { cat "$work"/writer-* && fail "$kind: a writer failed"; }
  done
  [ "$(layers att)" = 15 ] || fail "$kind: $(layers att) layers at .att after twelve writers"
  ok "$kind: twelve writers at once lose nothing"
done
