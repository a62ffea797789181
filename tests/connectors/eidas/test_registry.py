"""The registry of attributes (attribute profile 1.4 §2.2, §2.3, §2.8; eidas.md §5.1, §5.2)."""

from dataclasses import fields
from pathlib import Path

import pytest
from lxml import etree

from connectors.eidas.registry import (
    DEFINITIONS,
    LEGAL,
    NATURAL,
    SECTOR_ATTRIBUTES,
    Form,
    person_attributes,
)
from connectors.identity import (
    LEGAL_ATTRIBUTES,
    NATURAL_ATTRIBUTES,
    LegalPerson,
    NaturalPerson,
    PersonKind,
)

XSD = Path(__file__).parents[4] / "shared/data/eidas/xsd"
EDITION_1_3 = {
    "Nationality",
    "CountryOfBirth",
    "TownOfBirth",
    "CountryOfResidence",
    "PhoneNumber",
    "EmailAddress",
    "LegalPhoneNumber",
    "LegalEmailAddress",
}
"""Common attributes that came with set 1.3 and are not in the schemas of 1.1 and 1.2."""

BASES = {
    "saml_eidas_natural_person.xsd": (NATURAL, PersonKind.NATURAL, False),
    "saml_eidas_legal_person.xsd": (LEGAL, PersonKind.LEGAL, False),
    "saml_eidas_representative_natural_person.xsd": (NATURAL + "representative/", PersonKind.NATURAL, True),
    "saml_eidas_representative_legal_person.xsd": (LEGAL + "representative/", PersonKind.LEGAL, True),
}


@pytest.mark.parametrize("name", BASES)
def test_every_type_of_the_schema_is_an_attribute_and_the_other_way_round(name):
    """The schemas of the reference node against our table."""
    path = XSD / name
    if not path.exists():
        pytest.skip("no shared schemas")
    schema = etree.parse(path).getroot()
    base, person, representative = BASES[name]
    assert schema.get("targetNamespace") == base.rstrip("/")
    named = [t.get("name") for t in schema.iterchildren(etree.Element) if t.get("name") is not None]
    types = {name.removesuffix("Type") for name in named if name.endswith("Type")}
    types = {t for t in types if not t.endswith("Structured")}
    ours = {
        uri.removeprefix(base)
        for uri, d in DEFINITIONS.items()
        if d.person is person and d.representative is representative
    }
    assert {_attribute_of(t, representative) for t in types} == ours - EDITION_1_3


def _attribute_of(type_name, representative):
    """Types of representative schemas repeat the plain names; one legal type lost a letter on the way."""
    spelling = {"LegalAddress": "LegalPersonAddress", "VATRegistration": "VATRegistrationNumber"}
    return spelling.get(type_name, type_name)


@pytest.mark.parametrize("name", BASES)
def test_exactly_the_transliterable_types_are_names(name):
    """Attribute profile §2.4: LatinScript stands on four attributes of each kind of set."""
    path = XSD / name
    if not path.exists():
        pytest.skip("no shared schemas")
    base, _, _ = BASES[name]
    space = {"x": "http://www.w3.org/2001/XMLSchema"}
    schema = etree.parse(path).getroot()
    marked = {
        _attribute_of(t.get("name").removesuffix("Type"), None)
        for t in schema.iterfind("x:complexType", space)
        if t.find(".//x:attribute", space) is not None
    }
    names = {uri.removeprefix(base) for uri, d in DEFINITIONS.items() if d.form is Form.NAME}
    assert marked == {n for n in names if "/" not in n}


def test_friendly_name_and_uri_differ_for_four_attributes():
    """eidas.md §5: the trap; neither is derived from the other."""
    different = {
        uri.rpartition("/")[2]: d.friendly_name
        for uri, d in DEFINITIONS.items()
        if not d.representative and uri.rpartition("/")[2] != d.friendly_name
    }
    assert different == {
        "CurrentFamilyName": "FamilyName",
        "CurrentGivenName": "FirstName",
        "LegalPersonAddress": "LegalAddress",
        "VATRegistrationNumber": "VATRegistration",
    }


def test_the_minimum_data_sets_are_four_and_two_attributes():
    """eidas.md §5.1, §5.2; (EU) 2015/1501 annex."""
    for kind, expected in (
        (PersonKind.NATURAL, ["PersonIdentifier", "FamilyName", "FirstName", "DateOfBirth"]),
        (PersonKind.LEGAL, ["LegalPersonIdentifier", "LegalName"]),
    ):
        assert [d.friendly_name for d in person_attributes(kind) if d.mandatory] == expected


def test_every_attribute_exists_for_representatives_too():
    """Attribute profile §2.8: prefix of the friendly name, one more segment in the URI."""
    plain = [d for d in DEFINITIONS.values() if not d.representative]
    assert len(DEFINITIONS) == 2 * len(plain)
    for d in plain:
        base = NATURAL if d.person is PersonKind.NATURAL else LEGAL
        twin = DEFINITIONS[f"{base}representative/{d.uri.removeprefix(base)}"]
        assert twin.representative
        assert twin.friendly_name == f"Representative{d.friendly_name}"
        assert (twin.field, twin.form, twin.mandatory, twin.person) == (
            d.field,
            d.form,
            d.mandatory,
            d.person,
        )


@pytest.mark.parametrize(
    ("kind", "person", "vocabulary", "not_in_eidas"),
    [
        (PersonKind.NATURAL, NaturalPerson, NATURAL_ATTRIBUTES, {"birth_family_name", "title"}),
        (PersonKind.LEGAL, LegalPerson, LEGAL_ATTRIBUTES, set()),
    ],
)
def test_every_attribute_has_its_own_field_of_the_identity(kind, person, vocabulary, not_in_eidas):
    """Nothing the profile knows is lost, and nothing lands on another's field."""
    found = [d.field for d in person_attributes(kind)]
    assert len(found) == len(set(found))
    assert set(found) == set(vocabulary) - not_in_eidas | {"identifier"}
    assert set(found) <= {f.name for f in fields(person)}


def test_representative_attributes_are_never_among_what_may_be_requested():
    """Attribute profile §2.8; reference node error 203024."""
    for kind in PersonKind:
        assert not any(d.representative or d.person is not kind for d in person_attributes(kind))


def test_sector_attributes_are_known_by_uri():
    """eidas.md §5.9."""
    assert {d.friendly_name for d in SECTOR_ATTRIBUTES.values()} == {
        "PowerOfRepresentationScope",
        "eJusticeNaturalPersonRole",
        "eJusticeLegalPersonRole",
    }
    assert not SECTOR_ATTRIBUTES.keys() & DEFINITIONS.keys()
