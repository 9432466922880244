"""DSSE with securesystemslib, an implementation of its own.

envelope.py sign KIND SHA256 BUNDLE PUBLIC-KEY   signs a statement about this digest with a new key
envelope.py verify PUBLIC-KEY BUNDLE             verifies the envelope inside a bundle
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
PREDICATE_TYPE = "https://example.test/securesystemslib/v1"
GENERATE = {
    "ed25519": CryptoSigner.generate_ed25519,
    "ecdsa": CryptoSigner.generate_ecdsa,
}


def sign(kind: str, digest: str, bundle_file: str, key_file: str) -> None:
    signer = GENERATE[kind]()
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": digest}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {"kind": kind},
    }
    envelope = Envelope(json.dumps(statement).encode(), PAYLOAD_TYPE, {})
    envelope.sign(signer)
    public = load_pem_private_key(signer.private_bytes, None).public_key()
    info = PublicFormat.SubjectPublicKeyInfo
    Path(key_file).write_bytes(public.public_bytes(Encoding.PEM, info))
    hint = hashlib.sha256(public.public_bytes(Encoding.DER, info)).digest()
    bundle = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": base64.b64encode(hint).decode()}},
        "dsseEnvelope": envelope.to_dict(),
    }
    Path(bundle_file).write_text(json.dumps(bundle))


def verify(key_file: str, bundle_file: str) -> None:
    wire = json.loads(Path(bundle_file).read_text())["dsseEnvelope"]
    # Sigstore bundles name the key beside the envelope; securesystemslib wants it inside.
    for signature in wire["signatures"]:
        signature["keyid"] = "named-by-hint"
    public = load_pem_public_key(Path(key_file).read_bytes())
    key = SSlibKey.from_crypto(public, keyid="named-by-hint")
    Envelope.from_dict(wire).verify([key], 1)


{"sign": sign, "verify": verify}[sys.argv[1]](*sys.argv[2:])
