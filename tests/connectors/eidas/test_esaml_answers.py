"""Answers in role esaml become identities (TR-03130-1 §5.2, tables 19 to 22; eidas.md §11.2)."""

import base64
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.contract import Answer
from connectors.errors import AuthenticationFailed, Cancelled, LevelNotReached
from connectors.identity import Absent, Address, Gender, PartialDate, PersonKind
from tests.connectors.contract import ConnectorContract
from tests.support.eid_server_peer import (
    ESAML_CITIZEN,
    ESAML_COMPANY,
    ESAML_IDENTIFIER,
    ESAMLExchange,
    ESAMLInstalled,
    begin_esaml,
    date_of_birth,
    eidas_extension,
    install_esaml,
    not_on_chip,
    place,
    restricted_id,
    text,
    validity,
)
from tests.support.saml_peer import PERSONAL, STATUS, authentication_request, own_key, own_keys, read_request
from tests.support.xml_signing import NOW, ec_key

LEGAL = frozenset({PersonKind.LEGAL})
EVERYTHING = frozenset({"birth_family_name", "place_of_birth", "address", "gender"})
FRAME = (validity(), eidas_extension())


@pytest.fixture(scope="module")
def esaml(tmp_path_factory):
    return install_esaml(tmp_path_factory.mktemp("esaml"))


def subject(installed, *attributes, frame=FRAME, **changes):
    exchange = begin_esaml(installed, **{"optional": EVERYTHING, **changes})
    return exchange.complete(*attributes, *frame).identity.subject


def test_foreign_citizen_is_identified(esaml):
    identity = begin_esaml(esaml).complete().identity
    assert identity.subject.given_name.value.latin == "Eleni Maria"
    assert identity.subject.family_name.value.latin == "Papadopoulou"
    assert identity.subject.date_of_birth.value == PartialDate(year=1985, month=2, day=28)
    assert identity.source.scheme == "eidas"
    assert identity.source.country == "GR"
    assert identity.source.issuer == "https://eid-server.example/saml/metadata"
    assert identity.assurance.notified is True
    assert identity.assurance.level is LevelOfAssurance.HIGH
    assert identity.representative is None


def test_identifier_is_the_text_behind_the_hexadecimal_octets(esaml):
    """The field holds the UTF-8 of ``XX/YY/…``, not a card's pseudonym."""
    found = subject(esaml, *ESAML_CITIZEN)
    assert found.identifier.value == ESAML_IDENTIFIER
    assert found.identifier.stability == "persistent"


def test_state_says_how_long_its_identifiers_last(tmp_path):
    installed = install_esaml(tmp_path, country={"identifier_stability": "may-change"})
    assert subject(installed, *ESAML_CITIZEN).identifier.stability == "may-change"


@pytest.mark.parametrize(
    ("given", "family", "told", "expected"),
    [
        ("Erika", "Mustermann", "Gabler", "Gabler"),
        ("Erika", "Mustermann", "Erika Gabler", "Gabler"),
        ("Peter", "Müller", "Hans Müller", "Hans Müller"),
        ("Anna Maria", "de la Cruz", "Anna Maria García López", "García López"),
        ("André", "Mustermann", "", None),
        ("André", "Mustermann", "André Mustermann", None),
        ("André", "Mustermann", "Mustermann", None),
    ],
)
def test_birth_name_is_the_family_name_at_birth(esaml, given, family, told, expected):
    """The rule of TR-03130-1 §5.2; applied once more to what the eID-Server did it changes nothing."""
    found = subject(
        esaml,
        text("GivenNames", given),
        text("FamilyNames", family),
        *ESAML_CITIZEN[2:],
        text("BirthName", told),
    )
    if expected is None:
        assert found.birth_family_name is Absent.DELIVERED_EMPTY
    else:
        assert found.birth_family_name.value.latin == expected
    assert found.birth_name is Absent.NOT_REQUESTED


def test_structured_address_is_read(esaml):
    inner = (
        "<eid:StructuredPlace><eid:Street>Arcacia Avenue 22</eid:Street><eid:City>Athens</eid:City>"
        "<eid:State>Attica</eid:State><eid:Country>GRC</eid:Country><eid:ZipCode>104 31</eid:ZipCode>"
        "</eid:StructuredPlace>"
    )
    found = subject(esaml, *ESAML_CITIZEN, place("PlaceOfResidence", inner))
    assert found.address.value == Address(
        thoroughfare="Arcacia Avenue 22",
        post_name="Athens",
        admin_unit_second_line="Attica",
        post_code="104 31",
        country="GR",
    )


@pytest.mark.parametrize(("code", "line"), [("XXX", "XXX"), ("Hellas", "Hellas")])
def test_country_that_is_no_state_stays_a_line_of_the_address(esaml, code, line):
    inner = (
        f"<eid:StructuredPlace><eid:City>Athens</eid:City><eid:Country>{code}</eid:Country>"
        "</eid:StructuredPlace>"
    )
    found = subject(esaml, *ESAML_CITIZEN, place("PlaceOfResidence", inner))
    assert found.address.value == Address(post_name="Athens", admin_unit_first_line=line)


def test_address_and_place_of_birth_may_be_free_text(esaml):
    found = subject(
        esaml,
        *ESAML_CITIZEN,
        place("PlaceOfResidence", "<eid:FreetextPlace>22 Arcacia Avenue, Athens</eid:FreetextPlace>"),
        place("PlaceOfBirth", "<eid:FreetextPlace>Thessaloniki</eid:FreetextPlace>"),
    )
    assert found.address.value == Address(full="22 Arcacia Avenue, Athens")
    assert found.place_of_birth.value == "Thessaloniki"


def test_no_place_is_an_empty_one(esaml):
    nowhere = "<eid:NoPlaceInfo>none</eid:NoPlaceInfo>"
    found = subject(esaml, *ESAML_CITIZEN, place("PlaceOfResidence", nowhere), place("PlaceOfBirth", nowhere))
    assert found.address is Absent.DELIVERED_EMPTY
    assert found.place_of_birth is Absent.DELIVERED_EMPTY


@pytest.mark.parametrize(
    ("word", "gender"), [("M", Gender.MALE), ("F", Gender.FEMALE), (" ", Gender.UNSPECIFIED)]
)
def test_sex_is_one_letter_or_a_blank(esaml, word, gender):
    assert subject(esaml, *ESAML_CITIZEN, text("Sex", word)).gender.value is gender


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        ("1985    ", PartialDate(year=1985)),
        ("198502  ", PartialDate(year=1985, month=2)),
        ("19850228", PartialDate(year=1985, month=2, day=28)),
    ],
)
def test_birth_date_may_be_known_in_part(esaml, digits, expected):
    attributes = (*ESAML_CITIZEN[:2], date_of_birth(digits), ESAML_CITIZEN[3])
    assert subject(esaml, *attributes).date_of_birth.value == expected


def test_what_is_not_there_or_not_on_the_chip_was_not_delivered(esaml):
    found = subject(esaml, *ESAML_CITIZEN, not_on_chip("BirthName"))
    assert found.birth_family_name is Absent.NOT_DELIVERED
    assert found.gender is Absent.NOT_DELIVERED


def test_what_was_not_asked_for_is_not_read(esaml):
    """The eID-Server always asks abroad for everything; what it passes on in excess stays outside."""
    found = subject(esaml, *ESAML_CITIZEN, text("Sex", "F"), text("BirthName", "X"), optional=frozenset())
    assert found.gender is Absent.NOT_REQUESTED
    assert found.birth_family_name is Absent.NOT_REQUESTED


def test_company_is_identified(esaml):
    codes = {
        "VATRegistration": "EL094999999",
        "TaxReference": "094999999",
        "BusinessCodes": "ELGEMI.1",
        "LEI": "5493",
        "EORI": "EL1",
        "SEED": "GR1",
        "SIC": "1",
    }
    identity = (
        begin_esaml(
            esaml,
            persons=LEGAL,
            optional=frozenset(
                {"vat_registration", "tax_reference", "eu_identifier", "lei", "eori", "seed", "sic"}
            ),
        )
        .complete(*ESAML_COMPANY, *(text(name, value) for name, value in codes.items()), *FRAME)
        .identity
    )
    company = identity.subject
    assert company.legal_name.value.latin == "Olive Oil A.E."
    assert company.identifier.value == "EL/DE/company-1"
    fields = ("vat_registration", "tax_reference", "eu_identifier", "lei", "eori", "seed", "sic")
    assert [getattr(company, field).value for field in fields] == list(codes.values())
    assert identity.representative is None


def test_company_and_who_acts_for_it_are_identified(esaml):
    identity = (
        begin_esaml(esaml, persons=LEGAL, accept_representation=True)
        .complete(*ESAML_COMPANY, *ESAML_CITIZEN, *FRAME)
        .identity
    )
    assert identity.subject.kind is PersonKind.LEGAL
    assert identity.representative.family_name.value.latin == "Papadopoulou"
    assert identity.representative.identifier.value == ESAML_IDENTIFIER
    assert identity.representative.gender is Absent.NOT_REQUESTED


def test_company_may_come_alone_where_a_representative_is_welcome(esaml):
    identity = (
        begin_esaml(esaml, persons=LEGAL, accept_representation=True)
        .complete(*ESAML_COMPANY, *FRAME)
        .identity
    )
    assert identity.representative is None


@pytest.mark.parametrize("word", ["low", "substantial", "high"])
def test_level_is_the_one_in_the_extension(esaml, word):
    """The declaration in AuthnContext is the same whatever the level."""
    exchange = begin_esaml(esaml, minimum=LevelOfAssurance.LOW)
    told = eidas_extension(f"http://eidas.europa.eu/LoA/{word}")
    identity = exchange.complete(*ESAML_CITIZEN, validity(), told).identity
    assert identity.assurance.level is LevelOfAssurance.parse(word)


@pytest.mark.parametrize("state", ["GR", "EL"])
def test_greece_may_be_written_in_either_way(esaml, state):
    exchange = begin_esaml(esaml)
    assert exchange.complete(*ESAML_CITIZEN, validity(), eidas_extension(state=state)).identity.subject


@pytest.mark.parametrize(
    ("second", "kind"),
    [
        ("RequestDenied", Cancelled),
        ("AuthnFailed", AuthenticationFailed),
        ("NoAuthnContext", LevelNotReached),
    ],
)
def test_failure_of_the_eid_server_is_mapped(esaml, second, kind):
    with pytest.raises(kind):
        begin_esaml(esaml).complete(status=STATUS + "Responder", second_status=STATUS + second)


def test_answer_to_an_elliptic_gateway_is_read(tmp_path):
    keys = own_keys(decryption=(own_key("decrypt", ec_key("own decryption")),))
    installed = install_esaml(tmp_path, keys=keys)
    assert begin_esaml(installed).complete().identity.subject.identifier.value == ESAML_IDENTIFIER


def test_two_identifiers_of_one_person_are_one_account_with_the_direct_way_kept_apart(esaml):
    """An account key names the connector, so two routes are never merged silently."""
    identity = begin_esaml(esaml).complete().identity
    assert identity.account_key == f"esaml\0{ESAML_IDENTIFIER}"


def test_identifier_with_a_slash_survives(esaml):
    strange = "EL/DE/a/b=+/"
    found = subject(esaml, *ESAML_CITIZEN[:3], restricted_id(strange.encode()))
    assert found.identifier.value == strange


@dataclass
class Bench:
    installed: ESAMLInstalled
    again: Path
    now: datetime = NOW
    personal: tuple[str, ...] = PERSONAL

    @property
    def connector(self):
        return self.installed.connector

    @property
    def request(self):
        return authentication_request()

    @property
    def impossible(self):
        return authentication_request(required=frozenset({"title"}))

    def answer(self, start):
        exchange = ESAMLExchange(
            installed=self.installed, request=read_request(start.dispatch), pending=start.pending
        )
        octets = exchange.reply().octets()
        relay_state = exchange.request.relay_state
        fields = (("SAMLResponse", base64.b64encode(octets).decode()), ("RelayState", relay_state))
        return Answer(method="POST", fields=fields)

    def restarted(self):
        self.again.mkdir()
        return install_esaml(self.again, keys=self.installed.keys).connector


class TestESAML(ConnectorContract):
    """We are eService of a German eID-Server."""

    @pytest.fixture
    def bench(self, tmp_path):
        return Bench(install_esaml(tmp_path), tmp_path / "again")
