"""A service with a login, complete, on Authlib: python docs/examples/relying_party.py

Environment: ISSUER, CLIENT_ID, CLIENT_SECRET, PORT (default 8500). Register
``http://localhost:<PORT>/callback`` as redirect URI, then open http://localhost:<PORT>/.
"""

from __future__ import annotations

import html
import json
import os
import secrets
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import requests
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet

ISSUER = os.environ.get("ISSUER", "http://localhost:8400")
CLIENT_ID = os.environ.get("CLIENT_ID", "my-portal")
CLIENT_SECRET = os.environ.get("CLIENT_SECRET", "")
PORT = int(os.environ.get("PORT", "8500"))
REDIRECT_URI = f"http://localhost:{PORT}/callback"
LEVEL = "http://eidas.europa.eu/LoA/substantial"

metadata = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=10).json()
pending: dict[str, dict[str, str]] = {}
"""What we remember per login until the answer comes, by ``state``; a real service uses its session."""


def session() -> OAuth2Session:
    return OAuth2Session(
        CLIENT_ID,
        CLIENT_SECRET,
        scope="openid profile",
        redirect_uri=REDIRECT_URI,
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_basic",
    )


def begin() -> str:
    """Where to send the citizen."""
    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(32)
    claims = {"id_token": {"acr": {"essential": True, "values": [LEVEL]}}}  # refuse less than this
    url, state = session().create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce, claims=json.dumps(claims)
    )
    pending[state] = {"verifier": verifier, "nonce": nonce}
    return str(url)


def finish(query: dict[str, str]) -> dict[str, object]:
    """Check the answer, redeem the code, verify the ID Token, fetch the person."""
    remembered = pending.pop(query["state"])  # unknown or used twice: KeyError, no login
    if query["iss"] != metadata["issuer"]:  # RFC 9207
        raise ValueError("answer of another issuer")
    if "error" in query:
        raise ValueError(f"{query['error']}: {query.get('error_description', '')}")
    client = session()
    tokens = client.fetch_token(
        metadata["token_endpoint"], code=query["code"], code_verifier=remembered["verifier"]
    )
    keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=10).json())
    id_token = jwt.decode(tokens["id_token"], keys, algorithms=["ES256"])
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": metadata["issuer"]},
        aud={"essential": True, "value": CLIENT_ID},
        exp={"essential": True},
        nonce={"essential": True, "value": remembered["nonce"]},
        acr={"essential": True, "value": LEVEL},
    ).validate(id_token.claims)
    person = client.get(metadata["userinfo_endpoint"]).json()
    if person["sub"] != id_token.claims["sub"]:  # Core §5.3.2
        raise ValueError("UserInfo of another person")
    return {"id_token": id_token.claims, "userinfo": person}


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/":
            self.send_response(303)
            self.send_header("Location", begin())
            self.end_headers()
            return
        if parts.path != "/callback":
            self.send_error(404)
            return
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        try:
            shown = json.dumps(finish(query), indent=2, ensure_ascii=False)
            self.send_response(200)
        except (KeyError, ValueError) as problem:
            shown = f"no login: {problem}"
            self.send_response(400)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(f"<!doctype html><pre>{html.escape(shown)}</pre>".encode())


if __name__ == "__main__":
    HTTPServer(("localhost", PORT), Service).serve_forever()
