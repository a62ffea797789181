"""Attacks on the SAML way to the Online-Ausweis: refusal, and nobody's data leave (TR-03130-1 §4; security.md A)."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from connectors.contract import Answer
from connectors.errors import ConnectorError, InvalidAnswer, PeerRefused
from tests.attacks.refusal import chain, no_cryptography
from tests.support.eid_server_peer import (
    CARD_HOLDER,
    CHIP_CARD,
    HOCH,
    TRANSIENT,
    attribute,
    authn_statement,
    begin_card,
    date_of_birth,
    place,
    redirect_query,
    restricted_id,
    text,
    validity,
    verified_question,
)
from tests.support.saml_peer import STATUS, audience_restriction, confirmation, ec_pair, rsa_pair, stamp
from tests.support.xml_encryption import Envelope
from tests.support.xml_signing import NOW

_PERSONAL = ("ERIKA", "MUSTERMANN", bytes(range(32)).hex().upper()[:16])
ACS = "https://gateway.example/connectors/card/acs"
FRAME = (validity(), HOCH, CHIP_CARD)


def refused(attempt, reason: str | set[str], kind: type[ConnectorError] = InvalidAnswer) -> None:
    """Exactly ``kind`` with ``reason``, and no value of the card in it or in what led to it."""
    with pytest.raises(ConnectorError) as caught:
        pytest.fail(f"accepted: {attempt()!r}")
    error = caught.value
    assert type(error) is kind, error
    assert error.reason in ({reason} if isinstance(reason, str) else reason), error
    for one in chain(error):
        said = " ".join((str(one), repr(one.args), repr(vars(one))))
        assert not [secret for secret in _PERSONAL if secret in said]


def at(**shift: float) -> str:
    return stamp(NOW + timedelta(**shift))


# ---------------------------------------------------------------------------------- query signature


def test_answer_without_signature_is_refused_before_it_is_parsed(exchange):
    """Missing SigAlg and Signature do not make an answer "unsigned" (security.md A.17)."""
    query = redirect_query(exchange.reply().octets(), None)
    with no_cryptography():
        refused(lambda: exchange.finish(query), "signature.missing")


@pytest.mark.parametrize("dropped", ["SigAlg", "Signature"])
def test_half_a_signature_is_refused(exchange, dropped):
    parts = exchange.query(exchange.reply().octets()).split(b"&")
    query = b"&".join(p for p in parts if not p.startswith(dropped.encode() + b"="))
    refused(lambda: exchange.finish(query), "saml.binding.signature")


@pytest.mark.parametrize("method", ["pkcs1-1", "pkcs1-256"])
def test_sha1_and_pkcs1_are_refused(exchange, method):
    """Genuine signatures of the genuine key, made by an algorithm that is not allowed."""
    octets = exchange.reply().octets()
    query = exchange.query(octets, method=method)
    refused(lambda: exchange.finish(query), "signature.algorithm")


def test_another_signer_is_refused(exchange):
    for stranger in (rsa_pair("stranger"), ec_pair("stranger")):
        query = redirect_query(exchange.reply().octets(), stranger)
        refused(
            lambda q=query: exchange.finish(q), {"signature.invalid", "signature.algorithm", "signature.key"}
        )


def test_key_that_encrypts_may_not_sign(exchange):
    """Two key pairs, two purposes (TR-03130-1 §4)."""
    query = redirect_query(exchange.reply().octets(), exchange.installed.peer.decrypter)
    refused(lambda: exchange.finish(query), {"signature.invalid", "signature.algorithm", "signature.key"})


def test_every_octet_of_the_signed_query_counts(exchange):
    """Respelt without a change of meaning: the signature is over the raw octets."""
    query = exchange.query(exchange.reply().octets())
    for before, after in ((b"%2B", b"%2b"), (b"RelayState=handle", b"RelayState=h%61ndle"), (b"%3A", b":")):
        if before in query:
            changed = query.replace(before, after, 1)
            refused(lambda q=changed: exchange.finish(q), "signature.invalid")


def test_relay_state_of_another_login_is_refused(exchange):
    query = exchange.query(exchange.reply().octets()).replace(b"RelayState=handle", b"RelayState=other")
    refused(lambda: exchange.finish(query), "signature.invalid")


def test_message_of_another_answer_under_this_signature_is_refused(exchange):
    mine, other = (exchange.query(exchange.reply().octets()).split(b"&") for _ in range(2))
    refused(lambda: exchange.finish(b"&".join([other[0], *mine[1:]])), "signature.invalid")


@pytest.mark.parametrize("name", ["SAMLResponse", "RelayState", "SigAlg", "Signature"])
def test_parameter_twice_is_refused(exchange, name):
    query = exchange.query(exchange.reply().octets())
    part = next(p for p in query.split(b"&") if p.startswith(name.encode() + b"="))
    refused(lambda: exchange.finish(query + b"&" + part), {"saml.binding.duplicate", "npa.relay-state"})


def test_signature_inside_the_message_does_not_replace_that_of_the_query(exchange):
    """saml-bindings §3.4.4.1: a redirected message carries none."""
    octets = exchange.reply(sign_response=True).octets()
    refused(lambda: exchange.finish(redirect_query(octets, None)), "signature.missing")
    refused(lambda: exchange.finish(exchange.query(octets)), "saml.structure")


def test_answer_by_post_is_refused(exchange):
    """The national profile answers by redirect only."""
    octets = exchange.reply(sign_response=True).octets()
    fields = (("SAMLResponse", base64.b64encode(octets).decode()), ("RelayState", "handle"))
    answer = Answer(method="POST", fields=fields)
    connector = exchange.installed.connector
    refused(lambda: connector.finish(exchange.pending, answer, now=NOW), "npa.method")


# ---------------------------------------------------------------------------------- protocol

CELLS: dict[str, tuple[dict[str, object], str | set[str]]] = {
    "destination-missing": ({"destination": None}, "saml.destination"),
    "destination-other": ({"destination": ACS + "/x"}, "saml.destination"),
    "unsolicited": ({"in_response_to": None}, "saml.in-response-to"),
    "in-response-to-other": ({"in_response_to": "_other"}, "saml.in-response-to"),
    "issuer-missing": ({"issuer": None}, "xml.cardinality"),
    "issuer-other": ({"issuer": "https://other.example/saml"}, "saml.issuer"),
    "assertion-issuer-other": ({"assertion_issuer": "https://other.example/saml"}, "saml.issuer"),
    "issue-instant-old": ({"issue_instant": at(minutes=-6)}, "saml.issue-instant"),
    "audience-missing": ({"audience": None}, "saml.audience"),
    "audience-other": ({"audience": "https://other.example"}, "saml.audience"),
    "second-audience": (
        {"more_conditions": audience_restriction("https://other.example") + "<saml2:OneTimeUse/>"},
        "saml.audience",
    ),
    "one-time-use-missing": ({"more_conditions": ""}, "saml.conditions.one-time-use"),
    "lifetime-over-five-minutes": ({"not_on_or_after": at(minutes=5, seconds=1)}, "saml.conditions.window"),
    "expired": (
        {"not_before": at(minutes=-5), "not_on_or_after": at(seconds=-61)}, "saml.conditions.expired",
    ),
    "not-yet-valid": (
        {"not_before": at(seconds=61), "not_on_or_after": at(minutes=3)}, "saml.conditions.not-yet-valid",
    ),
    "recipient-other": ({"recipient": "https://other.example/acs"}, "saml.recipient"),
    "confirmation-unsolicited": (
        {"confirmation_in_response_to": None}, "saml.subject-confirmation.in-response-to",
    ),
    "confirmation-expired": (
        {"confirmation_not_on_or_after": at(seconds=-61)}, "saml.subject-confirmation.expired",
    ),
    "confirmation-over-five-minutes": (
        {"confirmation_not_on_or_after": at(minutes=6, seconds=1)},
        "saml.subject-confirmation.not-on-or-after",
    ),
    "address-missing": ({"confirmation_address": None}, "saml.subject-confirmation.address"),
    "address-empty": (
        {"subject_confirmation": confirmation(
            Address="", InResponseTo="x", NotOnOrAfter=at(minutes=5), Recipient=ACS,
        )},
        "saml.subject-confirmation.in-response-to",
    ),
    "address-a-name": ({"confirmation_address": "client.example"}, "saml.subject-confirmation.address"),
    "sender-vouches": (
        {"method": "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"}, "saml.subject-confirmation",
    ),
    "persistent-name": (
        {"name_id": f'<saml2:NameID Format="{TRANSIENT.replace("transient", "persistent")}">x</saml2:NameID>'},
        "saml.subject",
    ),
    "name-without-format": ({"name_id": "<saml2:NameID>x</saml2:NameID>"}, "saml.subject"),
    "other-declaration": (
        {"authn_statement": authn_statement("urn:oasis:names:tc:SAML:2.0:ac:classes:Password")},
        "saml.authn-context",
    ),
    "class-instead-of-declaration": ({"authn_statement": None}, "xml.cardinality"),
    "authentication-before-the-request": (
        {"authn_statement": authn_statement(instant="2026-11-23T11:58:59Z")}, "saml.authn-instant",
    ),
    "authentication-in-the-future": (
        {"authn_statement": authn_statement(instant="2026-11-23T12:01:01Z")}, "saml.authn-instant",
    ),
    "plain-assertion": ({"encrypted": False}, "encryption.missing"),
    "aes-cbc": ({"envelope": Envelope(content="aes128-cbc")}, "encryption.content-algorithm"),
    "rsa-1_5": ({"envelope": Envelope(transport="rsa-1_5")}, "encryption.key-algorithm"),
    "cbc-and-rsa-1_5-as-printed": (
        {"envelope": Envelope(content="aes128-cbc", transport="rsa-1_5")}, "encryption.content-algorithm",
    ),
    "oaep-with-sha1": ({"envelope": Envelope(transport="rsa-oaep-mgf1p")}, "encryption.key-algorithm"),
    "two-statements": (
        {"more_statements": "<saml2:AttributeStatement><saml2:Attribute Name='x'/></saml2:AttributeStatement>"},
        {"xml.cardinality", "saml.statement", "xml.schema"},
    ),
    "status-missing": ({"status": None}, "xml.schema"),
    "status-unknown": ({"status": "urn:x:Success"}, "saml.status"),
}  # fmt: skip


@pytest.mark.parametrize("name", CELLS)
def test_answer_that_is_wrong_in_one_point_is_refused(exchange, name):
    """Each is signed by the processor's own key and encrypted for us."""
    changes, reason = CELLS[name]
    refused(lambda: exchange.complete(**changes), reason)


def test_genuine_answer_is_accepted(exchange):
    """The control of all the others."""
    assert exchange.complete().identity.subject.family_name.value.latin == "MUSTERMANN"


def test_answer_after_the_deadline_is_refused(exchange):
    later = exchange.pending.deadline + timedelta(seconds=1)
    query = exchange.query(exchange.reply(now=later).octets())
    refused(lambda: exchange.finish(query, now=later), "npa.deadline")


def test_answer_to_another_login_is_refused(card):
    """Session fixation: a victim's answer in the attacker's exchange, or the other way round."""
    victim, attacker = (begin_card(card, random=lambda size, n=n: n * size) for n in (b"\x01", b"\x02"))
    query = victim.query(victim.reply().octets())
    refused(lambda: attacker.finish(query), "saml.in-response-to")
    assert victim.finish(query).identity.subject


def test_same_answer_twice_names_the_same_replay_keys(exchange):
    """The gateway claims them in the store, so the second one is refused there."""
    query = exchange.query(exchange.reply().octets())
    assert exchange.finish(query).replay_keys == exchange.finish(query).replay_keys


# ---------------------------------------------------------------------------------- content

CONTENTS: dict[str, tuple[tuple[str, ...], str]] = {
    "validity-missing": ((*CARD_HOLDER, HOCH, CHIP_CARD), "eid.document-validity.missing"),
    "data-of-an-invalid-document": (
        (*CARD_HOLDER, validity("failed"), HOCH, CHIP_CARD), "eid.document-validity.attributes",
    ),
    "data-of-a-document-without-status": (
        (*CARD_HOLDER, validity(""), HOCH, CHIP_CARD), "eid.document-validity.attributes",
    ),
    "validity-of-last-week": (
        (*CARD_HOLDER, validity(day="2026-11-16"), HOCH, CHIP_CARD), "eid.document-validity.date",
    ),
    "validity-of-another-version": (
        (*CARD_HOLDER, validity(version="2"), HOCH, CHIP_CARD), "eid.document-validity.version",
    ),
    "validity-as-text": ((*CARD_HOLDER, text("DocumentValidity", "valid"), HOCH), "eid.value.type"),
    "name-twice": ((*CARD_HOLDER, text("GivenNames", "ERIKA"), *FRAME), "eid.attribute.duplicate"),
    "pseudonym-as-text": (
        (*CARD_HOLDER[:2], text("RestrictedID", "00" * 32), *FRAME), "eid.value.type",
    ),
    "pseudonym-not-hexadecimal": (
        (
            *CARD_HOLDER[:2],
            attribute("RestrictedID", "<eid:ID>ERIKA</eid:ID>", "eid:RestrictedIDType"),
            *FRAME,
        ),
        "eid.value.hex",
    ),
    "pseudonym-too-short": ((*CARD_HOLDER[:2], restricted_id(b"ERIKA"), *FRAME), "npa.result.restricted-id"),
    "name-without-type": (
        (CARD_HOLDER[0].replace(' xsi:type="xs:string"', ""), *CARD_HOLDER[1:], *FRAME), "eid.value.type",
    ),
    "name-of-a-foreign-type": (
        (
            CARD_HOLDER[0].replace('xsi:type="xs:string"', 'xmlns:xs="urn:other" xsi:type="xs:string"'),
            *CARD_HOLDER[1:],
            *FRAME,
        ),
        "eid.value.type",
    ),
    "name-with-markup": (
        (attribute("GivenNames", "<eid:ID>ERIKA</eid:ID>"), *CARD_HOLDER[1:], *FRAME), "eid.value.structure",
    ),
    "name-that-reads-backwards": (
        (text("GivenNames", "\u202eAKIRE"), *CARD_HOLDER[1:], *FRAME), "eid.value.characters",
    ),
    "name-without-end": ((text("GivenNames", "E" * 1_001), *CARD_HOLDER[1:], *FRAME), "eid.value.size"),
    "two-values": (
        (
            CARD_HOLDER[0].replace(
                "</saml2:Attribute>",
                '<saml2:AttributeValue xsi:type="xs:string">X</saml2:AttributeValue></saml2:Attribute>',
            ),
            *CARD_HOLDER[1:],
            *FRAME,
        ),
        "xml.cardinality",
    ),
    "level-of-eidas": (
        (*CARD_HOLDER, validity(), text("LevelOfAssurance", "http://eidas.europa.eu/LoA/high")),
        "eid.level.unknown",
    ),
    "two-carriers": (
        (
            *CARD_HOLDER,
            validity(),
            HOCH,
            attribute(
                "EIDType",
                "<eid:CardCertified>USED</eid:CardCertified><eid:HWKeyStore>USED</eid:HWKeyStore>",
                "eid:EIDTypeResponseType",
            ),
        ),
        "eid.eid-type",
    ),
    "unclear-mark": (
        (CARD_HOLDER[0].replace("<saml2:Attribute ", '<saml2:Attribute AttributeNotOnChip="perhaps" '),
         *CARD_HOLDER[1:], *FRAME),
        "eid.value.not-on-chip",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTENTS)
def test_content_that_is_unclear_is_refused(exchange, name):
    attributes, reason = CONTENTS[name]
    refused(lambda: exchange.complete(*attributes), reason)


DATES = {
    "two-dates": date_of_birth("19640812", "1964-08-13"),
    "nine-digits": date_of_birth("196408121"),
    "letters": date_of_birth("1964AUG1"),
    "partial-with-a-whole-date": date_of_birth("196408  ", "1964-08-12"),
}


@pytest.mark.parametrize("name", DATES)
def test_birth_date_that_contradicts_itself_is_refused(card, name):
    exchange = begin_card(card, optional=frozenset({"date_of_birth"}))
    refused(lambda: exchange.complete(*CARD_HOLDER, DATES[name], *FRAME), "eid.value.date")


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "<eid:FreetextPlace>A</eid:FreetextPlace><eid:NoPlaceInfo>B</eid:NoPlaceInfo>",
        "<eid:Elsewhere>A</eid:Elsewhere>",
        "<eid:StructuredPlace><eid:City>A</eid:City></eid:StructuredPlace>",
    ],
)
def test_place_in_no_form_of_the_schema_is_refused(card, inner):
    exchange = begin_card(card, optional=frozenset({"address"}))
    refused(
        lambda: exchange.complete(*CARD_HOLDER, place("PlaceOfResidence", inner), *FRAME), "eid.value.place"
    )


@pytest.mark.parametrize("verdict", ["", "yes", "TRUE"])
def test_verdict_that_is_no_boolean_is_refused(card, verdict):
    exchange = begin_card(card, required=frozenset(), identifier=False, age=18)
    answer = verified_question("AgeVerification", "<eid:Age>18</eid:Age>", verdict)
    refused(lambda: exchange.complete(answer, *FRAME), "xml.boolean")


def test_verdict_on_another_age_is_refused(card):
    """ "Over 12" is not "over 18"."""
    exchange = begin_card(card, required=frozenset(), identifier=False, age=18)
    answer = verified_question("AgeVerification", "<eid:Age>12</eid:Age>", "true")
    refused(lambda: exchange.complete(answer, *FRAME), "eid.value.verification")


def test_failure_with_an_assertion_beside_it_is_a_failure(exchange):
    """The status decides, whatever else the message holds."""
    enclosed = exchange.reply().enclosed()
    refused(
        lambda: exchange.complete(status=STATUS + "Responder", edit_response=lambda r: r.append(enclosed)),
        "saml.status.Responder",
        PeerRefused,
    )
