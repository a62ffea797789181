"""Whole logins with the Online-Ausweis: Python card and client on one side, everything of ours on the other."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = [pytest.mark.journey, pytest.mark.slow]

WAYS = ("npa", "npa-soap", "npa-saml")
HIGH = "http://eidas.europa.eu/LoA/high"
SERVICE = "personenstand"


@pytest.mark.parametrize("eid", WAYS)
@pytest.mark.parametrize(
    ("citizen", "family_name", "birthdate"),
    [
        ("erika", "MUSTERMANN", "1964-08-12"),
        ("year-only", "JAHR", "1964"),
        ("union-citizen", "GARCÍA LÓPEZ", "1989-05-21"),
        ("din-91379", "GROẞE-ĐORĐEVIĆ ŁÓŹŇA", "1976-02-29"),
        ("pin-suspended", "KARTENNUMMER", "1987-12-24"),
    ],
)
def test_all_ways_give_what_is_on_the_card(login: Any, eid, citizen, family_name, birthdate) -> None:
    """Issue "Online-Ausweis", shows 3 and 5."""
    result = login(eid=eid, service=SERVICE, citizen=citizen)
    assert "error" not in result, result
    assert result["acr"] == HIGH
    assert result["userinfo"]["family_name"] == family_name
    assert result["userinfo"]["birthdate"] == birthdate
    assert result["userinfo"]["identity_source"]["scheme"] == "de_eid"


@pytest.mark.parametrize(
    ("citizen", "fault", "code"),
    [
        ("", "cancel", "eid.cancelled"),
        ("", "wrong-pin", "eid.cancelled"),
        ("pin-blocked", "", "eid.cancelled"),
        ("deactivated", "", "eid.failed"),
        ("expired", "", "eid.document_invalid"),
        ("blocked", "", "eid.document_invalid"),
        ("", "skip-card", "eid.no_result"),
    ],
)
@pytest.mark.parametrize("eid", WAYS[:2])
def test_no_login_without_a_valid_card_and_its_holder(login: Any, eid, citizen, fault, code) -> None:
    """Issue "Online-Ausweis", build 1; npa.md §3.5 rule 4: never by the parameters of the address."""
    result = login(eid=eid, service=SERVICE, citizen=citizen, fault=fault)
    assert (result["error"], result["code"]) == ("access_denied", code)


@pytest.mark.parametrize("eid", WAYS)
def test_another_browser_is_not_logged_in(login: Any, eid) -> None:
    """Issue "Online-Ausweis", show 4: a forwarded link logs nobody in."""
    result = login(eid=eid, service=SERVICE, fault="other-browser")
    assert (result["error"], result["code"]) == ("login_stopped", "eid.other_browser")


@pytest.mark.parametrize("eid", WAYS)
def test_token_and_way_back_serve_once(login: Any, eid) -> None:
    """npa.md §3.2, §3.5 rule 4."""
    assert "404" in login(eid=eid, service=SERVICE, fault="token-twice")["error_description"]
    assert login(eid=eid, service=SERVICE, fault="refresh-twice")["error"] == "login_stopped"


def test_all_ways_deliver_the_same_identity(login: Any) -> None:
    """Issue "Online-Ausweis", show 3: all but who says it, and so ``sub``."""
    told = [login(eid=eid, service=SERVICE, citizen="artist")["userinfo"] for eid in WAYS]
    subjects = {userinfo.pop("sub") for userinfo in told}
    sources = [userinfo.pop("identity_source") for userinfo in told]
    assert told[0] == told[1] == told[2]
    assert told[0]["also_known_as"]
    assert [source["connector"] for source in sources] == list(WAYS)
    assert len(subjects) == len(WAYS)


def test_the_same_card_is_the_same_person_to_one_service_and_another_to_the_next(login: Any) -> None:
    """npa.md §5.3; Core §8.1."""
    first, again = (login(eid="npa", service=SERVICE)["userinfo"]["sub"] for _ in range(2))
    assert first == again
    assert login(eid="npa", service="amt24")["userinfo"]["sub"] != first


def test_without_identifier_no_login_is_recognised(login: Any) -> None:
    """npa.md §5.3: the pseudonym is not even read."""
    told = [login(eid="npa", service="altersnachweis")["userinfo"] for _ in range(2)]
    assert told[0]["sub"] != told[1]["sub"]
    assert told[0]["sub_stability"] == "transient"


def test_a_card_without_community_is_no_failure(login: Any) -> None:
    """NOTONCHIP of PlaceVerification (TR-03130-1 §3.4.1)."""
    absent = login(eid="npa", service="feuerwehr", citizen="union-citizen")["userinfo"]["card_absent"]
    assert absent == {"place_verification": "not-on-chip", "community_id": "not-on-chip"}


def test_kept_rights_are_kept(login: Any) -> None:
    """Issue "Online-Ausweis", build 5: what is unticked in the client is not in the answer."""
    given = login(eid="npa", service=SERVICE)["userinfo"]
    kept = login(eid="npa", service=SERVICE, fault="untick")["userinfo"]
    assert given["birth_family_name"] == "GABLER"
    assert "birth_family_name" not in kept
    assert kept["card_absent"]["birth_family_name"] == "refused"
    assert kept["family_name"] == given["family_name"]


@pytest.mark.parametrize(("citizen", "over"), [("erika", True), ("under-18", False)])
def test_age_alone_without_anything_else(login: Any, citizen, over) -> None:
    """Issue "Online-Ausweis", build 4: a service that wants "over 18" gets only that."""
    userinfo = login(eid="npa", service="altersnachweis", citizen=citizen)["userinfo"]
    assert userinfo["age_over_18"] is over
    about_the_login = {"sub", "sub_stability", "person_kind", "identity_source"}
    assert set(userinfo) == {"age_over_18"} | about_the_login
