#!/usr/bin/env python3
"""An OpenID Connect issuer for tests: discovery, keys, and a token for whatever claims are asked for.

usage: issuer.py PORT; GET /token?sub=...&email=...&aud=sigstore answers with a JWT that lives ten minutes.
"""
import base64
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

port = int(sys.argv[1])
issuer = f"http://127.0.0.1:{port}"
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value):
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def token(claims):
    now = int(time.time())
    claims = {"iss": issuer, "aud": "sigstore", "iat": now, "exp": now + 600} | claims
    if "email" in claims:
        claims["email_verified"] = True
    header = {"alg": "RS256", "typ": "JWT", "kid": "1"}
    text = ".".join(b64(json.dumps(part).encode()) for part in (header, claims))
    return text + "." + b64(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        public = key.public_key().public_numbers()
        if url.path == "/.well-known/openid-configuration":
            body = json.dumps({
                "issuer": issuer,
                "authorization_endpoint": issuer + "/auth",
                "token_endpoint": issuer + "/token",
                "jwks_uri": issuer + "/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            })
        elif url.path == "/keys":
            body = json.dumps({"keys": [{
                "kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
                "n": number(public.n), "e": number(public.e),
            }]})
        elif url.path == "/token":
            body = token(dict(parse_qsl(url.query)))
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
