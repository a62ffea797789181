"""A registry in a file, with three people enrolled in it; a test takes the fixture by import."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.migrated import migrate
from tests.trust.registry.people import People
from trust.log import open_database


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    engine = open_database(f"sqlite:///{tmp_path}/registry.sqlite3")
    migrate(engine)
    found = People(engine)
    found.bootstrap()
    yield found
    engine.dispose()
