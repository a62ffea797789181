"""A signed list of countries that each node follows by itself (security.md D.2, D.3), with a clock of our own."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from tests.trust.metadata_maker import (
    NOW,
    Node,
    document,
    issue,
    key,
    key_descriptor,
    sign,
    signer_certificate,
)
from tests.trust.test_metadata_source import Shelf
from tests.trust.test_servicelist import listed, location, territory
from trust.anchors import AnchorState
from trust.errors import MetadataError, TrustError
from trust.listed_anchors import MOST_LOCATIONS, ListedAnchor
from trust.metadata_document import DocumentPolicy
from trust.metadata_list import MetadataList
from trust.metadata_registry import MetadataRegistry
from trust.metadata_source import MetadataChange, MetadataSource, SourceState
from trust.servicelist import ListPolicy
from trust.sources import Activation, SourceKind, SourceSettings

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SE, DK = "https://node.se.example/md", "https://node.dk.example/md"


def settings(**changes: object) -> SourceSettings:
    values: dict[str, object] = {
        "id": "nobid",
        "kind": SourceKind.MDSL,
        "state": AnchorState.ACTIVE,
        "url": "https://list.example/mdsl",
        "certificates": ("registry/sources/nobid.crt",),
        "countries": ("SE", "DK"),
        "activation": Activation.AUTOMATIC,
        "valid_from": date(2026, 1, 1),
        "valid_until": date(2027, 12, 31),
        "evidence": "none",
    }
    return SourceSettings.model_validate({**values, **changes})


def node(url: str, country: str, *, signer: str = "node", message: str = "message") -> bytes:
    """Metadata of one node, signed by its own metadata signer."""
    described = Node(entity_id=url, country=country, keys=(key_descriptor(issue(message, key(message))),))
    return sign(document(described), key(signer), (issue(signer, key(signer)),))


def certificate(name: str = "node") -> bytes:
    return issue(name, key(name))


def both(**fields: object) -> bytes:
    return sign(
        listed(
            territory("SE", location(SE, certificate()))
            + territory("DK", location(DK, certificate(), DK))
            + territory("FR", location("https://node.fr.example/md", certificate())),
            **fields,  # type: ignore[arg-type]  # free keywords of tests
        )
    )


class World:
    """What the list and each node publish, and one gateway that follows."""

    def __init__(self, octets: bytes | None = None, kept: Path | None = None, **changes: object) -> None:
        self.shelf = Shelf(both() if octets is None else octets)
        self.nodes = {SE: Shelf(node(SE, "SE")), DK: Shelf(node(DK, "DK"))}
        self.heard: list[MetadataChange] = []
        self.asked: list[str] = []
        found = settings(**changes)
        self.list = MetadataList(
            found,
            ListPolicy(certificates=(signer_certificate(),), countries=frozenset(found.countries)),
            read=self.shelf,
            make=self.make,
            kept=kept,
            announce=self.heard.append,
            started=NOW,
        )
        self.registry = MetadataRegistry([], [self.list])
        self.registry.load(NOW)

    def make(self, anchor: ListedAnchor) -> MetadataSource:
        location = anchor.anchor.metadata
        place = location.url or location.entity_ids[0]
        self.asked.append(place)
        policy = DocumentPolicy(
            anchor=anchor.anchor, certificate=anchor.certificates[0], further=anchor.certificates[1:]
        )
        return MetadataSource(policy, read=self.nodes.get(place, Shelf()), started=NOW)

    def country(self, code: str, at: datetime = NOW) -> str:
        """entityID of the node, or why there is none."""
        try:
            return self.registry.listed_peer("nobid", code, at).entity_id
        except MetadataError as error:
            return error.reason

    def refused(self, octets: bytes, at: datetime = NOW) -> str:
        self.shelf.octets = octets
        with pytest.raises(TrustError) as caught:
            self.list.refresh(at)
        return caught.value.reason


def test_each_country_of_the_list_is_known_by_its_own_signer() -> None:
    """Location, signer and, where the list names one, entityID; nothing of other countries is asked."""
    world = World()
    world.registry.refresh(NOW)
    assert (world.country("SE"), world.country("DK")) == (SE, DK)
    assert world.country("FR") == "servicelist.country-missing"
    assert world.asked == [SE, DK]
    assert [status.anchor.rpartition(".")[0] for status in world.registry.status(NOW)] == [
        "", "nobid.se", "nobid.dk",
    ]  # fmt: skip
    assert world.heard[0].added == (DK, SE)


def test_node_that_is_not_signed_as_the_list_says_is_down_alone() -> None:
    """Poison in one of many touches no other."""
    world = World()
    world.nodes[SE].octets = node(SE, "SE", signer="stranger")
    world.registry.refresh(NOW)
    assert (world.country("SE"), world.country("DK")) == ("metadata.unavailable", DK)


def test_node_speaks_for_the_country_under_which_the_list_names_it() -> None:
    """A list that is for two countries does not let one of them answer for the other."""
    world = World()
    world.nodes[SE].octets = node(SE, "DK")
    world.registry.refresh(NOW)
    assert world.country("SE") == "servicelist.country-missing"
    assert world.country("DK") == DK


def test_refused_list_leaves_the_one_held_until_its_next_update() -> None:
    """Last good copy, then freeze."""
    world = World()
    world.registry.refresh(NOW)
    stranger = sign(listed(territory("SE", location(SE, certificate()))), key("stranger"))
    assert world.refused(stranger) == "signature.invalid"
    assert world.country("SE") == SE
    assert world.list.status(NOW).state is SourceState.STALE
    world.registry.refresh(NOW + 23 * HOUR, force=True)
    later = NOW + DAY
    assert (world.country("SE", later), world.list.status(later).state) == (
        "servicelist.outdated",
        SourceState.DOWN,
    )
    assert world.registry.peers(later) == ()


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (lambda: both(issued=NOW - HOUR), "servicelist.rollback"),
        (lambda: both(next_update=NOW), "servicelist.outdated"),
        (lambda: both(next_update=NOW + 15 * DAY), "servicelist.next-update"),
        (lambda: b"<x/>", "signature.missing"),
        (lambda: b"<!DOCTYPE x><x/>", "xml.doctype"),
        (lambda: b" " * 5_242_881, "xml.size"),
    ],
)
def test_bad_list_is_refused_and_the_held_one_stays(octets, reason: str) -> None:
    """security.md D.2, for lists."""
    world = World()
    world.registry.refresh(NOW)
    assert world.refused(octets()) == reason
    assert (world.country("SE"), world.country("DK")) == (SE, DK)


def test_list_numbers_never_run_back_not_even_across_a_restart(tmp_path: Path) -> None:
    """The kept list counts also when it is outdated meanwhile."""
    kept = tmp_path / "list.xml"
    World(both(sequence=8), kept).registry.refresh(NOW)
    later = NOW + 2 * DAY
    world = World(both(sequence=7, issued=later, next_update=later + DAY), kept)
    assert world.country("SE", later) == "servicelist.outdated"
    assert world.refused(world.shelf.octets or b"", later) == "servicelist.rollback"


def test_restart_while_the_list_is_away_goes_on(tmp_path: Path) -> None:
    """From the kept list, verified again."""
    kept = tmp_path / "list.xml"
    World(None, kept).registry.refresh(NOW)
    world = World(b"", kept)
    assert world.country("SE") == "metadata.unavailable"
    world.registry.refresh(NOW)
    assert world.country("SE") == SE
    kept.write_bytes(kept.read_bytes().replace(b"node.se", b"evil.se"))
    assert World(b"", kept).country("SE") == "servicelist.unavailable"


def test_new_signer_in_the_list_counts_and_others_keep_their_copies() -> None:
    """Roll-over of a node's metadata signer, without anybody here doing anything."""
    world = World()
    world.registry.refresh(NOW)
    world.shelf.octets = sign(
        listed(
            territory("SE", location(SE, certificate("next")))
            + territory("DK", location(DK, certificate(), DK)),
            issued=NOW,
        )
    )
    world.nodes[SE].octets = node(SE, "SE", signer="next")
    world.list.refresh(NOW)
    assert world.country("DK") == DK
    world.registry.refresh(NOW)
    assert (world.country("SE"), world.country("DK")) == (SE, DK)
    assert world.nodes[DK].read_count == 1
    assert world.heard[-1].rekeyed == (SE,)


def test_new_keys_are_told_of_an_address_that_the_list_names_twice() -> None:
    """security.md D.3: the first entry counts, so what the last one says is not what changes."""
    old, new = location(SE, certificate()), location(SE, certificate("successor"))
    world = World(sign(listed(territory("SE", old))))
    world.list.refresh(NOW)
    for content, minutes in ((new + old, 10), (old + new, 20)):
        at = NOW + timedelta(minutes=minutes)
        world.shelf.octets = sign(listed(territory("SE", content), issued=at))
        world.list.refresh(at)
        assert world.heard[-1].rekeyed == (SE,)
        (anchor,) = world.list.listed(at)
        assert anchor.certificates == (certificate("successor" if minutes == 10 else "node"),)


def test_two_signers_in_the_list_are_both_believed() -> None:
    """A roll-over announced ahead."""
    octets = sign(listed(territory("SE", location(SE, certificate()).replace(
        "</s:MetadataLocation>", location(SE, certificate("next")).partition(">")[2]
    ))))  # fmt: skip
    world = World(octets)
    world.registry.refresh(NOW)
    assert world.country("SE") == SE
    world.nodes[SE].octets = node(SE, "SE", signer="next")
    world.registry.refresh(NOW, force=True)
    assert {status.state for status in world.registry.status(NOW)} == {SourceState.OK}


def test_country_that_leaves_the_list_is_gone() -> None:
    """Trust shrinks at once."""
    world = World()
    world.registry.refresh(NOW)
    world.shelf.octets = sign(listed(territory("DK", location(DK, certificate(), DK))))
    world.list.refresh(NOW)
    assert (world.country("SE"), world.country("DK")) == ("servicelist.country-missing", DK)
    assert world.heard[-1].removed == (SE,)


@pytest.mark.parametrize("changes", [{"state": AnchorState.SUSPENDED}, {"valid_until": date(2026, 11, 22)}])
def test_suspended_or_ended_source_is_neither_asked_nor_believed(changes: dict[str, object]) -> None:
    """A source is a decision with an end, like an anchor."""
    world = World(None, None, **changes)
    world.registry.refresh(NOW)
    assert world.shelf.read_count == 0
    assert (world.country("SE"), world.list.status(NOW).state) == ("source.inactive", SourceState.DOWN)


def test_change_that_cannot_be_recorded_does_not_happen() -> None:
    """Written before the effect."""
    world = World()

    def full(_: MetadataChange) -> None:
        raise MetadataError("log.unavailable")

    world.list._announce = full
    assert world.refused(both()) == "log.unavailable"
    assert world.country("SE") == "servicelist.unavailable"


def test_unknown_source_and_two_nodes_of_a_country_need_a_name() -> None:
    """Which of two is meant is a question for people."""
    other = "https://second.se.example/md"
    octets = sign(listed(territory("SE", location(SE, certificate()) + location(other, certificate()))))
    world = World(octets)
    world.nodes[other] = Shelf(node(other, "SE"))
    world.registry.refresh(NOW)
    assert world.country("SE") == "metadata.ambiguous"
    assert world.registry.listed_peer("nobid", "SE", NOW, entity_id=other).entity_id == other
    with pytest.raises(MetadataError, match="unknown-anchor"):
        world.registry.listed_peer("other", "SE", NOW)


def test_list_does_not_make_us_ask_a_thousand_addresses() -> None:
    """Bounded for each country."""
    places = "".join(location(f"https://n{n}.se.example/md", certificate()) for n in range(100))
    world = World(sign(listed(territory("SE", places))))
    world.registry.refresh(NOW)
    assert len(world.asked) == MOST_LOCATIONS


def test_query_service_is_asked_for_its_entities_only() -> None:
    """Source of kind mdq: one document for each entity, signed by the service."""
    entities = ({"country": "SE", "entity_id": SE}, {"country": "DK", "entity_id": DK})
    world = World(None, None, kind=SourceKind.MDQ, url="https://mdq.example", entities=entities)
    for shelf in world.nodes.values():
        shelf.octets = sign(document(Node(entity_id=SE)))
    world.registry.refresh(NOW)
    assert world.shelf.read_count == 0
    assert world.country("SE") == SE
    assert world.country("DK") == "metadata.unavailable"
