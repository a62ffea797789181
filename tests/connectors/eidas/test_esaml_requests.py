"""Requests of role esaml (TR-03130-1 §5; eidas.md §11.2)."""

import base64

import pytest
from lxml import etree

from connectors.assurance import LevelOfAssurance
from connectors.contract import FormDispatch
from connectors.eidas.settings import EIDASSettings
from connectors.errors import PeerUnavailable, RequestNotPossible
from connectors.identity import PersonKind
from sandbox.eid_service.saml_request import EIDAS, Registration, Unverifiable, take
from sandbox.saml.request import Incoming
from tests.support.eid_server_peer import (
    ADDRESS,
    EID,
    EIDServerPeer,
    begin_esaml,
    install_esaml,
)
from tests.support.saml_peer import authentication_request, rsa_pair
from tests.support.xml_signing import NOW, SAML
from trust import signing
from trust.errors import VerificationError
from trust.keys import InMemoryKey

LEGAL = frozenset({PersonKind.LEGAL})
LOA = "http://eidas.europa.eu/LoA/"


@pytest.fixture(scope="module")
def esaml(tmp_path_factory):
    return install_esaml(tmp_path_factory.mktemp("esaml"))


def member(exchange, name):
    value = exchange.installed.peer.value(exchange.request, "EidasExtension")
    return value.findtext(f"{{{EID}}}{name}")


def test_request_goes_by_post_with_a_signature_inside(esaml):
    """TR-03130-1 §5.1: HTTP-POST both ways, the user agent is the browser."""
    start = esaml.connector.begin(authentication_request(), relay_state="handle", now=NOW, random=bytes)
    assert isinstance(start.dispatch, FormDispatch)
    assert start.dispatch.action == ADDRESS
    root = begin_esaml(esaml).request.root
    assert root.find("{http://www.w3.org/2000/09/xmldsig#}Signature") is not None
    assert root.get("ProtocolBinding") == "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
    assert root.get("AssertionConsumerServiceURL") == "https://gateway.example/connectors/esaml/acs"
    assert root.findtext(f"{{{SAML}}}Issuer") == "https://gateway.example/connectors/esaml/metadata"


def test_natural_person_is_asked_for_the_minimum_data_set(esaml):
    asked = esaml.peer.asked(begin_esaml(esaml).request)
    assert asked == {
        "GivenNames": True,
        "FamilyNames": True,
        "DateOfBirth": True,
        "RestrictedID": True,
        "DocumentValidity": True,
        "UseEidas": True,
        "EidasExtension": True,
        "IdentityFlavour": True,
    }


def test_eidas_is_triggered_and_the_flavour_said(esaml):
    request = begin_esaml(esaml).request
    assert esaml.peer.value(request, "UseEidas").text == "true"
    assert esaml.peer.value(request, "IdentityFlavour").text == "NaturalPerson"


@pytest.mark.parametrize(
    ("minimum", "uri"),
    [
        (LevelOfAssurance.BASIC, "low"),
        (LevelOfAssurance.LOW, "low"),
        (LevelOfAssurance.SUBSTANTIAL, "substantial"),
        (LevelOfAssurance.HIGH, "high"),
    ],
)
def test_level_is_always_said_in_words_of_eidas(esaml, minimum, uri):
    """Absent would mean the highest."""
    assert member(begin_esaml(esaml, minimum=minimum), "LevelOfAssurance") == LOA + uri


def test_sending_state_is_the_iso_code_unless_the_operator_says_otherwise(esaml, tmp_path):
    assert member(begin_esaml(esaml), "SendingMemberState") == "GR"
    other = install_esaml(tmp_path, country={"node_code": "EL"}, countries=("GR",))
    assert member(begin_esaml(other), "SendingMemberState") == "EL"


def test_wishes_of_the_service_are_optional_or_required(esaml):
    asked = esaml.peer.asked(
        begin_esaml(
            esaml,
            required=frozenset({"birth_family_name"}),
            optional=frozenset({"gender", "address", "place_of_birth", "nationalities"}),
        ).request
    )
    assert asked["BirthName"] is True
    assert [asked[name] for name in ("Sex", "PlaceOfResidence", "PlaceOfBirth")] == [False] * 3
    assert "Nationality" not in asked


def test_company_is_asked_for_without_a_natural_person(esaml):
    request = begin_esaml(esaml, persons=LEGAL).request
    assert esaml.peer.value(request, "IdentityFlavour").text == "LegalPerson"
    asked = esaml.peer.asked(request)
    assert asked["LegalName"] is True
    assert asked["LegalPersonIdentifier"] is True
    assert "GivenNames" not in asked


def test_company_and_who_acts_for_it_where_the_service_takes_both(esaml):
    request = begin_esaml(
        esaml,
        persons=LEGAL,
        accept_representation=True,
        optional=frozenset({"eu_identifier", "legal_address"}),
    ).request
    assert esaml.peer.value(request, "IdentityFlavour").text == "LegalPersonRepresentative"
    asked = esaml.peer.asked(request)
    assert asked["BusinessCodes"] is False
    assert asked["LegalAddress"] is False
    assert asked["GivenNames"] is False


def test_nothing_of_what_is_asked_can_be_read_on_the_way(esaml):
    octets = etree.tostring(begin_esaml(esaml).request.root)
    assert b"GivenNames" not in octets
    assert b"SendingMemberState" not in octets


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"country": "FR"}, "eidas.country-unknown"),
        ({"country": None}, "eidas.country-unknown"),
        ({"persons": frozenset(PersonKind)}, "eidas.person-undecided"),
        ({"required": frozenset({"nationalities"})}, "eidas.attribute-not-offered"),
        ({"required": frozenset({"birth_name"})}, "eidas.attribute-not-offered"),
        ({"required": frozenset({"legal_name"})}, "eidas.attribute-not-offered"),
    ],
)
def test_request_that_cannot_be_served_is_not_sent(esaml, changes, reason):
    with pytest.raises(RequestNotPossible) as caught:
        begin_esaml(esaml, **changes)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("country", "changes", "reason"),
    [
        ({}, {}, None),
        ({"levels": ["low", "substantial"]}, {"minimum": LevelOfAssurance.HIGH}, "level"),
        ({"persons": ["legal"]}, {}, "person"),
        ({"persons": ["legal"]}, {"persons": frozenset(PersonKind)}, None),
        ({}, {"required": frozenset({"nationalities"})}, "attributes"),
    ],
)
def test_country_is_offered_when_it_can_serve_the_service(tmp_path, country, changes, reason):
    installed = install_esaml(tmp_path, country=country)
    options = installed.connector.options(authentication_request(**changes), now=NOW)
    assert [option.country for option in options] == ["GR", "SE"]
    assert {option.reason for option in options} == {reason}
    assert {option.available for option in options} == {reason is None}


def test_hidden_country_is_not_offered(tmp_path):
    installed = install_esaml(tmp_path, country={"hidden": True})
    assert installed.connector.options(authentication_request(), now=NOW) == []


def test_own_citizens_do_not_come_this_way(tmp_path):
    """Germans use their card or account (eidas.md §11.3)."""
    installed = install_esaml(tmp_path, countries=("DE", "SE"))
    offered = installed.connector.options(authentication_request(), now=NOW)
    assert [option.country for option in offered] == ["SE"]


def test_ended_certificate_of_the_eid_server_takes_every_country_down(esaml):
    later = NOW.replace(year=2040)
    assert {o.reason for o in esaml.connector.options(authentication_request(), now=later)} == {"down"}
    assert {row.reason for row in esaml.connector.peers(now=later)} == {"eid-server.encryption-certificate"}
    with pytest.raises(PeerUnavailable):
        esaml.connector.begin(authentication_request(), relay_state="handle", now=later, random=bytes)


def test_one_key_for_both_purposes_is_refused(tmp_path):
    """TR-03130-1 §4: signature and encryption key pairs differ."""
    both = rsa_pair("eid server both")
    with pytest.raises(VerificationError, match=r"eid-server\.keys"):
        install_esaml(tmp_path, peer=EIDServerPeer(signer=both, decrypter=both))


PARTNER = {
    "address": ADDRESS,
    "issuer": "i",
    "signing_certificates": ["s"],
    "encryption_certificate": "e",
}


@pytest.mark.parametrize(
    "values",
    [
        {"role": "esaml"},
        {"role": "node", "esaml": PARTNER},
        {"role": "esaml", "esaml": {**PARTNER, "signing_certificates": []}},
    ],
)
def test_role_and_section_belong_together(values):
    with pytest.raises(ValueError, match="esaml"):
        EIDASSettings.model_validate({"kind": "eidas", **values})


def taken(installed, change=lambda root: root):
    """The sandbox's eID-Server reads the request, by the clock of the test."""
    exchange = begin_esaml(installed)
    octets = etree.tostring(change(exchange.request.root))
    registration = Registration(
        issuer="https://gateway.example/connectors/esaml/metadata",
        consumer="https://gateway.example/connectors/esaml/acs",
        signing=installed.keys.signer.certificate,
        encryption=installed.keys.decrypters[0].certificate,
    )
    incoming = Incoming(
        destination=ADDRESS, saml_request=base64.b64encode(octets).decode(), relay_state="handle"
    )
    return take(incoming, {registration.issuer: registration}, installed.peer.decrypter, EIDAS, now=NOW)


def test_eid_server_that_shares_no_code_takes_the_request(esaml):
    asked = taken(esaml)
    assert asked.provider_name == "Demo"
    assert asked.wanted["EidasExtension"].part("SendingMemberState") == "GR"


def resigned(installed, root):
    root.remove(root.find("{http://www.w3.org/2000/09/xmldsig#}Signature"))
    signing.sign_enveloped(root, InMemoryKey(installed.keys.signer.private_key), position=1)
    return root


NEGATIVE = {
    "no-issuer": (lambda r: r.remove(r.find(f"{{{SAML}}}Issuer")), "Issuer"),
    "other-issuer": (lambda r: setattr(r.find(f"{{{SAML}}}Issuer"), "text", "https://other.example"), "Issuer"),
    "no-signature": (
        lambda r: r.remove(r.find("{http://www.w3.org/2000/09/xmldsig#}Signature")), "No|Invalid|Signature",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NEGATIVE)
def test_request_that_cannot_be_verified_is_refused_by_the_eid_server(esaml, name):
    """TR-03130-4 group B1_3; conformity steps OUT_EIDAS_REQUEST_NO_SIGNATURE and …_NO_SIGALG_NO_SIGNATURE."""
    change, text = NEGATIVE[name]

    def apply(root):
        change(root)
        return root

    with pytest.raises(Unverifiable, match=text):
        taken(esaml, apply)


EXTENSIONS = {
    "no-extensions": lambda e: e.getparent().remove(e),
    "empty-extensions": lambda e: e.remove(e[0]),
    "empty-extension": lambda e: e[0].remove(e[0][0]),
}


@pytest.mark.parametrize("name", EXTENSIONS)
def test_request_without_its_extension_is_refused_by_the_eid_server(esaml, name):
    """Each is signed with our own key again: it is the content that is missing."""

    def apply(root):
        EXTENSIONS[name](root.find("{urn:oasis:names:tc:SAML:2.0:protocol}Extensions"))
        return resigned(esaml, root)

    with pytest.raises(Unverifiable, match="Extension"):
        taken(esaml, apply)


def test_published_document_names_our_address_and_keys(esaml):
    root = etree.fromstring(esaml.connector.documents(now=NOW)[0].content)
    md = "{urn:oasis:names:tc:SAML:2.0:metadata}"
    assert root.get("entityID") == "https://gateway.example/connectors/esaml/metadata"
    assert root.find(f".//{md}AssertionConsumerService").get("Binding").endswith("HTTP-POST")
    assert [d.get("use") for d in root.iter(f"{md}KeyDescriptor")] == ["signing", "encryption"]
