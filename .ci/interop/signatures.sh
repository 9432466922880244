#!/usr/bin/env bash
# Signatures across implementations that need no registry: securesystemslib both ways, @sigstore/verify and
# sigstore-python on what Bulla signs.
#
# What these cannot do: sigstore-python verifies certificates only, so of a key-signed bundle it can read the
# bundle but not judge it; @sigstore/verify asks for no log entry and no timestamp only when told so.
# sigstore-python's own bundles are verified by the Rust tests, from testdata/interop/sigstore.
. "$(dirname "$0")/lib.sh"
. "$interop/registries.sh"

need jq umoci node
python=$peers/python/bin/python
for folder in python node; do
  if [ ! -e "$peers/$folder" ]; then
    skip "$folder packages"
    exit 0
  fi
done

small_image "$work/lay" v1 'for signatures'
digest=$(digest_of "$work/lay" v1)
image=oci:$work/lay@$digest

for kind in ed25519 ecdsa; do
  quiet "$python" "$interop/envelope.py" sign "$kind" "${digest#sha256:}" "$work/$kind.json" "$work/$kind.pub"
  quiet python3 "$interop/attach.py" "$work/lay" "$digest" "$work/$kind.json"
  quiet "$BULLA" verify --key "$work/$kind.pub" --type https://example.test/securesystemslib/v1 "$image"
  ok "Bulla verifies a securesystemslib $kind envelope"
done

# The same envelope with another payload.
cp -r "$work/lay" "$work/forged"
jq -c '.dsseEnvelope.payload |= (@base64d | sub("ecdsa"; "ecdsA") | @base64)' "$work/ecdsa.json" >"$work/forged.json"
small_image "$work/forged" v2 'for a forged envelope'
quiet python3 "$interop/attach.py" "$work/forged" "$digest" "$work/forged.json"
quiet "$BULLA" verify --key "$work/ecdsa.pub" --type https://example.test/securesystemslib/v1 "oci:$work/forged@$digest"
other=$(digest_of "$work/forged" v2)
quiet python3 "$interop/attach.py" "$work/forged" "$other" "$work/forged.json"
expect 12 "$BULLA" verify --key "$work/ecdsa.pub" --type https://example.test/securesystemslib/v1 "oci:$work/forged@$other"
ok "a forged securesystemslib envelope is exit 12, and does not hide the honest one beside it"
quiet python3 "$interop/attach.py" "$work/forged" "$other" "$work/ed25519.json"
expect 13 "$BULLA" verify --key "$work/ed25519.pub" --type https://example.test/securesystemslib/v1 "oci:$work/forged@$other"
ok "an honest envelope about another image is exit 13"

printf '{"by": "bulla"}\n' >"$work/predicate.json"
for kind in ecdsa-p256 ed25519; do
  quiet "$BULLA" key generate --type "$kind" --out "$work/bulla-$kind"
  quiet "$BULLA" attest --key "$work/bulla-$kind.key" --type https://example.test/bulla \
    --predicate "$work/predicate.json" --bundle "$work/bulla-$kind.json" "$image"
  quiet "$python" "$interop/envelope.py" verify "$work/bulla-$kind.pub" "$work/bulla-$kind.json"
  ok "securesystemslib verifies Bulla's $kind envelope"
  jq -c '.dsseEnvelope.payload |= (@base64d | sub("bulla"; "bullA") | @base64)' "$work/bulla-$kind.json" >"$work/forged.json"
  expect 1 "$python" "$interop/envelope.py" verify "$work/bulla-$kind.pub" "$work/forged.json"

  NODE_PATH=$peers/node/node_modules quiet node "$interop/verify-bundle.cjs" "$work/bulla-$kind.pub" "$work/bulla-$kind.json"
  NODE_PATH=$peers/node/node_modules expect 1 node "$interop/verify-bundle.cjs" "$work/bulla-$kind.pub" "$work/forged.json"
  said SIGNATURE_ERROR
  ok "@sigstore/verify accepts Bulla's $kind bundle and refuses a forged one"
done
