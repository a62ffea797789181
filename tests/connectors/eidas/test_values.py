"""Single attribute values (attribute profile 1.4 §2.2 to §2.5; eidas.md §5.3 to §5.5, §5.8)."""

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from connectors.eidas import values
from connectors.errors import InvalidAnswer
from connectors.identity import Gender, Name, PartialDate

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
NATURAL = "http://eidas.europa.eu/attributes/naturalperson"
LEGAL = "http://eidas.europa.eu/attributes/legalperson"


def element(content="", attributes=""):
    return etree.fromstring(
        f'<saml:AttributeValue xmlns:saml="{SAML}" xmlns:n="{NATURAL}" xmlns:l="{LEGAL}" '
        f'xmlns:x="urn:foreign"{attributes}>{content}</saml:AttributeValue>'
    )


def refusal(function, *arguments, **keywords):
    with pytest.raises(InvalidAnswer) as caught:
        function(*arguments, **keywords)
    return caught.value.reason


# ------------------------------------------------------------------------------- plain text


def test_whitespace_around_a_value_is_no_part_of_it():
    """eidas.md §5.8: pretty-printed assertions are common."""
    assert values.value_text(element("\n    Müller \n  "), 100) == "Müller"


def test_element_content_is_no_value():
    """eidas.md §5.8: values are strings; a nested element would split what is read from what is signed."""
    assert refusal(values.value_text, element("Mül<x/>ler"), 100) == "eidas.value"


def test_a_value_longer_than_its_attribute_allows_is_refused():
    """security.md A: every text has a bound."""
    assert values.value_text(element("a" * 10), 10) == "a" * 10
    assert refusal(values.value_text, element("a" * 11), 10) == "eidas.value"


@pytest.mark.parametrize("character", ["\u0085", "\u009f", "\ufdd0"])
def test_control_characters_and_non_characters_are_refused(character):
    """A name with an escape sequence in it is not a name."""
    assert refusal(values.value_text, element(f"Mül{character}ler"), 100) == "eidas.value"


# ---------------------------------------------------------------------- LatinScript and names


@pytest.mark.parametrize(
    ("attributes", "non_latin"),
    [
        ("", False),
        (' LatinScript="false"', True),
        (' LatinScript="0"', True),
        (' n:LatinScript="false"', True),
        (' l:LatinScript="false"', True),
        (' n:LatinScript=" false "', True),
        (' LatinScript="true"', False),
        (' n:LatinScript="1"', False),
        (' x:LatinScript="false"', False),
        (' n:Latinscript="false"', False),
    ],
)
def test_latin_script_counts_qualified_and_unqualified(attributes, non_latin):
    """eidas.md §13 number 12: qualified as the schema has it, unqualified as the examples do."""
    assert values.is_marked_non_latin(element("x", attributes)) is non_latin


def test_one_mark_out_of_two_is_enough():
    """A contradiction never makes a non-Latin value Latin."""
    assert values.is_marked_non_latin(element("x", ' LatinScript="true" n:LatinScript="false"'))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("marked", [False, True])
def test_a_pair_is_told_apart_in_either_order(reverse, marked):
    """eidas.md §13 number 12; attribute profile §2.4. An unmarked value with Greek letters counts as Greek."""
    forms = [("Onasis", False), ("Ωνάσης", marked)]
    if reverse:
        forms.reverse()
    assert values.name(forms) == Name(latin="Onasis", original="Ωνάσης", script="Grek")


def test_a_single_latin_form_has_no_original():
    """eidas.md §13 number 12."""
    assert values.name([("Ẹ́niọlá-Ștefan O’Brien", False)]) == Name(latin="Ẹ́niọlá-Ștefan O’Brien")


@pytest.mark.parametrize("forms", [[("Ωνάσης", True)], [("Ωνάσης", False)], [("Onasis", True)]])
def test_only_a_non_latin_form_is_refused(forms):
    """eidas.md §13 number 12: the gateway does not transliterate on its own authority."""
    assert refusal(values.name, forms) == "eidas.name"


@pytest.mark.parametrize(
    "forms", [[("Onasis", False), ("Onassis", False)], [("Ωνάσης", True), ("Онассис", True)]]
)
def test_two_forms_that_are_no_pair_are_refused(forms):
    """Attribute profile §2.4: exactly one Latin form and at most one other."""
    assert refusal(values.name, forms) == "eidas.name"


def test_the_delivered_form_is_kept_and_not_normalised():
    """eidas.md §12: NFC is for comparisons only, originals are kept."""
    decomposed = unicodedata.normalize("NFD", "Ångström")
    assert values.name([(decomposed, False)]).latin == decomposed


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Onasis", None),
        ("Ștefan Ångström-Ẹ́", None),
        ("\u212bngstro\u0308m", None),
        ("Straße 12º", None),
        ("Kaʻiulani", None),
        ("", None),
        ("-' .", None),
        ("Ωνάσης", "Grek"),
        ("Петров", "Cyrl"),
        ("Mаria", "Cyrl"),
        ("გიორგი", "Geor"),
        ("Սարգսյան", "Armn"),
        ("محمد", "Arab"),
        ("כהן", "Hebr"),
        ("李", "Zyyy"),
    ],
)
def test_the_script_is_that_of_the_first_letter_that_is_not_latin(text, code):
    """ISO 15924; a Cyrillic a inside a Latin name is Cyrillic."""
    assert values.script(text) == code


# ------------------------------------------------------------------------------- identifiers


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("AT/DE/ab/c=+", "AT"),
        ("EL/DE/x", "EL"),
        ("DK/DE/550e8400-e29b-41d4-a716-446655440000", "DK"),
        ("BG/DE/Ж1", "BG"),
        ("EU/DE/1//2/", "EU"),
        ("PT/DE/" + "9" * 250, "PT"),
    ],
)
def test_an_identifier_is_taken_whole(text, country):
    """eidas.md §13 number 11: split at the first two slashes only, never normalised."""
    assert values.identifier(text, country=country, destination="DE") == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("GR/DE/x", "eidas.identifier.country"),
        ("SE/DE/x", "eidas.identifier.country"),
        ("EL/AT/x", "eidas.identifier.destination"),
        ("EL/DE/a b", "eidas.identifier.form"),
        ("EL/DE/a\tb", "eidas.identifier.form"),
        ("EL/DE/a\nb", "eidas.identifier.form"),
        ("EL/DE/a\u00a0b", "eidas.identifier.form"),
        ("EL/DE/a\u200bb", "eidas.identifier.form"),
        ("EL/DE/a\u202eb", "eidas.identifier.form"),
        ("EL/DE/", "eidas.identifier.form"),
        ("EL/DE", "eidas.identifier.form"),
        ("el/DE/x", "eidas.identifier.form"),
        ("/EL/DE/x", "eidas.identifier.form"),
        ("ELL/DE/x", "eidas.identifier.form"),
        ("x", "eidas.identifier.form"),
        ("", "eidas.identifier.form"),
        ("EL/DE/" + "9" * 251, "eidas.identifier.form"),
    ],
)
def test_a_malformed_or_foreign_identifier_is_refused(text, reason):
    """eidas.md §13 number 11: GR is not EL, YY is not us, white space, 257 characters."""
    assert refusal(values.identifier, text, country="EL", destination="DE") == reason


@given(st.text(max_size=300))
def test_no_text_makes_the_identifier_reader_fail_otherwise(text):
    """A parser of foreign text either returns its input or refuses it, and never repeats it."""
    for candidate in (text, f"EL/DE/{text}"):
        outcome = _outcome(candidate)
        assert outcome == candidate or outcome.startswith("refused: eidas.identifier.")


def _outcome(text):
    try:
        return values.identifier(text, country="EL", destination="DE")
    except InvalidAnswer as error:
        return f"refused: {error}" if str(error) == error.reason else "refused with a detail"


# ------------------------------------------------------------------- dates, genders, countries


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-05-28", (1970, 5, 28)),
        ("2000-02-29", (2000, 2, 29)),
        ("1953-01-01", (1953, 1, 1)),
        ("0000-02-29", (0, 2, 29)),
        ("9999-12-31", (9999, 12, 31)),
    ],
)
def test_a_date_of_birth_is_read(text, expected):
    """eidas.md §5.5."""
    year, month, day = expected
    assert values.birth_date(text) == PartialDate(year=year, month=month, day=day)


@pytest.mark.parametrize(
    "text",
    [
        "1970-5-28", "1970-05-28Z", "1970-05-28+02:00", "28.05.1970", "1970-13-01", "1970-00-01",
        "1970-02-30", "1900-02-29", "1970-05", "1970", "-1970-05-28", "19700528", "1970-05-28T00:00:00",
        "١٩٧٠-٠٥-٢٨", "1970-05-28\n", "",
    ],
)  # fmt: skip
def test_an_invalid_date_is_refused(text):
    """eidas.md §5.5: the reference node parses yyyy-MM-dd strictly, and so do we."""
    assert refusal(values.birth_date, text) == "eidas.date"


@given(st.dates())
def test_every_calendar_date_survives(day: date):
    """OpenID Connect Core §5.1 birthdate is the same notation."""
    assert values.birth_date(day.isoformat()).openid() == day.isoformat()


def test_genders_are_the_three_words_in_their_exact_case():
    """eidas.md §5.1."""
    assert [values.gender(word) for word in ("Male", "Female", "Unspecified")] == [
        Gender.MALE,
        Gender.FEMALE,
        Gender.UNSPECIFIED,
    ]
    for word in ("male", "FEMALE", "Unknown", "M", ""):
        assert refusal(values.gender, word) == "eidas.gender"


@pytest.mark.parametrize(
    ("wire", "iso"), [("EL", "GR"), ("UK", "GB"), ("GR", "GR"), ("DE", "DE"), ("XK", "XK")]
)
def test_countries_become_iso_codes(wire, iso):
    """Message format §4.2: Greece is EL on the wire and GR inside the gateway."""
    assert values.country(wire) == iso


@pytest.mark.parametrize("text", ["gr", "GRC", "G", "", "Ελ", "E1"])
def test_what_is_no_country_code_is_refused(text):
    """eidas.md §5.1: [A-Z][A-Z]."""
    assert refusal(values.country, text) == "eidas.country"
