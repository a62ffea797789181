"""Finding entries in a log of any length (ux.md §11: filter by time, actor, object, event)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from gateway.admin.history import log_query
from gateway.admin.history.log_query import Filter, export, search
from trust.log import canonical_json, timestamp
from trust.trees import LOGIN, Row

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Source:
    """A log with an entry a minute; counts what is read."""

    tree = LOGIN

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = {row.seq: row for row in rows}
        self.read_rows = 0

    def bounds(self) -> tuple[int, int]:
        return (min(self.rows), max(self.rows)) if self.rows else (1, 0)

    def read(self, first: int, last: int) -> Sequence[Row]:
        found = [self.rows[seq] for seq in range(first, last + 1) if seq in self.rows]
        self.read_rows += len(found)
        return found

    def about(self, body: Mapping[str, object]) -> tuple[str, ...]:
        return ("change/1",) if "change" in body else ()


def row(seq: int, event: str = "JourneyOpened", at: datetime | None = None, **body: object) -> Row:
    time = timestamp(NOON + seq * MINUTE if at is None else at)
    return Row(seq, time, event, canonical_json(body), b"")


@pytest.fixture
def source() -> Source:
    return Source(
        [row(seq, client="amt24" if seq % 2 else "Stadt", journey=f"J{seq}") for seq in range(1, 201)]
    )


def numbers(page: log_query.LogPage) -> list[int]:
    return [line.seq for line in page.lines]


def test_pages_go_from_the_newest_to_the_oldest_without_loss(source: Source) -> None:
    seen, before = [], None
    while True:
        page = search(source, Filter(), before=before, limit=30)
        seen += numbers(page)
        if page.next is None:
            break
        before = page.next
    assert seen == list(range(200, 0, -1))


def test_filters_by_event_actor_and_object(source: Source) -> None:
    source.rows[201] = row(201, "ExchangeFailed", client="amt24", country="GR", code="eidas.cancelled")
    assert numbers(search(source, Filter(event="ExchangeFailed"))) == [201]
    assert numbers(search(source, Filter(actor="stadt"), limit=2)) == [200, 198]
    assert numbers(search(source, Filter(object="gr"))) == [201]
    assert numbers(search(source, Filter(object="J7"))) == [7]
    assert numbers(search(source, Filter(actor="amt24", object="J8"))) == []


def test_entries_of_the_trust_log_are_found_by_people_and_objects() -> None:
    source = Source(
        [
            row(1, "change-proposed", change={"proposer": "a.beispiel", "edits": []}),
            row(2, "approval", approval={"approver": "b.muster", "change": "ab" * 32}),
        ]
    )
    assert numbers(search(source, Filter(actor="a.beispiel"))) == [1]
    assert numbers(search(source, Filter(actor="b.muster"))) == [2]
    assert numbers(search(source, Filter(object="ab" * 32))) == [2]
    assert numbers(search(source, Filter(object="change/1"))) == [1]


def test_people_of_the_console_act_and_kinds_of_person_do_not() -> None:
    source = Source(
        [row(1, "ConsoleSignedIn", person="a.beispiel"), row(2, person="natural", client="amt24")]
    )
    assert [line.actors for line in search(source, Filter()).lines] == [("amt24",), ("a.beispiel",)]


def test_time_bounds_are_found_without_reading_the_log(source: Source) -> None:
    wanted = Filter(since=NOON + 100 * MINUTE, until=NOON + 103 * MINUTE)
    assert numbers(search(source, wanted)) == [102, 101, 100]
    assert source.read_rows < 180  # halving reads a few rows at a time, and the bounds' ten minutes


def test_a_page_ends_after_so_many_entries_and_says_where_to_go_on(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search for something rare must not keep the database busy for minutes."""
    monkeypatch.setattr(log_query, "SCAN", 50)
    first = search(source, Filter(object="J120"))
    assert (numbers(first), first.next) == ([], 151)
    second = search(source, Filter(object="J120"), before=first.next)
    assert (numbers(second), second.next) == ([120], 101)


def test_gaps_and_broken_rows_hide_nothing(source: Source) -> None:
    """A browser of a log must show just what somebody tampered with."""
    del source.rows[150]
    source.rows[199] = Row(199, "yesterday", "JourneyOpened", "no JSON", b"")
    page = search(source, Filter(), limit=2)
    assert numbers(page) == [200, 199]
    assert page.lines[1].at is None
    assert page.lines[1].body == "no JSON"
    assert numbers(search(source, Filter(since=NOON + 149 * MINUTE, until=NOON + 152 * MINUTE))) == [151, 149]


def test_an_empty_log_has_an_empty_page() -> None:
    page = search(Source([]), Filter(since=NOON, until=NOON))
    assert (page.lines, page.next) == ((), None)


def test_an_export_is_json_lines_oldest_first(source: Source) -> None:
    lines = list(export(source, Filter(actor="Stadt", until=NOON + 5 * MINUTE)))
    assert [json.loads(line)["seq"] for line in lines] == [2, 4]
    assert lines[0] == (
        b'{"body":{"client":"Stadt","journey":"J2"},"event":"JourneyOpened","seq":2,'
        b'"time":"2026-11-23T12:02:00.000000Z"}\n'
    )
