"""What is read from the card is what the service is registered for and asks for, and the citizen sees it.

The words are AusweisApp's own, from the message that fills its screen "You are about to identify
yourself towards"; the card gives nothing that is not on it (npa.md §4.3).
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.ausweisapp.screen import Citizen

ABOUT_THE_PERSON = {"family_name", "given_name", "name", "birthdate", "birthdate_raw", "address"}
PERSON = {"FamilyName", "GivenNames", "DateOfBirth", "Pseudonym"}


@pytest.mark.parametrize(
    ("service", "required", "optional"),
    [
        ("altersnachweis", {"AgeVerification"}, set()),
        (
            "feuerwehr",
            {*PERSON, "AddressVerification"},
            {"Address", "ValidUntil", "CommunityID"},
        ),
        (
            "personenstand",
            PERSON,
            {"BirthName", "PlaceOfBirth", "DocumentType", "ArtisticName", "ResidencePermitI"},
        ),
        (
            "amt24",
            PERSON,
            {"Address", "Nationality", "PlaceOfBirth", "DocumentType", "IssuingCountry", "DoctoralDegree"},
        ),
    ],
    ids=["age alone", "feuerwehr", "personenstand", "amt24"],
)
def test_citizen_is_asked_for_exactly_what_the_service_is_registered_for(
    visit, screen, service, required, optional
):
    """GDPR Article 5(1)(c); npa.md §1.4: registration, request and authorisation certificate together."""
    seen = visit(service).identify(screen, Citizen(refuses=True))
    assert seen.required == required
    assert seen.optional == optional


def test_proof_of_age_tells_the_age_limit_and_nothing_else(visit, screen, card):
    """npa.md §5.2: false is an answer, not an error; the card itself compares, no date leaves it.

    Without the pseudonym two visits of one card have nothing in common (npa.md §5.3).
    """
    subjects = []
    for name, old_enough in (("erika", True), ("erika", True), ("under-18", False)):
        citizen = visit("altersnachweis")
        seen = citizen.identify(screen, Citizen(card=card(name)))
        assert seen.ok, seen.reason
        assert seen.aux["requiredAge"] == "18"
        content = citizen.release()
        told = {**content["id_token"], **content["userinfo"]}
        assert told["age_over_18"] is old_enough
        assert ABOUT_THE_PERSON.isdisjoint(told)
        subjects.append(told["sub"])
    assert len(set(subjects)) == len(subjects)


def test_what_the_citizen_unticks_in_ausweisapp_is_not_read(visit, screen, card):
    """TR-03130-1 §3.4: OptionalCHAT; PROHIBITED is neither "not on the chip" nor empty."""
    citizen = visit("personenstand")
    seen = citizen.identify(screen, Citizen(card=card("erika"), untick=frozenset({"BirthName"})))
    assert "BirthName" in seen.optional
    expect(citizen.heading).to_contain_text("Diese Daten bekommt")
    expect(citizen.main).to_contain_text("BERLIN")
    expect(citizen.main).not_to_contain_text("GABLER")
    for box in citizen.page.locator("input[name=optional]").all():
        box.check()
    userinfo = citizen.release()["userinfo"]
    assert "birth_family_name" not in userinfo
    assert userinfo["place_of_birth"] == {"locality": "BERLIN"}
