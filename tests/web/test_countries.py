"""Names and order of countries (ux.md §4)."""

import pytest
from babel import Locale

from gateway.web import countries
from tests.web import samples


def test_own_names_are_those_of_cldr():
    """The table is data of ours; CLDR is the outside check wherever it knows the language."""
    for code, names in countries.OWN_NAMES.items():
        for language, text in names:
            assert Locale.parse(language, sep="-").territories[code] == text


def test_every_country_of_the_list_has_a_name_in_every_language():
    """EU and EEA, in the languages that are shipped."""
    for code in samples.COUNTRIES:
        assert code in countries.OWN_NAMES
        for language in ("de", "en"):
            assert countries.name(code, language) != code


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["Zypern", "Österreich", "Polen", "Norwegen"], ["Norwegen", "Österreich", "Polen", "Zypern"]),
        (["Bulgarien", "Åland", "Albanien"], ["Åland", "Albanien", "Bulgarien"]),
        (["Fidschi", "Éire", "Estland"], ["Éire", "Estland", "Fidschi"]),
        (["Lettland", "Łódź", "Luxemburg"], ["Lettland", "Łódź", "Luxemburg"]),
        (["Straßburg", "Strasse", "Strast"], ["Straßburg", "Strasse", "Strast"]),
        (["Öl", "Ol", "ol"], ["Ol", "ol", "Öl"]),
    ],
)
def test_order_is_that_of_a_german_or_english_dictionary(given, expected):
    """DIN 5007-1; a naive sort puts Österreich behind Zypern."""
    assert sorted(given, key=countries.collation_key) == expected


def test_unknown_code_is_shown_as_it_is():
    """A peer may name a territory that CLDR does not know (XK is one that it knows)."""
    assert countries.name("QX", "de") == "QX"
    assert countries.own_names("QX", "QX") == ()
