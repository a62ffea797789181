"""Refresh, keep, expire, roll back: one source over time (security.md D.2), with a clock of our own."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.trust.http_peer import HTTPPeer, body
from tests.trust.metadata_maker import (
    ENTITY_ID,
    NOW,
    Node,
    aggregate,
    aggregate_policy,
    anchor,
    document,
    instant,
    issue,
    key,
    key_descriptor,
    policy,
    sign,
)
from trust.anchors import MetadataLocation
from trust.errors import MetadataError, TrustError
from trust.fetch import FetchPolicy
from trust.metadata import MetadataRole
from trust.metadata_document import DocumentPolicy
from trust.metadata_registry import MetadataRegistry
from trust.metadata_source import MetadataChange, MetadataSource, SourceState, source_for

IDP = MetadataRole.IDENTITY_PROVIDER
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Shelf:
    """Stands for whatever brings octets: what lies here is what the peer publishes."""

    def __init__(self, octets: bytes | None = None) -> None:
        self.octets = octets
        self.read_count = 0

    def __call__(self, *, held: bool) -> bytes | None:
        self.read_count += 1
        if self.octets is None:
            raise MetadataError("fetch.connection")
        return self.octets


def source(shelf: Shelf, rules: DocumentPolicy | None = None, **arguments) -> MetadataSource:
    return MetadataSource(rules or policy(), read=shelf, started=NOW, **arguments)


def refusal(subject: MetadataSource, at: datetime) -> str:
    with pytest.raises(TrustError) as caught:
        subject.refresh(at)
    return caught.value.reason


def lookup(subject: MetadataSource, at: datetime) -> str:
    with pytest.raises(MetadataError) as caught:
        subject.peer(ENTITY_ID, at, IDP)
    return caught.value.reason


def test_refreshed_source_serves_its_peer() -> None:
    """The plain case."""
    subject = source(Shelf(sign(document())))
    assert lookup(subject, NOW) == "metadata.unavailable"
    subject.refresh(NOW)
    assert subject.peer(ENTITY_ID, NOW, IDP).entity_id == ENTITY_ID
    assert subject.status(NOW).state is SourceState.OK
    assert subject.status(NOW).reason is None


def test_failed_refresh_keeps_the_copy_until_its_own_valid_until() -> None:
    """security.md D.2: stale but valid, then down; two different states."""
    shelf = Shelf(sign(document(valid=DAY)))
    subject = source(shelf)
    subject.refresh(NOW)
    shelf.octets = None
    assert refusal(subject, NOW + HOUR) == "fetch.connection"
    assert subject.peer(ENTITY_ID, NOW + 23 * HOUR, IDP)
    stale = subject.status(NOW + 18 * HOUR)
    assert (stale.state, stale.reason, stale.since) == (SourceState.STALE, "fetch.connection", NOW + HOUR)
    assert stale.spent == 0.75
    assert lookup(subject, NOW + DAY) == "metadata.expired"
    assert subject.peers(NOW + DAY) == ()
    down = subject.status(NOW + DAY)
    assert (down.state, down.since, down.spent) == (SourceState.DOWN, NOW + DAY, 1.0)


def test_source_recovers_by_itself() -> None:
    """The next good document ends the failure."""
    shelf = Shelf(None)
    subject = source(shelf)
    assert refusal(subject, NOW) == "fetch.connection"
    assert subject.status(NOW).state is SourceState.DOWN
    shelf.octets = sign(document())
    subject.refresh(NOW + HOUR)
    assert subject.status(NOW + HOUR).state is SourceState.OK


BAD = {
    "unsigned": document(Node(location="https://evil.example/")).encode(),
    "wrongly signed": sign(document(), key("stranger"), (issue("stranger", key("stranger")),)),
    "modified": sign(document()).replace(b"se.example/sso", b"se.example/evl"),
    "expired": sign(document(valid=-HOUR)),
    "no validUntil": sign(document(valid=None)),
    "ten years": sign(document(valid=3650 * DAY)),
    "other entityID": sign(document(Node(entity_id="https://evil.example/"))),
    "older": sign(document(Node(location="https://old.example/sso"), valid=HOUR)),
    "DTD": b"<!DOCTYPE x>" + sign(document()),
    "inner element signed": aggregate(sign(document()).decode()).encode(),
    "20 MiB": sign(document()).ljust(20_971_520),
    "not XML": b"Internal Server Error",
    "empty": b"",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_document_is_refused_and_the_old_copy_kept(name: str) -> None:
    """security.md D.2, the whole list."""
    shelf = Shelf(sign(document(valid=DAY)))
    subject = source(shelf)
    subject.refresh(NOW)
    before = subject.document(NOW)
    shelf.octets = BAD[name]
    reason = refusal(subject, NOW)
    assert subject.document(NOW) is before
    assert subject.status(NOW).state is SourceState.STALE
    assert subject.status(NOW).reason == reason


def test_older_document_is_refused() -> None:
    """security.md D.2: rollback protection by validUntil."""
    shelf = Shelf(sign(document(valid=2 * DAY)))
    subject = source(shelf)
    subject.refresh(NOW)
    shelf.octets = sign(document(valid=DAY))
    assert refusal(subject, NOW) == "metadata.rollback"


def test_creation_instant_decides_where_it_is_published() -> None:
    """A newer document may state a shorter validity (mdrpi PublicationInfo)."""

    def made(at: datetime, valid: timedelta) -> bytes:
        publication = (
            '<md:Extensions><p:PublicationInfo xmlns:p="urn:oasis:names:tc:SAML:metadata:rpi" '
            f'publisher="https://se.example/" creationInstant="{instant(at)}"/></md:Extensions>'
        )
        return sign(aggregate(Node().xml(), valid=valid, extensions=publication))

    shelf = Shelf(made(NOW, 10 * DAY))
    subject = source(shelf, aggregate_policy("SE"))
    subject.refresh(NOW)
    shelf.octets = made(NOW + HOUR, DAY)
    subject.refresh(NOW)
    shelf.octets = made(NOW, 12 * DAY)
    assert refusal(subject, NOW) == "metadata.rollback"


@pytest.mark.parametrize(
    ("valid", "cache", "wait"),
    [
        (DAY, "", 12 * HOUR),
        (10 * DAY, "", DAY),
        (10 * DAY, "PT6H", 6 * HOUR),
        (10 * DAY, "P30D", DAY),
        (10 * DAY, "PT1S", timedelta(minutes=5)),
        (timedelta(minutes=6), "", timedelta(minutes=5)),
        (DAY, "six hours", 12 * HOUR),
    ],
)
def test_refresh_time_follows_the_document(valid: timedelta, cache: str, wait: timedelta) -> None:
    """min(cacheDuration, (validUntil - now)/2), between 5 minutes and 24 hours."""
    attribute = f' cacheDuration="{cache}"' if cache else ""
    octets = sign(document(valid=valid, attributes=attribute if cache != "six hours" else ""))
    if cache == "six hours":
        octets = sign(document(valid=valid).replace(" validUntil", ' cacheDuration="-P1D" validUntil'))
    subject = source(Shelf(octets))
    assert subject.next_refresh() == NOW
    subject.refresh(NOW)
    assert subject.next_refresh() == NOW + wait


def test_failed_refresh_is_tried_again_after_five_minutes() -> None:
    """Not at once, and not after a day."""
    subject = source(Shelf(None))
    refusal(subject, NOW)
    assert subject.next_refresh() == NOW + timedelta(minutes=5)


def test_clock_that_was_ahead_for_a_moment_puts_no_refresh_off() -> None:
    """It was a year ahead: else nothing would be fetched for a year, and after some days nobody could log in."""
    subject = source(Shelf(sign(document())))
    with suppress(TrustError):
        subject.refresh(NOW + timedelta(days=365))
    assert subject.next_refresh() > NOW + timedelta(days=364)
    assert subject.due(NOW)
    subject.refresh(NOW)
    assert not subject.due(NOW)
    assert subject.due(subject.next_refresh())


def test_suspended_anchor_serves_nothing_and_fetches_nothing() -> None:
    """security.md D.1: only ``active`` verifies."""
    shelf = Shelf(sign(document()))
    subject = source(shelf, policy(anchor=anchor(state="suspended")))
    assert refusal(subject, NOW) == "metadata.anchor-inactive"
    assert lookup(subject, NOW) == "metadata.anchor-inactive"
    assert subject.status(NOW).reason == "metadata.anchor-inactive"
    assert shelf.read_count == 0


def test_anchor_that_ends_takes_its_peers_with_it() -> None:
    """security.md D.1."""
    subject = source(Shelf(sign(document(valid=10 * DAY))), policy(anchor=anchor(valid_until="2026-11-25")))
    subject.refresh(NOW)
    assert subject.peer(ENTITY_ID, NOW + 2 * DAY, IDP)
    assert lookup(subject, NOW + 3 * DAY) == "metadata.anchor-inactive"


def test_dropped_entity_is_named_with_its_reason() -> None:
    """The operator sees why a country is missing."""
    subject = source(Shelf(sign(document(Node(country="FR")))))
    subject.refresh(NOW)
    with pytest.raises(MetadataError, match=re.escape("entity.country-not-covered")) as caught:
        subject.peer(ENTITY_ID, NOW, IDP)
    assert caught.value.reason == "metadata.entity-dropped"
    assert [d.reason for d in subject.status(NOW).dropped] == ["entity.country-not-covered"]


def test_entity_that_ends_before_its_document_is_expired() -> None:
    """saml-metadata §2.3.2: each element's own validUntil."""
    octets = sign(aggregate(Node(valid_until=NOW + HOUR).xml(), valid=DAY))
    subject = source(Shelf(octets), aggregate_policy("SE"))
    subject.refresh(NOW)
    assert lookup(subject, NOW + 2 * HOUR) == "metadata.expired"
    assert subject.peers(NOW + 2 * HOUR) == ()


class TestKeptCopy:
    """The last good octets outlive the process."""

    def test_restart_while_the_peer_is_away_still_works(self, tmp_path: Path) -> None:
        """security.md D.2: last good copy."""
        kept = tmp_path / "deep" / "se-node.xml"
        source(Shelf(sign(document())), kept=kept).refresh(NOW)
        restarted = source(Shelf(None), kept=kept)
        restarted.load(NOW + HOUR)
        assert restarted.peer(ENTITY_ID, NOW + HOUR, IDP)
        assert restarted.next_refresh() == NOW + HOUR
        refusal(restarted, NOW + HOUR)
        assert restarted.status(NOW + HOUR).state is SourceState.STALE
        assert [p.name for p in kept.parent.iterdir()] == ["se-node.xml"]

    def test_kept_copy_is_verified_again(self, tmp_path: Path) -> None:
        """Whoever can write files cannot plant a peer."""
        kept = tmp_path / "se-node.xml"
        kept.write_bytes(sign(document()).replace(b"se.example/sso", b"se.example/evl"))
        restarted = source(Shelf(None), kept=kept)
        restarted.load(NOW)
        assert lookup(restarted, NOW) == "metadata.unavailable"

    def test_expired_kept_copy_is_dead(self, tmp_path: Path) -> None:
        """eidas.md §6.2: past validUntil."""
        kept = tmp_path / "se-node.xml"
        source(Shelf(sign(document(valid=HOUR))), kept=kept).refresh(NOW)
        restarted = source(Shelf(None), kept=kept)
        restarted.load(NOW + HOUR)
        assert lookup(restarted, NOW + HOUR) == "metadata.unavailable"

    def test_rollback_is_refused_across_a_restart(self, tmp_path: Path) -> None:
        """security.md D.2."""
        kept = tmp_path / "se-node.xml"
        source(Shelf(sign(document(valid=2 * DAY))), kept=kept).refresh(NOW)
        restarted = source(Shelf(sign(document(valid=DAY))), kept=kept)
        restarted.load(NOW)
        assert refusal(restarted, NOW) == "metadata.rollback"

    def test_refused_document_is_not_kept(self, tmp_path: Path) -> None:
        """Only what was accepted is written."""
        kept = tmp_path / "se-node.xml"
        shelf = Shelf(sign(document()))
        subject = source(shelf, kept=kept)
        subject.refresh(NOW)
        shelf.octets = BAD["unsigned"]
        refusal(subject, NOW)
        assert kept.read_bytes() == sign_free(kept)

    def test_unwritable_directory_does_not_stop_logins(self, tmp_path: Path) -> None:
        """A full or read-only disk costs the copy, not the peer."""
        blocked = tmp_path / "file"
        blocked.write_bytes(b"")
        subject = source(Shelf(sign(document())), kept=blocked / "se-node.xml")
        subject.refresh(NOW)
        assert subject.status(NOW).state is SourceState.OK


def sign_free(kept: Path) -> bytes:
    """The kept octets, asserted to be the signed document."""
    octets = kept.read_bytes()
    assert b"SignatureValue" in octets
    assert b"evil.example" not in octets
    return octets


class TestAnnouncement:
    """design.md §3 invariant 6: a trust change is recorded before its effect is visible."""

    def test_change_of_keys_is_announced_before_it_counts(self) -> None:
        """With the fingerprint of the document and whose keys changed."""
        seen: list[tuple[MetadataChange, bool]] = []
        shelf = Shelf(sign(document()))

        def announce(change: MetadataChange) -> None:
            seen.append((change, bool(subject.peers(NOW))))

        subject = source(shelf, announce=announce)
        subject.refresh(NOW)
        subject.refresh(NOW)
        shelf.octets = sign(document(Node(keys=(key_descriptor(issue("next", key("next"))),))))
        subject.refresh(NOW)
        (first, in_use_first), (second, in_use_second) = seen
        assert first.added == (ENTITY_ID,)
        assert first.previous_sha256 is None
        assert not in_use_first
        assert second.rekeyed == (ENTITY_ID,)
        assert second.previous_sha256 == first.sha256
        assert in_use_second

    def test_change_that_cannot_be_recorded_does_not_happen(self) -> None:
        """The audit store is away: the old document stays."""

        def announce(_change: MetadataChange) -> None:
            raise RuntimeError("audit store away")

        subject = source(Shelf(sign(document())), announce=announce)
        with pytest.raises(RuntimeError):
            subject.refresh(NOW)
        assert lookup(subject, NOW) == "metadata.unavailable"
        assert subject.status(NOW).reason == "metadata.internal"


class TestOverHTTP:
    """With real fetching on loopback."""

    @pytest.fixture
    def peer(self) -> Iterator[HTTPPeer]:
        server = HTTPPeer()
        yield server
        server.close()

    @staticmethod
    def made(url: str, tmp_path: Path) -> MetadataSource:
        location = MetadataLocation(url=url, entity_ids=(ENTITY_ID,))
        return source_for(
            policy(anchor=anchor(metadata=location)),
            config_dir=tmp_path,
            keep_dir=tmp_path / "kept",
            fetch_policy=FetchPolicy(allow_http_loopback=True),
            started=NOW,
        )

    def test_url_is_fetched_and_kept(self, peer: HTTPPeer, tmp_path: Path) -> None:
        """One file per anchor."""
        peer.answer = body(sign(document()))
        subject = self.made(peer.url(host="127.0.0.1"), tmp_path)
        subject.refresh(NOW)
        assert subject.peer(ENTITY_ID, NOW, IDP)
        assert (tmp_path / "kept" / "se-node.xml").exists()

    def test_redirect_is_refused_and_the_old_copy_kept(self, peer: HTTPPeer, tmp_path: Path) -> None:
        """security.md D.2."""
        peer.answer = body(sign(document()))
        subject = self.made(peer.url(host="127.0.0.1"), tmp_path)
        subject.refresh(NOW)
        peer.answer = body(b"", status=302, Location=peer.url(host="127.0.0.1", path="/other"))
        assert refusal(subject, NOW) == "fetch.redirect"
        assert subject.peer(ENTITY_ID, NOW, IDP)
        assert peer.asked == ["/metadata", "/metadata"]

    def test_file_is_read_relative_to_the_configuration(self, tmp_path: Path) -> None:
        """Handed-over files; they need no second copy."""
        (tmp_path / "se.xml").write_bytes(sign(document()))
        location = MetadataLocation(file="se.xml", entity_ids=(ENTITY_ID,))
        subject = source_for(
            policy(anchor=anchor(metadata=location)),
            config_dir=tmp_path,
            keep_dir=tmp_path / "kept",
            fetch_policy=FetchPolicy(),
            started=NOW,
        )
        subject.refresh(NOW)
        assert subject.peer(ENTITY_ID, NOW, IDP)
        assert not (tmp_path / "kept").exists()
        (tmp_path / "se.xml").unlink()
        assert refusal(subject, NOW) == "metadata.unreadable"
        assert subject.peer(ENTITY_ID, NOW, IDP)

    def test_location_is_url_or_file(self, tmp_path: Path) -> None:
        """Exactly one of them."""
        location = MetadataLocation(url=ENTITY_ID, file="se.xml", entity_ids=(ENTITY_ID,))
        with pytest.raises(MetadataError, match="location"):
            source_for(
                policy(anchor=anchor(metadata=location)),
                config_dir=tmp_path,
                keep_dir=None,
                fetch_policy=FetchPolicy(),
                started=NOW,
            )


class TestRegistry:
    """All sources together."""

    DK = "https://node.eidas.dk.example/metadata"

    def denmark(self, shelf: Shelf, **changes: object) -> MetadataSource:
        location = MetadataLocation(url=self.DK, entity_ids=(self.DK,))
        return source(
            shelf, policy(anchor=anchor(id="dk-node", countries=("DK",), metadata=location, **changes))
        )

    def both(self) -> tuple[MetadataRegistry, Shelf, Shelf]:
        sweden = Shelf(sign(document()))
        denmark = Shelf(sign(document(Node(entity_id=self.DK, country="DK"))))
        return MetadataRegistry([source(sweden), self.denmark(denmark)]), sweden, denmark

    def test_peers_are_found_by_entity_and_anchor(self) -> None:
        """The connector names the anchor of the country."""
        registry, *_ = self.both()
        registry.refresh(NOW)
        assert registry.peer(self.DK, NOW).node_country == "DK"
        assert registry.peer(self.DK, NOW, anchor="dk-node").node_country == "DK"
        assert {p.node_country for p in registry.peers(NOW)} == {"SE", "DK"}
        assert registry.peers(NOW, role=MetadataRole.SERVICE_PROVIDER) == ()

    @pytest.mark.parametrize(
        ("entity_id", "named", "reason"),
        [
            (DK, "se-node", "metadata.unknown-entity"),
            (DK, "fr-node", "metadata.unknown-anchor"),
            ("https://evil.example/", None, "metadata.unknown-entity"),
        ],
    )
    def test_unknown_peer_is_refused_and_never_fetched(
        self, entity_id: str, named: str | None, reason: str
    ) -> None:
        """eidas.md §6.2: no URL from a message's Issuer."""
        registry, sweden, denmark = self.both()
        registry.refresh(NOW)
        with pytest.raises(MetadataError) as caught:
            registry.peer(entity_id, NOW, anchor=named)
        assert caught.value.reason == reason
        assert (sweden.read_count, denmark.read_count) == (1, 1)

    def test_broken_source_touches_no_other(self) -> None:
        """design.md §3 invariant 10, also when our own code fails."""

        def explode(*, held: bool) -> bytes:
            raise ZeroDivisionError

        broken = MetadataSource(policy(), read=explode, started=NOW)
        good = self.denmark(Shelf(sign(document(Node(entity_id=self.DK, country="DK")))))
        registry = MetadataRegistry([broken, good])
        registry.refresh(NOW)
        assert registry.peer(self.DK, NOW).node_country == "DK"
        assert [(s.anchor, s.state, s.reason) for s in registry.status(NOW)] == [
            ("se-node", SourceState.DOWN, "metadata.internal"),
            ("dk-node", SourceState.OK, None),
        ]

    def test_reason_of_the_concerned_source_is_given(self) -> None:
        """Expired and unknown are different messages to the operator."""
        registry, *_ = self.both()
        registry.refresh(NOW)
        with pytest.raises(MetadataError) as caught:
            registry.peer(self.DK, NOW + 2 * DAY)
        assert caught.value.reason == "metadata.expired"

    def test_two_anchors_for_one_entity_need_a_name(self) -> None:
        """Which anchor counts is a decision of people, not of file order."""
        shelf = Shelf(sign(document()))
        registry = MetadataRegistry([source(shelf), source(shelf, policy(anchor=anchor(id="second")))])
        registry.refresh(NOW)
        with pytest.raises(MetadataError) as caught:
            registry.peer(ENTITY_ID, NOW)
        assert caught.value.reason == "metadata.ambiguous"
        assert registry.peer(ENTITY_ID, NOW, anchor="second").anchor == "second"

    def test_country_list_changes_with_the_metadata(self) -> None:
        """eidas.md §13 number 17."""
        shelf = Shelf(sign(aggregate(Node().xml(), Node(entity_id=self.DK, country="DK").xml())))
        registry = MetadataRegistry([source(shelf, aggregate_policy("SE", "DK"))])
        registry.refresh(NOW)
        assert {p.node_country for p in registry.peers(NOW)} == {"SE", "DK"}
        hidden = Node(categories=("http://refeds.org/category/hide-from-discovery",))
        shelf.octets = sign(aggregate(hidden.xml()))
        registry.refresh(NOW, force=True)
        assert [(p.node_country, p.hidden) for p in registry.peers(NOW)] == [("SE", True)]

    def test_only_due_sources_are_fetched(self) -> None:
        """Refresh follows each document's own time."""
        registry, sweden, denmark = self.both()
        registry.refresh(NOW)
        registry.refresh(NOW + HOUR)
        assert (sweden.read_count, denmark.read_count) == (1, 1)
        registry.refresh(NOW + 13 * HOUR, force=False)
        assert (sweden.read_count, denmark.read_count) == (2, 2)

    def test_kept_copies_are_loaded_at_start(self, tmp_path: Path) -> None:
        """Before the first refresh."""
        kept = tmp_path / "se-node.xml"
        kept.write_bytes(sign(document()))
        registry = MetadataRegistry([source(Shelf(None), kept=kept)])
        registry.load(NOW)
        assert registry.peer(ENTITY_ID, NOW)


def test_status_tells_the_last_refresh_and_the_last_attempt() -> None:
    """The console shows both: a source may have been asked a minute ago and have answered last week."""
    shelf = Shelf(sign(document()))
    subject = source(shelf)
    assert (subject.status(NOW).refreshed_at, subject.status(NOW).tried_at) == (None, None)
    subject.refresh(NOW)
    shelf.octets = None
    assert refusal(subject, NOW + HOUR) == "fetch.connection"
    status = subject.status(NOW + HOUR)
    assert (status.refreshed_at, status.tried_at) == (NOW, NOW + HOUR)


def test_the_copy_held_can_be_looked_at_after_its_end() -> None:
    """People see which certificates a node had; a login does not."""
    subject = source(Shelf(sign(document())))
    registry = MetadataRegistry([subject])
    assert registry.held() == ()
    subject.refresh(NOW)
    later = NOW + timedelta(days=400)
    assert registry.peers(later) == ()
    assert [peer.entity_id for peer in registry.held()] == [ENTITY_ID]
