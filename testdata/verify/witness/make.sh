#!/usr/bin/env bash
# Makes the files beside it: throw-away keys, a certificate authority, a timestamp authority, and an
# envelope as witness writes it, at a fixed time. Needs openssl, python3 and faketime.
set -euo pipefail
out=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
at() { TZ=UTC faketime "2026-03-01 $hour:00:00" "$@" 2>/dev/null; }
hour=11
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null; }
authority() { # NAME SUBJECT
  key "$1"
  at openssl req -x509 -new -key "$1.key" -subj "$2" -days 3650 -out "$1.pem" \
    -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign'
}
issue() { # NAME ISSUER SUBJECT EXTENSIONS
  key "$1"
  openssl req -new -key "$1.key" -subj "$3" -out "$1.csr"
  printf '%s\n' "$4" >"$1.ext"
  at openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -days 3650 -extfile "$1.ext" -out "$1.pem"
}
authority ca '/O=example.test/CN=ca'
authority tsa-ca '/O=example.test/CN=tsa-ca'
issue between ca '/O=example.test/CN=between' 'basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign
extendedKeyUsage=codeSigning'
issue leaf between '/O=example.test/CN=build' 'basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=codeSigning
subjectAltName=critical,URI:spiffe://example.test/build'
issue tsa tsa-ca '/O=example.test/CN=tsa' 'basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=critical,timeStamping'
cat >ts.cnf <<'CNF'
[tsa]
default_tsa = one
[one]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
CNF
printf 'app\n' >"$out/app"
python3 - "$out/app" <<'PY'
import hashlib, json, sys
time = "2026-03-01T12:00:00.123456789Z"
def entry(kind, said):
    return {"type": f"https://witness.dev/attestations/{kind}/v0.1", "attestation": said,
            "starttime": time, "endtime": time}
digest = hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest()
statement = {
    "_type": "https://in-toto.io/Statement/v0.1",
    "subject": [{"name": "https://witness.dev/attestations/product/v0.1/file:app", "digest": {"sha256": digest}}],
    "predicateType": "https://witness.testifysec.com/attestation-collection/v0.1",
    "predicate": {"name": "build", "attestations": [
        entry("material", None),
        entry("aws", {"region": "eu-central-1", "rawiid": "{}", "rawsig": "AAAA", "publickey": ""}),
        entry("command-run", {"cmd": ["make"], "exitcode": 0}),
        entry("product", {"app": {"mime_type": "text/plain", "digest": {"sha256": digest}}}),
    ]},
}
payload = json.dumps(statement).encode()
open("payload", "wb").write(payload)
kind = b"application/vnd.in-toto+json"
open("pae", "wb").write(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
PY
openssl dgst -sha256 -sign leaf.key -out sig pae
echo 01 >serial
openssl ts -query -data sig -sha256 -cert -out query.tsq 2>/dev/null
hour=12
at openssl ts -reply -config ts.cnf -queryfile query.tsq -signer tsa.pem -inkey tsa.key -token_out -out token
python3 - "$out" <<'PY'
import base64, json, sys
def of(name):
    return base64.b64encode(open(name, "rb").read()).decode()
envelope = {"payload": of("payload"), "payloadType": "application/vnd.in-toto+json", "signatures": [{
    "keyid": "leaf", "sig": of("sig"), "certificate": of("leaf.pem"), "intermediates": [of("between.pem")],
    "timestamps": [{"type": "tsp", "data": of("token")}]}]}
open(sys.argv[1] + "/collection.json", "w").write(json.dumps(envelope) + "\n")
PY
python3 - ca.pem tsa.pem tsa-ca.pem >"$out/trusted_root.json" <<'PY'
import json, ssl, sys, base64
def raw(name):
    return {"rawBytes": base64.b64encode(ssl.PEM_cert_to_DER_cert(open(name).read())).decode()}
def authority(*names):
    return {"subject": {"organization": "example.test", "commonName": names[0][:-4]}, "uri": "",
            "certChain": {"certificates": [raw(name) for name in names]},
            "validFor": {"start": "2026-03-01T00:00:00Z"}}
print(json.dumps({"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
                  "certificateAuthorities": [authority(sys.argv[1])],
                  "timestampAuthorities": [authority(*sys.argv[2:])]}))
PY
openssl pkey -in leaf.key -pubout -out "$out/leaf.pub"
