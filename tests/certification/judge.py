"""The certification suite's side of a whole gateway: its clients, its checks and its browser.

The suite drives pages with HtmlUnit. ``Judge.walk`` therefore does only what such a browser can be trusted
with: links, plain forms and ``meta refresh``; and ``old_browser`` refuses a page that would need more.
Everything goes over HTTP, the citizen's pages included; the source of identity is ``FakeSource``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import KeySet
from lxml import html

from sandbox.browser import Form, Page, read_page
from tests.login.installation import ISSUER, NODE, SECRET, Browser, Installation
from tests.oidc.tokens import compact, jwk, signer

CALLBACK = "https://suite.example/test/a/gateway/callback"
MTLS = "https://mtls.id.example"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KEYS = {
    name: ec.generate_private_key(ec.SECP256R1()) for name in ("client", "client2", "signing", "key-and-mtls")
}
LONG_STATE = "s" * 1024

_ELSEWHERE = re.compile(r"<(dialog|template|canvas|slot)\b|\bform(action|method|enctype|target|novalidate)?=")
_HANDLER = re.compile(r"<[^>]*\son[a-z]+=", re.IGNORECASE)


@dataclass(kw_only=True)
class Landed:
    """Where a walk through the pages ended."""

    parameters: dict[str, str] = field(default_factory=dict)
    """What came to the redirect URI; empty: it was not reached."""
    page: Page | None = None
    """The page it ended on, if on one of ours."""
    address: str | None = None
    """Where the browser was sent, without the query."""
    pages: list[str] = field(default_factory=list)
    """Paths of the pages the citizen saw."""

    @property
    def code(self) -> str:
        assert "code" in self.parameters, self.parameters or (self.page and self.page.text)
        return self.parameters["code"]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A verifier and its challenge (RFC 7636)."""

    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def old_browser(text: str) -> None:
    """The page works without scripts and in an engine that knows HTML as it was before HTML5's forms."""
    assert not _ELSEWHERE.search(text), _ELSEWHERE.search(text)
    assert not _HANDLER.search(text), _HANDLER.search(text)
    root = html.document_fromstring(text)
    assert root.get("lang"), "no language"
    for control in root.iter("button", "input", "select", "textarea"):
        if control.get("type") == "search":  # hidden until its script has run
            continue
        assert any(ancestor.tag == "form" for ancestor in control.iterancestors()), control.attrib
    for form in root.iter("form"):
        assert not [inner for inner in form.iter("form") if inner is not form]
        assert [button for button in form.iter("button", "input") if button.get("type") == "submit"]
    for script in root.iter("script"):
        assert script.get("src"), "a script inside the page"
        assert script.get("type") != "module"


class Judge:
    """One user of the suite: a browser with its cookies, and the back channel of its clients."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.clock = installation.clock
        self.browser = Browser(installation)
        self.keys: KeySet | None = None
        application = installation.application
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=application.public), base_url=ISSUER, follow_redirects=False
        )
        self.mtls = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=application.mtls or application.public), base_url=MTLS
        )

    @property
    def now(self) -> int:
        return int(self.clock().timestamp())

    async def metadata(self) -> dict[str, Any]:
        """The discovery document, checked as each of the suite's modules does first."""
        response = await self.http.get("/.well-known/openid-configuration")
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/json"
        document: dict[str, Any] = response.json()
        assert document["issuer"] == ISSUER
        return document

    async def jwks(self) -> KeySet:
        if self.keys is None:
            document = (await self.http.get("/jwks")).json()
            for key in document["keys"]:
                assert key["kid"]
                assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & key.keys()
            self.keys = KeySet.import_key_set(document)
        return self.keys

    async def read(self, text: str, algorithms: tuple[str, ...] = ("ES256", "RS256")) -> jwt.Token:
        """A JWT of ours, its signature checked with the key its ``kid`` names."""
        header = json.loads(base64.urlsafe_b64decode(text.split(".", maxsplit=1)[0] + "=="))
        assert header["kid"] in [key.kid for key in (await self.jwks()).keys]
        return jwt.decode(text, await self.jwks(), algorithms=list(algorithms))

    # ------------------------------------------------------------------------------- the citizen's part

    async def walk(
        self,
        url: str,
        *,
        form: dict[str, str] | None = None,
        decide: str = "release",
        cross_site: bool = False,
        until: str | None = None,
        **answered: str,
    ) -> Landed:
        """Follow the pages from ``url``, as a citizen who identifies and decides so.

        ``until``: stop at the first page whose path ends so. ``answered``: fields of the node's answer.
        """
        landed = Landed()
        method, data = ("GET", None) if form is None else ("POST", list(form.items()))
        for _ in range(20):
            response = await self.browser.request(method, _path(url), data=data, cross_site=cross_site)
            method, data, cross_site = "GET", None, False
            if response.status_code in {301, 302, 307, 308}:
                raise AssertionError(f"status {response.status_code}: 303 only (FAPI 2.0 SP §5.3.2.2)")
            if response.status_code == 303:
                url = response.headers["location"]
                if _ours(url):
                    continue
                return _arrived(landed, url)
            page = read_page(ISSUER + _path(url), response)
            landed.pages.append(urlsplit(page.url).path)
            assert "html" in response.headers["content-type"], response.text
            old_browser(page.text)
            if page.status >= 400 or (until and landed.pages[-1].endswith(until)):
                landed.page = page
                return landed
            if page.refresh is not None:
                url = page.refresh
                if url.startswith(NODE):
                    url, data = "/connectors/eidas/acs", _node(url, answered)
                    method, cross_site = "POST", True
                elif not _ours(url):
                    return _arrived(landed, url)
                continue
            step = _choose(page, decide)
            if step is None:
                landed.page = page
                return landed
            sent, chosen = step
            if not _ours(sent.action):
                landed.address, landed.parameters = sent.action, dict(sent.fields)
                return landed
            url, method, data = sent.action, sent.method.upper(), [*sent.fields, *chosen]
        raise AssertionError(f"no end: {landed.pages}")

    def request(self, client_id: str = "suite", **changes: str | None) -> dict[str, str]:
        """An authorization request as the Basic plan makes it: no PKCE."""
        values = {
            "client_id": client_id,
            "redirect_uri": CALLBACK,
            "scope": "openid",
            "state": secrets.token_urlsafe(8),
            "nonce": secrets.token_urlsafe(8),
            "response_type": "code",
            **changes,
        }
        return {name: value for name, value in values.items() if value is not None}

    # ---------------------------------------------------------------------------------- the back channel

    async def token(
        self,
        landed: Landed,
        client_id: str = "suite",
        *,
        post: bool = False,
        **more: str,
    ) -> httpx.Response:
        """Redeem by secret, in the header or with ``post`` in the form."""
        form = {"grant_type": "authorization_code", "code": landed.code, "redirect_uri": CALLBACK, **more}
        headers = {}
        if post:
            form |= {"client_id": client_id, "client_secret": SECRET}
        else:
            headers["authorization"] = "Basic " + base64.b64encode(f"{client_id}:{SECRET}".encode()).decode()
        return await self.http.post("/token", data=form, headers=headers)

    async def tokens(
        self, asked: dict[str, str], landed: Landed, *, post: bool = False, **more: str
    ) -> dict[str, Any]:
        """Authorization response, token response and ID token, checked as in every positive module."""
        assert landed.parameters["state"] == asked["state"]
        assert landed.parameters["iss"] == ISSUER
        response = await self.token(landed, asked["client_id"], post=post, **more)
        return await self.checked(asked, response)

    async def checked(self, asked: dict[str, str], response: httpx.Response) -> dict[str, Any]:
        """A token response, as the suite checks it; with the ID token's claims as ``claims``."""
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/json"
        assert "no-store" in response.headers["cache-control"]
        answer: dict[str, Any] = response.json()
        assert isinstance(answer["access_token"], str)
        assert len(answer["access_token"]) >= 22
        assert isinstance(answer["expires_in"], int)
        assert answer["expires_in"] > 0
        claims = (await self.read(str(answer["id_token"]))).claims
        assert claims["iss"] == ISSUER
        assert claims["aud"] in (asked["client_id"], [asked["client_id"]])
        assert claims.get("azp") in {None, asked["client_id"]}
        assert claims["exp"] > self.now
        assert abs(claims["iat"] - self.now) <= 10
        assert 0 < len(claims["sub"].encode("ascii")) <= 255
        assert claims.get("nonce") == asked.get("nonce")
        assert None not in claims.values()
        return {**answer, "claims": claims}

    async def log_in(self, client_id: str = "suite", **changes: str | None) -> dict[str, Any]:
        """A whole positive module: pages, tokens, and UserInfo at the end."""
        asked = self.request(client_id, **changes)
        landed = await self.walk(f"/authorize?{urlencode(asked)}")
        found = await self.tokens(asked, landed)
        return {**found, "pages": landed.pages, "userinfo": await self.userinfo(found)}

    async def userinfo(self, found: dict[str, Any]) -> dict[str, Any]:
        response = await self.http.get(
            "/userinfo", headers={"authorization": f"Bearer {found['access_token']}"}
        )
        return self.person(found, response)

    @staticmethod
    def person(found: dict[str, Any], response: httpx.Response) -> dict[str, Any]:
        """A UserInfo answer that belongs to the ID token."""
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/json"
        answer: dict[str, Any] = response.json()
        claims = found["claims"]
        assert isinstance(claims, dict)
        assert answer["sub"] == claims["sub"]
        return answer

    def error(self, asked: dict[str, str], landed: Landed, *codes: str) -> None:
        """An error response at the redirect URI, as the suite checks it (RFC 6749 §4.1.2.1)."""
        parameters = landed.parameters
        assert parameters.get("error") in codes, (parameters, landed.page and landed.page.text)
        assert parameters.get("state") == asked.get("state")
        assert parameters["iss"] == ISSUER
        assert parameters.keys() <= {"error", "error_description", "error_uri", "state", "iss"}
        assert re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]+", parameters["error_description"])

    @staticmethod
    def page(landed: Landed) -> Page:
        """A page of ours in place of an answer to the client: nothing is redirected."""
        assert landed.page is not None, landed.parameters
        assert landed.page.status == 400
        assert landed.page.refresh is None
        return landed.page

    @staticmethod
    def refused(response: httpx.Response, *codes: str) -> None:
        """An error response of an endpoint that clients call (RFC 6749 §5.2)."""
        assert response.status_code in {400, 401}, response.text
        assert response.headers["content-type"] == "application/json"
        answer = response.json()
        assert answer["error"] in codes, answer
        assert response.status_code == 400 or answer["error"] == "invalid_client"
        assert re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]+", answer["error_description"])
        assert urlsplit(answer["error_uri"]).scheme == "https"

    def assertion(self, client_id: str, *, key: str | None = None, **changes: object) -> dict[str, str]:
        """The parameters of ``private_key_jwt``; a change to None leaves a claim out."""
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": ISSUER,
            "jti": secrets.token_hex(8),
            "iat": self.now,
            "exp": self.now + 60,
            **changes,
        }
        signed = sign(key or client_id, {"typ": "JWT"}, claims)
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}

    def proof(
        self,
        method: str,
        path: str,
        *,
        access_token: str | None = None,
        key: ec.EllipticCurvePrivateKey | None = None,
        header: dict[str, Any] | None = None,
        **changes: object,
    ) -> str:
        """A DPoP proof; a change to None leaves a claim or a header member out."""
        holder = key or KEYS["client"]
        claims: dict[str, Any] = {
            "jti": secrets.token_hex(8),
            "htm": method,
            "htu": ISSUER + path,
            "iat": self.now,
        }
        if access_token is not None:
            digest = hashlib.sha256(access_token.encode()).digest()
            claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return sign(holder, {"typ": "dpop+jwt", "jwk": jwk(holder), **(header or {})}, {**claims, **changes})


def sign(key: str | ec.EllipticCurvePrivateKey, header: dict[str, Any], claims: dict[str, Any]) -> str:
    """An ES256 JWS with everything that is not None."""
    if isinstance(key, str):
        header, key = {"kid": key, **header}, KEYS[key]
    parts = (
        {name: value for name, value in part.items() if value is not None}
        for part in ({"alg": "ES256", **header}, claims)
    )
    signed: str = compact(*parts, signer(key, "ES256"))
    return signed


def _choose(page: Page, decide: str) -> tuple[Form, list[tuple[str, str]]] | None:
    """The form that a citizen sends on this page, and the button."""
    for form in page.forms:
        if "country" in form.choices:
            return form, [("country", "GR")]
        if "decision" in form.choices:
            return form, [("decision", decide)]
        if "confirm" in form.choices:
            return form, [("confirm", form.choices["confirm"][0])]
        if not _ours(form.action):
            return form, []
    return None


def _ours(url: str) -> bool:
    return url.startswith((f"{ISSUER}/", "/"))


def _path(url: str) -> str:
    return url.removeprefix(ISSUER)


def _node(url: str, answered: dict[str, str]) -> list[tuple[str, str]]:
    relay = dict(parse_qsl(urlsplit(url).query))["RelayState"]
    return list({"RelayState": relay, "answer": "genuine", **answered}.items())


def _arrived(landed: Landed, url: str) -> Landed:
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    landed.parameters = dict(pairs)
    assert len(landed.parameters) == len(pairs)
    landed.address = f"{parts.scheme}://{parts.netloc}{parts.path}"
    return landed
