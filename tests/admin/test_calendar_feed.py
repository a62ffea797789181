"""The calendar of what ends: RFC 5545 in a program's eyes, and who may fetch it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from icalendar import Calendar

from gateway.admin.calendar_feed import feed
from gateway.admin.feeds import FEEDS, Feeds, Owner
from gateway.admin.render import _days, _moments
from gateway.admin.timeline import MARK, WIDTH, ZONE, draw, of_lane, place
from gateway.expiry import Band, Expiry, ExpiryKind, band_at, path
from tests.support.postgresql import postgresql
from trust.log import migrate, open_database
from trust.registry import RegistryUnavailable

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
URL = "https://trust.id.example"


def ends(name: str, kind: ExpiryKind, *, days: float, pressing: bool = True) -> Expiry:
    when = NOW + timedelta(days=days)
    return Expiry(
        key=f"{kind}/{name}", kind=kind, subject=name, when=when, band=band_at(when, NOW), link=path("anchors", name),
        pressing=pressing,
    )  # fmt: skip


def written(*listed: Expiry, title: str = "{}") -> bytes:
    return feed(
        listed,
        name="Amt; mit, Zeichen",
        url=URL,
        now=NOW,
        title=lambda one: title.format(one.subject),
        note=lambda one: f"{one.kind}\nzweite Zeile, mit Komma",
    )


def test_what_ends_with_the_calendar_does_not_end() -> None:
    """RFC 5280 §4.1.2.5: a foreign node's certificate without an end must not keep people from the console."""
    never = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    one = replace(ends("el-node", ExpiryKind.ANCHOR, days=1), when=never, band=band_at(never, NOW))
    assert Calendar.from_ical(written(one)).walk("VEVENT") == []
    assert len(draw([one], NOW).lanes) == len(draw([], NOW).lanes)
    shown = [*map(_moments("de"), [never]), *map(_days("en"), [never, never.date()])]
    assert all("9999" in text for text in shown)


def test_an_entry_is_a_whole_day_that_a_parser_reads_back() -> None:
    """RFC 5545 §3.6.1; midnight in Germany decides about the day."""
    octets = written(ends("el-node", ExpiryKind.ANCHOR, days=0.48))
    [entry] = Calendar.from_ical(octets).walk("VEVENT")
    assert entry.decoded("dtstart") == date(2026, 11, 24)  # 23:31 UTC is the next day in Berlin
    assert entry.decoded("dtend") == date(2026, 11, 25)
    assert entry["summary"] == "el-node"
    assert entry["description"] == "anchor\nzweite Zeile, mit Komma"
    assert entry["url"] == f"{URL}/anchors/el-node"
    assert [alarm.decoded("trigger") for alarm in entry.walk("VALARM")] == [
        timedelta(days=-30),
        timedelta(days=-7),
    ]


def test_lines_are_folded_at_75_octets() -> None:
    """RFC 5545 §3.1; a fold never splits a character."""
    name = "Ünïcödé-" * 40
    octets = written(ends(name, ExpiryKind.PEER_CERTIFICATE, days=3))
    assert octets.endswith(b"\r\n")
    assert max(len(line) for line in octets.split(b"\r\n")) <= 75
    for line in octets.split(b"\r\n"):
        line.decode("utf-8")
    [entry] = Calendar.from_ical(octets).walk("VEVENT")
    assert entry["summary"] == name


def test_foreign_texts_add_no_lines_of_their_own() -> None:
    """An entityID with line breaks must not become a property or an entry."""
    octets = written(ends("x\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:evil", ExpiryKind.METADATA, days=1))
    [entry] = Calendar.from_ical(octets).walk("VEVENT")
    assert "evil" in entry["summary"]


def test_an_entry_keeps_its_identity_when_its_date_moves() -> None:
    """So a program moves the entry in place of adding one."""
    uids = [
        Calendar.from_ical(written(ends("a", ExpiryKind.ANCHOR, days=days))).walk("VEVENT")[0]["uid"]
        for days in (10, 400)
    ]
    assert uids[0] == uids[1]
    assert uids[0].endswith("@trust.id.example")


def test_what_refreshes_itself_is_left_out_and_our_own_steps_are_in() -> None:
    octets = written(
        ends("metadata", ExpiryKind.METADATA, days=1, pressing=False),
        ends("step", ExpiryKind.OWN_KEY, days=5, pressing=False),
    )
    assert [entry["summary"] for entry in Calendar.from_ical(octets).walk("VEVENT")] == ["step"]


def test_a_calendar_without_entries_is_one() -> None:
    assert Calendar.from_ical(written()).walk("VEVENT") == []
    assert Calendar.from_ical(written())["name"] == "Amt; mit, Zeichen"


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    with ExitStack() as opened:
        on_disk = f"sqlite:///{tmp_path}/console.sqlite3"
        url = on_disk if request.param == "sqlite" else opened.enter_context(postgresql())
        database = open_database(url)
        migrate(database)
        yield database
        database.dispose()


ANNA = Owner(person="a.beispiel", enrolment="first")
BERT = Owner(person="b.muster", enrolment="first")


def test_a_new_address_replaces_the_old_one(engine: sa.Engine) -> None:
    feeds = Feeds(engine)
    assert feeds.made(ANNA) is None
    first = feeds.renew(ANNA, lambda count: b"\x01" * count, NOW)
    other = feeds.renew(BERT, lambda count: b"\x03" * count, NOW)
    second = feeds.renew(ANNA, lambda count: b"\x02" * count, NOW + timedelta(days=1))
    assert [feeds.owner(token) for token in (first, second, other)] == [None, ANNA, BERT]
    assert feeds.made(ANNA) == NOW + timedelta(days=1)
    assert feeds.made(replace(ANNA, enrolment="later")) is None
    assert len(second) == 43
    feeds.remove("a.beispiel")
    assert (feeds.owner(second), feeds.made(ANNA)) == (None, None)


def test_the_database_does_not_know_the_address(engine: sa.Engine) -> None:
    """Whoever reads a backup cannot subscribe."""
    token = Feeds(engine).renew(ANNA, lambda count: b"\x01" * count, NOW)
    with engine.connect() as connection:
        assert token not in str(connection.execute(sa.select(FEEDS)).all())
    assert Feeds(engine).owner("") is None


def test_without_a_database_the_refusal_says_so(tmp_path: Path) -> None:
    empty = open_database(f"sqlite:///{tmp_path}/empty.sqlite3")
    with pytest.raises(RegistryUnavailable):
        Feeds(empty).made(ANNA)
    with pytest.raises(RegistryUnavailable):
        Feeds(empty).renew(ANNA, lambda count: b"\x01" * count, NOW)


@pytest.mark.parametrize("days", [-400, -30, -1, -0.001, 0.5, 1, 1.01, 7, 13, 30, 89, 90, 91, 730, 9000])
def test_every_mark_lies_in_the_zone_of_its_band(days: float) -> None:
    left = timedelta(days=days)
    band = band_at(NOW + left, NOW)
    x = place(left, band)
    zone = list(Band).index(band) * ZONE
    assert zone <= x <= zone + ZONE - MARK
    assert x + MARK <= WIDTH


def test_every_kind_has_one_lane_and_counts_are_of_what_is_pressing() -> None:
    """The counts say without the drawing what the drawing shows."""
    listed = [ends(kind.value, kind, days=3) for kind in ExpiryKind]
    listed.append(ends("fresh", ExpiryKind.METADATA, days=1, pressing=False))
    drawn = draw(listed, NOW).lanes
    assert sum(len(lane.marks) for lane in drawn) == len(listed)
    metadata = next(lane for lane in drawn if lane.name == "metadata")
    assert (len(metadata.marks), metadata.counts) == (2, {Band.DAYS_7: 1})
    assert [one.subject for one in of_lane(listed, "clients")] == ["client-certificate"]
    assert of_lane(listed, "nothing") == tuple(listed)
