# Sourced after lib.sh: real registries of four kinds.
#
# start_registry KIND sets `registry` (host:port), `scheme`, and for skopeo `push_flags`. KINDs:
#   plain   docker-registry without TLS and login; it has no referrers API
#   tls     the same with TLS and a password file
#   token   the same with TLS and tokens of an own token server
#   api     ferro-oci-server, which has the referrers API
# shellcheck shell=bash

# The certificate of a throw-away authority for 127.0.0.1. Clients find it through SSL_CERT_FILE.
make_certificate() {
  local folder=$1
  mkdir -p "$folder"
  quiet openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
    -subj '/CN=Interop test authority' -keyout "$folder/ca.key" -out "$folder/ca.crt"
  quiet openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj '/CN=localhost' -keyout "$folder/server.key" -out "$folder/server.csr"
  printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' >"$folder/server.ext"
  quiet openssl x509 -req -in "$folder/server.csr" -days 2 -CA "$folder/ca.crt" -CAkey "$folder/ca.key" \
    -CAcreateserial -extfile "$folder/server.ext" -out "$folder/server.crt"
}

# What docker-registry is told; `auth` is the YAML of its login, if any.
write_registry_settings() {
  local folder=$1 tls=$2 auth=$3
  cat >"$folder/config.yml" <<YAML
version: 0.1
log: {level: error}
storage:
  filesystem: {rootdirectory: "$folder/data"}
  delete: {enabled: true}
http:
  addr: "$registry"
  secret: interop
$tls
$auth
YAML
}

log_in() { # USER PASSWORD
  jq -n --arg host "$registry" --arg auth "$(printf '%s' "$1:$2" | base64 -w0)" \
    '{auths: {($host): {auth: $auth}}}' >"$DOCKER_CONFIG/config.json"
}

start_registry() {
  local kind=$1
  local folder=$work/registry-$1
  registry=127.0.0.1:$(free_port)
  scheme=http
  push_flags=(--dest-tls-verify=false)
  mkdir -p "$folder"
  rm -f "$DOCKER_CONFIG/config.json"
  unset SSL_CERT_FILE
  local tls="  tls: {certificate: \"$folder/tls/server.crt\", key: \"$folder/tls/server.key\"}"
  case $kind in
    plain)
      write_registry_settings "$folder" '' ''
      ;;
    tls | token)
      make_certificate "$folder/tls"
      export SSL_CERT_FILE=$folder/tls/ca.crt
      scheme=https
      push_flags=(--dest-tls-verify=true --dest-creds alice:s3cret)
      if [ "$kind" = tls ]; then
        htpasswd -Bbn alice s3cret >"$folder/htpasswd"
        write_registry_settings "$folder" "$tls" "auth: {htpasswd: {realm: interop, path: \"$folder/htpasswd\"}}"
      else
        start_token_server "$folder"
        write_registry_settings "$folder" "$tls" "auth:
  token: {realm: \"$token_realm\", service: interop, issuer: interop-issuer, rootcertbundle: \"$folder/token.crt\"}"
      fi
      log_in alice s3cret
      ;;
    api)
      build_referrers_registry
      serve_until "http://$registry/v2/" "$referrers_registry" "$registry"
      return
      ;;
    *) fail "unknown kind of registry: $kind" ;;
  esac
  serve_until "$scheme://$registry/v2/" docker-registry serve "$folder/config.yml"
}

start_token_server() {
  local folder=$1 port
  port=$(free_port)
  quiet openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
    -subj '/CN=Interop tokens' -keyout "$folder/token.key" -out "$folder/token.crt"
  token_realm=http://127.0.0.1:$port/token
  serve_until "$token_realm" "$peers/python/bin/python" "$interop/token-server.py" \
    "$port" "$folder/token.key" "$folder/token.crt"
}

# The example that wraps ferro-oci-server; `cargo test --workspace` has built it.
referrers_registry=$root/target/debug/examples/referrers_registry
build_referrers_registry() {
  if [ ! -x "$referrers_registry" ]; then
    (cd "$root" && quiet cargo build --locked -p bulla-registry --example referrers_registry)
  fi
}

# push_image LAYOUT:TAG REPOSITORY[:TAG]: pushes with skopeo and prints the digest.
push_image() {
  quiet skopeo --insecure-policy copy --quiet --digestfile "$work/digest" "${push_flags[@]}" \
    "oci:$1" "docker://$registry/$2"
  cat "$work/digest"
}

# small_image LAYOUT TAG TEXT: an image with one small layer.
small_image() {
  local folder=$work/rootfs-$2
  mkdir -p "$folder/etc"
  printf '%s\n' "$3" >"$folder/etc/motd"
  printf 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n' >"$folder/etc/os-release"
  if [ ! -e "$1/oci-layout" ]; then quiet umoci init --layout "$1"; fi
  quiet umoci new --image "$1:$2"
  quiet umoci insert --rootless --image "$1:$2" "$folder/etc" /etc
  quiet umoci config --image "$1:$2" --config.cmd /bin/true
}

# digest_of LAYOUT TAG
digest_of() {
  jq -er --arg tag "$2" \
    '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $tag) | .digest' "$1/index.json"
}
