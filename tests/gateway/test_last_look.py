"""Entries that were written later than they say (security.md D.7: approvals expire)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.last_look import TOLERANCE, LastLook
from tests.support.migrated import migrate
from tests.trust.registry.people import GREECE, People, document
from trust.log import open_database


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    engine = open_database(f"sqlite:///{tmp_path}/registry.sqlite3")
    migrate(engine)
    found = People(engine)
    found.bootstrap()
    yield found
    engine.dispose()


def test_what_comes_in_its_time_is_no_news(people: People) -> None:
    """Also when somebody else in this process has read it before, and with clocks that are a little apart."""
    look = LastLook(people.registry.known.head, people.now + TOLERANCE)
    people.put(GREECE, document())
    look.again(people.registry, people.now + TOLERANCE)
    assert look.dated_back is None
    people.later(days=1)
    people.put(GREECE, document(key="2"))
    look.again(people.registry, people.now)
    look.again(people.registry, people.now)
    assert look.dated_back is None


def test_first_new_entry_tells_also_when_others_follow_it(people: People) -> None:
    look = LastLook(people.registry.known.head, people.now)
    look.again(people.registry, people.now + TOLERANCE + timedelta(seconds=1))
    people.put(GREECE, document())
    first = look.head.seq + 1
    people.later(days=1)
    people.put(GREECE, document(key="2"))
    look.again(people.registry, people.now)
    assert look.dated_back == first
