"""A FAPI 2.0 service, complete: PAR, PKCE, private_key_jwt, DPoP and logout, on Authlib and joserfc.

    python docs/examples/fapi2_relying_party.py

Environment: ISSUER, PORT (default 8500). It registers itself when it starts, which only a sandbox allows;
with an operator, its registration is a file and its key has a home. Then open http://localhost:<PORT>/.
"""

from __future__ import annotations

import hashlib
import html
import json
import os
import secrets
import time
from base64 import urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from authlib.oauth2.rfc7523 import private_key_jwt_sign
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

ISSUER = os.environ.get("ISSUER", "http://localhost:8400")
PORT = int(os.environ.get("PORT", "8500"))
BASE = f"http://localhost:{PORT}"
REDIRECT_URI = f"{BASE}/callback"
LEVEL = "http://eidas.europa.eu/LoA/substantial"

metadata = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=10).json()
own_key = ECKey.generate_key("P-256", {"kid": "1", "use": "sig", "alg": "ES256"}, private=True)
dpop_key = ECKey.generate_key("P-256", private=True)

registered = requests.post(
    metadata["registration_endpoint"],
    json={
        "client_class": "fapi2",
        "client_name": "FAPI 2.0 example",
        "redirect_uris": [REDIRECT_URI],
        "post_logout_redirect_uris": [f"{BASE}/bye"],
        "token_endpoint_auth_method": "private_key_jwt",
        "dpop_bound_access_tokens": True,
        "jwks": {"keys": [own_key.as_dict(private=False)]},
    },
    timeout=10,
)
registered.raise_for_status()
CLIENT_ID = registered.json()["client_id"]

pending: dict[str, dict[str, str]] = {}
"""What we remember per login until the answer comes, by ``state``; a real service uses its session."""
signed_in: dict[str, str] = {}
"""The last ID token, for the logout; a real service keeps it in the citizen's session."""


def assertion() -> dict[str, str]:
    """Client authentication: the audience is the issuer, as a string, and the life is short."""
    claims = {"exp": int(time.time()) + 60}
    return {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": private_key_jwt_sign(
            own_key, CLIENT_ID, metadata["issuer"], alg="ES256", claims=claims, header={"kid": own_key.kid}
        ),
    }


def proof(method: str, url: str, access_token: str | None = None) -> dict[str, str]:
    """A DPoP proof (RFC 9449 §4.2), a fresh one for each request."""
    claims: dict[str, object] = {
        "jti": secrets.token_urlsafe(16),
        "htm": method,
        "htu": url,
        "iat": int(time.time()),
    }
    if access_token is not None:
        claims["ath"] = base64url(hashlib.sha256(access_token.encode()).digest())
    public = {name: dpop_key.as_dict(private=False)[name] for name in ("kty", "crv", "x", "y")}
    return {"DPoP": jwt.encode({"typ": "dpop+jwt", "alg": "ES256", "jwk": public}, claims, dpop_key)}


def base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def post(endpoint: str, form: dict[str, str]) -> dict[str, str]:
    """An authenticated request with a proof; raises ValueError with what the gateway says."""
    url = metadata[endpoint]
    answer = requests.post(url, data={**form, **assertion()}, headers=proof("POST", url), timeout=10)
    told: dict[str, str] = answer.json()
    if not answer.ok:
        raise ValueError(f"{told['error']}: {told['error_description']}")
    return told


def begin() -> str:
    """Push the request (RFC 9126); the browser carries a reference only."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    pushed = post(
        "pushed_authorization_request_endpoint",
        {
            "client_id": CLIENT_ID,
            "response_type": "code",
            "redirect_uri": REDIRECT_URI,
            "scope": "openid profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": base64url(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
            "claims": json.dumps({"id_token": {"acr": {"essential": True, "values": [LEVEL]}}}),
        },
    )
    pending[state] = {"verifier": verifier, "nonce": nonce}
    query = urlencode({"client_id": CLIENT_ID, "request_uri": pushed["request_uri"]})
    return f"{metadata['authorization_endpoint']}?{query}"


def finish(query: dict[str, str]) -> dict[str, object]:
    """Check the answer, redeem the code with a proof, verify the ID Token, fetch the person."""
    remembered = pending.pop(query["state"])  # unknown or used twice: KeyError, no login
    if query["iss"] != metadata["issuer"]:  # RFC 9207
        raise ValueError("answer of another issuer")
    if "error" in query:
        raise ValueError(f"{query['error']}: {query.get('error_description', '')}")
    tokens = post(
        "token_endpoint",
        {
            "grant_type": "authorization_code",
            "code": query["code"],
            "redirect_uri": REDIRECT_URI,
            "code_verifier": remembered["verifier"],
        },
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
    url, token = metadata["userinfo_endpoint"], tokens["access_token"]
    headers = {"Authorization": f"DPoP {token}", **proof("GET", url, token)}
    person = requests.get(url, headers=headers, timeout=10).json()
    if person["sub"] != id_token.claims["sub"]:  # Core §5.3.2
        raise ValueError("UserInfo of another person")
    signed_in["id_token"] = tokens["id_token"]
    return {"id_token": id_token.claims, "userinfo": person}


def end() -> str:
    """Where to send the citizen to end the gateway's session as well (RP-Initiated Logout §2)."""
    query = {"id_token_hint": signed_in.pop("id_token", ""), "post_logout_redirect_uri": f"{BASE}/bye"}
    return f"{metadata['end_session_endpoint']}?{urlencode(query)}"


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path in ("/", "/logout"):
            self.send_response(303)
            self.send_header("Location", begin() if parts.path == "/" else end())
            self.end_headers()
            return
        if parts.path not in ("/callback", "/bye"):
            self.send_error(404)
            return
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        try:
            shown = "logged out"
            if parts.path == "/callback":
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
