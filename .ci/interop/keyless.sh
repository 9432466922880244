#!/usr/bin/env bash
# Signing without a key, against the real Fulcio, Rekor v1 and v2 and timestamp authority: what Bulla signs is
# verified by cosign, sigstore-python and @sigstore/verify, and what they sign by Bulla.
#
# What these cannot do: @sigstore/verify 3.1 takes the digest in a Rekor v2 entry for that of the payload, where
# cosign and sigstore-python log the digest of the envelope's encoding, so it refuses everybody's such bundles;
# sigstore-python wants a name in every subject, which a signature of an image does not have.
. "$(dirname "$0")/lib.sh"
. "$interop/registries.sh"
. "$interop/sigstore.sh"

need jq umoci node cosign openssl docker-registry skopeo
python=$peers/python/bin
for folder in python node; do
  if [ ! -e "$peers/$folder" ]; then
    skip "$folder packages"
    exit 0
  fi
done
need_services
start_services

token aud=sigstore
keyless=(--identity-token "@$work/token" --yes)
by=(--certificate-identity "$who" --certificate-oidc-issuer "$ISSUER")

small_image "$work/lay" v1 'for keyless signatures'
digest=$(digest_of "$work/lay" v1)
image=oci:$work/lay@$digest
printf 'an artifact\n' >"$work/art"
printf '{"by": "bulla"}\n' >"$work/predicate.json"
claim=(--type https://example.test/claim/v1 --predicate "$work/predicate.json")

for rekor in 1 2; do
  instance=(--trust-config "$services/trust_config.rekor$rekor.json")
  name="with Rekor v$rekor"
  quiet "$BULLA" sign "${instance[@]}" "${keyless[@]}" --bundle "$work/sign$rekor.json" "$image"
  quiet "$BULLA" verify --trusted-root "$roots" "${by[@]}" "$image"
  expect 11 "$BULLA" verify --trusted-root "$roots" --certificate-identity other@example.test \
    --certificate-oidc-issuer "$ISSUER" "$image"
  stamps=()
  if [ "$rekor" = 2 ]; then stamps=(--use-signed-timestamps); fi
  quiet cosign verify-blob-attestation --bundle "$work/sign$rekor.json" --trusted-root "$roots" "${by[@]}" \
    --type https://sigstore.dev/cosign/sign/v1 --digest "${digest#sha256:}" --digestAlg sha256 ${stamps[@]+"${stamps[@]}"}
  ok "cosign verifies an image Bulla signed $name"

  quiet "$BULLA" attest "${instance[@]}" "${keyless[@]}" "${claim[@]}" --bundle "$work/attest$rekor.json" "$work/art"
  quiet "$python/sigstore" --trust-config "$services/trust_config.rekor$rekor.json" verify identity --offline \
    --bundle "$work/attest$rekor.json" --cert-identity "$who" --cert-oidc-issuer "$ISSUER" "$work/art"
  ok "sigstore-python verifies a file Bulla attested $name"
  if [ "$rekor" = 1 ]; then
    NODE_PATH=$peers/node/node_modules quiet node "$interop/verify-recorded.cjs" "$roots" "$work/attest1.json" \
      "$(jq '.tsaUrls | length' "$services/signing_config.rekor1.json")"
    said "$who"
    ok "@sigstore/verify verifies a file Bulla attested $name"
  fi

  quiet cosign attest-blob --yes --identity-token "$(cat "$work/token")" --trusted-root "$roots" \
    --signing-config "$services/signing_config.rekor$rekor.json" --bundle "$work/cosign$rekor.json" "${claim[@]}" "$work/art"
  quiet "$BULLA" verify --trusted-root "$roots" "${by[@]}" --type https://example.test/claim/v1 \
    --bundle "$work/cosign$rekor.json" "$work/art"
  ok "Bulla verifies a file cosign attested $name"

  quiet "$python/sigstore" --trust-config "$services/trust_config.rekor$rekor.json" attest --overwrite \
    --identity-token "$(cat "$work/token")" --predicate "$interop/slsa-predicate.json" \
    --predicate-type https://slsa.dev/provenance/v1 --bundle "$work/python$rekor.json" "$work/art"
  quiet "$BULLA" verify --trusted-root "$roots" "${by[@]}" --type https://slsa.dev/provenance/v1 \
    --bundle "$work/python$rekor.json" "$work/art"
  ok "Bulla verifies a file sigstore-python attested $name"
done

# Several logs and an authority at once, each named by itself.
quiet "$BULLA" attest "${keyless[@]}" --fulcio-url "$FULCIO" --rekor-url "$REKOR1" --rekor-url "$REKOR2,api-version=2" \
  --timestamp-server-url "$TSA" --trusted-root "$roots" "${claim[@]}" --bundle "$work/both.json" "$work/art"
test "$(jq '.verificationMaterial.tlogEntries | length' "$work/both.json")" = 2
quiet cosign verify-blob-attestation --bundle "$work/both.json" --trusted-root "$roots" "${by[@]}" \
  --type https://example.test/claim/v1 --use-signed-timestamps "$work/art"
ok 'cosign verifies an attestation in both logs with a timestamp'

# The older form: a certificate, and the promise of a log of version 1.
start_registry plain
pushed=$registry/pay/older@$(push_image "$work/lay:v1" pay/older:1)
older() { # COMMAND...
  cosign "$@" --new-bundle-format=false --trusted-root "$roots" --allow-http-registry "$pushed"
}
log=(--signing-config "$services/signing_config.rekor1.json" --trusted-root "$roots")
quiet "$BULLA" sign --legacy "${log[@]}" "${keyless[@]}" "$pushed"
quiet older verify "${by[@]}"
expect 12 older verify --certificate-identity other@example.test --certificate-oidc-issuer "$ISSUER"
quiet "$BULLA" attest --legacy "${log[@]}" "${keyless[@]}" "${claim[@]}" "$pushed"
quiet older verify-attestation "${by[@]}" --type https://example.test/claim/v1
ok "cosign's older mode verifies what Bulla signed and attested with a certificate and --legacy"
expect 2 "$BULLA" sign --legacy --trust-config "$services/trust_config.rekor2.json" "${keyless[@]}" "$pushed"
said 'no log that makes promises'
ok 'without a promise there is no older form'

# The bytes of a file, as cosign sign-blob signs them.
for rekor in 1 2; do
  stamps=()
  if [ "$rekor" = 2 ]; then stamps=(--use-signed-timestamps); fi
  quiet "$BULLA" sign --message --trust-config "$services/trust_config.rekor$rekor.json" "${keyless[@]}" \
    --bundle "$work/message.json" --output-certificate "$work/message.pem" "$work/art"
  quiet cosign verify-blob --bundle "$work/message.json" --trusted-root "$roots" "${by[@]}" ${stamps[@]+"${stamps[@]}"} "$work/art"
  quiet "$BULLA" verify --trusted-root "$roots" "${by[@]}" --bundle "$work/message.json" "$work/art"
  quiet openssl x509 -in "$work/message.pem" -noout -subject
  quiet cosign sign-blob --yes --identity-token "$(cat "$work/token")" --trusted-root "$roots" \
    --signing-config "$services/signing_config.rekor$rekor.json" --bundle "$work/theirs.json" "$work/art"
  quiet "$BULLA" verify --trusted-root "$roots" "${by[@]}" --bundle "$work/theirs.json" "$work/art"
  ok "cosign and Bulla verify each other's signatures of a file's bytes with Rekor v$rekor"
done

# A key of one's own, recorded.
quiet "$BULLA" key generate --out "$work/own"
for record in "--timestamp-server-url $TSA" "--rekor-url $REKOR1" "--rekor-url $REKOR2,api-version=2 --timestamp-server-url $TSA"; do
  # shellcheck disable=SC2086
  quiet "$BULLA" attest --key "$work/own.key" --yes $record --trusted-root "$roots" "${claim[@]}" --bundle "$work/own.json" "$work/art"
  quiet "$BULLA" verify --key "$work/own.pub" --trusted-root "$roots" --type https://example.test/claim/v1 \
    --bundle "$work/own.json" "$work/art"
  ok "a signature by a key is recorded: ${record%% *}"
done

# A certificate for that key.
quiet "$BULLA" attest --key "$work/own.key" --issue-certificate "${instance[@]}" "${keyless[@]}" "${claim[@]}" \
  --bundle "$work/issued.json" "$work/art"
quiet "$BULLA" verify --trusted-root "$roots" "${by[@]}" --type https://example.test/claim/v1 --bundle "$work/issued.json" "$work/art"
ok 'a key of one'"'"'s own is certified'

# What must not be published, or not even be made.
before=$(find "$work/lay" -type f | sort | xargs sha256sum | sha256sum)
refused() { # EXIT TEXT ARGUMENT...
  local code=$1 text=$2
  shift 2
  expect "$code" "$BULLA" sign "$@" "$image"
  said "$text"
  test "$before" = "$(find "$work/lay" -type f | sort | xargs sha256sum | sha256sum)"
}
refused 2 'nobody is there to ask' "${instance[@]}" --identity-token "@$work/token"
jq 'del(.ctlogs[])' "$roots" >"$work/no-ct.json"
refused 12 'does not verify, so it was not attached; it is recorded in the log' --signing-config "$services/signing_config.rekor1.json" --trusted-root "$work/no-ct.json" "${keyless[@]}"
jq '.tlogs |= [.[1]]' "$roots" >"$work/no-log.json"
refused 12 'does not verify, so it was not attached; it is recorded in the log' --signing-config "$services/signing_config.rekor1.json" --trusted-root "$work/no-log.json" "${keyless[@]}"
jq 'del(.certificateAuthorities[])' "$roots" >"$work/no-ca.json"
refused 12 'no authority of the trusted root issued it' --signing-config "$services/signing_config.rekor1.json" --trusted-root "$work/no-ca.json" "${keyless[@]}"
refused 2 'no trusted root' --signing-config "$services/signing_config.rekor1.json" "${keyless[@]}"
refused 2 'nothing would prove when' --fulcio-url "$FULCIO" --rekor-url "$REKOR2,api-version=2" --trusted-root "$roots" "${keyless[@]}"
token aud=other
refused 2 'is for `other`, expected `sigstore`' "${instance[@]}" "${keyless[@]}"
token iss=https://elsewhere.example.test
refused 2 'answered 4' "${instance[@]}" "${keyless[@]}"
ok 'what cannot be verified is not published, and nobody is named in public without a yes'
