#!/usr/bin/env bash
# An instance of one's own, end to end: a TUF repository made by python-tuf, introduced to Bulla, signed and
# verified with by its name alone.
. "$(dirname "$0")/lib.sh"
. "$interop/registries.sh"
. "$interop/sigstore.sh"

need jq umoci cosign
python=$peers/python/bin
if [ ! -e "$peers/python" ]; then
  skip "python packages"
  exit 0
fi
need_services
start_services
export XDG_CACHE_HOME=$work/cache XDG_CONFIG_HOME=$work/config

for rekor in 1 2; do
  quiet "$python/python" "$interop/tuf-repository.py" "$work/tuf$rekor" "$services/trusted_root.json" \
    "$services/signing_config.rekor$rekor.json"
done
port=$(free_port)
serve_until "http://127.0.0.1:$port/tuf1/timestamp.json" \
  "$python/python" -m http.server --bind 127.0.0.1 --directory "$work" "$port"

small_image "$work/lay" v1 'for an instance of our own'
image=oci:$work/lay@$(digest_of "$work/lay" v1)
for rekor in 1 2; do
  mirror=http://127.0.0.1:$port/tuf$rekor
  expect 2 "$BULLA" verify --instance "$mirror" --certificate-identity "$who" --certificate-oidc-issuer "$ISSUER" "$image"
  quiet "$BULLA" trust init --mirror "$mirror" --root "$work/tuf$rekor/1.root.json"
  token aud=sigstore
  quiet "$BULLA" sign --instance "$mirror" --identity-token "@$work/token" --yes --bundle "$work/sign$rekor.json" "$image"
  quiet "$BULLA" verify --instance "$mirror" --certificate-identity "$who" --certificate-oidc-issuer "$ISSUER" "$image"
  expect 11 "$BULLA" verify --certificate-identity "$who" --certificate-oidc-issuer "$ISSUER" "$image"
  ok "an instance introduced by its mirror signs and verifies, Rekor v$rekor"
done
kill "${servers[-1]}"
quiet "$BULLA" verify --instance "http://127.0.0.1:$port/tuf1" --certificate-identity "$who" \
  --certificate-oidc-issuer "$ISSUER" "$image"
ok "and verifies when the mirror is gone"
