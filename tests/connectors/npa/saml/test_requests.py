"""AuthnRequests of the TR-03130 SAML profile (TR-03130-1 §4.2; npa.md §2.1)."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import etree

from connectors.assurance import LevelOfAssurance
from connectors.errors import PeerUnavailable, RequestNotPossible
from connectors.npa.eid_service import EIDRequest
from connectors.npa.operations import EIDType, Operation
from connectors.npa.saml.request import requested
from connectors.saml.tr03130 import extension
from sandbox.eid_service.saml_request import NATIONAL, Registration, Unverifiable, take
from sandbox.saml.request import Incoming
from tests.support.eid_server_peer import (
    ADDRESS,
    EID,
    EIDServerPeer,
    begin_card,
    install_card,
)
from tests.support.saml_peer import ec_pair, own_key, own_keys, rsa_pair
from tests.support.xml_signing import NOW, SAML, ec_key
from trust.errors import VerificationError

SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"


def test_client_is_sent_to_the_processor_by_redirect(exchange):
    """TR-03130-1 §4.1: HTTP-Redirect, signed over the query, RelayState ours."""
    parts = urlsplit(exchange.redirect.url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == ADDRESS
    assert list(parse_qs(parts.query)) == ["SAMLRequest", "RelayState", "SigAlg", "Signature"]
    assert parse_qs(parts.query)["RelayState"] == ["handle"]
    assert exchange.request.root.find(".//{http://www.w3.org/2000/09/xmldsig#}Signature") is None


def test_request_says_what_the_profile_lists_and_no_more(exchange):
    root = exchange.request.root
    assert dict(root.attrib) == {
        "ID": root.get("ID"),
        "Version": "2.0",
        "IssueInstant": "2026-11-23T12:00:00Z",
        "Destination": ADDRESS,
        "ProtocolBinding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect",
        "AssertionConsumerServiceURL": "https://gateway.example/connectors/card/acs",
    }
    assert [etree.QName(child).localname for child in root] == ["Issuer", "Extensions"]
    issuer = root.findtext(f"{{{SAML}}}Issuer")
    assert issuer == "https://gateway.example/connectors/card/metadata"
    assert len(root.get("ID")) >= 33


def test_nothing_of_what_is_asked_can_be_read_on_the_way(exchange):
    """The extension is there encrypted and nowhere else."""
    octets = etree.tostring(exchange.request.root)
    assert b"GivenNames" not in octets
    assert b"Demo" not in octets
    assert [child.tag for child in exchange.request.root.find(f"{{{SAMLP}}}Extensions")] == [
        f"{{{EID}}}EncryptedAuthnRequestExtension"
    ]


def test_only_what_the_service_needs_is_asked_for(exchange):
    """Data minimisation: two names, the pseudonym, and what every request has."""
    asked = exchange.installed.peer.asked(exchange.request)
    assert list(asked) == [
        "GivenNames",
        "FamilyNames",
        "RestrictedID",
        "DocumentValidity",
        "TransactionInfo",
        "LevelOfAssurance",
        "EIDType",
    ]
    assert all(asked.values())


def test_optional_attributes_may_be_unticked(card):
    exchange = begin_card(card, optional=frozenset({"title", "address"}))
    asked = card.peer.asked(exchange.request)
    assert asked["AcademicTitle"] is False
    assert asked["PlaceOfResidence"] is False
    assert asked["GivenNames"] is True


def test_service_that_needs_an_age_asks_for_nothing_else(card):
    exchange = begin_card(card, required=frozenset(), identifier=False, age=18)
    assert "RestrictedID" not in card.peer.asked(exchange.request)
    value = card.peer.value(exchange.request, "AgeVerification")
    assert value.findtext(f"{{{EID}}}Age") == "18"


def test_community_goes_with_place_verification(card):
    exchange = begin_card(card, community_id="02760503150000")
    value = card.peer.value(exchange.request, "PlaceVerification")
    assert value.findtext(f"{{{EID}}}CommunityID") == "02760503150000"


def test_level_and_carriers_are_asked_for_in_national_words(card):
    exchange = begin_card(card, minimum=LevelOfAssurance.SUBSTANTIAL)
    assert card.peer.value(exchange.request, "LevelOfAssurance").text == (
        "http://bsi.bund.de/eID/LoA/substantiell"
    )
    carriers = card.peer.value(exchange.request, "EIDType")
    assert {etree.QName(c).localname: c.text for c in carriers} == {"HWKeyStore": "DENIED"}


def test_name_of_the_service_is_shown_before_the_pin(exchange):
    assert exchange.installed.peer.value(exchange.request, "TransactionInfo").text == "Demo"


def test_every_carrier_is_written_in_the_order_of_the_schema():
    request = EIDRequest(
        required=frozenset({Operation.RESTRICTED_ID}),
        eid_types={kind: kind is EIDType.CARD_CERTIFIED for kind in reversed(EIDType)},
    )
    document = etree.fromstring(extension.document(requested(request)))
    words = {etree.QName(e).localname: e.text for e in document.iter(f"{{{EID}}}*") if e.text}
    assert words == {
        "CardCertified": "ALLOWED",
        "SECertified": "DENIED",
        "SEEndorsed": "DENIED",
        "HWKeyStore": "DENIED",
    }


def test_carrier_is_always_asked_for():
    """Without a wish as well, because a phone is not what Germany has notified."""
    request = EIDRequest(required=frozenset({Operation.RESTRICTED_ID}))
    document = etree.fromstring(extension.document(requested(request)))
    assert "EIDType" in [element.get("Name") for element in document.iter()]


@pytest.mark.parametrize("operation", [Operation.AGE_VERIFICATION, Operation.PLACE_VERIFICATION])
def test_verification_without_its_value_is_never_sent(operation):
    """Our schema refuses it before the eID-Server has to (B1_3: age or place without value)."""
    with pytest.raises(VerificationError, match=r"xml\.schema"):
        extension.document(requested(EIDRequest(required=frozenset({operation}))))


def test_extension_without_attributes_is_never_sent():
    with pytest.raises(VerificationError, match=r"xml\.schema"):
        extension.document([])


def test_attribute_asked_for_twice_is_never_sent():
    twice = [extension.Requested(name="GivenNames"), extension.Requested(name="GivenNames")]
    with pytest.raises(VerificationError, match=r"xml\.schema"):
        extension.document(twice)


def test_unusable_request_is_refused_before_anything_leaves(card):
    service = card.connector.way.service
    with pytest.raises(RequestNotPossible, match=r"npa\.request"):
        service.open(
            EIDRequest(required=frozenset({Operation.AGE_VERIFICATION})),
            relay_state="handle",
            addresses=None,
            now=NOW,
            random=bytes,
        )


@pytest.mark.parametrize("curve", ["secp256r1", "secp384r1", "brainpoolP256r1", "brainpoolP384r1"])
def test_extension_is_encrypted_by_key_agreement_for_an_elliptic_key(tmp_path, curve):
    """TR-03116-4: ECDH-ES; an independent implementation reads it."""
    installed = install_card(tmp_path, peer=EIDServerPeer(decrypter=ec_pair("eid server encryption", curve)))
    assert "GivenNames" in installed.peer.asked(begin_card(installed).request)


def test_extension_is_encrypted_by_key_transport_for_an_rsa_key(tmp_path):
    """RSA-OAEP with SHA-256 and AES-256-GCM; neither CBC nor PKCS#1 v1.5 as in the TR's printed sample."""
    installed = install_card(tmp_path, peer=EIDServerPeer(decrypter=rsa_pair("eid server encryption")))
    exchange = begin_card(installed)
    assert "GivenNames" in installed.peer.asked(exchange.request)
    octets = etree.tostring(exchange.request.root)
    assert b"rsa-oaep" in octets
    assert b"aes256-gcm" in octets
    assert b"cbc" not in octets


def test_request_of_an_elliptic_gateway_verifies(tmp_path):
    """The sandbox's eID service takes it, from SigAlg to the last attribute."""
    keys = own_keys()
    elliptic = type(keys)(
        signing=(own_key("sign", ec_key("own signing")),), decryption=keys.decryption, metadata=keys.metadata
    )
    assert _taken(install_card(tmp_path, keys=elliptic)).wanted.keys() >= {"GivenNames", "DocumentValidity"}


def test_eid_service_that_shares_no_code_takes_the_request(card):
    assert _taken(card).wanted["RestrictedID"].required


def _taken(installed, change=lambda query: query, names=NATIONAL):
    """The sandbox's eID service reads what the client carries, by the clock of the test."""
    exchange = begin_card(installed)
    url = urlsplit(exchange.redirect.url)
    query = change(url.query.encode())
    fields = parse_qs(query.decode(), keep_blank_values=True)
    incoming = Incoming(
        destination=ADDRESS,
        saml_request=fields.get("SAMLRequest", [""])[0],
        relay_state="handle",
        query=query,
    )
    registration = Registration(
        issuer="https://gateway.example/connectors/card/metadata",
        consumer="https://gateway.example/connectors/card/acs",
        signing=installed.keys.signer.certificate,
        encryption=installed.keys.decrypters[0].certificate,
    )
    return take(incoming, {registration.issuer: registration}, installed.peer.decrypter, names, now=NOW)


@pytest.mark.parametrize("dropped", [("Signature",), ("SigAlg", "Signature"), ("SigAlg",)])
def test_request_without_its_signature_is_refused_by_the_eid_service(card, dropped):
    """Conformity steps OUT_CALL_SAML_INCL_AUTHNREQUEST_NO_SIGNATURE and …_NO_SIGALG_NO_SIGNATURE."""

    def without(query):
        return b"&".join(p for p in query.split(b"&") if p.split(b"=")[0].decode() not in dropped)

    with pytest.raises(Unverifiable, match="missing"):
        _taken(card, without)


def test_service_with_ended_encryption_certificate_is_down(card):
    """Nothing leaves towards a key that nobody vouches for any more."""
    later = NOW + timedelta(days=4000)
    assert card.connector.peers(now=later)[0].state == "down"
    with pytest.raises(PeerUnavailable):
        card.connector.way.service.open(
            EIDRequest(required=frozenset({Operation.RESTRICTED_ID})),
            relay_state="handle",
            addresses=None,
            now=later,
            random=bytes,
        )


def test_published_document_names_our_redirect_address_and_keys(card):
    """What the processor's operator registers of us."""
    document = card.connector.documents(now=NOW)[0]
    root = etree.fromstring(document.content)
    md = "{urn:oasis:names:tc:SAML:2.0:metadata}"
    consumer = root.find(f".//{md}AssertionConsumerService")
    assert root.get("entityID") == "https://gateway.example/connectors/card/metadata"
    assert consumer.get("Location") == "https://gateway.example/connectors/card/acs"
    assert consumer.get("Binding") == "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
    assert [d.get("use") for d in root.iter(f"{md}KeyDescriptor")] == ["signing", "encryption"]
