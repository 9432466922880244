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
