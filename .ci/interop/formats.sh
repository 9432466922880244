#!/usr/bin/env bash
# Others read the layouts and the documents Bulla writes: skopeo and umoci the layout, with all its seals in
# it, the CycloneDX library the SBOM. And the SBOM lists what Debian's own package manager lists.
. "$(dirname "$0")/lib.sh"
. "$interop/release.sh"
. "$interop/registries.sh"

need skopeo umoci jq node
make_keys "$work/keys"
make_policy "$work/policy"
make_evidence "$work/evidence"
small_image "$work/built" v1 'for formats'
image=oci:$work/built:v1
seal_build "$image"
walk "$image"
quiet "$BULLA" copy "$image" "oci:$work/written:1.8.2"
digest=$(digest_of "$work/built" v1)

for layout in built:v1 written:1.8.2; do
  folder=$work/${layout%%:*}
  tag=${layout#*:}
  [ "$(skopeo inspect --format '{{.Digest}}' "oci:$folder:$tag")" = "$digest" ] || fail "skopeo sees another digest in $layout"
  quiet skopeo --insecure-policy copy --quiet "oci:$folder:$tag" "oci:$work/skopeo-${layout%%:*}:$tag"
  [ "$(digest_of "$work/skopeo-${layout%%:*}" "$tag")" = "$digest" ] || fail "skopeo copies another image of $layout"
  quiet skopeo --insecure-policy copy --quiet "oci:$folder:$tag" "docker-archive:$work/${layout%%:*}.tar:example.test/pay:1"
  umoci list --layout "$folder" | grep -qx "$tag" || fail "umoci does not list $tag of $layout"
  quiet umoci stat --image "$folder:$tag"
  quiet umoci unpack --rootless --image "$folder:$tag" "$work/unpacked-${layout%%:*}"
  grep -q 'for formats' "$work/unpacked-${layout%%:*}/rootfs/etc/motd" || fail "umoci unpacks something else from $layout"
  ok "skopeo and umoci read the sealed layout $layout"
done

quiet umoci config --image "$work/built:v1" --tag v2 --config.label by=umoci
quiet decide verify --env prod "oci:$work/built:v1"
expect 10 decide verify --env prod "oci:$work/built:v2"
ok "umoci adds an image to the layout and the seals of the first stay"

if [ ! -e "$peers/node" ]; then
  skip "@cyclonedx/cyclonedx-library"
else
  export NODE_PATH=$peers/node/node_modules
  quiet node "$interop/validate-sbom.cjs" "$evidence/sbom.cdx.json"
  mkdir "$work/source"
  cp "$root/Cargo.lock" "$work/source"
  quiet "$BULLA" sbom "dir:$work/source" --out "$work/source.cdx.json"
  quiet node "$interop/validate-sbom.cjs" "$work/source.cdx.json"
  jq '.components[0].type = "spaceship"' "$work/source.cdx.json" >"$work/wrong.cdx.json"
  expect 1 node "$interop/validate-sbom.cjs" "$work/wrong.cdx.json"
  ok "the CycloneDX library accepts the SBOMs, and refuses a damaged one"
fi

if [ ! -e "$peers/debian/layout/index.json" ]; then
  skip "debian root file system"
  exit 0
fi
debian=$peers/debian/layout
quiet "$BULLA" sbom "oci:$debian:minbase" --out "$work/debian.cdx.json"
quiet "$BULLA" sbom "oci:$debian:minbase" --out "$work/again.cdx.json"
cmp "$work/debian.cdx.json" "$work/again.cdx.json"
ok "the same image gives the same bytes"
[ ! -e "$peers/node" ] || quiet node "$interop/validate-sbom.cjs" "$work/debian.cdx.json"
layer=$(jq -er '.manifests[0].digest | ltrimstr("sha256:")' "$debian/index.json" |
  xargs -I{} jq -er '.layers[0].digest | ltrimstr("sha256:")' "$debian/blobs/sha256/{}")
tar -xzf "$debian/blobs/sha256/$layer" -O ./var/lib/dpkg/status >"$work/status"
awk '/^Package: /{name=$2} /^Version: /{version=$2} /^Status: /{installed=($4=="installed")} /^$/{if (installed) print name, version}' \
  "$work/status" | sort >"$work/truth"
jq -r '.components[] | select(.purl // "" | startswith("pkg:deb/")) | "\(.name) \(.version)"' \
  "$work/debian.cdx.json" | sort >"$work/listed"
diff "$work/truth" "$work/listed" >"$work/last" || { cat "$work/last" && fail "the SBOM and dpkg disagree"; }
ok "the SBOM lists the $(wc -l <"$work/truth") packages dpkg lists, with their versions"
