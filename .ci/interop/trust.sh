#!/usr/bin/env bash
# An instance of one's own, end to end: a TUF repository made by python-tuf, introduced to Bulla, signed and
# verified with by its name alone; and a trusted root and signing configuration Bulla makes, which others read.
. "$(dirname "$0")/lib.sh"
. "$interop/registries.sh"
. "$interop/sigstore.sh"

need jq umoci cosign curl openssl
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

openssl pkey -in "$services/ct.key" -pubout -out "$work/ct.pub"
openssl pkey -in "$services/rekor2.key" -pubout -out "$work/rekor2.pub"
curl -sf "$REKOR1/api/v1/log/publicKey" >"$work/rekor1.pub"
curl -sf "$TSA/certchain" >"$work/tsa.pem"
since=start-time=2020-01-01T00:00:00Z
quiet "$BULLA" trust create --fulcio "url=$FULCIO,certificate-chain=$services/fulcio.pem,$since" \
  --rekor "url=$REKOR1,public-key=$work/rekor1.pub,$since" --ctfe "url=http://127.0.0.1/ct,public-key=$work/ct.pub,$since" \
  --tsa "url=$TSA,certificate-chain=$work/tsa.pem,$since" --oidc-provider "url=$ISSUER,$since" \
  --out "$work/root.json" --signing-config-out "$work/config.json"
printf 'an artifact\n' >"$work/art"
token aud=sigstore
quiet cosign sign-blob --yes --identity-token "$(cat "$work/token")" --trusted-root "$work/root.json" \
  --signing-config "$work/config.json" --bundle "$work/art.json" "$work/art"
by=(--certificate-identity "$who" --certificate-oidc-issuer "$ISSUER")
quiet cosign verify-blob --trusted-root "$work/root.json" "${by[@]}" --bundle "$work/art.json" "$work/art"
quiet "$BULLA" verify --trusted-root "$work/root.json" "${by[@]}" --bundle "$work/art.json" "$work/art"
jq -n --slurpfile root "$work/root.json" --slurpfile config "$work/config.json" '{trustedRoot: $root[0], signingConfig: $config[0],
  mediaType: "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"}' >"$work/both.json"
quiet "$python/sigstore" --trust-config "$work/both.json" verify identity --offline --bundle "$work/art.json" \
  --cert-identity "$who" --cert-oidc-issuer "$ISSUER" "$work/art"
ok 'cosign signs with a configuration Bulla made; cosign and sigstore-python verify with its trusted root'
