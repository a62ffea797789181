"""The console as a whole, without a socket, and browsers of people with passkeys in front of it."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import httpx
import sqlalchemy as sa
from starlette.types import ASGIApp

from gateway.admin.listener import build_console
from gateway.admin.render import AdminRenderer
from gateway.admin.routes import navigation
from gateway.audit import Audit
from gateway.live import Generation, Live
from gateway.probes.assembly import probe_desk
from gateway.probes.schedule import ProbeDesk
from gateway.settings import GatewaySection
from gateway.settings.operations import ConsoleSection
from gateway.store import Store, StoreAddress, connect
from gateway.web.static_files import StaticFiles
from tests.login.installation import Clock, configuration
from tests.support.migrated import migrate
from tests.trust.registry.passkey import ORIGIN, Passkey
from tests.trust.registry.people import ANNA, BERT
from trust.log import AppendOnlyLog, open_database
from trust.registry import (
    Approver,
    ChangeClass,
    Document,
    Edit,
    EntryStore,
    Fold,
    ObjectKey,
    Registry,
    Role,
)

OLGA, VERA = "o.dienst", "v.blick"
"""An operator and a viewer."""
ROLES = {ANNA: Role.APPROVER, BERT: Role.APPROVER, OLGA: Role.OPERATOR, VERA: Role.VIEWER}


async def nothing(scope: object, receive: object, send: object) -> None:
    """The public listener, which no page of the console asks."""


@dataclass
class Console:
    """``registry`` is that of the process; ``live`` holds what is in force, which tests may set."""

    application: ASGIApp
    store: Store
    registry: Registry
    live: Live
    engine: sa.Engine
    log: AppendOnlyLog
    clock: Clock
    passkeys: dict[str, Passkey]
    probes: ProbeDesk
    invalid: list[str] = field(default_factory=list)
    """What is wrong with any state that is proposed."""

    def browser(self) -> Browser:
        return Browser(self)

    async def sign_in(self, person: str) -> Browser:
        browser = self.browser()
        await browser.sign_in(self.passkeys[person])
        return browser

    def edit(self, key: ObjectKey, after: Document | None) -> Edit:
        now = self.registry.follow().state.objects.get(key)
        return Edit(key=key, before=None if now is None else now.digest, after=after)

    def put(self, key: ObjectKey, after: Document | None) -> str:
        """A change in force, by Anna and Bert; gives its hash."""
        return self.decide(self.edit(key, after))

    def propose(self, person: str, change_class: ChangeClass, edits: Iterable[Edit]) -> str:
        """A change with the signature of ``person``; gives its hash."""
        self.registry.follow()
        change = self.registry.draft(
            change_class, edits, reason="because", evidence="file 1", proposer=person, now=self.clock()
        )
        signature = self.passkeys[person].signs(change.change_hash, person)
        self.registry.propose(change, approval=signature, now=self.clock())
        return change.change_hash

    def decide(self, *edits: Edit, change_class: ChangeClass = ChangeClass.ORDINARY) -> str:
        change = self.propose(ANNA, change_class, edits)
        second = self.passkeys[BERT].signs(change, BERT)
        assert self.registry.approve(second, now=self.clock()).waiting is None
        self.live.swap(generation(self.live.current, self.registry.known))
        return change

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Name and body of each audit event, oldest first."""
        with self.engine.connect() as connection:
            rows = connection.execute(sa.text("SELECT event, body FROM log ORDER BY seq")).all()
        return [(row.event, json.loads(row.body)) for row in rows]

    async def close(self) -> None:
        await self.store.close()
        self.log.stop()
        self.engine.dispose()


@dataclass
class Browser:
    """Keeps cookies, sends what browsers send, and answers with a passkey where a page asks for one."""

    console: Console
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self._send("GET", path, None, headers)

    async def post(
        self, path: str, data: Mapping[str, str] | None = None, files: Any = None, **headers: str
    ) -> httpx.Response:
        own = {"origin": ORIGIN, "sec-fetch-site": "same-origin", **headers}
        return await self._send("POST", path, data or {}, own, files)

    async def sign_in(self, passkey: Passkey, to: str = "/") -> httpx.Response:
        page = await self.get(f"/sign-in?to={to}")
        return await self.answer(page, passkey)

    async def answer(
        self, page: httpx.Response, passkey: Passkey, fields: Mapping[str, str] = MappingProxyType({}),
        action: str | None = None, **crafted: Any,
    ) -> httpx.Response:  # fmt: skip
        """Fill in the page's form (the one of ``action``) that asks for a passkey, and send it."""
        asked = passkey_form(page, action)
        challenge = asked.challenge
        if asked.kind == "create":
            answer = passkey.registration(challenge, **crafted)
        else:
            passkey.counter += 1
            crafted = {"challenge": challenge, "counter": passkey.counter, **crafted}
            answer = passkey.approve("00" * 32, "", **crafted).assertion
        sent = {**asked.fields, **fields, "assertion": json.dumps(answer)}
        return await self.post(asked.action, sent)

    async def _send(
        self,
        method: str,
        path: str,
        data: Mapping[str, str] | None,
        headers: dict[str, str],
        files: Any = None,
    ) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.console.application)
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers.setdefault("accept-language", "en")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            response = await client.request(method, path, data=data, files=files, headers=named)
        for line in response.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return response


@dataclass(frozen=True)
class PasskeyForm:
    action: str
    kind: str
    options: dict[str, Any]
    fields: dict[str, str]

    @property
    def challenge(self) -> bytes:
        text = self.options["challenge"]
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def passkey_form(page: httpx.Response, action: str | None = None) -> PasskeyForm:
    """The first form of the page that asks for a passkey (and is sent to ``action``)."""
    for found in re.finditer(r"<form ([^>]*data-passkey[^>]*)>(.*?)</form>", page.text, re.DOTALL):
        attributes = dict(re.findall(r'([a-z-]+)="([^"]*)"', found[1]))
        if action in {None, attributes["action"]}:
            fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found[2])
            return PasskeyForm(
                action=attributes["action"],
                kind=attributes["data-passkey"],
                options=json.loads(unescape(attributes["data-options"])),
                fields={name: unescape(value) for name, value in fields},
            )
    raise AssertionError(f"no form asks for a passkey: {page.status_code} {page.text}")


def generation(before: Generation, fold: Fold) -> Generation:
    return Generation(
        configuration=before.configuration,
        connectors=before.connectors,
        fold=fold,
        suspended=fold.state.suspended,
        since=before.since,
        public=before.public,
        mtls=None,
        back_channel=before.back_channel,
    )


def passkeys(url: str) -> dict[str, Passkey]:
    host = urlsplit(url).hostname or ""
    return {
        name: Passkey(credential_id=f"credential of {name}".encode(), rp_id=host, origin=url)
        for name in ROLES
    }


def approvers(made: Mapping[str, Passkey]) -> dict[str, Approver]:
    return {
        name: Approver(name=name.title(), credentials=(passkey.credential,), role=ROLES[name])
        for name, passkey in made.items()
    }


@cache
def renderer(site: str, *, https: bool) -> AdminRenderer:
    """Templates and words are the same for every console here, and take half a second."""
    section = GatewaySection.model_validate_json(site)
    return AdminRenderer(section, StaticFiles(), https=https, navigation=navigation())


def open_console(
    directory: Path,
    address: StoreAddress,
    *,
    ceremony: bool = True,
    url: str = ORIGIN,
    now: datetime | None = None,
    **section: Any,
) -> Console:
    clock = Clock() if now is None else Clock(now)
    base = configuration(directory)
    settings = base.settings.model_copy(
        update={"console": ConsoleSection(url=url, per_minute=section.pop("per_minute", 0), **section)}
    )
    database = base.database_url.render_as_string(hide_password=False)
    engine = open_database(database)
    migrate(engine)
    log = AppendOnlyLog(open_database(database))
    log.start()
    invalid: list[str] = []
    registry = Registry(EntryStore(engine), validate=lambda _: invalid)
    made = passkeys(url)
    if ceremony:
        registry.initialise(approvers(made), reason="first", evidence="minutes", proposer="root", now=clock())
    live = Live(
        Generation(
            configuration=base,
            connectors={},
            fold=registry.known,
            since=clock(),
            public=nothing,
            mtls=None,
            back_channel=None,  # type: ignore[arg-type]  # the console never logs anybody out
        )
    )
    store = Store(connect(address), clock=lambda: clock().timestamp())
    audit = Audit(log)
    probes = probe_desk(base, live, store, audit, engine, clock=clock)
    application = build_console(
        live=live,
        registry=registry,
        store=store,
        audit=audit,
        settings=settings,
        directory=directory,
        engine=engine,
        clock=clock,
        probes=probes,
        render=renderer(base.settings.gateway.model_dump_json(), https=url.startswith("https")),
    )
    assert application is not None
    return Console(application, store, registry, live, engine, log, clock, made, probes, invalid)
