"""What a Dataport Servicekonto and Mein Unternehmenskonto answer (bundid.md §2.2 and §3)."""

from __future__ import annotations

import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding
from lxml import etree

from sandbox.accounts.accounts import accounts
from sandbox.accounts.keys import make_keys
from sandbox.accounts.names import EKONA, LOA, NAME_FORMAT_BASIC
from sandbox.accounts.world import load_world
from sandbox.authority import KeyStore
from sandbox.saml.names import STATUS, tag


def attribute(assertion, name: str) -> etree._Element | None:
    """The value of one attribute; its name format is basic."""
    for item in assertion.iter(tag("saml2:Attribute")):
        assert item.get("NameFormat") == NAME_FORMAT_BASIC
        if item.get("Name") == name:
            (value,) = item
            return value
    return None


def parts(value: etree._Element) -> dict[str, str]:
    """Text of the elements inside, by local name."""
    return {etree.QName(child).localname: child.text for child in value}


COMPANIES = [p for p in accounts()["muk"].people if p.decides == "answer"]


@pytest.mark.parametrize("company", COMPANIES, ids=lambda p: p.id)
def test_each_company_answers_with_the_response_signed_and_the_assertion_not(portal, company) -> None:
    """SETUP: want_assertions_signed false, so the Response signature carries everything."""
    response = portal.log_in("muk", company.id)
    portal.verify(response, "muk")
    method = response.find(f"{tag('ds:Signature')}//{tag('ds:SignatureMethod')}").get("Algorithm")
    assert method == "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"
    assertion = portal.assertion(response)
    assert assertion.find(tag("ds:Signature")) is None
    name = "Name" if company.values["DatenkranzTyp"] == "IdNr" else "Firmenname"
    assert attribute(assertion, name).text == company.values[name]
    name_id = assertion.find(f".//{tag('saml2:NameID')}")
    assert name_id.get("Format") == "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
    pseudonym = attribute(assertion, "DatenuebermittlerPseudonymId").text
    assert re.fullmatch(r"du-[0-9a-f]{40}", pseudonym)


def test_the_certificate_of_muk_is_itself_signed_with_pss(portal) -> None:
    """bundid.md §3.1: SHA-256, salt of 32 octets, RSA 4096."""
    pair = portal.world.signing["muk"]
    certificate, issuer = pair.certificate, pair.issuers[0]
    assert certificate.signature_algorithm_oid == x509.SignatureAlgorithmOID.RSASSA_PSS
    parameters = certificate.signature_algorithm_parameters
    assert isinstance(parameters, padding.PSS)
    assert parameters._salt_length == 32
    certificate.verify_directly_issued_by(issuer)
    assert pair.key.key_size == 4096


def test_keys_are_made_once(portal, account_state) -> None:
    """A second start finds the same keys."""
    make_keys(KeyStore(account_state / "accounts", lambda _: None))
    again = load_world(portal.world.addresses, account_state)
    for path, pair in portal.world.signing.items():
        assert again.signing[path].certificate == pair.certificate


def test_an_address_at_home_and_one_abroad_are_elements(portal) -> None:
    """bundid.md §3.2: a reader of flat values loses them."""
    home = attribute(portal.assertion(portal.log_in("muk", "bohr-ag")), "Unternehmensanschrift")
    assert home.get(tag("xsi:type")) == "ekona:AdresseType"
    assert home.nsmap["ekona"] == EKONA
    assert parts(home)["Hausnummer"] == "12 a-c"
    assert {"PLZ": "09111", "Typ": "Inland"}.items() <= parts(home).items()
    abroad = parts(attribute(portal.assertion(portal.log_in("muk", "foreign")), "Unternehmensanschrift"))
    assert abroad["Land"] == "DK"
    assert "PLZ" not in abroad


def test_the_acting_person_comes_as_elements_where_there_is_one(portal) -> None:
    """bundid.md §3.2: HandelndePerson, dates as DD.MM.YYYY."""
    person = attribute(portal.assertion(portal.log_in("muk", "bohr-ag")), "HandelndePerson")
    assert parts(person)["Nachname"] == "Weißbach"
    assert parts(person)["Geburtsdatum"] == "09.11.1969"
    association = portal.assertion(portal.log_in("muk", "association"))
    assert attribute(association, "HandelndePerson") is None


def test_test_accounts_say_so(portal) -> None:
    """bundid.md §3.2: IstTestkonto."""
    said = attribute(portal.assertion(portal.log_in("muk", "test-account")), "IstTestkonto")
    assert said.text == "true"
    menu = portal.assertion(portal.log_in("muk", "bohr-ag", fault="test-account"))
    assert attribute(menu, "IstTestkonto").text == "true"


def test_muk_has_no_metadata_address_and_no_redirect(portal) -> None:
    """bundid.md §3.1: the certificate is configured by hand."""
    assert portal.client.get("/muk/metadata").status_code == 404
    assert portal.client.get("/muk/ekona/sso").status_code == 405


def test_muk_knows_no_requested_context(portal) -> None:
    """bundid.md §3.1: no STORK classes."""
    response = portal.log_in("muk", "bohr-ag", context="STORK-QAA-Level-3")
    codes = [c.get("Value").removeprefix(STATUS) for c in response.iter(tag("saml2p:StatusCode"))]
    assert codes == ["Requester", "NoAuthnContext"]


ACCOUNTS = accounts()["dataport-sh"].people


@pytest.mark.parametrize("person", ACCOUNTS, ids=lambda p: p.id)
def test_each_servicekonto_answers_with_a_signed_assertion_in_the_clear(portal, person) -> None:
    """bundid.md §2.2: assertions signed, not encrypted; rsa-sha256; persistent NameID."""
    response = portal.log_in("dataport-sh", person.id)
    assert response.find(tag("ds:Signature")) is None
    assertion = portal.assertion(response)
    portal.verify(assertion, "dataport-sh")
    method = assertion.find(f"{tag('ds:Signature')}//{tag('ds:SignatureMethod')}").get("Algorithm")
    assert method == "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
    assert assertion.findtext(f".//{tag('saml2:AuthnContextClassRef')}") == LOA[person.level - 2]
    assert attribute(assertion, "PrincipalType").text == person.values["PrincipalType"]
    name_id = assertion.find(f".//{tag('saml2:NameID')}")
    assert name_id.get("Format") == "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"


def test_the_servicekonto_offers_nobody_below_the_level(portal) -> None:
    """Comparison minimum with eIDAS URIs."""
    request = portal.request("dataport-sh", context=LOA[2])
    page = portal.send("dataport-sh", request)
    assert re.findall(r'name="citizen" value="([^"]+)"', page.text) == ["card"]


def test_structured_attributes_of_the_servicekonto_nest(portal) -> None:
    """bundid.md §2.2: LegalEntity with Address and PostofficeBox inside."""
    entity = attribute(portal.assertion(portal.log_in("dataport-sh", "company")), "LegalEntity")
    assert parts(entity)["OrganizationName"] == "Förde Räucherei GmbH & Co. KG"
    box = next(c for c in entity if etree.QName(c).localname == "PostofficeBox")
    assert parts(box)["PostboxNumber"] == "10 20 30"


def test_name_ids_are_pairwise_and_stable(portal) -> None:
    """saml-core §8.3.7: persistent for this provider, another one for another."""

    def name_id(account: str, citizen: str) -> str:
        assertion = portal.assertion(portal.log_in(account, citizen))
        return assertion.findtext(f".//{tag('saml2:NameID')}")

    for account, citizen in (("dataport-sh", "citizen"), ("muk", "bohr-ag")):
        portal.entity_id = "https://portal.example"
        portal.hand_in(account)
        first = name_id(account, citizen)
        assert name_id(account, citizen) == first
        portal.entity_id = "https://another.example"
        portal.hand_in(account)
        assert name_id(account, citizen) != first
