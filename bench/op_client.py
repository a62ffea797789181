"""A client of either class and its citizen's browser, the same for every provider: plain HTTP, nothing shared.

One flow: pushed request (``fapi2``), authorization, code to tokens, UserInfo. Where the provider knows a
session of the browser the authorization is one exchange; else the citizen goes through its pages.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urljoin, urlsplit

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

PUSH, AUTHORIZE, PAGES, TOKEN, USERINFO = (
    "pushed request",
    "authorization",
    "pages of the citizen",
    "code to tokens",
    "UserInfo",
)
_REFRESH = re.compile(r'http-equiv="refresh" content="0; url=([^"]+)"')
_RELEASE = re.compile(r'<form method="post" action="([^"]+/release)"')


class FlowFailed(Exception):
    """A provider answered otherwise than a flow needs; the text says where."""


class Key:
    """A P-256 key of the client: for its assertions, or for proofs of possession."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        numbers = self._key.public_key().public_numbers()
        x, y = (_base64url(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
        self.jwk = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
        canonical = json.dumps(self.jwk, sort_keys=True, separators=(",", ":"))
        self.thumbprint = _base64url(hashlib.sha256(canonical.encode()).digest())

    @property
    def private_jwk(self) -> dict[str, str]:
        secret = self._key.private_numbers().private_value.to_bytes(32, "big")
        return {**self.jwk, "d": _base64url(secret)}

    def sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """A JWS in compact form, ES256."""
        parts = ({**header, "alg": "ES256"}, claims)
        content = ".".join(_base64url(json.dumps(part).encode()) for part in parts)
        der = self._key.sign(content.encode(), ec.ECDSA(hashes.SHA256()))
        raw = b"".join(number.to_bytes(32, "big") for number in decode_dss_signature(der))
        return f"{content}.{_base64url(raw)}"


@dataclass(kw_only=True)
class Party:
    """One client with one browser; ``run`` does one flow."""

    http: httpx.Client
    issuer: str
    client_id: str
    redirect_uri: str
    secret: str | None = None
    """Of a client of class ``compat``; None: ``fapi2``, with ``assertions`` and ``proofs``."""
    assertions: Key = field(default_factory=Key)
    proofs: Key = field(default_factory=Key)
    step: str = ""
    """Which part of the flow the exchange under way belongs to."""
    exchanges: int = 0
    metadata: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.metadata = self.http.get(f"{self.issuer}/.well-known/openid-configuration").json()

    def run(self) -> dict[str, Any]:
        """UserInfo of the citizen; raises FlowFailed."""
        self.exchanges = 0
        verifier, state = secrets.token_urlsafe(32), secrets.token_urlsafe(16)
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid profile",
            "state": state,
            "nonce": secrets.token_urlsafe(16),
            "code_challenge": _base64url(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        if self.secret is None:
            parameters = self._push({**parameters, "dpop_jkt": self.proofs.thumbprint})
        answer = parse_qs(urlsplit(self._authorize(parameters)).query)
        if answer.get("state") != [state] or "code" not in answer:
            raise FlowFailed(f"authorization: {sorted(answer)}")
        tokens = self._redeem(answer["code"][0], verifier)
        return self._userinfo(tokens["access_token"])

    def _push(self, parameters: dict[str, str]) -> dict[str, str]:
        url = self.metadata["pushed_authorization_request_endpoint"]
        answer = self._exchange(PUSH, "POST", url, {**parameters, **self._assertion()})
        return {"client_id": self.client_id, "request_uri": str(_content(PUSH, answer, 201)["request_uri"])}

    def _authorize(self, parameters: dict[str, str]) -> str:
        """Follow the browser until it stands at the client's door; the address there."""
        url = f"{self.metadata['authorization_endpoint']}?{urlencode(parameters)}"
        answer = self._exchange(AUTHORIZE, "GET", url)
        for _ in range(12):
            if answer.is_redirect:
                url = urljoin(url, answer.headers["location"])
            elif refresh := _REFRESH.search(answer.text):
                url = unescape(refresh[1])
            elif release := _RELEASE.search(answer.text):
                url = urljoin(url, unescape(release[1]))
                answer = self._exchange(PAGES, "POST", url, {"decision": "release"})
                continue
            else:
                break
            if url.startswith(self.redirect_uri):
                return url
            answer = self._exchange(PAGES, "GET", url)
        raise FlowFailed(f"the pages lead nowhere: {answer.status_code} {answer.text[:2000]}")

    def _redeem(self, code: str, verifier: str) -> dict[str, Any]:
        url = self.metadata["token_endpoint"]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": verifier,
        }
        if self.secret is not None:
            words = f"{quote(self.client_id, safe='')}:{quote(self.secret, safe='')}"
            headers = {"authorization": f"Basic {b64encode(words.encode()).decode()}"}
        else:
            form |= self._assertion()
            headers = {"dpop": self._proof("POST", url)}
        return _content(TOKEN, self._exchange(TOKEN, "POST", url, form, headers), 200)

    def _userinfo(self, access_token: str) -> dict[str, Any]:
        url = self.metadata["userinfo_endpoint"]
        headers = {"authorization": f"Bearer {access_token}"}
        if self.secret is None:
            proof = self._proof("GET", url, access_token)
            headers = {"authorization": f"DPoP {access_token}", "dpop": proof}
        claims = _content(USERINFO, self._exchange(USERINFO, "GET", url, headers=headers), 200)
        if not {"sub", "family_name", "given_name", "birthdate"} <= claims.keys():
            raise FlowFailed(f"UserInfo has {sorted(claims)} only")
        return claims

    def _assertion(self) -> dict[str, str]:
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.issuer,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + 60,
        }
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        signed = self.assertions.sign({"kid": "a"}, claims)
        return {"client_id": self.client_id, "client_assertion_type": kind, "client_assertion": signed}

    def _proof(self, method: str, url: str, access_token: str | None = None) -> str:
        claims = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": url, "iat": int(time.time())}
        if access_token is not None:
            claims["ath"] = _base64url(hashlib.sha256(access_token.encode()).digest())
        return self.proofs.sign({"typ": "dpop+jwt", "jwk": self.proofs.jwk}, claims)

    def _exchange(
        self,
        step: str,
        method: str,
        url: str,
        form: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        self.step = step
        self.exchanges += 1
        # A browser says where its forms come from; a client's own calls do not.
        own = {"origin": self.issuer} if step == PAGES and method == "POST" else {}
        return self.http.request(method, url, data=form, headers={**own, **(headers or {})})


def _content(step: str, answer: httpx.Response, status: int) -> dict[str, Any]:
    if answer.status_code != status:
        raise FlowFailed(f"{step}: {answer.status_code} {answer.text[:500]}")
    content: dict[str, Any] = answer.json()
    return content


def _base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()
