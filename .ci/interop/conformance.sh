#!/usr/bin/env bash
# The bundles of sigstore-conformance that must verify, as file and as digest, and for each what must not: another
# artifact, another identity or key, another instance's root, a changed signature, a missing record.
#
# BULLA_CORPORA is the folder of public test data; without it there is nothing to do.
. "$(dirname "$0")/lib.sh"

need jq
corpora=${BULLA_CORPORA:-$root/../shared/corpora}/sigstore-conformance/bundle-verify
conformance=${BULLA_CONFORMANCE:-$(dirname "$BULLA")/bulla-conformance}
if [ ! -d "$corpora" ]; then
  printf 'SKIPPED sigstore-conformance bundles: %s is not there\n' "$corpora"
  exit 0
fi
if [ ! -x "$conformance" ]; then
  printf '%s is not there: cargo build -p bulla-cli --bins\n' "$conformance" >&2
  exit 1
fi
export BULLA_CONFORMANCE=$conformance
entry=$root/conformance/sigstore
who=https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main
by=https://token.actions.githubusercontent.com

# Refused, and not by a crash.
refused() {
  local status=0
  "$entry" verify-bundle "$@" >/dev/null 2>"$work/said" || status=$?
  case $status in
    0 | 70 | 101 | 134 | 139)
      printf 'exit %s: verify-bundle %s\n' "$status" "$*" >&2
      cat "$work/said" >&2
      exit 1
      ;;
  esac
  refusals=$((refusals + 1))
}

accepted=0 refusals=0
printf 'another artifact\n' >"$work/other"
openssl ecparam -genkey -name prime256v1 -noout 2>/dev/null | openssl ec -pubout -out "$work/other.pub" 2>/dev/null
for case in "$corpora"/*/; do
  bundle=$case/bundle.sigstore.json artifact=$corpora/a.txt
  if [ -e "$case/artifact" ]; then artifact=$case/artifact; fi
  signer=(--certificate-identity "$who" --certificate-oidc-issuer "$by")
  stranger=(--certificate-identity "$who.evil" --certificate-oidc-issuer "$by")
  if [ -e "$case/key.pub" ]; then
    signer=(--key "$case/key.pub")
    stranger=(--key "$work/other.pub")
  fi
  trust=()
  if [ -e "$case/trusted_root.json" ]; then trust=(--trusted-root "$case/trusted_root.json"); fi
  digest=sha256:$(sha256sum "$artifact" | cut -d ' ' -f 1)
  for named in "$artifact" "$digest"; do
    quiet "$entry" verify-bundle --bundle "$bundle" "${signer[@]}" ${trust[@]+"${trust[@]}"} "$named"
    accepted=$((accepted + 1))
  done
  refused --bundle "$bundle" "${signer[@]}" ${trust[@]+"${trust[@]}"} "$work/other"
  refused --bundle "$bundle" "${signer[@]}" ${trust[@]+"${trust[@]}"} "sha256:${digest#sha256:0}0"
  refused --bundle "$bundle" "${stranger[@]}" ${trust[@]+"${trust[@]}"} "$artifact"
  # The first character changes bytes, whatever the padding is.
  change='def other: if startswith("M") then "N" + .[1:] else "M" + .[1:] end;'
  jq "$change (.messageSignature.signature? // empty) |= other | (.dsseEnvelope.signatures[0].sig? // empty) |= other" \
    "$bundle" >"$work/changed.json"
  if cmp -s <(jq -S . "$bundle") <(jq -S . "$work/changed.json"); then
    printf 'nothing was changed in %s\n' "$bundle" >&2
    exit 1
  fi
  refused --bundle "$work/changed.json" "${signer[@]}" ${trust[@]+"${trust[@]}"} "$artifact"
  if [ ! -e "$case/key.pub" ]; then
    # Without a root of its own it is of the public-good instance, and of no other.
    if [ ! -e "$case/trusted_root.json" ]; then refused --staging --bundle "$bundle" "${signer[@]}" "$artifact"; fi
    jq 'del(.verificationMaterial.tlogEntries)' "$bundle" >"$work/changed.json"
    refused --bundle "$work/changed.json" "${signer[@]}" ${trust[@]+"${trust[@]}"} "$artifact"
  fi
done
if [ "$accepted" -lt 40 ]; then
  printf 'only %s cases were found\n' "$accepted" >&2
  exit 1
fi
ok "$accepted cases verify and $refusals of our own making are refused"
