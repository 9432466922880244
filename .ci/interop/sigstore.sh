# Sourced after lib.sh: the services of a Sigstore instance, which .ci/sigstore/start runs until the script ends.
#
# need_services                skips the script where they were not built
# start_services               starts them; sets `services` (their folder), `roots` (the trusted root), and the URLs
#                              FULCIO, REKOR1, REKOR2, TSA and ISSUER
# token CLAIM=VALUE...         writes the issuer's token for $who to $work/token
#
# BULLA_SIGSTORE=DIR uses services that run already.
# shellcheck shell=bash
. "$root/.ci/peers.env"
services=${BULLA_SIGSTORE:-}
who=dev@example.test

need_services() {
  if [ "$services" ]; then return 0; fi
  local folder=$peers/sigstore-$FULCIO_VERSION-$REKOR_VERSION-$REKOR_TILES_VERSION-$TSA_VERSION
  if [ ! -e "$folder" ] || [ ! -e "$peers/python" ]; then
    skip 'sigstore services'
    exit 0
  fi
}

start_services() {
  if [ -z "$services" ]; then
    trap end_services EXIT
    quiet "$root/.ci/sigstore/start" "$work/sigstore"
    services=$work/sigstore
  fi
  . "$services/urls"
  roots=$services/trusted_root.json
}

end_services() {
  local status=$?
  # Those that did start, should one of them not.
  if [ -e "$work/sigstore/pids" ]; then "$root/.ci/sigstore/stop" "$work/sigstore"; fi
  finish "$status"
}

token() {
  local claims
  claims=$(printf '&%s' "$@")
  curl -sf "$ISSUER/token?email=$who&sub=dev$claims" >"$work/token"
}
