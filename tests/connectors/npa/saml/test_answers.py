"""Answers of a SAML processor become the same identity as on any other way (TR-03130-1 §4.3; npa.md §2.1)."""

from dataclasses import replace

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.contract import Answer
from connectors.errors import (
    AttributeMissing,
    AuthenticationFailed,
    Cancelled,
    InvalidAnswer,
    LevelNotReached,
    LevelTooLow,
    PeerRefused,
    PeerUnavailable,
)
from connectors.identity import Absent
from connectors.npa import asked
from connectors.npa.eid_service import Missing, RestrictedID
from connectors.npa.operations import EIDType
from connectors.places import FreetextPlace, NoPlace, StructuredPlace
from tests.support.eid_server_peer import (
    CARD_HOLDER,
    CHIP_CARD,
    HOCH,
    PSEUDONYM,
    EIDServerPeer,
    attribute,
    begin_card,
    date_of_birth,
    install_card,
    not_on_chip,
    place,
    redirect_query,
    restricted_id,
    text,
    validity,
    verified_question,
)
from tests.support.saml_peer import STATUS, ec_pair, own_key, own_keys
from tests.support.xml_signing import NOW, ec_key

SERVER = "http://www.bsi.bund.de/eid/server/2.0/resultminor"
ECARD = "http://www.bsi.bund.de/ecard/api/1.1/resultminor"
FRAME = (validity(), HOCH, CHIP_CARD)
EVERYTHING = frozenset(
    {"title", "address", "nationalities", "birth_family_name", "place_of_birth", "date_of_birth"}
)
FACTS = frozenset({"document_type", "artistic_name", "community_id", "residence_permit", "date_of_expiry"})


def result(exchange, *attributes):
    """What the SAML way makes of an answer, before it is mapped."""
    connector = exchange.installed.connector
    octets = exchange.reply(*attributes).octets()
    return connector.way.service.result(
        asked.from_record(exchange.pending.state["request"]),
        exchange.pending.session,
        Answer(method="GET", query=exchange.query(octets)),
        now=NOW,
    )


def test_card_holder_is_identified(exchange):
    verified = exchange.complete()
    identity = verified.identity
    assert identity.subject.given_name.value.latin == "ERIKA"
    assert identity.subject.family_name.value.latin == "MUSTERMANN"
    assert identity.subject.identifier.value == PSEUDONYM.hex().upper()
    assert identity.assurance.level is LevelOfAssurance.HIGH
    assert identity.source.scheme == "de_eid"
    assert identity.source.country == "DE"
    assert identity.source.issuer == "https://eid-server.example/saml/metadata"
    assert len(verified.replay_keys) == 2


def test_every_attribute_is_read_by_its_type(card):
    """TR-03130-1 §3.4.1: structured, free text and no place; partial date; empty text; not on the chip."""
    exchange = begin_card(card, optional=EVERYTHING, card_facts=FACTS)
    found = result(
        exchange,
        *CARD_HOLDER,
        text("DocumentType", "ID"),
        attribute("DateOfExpiry", "2029-10-31", "xs:date"),
        text("ArtisticName", ""),
        not_on_chip("AcademicTitle"),
        date_of_birth("196408  "),
        place("PlaceOfBirth", "<eid:FreetextPlace>BERLIN</eid:FreetextPlace>"),
        text("Nationality", "D"),
        text("BirthName", "GABLER"),
        place(
            "PlaceOfResidence",
            "<eid:StructuredPlace><eid:Street>HEIDESTRAẞE 17</eid:Street><eid:City>KÖLN</eid:City>"
            "<eid:Country>D</eid:Country><eid:ZipCode>51147</eid:ZipCode></eid:StructuredPlace>",
        ),
        text("CommunityID", "02760503150000"),
        *FRAME,
    )
    assert found.document_type == "ID"
    assert found.date_of_expiry.isoformat() == "2029-10-31"
    assert found.artistic_name == ""
    assert found.academic_title is Missing.NOT_ON_CHIP
    assert found.date_of_birth == "196408  "
    assert found.place_of_birth == FreetextPlace(text="BERLIN")
    assert found.nationality == "D"
    assert found.birth_name == "GABLER"
    assert found.place_of_residence == StructuredPlace(
        street="HEIDESTRAẞE 17", city="KÖLN", country="D", zip_code="51147"
    )
    assert found.community_id == "02760503150000"
    assert found.residence_permit_i is Missing.PROHIBITED
    assert found.issuing_state is None
    assert found.eid_type is EIDType.CARD_CERTIFIED
    assert found.level is LevelOfAssurance.HIGH


def test_document_may_state_that_there_is_no_residence(card):
    exchange = begin_card(card, optional=frozenset({"address"}))
    nowhere = "<eid:NoPlaceInfo>keine Hauptwohnung in Deutschland</eid:NoPlaceInfo>"
    found = result(exchange, *CARD_HOLDER, place("PlaceOfResidence", nowhere), *FRAME)
    assert found.place_of_residence == NoPlace(text="keine Hauptwohnung in Deutschland")


def test_what_was_not_asked_for_is_not_read(exchange):
    """Data minimisation holds against a service that delivers more."""
    found = result(exchange, *CARD_HOLDER, text("BirthName", "GABLER"), text("Sex", "F"), *FRAME)
    assert found.birth_name is None
    identity = exchange.complete(*CARD_HOLDER, text("BirthName", "GABLER"), *FRAME).identity
    assert identity.subject.birth_family_name is Absent.NOT_REQUESTED


@pytest.mark.parametrize("verdict", ["true", "1", "false", "0"])
def test_age_is_confirmed_or_not_and_nothing_else_known(card, verdict):
    """A service that only needs "over 18" gets only that, not even a pseudonym."""
    exchange = begin_card(card, required=frozenset(), identifier=False, age=18)
    answer = verified_question("AgeVerification", "<eid:Age>18</eid:Age>", verdict)
    identity = exchange.complete(answer, *FRAME).identity
    assert identity.card.age_fulfilled is (verdict in {"true", "1"})
    assert identity.card.age == 18
    assert identity.subject.identifier is None
    assert identity.account_key is None


def test_place_is_confirmed(card):
    exchange = begin_card(card, community_id="027605")
    answer = verified_question("PlaceVerification", "<eid:CommunityID>027605</eid:CommunityID>", "true")
    assert exchange.complete(*CARD_HOLDER, answer, *FRAME).identity.card.community_fulfilled is True


def test_second_pseudonym_comes_while_the_sector_migrates(exchange):
    found = result(exchange, *CARD_HOLDER[:2], restricted_id(PSEUDONYM, bytes(32)), *FRAME)
    assert found.restricted_id == RestrictedID(first=PSEUDONYM, second=bytes(32))


@pytest.mark.parametrize("word", ["valid", "VALID", "Valid"])
def test_validity_is_compared_without_regard_to_case(exchange, word):
    """The prose of the TR writes ``valid``, its example ``VALID``."""
    assert exchange.complete(*CARD_HOLDER, validity(word), HOCH, CHIP_CARD).identity.subject


def test_validity_may_have_been_checked_before_midnight(exchange):
    assert exchange.complete(*CARD_HOLDER, validity(day="2026-11-22"), HOCH, CHIP_CARD).identity.subject


@pytest.mark.parametrize("word", ["failed", "expired", "revoked", "notAuthentic", "FAILED"])
def test_document_that_is_not_valid_identifies_nobody(exchange, word):
    with pytest.raises(AuthenticationFailed) as caught:
        exchange.complete(validity(word))
    assert caught.value.reason == "npa.document-invalid"


@pytest.mark.parametrize(
    ("uri", "level"),
    [
        ("normal", LevelOfAssurance.LOW),
        ("substantiell", LevelOfAssurance.SUBSTANTIAL),
        ("hoch", LevelOfAssurance.HIGH),
    ],
)
def test_level_is_the_one_the_service_states(card, uri, level):
    exchange = begin_card(card, minimum=LevelOfAssurance.LOW)
    stated = attribute("LevelOfAssurance", f"http://bsi.bund.de/eID/LoA/{uri}", "eid:LevelOfAssuranceType")
    identity = exchange.complete(*CARD_HOLDER, validity(), stated, CHIP_CARD).identity
    assert identity.assurance.level is level


@pytest.mark.parametrize("uri", ["normal", "undefined"])
def test_level_below_the_request_is_refused(card, uri):
    exchange = begin_card(card, minimum=LevelOfAssurance.HIGH)
    stated = attribute("LevelOfAssurance", f"http://bsi.bund.de/eID/LoA/{uri}", "eid:LevelOfAssuranceType")
    with pytest.raises(LevelTooLow):
        exchange.complete(*CARD_HOLDER, validity(), stated, CHIP_CARD)


def test_level_that_nobody_states_is_not_assumed_of_a_phone(exchange):
    phone = attribute("EIDType", "<eid:SEEndorsed>USED</eid:SEEndorsed>", "eid:EIDTypeResponseType")
    with pytest.raises(LevelNotReached):
        exchange.complete(*CARD_HOLDER, validity(), phone)


def test_carrier_that_was_denied_is_refused(exchange):
    """§3.3.13: HWKeyStore is denied by default; the eID-Server should have seen to it."""
    phone = attribute("EIDType", "<eid:HWKeyStore>USED</eid:HWKeyStore>", "eid:EIDTypeResponseType")
    with pytest.raises(AuthenticationFailed) as caught:
        exchange.complete(*CARD_HOLDER, validity(), HOCH, phone)
    assert caught.value.reason == "npa.document-denied"


def test_answer_that_names_no_carrier_is_not_notified(exchange):
    """It could have been a phone, whatever the level."""
    assurance = exchange.complete(*CARD_HOLDER, validity(), HOCH).identity.assurance
    assert (assurance.level, assurance.notified) == (LevelOfAssurance.HIGH, False)


@pytest.mark.parametrize("name", ["GivenNames", "FamilyNames", "RestrictedID"])
def test_required_attribute_that_the_citizen_keeps_back_ends_the_login(exchange, name):
    kept = [told for told in CARD_HOLDER if f'Name="{name}"' not in told]
    with pytest.raises(AttributeMissing) as caught:
        exchange.complete(*kept, *FRAME)
    assert caught.value.reason == "npa.attribute.refused"


def test_required_attribute_that_the_chip_lacks_ends_the_login(exchange):
    with pytest.raises(AttributeMissing) as caught:
        exchange.complete(not_on_chip("GivenNames"), *CARD_HOLDER[1:], *FRAME)
    assert caught.value.reason == "npa.attribute.not-on-chip"


@pytest.mark.parametrize("marks", [' AttributeNotOnChip="1"', ' AttributeNotOnChip="true"'])
def test_mark_not_on_chip_stands_with_or_without_a_prefix(card, marks):
    exchange = begin_card(card, optional=frozenset({"title"}))
    plain = attribute("AcademicTitle", kind=None, marks=marks)
    prefixed = plain.replace(" AttributeNotOnChip", ' xmlns:e="http://bsi.bund.de/eID/" e:AttributeNotOnChip')
    for told in (plain, prefixed):
        assert result(exchange, *CARD_HOLDER, told, *FRAME).academic_title is Missing.NOT_ON_CHIP


def test_answer_to_an_elliptic_gateway_is_read(tmp_path):
    """ECDH-ES towards us, ECDSA from the processor."""
    keys = own_keys(decryption=(own_key("decrypt", ec_key("own decryption")),))
    peer = EIDServerPeer(signer=ec_pair("eid server signing", "brainpoolP256r1"))
    exchange = begin_card(install_card(tmp_path, keys=keys, peer=peer))
    assert exchange.complete().identity.subject.family_name.value.latin == "MUSTERMANN"


def test_hint_that_the_client_appends_does_not_disturb_the_signature(exchange):
    """TR-03124-1: ``&ResultMajor=ok`` behind the refresh address; it means nothing either way."""
    octets = exchange.reply().octets()
    assert exchange.finish(exchange.query(octets, more="&ResultMajor=ok")).identity.subject


@pytest.mark.parametrize("query", [b"RelayState=handle", b"RelayState=handle&ResultMajor=ok"])
def test_success_is_never_read_from_the_query(exchange, query):
    with pytest.raises(AuthenticationFailed) as caught:
        exchange.finish(query)
    assert caught.value.reason == "npa.no-result"


def test_cancellation_that_only_the_client_reports_is_told_as_such(exchange):
    with pytest.raises(Cancelled):
        exchange.finish(b"RelayState=handle&ResultMajor=error&ResultMinor=cancellationByUser")


FAILURES = {
    "cancelled-by-code": ({"second_status": STATUS + "RequestDenied"}, Cancelled),
    "authentication": ({"second_status": STATUS + "AuthnFailed"}, AuthenticationFailed),
    "level": ({"second_status": STATUS + "NoAuthnContext"}, LevelNotReached),
    "unnamed": ({}, PeerRefused),
    "cancelled-by-minor": ({"status_message": ECARD + "/sal#cancellationByUser"}, Cancelled),
    "document-invalid": ({"status_message": SERVER + "/getResult#invalidDocument"}, AuthenticationFailed),
    "document-denied": ({"status_message": f" {SERVER}/getResult#deniedDocument\n"}, AuthenticationFailed),
    "busy": ({"status_message": SERVER + "/useID#tooManyOpenSessions"}, PeerUnavailable),
    "rights": ({"second_status": SERVER + "/useID#missingTerminalRights"}, PeerRefused),
    "other-text": ({"status_message": "ERIKA MUSTERMANN"}, PeerRefused),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failure_of_the_processor_is_mapped(exchange, name):
    """A SAML status, or the result code that stands in it; foreign text is neither shown nor logged."""
    changes, kind = FAILURES[name]
    with pytest.raises(kind) as caught:
        exchange.complete(**{"status": STATUS + "Responder", **changes})
    assert type(caught.value) is kind
    assert "ERIKA" not in str(caught.value)


def test_failure_must_be_signed_like_a_success(exchange):
    """Nobody else may tell us that the citizen has cancelled."""
    octets = exchange.reply(status=STATUS + "Responder", second_status=STATUS + "RequestDenied").octets()
    with pytest.raises(InvalidAnswer) as caught:
        exchange.finish(redirect_query(octets, ec_pair("stranger")))
    assert caught.value.reason.startswith("signature.")


def test_answer_without_a_client_session_is_refused(exchange):
    """No eID-Client ever asked: there is nothing that an answer could belong to."""
    lonely = replace(exchange, pending=replace(exchange.pending, session=None))
    with pytest.raises(AuthenticationFailed) as caught:
        lonely.complete()
    assert caught.value.reason == "npa.session-lost"
