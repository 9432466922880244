"""Hands out bearer tokens for docker-registry: token-server.py PORT KEY CERTIFICATE.

The token protocol of the distribution project: a GET with a service and scopes is answered with a JWT
that lists what the bearer may do. alice with her password may push and pull; anybody else may pull.
Listens on 127.0.0.1 only.
"""

import base64
import hmac
import json
import secrets
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

LIFETIME_SECONDS = 300
ALICE = "alice:s3cret"


def url_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """Signs claims as an ES256 JWT that carries the certificate of its key."""

    def __init__(self, key: Path, certificate: Path) -> None:
        self.key = load_pem_private_key(key.read_bytes(), None)
        der = x509.load_pem_x509_certificate(certificate.read_bytes()).public_bytes(Encoding.DER)
        header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}
        self.header = url_base64(json.dumps(header).encode())

    def token(self, claims: dict) -> str:
        signed = f"{self.header}.{url_base64(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{url_base64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def granted(scopes: list[str], may_push: bool) -> list[dict]:
    """`repository:NAME:pull,push` as the entries of the access claim."""
    entries = []
    for scope in " ".join(scopes).split():
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        allowed = [action for action in actions.split(",") if may_push or action == "pull"]
        entries.append({"type": kind, "name": name, "actions": allowed})
    return entries


class Handler(BaseHTTPRequestHandler):
    issuer: Issuer

    def do_GET(self) -> None:  # noqa: N802, the name is the base class's
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        credentials = base64.b64decode(encoded).decode() if scheme == "Basic" else ""
        if credentials and not hmac.compare_digest(credentials, ALICE):
            self.send_error(401)
            return
        query = parse_qs(urlparse(self.path).query)
        now = int(time.time())
        token = self.issuer.token(
            {
                "iss": "interop-issuer",
                "sub": credentials.partition(":")[0],
                "aud": query.get("service", [""])[0],
                "iat": now,
                "nbf": now - 5,
                "exp": now + LIFETIME_SECONDS,
                "jti": secrets.token_hex(8),
                "access": granted(query.get("scope", []), bool(credentials)),
            }
        )
        body = json.dumps({"token": token, "expires_in": LIFETIME_SECONDS}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing: the log would only hold what the scripts assert anyway."""


def main() -> None:
    port, key, certificate = sys.argv[1:]
    Handler.issuer = Issuer(Path(key), Path(certificate))
    ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()


main()
