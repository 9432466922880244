#!/usr/bin/env bash
# Prepares what bench/run measures: images, keys, a registry with an attested image. Called by bench/run.
#
#   prepare.sh FOLDER       fills FOLDER and prints nothing; the registry runs until its standard input closes
. "$(dirname "$0")/../.ci/interop/lib.sh"
. "$interop/release.sh"
. "$interop/registries.sh"

out=$1
need cosign docker-registry skopeo umoci jq curl mmdebstrap

# Besides the minimal image a bigger one: interpreters, their package managers and some 20,000 files.
larger_into() {
  mmdebstrap --quiet --mode=auto --variant=minbase --skip=check/empty \
    --include=ca-certificates,curl,git,nodejs,npm,python3,python3-pip,python3-requests \
    "$1" "$work/larger.tar" "${@:2}"
  umoci init --layout "$out/larger"
  umoci new --image "$out/larger:larger"
  umoci raw add-layer --image "$out/larger:larger" "$work/larger.tar"
  umoci config --image "$out/larger:larger" --config.cmd /bin/bash
  umoci gc --layout "$out/larger"
  rm "$work/larger.tar"
}
if [ ! -e "$out/larger/index.json" ]; then
  . "$root/.ci/peers.env"
  sources=()
  if [ -r /etc/apt/sources.list.d/debian.sources ]; then sources=(/etc/apt/sources.list.d/debian.sources); fi
  rm -rf "$out/larger"
  larger_into "$DEBIAN_SUITE" ${sources[@]+"${sources[@]}"} >"$work/larger.log" 2>&1 ||
    { cat "$work/larger.log" >&2 && fail "the larger image"; }
fi

# A key-signed attestation on the minimal image: in a layout, and in a registry.
rm -rf "$out/attested" "$out/key.key" "$out/key.pub"
cp -r "$peers/debian/layout" "$out/attested"
layout=oci:$out/attested@$(digest_of "$out/attested" minbase)
make_evidence "$work/evidence"
quiet "$BULLA" key generate --out "$out/key"
start_registry plain
remote=$registry/pay/api@$(push_image "$out/attested:minbase" pay/api:1)
for image in "$layout" "$remote"; do
  quiet "$BULLA" attest --key "$out/key.key" --provenance="$evidence/provenance.json" "$image"
done
printf '%s\n%s\n' "$layout" "$remote" >"$out/ready.partial"
mv "$out/ready.partial" "$out/ready"
cat >/dev/null
