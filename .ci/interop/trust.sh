#!/usr/bin/env bash
# An instance of one's own, end to end: a TUF repository made by python-tuf, introduced to Bulla, signed and
# verified with by its name alone; trusted roots Bulla makes are read by others; sigstore-conformance's bundles.
. "$(dirname "$0")/lib.sh"
. "$interop/registries.sh"

need jq umoci cosign
python=$peers/python/bin
if [ ! -e "$peers/python" ]; then
  skip "python packages"
  exit 0
fi
. "$root/.ci/peers.env"
services=${BULLA_SIGSTORE:-}
mirror_process=
stop_all() {
  if [ -n "$mirror_process" ]; then kill "$mirror_process" 2>/dev/null || true; fi
  if [ -z "${BULLA_SIGSTORE:-}" ] && [ -n "$services" ]; then "$root/.ci/sigstore/stop" "$services"; fi
  finish
}
trap stop_all EXIT
if [ -z "$services" ]; then
  if [ ! -e "$peers/sigstore-$FULCIO_VERSION-$REKOR_VERSION-$REKOR_TILES_VERSION-$TSA_VERSION" ]; then
    # As for keyless.sh: .ci/install-peers sigstore makes them.
    printf 'SKIPPED peer sigstore services\n'
    exit 0
  fi
  services=$work/sigstore
  quiet "$root/.ci/sigstore/start" "$services" "$(free_port)"
fi
. "$services/urls"
who=dev@example.test
export XDG_CACHE_HOME=$work/cache XDG_CONFIG_HOME=$work/config

for rekor in 1 2; do
  quiet "$python/python" "$interop/tuf-repository.py" "$work/tuf$rekor" "$services/trusted_root.json" \
    "$services/signing_config.rekor$rekor.json"
done
port=$(free_port)
"$python/python" -m http.server --bind 127.0.0.1 --directory "$work" "$port" >/dev/null 2>&1 &
mirror_process=$!
for _ in $(seq 50); do
  if curl -sf "http://127.0.0.1:$port/tuf1/timestamp.json" >/dev/null; then break; fi
  sleep 0.1
done

small_image "$work/lay" v1 'for an instance of our own'
image=oci:$work/lay@$(digest_of "$work/lay" v1)
for rekor in 1 2; do
  mirror=http://127.0.0.1:$port/tuf$rekor
  expect 2 "$BULLA" verify --instance "$mirror" --certificate-identity "$who" --certificate-oidc-issuer "$ISSUER" "$image"
  quiet "$BULLA" trust init --mirror "$mirror" --root "$work/tuf$rekor/1.root.json"
  curl -sf "$ISSUER/token?email=$who&sub=dev&aud=sigstore" >"$work/token"
  quiet "$BULLA" sign --instance "$mirror" --identity-token "@$work/token" --yes --bundle "$work/sign$rekor.json" "$image"
  quiet "$BULLA" verify --instance "$mirror" --certificate-identity "$who" --certificate-oidc-issuer "$ISSUER" "$image"
  expect 11 "$BULLA" verify --certificate-identity "$who" --certificate-oidc-issuer "$ISSUER" "$image"
  ok "an instance introduced by its mirror signs and verifies, Rekor v$rekor"
done
kill "$mirror_process"
mirror_process=
quiet "$BULLA" verify --instance "http://127.0.0.1:$port/tuf1" --certificate-identity "$who" \
  --certificate-oidc-issuer "$ISSUER" "$image"
ok "and verifies when the mirror is gone"
