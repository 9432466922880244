#!/usr/bin/env bash
# Bulla verifies what notation signs, in JWS and COSE, and says "no" where notation does.
. "$(dirname "$0")/lib.sh"
. "$interop/registries.sh"

need notation docker-registry skopeo umoci openssl jq curl python3

export work
config=$XDG_CONFIG_HOME/notation
export NOTATION_EXPERIMENTAL=0
mkdir -p "$config/truststore/x509/ca/interop" "$config/truststore/x509/tsa/interop" "$work/pki"

# issue NAME SUBJECT DAYS EXTENSIONS [KEY OPTIONS...]: a certificate under the root, with its chain.
issue() {
  local name=$1 subject=$2 days=$3 extensions=$4
  shift 4
  quiet openssl req -new -newkey "$@" -nodes -subj "$subject" -keyout "pki/$name.key" -out "pki/$name.csr"
  printf '%b' "$extensions" >"pki/$name.ext"
  quiet openssl x509 -req -in "pki/$name.csr" -CA pki/root.crt -CAkey pki/root.key -CAcreateserial \
    -days "$days" -extfile "pki/$name.ext" -out "pki/$name.crt"
  cat "pki/$name.crt" pki/root.crt >"pki/$name.chain"
}
elliptic=(ec -pkeyopt ec_paramgen_curve:P-256)
subject=/C=US/ST=WA/O=acme/CN
signing='keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\nbasicConstraints=CA:false\n'
quiet openssl req -x509 -newkey "${elliptic[@]}" -nodes -days 2 -subj "$subject=root" \
  -addext keyUsage=critical,keyCertSign,cRLSign -keyout pki/root.key -out pki/root.crt
cp pki/root.crt "$config/truststore/x509/ca/interop/"
cp pki/root.crt "$config/truststore/x509/tsa/interop/"
issue p256 "$subject=p256" 1 "$signing" "${elliptic[@]}"
issue p384 "$subject=p384" 1 "$signing" ec -pkeyopt ec_paramgen_curve:P-384
issue p521 "$subject=p521" 1 "$signing" ec -pkeyopt ec_paramgen_curve:P-521
issue rsa2048 "$subject=rsa2048" 1 "$signing" rsa:2048
issue rsa3072 "$subject=rsa3072" 1 "$signing" rsa:3072
issue rsa4096 "$subject=rsa4096" 1 "$signing" rsa:4096
issue listed "$subject=listed" 1 "${signing}crlDistributionPoints=URI:http://127.0.0.1:9/acme.crl\n" "${elliptic[@]}"
issue other "/C=US/ST=WA/O=other/CN=other" 1 "$signing" "${elliptic[@]}"
issue stamps "$subject=stamps" 1 'keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n' rsa:3072

jq -n '[$ARGS.positional[] | {name: ., keyPath: ($ENV.work + "/pki/" + . + ".key"), certPath: ($ENV.work + "/pki/" + . + ".chain")}]
  | {default: "p256", keys: .}' --args p256 p384 p521 rsa2048 rsa3072 rsa4096 listed other >"$config/signingkeys.json"

# trust VERIFICATION SCOPE STORES: one statement, for everybody at acme.
trust() {
  jq -n --argjson verification "$1" --arg scope "$2" --argjson stores "$3" \
    '{version: "1.0", trustPolicies: [{name: "acme", registryScopes: [$scope], signatureVerification: $verification,
      trustStores: $stores, trustedIdentities: ["x509.subject: C=US, ST=WA, O=acme"]}]}' >"$config/trustpolicy.json"
}
strict='{"level": "strict"}'
ca='["ca:interop"]'
stamped='["ca:interop", "tsa:interop"]'

# agree EXIT IMAGE [ARGUMENTS...]: Bulla ends so, and notation says the same yes or no.
agree() {
  local code=$1 image=$2 found=0
  shift 2
  expect "$code" "$BULLA" notation verify --notation-config "$config" "$image" "$@"
  command notation verify --insecure-registry "$image" >"$work/notation.log" 2>&1 || found=$?
  if [ "$((code == 0))" -ne "$((found == 0))" ]; then
    cat "$work/last" "$work/notation.log"
    fail "notation ended with $found, bulla with $code"
  fi
}
sign() { quiet notation sign --insecure-registry "$@"; }

small_image "$work/lay" v1 'signed by notation'
small_image "$work/lay" v2 'not signed'

for kind in plain api; do
  start_registry "$kind"
  trust "$strict" '*' "$ca"
  bare=$registry/pay/bare@$(push_image "$work/lay:v2" pay/bare:1)
  agree 10 "$bare"
  for form in jws cose; do
    image=$registry/pay/$form@$(push_image "$work/lay:v1" "pay/$form:1")
    sign --signature-format "$form" "$image"
    agree 0 "$image"
    said 'CN=p256'
    agree 10 "$bare"
    trust "$strict" "$registry/pay/elsewhere" "$ca"
    agree 1 "$image"
    trust "$strict" "$registry/pay/$form" "$ca"
    agree 0 "$image"
    trust "$strict" '*' '["signingAuthority:none"]'
    mkdir -p "$config/truststore/x509/signingAuthority/none"
    cp pki/root.crt "$config/truststore/x509/signingAuthority/none/"
    agree 11 "$image"
    trust "$strict" '*' "$ca"

    stranger=$registry/pay/stranger-$form@$(push_image "$work/lay:v1" "pay/stranger-$form:1")
    sign --signature-format "$form" --key other "$stranger"
    agree 11 "$stranger"
    trust '{"level": "audit"}' '*' "$ca"
    agree 0 "$stranger"
    trust "$strict" '*' "$ca"
  done
  ok "$kind: JWS and COSE signatures are verified; other scopes, stores and identities are refused"

  for key in p384 p521 rsa2048 rsa3072 rsa4096; do
    image=$registry/pay/$key@$(push_image "$work/lay:v1" "pay/$key:1")
    form=jws
    case $key in p521 | rsa3072) form=cose ;; esac
    sign --key "$key" --signature-format "$form" "$image"
    agree 0 "$image"
    said "CN=$key"
  done
  ok "$kind: every kind and size of key"

  image=$registry/pay/notes@$(push_image "$work/lay:v1" pay/notes:1)
  sign --user-metadata build=123 --expiry 1s "$image"
  sleep 2
  agree 14 "$image"
  trust '{"level": "strict", "override": {"expiry": "log"}}' '*' "$ca"
  agree 0 "$image" --user-metadata build=123
  expect 1 "$BULLA" notation verify --notation-config "$config" --user-metadata build=124 "$image"
  trust '{"level": "permissive"}' '*' "$ca"
  agree 0 "$image"
  trust "$strict" '*' "$ca"
  ok "$kind: expiry is enforced or logged, and metadata is compared"
done

# Revocation that nobody could ask about: notation finds no server either.
image=$registry/pay/listed@$(push_image "$work/lay:v1" pay/listed:1)
sign --key listed "$image"
agree 3 "$image"
: >pki/index.txt
printf '01\n' >pki/crlnumber
cat >pki/ca.cnf <<CONF
[ca]
default_ca = own
[own]
database = $work/pki/index.txt
crlnumber = $work/pki/crlnumber
default_md = sha256
default_crl_days = 1
CONF
authority=(-config pki/ca.cnf -cert pki/root.crt -keyfile pki/root.key)
quiet openssl ca "${authority[@]}" -gencrl -out pki/good.crl
quiet "$BULLA" notation verify --notation-config "$config" --revocation-list pki/good.crl "$image"
quiet openssl ca "${authority[@]}" -revoke pki/listed.crt
quiet openssl ca "${authority[@]}" -gencrl -out pki/revoked.crl
expect 14 "$BULLA" notation verify --notation-config "$config" --revocation-list pki/revoked.crl "$image"
trust '{"level": "strict", "override": {"revocation": "skip"}}' '*' "$ca"
agree 0 "$image"
trust "$strict" '*' "$ca"
ok "revocation: unknown without lists, good and revoked by lists of OpenSSL"

# Timestamps of an authority with an RSA key.
printf '01\n' >pki/serial
cat >pki/stamps.cnf <<CONF
[tsa]
default_tsa = own
[own]
serial = $work/pki/serial
crypto_device = builtin
signer_cert = $work/pki/stamps.crt
certs = $work/pki/root.crt
signer_key = $work/pki/stamps.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
CONF
port=$(free_port)
serve_until "http://127.0.0.1:$port/" python3 "$interop/stamp-server.py" "$port" "$work/pki/stamps.cnf"
for form in jws cose; do
  image=$registry/pay/stamped-$form@$(push_image "$work/lay:v1" "pay/stamped-$form:1")
  sign --signature-format "$form" --timestamp-url "http://127.0.0.1:$port/" \
    --timestamp-root-cert pki/root.crt "$image"
  trust "$strict" '*' "$stamped"
  agree 0 "$image"
  said 'CN=stamps'
  agree 12 "$registry/pay/$form:1"
  trust '{"level": "strict", "verifyTimestamp": "afterCertExpiry"}' '*' "$stamped"
  agree 0 "$registry/pay/$form:1"
  # Once the certificates have ended, the timestamp alone carries the signature.
  expect 0 "$BULLA" notation verify --notation-config "$config" --at 2099-01-01T00:00:00Z "$image"
  trust "$strict" '*' "$ca"
  expect 14 "$BULLA" notation verify --notation-config "$config" --at 2099-01-01T00:00:00Z "$image"
done
ok "timestamps of OpenSSL are verified, wanted, and carry signatures past their certificates"

# A changed envelope in a layout, and what is shown of the real one.
"$BULLA" tree "$registry/pay/jws:1" --output json >tree.json
jq -e '[.nodes[0].attached[].what] | any(. == "Notary Project signature (JWS)")' tree.json >/dev/null ||
  { cat tree.json && fail "tree does not name the signature"; }
quiet "$BULLA" inspect "$registry/pay/jws:1#1"
said 'notary.x509'
quiet "$BULLA" copy "$registry/pay/jws:1" oci:copied:1
expect 0 "$BULLA" notation verify --notation-config "$config" oci:copied:1
blob=$(grep -l '"protected"' copied/blobs/sha256/*)
jq -c '.signature |= (if startswith("A") then "B" else "A" end) + .[1:]' "$blob" >changed
manifest=$(grep -l 'application/jose+json' copied/blobs/sha256/*)
jq -c --arg digest "sha256:$(sha256sum changed | cut -d' ' -f1)" --argjson size "$(stat -c %s changed)" \
  '.layers[0] += {digest: $digest, size: $size}' "$manifest" >changed.manifest
digest=$(sha256sum changed.manifest | cut -d' ' -f1)
cp changed "copied/blobs/sha256/$(sha256sum changed | cut -d' ' -f1)"
cp changed.manifest "copied/blobs/sha256/$digest"
jq -c --arg old "sha256:$(basename "$manifest")" --arg new "sha256:$digest" --argjson size "$(stat -c %s changed.manifest)" \
  '(.manifests[] | select(.digest == $old)) |= (. + {digest: $new, size: $size})' copied/index.json >index.json
cp index.json copied/index.json
expect 12 "$BULLA" notation verify --notation-config "$config" oci:copied:1
ok "signatures are copied, shown, and refused once they are changed"
