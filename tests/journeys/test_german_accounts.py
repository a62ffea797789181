"""Whole logins through BundID, an account of a Land and Mein Unternehmenskonto."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.accounts.accounts import accounts
from sandbox.launcher import Sandbox, http_client

pytestmark = [pytest.mark.journey, pytest.mark.slow]

BASIC = "STORK-QAA-Level-1"
LOA = "http://eidas.europa.eu/LoA/"


@pytest.mark.parametrize(
    ("method", "level", "acr"),
    [
        ("eID", "high", LOA + "high"),
        ("Elster", "substantial", LOA + "substantial"),
        ("Benutzername", "basic", BASIC),
        ("eIDAS", "high", LOA + "high"),
        ("eIDAS", "substantial", LOA + "substantial"),
        ("FINK", "substantial", LOA + "substantial"),
        ("eudiwallet", "high", LOA + "high"),
    ],
)
def test_bundid_by_each_method_at_its_level(login: Any, method: str, level: str, acr: str) -> None:
    """Issue "German accounts", show 1; bundid.md §1.11."""
    result = login(eid="bundid", method=method, level=level, service="amt24")
    assert result["acr"] == acr
    assert result["country"] == "DE"
    assert result["userinfo"]["account"]["proved_by"] == method
    assert result["userinfo"]["identity_source"]["connector"] == "bundid"


@pytest.mark.parametrize(
    ("eid", "service", "wanted"),
    [
        ("bundid", "service-bw", {}),
        ("bundid", "gaestetaxe-leipzig", {"person": "natural"}),
        ("bundid", "feuerwehr", {"method": "Elster"}),
        ("bundid", "bussgeld", {}),
        ("bayernid", "amt24", {"method": "Authega"}),
        ("dataport-sh", "amt24", {}),
        ("dataport-sh", "feuerwehr", {}),
        ("dataport-sh", "amt24", {"person": "legal", "citizen": "company"}),
        ("muk", "amt24", {}),
        ("muk", "service-bw", {}),
        ("muk", "gaestetaxe-leipzig", {"citizen": "sole-trader"}),
        ("muk", "elbasachs", {}),
        ("muk", "amt24", {"citizen": "foreign"}),
    ],
)
def test_each_service_gets_a_person_or_a_company(login: Any, eid: str, service: str, wanted: dict) -> None:
    """Issue "German accounts", show 1."""
    result = login(eid=eid, service=service, **wanted)
    assert "error" not in result, result
    legal = eid == "muk" or wanted.get("person") == "legal"
    assert ("legal_person" in result["userinfo"]) is legal


def test_a_service_that_demands_high_never_gets_a_substantial_login(login: Any) -> None:
    """The account does not offer it, and an answer that brings it all the same is refused."""
    assert login(eid="bundid", method="Elster", level="high", service="amt24")["error"] == "access_denied"
    result = login(eid="bundid", method="eID", level="high", service="amt24", fault="level-too-low")
    assert "acr" not in result
    assert result["error"] in {"access_denied", "server_error", "unmet_authentication_requirements"}


def test_user_name_and_password_do_not_reach_low(login: Any) -> None:
    """bundid.md §4.1: STORK level 1 is below every level of eIDAS."""
    for wanted in ({"level": "low", "service": "amt24"}, {"service": "bussgeld"}):
        assert login(eid="bundid", method="Benutzername", **wanted)["error"] == "access_denied"


def test_one_account_is_one_subject_at_one_portal_and_another_at_the_next(login: Any) -> None:
    """Show 4; bundid.md §1.12: pairwise, and the raw bPK2 nowhere."""
    logins = ("mustermann", "mustermann-elster", "mustermann-name")
    amt24 = [login(eid="bundid", service="amt24", citizen=c) for c in logins]
    other = login(eid="bundid", service="service-bw", citizen="mustermann")
    subjects = {result["id_token"]["sub"] for result in amt24}
    assert len(subjects) == 1
    assert other["id_token"]["sub"] not in subjects


def test_a_guest_is_somebody_else_every_time(login: Any) -> None:
    """bundid.md §1.11: temporary login, no bPK2."""
    results = [login(eid="bundid", service="bussgeld", citizen="guest-eid") for _ in range(2)]
    assert all(r["userinfo"]["account"]["guest"] for r in results)
    assert results[0]["id_token"]["sub"] != results[1]["id_token"]["sub"]


def test_the_acting_person_is_no_identified_natural_person(login: Any) -> None:
    """bundid.md §3.2; a company that names nobody is refused where the service wants somebody."""
    result = login(eid="muk", service="elbasachs")
    assert result["userinfo"]["account"]["acting_person"]["identified"] is False
    assert "representative" not in result["userinfo"]
    refused = login(eid="muk", service="elbasachs", citizen="association")
    assert refused["error"] == "access_denied"


def test_test_accounts_are_refused(login: Any) -> None:
    """bundid.md §3.2: IstTestkonto."""
    assert "acr" not in login(eid="muk", service="amt24", citizen="test-account")


@pytest.mark.parametrize("service", ["amt24", "bussgeld"])
def test_cancelling_leads_back_with_access_denied(login: Any, service: str) -> None:
    """IF 9.5: with BackURL (amt24) nobody sends a Response; without (bussgeld) a SAML error comes."""
    result = login(eid="bundid", service=service, fault="cancel")
    assert result["error"] == "access_denied", result


def test_a_missing_required_attribute_is_told_to_the_service(login: Any) -> None:
    """IF 9.7."""
    result = login(eid="bundid", service="feuerwehr", citizen="mononym")
    assert result["error"] == "access_denied", result


def test_the_file_we_publish_is_the_one_that_is_handed_in(sandbox: Sandbox) -> None:
    """bundid.md §1.4: no ID, no validUntil, both decryption keys."""
    with http_client(sandbox.state, sandbox.addresses) as http:
        for account in accounts():
            text = http.get(f"{sandbox.addresses.gateway}/connectors/{account}/metadata").text
            assert text.count('use="encryption"') == 2
            assert "validUntil" not in text
