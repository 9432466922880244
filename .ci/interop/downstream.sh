#!/usr/bin/env bash
# Who comes after the promotion, on a real registry: a cluster that asks before it runs an image, and an
# auditor who replays the decision when the registry is gone.
. "$(dirname "$0")/lib.sh"
. "$interop/release.sh"
. "$interop/registries.sh"

need docker-registry skopeo umoci jq curl openssl
make_keys "$work/keys"
make_policy "$work/policy"
make_evidence "$work/evidence"
small_image "$work/lay" v1 'the release'
small_image "$work/lay" v2 'another release'
start_registry plain
released=$registry/pay/api@$(push_image "$work/lay:v1" pay/api:1.8.2)
unreleased=$registry/pay/api@$(push_image "$work/lay:v2" pay/api:1.8.3)
seal_build "$released"
walk "$released"
seal_build "$unreleased"

make_certificate "$work/tls"
webhook=127.0.0.1:$(free_port)
serve_until "https://$webhook/readyz" "$BULLA" serve --env prod --policy "$policy" --listen "$webhook" \
  --tls-cert "$work/tls/server.crt" --tls-key "$work/tls/server.key"

# admit IMAGE: what the cluster is told about a pod with this image, as JSON.
admit() {
  jq -n --arg image "$1" '{
    apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview",
    request: {
      uid: "7f3a", operation: "CREATE", namespace: "pay", name: "api-0",
      kind: {group: "", version: "v1", kind: "Pod"},
      resource: {group: "", version: "v1", resource: "pods"},
      requestKind: {group: "", version: "v1", kind: "Pod"},
      userInfo: {username: "interop"},
      object: {
        apiVersion: "v1", kind: "Pod", metadata: {name: "api-0", namespace: "pay"},
        spec: {containers: [{name: "api", image: $image}]}
      }
    }
  }' | curl -sS --fail --max-time 30 --cacert "$work/tls/ca.crt" -H 'Content-Type: application/json' \
    --data-binary @- "https://$webhook/validate" >"$work/last"
}

admit "$released"
jq -e '.response | .uid == "7f3a" and .allowed == true' "$work/last" >/dev/null || fail "$(cat "$work/last")"
ok "the cluster is told that the released image may run"
admit "$unreleased"
jq -e '.response.allowed == false' "$work/last" >/dev/null || fail "$(cat "$work/last")"
said promotion-missing
said 'bulla why'
ok "and that the one nobody promoted may not, why, and what to run"
admit "$registry/pay/api:1.8.2"
jq -e '.response.allowed == false' "$work/last" >/dev/null || fail "$(cat "$work/last")"
ok "a tag alone may not run"

quiet "$BULLA" evidence pack "$released" --env prod --policy "$policy" --out "$work/pack.tar"
quiet "$BULLA" evidence pack "$unreleased" --env prod --policy "$policy" --out "$work/refusal.tar"
kill "${servers[@]}"
wait "${servers[@]}" 2>/dev/null || true
servers=()
quiet "$BULLA" evidence verify "$work/pack.tar" --policy "$policy"
said allowed
expect 10 "$BULLA" evidence verify "$work/refusal.tar" --policy "$policy"
ok "without the registry the packs repeat both verdicts"
sed 's/pay-api/pay-apj/' "$work/pack.tar" >"$work/tampered.tar"
expect 12 "$BULLA" evidence verify "$work/tampered.tar" --policy "$policy"
ok "a changed pack is exit 12"
