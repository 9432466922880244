#!/usr/bin/env bash
# slsa-verifier and Bulla give the same verdicts about summaries, those of others and those made here.
#
# What slsa-verifier says about provenance is not asked for: it fetches Sigstore's TUF metadata first and looks
# entries up in the log, so it needs the network. Its own test data is put to Bulla by .ci/slsa-suite instead.
. "$(dirname "$0")/lib.sh"

need jq openssl slsa-verifier
data=$root/testdata/slsa

# both yes|no NAME ARGUMENT...: what both must say about a summary.
both() {
  local wanted=$1 name=$2 theirs=0 ours=0
  shift 2
  slsa-verifier verify-vsa "$@" >"$work/theirs" 2>&1 </dev/null || theirs=$?
  "$BULLA" slsa verify-vsa "$@" >"$work/ours" 2>&1 </dev/null || ours=$?
  local said="slsa-verifier $theirs, Bulla $ours"
  case $wanted:$theirs:$ours in
    yes:0:0) ;;
    no:[1-9]*:[1-9]*)
      # What was typed wrong, or went wrong inside, is no verdict.
      case $ours in 2 | 70) cat "$work/ours" && fail "$name: $said" ;; esac
      ;;
    *) cat "$work/theirs" "$work/ours" && fail "$name: expected $wanted, $said" ;;
  esac
  printf '  %-50s %s\n' "$name" "$wanted"
}

payload=$(jq -r .payload "$data/vsa.json" | base64 -d)
of() { jq -r "$1" <<<"$payload"; }
subject=$(of '.subject[0].digest | to_entries[0] | "\(.key):\(.value)"')
others=(--verifier-id "$(of .predicate.verifier.id)" --resource-uri "$(of .predicate.resourceUri)")
key=(--attestation-path "$data/vsa.json" --public-key-path "$data/vsa.pub.pem"
  --public-key-id "$(jq -r '.signatures[0].keyid' "$data/vsa.json")")
level=(--verified-level "$(of '.predicate.verifiedLevels[0]')")
both yes "a summary of Google's" "${key[@]}" "${others[@]}" "${level[@]}" --subject-digest "$subject"
both no 'another subject' "${key[@]}" "${others[@]}" --subject-digest "sha256:$(printf '0%.0s' $(seq 64))"
both no 'one subject too many' "${key[@]}" "${others[@]}" --subject-digest "$subject" \
  --subject-digest "sha256:$(printf '0%.0s' $(seq 64))"
both no 'another verifier' "${key[@]}" --verifier-id https://other.example.test "${others[@]:2}" --subject-digest "$subject"
both no 'another resource' "${key[@]}" "${others[@]:0:2}" --resource-uri pkg:other --subject-digest "$subject"
both no 'a level that was not reached' "${key[@]}" "${others[@]}" --subject-digest "$subject" --verified-level SLSA_BUILD_LEVEL_4
jq '.payload |= (@base64d | sub("PASSED"; "PASSED ") | @base64)' "$data/vsa.json" >"$work/changed.json"
both no 'a changed payload' --attestation-path "$work/changed.json" "${key[@]:2}" "${others[@]}" --subject-digest "$subject"
ok 'the same answers about a summary of others'

# Summaries made here, with keys of our own.
quiet openssl ecparam -name prime256v1 -genkey -noout -out "$work/own.pem"
quiet openssl ec -in "$work/own.pem" -pubout -out "$work/own.pub"
quiet openssl ecparam -name prime256v1 -genkey -noout -out "$work/other.pem"
quiet openssl ec -in "$work/other.pem" -pubout -out "$work/other.pub"
digest=$(printf 'artifact' | sha256sum | cut -d' ' -f1)
# summary FILE JQ: an envelope over a summary that JQ changed.
summary() {
  jq -n --arg digest "$digest" '{
    _type: "https://in-toto.io/Statement/v1",
    subject: [{name: "artifact", digest: {sha256: $digest}}],
    predicateType: "https://slsa.dev/verification_summary/v1",
    predicate: {
      verifier: {id: "https://verifier.example.test"}, timeVerified: "2026-01-02T03:04:05Z",
      resourceUri: "pkg:generic/artifact", policy: {uri: "https://policy.example.test"},
      verificationResult: "PASSED", verifiedLevels: ["SLSA_BUILD_LEVEL_3"], slsaVersion: "1.0"
    }
  }' | jq -cj "$2" >"$1.payload"
  local kind=application/vnd.in-toto+json
  {
    printf 'DSSEv1 %s %s %s ' "${#kind}" "$kind" "$(wc -c <"$1.payload" | tr -d ' ')"
    cat "$1.payload"
  } >"$1.pae"
  openssl dgst -sha256 -sign "$work/own.pem" -out "$1.sig" "$1.pae"
  jq -n --arg kind "$kind" --arg payload "$(base64 -w0 "$1.payload")" --arg sig "$(base64 -w0 "$1.sig")" \
    '{payloadType: $kind, payload: $payload, signatures: [{keyid: "own", sig: $sig}]}' >"$1"
}
asked=(--verifier-id https://verifier.example.test --resource-uri pkg:generic/artifact --subject-digest "sha256:$digest"
  --public-key-id own)
# judge yes|no NAME JQ [ARGUMENT...]
judge() {
  local wanted=$1 name=$2 change=$3
  shift 3
  summary "$work/summary.json" "$change"
  both "$wanted" "$name" --attestation-path "$work/summary.json" --public-key-path "$work/own.pub" "${asked[@]}" "$@"
}
judge yes 'a summary' .
judge yes 'a level reached' . --verified-level SLSA_BUILD_LEVEL_3
judge yes 'a lower level' . --verified-level SLSA_BUILD_LEVEL_2
judge no 'a higher level' . --verified-level SLSA_BUILD_LEVEL_4
judge no 'a level of another track' . --verified-level FEDRAMP_LOW
judge yes 'a level of another track that is named' '.predicate.verifiedLevels += ["FEDRAMP_LOW"]' --verified-level FEDRAMP_LOW
judge no 'a failed verification' '.predicate.verificationResult = "FAILED"'
judge no 'no result' 'del(.predicate.verificationResult)'
judge no 'another predicate type' '.predicateType = "https://slsa.dev/provenance/v1"'
judge no 'no resource' 'del(.predicate.resourceUri)'
judge no 'no verifier' 'del(.predicate.verifier)'
judge no 'no subject' '.subject = []'
summary "$work/summary.json" .
both no 'another key' --attestation-path "$work/summary.json" --public-key-path "$work/other.pub" "${asked[@]}"
both no 'another name of the key' --attestation-path "$work/summary.json" --public-key-path "$work/own.pub" \
  "${asked[@]:0:6}" --public-key-id other
ok 'the same answers about summaries made here'

# Summaries that `bulla promote` wrote: of an image, and of an index and each of its platforms.
layout=$work/layout
mkdir -p "$layout/blobs/sha256" "$work/policy/services"
printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
# blob FILE TYPE: stores it; its descriptor.
blob() {
  local hex
  hex=$(sha256sum "$1" | cut -d' ' -f1)
  cp "$1" "$layout/blobs/sha256/$hex"
  jq -nc --arg type "$2" --arg digest "sha256:$hex" --argjson size "$(stat -c %s "$1")" \
    '{mediaType: $type, digest: $digest, size: $size}'
}
oci=application/vnd.oci.image
manifests=()
for machine in amd64 arm64 s390x; do
  jq -nc --arg machine "$machine" '{architecture: $machine, os: "linux", rootfs: {type: "layers", diff_ids: []}}' >"$work/part"
  config=$(blob "$work/part" $oci.config.v1+json)
  jq -nc --argjson config "$config" --arg type $oci.manifest.v1+json \
    '{schemaVersion: 2, mediaType: $type, config: $config, layers: []}' >"$work/part"
  manifests+=("$(blob "$work/part" $oci.manifest.v1+json | jq -c --arg machine "$machine" '.platform = {os: "linux", architecture: $machine}')")
done
jq -nc --arg type $oci.index.v1+json '{schemaVersion: 2, mediaType: $type, manifests: $ARGS.positional}' \
  --jsonargs "${manifests[0]}" "${manifests[1]}" >"$work/part"
list=$(blob "$work/part" $oci.index.v1+json)
jq -nc --argjson list "$list" --argjson alone "${manifests[2]}" '{schemaVersion: 2, manifests: [
  ($list | .annotations = {"org.opencontainers.image.ref.name": "list"}),
  ($alone | .annotations = {"org.opencontainers.image.ref.name": "alone"})]}' >"$layout/index.json"

quiet openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/promoter.key"
quiet openssl pkey -in "$work/promoter.key" -pubout -out "$work/promoter.pub"
cat >"$work/policy/release.yaml" <<YAML
apiVersion: bulla.dev/policy/v0.1
name: release
version: 1
environments:
  prod: {uri: 'env://acme/pay/prod', freshness: none}
tiers:
  high: {claimedTime: allow}
identities:
  ci:
    - key: |
$(sed 's/^/        /' "$work/promoter.pub")
builders: [{id: 'https://example.test/builder', by: [ci], level: 3}]
edges:
  - {to: prod, by: [ci], require: {provenance: {by: [ci], level: 3}}}
YAML
printf 'service: pay\ntier: high\nsources: ["https://github.com/acme/pay"]\n' >"$work/policy/services/pay.yaml"
jq '.buildDefinition.resolvedDependencies = [{uri: "git+https://github.com/acme/pay@refs/heads/main",
  digest: {gitCommit: "9c1e44d09c1e44d09c1e44d09c1e44d09c1e44d0"}}]' "$interop/slsa-predicate.json" >"$work/provenance.json"

# dsse ENVELOPE KEY: the signature is over exactly the payload, by nothing but the specification and OpenSSL.
dsse() {
  jq -r .payload "$1" | base64 -d >"$work/payload"
  jq -r '.signatures[0].sig' "$1" | base64 -d >"$work/sig"
  {
    printf 'DSSEv1 %s %s %s ' "$(jq -r '.payloadType | length' "$1")" "$(jq -r .payloadType "$1")" "$(stat -c %s "$work/payload")"
    cat "$work/payload"
  } >"$work/pae"
  openssl dgst -sha256 -verify "$2" -signature "$work/sig" "$work/pae"
}
# emitted IMAGE: the one summary that is attached to it is what generic verifiers accept.
emitted() {
  local digest=${1##*@} number
  quiet "$BULLA" verify --type vsa --key "$work/promoter.pub" "$1"
  number=$("$BULLA" tree "$1" --output json |
    jq -er '[.nodes[0].attached[] | select(.what == "https://slsa.dev/verification_summary/v1")]
      | if length == 1 then .[0].number else error("not one summary") end')
  "$BULLA" inspect "$1#$number" --envelope >"$work/emitted.json"
  quiet dsse "$work/emitted.json" "$work/promoter.pub"
  if dsse "$work/emitted.json" "$work/other.pub" >/dev/null 2>&1; then fail "$1: verified with another key"; fi
  local asked=(--attestation-path "$work/emitted.json" --subject-digest "$digest"
    --verifier-id https://bulla.dev/promoter/acme/pay/prod --resource-uri env://acme/pay/prod#pay
    --public-key-path "$work/promoter.pub")
  both yes "promoted, ${digest:7:12}" "${asked[@]}" --verified-level BULLA_PROMOTED_TO_PROD
  both yes 'the level that was proven' "${asked[@]}" --verified-level SLSA_BUILD_LEVEL_3
  both no 'a level that was not' "${asked[@]}" --verified-level SLSA_BUILD_LEVEL_4
  both no 'another environment' "${asked[@]}" --verified-level BULLA_PROMOTED_TO_DEV
  both no 'another key' "${asked[@]:0:8}" --public-key-path "$work/other.pub"
}
emitted_by() { # TAG DIGEST...
  local tag=$1 digest
  shift
  quiet "$BULLA" attest "oci:$layout:$tag" --predicate "$work/provenance.json" --type slsaprovenance1 --key "$work/promoter.key"
  quiet "$BULLA" promote "oci:$layout:$tag" --to prod --policy "$work/policy" --key "$work/promoter.key"
  for digest in "$@"; do emitted "oci:$layout@$digest"; done
}
emitted_by alone "$(jq -r .digest <<<"${manifests[2]}")"
ok 'the summary of a promoted image, by slsa-verifier and by OpenSSL'
emitted_by list "$(jq -r .digest <<<"$list")" "$(jq -r .digest <<<"${manifests[0]}")" "$(jq -r .digest <<<"${manifests[1]}")"
ok 'the summaries of a promoted index and each platform, by slsa-verifier and by OpenSSL'
