"""How a login without a screen chooses on an account system's page."""

from __future__ import annotations

import pytest

from sandbox.__main__ import faults
from sandbox.accounts.driver import offers, pick
from sandbox.login import CANCEL, Wanted
from sandbox.services.relying_party import LoginFailed, _acr, _check_level


@pytest.fixture
def page(portal) -> str:
    """BundID's page for a request at the lowest level."""
    return portal.send("bundid", portal.request("bundid")).text


@pytest.mark.parametrize(
    ("method", "level", "chosen"),
    [
        ("", "", "mustermann"),
        ("eID", "high", "mustermann"),
        ("Elster", "", "mustermann-elster"),
        ("benutzername", "basic", "mustermann-name"),
        ("eIDAS", "substantial", "eidas-substantial"),
        ("eIDAS", "low", "eidas-low"),
        ("Elster", "low", "mustermann-elster"),
        ("FINK", "basic", "fink-low"),
        ("", "low", "eidas-low"),
    ],
)
def test_the_login_at_exactly_the_level_is_preferred(page, method, level, chosen) -> None:
    """make login METHOD=… LEVEL=…"""
    assert pick(page, method=method, level=level) == chosen


def test_a_method_that_is_not_offered_is_not_chosen(portal) -> None:
    """A service that demands high: the page has no ELSTER login."""
    text = portal.send("bundid", portal.request("bundid", context="STORK-QAA-Level-4")).text
    assert pick(text, method="Elster") is None
    assert {o.level for o in offers(text)} == {4}


def test_the_menu_is_that_of_the_means() -> None:
    """FAULT=… is checked before anything starts."""
    assert CANCEL in faults(Wanted(eid="bundid"))
    assert "test-account" in faults(Wanted(eid="muk"))
    assert "test-account" not in faults(Wanted(eid="bundid"))
    assert "foreign-identifier" in faults(Wanted(eid="eidas"))


def test_an_account_stands_for_germany_and_muk_for_companies() -> None:
    """COUNTRY means nothing to an account."""
    assert Wanted(eid="bundid").iso == "DE"
    assert Wanted(eid="muk").account.person_kind == "legal"
    assert Wanted(eid="dataport-sh").account.person_kind == "natural"


def test_basic_is_below_low_for_the_services_too() -> None:
    """bundid.md §4.1: STORK 1 is not eIDAS low."""
    assert _acr("basic") == "STORK-QAA-Level-1"
    _check_level("STORK-QAA-Level-1", "basic")
    _check_level("http://eidas.europa.eu/LoA/low", "basic")
    with pytest.raises(LoginFailed):
        _check_level("STORK-QAA-Level-1", "low")
    with pytest.raises(LoginFailed):
        _check_level("http://eidas.europa.eu/LoA/basic", "basic")
