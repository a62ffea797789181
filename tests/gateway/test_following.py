"""A running gateway follows the registry, on every node, and what is suspended ends at once.

Issue of trust that two people must change; security.md D.7; design.md §3 invariants 6 and 7.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from connectors.contract import Connector
from gateway.app import Application, build
from gateway.bundle import Configuration, load
from gateway.bundle.objects import read_bundle
from gateway.following import rules
from gateway.store import StoreAddress
from tests.gateway.registry_bundle import keys, write
from tests.gateway.test_bundle import CLIENT
from tests.gateway.two_nodes import TwoNodes
from tests.login.fake_source import FakeSource
from tests.login.installation import SECRET, Clock, query_of, renderer_of
from tests.support.migrated import migrate
from tests.support.postgresql import postgresql
from tests.support.running_gateway import address, anyio_backend
from tests.trust.registry.people import ANNA, BERT, People
from trust.log import open_database
from trust.registry import ChangeClass, ObjectKey, ObjectKind, RegistryError
from trust.registry.edits import edits_towards

__all__ = ["address", "anyio_backend", "keys"]
pytestmark = pytest.mark.anyio

GREECE = ObjectKey(ObjectKind.COUNTRY, "eidas.gr")
ANCHOR = ObjectKey(ObjectKind.ANCHOR, "gr-node")
EIDAS = ObjectKey(ObjectKind.CONNECTOR, "eidas")
AMT24 = ObjectKey(ObjectKind.CLIENT, "amt24")
BOTH_DATABASES = pytest.mark.parametrize("land", ["sqlite", "postgresql"], indirect=True)
SECRET_OF_CLIENT = sha256(b"secret").hexdigest()


@dataclass(kw_only=True)
class Land(TwoNodes):
    """Two nodes, and the people who decide."""

    people: People

    def take_over(self) -> None:
        """The directory becomes the first change."""
        self.people.bootstrap()
        desired = read_bundle(self.directory).documents
        self.people.in_force(self.people.draft(edits_towards(self.people.state, desired)))

    def change(self, name: str, old: str, new: str) -> str:
        """A proposal of what is in the files after ``old`` became ``new``; gives its hash."""
        path = self.directory / "registry" / name
        path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
        desired = read_bundle(self.directory).documents
        change = self.people.draft(edits_towards(self.people.state, desired))
        self.people.propose(change)
        return change.change_hash


@pytest.fixture
async def land(
    request: pytest.FixtureRequest, tmp_path: Path, keys: Path, address: StoreAddress
) -> AsyncIterator[Land]:
    with ExitStack() as stack:
        on_a_server = getattr(request, "param", "sqlite") == "postgresql"
        database = stack.enter_context(postgresql()) if on_a_server else None
        async with _land(tmp_path, keys, address, database) as found:
            yield found


@asynccontextmanager
async def _land(
    tmp_path: Path, keys: Path, address: StoreAddress, database: str | None
) -> AsyncIterator[Land]:
    directory = write(tmp_path / "gateway", keys)
    client = directory / "registry" / "clients" / "amt24.toml"
    client.write_text(CLIENT.replace(SECRET_OF_CLIENT, sha256(SECRET.encode()).hexdigest()), "utf-8")
    if database is not None:
        settings = directory / "gateway.toml"
        settings.write_text(f'{settings.read_text("utf-8")}\n[database]\nurl = "{database}"\n', "utf-8")
    configuration = load(directory)
    engine = open_database(configuration.database_url.render_as_string(hide_password=False))
    migrate(engine)
    clock, source = Clock(), FakeSource()
    people = People(engine)
    people.now = clock().replace(microsecond=0)
    first, second = (
        build(
            configuration,
            address,
            clock=clock,
            connectors={"eidas": source},
            renderer=renderer_of(configuration),
        )
        for _ in range(2)
    )
    for node in (first, second):
        node.log.start()
    yield Land(directory=directory, nodes=(first, second), people=people, source=source, clock=clock)
    for node in (first, second):
        await node.stop()
    engine.dispose()


def name_of(node: Application) -> str:
    return node.live.current.configuration.clients["amt24"].name["de"]


async def test_files_rule_until_the_registry_holds_more_than_people(land: Land) -> None:
    """A ceremony alone changes nothing for citizens."""
    land.people.bootstrap()
    land.everywhere()
    assert name_of(land.nodes[0]) == "Amt24"
    assert land.nodes[0].live.problem is None


@BOTH_DATABASES
async def test_a_change_is_in_force_on_every_node_when_the_second_person_has_signed(land: Land) -> None:
    land.take_over()
    land.everywhere()
    change = land.change("clients/amt24.toml", '"Amt24"', '"Neues Amt"')
    land.everywhere()
    assert [name_of(node) for node in land.nodes] == ["Amt24", "Amt24"]
    land.people.registry.approve(land.people.signed(change, BERT), now=land.people.now)
    land.everywhere()
    assert [name_of(node) for node in land.nodes] == ["Neues Amt", "Neues Amt"]
    assert "Neues Amt" in (await land.browser(1).get(await land.browser(1).authorize())).text


@BOTH_DATABASES
async def test_a_row_forced_into_the_database_changes_nothing(land: Land) -> None:
    """An activation without a second signature has no effect on any node and is named."""
    land.take_over()
    land.everywhere()
    change = land.change("clients/amt24.toml", '"Amt24"', '"Falsches Amt"')
    land.people.force(
        "change-activated", {"change": change, "state": land.people.state.state_hash}, at=land.people.now
    )
    land.everywhere()
    assert [name_of(node) for node in land.nodes] == ["Amt24", "Amt24"]
    fold = land.nodes[0].live.current.fold
    assert fold is not None
    assert [ignored.reason.partition(":")[0] for ignored in fold.ignored] == ["registry.people"]


async def test_a_signature_that_was_held_back_is_noticed_by_nodes_that_saw_the_log_without_it(
    land: Land,
) -> None:
    """It would have expired; who has the database writes it with the time of its day (security.md D.7)."""
    land.take_over()
    change = land.change("clients/amt24.toml", '"Amt24"', '"Altes Amt"')
    land.everywhere()
    land.clock.forward(days=4)
    land.everywhere()
    assert [node.live.dated_back for node in land.nodes] == [None, None]
    land.people.registry.approve(land.people.signed(change, BERT), now=land.people.now)
    land.everywhere()
    first = land.people.registry.known.head.seq - 1
    assert [node.live.dated_back for node in land.nodes] == [first, first]


async def test_files_that_are_changed_later_mean_nothing(land: Land) -> None:
    """Also after a restart: what two people have decided is what counts."""
    land.take_over()
    client = land.directory / "registry" / "clients" / "amt24.toml"
    client.write_text(client.read_text("utf-8").replace('"Amt24"', '"Allein"'), "utf-8")
    land.everywhere()
    assert name_of(land.nodes[0]) == "Amt24"


async def test_files_do_not_rule_again_when_two_people_have_emptied_the_registry(land: Land) -> None:
    """ADR 16: afterwards they never do again; whoever writes files would otherwise decide alone."""
    land.take_over()
    land.everywhere()
    objects = land.people.state.objects
    edits = [land.people.edit(key, None) for key in objects if key.kind is not ObjectKind.APPROVER]
    land.people.in_force(land.people.draft(edits))
    land.everywhere()
    node = land.nodes[0]
    assert rules(land.people.registry.follow())
    assert node.live.problem is not None or not node.live.current.configuration.clients


@pytest.mark.parametrize("key", [GREECE, EIDAS, ANCHOR], ids=str)
async def test_a_journey_under_way_ends_with_its_source_on_every_node(land: Land, key: ObjectKey) -> None:
    """Whoever has just come back from the suspended country goes no further (security.md D.7)."""
    land.take_over()
    land.everywhere()
    waiting, identified = land.browser(0), land.browser(0)
    journey = await waiting.authorize()
    relay = await waiting.begin(journey)
    there = await identified.identified()
    coded = land.browser(1)
    answered = await coded.release(await coded.identified())
    land.clock.forward(seconds=2)
    land.people.now = land.clock()
    assert land.people.suspend(key).waiting is None
    land.everywhere()

    other = land.move(identified, 1)
    page = await other.get(f"{there}/release")
    assert page.status_code == 503
    assert "Ωνάσης" not in page.text
    refused = query_of(await other.release(there))
    assert refused["error"] == "temporarily_unavailable"
    assert "code" not in refused

    redeemed = await land.move(coded, 0).redeem(query_of(answered)["code"])
    assert (redeemed.status_code, redeemed.json()["error"]) == (400, "invalid_grant")

    if key != ANCHOR:  # its metadata are down, which a fake source has none of
        back = await land.move(waiting, 1).answer(relay)
        assert back.headers["location"].endswith("/failed")
        assert land.source.finished == 2
        choice = await land.browser(1).get("/countries")
        assert [c["available"] for c in choice.json()["countries"] if c["code"] == "GR"] in ([], [False])


@BOTH_DATABASES
async def test_an_access_token_of_a_suspended_country_opens_nothing(land: Land) -> None:
    land.take_over()
    land.everywhere()
    browser = land.browser()
    code = query_of(await browser.release(await browser.identified()))["code"]
    token = (await browser.redeem(code)).json()["access_token"]
    header = {"authorization": f"Bearer {token}"}
    assert (await browser.get("/userinfo", headers=header)).status_code == 200
    land.people.suspend(GREECE)
    land.everywhere()
    answer = await land.move(browser, 1).get("/userinfo", headers=header)
    assert answer.status_code == 401
    assert "Ωνάσης" not in answer.text


async def test_a_suspended_service_is_unknown_and_comes_back_with_two_people(land: Land) -> None:
    land.take_over()
    land.everywhere()
    browser = land.browser()
    journey = await browser.identified()
    land.people.suspend(AMT24)
    land.everywhere()
    assert (await land.browser(1).get("/authorize?client_id=amt24")).status_code == 400
    assert (await browser.release(journey)).status_code == 410
    change = land.people.toggle(ChangeClass.REACTIVATION, AMT24, suspended=False)
    land.people.propose(change)
    land.everywhere()
    assert "amt24" not in land.nodes[1].live.current.configuration.clients
    land.people.approve(change, BERT)
    land.everywhere()
    assert await land.browser(1).authorize()


async def test_known_trust_keeps_working_while_the_database_is_away(
    land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes wait; nothing falls back to files."""
    land.take_over()
    land.everywhere()
    node = land.nodes[0]

    def away(*_: object, **__: object) -> None:
        raise OperationalError("x", {}, Exception())

    with monkeypatch.context() as patch:
        patch.setattr("sqlalchemy.engine.Engine.connect", away)
        node.following.round()
        assert node.live.problem == "registry.unavailable: OperationalError"
        assert name_of(node) == "Amt24"
    node.following.round()
    assert node.live.problem is None


@BOTH_DATABASES
async def test_a_database_that_shows_less_is_not_followed(land: Land) -> None:
    """Somebody has put an old backup back: the suspensions since then stay in force."""
    land.take_over()
    land.everywhere()
    land.people.suspend(GREECE)
    land.everywhere()
    with land.people.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM registry_log WHERE seq > 2")
    land.everywhere()
    node = land.nodes[0]
    assert node.live.problem is not None
    assert node.live.problem.startswith("registry.rolled-back")
    assert GREECE in node.live.current.suspended


async def test_a_state_that_this_node_cannot_use_changes_nothing_but_suspensions_count(
    land: Land, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two people signed what an older version of the software does not understand."""
    land.take_over()
    land.everywhere()
    node = land.nodes[0]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    land.people.put(ObjectKey(ObjectKind.CLIENT, "amt25"), {"settings": {"client_id": "amt25"}, "files": {}})
    node.following.round()
    assert node.live.problem is not None
    assert node.live.problem.startswith("registry.invalid")
    assert set(node.live.current.configuration.clients) == {"amt24"}
    assert list(temporary.iterdir()) == []
    land.people.suspend(GREECE)
    node.following.round()
    assert GREECE in node.live.current.suspended
    assert node.live.problem.startswith("registry.invalid")
    health = await _ready(node)
    assert "registry.invalid" in health


async def test_what_nobody_foresaw_in_a_row_does_not_keep_suspensions_away(
    land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    land.take_over()
    land.everywhere()
    land.people.suspend(GREECE)
    monkeypatch.setattr("gateway.following.status", lambda *_: 1 // 0)
    land.people.propose(land.people.draft([land.people.edit(AMT24, None)]))
    node = land.nodes[0]
    node.following.round()
    assert GREECE in node.live.current.suspended
    assert node.live.problem == "ZeroDivisionError"


async def test_without_knowing_what_is_believed_no_node_starts(land: Land, address: StoreAddress) -> None:
    """A pinned ceremony that the database does not begin with: the files are no way around it."""
    land.take_over()
    configuration = load(land.directory)
    section = configuration.settings.registry.model_copy(update={"bootstrap": "0" * 64})
    pinned = configuration.settings.model_copy(update={"registry": section})
    object.__setattr__(configuration, "settings", pinned)
    with pytest.raises(RegistryError):
        build(configuration, address, clock=land.clock, connectors={"eidas": land.source})


@BOTH_DATABASES
async def test_a_change_with_a_date_comes_into_force_by_itself(
    land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two people signed for tomorrow; nobody has to be there. (The database's clock cannot be moved.)"""
    monkeypatch.setattr("trust.registry.entries.EntryStore.clock", lambda _: None)
    land.take_over()
    land.everywhere()
    path = land.directory / "registry" / "clients" / "amt24.toml"
    path.write_text(path.read_text("utf-8").replace('"Amt24"', '"Morgen"'), "utf-8")
    edits = edits_towards(land.people.state, read_bundle(land.directory).documents)
    tomorrow = (land.clock().astimezone(UTC)).replace(microsecond=0)
    tomorrow = datetime.fromtimestamp(tomorrow.timestamp() + 86_400, UTC)
    change = land.people.draft(edits, proposer=ANNA, not_before=tomorrow)
    land.people.propose(change)
    land.people.approve(change, BERT)
    land.everywhere()
    assert name_of(land.nodes[0]) == "Amt24"
    land.clock.forward(days=1, minutes=1)
    land.everywhere()
    assert [name_of(node) for node in land.nodes] == ["Morgen", "Morgen"]


async def _ready(node: Application) -> list[str]:
    import httpx

    transport = httpx.ASGITransport(app=node.management)
    async with httpx.AsyncClient(transport=transport, base_url="http://management") as http:
        found: list[str] = (await http.get("/health/ready")).json()["reasons"]
        return found


async def test_what_could_not_be_built_is_told_tried_again_and_keeps_no_suspension_away(
    land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hardware module that was away for a moment must not leave a node behind that says all is well."""
    land.take_over()
    land.everywhere()
    node = land.nodes[0]
    assert node.live.current.fold is not None
    before = node.live.current.configuration

    def fail(_: Configuration) -> Mapping[str, Connector]:
        raise RuntimeError("no such module")

    change = land.change("countries/gr.toml", 'country = "GR"', 'country = "GR"\nclock_skew_seconds = 7')
    land.people.registry.approve(land.people.signed(change, BERT), now=land.people.now)
    with monkeypatch.context() as patch:
        patch.setattr(node.following, "_build", fail)
        for _ in range(5):
            node.following.round()
            assert node.live.problem == "registry.unusable: RuntimeError"
        land.people.suspend(AMT24)
        node.following.round()
        assert node.live.current.configuration.countries == before.countries
        assert AMT24 in node.live.current.suspended
        assert before.directory.is_dir()
    node.following.round()
    assert node.live.problem == "registry.unusable: RuntimeError", "not at every round"
    land.clock.forward(minutes=2)
    node.following.round()
    assert node.live.problem is None
    assert [country.clock_skew_seconds for country in node.live.current.configuration.countries] == [7]


async def test_what_was_laid_out_is_made_again_when_temporary_files_are_cleaned_up(land: Land) -> None:
    """Else the next suspension would find no files to build from."""
    land.take_over()
    land.everywhere()
    node = land.nodes[0]
    shutil.rmtree(node.live.current.configuration.directory)
    node.following.round()
    assert node.live.problem is None
    assert node.live.current.configuration.directory.is_dir()


async def test_files_that_connectors_read_again_stay_where_they_are(
    land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service is changed often, which builds no connector anew; its files must not go meanwhile."""
    land.take_over()
    node, built = land.nodes[0], []

    def build(configuration: Configuration) -> Mapping[str, Connector]:
        built.append(configuration.directory)
        return {"eidas": land.source}

    monkeypatch.setattr(node.following, "_build", build)
    land.everywhere()
    for number in range(5):
        change = land.change(
            "clients/amt24.toml", "Amt24" if not number else f"Amt {number}", f"Amt {number + 1}"
        )
        land.people.registry.approve(land.people.signed(change, BERT), now=land.people.now)
        land.everywhere()
    assert name_of(node) == "Amt 5"
    assert len(built) == 1
    assert (built[0] / "registry/anchors/gr-node.crt").is_file()
