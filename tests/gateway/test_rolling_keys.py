"""A running gateway rolls its own keys on their dates; no login in flight notices (security.md D.7)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from connectors.contract import Connector
from connectors.eidas import EIDASConnector
from gateway.app import Application, build
from gateway.audit import Audit, AuditUnavailable
from gateway.bundle import load
from gateway.bundle.objects import read_bundle
from gateway.own_keys.calendar import key_states
from gateway.own_keys.events import KeyEvents
from gateway.store import StoreAddress
from tests.gateway.key_calendar import DAY, HOUR, calendar, write
from tests.gateway.registry_bundle import directory, keys
from tests.gateway.test_bundle import CLIENT
from tests.gateway.two_nodes import TwoNodes
from tests.login.fake_source import FakeSource
from tests.login.installation import SECRET, Browser, Clock, query_of, renderer_of
from tests.support.migrated import migrate
from tests.support.running_gateway import address, anyio_backend
from tests.trust.registry.people import People
from trust.keys import spki
from trust.log import LogUnavailable, open_database
from trust.registry import ObjectKey
from trust.registry.edits import edits_towards

__all__ = ["address", "anyio_backend", "calendar", "directory", "keys"]
pytestmark = pytest.mark.anyio

MD, DS = "{urn:oasis:names:tc:SAML:2.0:metadata}", "{http://www.w3.org/2000/09/xmldsig#}"


@pytest.fixture
def clock() -> Clock:
    moving = Clock()
    moving.now = moving.now.replace(microsecond=0)
    return moving


@pytest.fixture
async def land(calendar: Path, clock: Clock, address: StoreAddress) -> AsyncIterator[TwoNodes]:
    """The calendar rolls ``oidc``, and with it every SAML key, in five days."""
    client = calendar / "registry/clients/amt24.toml"
    secret = sha256(SECRET.encode()).hexdigest()
    client.write_text(CLIENT.replace(sha256(b"secret").hexdigest(), secret), "utf-8")
    roll_everything(calendar, clock)
    source = FakeSource()
    nodes = running(calendar, clock, address, {"eidas": source})
    await nodes[0].store._client.execute_command("FLUSHALL")  # leases of the test before
    for node in nodes:
        node.log.start()
    yield TwoNodes(directory=calendar, nodes=nodes, source=source, clock=clock)
    for node in nodes:
        await node.stop()


def roll_everything(directory: Path, clock: Clock) -> None:
    for name, purpose in (
        ("oidc", "oidc-signing"),
        ("saml-signing", "saml-signing"),
        ("saml-decryption", "saml-decryption"),
        ("saml-metadata", "saml-metadata-signing"),
    ):
        now = clock()
        write(directory, f"{name}-new", purpose, publish_from=now + DAY, active_from=now + 5 * DAY)
        write(directory, name, purpose, retire_from=now + 5 * DAY, gone_from=now + 9 * DAY)


def running(
    directory: Path, clock: Clock, address: StoreAddress, connectors: dict[str, Connector] | None
) -> tuple[Application, Application]:
    configuration = load(directory)
    engine = open_database(configuration.database_url.render_as_string(hide_password=False))
    migrate(engine)
    engine.dispose()
    first, second = (
        build(configuration, address, clock=clock, connectors=connectors, renderer=renderer_of(configuration))
        for _ in range(2)
    )
    return first, second


async def published(browser: Browser) -> list[str]:
    found = (await browser.get("/jwks")).json()["keys"]
    return [key["kid"] for key in found]


class Service:
    """Keeps the key set that it has read, and reads it again for a key that it does not know."""

    def __init__(self) -> None:
        self.known = KeySet([])
        self.read = 0

    async def verify(self, browser: Browser, token: str) -> str:
        """Gives the ``kid``."""
        try:
            return str(jwt.decode(token, self.known, algorithms=["ES256"]).header["kid"])
        except (JoseError, ValueError):
            self.known = KeySet.import_key_set((await browser.get("/jwks")).json())
            self.read += 1
            return str(jwt.decode(token, self.known, algorithms=["ES256"]).header["kid"])


async def test_key_set_shows_a_key_before_it_signs_and_after(land: TwoNodes) -> None:
    """Planned: not there. Next: behind the active one. Retired: still there. Gone: not any more."""
    browser = land.browser()
    (old,) = await published(browser)
    land.clock.now += DAY
    land.everywhere()
    shown = await published(browser)
    assert (shown[0], len(shown)) == (old, 2)
    new = shown[1]
    for later, expected in ((4 * DAY, [new, old]), (4 * DAY, [new])):
        land.clock.now += later
        land.everywhere()
        assert await published(browser) == expected


@dataclass
class Login:
    """One login, step by step; each step may be taken at another node."""

    browser: Browser
    steps: int = 0
    last: str = ""
    """The journey, later the code."""
    relay: str = ""
    id_token: str = ""

    async def step(self, browser: Browser) -> None:
        browser.jar, self.browser = self.browser.jar, browser
        match self.steps:
            case 0:
                self.last = await browser.authorize()
            case 1:
                self.relay = await browser.begin(self.last)
            case 2:
                assert (await browser.answer(self.relay)).status_code == 303
            case 3:
                self.last = query_of(await browser.release(self.last))["code"]
            case _:
                answer = await browser.redeem(self.last)
                assert answer.status_code == 200, answer.text
                self.id_token = answer.json()["id_token"]
        self.steps += 1


async def test_login_in_flight_ends_after_the_roll_on_whichever_node(land: TwoNodes) -> None:
    """Every step of a login may be the first at a node that has rolled, and the next at one that has not."""
    land.clock.now += 5 * DAY - timedelta(seconds=1)
    land.everywhere()
    logins = [Login(land.browser()) for _ in range(6)]
    for taken, login in enumerate(logins):
        for _ in range(taken):
            await login.step(land.browser(login.steps % 2))
    land.clock.now += timedelta(seconds=1)
    land.nodes[1].following.round()
    for login in logins:
        while not login.id_token:
            await login.step(land.browser((login.steps + 1) % 2))
    service = Service()
    kids = [
        await service.verify(land.browser(number % 2), login.id_token) for number, login in enumerate(logins)
    ]
    assert len(set(kids)) == 2
    assert service.read == 1  # the next key was in the key set before it signed


async def test_id_token_of_a_retired_key_is_still_a_hint(land: TwoNodes) -> None:
    """RP-Initiated Logout §2: what we signed before the roll comes back afterwards."""
    browser = land.browser()
    tokens = await browser.redeem(query_of(await browser.release(await browser.identified()))["code"])
    hint = tokens.json()["id_token"]
    for days, status in ((5, 200), (4, 400)):
        land.clock.now += days * DAY
        land.everywhere()
        answer = await browser.get(f"/logout?id_token_hint={hint}")
        assert (answer.status_code == 400) == (status == 400), (days, answer.status_code)


async def test_process_wakes_up_for_the_next_date(land: TwoNodes) -> None:
    """The roll is not a poll later than planned, and a long calendar costs no polls."""
    node = land.nodes[0].following
    assert node._pause() == pytest.approx(2.0)
    land.clock.now += DAY - timedelta(seconds=0.5)
    assert node._pause() == pytest.approx(0.5)
    land.clock.now += timedelta(seconds=0.5)
    node.round()
    assert node._pause() == pytest.approx(2.0)


@pytest.fixture
def node(calendar: Path, clock: Clock, address: StoreAddress) -> Iterator[Application]:
    """With the eIDAS connector itself; nothing is fetched."""
    roll_everything(calendar, clock)
    first, _ = running(calendar, clock, address, None)
    yield first
    first.following.stop()


def eidas(node: Application) -> EIDASConnector:
    connector = node.live.current.connectors["eidas"]
    assert isinstance(connector, EIDASConnector)
    return connector


def shown(connector: EIDASConnector, clock: Clock) -> dict[str, list[str]]:
    """The certificates of our metadata by use, and the one that signed the document."""
    (document,) = connector.documents(now=clock())
    root = ET.fromstring(document.content)
    found: dict[str, list[str]] = {"signature": [certificate(root.find(f"{DS}Signature"))]}
    for descriptor in root.iter(f"{MD}KeyDescriptor"):
        found.setdefault(descriptor.attrib["use"], []).append(certificate(descriptor))
    return found


def certificate(element: ET.Element | None) -> str:
    assert element is not None
    text = next(element.iter(f"{DS}X509Certificate")).text
    return "".join((text or "").split())


async def test_saml_keys_roll_and_the_connector_keeps_what_it_knows_of_its_peers(
    node: Application, clock: Clock
) -> None:
    """No country is out of order for a moment because a key of ours has changed."""
    before, first = eidas(node), shown(eidas(node), clock)
    assert {use: len(found) for use, found in first.items()} == {
        "signature": 1,
        "signing": 1,
        "encryption": 1,
    }
    clock.now += DAY
    node.following.round()
    announced = shown(eidas(node), clock)
    assert announced["signing"][0] == first["signing"][0]
    assert len(announced["signing"]) == 2
    assert (announced["encryption"], announced["signature"]) == (first["encryption"], first["signature"])
    clock.now += 4 * DAY
    node.following.round()
    rolled = shown(eidas(node), clock)
    assert rolled["signing"] == announced["signing"][::-1]
    assert len(rolled["encryption"]) == 1
    assert rolled["encryption"] != first["encryption"]
    assert rolled["signature"] != first["signature"]
    assert eidas(node).countries is before.countries
    assert eidas(node) is not before
    clock.now += 4 * DAY
    node.following.round()
    last = shown(eidas(node), clock)
    assert last["signing"] == rolled["signing"][:1]


async def test_next_active_and_retired_keys_decrypt(node: Application, clock: Clock) -> None:
    """A peer encrypts to what it has read, and a node that rolls earlier shows what others have as next."""
    decrypting = []
    for later in (timedelta(), DAY, 4 * DAY, 4 * DAY):
        clock.now += later
        node.following.round()
        decrypting.append([spki(key.public_key) for key in eidas(node).keys.decrypters])
    old, new = decrypting[1]
    assert decrypting == [[old], [old, new], [new, old], [new]]


async def test_connector_whose_keys_stay_is_not_touched(
    node: Application, calendar: Path, clock: Clock
) -> None:
    """Nothing is signed or built anew for a key of another purpose."""
    for file in (calendar / "registry/keys").glob("saml-*.toml"):
        file.unlink()
    alone = running(calendar, clock, StoreAddress(url="redis://127.0.0.1:1"), None)[0]
    before = eidas(alone)
    clock.now += 5 * DAY
    alone.following.round()
    assert [standing.phase.value for standing in key_states(alone.live.current.configuration, clock())][:2] == [
        "retired", "active",
    ]  # fmt: skip
    assert eidas(alone) is before
    alone.following.stop()


async def test_plan_that_two_people_signed_rolls_a_running_gateway(
    calendar: Path, clock: Clock, address: StoreAddress
) -> None:
    """And the suspension by one person takes a stolen key out at once: the next one, already published, signs."""
    (node, _) = running(calendar, clock, address, {"eidas": FakeSource()})
    engine = node.following._registry._store._engine  # type: ignore[attr-defined]  # behind the protocol of a store
    people = People(engine)
    people.now = clock()
    people.bootstrap()
    people.in_force(people.draft(edits_towards(people.state, read_bundle(calendar).documents)))
    node.following.round()
    now = clock()
    write(calendar, "oidc-new", "oidc-signing", publish_from=now - HOUR, active_from=now + DAY)
    write(calendar, "oidc", "oidc-signing", retire_from=now + DAY)
    people.in_force(people.draft(edits_towards(people.state, read_bundle(calendar).documents)))
    node.following.round()
    assert phases(node, clock) == {"oidc": "active", "oidc-new": "next"}
    people.suspend(ObjectKey.parse("key-plan/oidc"))
    node.following.round()
    assert phases(node, clock) == {"oidc": "gone", "oidc-new": "active"}
    assert [key.id for key in next(iter(node.live.current.configuration.keys.values()))] == ["oidc-new"]
    await node.stop()


def phases(node: Application, clock: Clock) -> dict[str, str]:
    found = key_states(node.live.current.configuration, clock())
    return {one.key.id: one.phase.value for one in found if one.key.id.startswith("oidc")}


async def test_log_names_each_step_of_a_key_once_in_the_whole_installation(land: TwoNodes) -> None:
    """Two nodes see the same calendar, and one of them writes it down; what was said before is not said again."""
    events = [
        KeyEvents(node.live, node.store, Audit(node.log), clock=land.clock)
        for node in (*land.nodes, land.nodes[0])
    ]

    async def told() -> list[tuple[str, str | None, str]]:
        for one in events:
            await one.run()
        bodies = [json.loads(e.body) for e in land.nodes[0].log.entries() if e.event == "KeyStateChanged"]
        assert all(len(body["spki_sha256"]) == 64 for body in bodies)
        return [
            (body["key"], body["before"], body["after"])
            for body in bodies
            if body["purpose"] == "oidc-signing"
        ]

    first = await told()
    assert first == [("oidc", None, "active"), ("oidc-new", None, "planned")]
    assert await told() == first
    land.clock.now += 5 * DAY
    land.everywhere()
    assert (await told())[2:] == [("oidc", "active", "retired"), ("oidc-new", "planned", "active")]
    events.append(
        KeyEvents(land.nodes[1].live, land.nodes[1].store, Audit(land.nodes[1].log), clock=land.clock)
    )
    assert len(await told()) == 4  # a process that starts later has nothing new to say


async def test_step_is_written_when_the_log_is_back(land: TwoNodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was leased by this process, so nobody else writes it."""
    node = land.nodes[0]
    events = KeyEvents(node.live, node.store, Audit(node.log), clock=land.clock)

    async def away(*_: object, **__: object) -> None:
        raise AuditUnavailable(LogUnavailable("away"))

    with monkeypatch.context() as patch:
        patch.setattr(Audit, "record", away)
        with pytest.raises(AuditUnavailable):
            await events.run()
    await events.run()
    assert [entry.event for entry in node.log.entries()].count("KeyStateChanged") == 8
