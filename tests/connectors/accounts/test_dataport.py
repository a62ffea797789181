"""The Dataport Servicekonto (bundid.md §2.2); its facts are second-hand."""

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.errors import InvalidAnswer, LevelTooLow
from connectors.identity import Absent, PersonKind
from tests.support.account_peer import (
    DATAPORT_CITIZEN,
    PERSISTENT,
    ask,
    basic,
    begin,
    install_account,
    login,
    structured,
    without,
)
from tests.support.xml_signing import NOW, Recipe

ENTITY = structured("LegalEntity", "", "urn:p3", OrganizationName="Elbe AG", OrganizationUnit="Bau",
                    CommercialRegistrationNumber="HRB 1", CommercialRegistrationCourt="Kiel", ForeignId="fp-1")  # fmt: skip
EVERYTHING = frozenset(
    {"family_name", "given_name", "date_of_birth", "place_of_birth", "address", "email", "title"}
)


def test_a_citizen_is_read_with_structures_by_local_name(dataport):
    request = ask("dataport", optional=EVERYTHING, account_facts=frozenset({"mailbox_handle"}))
    identity = login(dataport, request=request).identity
    person = identity.subject
    assert (person.family_name.value.latin, person.date_of_birth.value.openid()) == (
        "MUSTERMANN",
        "1964-08-12",
    )
    assert person.place_of_birth.value == "BERLIN"
    address = person.address.value
    assert (address.thoroughfare, address.post_code, address.post_name, address.country) == (
        "Heidestraße 17", "24103", "Kiel", "DE",
    )  # fmt: skip
    assert (person.title, identity.account.mailbox_handle) == (Absent.NOT_DELIVERED, "inbox-1")
    assert identity.account_key == "dataport\0ek-77"


def test_the_level_covers_the_identification_and_nothing_else(dataport):
    person = login(dataport, request=ask("dataport", optional=EVERYTHING)).identity.subject
    high = LevelOfAssurance.HIGH
    assert {person.family_name.level, person.date_of_birth.level, person.place_of_birth.level} == {high}
    assert {person.email.level, person.address.level} == {None}


@pytest.mark.parametrize("word", ["low", "substantial", "high"])
def test_levels_are_those_of_eidas(dataport, word):
    request = ask("dataport", minimum=LevelOfAssurance.LOW)
    found = login(dataport, request=request, authn_context=f"http://eidas.europa.eu/LoA/{word}")
    assert found.identity.assurance.level.word == word


def test_a_level_below_the_request_is_refused(dataport):
    with pytest.raises(LevelTooLow):
        login(dataport, authn_context="http://eidas.europa.eu/LoA/low")


@pytest.mark.parametrize("reference", ["STORK-QAA-Level-4", "http://eidas.europa.eu/NotNotified/LoA/high"])
def test_another_scale_is_no_level(dataport, reference):
    with pytest.raises(InvalidAnswer, match=r"account\.level\.unknown"):
        login(dataport, authn_context=reference)


def test_an_organisation_is_the_subject_and_its_user_the_acting_person(dataport):
    request = ask(
        "dataport",
        persons=frozenset({PersonKind.LEGAL}),
        required=frozenset({"legal_name"}),
        account_facts=frozenset({"acting_person", "company"}),
    )
    identity = login(dataport, request=request, attributes=(*DATAPORT_CITIZEN, ENTITY)).identity
    assert identity.subject.legal_name.value.latin == "Elbe AG"
    assert identity.account.company["CommercialRegistrationCourt"] == "Kiel"
    acting = identity.account.acting_person
    assert (acting.family_name.value.latin, acting.family_name.level) == ("MUSTERMANN", None)
    assert identity.representative is None


def test_the_kind_of_account_is_the_one_that_was_asked_for(dataport):
    with pytest.raises(InvalidAnswer, match=r"account\.person-kind"):
        login(dataport, attributes=(*DATAPORT_CITIZEN, ENTITY))
    legal = ask("dataport", persons=frozenset({PersonKind.LEGAL}), required=frozenset())
    with pytest.raises(InvalidAnswer, match=r"account\.person-kind"):
        login(dataport, request=legal)


def test_rsa_sha256_is_accepted_until_the_exception_ends(dataport):
    """security.md A.12: dated per peer."""
    assert login(dataport)
    with pytest.raises(InvalidAnswer, match=r"signature\.algorithm"):
        login(dataport, now=NOW.replace(year=2027, month=7))


def test_without_the_exception_only_modern_signatures_are_accepted(tmp_path):
    installed = install_account("dataport", tmp_path, exceptions=[])
    with pytest.raises(InvalidAnswer, match=r"signature\.algorithm"):
        login(installed)
    assert login(installed, assertion_recipe=Recipe())


def test_the_assertion_must_be_signed_although_the_response_need_not(dataport):
    exchange = begin(dataport)
    with pytest.raises(InvalidAnswer, match=r"signature\.missing"):
        exchange.finish(exchange.reply(sign_assertion=False).octets())
    both = exchange.reply(sign_response=True, recipe=Recipe(method="pkcs1-256")).octets()
    assert exchange.finish(both)


def test_requirements_can_be_tightened(tmp_path):
    installed = install_account(
        "dataport", tmp_path, response_signature_required=True, encryption_required=True
    )
    with pytest.raises(InvalidAnswer, match=r"signature\.missing"):
        login(installed)
    assert login(installed, sign_response=True, encrypted=True, recipe=Recipe(method="pkcs1-256"))


def test_an_empty_structure_is_empty_and_an_ambiguous_one_is_refused(dataport):
    request = ask("dataport", optional=EVERYTHING)
    bare = without(DATAPORT_CITIZEN, "PlaceOfResidence")
    empty = (*bare, basic("PlaceOfResidence", ""))
    assert (
        login(dataport, request=request, attributes=empty).identity.subject.address is Absent.DELIVERED_EMPTY
    )
    twice = basic(
        "PlaceOfResidence",
        '<saml2:AttributeValue xmlns:q="urn:q"><q:City>a</q:City><q:City>b</q:City></saml2:AttributeValue>',
    )
    with pytest.raises(InvalidAnswer, match=r"account\.structure"):
        login(dataport, request=request, attributes=(*bare, twice))


def test_a_country_in_words_stays_readable_but_is_no_code(dataport):
    request = ask("dataport", optional=EVERYTHING)
    place = structured("PlaceOfResidence", "", "urn:p3", City="Kiel", Country="Deutschland")
    attributes = (*without(DATAPORT_CITIZEN, "PlaceOfResidence"), place)
    address = login(dataport, request=request, attributes=attributes).identity.subject.address.value
    assert (address.country, address.admin_unit_first_line) == (None, "Deutschland")


def test_an_empty_name_id_is_nobody(dataport):
    with pytest.raises(InvalidAnswer, match=r"account\.identifier\.form"):
        login(dataport, name_id=PERSISTENT.replace("ek-77", ""))
