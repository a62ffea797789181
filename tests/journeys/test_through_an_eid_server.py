"""Both SAML interfaces of a German eID-Server, from the service's button to its tokens (TR-03130-1 §4, §5)."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.nodes.countries import countries

pytestmark = [pytest.mark.journey, pytest.mark.slow]

STATES = [c.node_code for c in countries().values() if c.notified and not c.hidden]


@pytest.mark.parametrize("code", STATES)
def test_foreign_citizen_comes_through_the_eid_server_as_directly(login: Any, code: str) -> None:
    """eidas.md §11.2: the same person, whichever way; another ``sub``, because another source says so."""
    direct, through = (login(eid=eid, country=code, service="amt24") for eid in ("eidas", "eidas-esaml"))
    if "error" in direct:  # a citizen without Latin name, who is transliterated on the way through
        assert "error" not in through or through["code"] == direct["code"]
        return
    assert through["acr"] == direct["acr"]
    assert through["id_token"]["sub"] != direct["id_token"]["sub"]
    assert through["userinfo"]["identity_source"]["connector"] == "eidas-esaml"
    for claim in ("family_name", "given_name", "birthdate", "place_of_birth"):
        assert through["userinfo"].get(claim) == direct["userinfo"].get(claim), claim


def test_birth_name_comes_as_a_family_name(login: Any) -> None:
    """A registry office asks for it; eIDAS itself knows only the whole name at birth."""
    claims = login(eid="eidas-esaml", country="EL", service="personenstand")["userinfo"]
    assert claims["birth_family_name"] == "Papadopoulos"
    assert "eidas_birth_name" not in claims


def test_company_and_who_acts_for_it_come_through_the_eid_server(login: Any) -> None:
    claims = login(eid="eidas-esaml", country="EE", service="amt24", person="legal")["userinfo"]
    assert claims["legal_person"]["legal_name"] == "Põhjanaela Õlletehas OÜ"
    assert claims["representative"]["family_name"] == "JÕEORG"


@pytest.mark.parametrize(
    "fault", ["wrong-signature", "unknown-key", "wrong-in-response-to", "aes-cbc", "many-uses", "other-state"]
)
def test_fault_of_the_eid_server_logs_nobody_in(login: Any, fault: str) -> None:
    """Some of the menu in the whole product (all of it: ``tests/sandbox/eid_service/test_esaml.py``)."""
    result = login(eid="eidas-esaml", country="EL", fault=fault)
    assert (result["error"], result["code"]) == ("server_error", "eidas.invalid_answer"), result
    assert "Onasis" not in str(result)


def test_citizen_may_decline_at_the_eid_server(login: Any) -> None:
    result = login(eid="eidas-esaml", country="EL", fault="decline")
    assert (result["error"], result["code"]) == ("access_denied", "eidas.cancelled")


def test_level_below_the_request_logs_nobody_in(login: Any) -> None:
    result = login(eid="eidas-esaml", country="EL", service="personenstand", fault="level-too-low")
    assert result["error"] == "unmet_authentication_requirements"


def test_answer_of_the_eid_server_is_good_once(login: Any) -> None:
    result = login(eid="eidas-esaml", country="EL", fault="replay")
    assert "id_token" not in result


@pytest.mark.parametrize("citizen", ["erika", "year-only", "union-citizen", "din-91379"])
def test_card_gives_the_same_person_through_saml_as_through_the_attached_server(
    login: Any, citizen: str
) -> None:
    """Issue 4, "Shows" 3."""
    attached, through = (login(eid=eid, citizen=citizen, service="amt24") for eid in ("npa", "npa-saml"))
    assert "error" not in through, through
    assert through["acr"] == attached["acr"]
    left_out = {"sub", "identity_source"}
    assert {k: v for k, v in through["userinfo"].items() if k not in left_out} == {
        k: v for k, v in attached["userinfo"].items() if k not in left_out
    }


def test_service_that_needs_an_age_gets_an_age_through_saml(login: Any) -> None:
    claims = login(eid="npa-saml", service="altersnachweis")["userinfo"]
    assert "family_name" not in claims
    assert "birthdate" not in claims


@pytest.mark.parametrize(
    ("citizen", "fault", "code"),
    [
        ("", "cancel", "eid.cancelled"),
        ("expired", "", "eid.document_invalid"),
        ("blocked", "", "eid.document_invalid"),
        ("", "skip-card", "eid.no_result"),
    ],
)
def test_no_login_through_saml_without_a_valid_card_and_its_holder(
    login: Any, citizen: str, fault: str, code: str
) -> None:
    """npa.md §3.5 rule 4: the processor's signed word counts, never a parameter of the address."""
    result = login(eid="npa-saml", citizen=citizen, fault=fault)
    assert (result["error"], result["code"]) == ("access_denied", code), result
