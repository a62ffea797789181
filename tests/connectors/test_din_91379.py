"""Characters of names and their search form (DIN 91379:2022-08)."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.din_91379 import LETTERS, NON_LETTERS, SEQUENCES, irregular, search_form

_NAMES = st.lists(st.sampled_from([*LETTERS, *SEQUENCES, *NON_LETTERS]), max_size=20).map("".join)


def test_the_table_has_the_letters_and_sequences_of_the_standard():
    """Groups bll: 500 characters and 149 sequences; all in NFC."""
    assert (len(set(LETTERS)), len(set(SEQUENCES))) == (500, 149)
    assert all(unicodedata.normalize("NFC", part) == part for part in (*LETTERS, *SEQUENCES))


@pytest.mark.parametrize("part", [*LETTERS, *SEQUENCES])
def test_every_letter_is_regular_and_has_a_search_form_of_basic_letters(part):
    assert irregular(part) == ""
    form = search_form(part)
    assert form.isascii()
    assert form.isalpha()
    assert form.isupper()


@pytest.mark.parametrize(
    ("name", "form"),
    [("Müller", "MUELLER"), ("Ångström", "AANGSTROEM"), ("Strauß", "STRAUSS"), ("STRAUẞ", "STRAUSS"), ("Łódź", "LODZ"),
     ("Þór", "THOR"), ("Đoković", "DOKOVIC"), ("Ǻ", "AA"), ("Ạ̈", "AE"), ("Ụ̈", "UE"), ("Ÿ", "Y"), ("Ŷ", "Y"),
     ("K͟hān", "KHAN"), ("ŉ", "N"), ("ŋ", "N"), ("œuvre", "OEUVRE"), ("ĳ", "IJ"), ("ə", "E"), ("ı", "I"), ("İ", "I"),
     ("Ů", "U"), ("Ǖ", "UE"), ("Nguyễn", "NGUYEN"), ("D’Angelo-Sto", "D’ANGELO-STO"), ("HEIDESTRAẞE 17", "HEIDESTRASSE 17")],
)  # fmt: skip
def test_the_search_form_writes_two_letters_where_the_standard_does(name, form):
    """Mapping of Latin letters to basic letters."""
    assert search_form(name) == form
    assert search_form(unicodedata.normalize("NFD", name)) == form


@pytest.mark.parametrize(
    ("name", "found"), [("Müller 2", "2"), ("a_b", "_"), ("Ωmega", "Ω"), ("名", "名"), ("", "")]
)
def test_other_characters_are_named(name, found):
    assert irregular(name) == found


def test_a_stray_mark_is_irregular():
    assert irregular("X\u030c") == "\u030c"


@given(_NAMES)
def test_every_name_of_the_standard_is_regular_in_any_normal_form(name):
    assert irregular(name) == irregular(unicodedata.normalize("NFD", name)) == ""


@given(_NAMES)
def test_the_search_form_is_stable(name):
    """Searching with a search form finds the same."""
    assert search_form(search_form(name)) == search_form(name)


@given(st.text(max_size=40))
def test_nothing_makes_it_fail(text):
    assert isinstance(search_form(text), str)
    assert len(irregular(text)) <= len(unicodedata.normalize("NFC", text))
