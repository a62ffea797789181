"""Pairwise subject identifiers (Core §8.1, oidc.md §11)."""

from dataclasses import replace

import pytest

from connectors.identity import Identifier
from gateway.oidc.subject import SubjectKey, pairwise, sector
from tests.oidc.harness import CLIENTS, client
from tests.oidc.persons import NATURAL, source

KEY = SubjectKey(b"k" * 32)
PORTAL = CLIENTS["portal"]


def sub(client=PORTAL, identity=NATURAL, key=KEY, journey="0123456789"):
    return pairwise(key, client, identity, journey)


def test_subject_is_stable_for_person_and_sector():
    assert sub() == sub(journey="ABCDEFGHJK")
    assert sub(CLIENTS["raw"]) == sub()  # same host of the redirect URIs, same sector


def test_subject_differs_by_sector_person_connector_and_key():
    """Core §8.1; design.md invariant 5: no two services can join citizens through us."""
    other = replace(NATURAL, subject=replace(NATURAL.subject, identifier=Identifier(value="NL/DE/1235")))
    elsewhere = replace(NATURAL, source=source("NL", connector="bundid"))
    found = {
        sub(),
        sub(CLIENTS["other"]),
        sub(identity=other),
        sub(identity=elsewhere),
        sub(key=SubjectKey(b"x" * 32)),
    }
    assert len(found) == 5


def test_identifier_is_compared_octet_by_octet():
    lower = replace(NATURAL, subject=replace(NATURAL.subject, identifier=Identifier(value="nl/de/1234")))
    assert sub(identity=lower) != sub()


def test_subject_shows_nothing_and_fits():
    """Core §2: at most 255 ASCII characters."""
    assert len(sub()) == 43
    assert sub().isascii()
    assert "1234" not in sub()


def test_person_without_identifier_gets_a_subject_of_the_journey_alone():
    """Age verification only: the source names nobody."""
    nobody = replace(NATURAL, subject=replace(NATURAL.subject, identifier=None))
    assert sub(identity=nobody, journey="A") != sub(identity=nobody, journey="B")


def test_registered_sector_joins_several_hosts():
    uris = ("https://a.example/cb", "https://b.example/cb")
    assert sector(client(redirect_uris=uris, sector_identifier="Sector.example")) == "sector.example"


def test_several_hosts_without_a_registered_sector_are_refused():
    """Core §8.1; Registration §5."""
    with pytest.raises(ValueError, match="sector_identifier"):
        sector(client(redirect_uris=("https://a.example/cb", "https://b.example/cb")))


def test_sector_and_account_cannot_run_into_each_other():
    """The zero octet between them: ``a`` + ``bc`` is not ``ab`` + ``c``."""
    one = client(redirect_uris=("https://a.example/cb",))
    two = client(redirect_uris=("https://a.exampleeidas/cb",))
    moved = replace(NATURAL, source=source("NL", connector=""))
    assert sub(two, moved) != sub(one)


def test_short_key_is_refused():
    with pytest.raises(ValueError, match="32"):
        SubjectKey(b"short")
