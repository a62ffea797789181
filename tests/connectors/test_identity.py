"""The picture of a person (connectors.identity, connectors.assurance; issue item 4)."""

from dataclasses import FrozenInstanceError, fields, replace
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.assurance import EIDAS_LEVELS, Assurance, LevelOfAssurance
from connectors.identity import (
    LEGAL_ATTRIBUTES,
    NATURAL_ATTRIBUTES,
    Absent,
    Address,
    Attested,
    Gender,
    Identifier,
    Identity,
    LegalPerson,
    Name,
    NaturalPerson,
    PartialDate,
    PersonKind,
    Source,
)

BASIC, LOW, SUBSTANTIAL, HIGH = LevelOfAssurance
SOURCE = Source(
    connector="eidas",
    scheme="eidas",
    issuer="https://node.example/metadata",
    country="GR",
    authenticated_at=datetime(2026, 11, 23, 9, 40, 58, 123000, tzinfo=UTC),
    statement_id="_1",
)

VALUES = {
    "family_name": Name(latin="Onasis", original="Ωνάσης", script="Grek"),
    "given_name": Name(latin="Sarah", derived=True),
    "date_of_birth": PartialDate(year=1970, month=5),
    "birth_name": Name(latin="Sarah Geroulanou"),
    "birth_family_name": Name(latin="Geroulanou"),
    "place_of_birth": "Peiraias",
    "town_of_birth": "Peiraias",
    "country_of_birth": "GR",
    "address": Address(thoroughfare="Οδός Ερμού", full="x\n\"y\"\\", country="GR"),
    "gender": Gender.DIVERSE,
    "nationalities": ("GR", "CY"),
    "country_of_residence": "CY",
    "phone_number": "+302101234567",
    "email": "sarah@example.gr",
    "title": "Dr.",
    "legal_name": Name(latin="Elaiolado A.E.", original="Ελαιόλαδο Α.Ε.", script="Grek"),
    "legal_address": Address(po_box="1", locator_designator="2", locator_name="3", address_area="4", post_name="5",
                             admin_unit_first_line="6", admin_unit_second_line="7", post_code="8"),
    "vat_registration": "EL1",
    "tax_reference": "2",
    "eu_identifier": "3",
    "lei": "4",
    "eori": "5",
    "seed": "6",
    "sic": "7",
}  # fmt: skip
KINDS = [(NaturalPerson, NATURAL_ATTRIBUTES), (LegalPerson, LEGAL_ATTRIBUTES)]


def identity(subject, **changes):
    values = {"source": SOURCE, "assurance": Assurance(level=HIGH), "subject": subject, **changes}
    return Identity(**values)


def round_trip(one):
    return Identity.from_record(one.to_record())


def full(person, vocabulary):
    wanted = {name: Attested(value=VALUES[name], level=SUBSTANTIAL) for name in vocabulary}
    return person(identifier=Identifier(value="EL/DE/ab/c=+", stability="may-change"), **wanted)


# ------------------------------------------------------------------------------------ records


@pytest.mark.parametrize(("person", "vocabulary"), KINDS)
def test_the_vocabulary_is_every_field_that_is_a_value(person, vocabulary):
    """One list of attribute names for configuration, requests, claims and pages."""
    assert [f.name for f in fields(person) if f.name not in {"identifier", "kind"}] == list(vocabulary)


@pytest.mark.parametrize(("person", "vocabulary"), KINDS)
def test_a_complete_person_survives_the_store(person, vocabulary):
    """Every field at once; as subject and as representative."""
    complete = full(person, vocabulary)
    one = identity(complete, representative=complete, sector_attributes={"urn:x": ("a", "b")})
    assert round_trip(one) == one
    assert type(round_trip(one).subject) is person
    assert type(round_trip(one).representative) is person


@pytest.mark.parametrize(
    ("person", "name"), [(person, name) for person, vocabulary in KINDS for name in vocabulary]
)
@pytest.mark.parametrize("level", [None, LOW, HIGH])
def test_each_field_survives_the_store_alone(person, name, level):
    """With its type, its level and nothing beside it."""
    one = identity(person(identifier=None, **{name: Attested(value=VALUES[name], level=level)}))
    back = getattr(round_trip(one).subject, name)
    assert back == Attested(value=VALUES[name], level=level)
    assert type(back.value) is type(VALUES[name])
    assert back.level is level


@pytest.mark.parametrize(
    ("person", "name"), [(person, name) for person, vocabulary in KINDS for name in vocabulary]
)
@pytest.mark.parametrize("state", list(Absent))
def test_the_three_states_of_absence_survive_the_store(person, name, state):
    """Issue item 4: not asked, not delivered, delivered empty are never folded into one."""
    one = identity(person(identifier=None, **{name: state}))
    assert getattr(round_trip(one).subject, name) is state


def test_a_person_without_any_value_keeps_its_kind():
    """An empty legal person is not mistaken for a natural one."""
    for person, kind in ((NaturalPerson, PersonKind.NATURAL), (LegalPerson, PersonKind.LEGAL)):
        back = round_trip(identity(person(identifier=None))).subject
        assert type(back) is person
        assert back.kind is kind


@given(
    st.text(max_size=40),
    st.text(max_size=40),
    st.one_of(st.none(), st.integers(0, 9999)),
    st.lists(st.text(max_size=5), max_size=3).map(tuple),
)
def test_any_text_survives_the_store(latin, original, year, countries):
    """Names that break naive code."""
    one = identity(
        NaturalPerson(
            identifier=Identifier(value=original),
            family_name=Attested(value=Name(latin=latin, original=original), level=LOW),
            date_of_birth=Attested(value=PartialDate(year=year), level=LOW),
            nationalities=Attested(value=countries, level=None),
            place_of_birth=Attested(value="not-requested", level=LOW),
        )
    )
    assert round_trip(one) == one


def test_a_name_that_spells_a_state_is_still_a_name():
    """``not-delivered`` as a text is a text."""
    one = identity(NaturalPerson(identifier=None, title=Attested(value="not-delivered", level=HIGH)))
    assert round_trip(one).subject.title == Attested(value="not-delivered", level=HIGH)


@pytest.mark.parametrize("record", [b"", b"{}", b"null", b"[]", b'{"source": 1}', b"\xff"])
def test_anything_else_is_no_record(record):
    """from_record raises; it never returns half a person."""
    with pytest.raises(ValidationError):
        Identity.from_record(record)


def test_a_record_with_an_unknown_level_or_kind_is_refused():
    """A record is data, not a wish."""
    record = identity(NaturalPerson(identifier=None)).to_record()
    for before, after in ((b'"level":4', b'"level":5'), (b'"kind":"natural"', b'"kind":"animal"')):
        assert before in record
        with pytest.raises(ValidationError):
            Identity.from_record(record.replace(before, after))


def test_identities_cannot_be_changed():
    """What was verified stays what it is."""
    one = identity(NaturalPerson(identifier=None))
    with pytest.raises(FrozenInstanceError):
        one.assurance = Assurance(level=LOW)


# -------------------------------------------------------------------------------- account key


def test_the_account_key_is_connector_and_identifier():
    """eidas.md §12: octets as delivered, never normalised."""
    person = NaturalPerson(identifier=Identifier(value="EL/DE/Ab/ç=+"))
    assert identity(person).account_key == "eidas\0EL/DE/Ab/ç=+"


def test_two_connectors_never_share_an_account():
    """eidas.md §12: a foreign and a German login are never merged silently."""
    person = NaturalPerson(identifier=Identifier(value="EL/DE/1"))
    other = replace(SOURCE, connector="npa")
    assert identity(person).account_key != identity(person, source=other).account_key


def test_the_account_is_the_subject_s_whoever_acts():
    """A company's account is the company's."""
    company = LegalPerson(identifier=Identifier(value="EL/DE/c"))
    clerks = [NaturalPerson(identifier=Identifier(value=f"EL/DE/{n}")) for n in "ab"]
    keys = {identity(company, representative=clerk).account_key for clerk in clerks}
    assert keys == {"eidas\0legal\0EL/DE/c"}


def test_a_person_without_identifier_has_no_account():
    """Age verification names nobody."""
    assert identity(NaturalPerson(identifier=None)).account_key is None


# --------------------------------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("date", "text"),
    [
        (PartialDate(year=1970, month=5, day=28), "1970-05-28"),
        (PartialDate(year=1970, month=5), "1970"),
        (PartialDate(year=1970), "1970"),
        (PartialDate(year=None, month=5, day=28), "0000-05-28"),
        (PartialDate(year=None), "0000"),
        (PartialDate(year=987, month=1, day=2), "0987-01-02"),
    ],
)
def test_partial_dates_are_written_as_openid_connect_has_it(date, text):
    """OpenID Connect Core §5.1: YYYY-MM-DD, YYYY, or 0000 for a year not told."""
    assert date.openid() == text


# -------------------------------------------------------------------------------------- levels


def test_levels_are_ordered():
    """(EU) 2015/1502; bundid.md §1.5: STORK level 1 stands below every one of its levels."""
    assert BASIC < LOW < SUBSTANTIAL < HIGH
    assert [level.word for level in sorted(LevelOfAssurance)] == ["basic", "low", "substantial", "high"]
    assert EIDAS_LEVELS == (LOW, SUBSTANTIAL, HIGH)


@pytest.mark.parametrize("word", ["Low", "LOW", "hoch", "", "high ", "http://eidas.europa.eu/LoA/high"])
def test_a_level_is_written_one_way(word):
    """No synonyms in configuration."""
    with pytest.raises(ValueError, match="not a level of assurance"):
        LevelOfAssurance.parse(word)


@pytest.mark.parametrize("level", list(LevelOfAssurance))
def test_words_are_read_back(level):
    """Both directions."""
    assert LevelOfAssurance.parse(level.word) is level


@pytest.mark.parametrize(("level", "minimum"), list(product(LevelOfAssurance, LevelOfAssurance)))
def test_what_satisfies_what(level, minimum):
    """eidas.md §11.4: a non-notified level satisfies nobody who did not say so."""
    notified, claimed = Assurance(level=level), Assurance(level=level, notified=False)
    assert notified.satisfies(minimum, accept_non_notified=False) is (level >= minimum)
    assert notified.satisfies(minimum, accept_non_notified=True) is (level >= minimum)
    assert claimed.satisfies(minimum, accept_non_notified=True) is (level >= minimum)
    assert claimed.satisfies(minimum, accept_non_notified=False) is False


def test_company_is_never_the_account_of_the_person_with_the_same_number():
    """eidas.md §12; a sole trader's business often bears the owner's number, and its clerks may act for it."""
    number = Identifier(value="SE/DE/196408120001", second="SE/DE/1")
    owner, business = (identity(kind(identifier=number)) for kind in (NaturalPerson, LegalPerson))
    assert owner.account_key == "eidas\0SE/DE/196408120001"
    assert business.account_key == "eidas\0legal\0SE/DE/196408120001"
    assert owner.second_account_key != business.second_account_key
