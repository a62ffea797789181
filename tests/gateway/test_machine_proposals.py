"""What sources list, and keys that nodes have changed, become proposals (security.md D.3, D.7)."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from connectors.peer_facts import PeerFacts
from connectors.saml.surroundings import Surroundings
from gateway.bundle import load
from gateway.bundle.objects import read_bundle, validator
from gateway.proposals.task import SourceTask
from tests.gateway.registry_bundle import keys, write
from tests.support.migrated import migrate
from tests.trust.metadata_maker import (
    ENTITY_ID,
    NOW,
    Node,
    anchor,
    document,
    issue,
    key,
    key_descriptor,
    policy,
    sign,
    signer_certificate,
)
from tests.trust.registry.people import ANNA, BERT, People
from tests.trust.test_servicelist import listed, location, territory
from trust.anchors import KeyChanges
from trust.fetch import FetchPolicy
from trust.log import open_database
from trust.metadata_document import verify_document
from trust.registry import (
    ChangeClass,
    ChangeRefused,
    Decision,
    Edit,
    EntryStore,
    ObjectKey,
    Proposal,
    Registry,
    Status,
    status,
)
from trust.registry.diff import change_diff, facts
from trust.registry.edits import edits_towards
from trust.sources import SourceSettings

__all__ = ["keys"]

GREECE, COUNTRY = ObjectKey.parse("anchor/gr-node"), ObjectKey.parse("country/eidas.gr")
NODE = "https://node.example/metadata"
SOURCE: dict[str, object] = {
    "id": "nobid",
    "kind": "mdsl",
    "state": "active",
    "file": "var/list.xml",
    "certificates": ["registry/sources/nobid.crt"],
    "countries": ["GR", "CZ"],
    "valid_from": "2026-01-01",
    "valid_until": "2027-12-31",
    "evidence": "file 1",
}


def certificate(name: str) -> bytes:
    return issue(name, key(name))


def place(name: str = "node", url: str = NODE, entity_id: str | None = None) -> str:
    return location(url, certificate(name), entity_id)


def signed_list(*territories: str, issued: datetime = NOW) -> bytes:
    return sign(listed("".join(territories), issued=issued, next_update=issued + timedelta(days=7)))


def node_anchor(name: str = "node", **settings: object) -> dict[str, object]:
    return {
        "settings": {
            "id": "gr-node",
            "kind": "metadata-signer",
            "state": "active",
            "countries": ["GR"],
            "certificate": "registry/anchors/gr-node.crt",
            "metadata": {"url": NODE, "entity_ids": [NODE]},
            "valid_from": "2026-01-01",
            "valid_until": "2027-12-31",
            "source": "by hand",
            "evidence": "file 2",
            **settings,
        },
        "files": {"registry/anchors/gr-node.crt": {"text": ssl.DER_cert_to_PEM_cert(certificate(name))}},
    }


class Connector:
    """Holds metadata with keys that wait."""

    def __init__(self) -> None:
        self.found: list[PeerFacts] = []
        self.read_at = NOW

    def sources(self, *, now: datetime) -> tuple[object, ...]:
        return (SimpleNamespace(anchor="gr-node", refreshed_at=self.read_at),)

    def peer_facts(self) -> list[PeerFacts]:
        return self.found


@dataclass
class World:
    """A registry with Greece in it, a source, and what the source says."""

    people: People
    directory: Path
    source: dict[str, object] = field(default_factory=lambda: dict(SOURCE))
    connector: Connector = field(default_factory=Connector)

    def __post_init__(self) -> None:
        if not (self.directory / "var").exists():
            self._begin()
        self.live = SimpleNamespace(current=None)
        surroundings = Surroundings(
            issuer_url="https://id.example",
            config_dir=self.directory,
            state_dir=self.directory / "var/metadata",
            fetch_policy=FetchPolicy(),
            development=False,
        )
        self.task = SourceTask(
            live=self.live,  # type: ignore[arg-type]  # stands for gateway.live.Live
            registry=self.people.registry,
            surroundings=lambda _: surroundings,
            clock=lambda: self.people.now,
        )

    def _begin(self) -> None:
        (self.directory / "var").mkdir()
        (self.directory / "registry/sources").mkdir(parents=True)
        (self.directory / "registry/sources/nobid.crt").write_bytes(signer_certificate())
        self.people.put(GREECE, node_anchor())
        self.people.put(
            COUNTRY,
            {"settings": {"country": "GR", "anchor": "gr-node", "entity_id": NODE}, "files": {}},
        )

    def says(self, octets: bytes) -> None:
        (self.directory / str(self.source["file"])).write_bytes(octets)

    def round(self, **time: float) -> list[Proposal]:
        """What one turn of the task proposes, after so much time."""
        self.people.later(**time)
        before = set(self.people.registry.follow().proposals)
        source = SourceSettings.model_validate(self.source)
        self.live.current = SimpleNamespace(
            configuration=SimpleNamespace(sources={source.id: source}, directory=self.directory),
            connectors={"eidas": self.connector},
            fold=self.people.registry.follow(),
        )
        asyncio.run(self.task.run())
        fold = self.people.registry.follow()
        return [found for name, found in fold.proposals.items() if name not in before]

    def open(self) -> tuple[Proposal, ...]:
        """What waits for people."""
        return self.people.registry.follow().open_proposals()

    def another(self) -> World:
        """Another process on the same registry, with a list of its own to read."""
        other = replace(self)
        other.source = {**self.source, "file": "var/other.xml"}
        (self.directory / "var/other.xml").write_bytes((self.directory / "var/list.xml").read_bytes())
        return other

    def reject(self, proposal: Proposal) -> None:
        approval = self.people.signed(proposal.change_hash, BERT, Decision.REJECT)
        self.people.registry.reject(approval, reason="not so", now=self.people.now)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    engine: sa.Engine = open_database(f"sqlite:///{tmp_path}/registry.sqlite3")
    migrate(engine)
    monkeypatch.setattr("trust.registry.entries.EntryStore.clock", lambda _: None)
    people = People(engine)
    people.now = NOW
    people.bootstrap()
    yield World(people, tmp_path)
    engine.dispose()


def fields(proposal: Proposal, world: World) -> dict[str, str | None]:
    """Path and new value of everything that would be different."""
    return {
        f"{found.key} {line.path}": line.after
        for found in change_diff(proposal.change, world.people.state)
        for line in found.fields
    }


def test_what_a_list_calls_itself_cannot_pass_for_what_was_checked(world: World) -> None:
    """Its names stand in the evidence that people sign; nor does a long one keep its proposals away."""
    text = listed(territory("EL", place("next")), next_update=NOW + timedelta(days=7))
    named = text.replace(">Test<", ">a\nfingerprint compared by telephone\u202e<").replace(
        ">urn:test<", f">{'x' * 9000}<"
    )
    world.says(sign(named))
    (proposal,) = world.round()
    assert proposal.change.evidence.isprintable()
    assert len(proposal.change.evidence) < 800


def test_new_signer_in_the_list_is_proposed_and_takes_two_people(world: World) -> None:
    """The difference names the certificate; the proposer counts for nobody."""
    world.says(signed_list(territory("EL", place("next"))))
    (proposal,) = world.round()
    assert (proposal.change.proposer, proposal.signatures) == ("source/nobid", {})
    assert "signature verified" in proposal.change.evidence
    shown = fields(proposal, world)
    assert [line for line in shown if line.endswith(": subject")]
    assert {line.partition(" ")[0] for line in shown} == {"anchor/gr-node"}
    before = world.people.holds(GREECE)
    world.people.approve(proposal.change, ANNA)
    assert world.people.holds(GREECE) == before
    world.people.approve(proposal.change, BERT)
    assert world.round(hours=7) == []
    assert world.people.holds(GREECE) != before


def test_nothing_is_proposed_where_the_list_says_what_is_in_force(world: World) -> None:
    """Also when the anchor is the authority above the signer that the list names."""
    world.says(signed_list(territory("EL", place())))
    assert world.round() == []
    authority = issue("CA", key("CA"), authority=True, usage="key_cert_sign")
    below = issue("signer", key("signer"), "CA", key("CA"))
    above = node_anchor()
    above["files"] = {"registry/anchors/gr-node.crt": {"text": ssl.DER_cert_to_PEM_cert(authority)}}
    world.people.put(GREECE, above)
    world.says(signed_list(territory("EL", location(NODE, below)), issued=NOW + timedelta(hours=1)))
    assert world.round(hours=7) == []


def test_new_country_comes_with_its_anchor_and_a_moved_node_with_a_new_one(world: World) -> None:
    """Each country for itself, so that people decide on each."""
    moved = "https://new.node.example/metadata"
    world.says(signed_list(
        territory("CZ", place("czech", "https://node.cz.example/md", "https://node.cz.example/id")),
        territory("EL", place("node", moved)),
    ))  # fmt: skip
    greece, czechia = world.round()
    kinds = [[str(edit.key).rpartition(".")[0] for edit in found.change.edits] for found in (greece, czechia)]
    assert kinds == [["anchor/nobid.gr", "country/eidas"], ["anchor/nobid.cz", "country/eidas"]]
    assert fields(greece, world)["country/eidas.gr entity_id"] == json.dumps(moved)
    shown = fields(czechia, world)
    assert shown["country/eidas.cz entity_id"] == '"https://node.cz.example/id"'
    assert shown["country/eidas.cz anchor"] == json.dumps(czechia.change.edits[0].key.id)


def test_what_is_proposed_passes_the_check_of_the_configuration(
    world: World, keys: Path, tmp_path: Path
) -> None:
    """A new country and a moved node lead to a sound bundle."""
    directory = write(tmp_path / "gateway", keys)
    text = (directory / "gateway.toml").read_text("utf-8")
    assert load(directory).settings.gateway.issuer in text
    (directory / "var").mkdir(exist_ok=True)
    desired = read_bundle(directory).documents
    people = world.people
    people.in_force(people.draft(edits_towards(people.state, desired)))
    world.task.registry = Registry(EntryStore(people.engine), validate=validator(directory))
    world.says(signed_list(
        territory("CZ", place("czech", "https://node.cz.example/md")),
        territory("EL", place("node", "https://new.node.example/md")),
    ))  # fmt: skip
    assert len(world.round()) == 2


def test_the_same_is_not_proposed_again_while_it_is_open(world: World) -> None:
    """A list that is issued anew every hour says the same."""
    world.says(signed_list(territory("EL", place("next"))))
    assert len(world.round()) == 1
    world.says(signed_list(territory("EL", place("next")), issued=NOW + timedelta(hours=6)))
    assert world.round(hours=7) == []
    assert len(world.round(hours=72)) == 1


def test_what_was_rejected_is_not_proposed_until_the_content_changes(world: World) -> None:
    """Somebody has decided; something else is another question."""
    world.says(signed_list(territory("EL", place("next"))))
    (proposal,) = world.round()
    world.reject(proposal)
    assert world.round(hours=7) == []
    assert world.round(days=4) == []
    issued = world.people.now
    world.says(signed_list(territory("EL", place("other")), issued=issued))
    assert len(world.round(hours=7)) == 1


def test_list_that_changes_all_the_time_fills_no_log(world: World) -> None:
    """One proposal about an object an hour."""
    world.source["refresh_minutes"] = 5
    made = 0
    for number in range(12):
        world.says(signed_list(territory("EL", place(f"n{number % 3}")), issued=world.people.now))
        made += len(world.round(minutes=6))
    assert made == 2


def test_of_a_list_that_flips_every_hour_only_what_it_says_now_is_open(world: World) -> None:
    """Two keys in turn, for a day: nobody has to find the newest of twenty-four proposals."""
    world.source["refresh_minutes"] = 30
    made, opened = [], []
    for number in range(24):
        world.says(signed_list(territory("EL", place(f"n{number % 2}")), issued=world.people.now))
        made += world.round(hours=1, minutes=1)
        opened.append([found.change_hash for found in world.open()])
    assert opened == [[found.change_hash] for found in made]
    earlier = [world.people.registry.known.proposals[found.change_hash] for found in made[:-1]]
    assert {status(found, world.people.registry.known, world.people.now) for found in earlier} == {
        Status.WITHDRAWN
    }
    assert all((found.withdrawn or "").startswith("source/nobid says something else") for found in earlier)


def test_proposal_goes_when_the_list_says_again_what_is_in_force(world: World) -> None:
    """Nothing new takes its place; and one signature does not hold what nobody wants any more."""
    world.says(signed_list(territory("EL", place("next"))))
    (proposal,) = world.round()
    world.people.approve(proposal.change, ANNA)
    world.says(signed_list(territory("EL", place()), issued=NOW + timedelta(hours=6)))
    assert world.round(hours=7) == []
    assert world.open() == ()
    with pytest.raises(ChangeRefused, match=r"registry\.withdrawn"):
        world.people.approve(proposal.change, BERT)


def test_list_that_cannot_be_read_or_is_in_doubt_withdraws_nothing(world: World) -> None:
    """Silence and garbage are no statement."""
    world.says(signed_list(territory("EL", place("next"))))
    world.round()
    for octets in (
        b"",
        signed_list(territory("EL", location(NODE, b"garbage")), issued=NOW + timedelta(hours=1)),
    ):
        world.says(octets)
        assert world.round(hours=7) == []
        assert len(world.open()) == 1


def test_process_with_an_older_copy_neither_withdraws_nor_proposes(world: World) -> None:
    """Each process reads for itself, and any of them may have the next turn."""
    world.says(signed_list(territory("EL", place())))
    other = world.another()
    assert other.round() == []
    world.says(signed_list(territory("EL", place("next")), issued=NOW + timedelta(minutes=10)))
    assert len(world.round(minutes=20)) == 1
    assert other.round(minutes=70) == []
    assert len(world.open()) == 1
    other.says(signed_list(territory("EL", place("third")), issued=NOW + timedelta(hours=3)))
    assert len(other.round(minutes=275)) == 1  # the first has not read again yet
    assert world.round(minutes=1) == []
    assert len(world.open()) == 1


def test_proposal_that_something_newer_has_overtaken_is_made_anew(world: World) -> None:
    """It could not come into force any more, so it need not be looked at."""
    world.says(signed_list(territory("EL", place("next"))))
    (first,) = world.round()
    world.people.put(GREECE, node_anchor(source="by hand, again"))
    (second,) = world.round(hours=7)
    assert [found.change_hash for found in world.open()] == [second.change_hash]
    assert world.people.registry.known.proposals[first.change_hash].withdrawn == "something newer is in force"


def test_what_two_people_have_signed_is_not_withdrawn(world: World) -> None:
    """It waits for a sound configuration; a list alone does not undo what people have decided."""
    world.says(signed_list(territory("EL", place("next"))))
    (proposal,) = world.round()
    world.people.approve(proposal.change, ANNA)
    world.people.invalid = ["not sound"]
    assert world.people.approve(proposal.change, BERT).waiting is not None
    world.says(signed_list(territory("EL", place()), issued=NOW + timedelta(hours=6)))
    world.round(hours=7)
    assert [found.change_hash for found in world.open()] == [proposal.change_hash]


def test_large_list_comes_in_portions(world: World) -> None:
    """Each proposal is checked as a whole configuration; nobody waits for thirty of them."""
    codes = ["AT", "BE", "BG", "CY", "CZ", "DK", "EE", "ES", "FI", "FR", "HR", "HU"]
    world.source["countries"] = codes
    world.says(signed_list(*(territory(code, place("node", f"https://{code}.example/md")) for code in codes)))
    assert (len(world.round()), len(world.round(minutes=1)), len(world.round(minutes=1))) == (10, 2, 0)


def test_anchor_that_leaves_the_list_it_came_from_is_proposed_to_be_retired(world: World) -> None:
    """One field; anchors from elsewhere, and entries that cannot be read, are left alone."""
    world.people.put(GREECE, node_anchor(source="source/nobid"))
    world.says(signed_list(territory("EL", location(NODE, b"garbage"))))
    assert world.round() == []
    world.says(signed_list(issued=NOW + timedelta(hours=1)))
    (proposal,) = world.round(hours=7)
    assert fields(proposal, world) == {"anchor/gr-node state": '"retired"'}


@pytest.mark.parametrize(
    "changes",
    [{"state": "retired"}, {"kind": "pinned-metadata", "metadata_sha256": "0" * 64}],
)
def test_what_people_have_retired_or_pinned_stays(world: World, changes: dict[str, object]) -> None:
    """A list does not bring back what two people have taken out of use."""
    world.people.put(GREECE, node_anchor(**changes))
    world.says(signed_list(territory("EL", place("next"))))
    assert world.round() == []


def test_suspended_object_stays_suspended_in_a_proposal(world: World) -> None:
    """Ending a suspension is a decision of its own."""
    world.people.suspend(GREECE)
    world.says(signed_list(territory("EL", place("next"))))
    (proposal,) = world.round()
    assert [edit.suspended for edit in proposal.change.edits] == [True]


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (lambda: sign(listed(territory("EL", place("next"))), key("stranger")), "signature.invalid"),
        (
            lambda: signed_list(territory("EL", place("next")), issued=NOW - timedelta(days=8)),
            "servicelist.outdated",
        ),
        (lambda: b"", "xml.empty"),
    ],
)
def test_list_that_is_refused_proposes_nothing(world: World, octets, reason: str) -> None:
    """Fail closed, and said."""
    world.says(octets())
    assert world.round() == []
    assert world.task.problems() == {"nobid": reason}


def test_older_list_proposes_nothing(world: World) -> None:
    """Rollback."""
    world.says(signed_list(territory("EL", place())))
    world.round()
    world.says(signed_list(territory("EL", place("next")), issued=NOW - timedelta(hours=1)))
    assert world.round(hours=7) == []
    assert world.task.problems() == {"nobid": "servicelist.rollback"}


def test_automatic_and_ended_sources_are_not_asked(world: World) -> None:
    """Each node follows the former by itself."""
    world.says(signed_list(territory("EL", place("next"))))
    for changes in ({"activation": "automatic"}, {"state": "suspended"}, {"valid_until": "2026-11-01"}):
        world.source = {**SOURCE, **changes}
        assert world.round(hours=7) == []


def test_country_of_an_automatic_source_is_left_alone(world: World) -> None:
    """It has no anchor to renew."""
    world.people.put(COUNTRY, {"settings": {"country": "GR", "source": "other"}, "files": {}})
    world.says(signed_list(territory("EL", place("next"))))
    assert world.round() == []


def test_nothing_is_proposed_before_the_registry_rules(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the files rule, a first object in the registry would be all that is believed."""
    world.says(signed_list(territory("EL", place("next"))))
    monkeypatch.setattr("gateway.proposals.task.rules", lambda _: False)
    assert world.round() == []
    monkeypatch.undo()
    assert world.round(hours=7) != []


def test_forged_proposal_of_a_source_needs_two_people_as_any(world: World) -> None:
    """Whoever writes rows can write names of sources, too."""
    change = world.people.draft(
        [Edit(key=GREECE, before=world.people.state.objects[GREECE].digest, after=node_anchor("evil"))],
        proposer="source/nobid",
    )
    world.people.force("change-proposed", {"change": change.as_json()})
    world.people.force("change-activated", {"change": change.change_hash, "state": "0" * 64})
    assert world.people.holds(GREECE) == node_anchor()
    assert change.change_class is ChangeClass.ORDINARY


class TestCommission:
    """The unsigned list only ever proposes."""

    @staticmethod
    def country(name: str = "next") -> bytes:
        signer = {"base64": base64.b64encode(certificate(name)).decode(), "type": "METADATA_SIGN"}
        proxy = {"status": "ACTIVE", "metadataUrl": NODE, "signingCertificates": [signer]}
        node = {"status": "ACTIVE", "eidasService": {"proxyService": proxy}}
        return json.dumps({"countryCode": "EL", "productionNode": node}).encode()

    @pytest.fixture
    def commission(self, world: World) -> World:
        world.source = {
            **SOURCE,
            "kind": "commission",
            "file": "var/{country}.json",
            "countries": ["GR"],
            "certificates": [],
        }
        return world

    def test_difference_is_proposed(self, commission: World) -> None:
        """With the hint that nobody has signed it."""
        (commission.directory / "var/EL.json").write_bytes(self.country())
        (proposal,) = commission.round()
        assert proposal.change.evidence.startswith("unsigned list")
        assert [str(edit.key) for edit in proposal.change.edits] == ["anchor/gr-node"]

    def test_countries_that_take_too_long_together_propose_nothing(
        self, commission: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The end of the process must not wait for thirty slow answers."""
        (commission.directory / "var/EL.json").write_bytes(self.country())
        monkeypatch.setattr("gateway.proposals.task._PATIENCE", -1.0)
        assert commission.round() == []
        assert commission.task.problems() == {"nobid": "fetch.timeout"}

    def test_country_that_could_not_be_read_proposes_nothing(self, commission: World) -> None:
        """Half a list says nothing about the other half."""
        assert commission.round() == []
        assert commission.task.problems() == {"nobid": "metadata.unreadable"}
        (commission.directory / "var/EL.json").write_bytes(b"<html>")
        assert commission.round(hours=1) == []
        assert commission.task.problems() == {"nobid": "commission.json"}


class TestKeys:
    """``key_changes = "propose"``."""

    @staticmethod
    def facts(*names: str, pins: object = ()) -> PeerFacts:
        """What the connector holds when the node names these keys."""
        described = Node(keys=tuple(key_descriptor(certificate(name)) for name in names))
        subject = anchor(id="gr-node", key_changes=KeyChanges.PROPOSE, pinned=pins)
        octets = sign(document(described))
        rules = policy(anchor=subject)
        (peer,) = verify_document(octets, rules, now=NOW).peers.values()
        return PeerFacts.of_metadata(peer)

    def test_keys_of_an_entity_that_has_none_pinned_are_proposed(self, world: World) -> None:
        """With the certificates, so that people see what they compare."""
        world.people.put(GREECE, node_anchor(key_changes="propose"))
        world.connector.found = [self.facts("message")]
        (proposal,) = world.round()
        assert proposal.change.proposer == "anchor/gr-node"
        (edit,) = proposal.change.edits
        shown = facts(edit.key, edit.after or {})
        assert shown["pinned[0].entity_id"] == json.dumps(ENTITY_ID)
        assert len(shown["pinned[0].sha256"]) == 66
        assert any(line.endswith(": SHA-256 of the public key") for line in shown)
        for name in (ANNA, BERT):
            world.people.approve(proposal.change, name)
        assert world.round(hours=2) == []

    def test_proposal_goes_when_fresh_metadata_name_the_keys_no_longer(self, world: World) -> None:
        """Not when an older copy does not name them yet."""
        world.people.put(GREECE, node_anchor(key_changes="propose"))
        known = self.facts("message")
        pins = ({"entity_id": ENTITY_ID, "sha256": known.keys[0].key.fingerprint},)
        world.people.put(GREECE, node_anchor(key_changes="propose", pinned=list(pins)))
        world.connector.found = [self.facts("message", "second", pins=pins)]
        (proposal,) = world.round()
        world.connector.found = [self.facts("message", pins=pins)]
        for read_at, left in ((NOW - timedelta(hours=1), 1), (NOW + timedelta(hours=1), 0)):
            world.connector.read_at = read_at
            assert world.round(hours=2) == []
            assert len(world.open()) == left
        assert (world.people.registry.known.proposals[proposal.change_hash].withdrawn or "").startswith(
            "anchor/"
        )

    def test_keys_of_an_automatic_anchor_are_not_proposed(self, world: World) -> None:
        """They count at once."""
        world.connector.found = [self.facts("message")]
        assert world.round() == []

    def test_expired_metadata_propose_nothing(self, world: World) -> None:
        """They say nothing any more."""
        world.people.put(GREECE, node_anchor(key_changes="propose"))
        world.connector.found = [self.facts("message")]
        assert world.round(days=2) == []
