"""What is asked of a card: no more than the service needs, and nothing the certificate does not allow."""

from typing import get_args

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.errors import InvalidAnswer, RequestNotPossible
from connectors.identity import NATURAL_ATTRIBUTES, PersonKind
from connectors.npa import asked
from connectors.npa.operations import EIDType, Operation
from gateway.client_settings import CardFact
from tests.connectors.npa.card_service import settings, wanted


def test_over_18_alone_asks_for_age_verification_alone():
    """design.md "Data minimisation": no date of birth, no pseudonym (TR-03130-1 §3.4.1)."""
    request = asked.eid_request(wanted(age=18, identifier=False), settings())
    assert request.required == {Operation.AGE_VERIFICATION}
    assert request.optional == frozenset()
    assert request.age == 18


def test_a_residence_is_confirmed_without_reading_the_address():
    """TR-03130-1 §3.2.1 PlaceVerificationRequest."""
    request = asked.eid_request(wanted(community_id="027614", identifier=False), settings())
    assert request.required == {Operation.PLACE_VERIFICATION}
    assert request.community_id == "027614"


def test_required_and_optional_stay_apart():
    """Required becomes RequiredCHAT, which the citizen cannot untick; optional OptionalCHAT (npa.md §1.4)."""
    request = asked.eid_request(
        wanted(
            required=frozenset({"family_name"}),
            optional=frozenset({"address", "title"}),
            card_facts=frozenset({"document_type"}),
        ),
        settings(),
    )
    assert request.required == {Operation.FAMILY_NAMES, Operation.RESTRICTED_ID}
    assert request.optional == {
        Operation.PLACE_OF_RESIDENCE,
        Operation.ACADEMIC_TITLE,
        Operation.DOCUMENT_TYPE,
    }


def test_what_is_optional_and_not_allowed_is_not_asked_for():
    """The authorisation certificate bounds everything (npa.md §1.3 DocumentVerificationRights)."""
    allowed = settings(rights=["FamilyNames", "RestrictedID"])
    request = asked.eid_request(
        wanted(required=frozenset({"family_name"}), optional=frozenset({"address"})), allowed
    )
    assert request.required | request.optional == {Operation.FAMILY_NAMES, Operation.RESTRICTED_ID}


@pytest.mark.parametrize(
    ("changes", "rights", "reason", "detail"),
    [
        ({"required": frozenset({"address"})}, ["RestrictedID"], "npa.rights", "PlaceOfResidence"),
        ({"age": 18}, ["RestrictedID"], "npa.rights", "AgeVerification"),
        ({}, ["FamilyNames"], "npa.rights", "RestrictedID"),
        ({"required": frozenset({"email"})}, ["RestrictedID"], "npa.attribute-not-offered", "email"),
        ({"persons": frozenset({PersonKind.LEGAL})}, ["RestrictedID"], "npa.person", ""),
        ({"identifier": False}, ["FamilyNames"], "npa.nothing-asked", ""),
    ],
)
def test_what_a_card_cannot_answer_is_refused_before_the_citizen_is_bothered(changes, rights, reason, detail):
    """TR-03130-1 §3.4.3 missingTerminalRights would come too late."""
    with pytest.raises(RequestNotPossible) as refused:
        asked.eid_request(wanted(**changes), settings(rights=rights))
    assert (refused.value.reason, refused.value.detail) == (reason, detail)


def test_optional_attributes_that_no_card_has_are_simply_not_asked_for():
    """npa.md §5.2: no e-mail address, telephone number, readable sex."""
    request = asked.eid_request(wanted(optional=frozenset(NATURAL_ATTRIBUTES)), settings())
    assert request.optional == set(asked.ATTRIBUTE_OPERATIONS.values())


def test_every_fact_of_a_card_can_be_asked_for():
    """That is, whatever a service can be registered for (TR-03130-1 §3.4.1)."""
    assert set(asked.FACT_OPERATIONS) == set(get_args(CardFact))


def test_the_service_is_named_to_the_citizen_before_the_pin():
    """TransactionInfo (TR-03130-1 §3.2.1): the certificate names the operator only."""
    request = wanted(languages=("en", "de"))
    assert asked.eid_request(request, settings()).transaction_info == "Saxony's services"
    assert asked.eid_request(request, settings(transaction_info=False)).transaction_info is None


def test_a_level_is_always_asked_for_and_a_phone_s_key_store_is_denied():
    """npa.md §1.5: carriers below the minimum are refused by the service already."""
    request = asked.eid_request(wanted(minimum=LevelOfAssurance.BASIC), settings())
    assert request.minimum is LevelOfAssurance.LOW
    assert request.eid_types == {EIDType.HW_KEY_STORE: False}


def test_a_request_survives_the_store():
    """What was asked is remembered sealed and compared with what comes (npa.md §1.2)."""
    request = asked.eid_request(
        wanted(required=frozenset({"family_name"}), age=18, community_id="0276"), settings()
    )
    assert asked.from_record(asked.to_record(request)) == request
    with pytest.raises(InvalidAnswer, match=r"npa\.state"):
        asked.from_record(None)
