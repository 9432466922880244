#!/usr/bin/env python3
"""Writes trusted_root.json, signing_config.*.json and trust_config.*.json for the services `start` runs.

usage: trusted-root.py DIR FULCIO TSA REKOR1 REKOR2 ISSUER (URLs)
"""
import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

folder, fulcio, tsa, rekor1, rekor2, issuer = sys.argv[1:]
folder = Path(folder)
START = "2020-01-01T00:00:00Z"


def b64(data):
    return base64.b64encode(data).decode()


def chain(pem):
    return {"certificates": [
        {"rawBytes": b64(c.public_bytes(Encoding.DER))} for c in x509.load_pem_x509_certificates(pem)
    ]}


def spki(pem):
    key = serialization.load_pem_public_key(pem)
    return key, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def log(url, der, details, key_id):
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {"rawBytes": b64(der), "keyDetails": details, "validFor": {"start": START}},
        "logId": {"keyId": b64(key_id)},
    }


bundle = json.load(urlopen(f"{fulcio}/api/v2/trustBundle"))
fulcio_chain = "".join(bundle["chains"][0]["certificates"]).encode()
tsa_chain = urlopen(f"{tsa}/api/v1/timestamp/certchain").read()
ct_pem = subprocess.run(
    ["openssl", "pkey", "-in", folder / "ct.key", "-pubout"], check=True, capture_output=True
).stdout
_, ct_der = spki(ct_pem)
_, rekor1_der = spki(urlopen(f"{rekor1}/api/v1/log/publicKey").read())

# C2SP signed-note: an Ed25519 key id is SHA-256 over the name, a newline, 0x01 and the key.
rekor2_pem = subprocess.run(
    ["openssl", "pkey", "-in", folder / "rekor2.key", "-pubout"], check=True, capture_output=True
).stdout
rekor2_key, rekor2_der = spki(rekor2_pem)
raw = rekor2_key.public_bytes(Encoding.Raw, PublicFormat.Raw)
origin = rekor2.split("//", 1)[1].split(":")[0]
rekor2_id = hashlib.sha256(origin.encode() + b"\n\x01" + raw).digest()

# TSA chains come leaf first, Fulcio's come issuer first; both are what trusted_root.json wants.
root = {
    "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "tlogs": [
        log(rekor1, rekor1_der, "PKIX_ECDSA_P256_SHA_256", hashlib.sha256(rekor1_der).digest()),
        log(rekor2, rekor2_der, "PKIX_ED25519", rekor2_id),
    ],
    "certificateAuthorities": [{
        "subject": {"organization": "local", "commonName": "fulcio"},
        "uri": fulcio,
        "certChain": chain(fulcio_chain),
        "validFor": {"start": START},
    }],
    "ctlogs": [log("http://127.0.0.1/ct", ct_der, "PKIX_ECDSA_P256_SHA_256", hashlib.sha256(ct_der).digest())],
    "timestampAuthorities": [{
        "subject": {"organization": "local", "commonName": "tsa"},
        "uri": tsa + "/api/v1/timestamp",
        "certChain": chain(tsa_chain),
        "validFor": {"start": START},
    }],
}
(folder / "trusted_root.json").write_text(json.dumps(root, indent=2))


def service(url, version):
    return {"url": url, "majorApiVersion": version, "validFor": {"start": START}, "operator": "local"}


for name, rekor in (("rekor1", service(rekor1, 1)), ("rekor2", service(rekor2, 2))):
    config = {
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": [service(fulcio, 1)],
        "oidcUrls": [service(issuer, 1)],
        "rekorTlogUrls": [rekor],
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaUrls": [service(tsa + "/api/v1/timestamp", 1)],
        "tsaConfig": {"selector": "ANY"},
    }
    (folder / f"signing_config.{name}.json").write_text(json.dumps(config, indent=2))
    trust = {
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": root,
        "signingConfig": config,
    }
    (folder / f"trust_config.{name}.json").write_text(json.dumps(trust, indent=2))
