#!/usr/bin/env bash
# What Bulla adds to cosign's older tags is accepted by cosign in its older mode, and both keep what the other
# wrote there.
#
# podman and skopeo as Debian builds them have the reader of these signatures compiled out (the build tag
# containers_image_sigstore is not set), so cosign's older mode stands for it: it reads the same layers, and the
# payload is compared with what containers/image insists on.
. "$(dirname "$0")/lib.sh"
. "$interop/registries.sh"

need cosign docker-registry skopeo umoci jq curl

cosign() { HOME=$work/home TUF_ROOT=$work/tuf command cosign "$@"; }
quiet cosign trusted-root create --out "$work/trusted-root.json"
# The older mode of cosign takes no bundles, no signing configuration and no trusted root of ours.
older=(--new-bundle-format=false)
quiet "$BULLA" key generate --out "$work/bulla"
quiet cosign generate-key-pair --output-key-prefix "$work/cosign"
printf '{"by": "interop"}\n' >"$work/predicate.json"
small_image "$work/lay" v1 'signed in both forms'

cosign_verifies() { # KEY
  cosign verify --key "$1" "${older[@]}" --insecure-ignore-tlog "${transport[@]}" "$image"
}
cosign_verifies_attestation() { # KEY TYPE
  cosign verify-attestation --key "$1" --type "$2" "${older[@]}" --insecure-ignore-tlog "${transport[@]}" "$image"
}
layers() { # sig|att: how many layers the tag has
  skopeo inspect --raw --tls-verify=false "docker://${image%@*}:${digest/:/-}.$1" | jq '.layers | length'
}

for kind in plain api; do
  start_registry "$kind"
  transport=(--allow-http-registry)
  digest=$(push_image "$work/lay:v1" pay/both:1)
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
  quiet cosign sign --key "$work/cosign.key" "${older[@]}" --use-signing-config=false --tlog-upload=false --yes \
    "${transport[@]}" "$image"
  quiet "$BULLA" sign --legacy --key "$work/bulla.key" "$image"
  quiet cosign attest --key "$work/cosign.key" "${older[@]}" --use-signing-config=false --tlog-upload=false --yes \
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
