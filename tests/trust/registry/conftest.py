"""The registry on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.support.migrated import migrate
from tests.support.postgresql import postgresql
from tests.trust.registry.people import People
from trust.log import open_database
from trust.registry.entries import TABLE


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    with postgresql() as url:
        opened = open_database(url)
        migrate(opened)
        opened.dispose()
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/registry.sqlite3"
    else:
        url = request.getfixturevalue("postgresql_url")
    opened = open_database(url)
    if request.param == "sqlite":
        migrate(opened)
    yield opened
    with opened.begin() as connection:
        connection.execute(sa.delete(TABLE))
    opened.dispose()


@pytest.fixture
def people(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> People:
    """Three enrolled approvers. The database's clock is out of the way: these tests have one of their own."""
    monkeypatch.setattr("trust.registry.entries.EntryStore.clock", lambda _: None)
    found = People(engine)
    found.bootstrap()
    return found
