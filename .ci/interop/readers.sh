#!/usr/bin/env bash
# Who reads the older form at clusters and hosts: the library in podman, skopeo, CRI-O and bootc (containers/image),
# and sigstore's policy-controller for Kubernetes. They read what Bulla writes with --legacy, by a key and by a
# certificate, and refuse another signer.
#
# policy-controller's own tester is run. Of containers/image the question podman asks is asked by a small program,
# since the checksum database knows none of skopeo's newer versions and Debian's is built without such signatures.
. "$(dirname "$0")/lib.sh"
. "$interop/registries.sh"
. "$interop/sigstore.sh"

need docker-registry skopeo umoci jq curl openssl admit policy-tester
need_services
start_services
token aud=sigstore
quiet "$BULLA" key generate --out "$work/own"
quiet "$BULLA" key generate --out "$work/other"
printf '{"by": "interop"}\n' >"$work/predicate.json"
claim=(--type https://example.test/claim/v1 --predicate "$work/predicate.json")
small_image "$work/lay" v1 'read by hosts'
small_image "$work/lay" v2 'certified'
small_image "$work/lay" v3 'unsigned'
start_registry plain
by_key=$registry/pay/key@$(push_image "$work/lay:v1" pay/key:1)
by_certificate=$registry/pay/certificate@$(push_image "$work/lay:v2" pay/certificate:1)
unsigned=$registry/pay/unsigned@$(push_image "$work/lay:v3" pay/unsigned:1)
log=(--signing-config "$services/signing_config.rekor1.json" --trusted-root "$roots")
keyless=("${log[@]}" --identity-token "@$work/token" --yes)
quiet "$BULLA" sign --legacy --key "$work/own.key" "$by_key"
quiet "$BULLA" attest --legacy --key "$work/own.key" "${claim[@]}" "$by_key"
quiet "$BULLA" sign --legacy "${keyless[@]}" "$by_certificate"
quiet "$BULLA" attest --legacy "${keyless[@]}" "${claim[@]}" "$by_certificate"

# containers/image: what is asked of an image is in a policy.json. Without `matchRepository` it wants a tag in what is
# signed, where cosign and Bulla write the repository.
mkdir "$work/registries.d"
printf 'default-docker: {use-sigstore-attachments: true}\n' >"$work/registries.d/default.yaml"
curl -sf "$REKOR1/api/v1/log/publicKey" >"$work/rekor.pub"
require() { # REQUIREMENT [IDENTITY]
  local identity=${2:-'{"type": "matchRepository"}'}
  jq -n --argjson signed "$1" --argjson identity "$identity" --arg at "$registry" '{default: [{type: "reject"}],
    transports: {docker: {($at): [$signed + {type: "sigstoreSigned", signedIdentity: $identity}]}}}' >"$work/policy.json"
}
require_key() { # PUBLIC-KEY [IDENTITY]
  require "$(jq -n --arg key "$1" '{keyPath: $key}')" "${@:2}"
}
require_person() { # EMAIL
  require "$(jq -n --arg email "$1" --arg issuer "$ISSUER" --arg log "$work/rekor.pub" --arg ca "$services/fulcio.pem" \
    '{rekorPublicKeyPath: $log, fulcio: {caPath: $ca, oidcIssuer: $issuer, subjectEmail: $email}}')"
}
asked() { admit "$work/policy.json" "$work/registries.d" "$1"; }

require_key "$work/own.pub"
quiet asked "$by_key"
expect 1 asked "$unsigned"
said 'A signature was required, but no signature exists'
expect 1 asked "$by_certificate"
quiet asked "$registry/pay/key:1"
require_key "$work/own.pub" "{\"type\": \"exactRepository\", \"dockerRepository\": \"$registry/pay/elsewhere\"}"
expect 1 asked "$by_key"
require_key "$work/other.pub"
expect 1 asked "$by_key"
said 'cryptographic signature verification failed'
ok 'containers/image lets an image with a signature by a key run, and none by another key, of another name or without one'
require_person "$who"
quiet asked "$by_certificate"
expect 1 asked "$by_key"
require_person other@example.test
expect 1 asked "$by_certificate"
said 'Required email'
ok "containers/image lets an image with a person's signature run, and not another person's"

# policy-controller: the same as a ClusterImagePolicy. What is asked of keys and logs it would otherwise fetch
# from the public instance is in a TrustRoot.
flat() { jq -Rs . "$1"; }
# It takes an empty line for a broken certificate.
base64_of() { sed '/^$/d' "$1" | base64 -w 0; }
openssl pkey -in "$services/ct.key" -pubout >"$work/ct.pub"
curl -sf "${TSA%/timestamp}/timestamp/certchain" >"$work/tsa.pem"
cat >"$work/trust.yaml" <<YAML
apiVersion: policy.sigstore.dev/v1alpha1
kind: TrustRoot
metadata: {name: local}
spec:
  sigstoreKeys:
    certificateAuthorities:
      - {subject: {organization: local, commonName: fulcio}, uri: "$FULCIO", certChain: "$(base64_of "$services/fulcio.pem")"}
    tLogs:
      - {baseURL: "$REKOR1", hashAlgorithm: sha-256, publicKey: "$(base64_of "$work/rekor.pub")"}
    ctLogs:
      - {baseURL: "http://127.0.0.1/ct", hashAlgorithm: sha-256, publicKey: "$(base64_of "$work/ct.pub")"}
    timestampAuthorities:
      - {subject: {organization: local, commonName: tsa}, uri: "$TSA", certChain: "$(base64_of "$work/tsa.pem")"}
YAML
demand() { # AUTHORITY [PREDICATE-TYPE]
  local attestations=
  if [ $# -gt 1 ]; then attestations=", attestations: [{name: claim, predicateType: $2}]"; fi
  cat >"$work/policy.yaml" <<YAML
apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {name: interop}
spec:
  images: [{glob: "**"}]
  authorities: [{$1$attestations}]
YAML
}
key() { printf 'name: key, key: {data: %s}' "$(flat "$1")"; }
person() {
  printf 'name: person, keyless: {trustRootRef: local, identities: [{issuer: "%s", subject: "%s"}]}, ctlog: {url: "%s", trustRootRef: local}' \
    "$ISSUER" "$1" "$REKOR1"
}
tested() { policy-tester -policy "$work/policy.yaml" -trustroot "$work/trust.yaml" -image "$1"; }
type=https://example.test/claim/v1

for signer in key person; do
  if [ "$signer" = key ]; then
    signed=$by_key right=$work/own.pub wrong=$work/other.pub
  else
    signed=$by_certificate right=$who wrong=other@example.test
  fi
  demand "$($signer "$right")"
  quiet tested "$signed"
  expect 1 tested "$unsigned"
  said 'no signatures found'
  demand "$($signer "$right")" "$type"
  quiet tested "$signed"
  demand "$($signer "$right")" https://example.test/other
  expect 1 tested "$signed"
  said 'no matching attestations with type'
  for kind in '' "$type"; do
    demand "$($signer "$wrong")" ${kind:+"$kind"}
    expect 1 tested "$signed"
    said "no matching ${kind:+att}"
  done
  ok "policy-controller admits what Bulla signed and attested as a $signer, and refuses another"
done
