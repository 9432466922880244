#!/usr/bin/env bash
# The whole chain on a real Debian root file system in an OCI image layout, then attacks on copies of it.
. "$(dirname "$0")/lib.sh"
. "$interop/release.sh"
. "$interop/registries.sh"

need skopeo umoci jq
if [ ! -e "$peers/debian/layout/index.json" ]; then
  skip "debian root file system"
  exit 0
fi

make_keys "$work/keys"
make_policy "$work/policy"
make_evidence "$work/evidence"
cp -r "$peers/debian/layout" "$work/pay"
image=oci:$work/pay@$(digest_of "$work/pay" minbase)

seal_build "$image"
cp -r "$work/pay" "$work/built"
installed=$(jq '[.components[] | select(.purl // "" | startswith("pkg:deb/"))] | length' "$evidence/sbom.cdx.json")
[ "$installed" -gt 60 ] || fail "the SBOM of a minimal Debian lists $installed packages"
ok "SBOM of a Debian root file system, $installed packages"

walk "$image"
ok "Debian image: built, tested, approved by two, promoted to prod, verified"

quiet "$BULLA" copy "$image" "oci:$work/copied:1.8.2"
quiet decide verify --env prod "oci:$work/copied:1.8.2"
ok "a copy keeps its seals"

# attacked NAME: a copy of the released image to tamper with.
attacked() {
  rm -rf "${work:?}/$1"
  cp -r "$work/pay" "$work/$1"
  victim=oci:$work/$1@${image##*@}
}

# attestations LAYOUT PREDICATE-TYPE: the digests of the bundles of this type.
attestations() {
  local file
  for file in "$1"/blobs/sha256/*; do
    [ "$(stat -c %s "$file")" -lt 100000 ] || continue
    jq -er --arg type "$2" 'select(type == "object" and .annotations["dev.sigstore.bundle.predicateType"]? == $type)
      | .layers[0].digest | ltrimstr("sha256:")' "$file" 2>/dev/null || true
  done
}

# One approval taken away: the index no longer lists what the registry's operator wants forgotten.
attacked unlisted
approval=https://bulla.dev/approval/v1
removed=0
for bundle in $(attestations "$work/unlisted" "$approval"); do
  rm "$work/unlisted/blobs/sha256/$bundle"
  removed=$((removed + 1))
done
[ "$removed" -eq 4 ] || fail "expected four approvals to remove, found $removed"
expect 3 decide verify --env prod "$victim"
ok "approvals whose blobs are gone: could not find out, not allowed"

# Promotions whose bytes were changed where they lie.
attacked tampered
for bundle in $(attestations "$work/tampered" https://bulla.dev/promotion/v1); do
  file=$work/tampered/blobs/sha256/$bundle
  jq -c '.dsseEnvelope.payload |= (@base64d | sub("pay-api"; "pay-apj") | @base64)' "$file" >"$work/changed"
  cp "$work/changed" "$file"
done
found=0
decide verify --env prod "$victim" >"$work/last" 2>&1 || found=$?
case $found in
  3 | 12) ok "bytes that are not those of their digest are refused" ;;
  *) cat "$work/last" && fail "exit $found for tampered blobs" ;;
esac

# Another image, with its own build, but nobody approved it.
small_image "$work/other" v1 'another release'
other=oci:$work/other:v1
expect 10 decide verify --env prod "$other"
seal_build "$other"
expect 10 decide verify --env prod "$other"
said promotion-missing
ok "another image of the service is not in prod"

# A stranger signs everything.
people=(mallory) machines=()
honest=$keys
make_keys "$work/strangers"
cp "$keys/mallory.key" "$honest/mallory.key"
keys=$honest
cp -r "$work/built" "$work/stranger"
victim=oci:$work/stranger@${image##*@}
expect 1 as mallory promote --policy "$policy" "$victim" --to dev
ok "nobody else can promote"
expect 11 "$BULLA" verify --key "$work/strangers/mallory.pub" "$victim"
ok "signed by another key is exit 11"
