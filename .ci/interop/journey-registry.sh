#!/usr/bin/env bash
# The whole chain in real registries: without the referrers API (plain, with TLS and a password file, with
# tokens) and with it. Then what only a registry can do: writers at once, lost credentials, no answer.
#
#   journey-registry.sh [KIND...]      kinds as in registries.sh; without any, all
. "$(dirname "$0")/lib.sh"
. "$interop/release.sh"
. "$interop/registries.sh"

need docker-registry htpasswd skopeo umoci jq curl openssl
kinds=("$@")
[ ${#kinds[@]} -gt 0 ] || kinds=(plain tls token api)

make_keys "$work/keys"
make_policy "$work/policy"
make_evidence "$work/evidence"
small_image "$work/lay" v1 'the release'
small_image "$work/lay" v2 'another release'

# The Debian image goes through one registry, a small one through the others.
journey() {
  local kind=$1 layout=$work/lay:v1 digest image
  if [ "$kind" = plain ] && [ -e "$peers/debian/layout/index.json" ]; then layout=$peers/debian/layout:minbase; fi
  digest=$(push_image "$layout" pay/api:1.8.2)
  image=$registry/pay/api@$digest
  seal_build "$image"
  walk "$image"
  quiet decide verify --env prod "$registry/pay/api:1.8.2"
  said "${digest:0:15}"
  ok "$kind: built, tested, approved by two, promoted to prod, verified by tag"

  quiet "$BULLA" copy "$image" "oci:$work/pulled-$kind:1.8.2"
  quiet decide verify --env prod "oci:$work/pulled-$kind:1.8.2"
  quiet "$BULLA" copy "oci:$work/pulled-$kind:1.8.2" "$registry/mirror/api:1.8.2"
  quiet decide verify --env prod "$registry/mirror/api@$digest"
  ok "$kind: copied to a layout and back into another repository, still allowed"

  digest=$(push_image "$work/lay:v2" pay/api:1.8.3)
  seal_build "$registry/pay/api@$digest"
  expect 10 decide verify --env prod "$registry/pay/api@$digest"
  said promotion-missing
  ok "$kind: an image nobody promoted is refused"
}

# Eight writers at once; the fallback tag must list all of them in the end.
writers() {
  local kind=$1 image pids=() number pid found
  image=$registry/many/writers@$(push_image "$work/lay:v2" many/writers:1)
  for number in 1 2 3 4 5 6 7 8; do
    printf '{"writer": %s}\n' "$number" >"$work/writer-$number.json"
    as builder attest --type https://example.test/writer --predicate "$work/writer-$number.json" "$image" \
      >"$work/writer-$number.log" 2>&1 </dev/null &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do
    wait "$pid" || { cat "$work"/writer-*.log && fail "$kind: a writer failed"; }
  done
  found=$("$BULLA" tree --output json "$image" | grep -o 'https://example.test/writer' | wc -l)
  [ "$found" -ge 8 ] || fail "$kind: eight writers at once left $found attestations"
  ok "$kind: eight writers at once lost nothing"
}

# Refusals that must never read as "nothing there".
refusals() {
  local kind=$1 image
  image=$registry/pay/api:1.8.2
  case $kind in
    tls | token)
      rm "$DOCKER_CONFIG/config.json"
      if [ "$kind" = tls ]; then
        expect 3 decide verify --env prod "$image"
      else
        # Anybody may pull there, nobody may push.
        quiet decide verify --env prod "$image"
        expect 3 as builder sign "$image"
      fi
      log_in alice wrong
      expect 3 decide verify --env prod "$image"
      ok "$kind: refused credentials are exit 3"
      ;;
  esac
}

for kind in "${kinds[@]}"; do
  start_registry "$kind"
  journey "$kind"
  writers "$kind"
  refusals "$kind"
done

registry=127.0.0.1:$(free_port)
expect 3 decide verify --env prod "$registry/pay/api:1.8.2"
ok "a registry that does not answer is exit 3"
