"""Attacks on role esaml: refusal, and nobody's data leave (TR-03130-1 §5; eidas.md §11.2; security.md A)."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.contract import Answer
from connectors.errors import (
    AttributeMissing,
    AuthenticationFailed,
    ConnectorError,
    InvalidAnswer,
    LevelTooLow,
    RepresentationRefused,
)
from connectors.identity import PersonKind
from tests.attacks.refusal import chain, refused
from tests.support.eid_server_peer import (
    ESAML_CITIZEN,
    ESAML_COMPANY,
    TRANSIENT,
    attribute,
    authn_statement,
    begin_esaml,
    date_of_birth,
    eidas_extension,
    install_esaml,
    not_on_chip,
    restricted_id,
    text,
    validity,
)
from tests.support.saml_peer import ec_pair, rsa_pair, stamp
from tests.support.xml_encryption import Envelope
from tests.support.xml_signing import NOW, Recipe

ACS = "https://gateway.example/connectors/esaml/acs"
LEGAL = frozenset({PersonKind.LEGAL})
FRAME = (validity(), eidas_extension())


def at(**shift: float) -> str:
    return stamp(NOW + timedelta(**shift))


CELLS: dict[str, tuple[dict[str, object], str | set[str]]] = {
    "unsigned": ({"sign_response": False}, "signature.missing"),
    "only-the-assertion-signed": ({"sign_response": False, "sign_assertion": True}, "signature.missing"),
    "stranger": ({"signer": rsa_pair("stranger")}, "signature.invalid"),
    "elliptic-stranger": (
        {"signer": ec_pair("stranger")}, {"signature.invalid", "signature.key", "signature.algorithm"},
    ),
    "sha1": ({"recipe": Recipe(method="pkcs1-1", digest="sha1")}, {"signature.algorithm", "signature.digest"}),
    "pkcs1": ({"recipe": Recipe(method="pkcs1-256")}, "signature.algorithm"),
    "destination-missing": ({"destination": None}, "saml.destination"),
    "destination-other": ({"destination": ACS + "/x"}, "saml.destination"),
    "unsolicited": ({"in_response_to": None}, "saml.in-response-to"),
    "in-response-to-other": ({"in_response_to": "_other"}, "saml.in-response-to"),
    "issuer-other": ({"issuer": "https://other.example/saml"}, "saml.issuer"),
    "assertion-issuer-other": ({"assertion_issuer": "https://other.example/saml"}, "saml.issuer"),
    "audience-missing": ({"audience": None}, "saml.audience"),
    "audience-other": ({"audience": "https://other.example"}, "saml.audience"),
    "one-time-use-missing": ({"more_conditions": ""}, "saml.conditions.one-time-use"),
    "lifetime-over-five-minutes": ({"not_on_or_after": at(minutes=5, seconds=1)}, "saml.conditions.window"),
    "expired": ({"not_before": at(minutes=-5), "not_on_or_after": at(seconds=-61)}, "saml.conditions.expired"),
    "recipient-other": ({"recipient": "https://other.example/acs"}, "saml.recipient"),
    "address-missing": ({"confirmation_address": None}, "saml.subject-confirmation.address"),
    "confirmation-over-five-minutes": (
        {"confirmation_not_on_or_after": at(minutes=6, seconds=1)},
        "saml.subject-confirmation.not-on-or-after",
    ),
    "persistent-name": (
        {"name_id": f'<saml2:NameID Format="{TRANSIENT.replace("transient", "persistent")}">x</saml2:NameID>'},
        "saml.subject",
    ),
    "other-declaration": ({"authn_statement": authn_statement("urn:other")}, "saml.authn-context"),
    "level-in-the-context-instead": ({"authn_statement": None}, "xml.cardinality"),
    "plain-assertion": ({"encrypted": False}, "encryption.missing"),
    "aes-cbc": ({"envelope": Envelope(content="aes256-cbc")}, "encryption.content-algorithm"),
    "rsa-1_5": ({"envelope": Envelope(transport="rsa-1_5")}, "encryption.key-algorithm"),
}  # fmt: skip


@pytest.mark.parametrize("name", CELLS)
def test_answer_that_is_wrong_in_one_point_is_refused(foreign, name):
    changes, reason = CELLS[name]
    refused(lambda: foreign.complete(**changes), reason)


def test_address_of_the_citizen_is_not_quoted(foreign):
    """What an address is not, the parser of addresses says with the text."""
    error = refused(
        lambda: foreign.complete(confirmation_address="192.0.2.7:4711"), "saml.subject-confirmation.address"
    )
    assert not [one for one in chain(error) if "192.0.2.7" in f"{one} {one.args}"]


def test_genuine_answer_is_accepted(foreign):
    """The control of all the others."""
    assert foreign.complete().identity.subject.family_name.value.latin == "Papadopoulou"


CONTENTS: dict[str, tuple[tuple[str, ...], str, type[ConnectorError]]] = {
    "no-extension": ((*ESAML_CITIZEN, validity()), "eidas.esaml.extension", InvalidAnswer),
    "no-level": (
        (*ESAML_CITIZEN, validity(), eidas_extension(level=None)), "eidas.esaml.extension", InvalidAnswer,
    ),
    "no-state": (
        (*ESAML_CITIZEN, validity(), eidas_extension(state=None)), "eidas.esaml.extension", InvalidAnswer,
    ),
    "other-state": (
        (*ESAML_CITIZEN, validity(), eidas_extension(state="IT")), "eidas.esaml.member-state", InvalidAnswer,
    ),
    "national-level": (
        (*ESAML_CITIZEN, validity(), eidas_extension("http://bsi.bund.de/eID/LoA/hoch")),
        "eidas.level.unknown", InvalidAnswer,
    ),
    "level-of-a-scheme-that-is-not-notified": (
        (*ESAML_CITIZEN, validity(), eidas_extension("http://eidas.europa.eu/NotNotified/LoA/high")),
        "eidas.level.not-published", InvalidAnswer,
    ),
    "level-in-capitals": (
        (*ESAML_CITIZEN, validity(), eidas_extension("http://eidas.europa.eu/LoA/HIGH")),
        "eidas.level.unknown", InvalidAnswer,
    ),
    "level-too-low": (
        (*ESAML_CITIZEN, validity(), eidas_extension("http://eidas.europa.eu/LoA/low")),
        "eidas.level.too-low", LevelTooLow,
    ),
    "two-levels": (
        (
            *ESAML_CITIZEN, validity(),
            eidas_extension().replace(
                "<eid:SendingMemberState>",
                "<eid:LevelOfAssurance>http://eidas.europa.eu/LoA/high</eid:LevelOfAssurance><eid:SendingMemberState>",
            ),
        ),
        "eid.value.structure", InvalidAnswer,
    ),
    "no-validity": ((*ESAML_CITIZEN, eidas_extension()), "eid.document-validity.missing", InvalidAnswer),
    "not-valid": ((validity("failed"),), "eidas.esaml.not-valid", AuthenticationFailed),
    "not-valid-with-data": (
        (*ESAML_CITIZEN, validity("failed"), eidas_extension()), "eid.document-validity.attributes", InvalidAnswer,
    ),
    "identifier-of-another-country": (
        (*ESAML_CITIZEN[:3], restricted_id(b"IT/DE/x"), *FRAME), "eidas.identifier.country", InvalidAnswer,
    ),
    "identifier-for-another-country": (
        (*ESAML_CITIZEN[:3], restricted_id(b"EL/AT/x"), *FRAME), "eidas.identifier.destination", InvalidAnswer,
    ),
    "pseudonym-of-a-card": (
        (*ESAML_CITIZEN[:3], restricted_id(bytes(range(128, 160))), *FRAME), "eidas.identifier.form", InvalidAnswer,
    ),
    "two-identifiers": (
        (*ESAML_CITIZEN[:3], restricted_id(b"EL/DE/x", b"EL/DE/y"), *FRAME), "eidas.identifier.form", InvalidAnswer,
    ),
    "identifier-as-text": (
        (*ESAML_CITIZEN[:3], text("RestrictedID", "EL/DE/x"), *FRAME), "eid.value.type", InvalidAnswer,
    ),
    "identifier-with-a-line": (
        (*ESAML_CITIZEN[:3], restricted_id(b"EL/DE/x\ny"), *FRAME), "eidas.identifier.form", InvalidAnswer,
    ),
    "given-names-missing": ((*ESAML_CITIZEN[1:], *FRAME), "eidas.attribute.missing", AttributeMissing),
    "given-names-empty": (
        (text("GivenNames", ""), *ESAML_CITIZEN[1:], *FRAME), "eidas.attribute.missing", AttributeMissing,
    ),
    "given-names-not-on-chip": (
        (not_on_chip("GivenNames"), *ESAML_CITIZEN[1:], *FRAME), "eidas.attribute.missing", AttributeMissing,
    ),
    "identifier-missing": ((*ESAML_CITIZEN[:3], *FRAME), "eidas.attribute.missing", AttributeMissing),
    "given-names-in-greek-only": (
        (text("GivenNames", "Ελένη"), *ESAML_CITIZEN[1:], *FRAME), "eidas.name", InvalidAnswer,
    ),
    "name-twice": (
        (*ESAML_CITIZEN, text("GivenNames", "Eleni"), *FRAME), "eid.attribute.duplicate", InvalidAnswer,
    ),
    "company-as-a-person": ((*ESAML_CITIZEN, *ESAML_COMPANY, *FRAME), "eidas.person-kind", InvalidAnswer),
    "birth-date-that-is-none": (
        (*ESAML_CITIZEN[:2], date_of_birth("19850230"), ESAML_CITIZEN[3], *FRAME), "eidas.date", InvalidAnswer,
    ),
    "birth-date-with-holes": (
        (*ESAML_CITIZEN[:2], date_of_birth("1985  28"), ESAML_CITIZEN[3], *FRAME), "eidas.date", InvalidAnswer,
    ),
    "birth-date-unknown": (
        (*ESAML_CITIZEN[:2], date_of_birth("        "), ESAML_CITIZEN[3], *FRAME),
        "eidas.attribute.missing", AttributeMissing,
    ),
    "birth-month-thirteen": (
        (*ESAML_CITIZEN[:2], date_of_birth("198513  "), ESAML_CITIZEN[3], *FRAME), "eidas.date", InvalidAnswer,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTENTS)
def test_content_that_must_not_be_believed_is_refused(foreign, name):
    """Each is genuinely signed and encrypted: the eID-Server itself would say it."""
    attributes, reason, kind = CONTENTS[name]
    refused(lambda: foreign.complete(*attributes), reason, kind)


def test_sex_that_is_none_of_the_three_is_refused(esaml):
    exchange = begin_esaml(esaml, optional=frozenset({"gender"}))
    refused(lambda: exchange.complete(*ESAML_CITIZEN, text("Sex", "X"), *FRAME), "eidas.gender")


def test_level_beyond_the_registration_is_refused(tmp_path):
    """A state that is registered for substantial does not suddenly vouch for high."""
    installed = install_esaml(tmp_path, country={"levels": ["low", "substantial"]})
    exchange = begin_esaml(installed, minimum=LevelOfAssurance.LOW)
    refused(exchange.complete, "eidas.level.not-published")


def test_representative_nobody_welcomes_is_refused(esaml):
    exchange = begin_esaml(esaml, persons=LEGAL)
    refused(
        lambda: exchange.complete(*ESAML_COMPANY, *ESAML_CITIZEN, *FRAME),
        "eidas.representation.refused",
        RepresentationRefused,
    )


def test_representative_without_identifier_is_refused(esaml):
    exchange = begin_esaml(esaml, persons=LEGAL, accept_representation=True)
    refused(
        lambda: exchange.complete(*ESAML_COMPANY, *ESAML_CITIZEN[:3], *FRAME),
        "eidas.attribute.missing",
        AttributeMissing,
    )


def test_person_instead_of_a_company_is_refused(esaml):
    exchange = begin_esaml(esaml, persons=LEGAL)
    refused(lambda: exchange.complete(*ESAML_CITIZEN, *FRAME), "eidas.attribute.missing", AttributeMissing)


def test_extension_as_text_is_refused(foreign):
    told = attribute("EidasExtension", "http://eidas.europa.eu/LoA/high", "xs:string")
    refused(lambda: foreign.complete(*ESAML_CITIZEN, validity(), told), "eid.value.type")


def test_answer_by_redirect_is_refused(foreign):
    """eSAML answers by POST; a query string is none."""
    answer = Answer(method="GET", query=b"SAMLResponse=x&RelayState=handle")
    connector = foreign.installed.connector
    refused(lambda: connector.finish(foreign.pending, answer, now=NOW), "saml.binding.method")
    refused(lambda: connector.relay_state(answer), "saml.binding.method")


def test_answer_to_another_login_is_refused(esaml):
    mine = begin_esaml(esaml)
    octets = mine.reply().octets().replace(mine.request.id.encode(), b"_" + b"1" * 40)
    refused(lambda: mine.finish(octets), {"signature.reference", "signature.digest", "signature.invalid"})
    other = mine.reply(in_response_to="_" + "1" * 40, confirmation_in_response_to="_" + "1" * 40)
    refused(lambda: mine.finish(other.octets()), "saml.in-response-to")


def test_answer_after_the_deadline_is_refused(foreign):
    later = foreign.pending.deadline + timedelta(seconds=1)
    octets = foreign.reply(now=later).octets()
    refused(lambda: foreign.finish(octets, now=later), "saml.deadline")


def test_answer_of_a_peer_that_was_replaced_meanwhile_is_refused(foreign, tmp_path):
    """Today's trust decides, not that of the request."""
    other = install_esaml(tmp_path, section={"issuer": "https://new.example/saml"})
    fields = (("SAMLResponse", base64.b64encode(foreign.reply().octets()).decode()), ("RelayState", "handle"))
    answer = Answer(method="POST", fields=fields)
    refused(lambda: other.connector.finish(foreign.pending, answer, now=NOW), "saml.issuer")
