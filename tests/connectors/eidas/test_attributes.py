"""From the attributes of an assertion to persons (attribute profile 1.4; eidas.md §5, §13 items 11 to 14)."""

import base64
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from connectors.assurance import Assurance, LevelOfAssurance
from connectors.eidas.attributes import Expected, read
from connectors.eidas.registry import DEFINITIONS, LEGAL, NATURAL, SECTOR_ATTRIBUTES
from connectors.errors import AttributeMissing, InvalidAnswer, RepresentationRefused
from connectors.identity import (
    Absent,
    Address,
    Attested,
    Gender,
    Identifier,
    LegalPerson,
    Name,
    NaturalPerson,
    PartialDate,
    PersonKind,
)

SAMPLES = Path(__file__).parents[4] / "shared/data/eidas/response"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
URI = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
SCOPE = "http://data.europa.eu/p4s/attributes/PowerOfRepresentationScope"
SUBSTANTIAL = LevelOfAssurance.SUBSTANTIAL

MDS = {
    NATURAL + "PersonIdentifier": ["EL/DE/ab/c=+"],
    NATURAL + "CurrentFamilyName": ["Onasis"],
    NATURAL + "CurrentGivenName": ["Sarah Maria"],
    NATURAL + "DateOfBirth": ["1970-05-28"],
}
LEGAL_MDS = {
    LEGAL + "LegalPersonIdentifier": ["EL/DE/company 1".replace(" ", "-")],
    LEGAL + "LegalName": ["Onasis Shipping"],
}


def acting(attributes):
    """The same attributes as a representative set."""
    moved = {}
    for uri, values in attributes.items():
        base = NATURAL if uri.startswith(NATURAL) else LEGAL
        moved[f"{base}representative/{uri.removeprefix(base)}"] = values
    return moved


def attribute(uri, values, *, friendly=None, name_format=URI):
    element = etree.Element(f"{{{SAML}}}Attribute", {"Name": uri}, nsmap={"saml": SAML})
    if friendly:
        element.set("FriendlyName", friendly)
    if name_format:
        element.set("NameFormat", name_format)
    for value in values:
        text, extra = value if isinstance(value, tuple) else (value, {})
        etree.SubElement(element, f"{{{SAML}}}AttributeValue", extra).text = text
    return element


def elements(attributes):
    return [attribute(uri, values) for uri, values in attributes.items()]


def expected(**changes):
    base = Expected(
        person=PersonKind.NATURAL,
        country="EL",
        destination="DE",
        assurance=Assurance(level=SUBSTANTIAL),
        requested=frozenset(DEFINITIONS),
        required=frozenset(),
        accept_representation=False,
        stability="persistent",
    )
    return replace(base, **changes)


def legal(**changes):
    return expected(person=PersonKind.LEGAL, **changes)


def refusal(attributes, wanted, error=InvalidAnswer):
    with pytest.raises(error) as caught:
        read(attributes if isinstance(attributes, list) else elements(attributes), wanted)
    return caught.value.reason


# -------------------------------------------------------------------- every attribute, once

STREET = base64.b64encode(b"<eidas-natural:Thoroughfare>Odos Ermou</eidas-natural:Thoroughfare>").decode()
WIRE = {
    "birth_name": (["Sarah Maria Geroulanou"], Name(latin="Sarah Maria Geroulanou")),
    "place_of_birth": (["Peiraias"], "Peiraias"),
    "address": ([STREET], Address(thoroughfare="Odos Ermou")),
    "gender": (["Female"], Gender.FEMALE),
    "nationalities": (["EL", "CY"], ("GR", "CY")),
    "country_of_birth": (["EL"], "GR"),
    "town_of_birth": (["Athina"], "Athina"),
    "country_of_residence": (["CY"], "CY"),
    "phone_number": (["+302101234567"], "+302101234567"),
    "email": (["sarah@example.gr"], "sarah@example.gr"),
    "legal_address": ([STREET], Address(thoroughfare="Odos Ermou")),
    "vat_registration": (["EL123456789"], "EL123456789"),
    "tax_reference": (["T-1"], "T-1"),
    "eu_identifier": (["GEMI.1"], "GEMI.1"),
    "lei": (["529900T8BM49AURSDO55"], "529900T8BM49AURSDO55"),
    "eori": (["GR123456789"], "GR123456789"),
    "seed": (["GR00000987ABC"], "GR00000987ABC"),
    "sic": (["3730"], "3730"),
}


@pytest.mark.parametrize(
    "definition",
    [d for d in DEFINITIONS.values() if not d.mandatory and not d.representative],
    ids=lambda d: f"{d.person.value}-{d.friendly_name}",
)
def test_each_optional_attribute_reaches_its_field_with_its_level(definition):
    """eidas.md §5.1, §5.2: all of them; telephone and mail are self-declared and carry no level."""
    wire, value = WIRE[definition.field]
    mds = MDS if definition.person is PersonKind.NATURAL else LEGAL_MDS
    found = read(elements(mds | {definition.uri: wire}), expected(person=definition.person))
    level = None if definition.field in {"phone_number", "email"} else SUBSTANTIAL
    assert getattr(found.subject, definition.field) == Attested(value=value, level=level)


def test_the_minimum_data_set_of_a_natural_person_is_read():
    """eidas.md §5.1; eidas.md §13 number 11: the identifier is taken whole."""
    found = read(elements(MDS), expected(requested=frozenset(MDS)))
    assert found.subject == NaturalPerson(
        identifier=Identifier(value="EL/DE/ab/c=+"),
        family_name=Attested(value=Name(latin="Onasis"), level=SUBSTANTIAL),
        given_name=Attested(value=Name(latin="Sarah Maria"), level=SUBSTANTIAL),
        date_of_birth=Attested(value=PartialDate(year=1970, month=5, day=28), level=SUBSTANTIAL),
    )
    assert found.representative is None
    assert found.sector == {}


def test_the_minimum_data_set_of_a_legal_person_is_read():
    """eidas.md §5.2."""
    found = read(elements(LEGAL_MDS), legal(requested=frozenset(LEGAL_MDS)))
    assert found.subject == LegalPerson(
        identifier=Identifier(value="EL/DE/company-1"),
        legal_name=Attested(value=Name(latin="Onasis Shipping"), level=SUBSTANTIAL),
    )


def test_the_stability_of_identifiers_is_the_country_s():
    """eidas.md §12: stated per country, handed on with the identifier."""
    found = read(elements(MDS), expected(stability="may-change"))
    assert found.subject.identifier == Identifier(value="EL/DE/ab/c=+", stability="may-change")


def test_values_of_a_non_notified_scheme_carry_the_level_it_claims():
    """eidas.md §11.4: what notified means stands beside, in the assurance."""
    found = read(elements(MDS), expected(assurance=Assurance(level=LevelOfAssurance.LOW, notified=False)))
    assert found.subject.family_name.level is LevelOfAssurance.LOW


def test_an_outlawed_birth_name_is_never_cut_into_parts():
    """eidas.md §5.1: BirthName holds first and family names; no family name at birth is guessed from it."""
    found = read(elements(MDS | {NATURAL + "BirthName": ["Sarah Maria Geroulanou"]}), expected())
    assert found.subject.birth_name.value.latin == "Sarah Maria Geroulanou"
    assert found.subject.birth_family_name is Absent.NOT_REQUESTED


# ----------------------------------------------------------------------- names in two scripts


@pytest.mark.parametrize(
    "mark", ["LatinScript", "{http://eidas.europa.eu/attributes/naturalperson}LatinScript"]
)
@pytest.mark.parametrize("reverse", [False, True])
def test_a_transliterated_name_keeps_both_forms(mark, reverse):
    """eidas.md §13 number 12."""
    forms = ["Onasis", ("Ωνάσης", {mark: "false"})]
    found = read(
        elements(MDS | {NATURAL + "CurrentFamilyName": forms[::-1] if reverse else forms}), expected()
    )
    assert found.subject.family_name.value == Name(latin="Onasis", original="Ωνάσης", script="Grek")


@pytest.mark.parametrize("extra", [{}, {"LatinScript": "false"}])
def test_a_name_in_greek_only_is_refused(extra):
    """eidas.md §13 number 12: marked or not."""
    assert refusal(MDS | {NATURAL + "CurrentGivenName": [("Σάρα", extra)]}, expected()) == "eidas.name"


def test_three_forms_of_a_name_are_refused():
    """Attribute profile §2.4: one, or two."""
    forms = ["A", ("Α", {"LatinScript": "false"}), ("А", {"LatinScript": "false"})]
    assert refusal(MDS | {NATURAL + "CurrentFamilyName": forms}, expected()) == "eidas.attribute.values"


def test_an_empty_form_beside_a_filled_one_is_refused():
    """Half a pair is a broken one, not an empty name."""
    forms = ["Onasis", ("", {"LatinScript": "false"})]
    assert refusal(MDS | {NATURAL + "CurrentFamilyName": forms}, expected()) == "eidas.name"


def test_the_transliteration_sample_is_read():
    """eidas.md §13 number 12, with the sample of shared/data/eidas (INDEX: claim Onasis, original Ωνασης)."""
    path = SAMPLES / "se-example-transliteration-attribute.xml"
    if not path.exists():
        pytest.skip("no shared samples")
    parsed = etree.parse(path, etree.XMLParser(remove_comments=True)).getroot()
    others = elements({k: v for k, v in MDS.items() if "FamilyName" not in k})
    found = read([parsed, *others], expected())
    assert found.subject.family_name.value == Name(latin="Onasis", original="Ωνασης", script="Grek")


def test_the_example_assertion_is_read():
    """Attribute material of shared/data/eidas: original first, qualified mark, odd xsi:type."""
    path = SAMPLES / "se-example-assertion.xml"
    if not path.exists():
        pytest.skip("no shared samples")
    found = read(
        etree.parse(path).findall(f".//{{{SAML}}}Attribute"), expected(country="ES", destination="AT")
    )
    assert found.subject.identifier == Identifier(value="ES/AT/02635542Y")
    name = found.subject.family_name.value
    # as delivered, octet by octet: the sample writes the accent in a form that NFC would change
    assert (name.latin, name.script) == ("Onasis", "Grek")
    assert unicodedata.normalize("NFC", name.original) == unicodedata.normalize("NFC", "Ωνάσης")
    assert found.subject.date_of_birth.value.openid() == "1970-05-28"


def test_the_recorded_answer_of_the_reference_node_is_an_old_mixed_one():
    """shared/data/eidas: both minimum data sets side by side, as formats up to 1.3 allowed."""
    path = SAMPLES / "eu-plaintext-assertion.xml"
    if not path.exists():
        pytest.skip("no shared samples")
    found = etree.parse(path).findall(f".//{{{SAML}}}Attribute")
    wanted = legal(country="CA", destination="CA", accept_representation=True)
    assert refusal(found, wanted) == "eidas.person-kind"
    persons = read(found, replace(wanted, mixed=True))
    assert persons.subject.legal_name.value == Name(latin="Current Legal Name")
    assert persons.representative.identifier == Identifier(value="CA/CA/12345")


# ------------------------------------------------------------------- the three states of a value


def test_absent_says_why():
    """Not asked, not delivered, delivered empty: three states (issue item 4)."""
    asked = frozenset(MDS) | {NATURAL + "Gender", NATURAL + "PlaceOfBirth", NATURAL + "BirthName"}
    attributes = MDS | {
        NATURAL + "PlaceOfBirth": ["  "],
        NATURAL + "BirthName": ["", ("", {"LatinScript": "false"})],
    }
    subject = read(elements(attributes), expected(requested=asked)).subject
    assert subject.town_of_birth is Absent.NOT_REQUESTED
    assert subject.gender is Absent.NOT_DELIVERED
    assert subject.place_of_birth is Absent.DELIVERED_EMPTY
    assert subject.birth_name is Absent.DELIVERED_EMPTY


@pytest.mark.parametrize("suffix", ["PlaceOfBirth", "BirthName", "Nationality", "Gender", "CurrentAddress"])
@pytest.mark.parametrize("values", [[], [""]])
def test_an_attribute_without_a_value_is_an_empty_one(suffix, values):
    """saml-core §2.7.3.1.1: an attribute that exists but has no values carries no AttributeValue."""
    subject = read(elements(MDS | {NATURAL + suffix: values}), expected()).subject
    assert getattr(subject, DEFINITIONS[NATURAL + suffix].field) is Absent.DELIVERED_EMPTY


def test_what_nobody_asked_for_does_not_enter_the_gateway():
    """Data minimisation: delivered, but not requested, not even decoded."""
    attributes = MDS | {NATURAL + "Gender": ["no gender at all"], NATURAL + "EmailAddress": ["a@example.org"]}
    subject = read(elements(attributes), expected(requested=frozenset(MDS))).subject
    assert subject.gender is Absent.NOT_REQUESTED
    assert subject.email is Absent.NOT_REQUESTED


@pytest.mark.parametrize("missing", MDS)
@pytest.mark.parametrize("values", [None, [], [""], ["  \n "]])
def test_an_attribute_of_the_minimum_data_set_must_be_there(missing, values):
    """eidas.md §3.1 row 17: present and non-empty, whatever the service needs."""
    attributes = {k: v for k, v in MDS.items() if k != missing}
    if values is not None:
        attributes[missing] = values
    assert refusal(attributes, expected(), AttributeMissing) == "eidas.attribute.missing"


@pytest.mark.parametrize("values", [None, [], [""]])
def test_an_attribute_the_service_cannot_do_without_must_be_there(values):
    """eidas.md §3.1 row 17: every attribute we required."""
    attributes = MDS if values is None else MDS | {NATURAL + "CurrentAddress": values}
    with pytest.raises(AttributeMissing) as caught:
        read(elements(attributes), expected(required=frozenset({"address"})))
    assert caught.value.detail == "CurrentAddress"


# ------------------------------------------------------------------------------ malformed answers


@pytest.mark.parametrize(
    ("suffix", "values", "reason"),
    [
        ("PersonIdentifier", ["GR/DE/x"], "eidas.identifier.country"),
        ("PersonIdentifier", ["SE/DE/x"], "eidas.identifier.country"),
        ("PersonIdentifier", ["EL/AT/x"], "eidas.identifier.destination"),
        ("PersonIdentifier", ["EL/DE/a b"], "eidas.identifier.form"),
        ("PersonIdentifier", ["EL/DE/" + "x" * 251], "eidas.value"),
        ("PersonIdentifier", ["EL/DE/1", "EL/DE/2"], "eidas.attribute.values"),
        ("DateOfBirth", ["1970-02-30"], "eidas.date"),
        ("DateOfBirth", ["1970-05-28", "1971-05-28"], "eidas.attribute.values"),
        ("Gender", ["male"], "eidas.gender"),
        ("CountryOfBirth", ["GRC"], "eidas.country"),
        ("Nationality", ["EL", "gr"], "eidas.country"),
        ("Nationality", ["EL"] * 21, "eidas.attribute.values"),
        ("PlaceOfBirth", ["a", "b"], "eidas.attribute.values"),
        ("PlaceOfBirth", ["x" * 1_001], "eidas.value"),
    ],
)
def test_a_malformed_value_is_refused(suffix, values, reason):
    """eidas.md §3.1 rows 16 and 17; eidas.md §13 number 11."""
    assert refusal(MDS | {NATURAL + suffix: values}, expected()) == reason


def test_no_refusal_repeats_a_value():
    """style.md: no personal data in errors."""
    secret = "Geheimniskraemer"
    for suffix in ("PersonIdentifier", "DateOfBirth", "Gender", "Nationality"):
        with pytest.raises(InvalidAnswer) as caught:
            read(elements(MDS | {NATURAL + suffix: [secret]}), expected())
        assert secret not in str(caught.value)


def test_an_attribute_given_twice_is_refused():
    """eidas.md §5.1: one Attribute per name, or two readers may see two persons."""
    twice = [*elements(MDS), attribute(NATURAL + "DateOfBirth", ["1971-01-01"])]
    assert refusal(twice, expected()) == "eidas.attribute.duplicate"


def test_unknown_attributes_are_ignored():
    """eidas.md §3.1 row 19, even when they are odd."""
    unknown = [
        attribute("http://example.org/a", ["1"], name_format=None),
        attribute("http://example.org/a", ["2"]),
        attribute("FamilyName", ["Nobody"]),
        attribute(NATURAL + "FamilyName", ["Nobody"]),
        attribute("HTTP://eidas.europa.eu/attributes/naturalperson/CurrentFamilyName", ["Nobody"]),
    ]
    assert read([*unknown, *elements(MDS)], expected()).subject.family_name.value.latin == "Onasis"


def test_the_name_format_is_always_uri():
    """eidas.md §1."""
    others = elements({k: v for k, v in MDS.items() if "DateOfBirth" not in k})
    for name_format in (None, "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"):
        odd = attribute(NATURAL + "DateOfBirth", ["1970-05-28"], name_format=name_format)
        assert refusal([odd, *others], expected()) == "eidas.attribute.name-format"


def test_a_friendly_name_may_be_missing_but_not_be_another_s():
    """Attribute profile §2.1."""
    others = elements({k: v for k, v in MDS.items() if "FamilyName" not in k})
    right = attribute(NATURAL + "CurrentFamilyName", ["Onasis"], friendly="FamilyName")
    assert read([right, *others], expected()).subject.family_name.value.latin == "Onasis"
    wrong = attribute(NATURAL + "CurrentFamilyName", ["Onasis"], friendly="CurrentFamilyName")
    assert refusal([wrong, *others], expected()) == "eidas.attribute.friendly-name"


def test_an_encrypted_attribute_value_is_refused():
    """eidas.md §5.8: nothing but AttributeValue inside an Attribute."""
    odd = attribute(NATURAL + "DateOfBirth", ["1970-05-28"])
    etree.SubElement(odd, "{http://www.w3.org/2001/04/xmlenc#}EncryptedData")
    others = elements({k: v for k, v in MDS.items() if "DateOfBirth" not in k})
    assert refusal([odd, *others], expected()) == "eidas.attribute.content"


def test_the_other_kind_of_person_is_no_answer():
    """A legal person was asked for and a natural one came, and the other way round."""
    assert refusal(MDS, legal()) == "eidas.person-kind"
    assert refusal(LEGAL_MDS, expected()) == "eidas.person-kind"
    assert refusal({}, expected()) == "eidas.person-kind"


def test_both_kinds_at_once_are_refused():
    """Message format §2.3.2: one person type per request and answer."""
    assert refusal(MDS | LEGAL_MDS, expected(accept_representation=True)) == "eidas.person-kind"
    assert refusal(MDS | LEGAL_MDS, legal(accept_representation=True)) == "eidas.person-kind"


# --------------------------------------------------------------------------------- representation

CLERK = acting(
    {
        NATURAL + "PersonIdentifier": ["EL/DE/clerk"],
        NATURAL + "CurrentFamilyName": ["Papadopoulou", ("Παπαδοπούλου", {"LatinScript": "false"})],
        NATURAL + "CurrentGivenName": ["Eleni"],
        NATURAL + "DateOfBirth": ["1980-01-01"],
        NATURAL + "Gender": ["Female"],
    }
)


@pytest.mark.parametrize("attributes", [MDS | CLERK, LEGAL_MDS | CLERK], ids=["natural", "legal"])
def test_a_representative_is_refused_by_default(attributes):
    """eidas.md §13 number 14: the service would believe that the represented person acts."""
    wanted = legal() if LEGAL + "LegalName" in attributes else expected()
    assert refusal(attributes, wanted, RepresentationRefused) == "eidas.representation.refused"


def test_a_natural_person_acts_for_a_legal_person():
    """eidas.md §13 number 14: passed beside the subject when the service accepts it."""
    found = read(elements(LEGAL_MDS | CLERK), legal(accept_representation=True))
    assert found.subject.legal_name.value.latin == "Onasis Shipping"
    assert found.representative.identifier == Identifier(value="EL/DE/clerk")
    assert found.representative.family_name.value == Name(
        latin="Papadopoulou", original="Παπαδοπούλου", script="Grek"
    )
    assert found.representative.gender == Attested(value=Gender.FEMALE, level=SUBSTANTIAL)
    assert found.representative.address is Absent.NOT_DELIVERED


def test_a_natural_person_acts_for_a_natural_person():
    """Attribute profile §2.8: two sets of the same kind stay apart."""
    found = read(elements(MDS | CLERK), expected(accept_representation=True))
    assert found.subject.given_name.value.latin == "Sarah Maria"
    assert found.representative.given_name.value.latin == "Eleni"


def test_a_legal_person_acts_for_a_natural_person():
    """Attribute profile §2.8: the representative may be legal, too."""
    found = read(elements(MDS | acting(LEGAL_MDS)), expected(accept_representation=True))
    assert found.representative.legal_name.value.latin == "Onasis Shipping"


def test_two_representatives_are_refused():
    """Attribute profile §2.8: at most one representative set."""
    attributes = MDS | CLERK | acting(LEGAL_MDS)
    assert refusal(attributes, expected(accept_representation=True)) == "eidas.representation"


@pytest.mark.parametrize("missing", acting(MDS))
def test_the_minimum_data_set_of_the_representative_must_be_complete(missing):
    """eidas.md §5.7."""
    attributes = LEGAL_MDS | {k: v for k, v in CLERK.items() if k != missing}
    assert (
        refusal(attributes, legal(accept_representation=True), AttributeMissing) == "eidas.attribute.missing"
    )


def test_the_representative_s_identifier_is_checked_like_any_other():
    """eidas.md §5.3: the reference node checks all four identifier attributes."""
    foreign = CLERK | {NATURAL + "representative/PersonIdentifier": ["IT/DE/clerk"]}
    assert refusal(LEGAL_MDS | foreign, legal(accept_representation=True)) == "eidas.identifier.country"


def test_a_service_s_wishes_are_about_the_subject_only():
    """What is required of the subject is not demanded of whoever acts for it."""
    attributes = MDS | {NATURAL + "Gender": ["Male"]} | acting(MDS)
    found = read(elements(attributes), expected(accept_representation=True, required=frozenset({"gender"})))
    assert found.representative.gender is Absent.NOT_DELIVERED


def test_in_a_mixed_answer_the_natural_person_acts():
    """Formats up to 1.3 only, by dated exception; never without the service's consent to representation."""
    persons = read(elements(MDS | LEGAL_MDS), legal(mixed=True, accept_representation=True))
    assert persons.subject.kind is PersonKind.LEGAL
    assert persons.representative.given_name.value.latin == "Sarah Maria"
    assert (
        refusal(MDS | LEGAL_MDS, legal(mixed=True), RepresentationRefused) == "eidas.representation.refused"
    )
    both = MDS | LEGAL_MDS | CLERK
    assert refusal(both, legal(mixed=True, accept_representation=True)) == "eidas.representation"


# ------------------------------------------------------------------------------ sector attributes


def test_an_agreed_sector_attribute_is_handed_on_by_its_uri():
    """eidas.md §5.9."""
    attributes = LEGAL_MDS | {SCOPE: ["customs", "", "tax"]}
    found = read(elements(attributes), legal(requested=frozenset({*LEGAL_MDS, SCOPE})))
    assert found.sector == {SCOPE: ("customs", "tax")}


def test_a_sector_attribute_nobody_asked_for_is_dropped():
    """eidas.md §3.1 row 19."""
    attributes = LEGAL_MDS | {uri: ["x"] for uri in SECTOR_ATTRIBUTES}
    assert read(elements(attributes), legal(requested=frozenset(LEGAL_MDS))).sector == {}


@pytest.mark.parametrize("values", [None, [], [""]])
def test_a_required_sector_attribute_must_be_there(values):
    """eidas.md §3.1 row 17."""
    attributes = LEGAL_MDS if values is None else LEGAL_MDS | {SCOPE: values}
    wanted = legal(requested=frozenset({*LEGAL_MDS, SCOPE}), required=frozenset({SCOPE}))
    assert refusal(attributes, wanted, AttributeMissing) == "eidas.attribute.missing"
