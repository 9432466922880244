#!/usr/bin/env bash
# A person logs in to a real issuer, dex, which Sigstore's own public instance runs: with the browser of the machine,
# and with a code on another device. The real Fulcio certifies what dex says. The "browser" is a script that fills
# in dex's form.
. "$(dirname "$0")/lib.sh"
. "$interop/registries.sh"
. "$interop/sigstore.sh"

need jq curl openssl htpasswd script umoci dex
need_services
who=person@example.test
dex=http://127.0.0.1:$(free_port)
cat >"$work/dex.yaml" <<YAML
issuer: $dex
storage: { type: memory }
web: { http: "${dex:7}" }
oauth2: { skipApprovalScreen: true }
expiry: { deviceRequests: 5m, idTokens: 10m }
staticClients:
  - { id: sigstore, name: sigstore, public: true, redirectURIs: [] }
enablePasswordDB: true
staticPasswords:
  - email: $who
    hash: "$(htpasswd -bnBC 10 '' correct | tr -d ':\n')"
    username: person
    userID: "1"
YAML
serve_until "$dex/.well-known/openid-configuration" dex serve "$work/dex.yaml"

BULLA_OTHER_ISSUERS=$dex start_services

# What a person does in the browser: opens the address, fills in the form, and is sent back.
mkdir "$work/bin"
cat >"$work/person" <<'SH'
set -eu
jar=$(mktemp)
browse() { page=$(curl -sSL -b "$jar" -c "$jar" -w '\n%{url_effective}' "$@"); }
# fill FIELD...: sends the form of the page.
fill() {
  local field at=${page##*$'\n'} action fields=()
  for field in "$@"; do fields+=(--data-urlencode "$field"); done
  action=$(sed -n 's/.*<form [^>]*action="\([^"]*\)".*/\1/p' <<<"$page" | head -n 1 | sed 's/&amp;/\&/g')
  case $action in
    /*) action=$(sed 's,^\(http://[^/]*\)/.*,\1,' <<<"$at")$action ;;
    '') action=$at ;;
  esac
  browse "${fields[@]}" "$action"
}
browse "$1"
if [[ $1 == *user_code=* ]]; then fill "user_code=${1##*user_code=}"; fi
fill "login=$WHO" "password=$PASSWORD"
printf '%s\n' "$page" >>"$PERSON_SAW"
rm "$jar"
SH
cat >"$work/bin/xdg-open" <<'SH'
#!/bin/sh
# As the real one, it does not wait for the person.
bash "$PERSON" "$1" >>"$PERSON_SAW" 2>&1 </dev/null &
SH
chmod +x "$work/bin/xdg-open"
export PERSON=$work/person PERSON_SAW=$work/saw WHO=$who PASSWORD=correct
: >"$PERSON_SAW"

# on_terminal COMMAND...: as a person types it; what was said goes to $work/said.
on_terminal() {
  local line
  printf -v line '%q ' "$@"
  timeout 30 env -u CI PATH="$work/bin:$PATH" script -qec "$line" /dev/null >"$work/said" 2>&1 </dev/null
}

small_image "$work/lay" v1 'for people'
image=oci:$work/lay:v1
signing=(sign --trust-config "$services/trust_config.rekor1.json" --oidc-issuer "$dex" --no-ambient --yes)
by=(--trusted-root "$roots" --certificate-identity "$who" --certificate-oidc-issuer "$dex")

expect 10 "$BULLA" verify "${by[@]}" "$image"
on_terminal "$BULLA" "${signing[@]}" "$image" || { cat "$work/said" "$PERSON_SAW" "$services/fulcio.log"; fail 'logging in with a browser'; }
quiet "$BULLA" verify "${by[@]}" "$image"
ok 'a person logs in with a browser at dex and signs'

small_image "$work/lay" v2 'for people with another device'
image=oci:$work/lay:v2
on_terminal "$BULLA" "${signing[@]}" --login device "$image" &
waiting=$!
for _ in $(seq 100); do
  address=$(sed -n 's/.*open \(http[^ ]*\) on any device.*/\1/p' "$work/said" 2>/dev/null | head -n 1)
  if [ "$address" ]; then break; fi
  sleep 0.1
done
bash "$PERSON" "$address"
wait "$waiting" || { cat "$work/said" "$PERSON_SAW"; fail 'logging in with a code'; }
quiet "$BULLA" verify "${by[@]}" "$image"
ok 'a person logs in on another device at dex and signs'

small_image "$work/lay" v3 'for nobody'
image=oci:$work/lay:v3
PASSWORD=wrong on_terminal timeout 10 "$BULLA" "${signing[@]}" "$image" && fail 'signed with a wrong password'
expect 10 "$BULLA" verify "${by[@]}" "$image"
ok 'nothing is signed without the right password'
