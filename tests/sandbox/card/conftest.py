"""Cards with their issuer and the authorities of a terminal, all made for the run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from sandbox.card.chip import Card
from sandbox.card.document import documents
from sandbox.card.issuer import CardIssuer
from tests.sandbox.card.terminals import TODAY, Authorities, authorities


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> CardIssuer:
    return CardIssuer(tmp_path_factory.mktemp("cards"))


@pytest.fixture(scope="session")
def pki() -> Authorities:
    return authorities()


@pytest.fixture
def card(issuer: CardIssuer, pki: Authorities) -> Callable[..., Card]:
    """Take a citizen's card out of the drawer."""

    def take(citizen: str = "erika", *, today: date = TODAY) -> Card:
        return Card(documents()[citizen], issuer, pki.root.octets, today=today)

    return take
