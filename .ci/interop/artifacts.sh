#!/usr/bin/env bash
# Signatures of files and directories: cosign verifies the files', model-signing the directories'; and Bulla what
# cosign sign-blob made.
. "$(dirname "$0")/lib.sh"

need cosign openssl
python=$peers/python/bin/python
if ! "$python" -c 'import model_signing' 2>/dev/null; then
  skip model-signing
  exit 0
fi

cosign() { HOME=$work/home TUF_ROOT=$work/tuf command cosign "$@"; }
quiet cosign trusted-root create --out "$work/trusted-root.json"
offline=(--trusted-root "$work/trusted-root.json" --insecure-ignore-tlog)
quiet "$BULLA" key generate --out "$work/bulla"

mkdir dist model model/weights
for name in a b; do printf '%s\n' "$name" >"dist/$name.txt"; done
quiet "$BULLA" sign --key "$work/bulla.key" 'dist/*.txt'
for name in a b; do
  quiet cosign verify-blob --key "$work/bulla.pub" "${offline[@]}" \
    --bundle "dist/$name.txt.sigstore.json" "dist/$name.txt"
done
ok "cosign verify-blob accepts files Bulla signed"
if cosign verify-blob --key "$work/bulla.pub" "${offline[@]}" --bundle dist/a.txt.sigstore.json dist/b.txt \
  >"$work/last" 2>&1; then
  fail "cosign accepts the signature of another file"
fi

# The bytes themselves, as cosign sign-blob signs them. cosign verifies the signatures of files by P-384 and
# P-521 keys with SHA-256, which is not what those sign with.
for algorithm in ecdsa-p256 rsa-2048 rsa-4096 ed25519; do
  scheme=()
  # Without a log cosign takes the plain scheme, with one Ed25519ph.
  if [ "$algorithm" = ed25519 ]; then scheme=(--key-scheme ed25519); fi
  quiet "$BULLA" key generate --type "$algorithm" --out "$work/$algorithm"
  quiet "$BULLA" sign --message --key "$work/$algorithm.key" ${scheme[@]+"${scheme[@]}"} --bundle message.json --output-signature message.sig dist/a.txt
  quiet cosign verify-blob --key "$work/$algorithm.pub" "${offline[@]}" --bundle message.json dist/a.txt
  if cosign verify-blob --key "$work/$algorithm.pub" "${offline[@]}" --bundle message.json dist/b.txt >"$work/last" 2>&1; then
    fail "cosign accepts the $algorithm signature of another file"
  fi
done
ok "cosign verify-blob accepts the bytes of files Bulla signed, by keys of four kinds"
quiet cosign verify-blob --key "$work/ed25519.pub" --new-bundle-format=false --insecure-ignore-tlog --signature message.sig dist/a.txt
ok "cosign verify-blob accepts the signature alone"
quiet cosign generate-key-pair --output-key-prefix "$work/cosign"
quiet cosign signing-config create --out "$work/signing-config.json"
quiet cosign sign-blob --yes --key "$work/cosign.key" --signing-config "$work/signing-config.json" --bundle theirs.json dist/a.txt
quiet "$BULLA" verify --key "$work/cosign.pub" --bundle theirs.json dist/a.txt
expect 13 "$BULLA" verify --key "$work/cosign.pub" --bundle theirs.json dist/b.txt
ok "Bulla verifies what cosign sign-blob made"

printf '{"by": "interop"}\n' >predicate.json
quiet "$BULLA" attest --key "$work/bulla.key" --type https://example.test/x/v1 --predicate predicate.json \
  --bundle attested.json dist/a.txt
quiet cosign verify-blob-attestation --key "$work/bulla.pub" "${offline[@]}" --type https://example.test/x/v1 \
  --bundle attested.json dist/a.txt
ok "cosign verify-blob-attestation accepts an attestation of a file"

printf '{}\n' >model/config.json
printf 'weights\n' >model/weights/a-1.bin
printf 'more\n' >model/weights-2.bin
quiet "$BULLA" sign --key "$work/bulla.key" model
model_signing() { "$python" -m model_signing "$@"; }
quiet model_signing verify key model --signature model.sigstore.json --public_key "$work/bulla.pub"
ok "model-signing verifies a directory Bulla signed"
printf 'changed\n' >model/weights/a-1.bin
expect 1 model_signing verify key model --signature model.sigstore.json --public_key "$work/bulla.pub"
printf 'weights\n' >model/weights/a-1.bin
printf 'added\n' >model/added.bin
expect 1 model_signing verify key model --signature model.sigstore.json --public_key "$work/bulla.pub"
expect 13 "$BULLA" verify --key "$work/bulla.pub" model
said 'added: added.bin'
ok "model-signing and Bulla refuse the directory when a file is changed or added"
rm model/added.bin
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/plain.pem" 2>/dev/null
openssl pkey -in "$work/plain.pem" -pubout -out "$work/plain.pub"
quiet "$BULLA" verify --key "$work/bulla.pub" model
quiet model_signing sign key model --private_key "$work/plain.pem" --signature model/model.sig
quiet "$BULLA" verify --key "$work/plain.pub" --bundle model/model.sig model
printf 'changed\n' >model/config.json
expect 13 "$BULLA" verify --key "$work/plain.pub" --bundle model/model.sig model
ok "Bulla verifies a directory model-signing signed"
