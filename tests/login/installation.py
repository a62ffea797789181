"""A whole gateway around a fake source of identity, and a browser that keeps cookies as browsers do."""

from __future__ import annotations

import re
import tempfile
from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec

from connectors.contract import Connector
from connectors.identity import PersonKind
from gateway.app import Application, build
from gateway.bundle import Configuration
from gateway.client_settings import Client
from gateway.own_keys.loaded import LoadedKey
from gateway.settings import (
    GatewaySection,
    KeyPurpose,
    KeySection,
    KeyState,
    LimitsSection,
    ListenSection,
    Mode,
    RateSection,
    RegistrationSection,
    Settings,
)
from gateway.store import StoreAddress
from gateway.web.render import Renderer
from gateway.web.static_files import StaticFiles
from tests.login.fake_account import ACCOUNTS, FakeAccount
from tests.login.fake_card import FakeCard, card_settings
from tests.login.fake_source import FakeSource
from trust.keys import InMemoryKey
from trust.log import migrate, open_database

ISSUER = "https://id.example"
CALLBACK = "https://service.example/callback"
SECRET = "s3cret-of-the-service"
VERIFIER = "v" * 43
NODE = "https://node.example"


@dataclass
class Clock:
    """A time that tests can move."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        self.now += timedelta(**delta)


def client(**changes: object) -> Client:
    fields: dict[str, object] = {
        "client_id": "amt24",
        "name": {"de": "Amt24"},
        "operator": {"de": "Freistaat Sachsen"},
        "purpose": {"de": "Antrag"},
        "home_url": "https://service.example/",
        "redirect_uris": (CALLBACK,),
        "client_secret_sha256": sha256(SECRET.encode()).hexdigest(),
        "required": ("family_name", "given_name"),
        "optional": ("date_of_birth", "birth_name"),
    }
    return Client.model_validate({**fields, **changes})


def configuration(
    directory: Path,
    *clients: Client,
    issuer: str = ISSUER,
    rate: RateSection | None = None,
    database: str = "audit.sqlite3",
    accounts: tuple[str, ...] = (),
    start_on: tuple[str, ...] = (),
    registration: RegistrationSection | None = None,
    registration_token: str | None = None,
    listen: ListenSection | None = None,
) -> Configuration:
    """``start_on``: the ways of an Online-Ausweis, if there is one."""
    key = InMemoryKey(ec.generate_private_key(ec.SECP256R1()))
    development = issuer.startswith("http:")
    return Configuration(
        directory=directory,
        settings=Settings(
            gateway=GatewaySection(
                issuer=issuer,
                mode=Mode.DEVELOPMENT if development else Mode.PRODUCTION,
                name={"de": "Ausweis-Dienst"},
                operator={"de": "Sachsen"},
            ),
            keys=(KeySection(id="k", purpose=KeyPurpose.OIDC_SIGNING, private_key="file:k"),),
            listen=listen or ListenSection(),
            limits=LimitsSection(),
            rate=rate or RateSection(authorize=0, callback=0, token=0),
            registration=registration or RegistrationSection(),
        ),
        anchors={},
        connectors={
            **{name: ACCOUNTS[name] for name in accounts},
            **({"npa": card_settings(start_on)} if start_on else {}),
        },
        countries=(),
        clients={registered.client_id: registered for registered in clients or (client(),)},
        keys={
            KeyPurpose.OIDC_SIGNING: (
                LoadedKey(id="k", purpose=KeyPurpose.OIDC_SIGNING, state=KeyState.ACTIVE, key=key),
            )
        },
        subject_key=bytes(32),
        store_password=None,
        registration_token=registration_token,
        database_url=sa.make_url(f"sqlite:///{directory / database}?timeout=0.2"),
    )


@dataclass
class Installation:
    """A running gateway; ``source`` is who answers, ``clock`` the time it believes."""

    application: Application
    source: FakeSource
    clock: Clock
    database: Path
    issuer: str = ISSUER
    accounts: dict[str, FakeAccount] = field(default_factory=dict)
    card: FakeCard = field(default_factory=FakeCard)
    """Only with ``install(..., card=True)`` does anybody ask it."""

    def browser(self) -> Browser:
        return Browser(self)

    def events(self) -> list[str]:
        self.application.log.flush()
        return [entry.event for entry in self.application.log.entries()]

    def log_text(self) -> str:
        self.application.log.flush()
        return "".join(entry.body for entry in self.application.log.entries())


@cache
def _migrated() -> bytes:
    """A database as the migrations leave it; they take longer than many a test."""
    with tempfile.TemporaryDirectory(prefix="eid-gateway-") as directory:
        file = Path(directory) / "migrated.sqlite3"
        engine = open_database(f"sqlite:///{file}")
        migrate(engine)
        engine.dispose()
        return file.read_bytes()


def renderer_of(configured: Configuration) -> Renderer:
    """The pages, compiled once for all gateways of one site."""
    return _renderer(configured.settings.gateway.model_dump_json())


@cache
def _renderer(site: str) -> Renderer:
    section = GatewaySection.model_validate_json(site)
    return Renderer(section, StaticFiles(base_path=urlsplit(section.issuer).path))


def install(
    directory: Path, address: StoreAddress, *clients: Client, card: bool = False, **options: object
) -> Installation:
    """Build and start; the caller stops ``application``."""
    configured = configuration(directory, *clients, **options)  # type: ignore[arg-type]  # as the test says
    database = Path(configured.database_url.database or "")
    if not database.exists():
        database.write_bytes(_migrated())
    source, clock = FakeSource(), Clock()
    accounts = {
        name: FakeAccount(name, PersonKind.LEGAL if name == "muk" else PersonKind.NATURAL)
        for name in configured.accounts
    }
    online_card = FakeCard()
    connectors: dict[str, Connector] = {"eidas": source, **accounts}
    if card:
        connectors["npa"] = online_card
    application = build(
        configured, address, clock=clock, connectors=connectors, renderer=renderer_of(configured)
    )
    application.log.start()
    return Installation(
        application=application,
        source=source,
        clock=clock,
        database=database,
        issuer=configured.settings.gateway.issuer,
        accounts=accounts,
        card=online_card,
    )


class Browser:
    """Keeps cookies with their attributes and sends them as RFC 6265bis says.

    ``cross_site=True`` marks a request that another site's page started: a POST then carries
    ``SameSite=None`` cookies only (security.md B.3: a client that always sends cookies hides faults).
    """

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.issuer = installation.issuer
        self.jar: dict[str, tuple[str, str]] = {}
        self.set_cookies: list[str] = []
        transport = httpx.ASGITransport(app=installation.application.public, client=("203.0.113.9", 4711))
        self._http = httpx.AsyncClient(transport=transport, base_url=self.issuer)

    async def request(
        self,
        method: str,
        path: str,
        *,
        data: dict[str, str] | list[tuple[str, str]] | None = None,
        cross_site: bool = False,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        sent = dict(headers or {})
        lax = not (cross_site and method == "POST")
        cookies = [f"{name}={value}" for name, (value, site) in self.jar.items() if lax or site == "none"]
        if cookies:
            sent["cookie"] = "; ".join(cookies)
        content = None
        if data is not None:
            content = urlencode(data).encode()
            sent.setdefault("content-type", "application/x-www-form-urlencoded")
        response = await self._http.request(method, path, content=content, headers=sent)
        self._http.cookies.clear()  # ours is the only jar
        for line in response.headers.get_list("set-cookie"):
            self._keep(line)
        return response

    async def get(self, path: str, **options: object) -> httpx.Response:
        return await self.request("GET", path, **options)  # type: ignore[arg-type]  # as there

    async def post(self, path: str, data: dict[str, str], **options: object) -> httpx.Response:
        return await self.request("POST", path, data=data, **options)  # type: ignore[arg-type]  # as there

    def _keep(self, line: str) -> None:
        self.set_cookies.append(line)
        parsed: SimpleCookie = SimpleCookie(line)
        for name, morsel in parsed.items():
            if morsel["max-age"] == "0":
                self.jar.pop(name, None)
            else:
                self.jar[name] = (morsel.value, morsel["samesite"].lower())

    # ------------------------------------------------------------------ the steps of a login

    async def authorize(self, **changes: str) -> str:
        """Start at the service; gives the path of the journey."""
        response = await self.get(authorize_path(**changes))
        assert response.status_code == 303, response.text
        location: str = response.headers["location"]
        return location

    async def begin(self, journey: str, country: str = "GR") -> str:
        """Choose a country; gives the RelayState that the node gets."""
        response = await self.post(f"{journey}/start", {"means": "eidas", "country": country})
        assert response.status_code == 200, response.text
        return relay_of(target_of(response))

    async def begin_account(self, journey: str, means: str = "bundid", **fields: str) -> str:
        """Choose a user account; gives the RelayState that it gets."""
        response = await self.post(f"{journey}/start", {"means": means, **fields})
        assert response.status_code == 200, response.text
        return relay_of(target_of(response))

    async def answer(self, relay: str, connector: str = "eidas", **fields: str) -> httpx.Response:
        """The node's answer, posted across sites."""
        form = {"RelayState": relay, "answer": "genuine", **fields}
        return await self.post(f"/connectors/{connector}/acs", form, cross_site=True)

    async def identified(self, **changes: str) -> str:
        """All steps up to the release page; gives the path of the journey."""
        journey = await self.authorize(**changes)
        response = await self.answer(await self.begin(journey))
        assert response.headers["location"] == f"{journey}/release", response.text
        return journey

    async def release(self, journey: str, *optional: str) -> httpx.Response:
        fields = [("decision", "release"), *(("optional", name) for name in optional)]
        return await self.request("POST", f"{journey}/release", data=fields)

    async def redeem(self, code: str) -> httpx.Response:
        basic = b64encode(f"amt24:{SECRET}".encode()).decode()
        return await self.post(
            "/token",
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": CALLBACK,
                "code_verifier": VERIFIER,
            },
            headers={"authorization": f"Basic {basic}"},
        )


def authorize_path(**changes: str) -> str:
    challenge = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    parameters = {
        "client_id": "amt24",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid identity",
        "state": "st",
        "nonce": "no",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **changes,
    }
    return f"/authorize?{urlencode(parameters)}"


def target_of(response: httpx.Response) -> str:
    """Where a page leads: the address of its ``meta refresh``."""
    found = re.search(r'http-equiv="refresh"\s+content="\d+;\s*url=([^"]+)"', response.text, re.IGNORECASE)
    assert found, response.text
    return unescape(found[1])


def relay_of(url: str) -> str:
    return dict(parse_qsl(urlsplit(url).query))["RelayState"]


def query_of(response: httpx.Response) -> dict[str, str]:
    """Parameters that the client gets."""
    target = target_of(response)
    assert target.startswith(CALLBACK)
    return dict(parse_qsl(urlsplit(target).query))
