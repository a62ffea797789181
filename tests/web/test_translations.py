"""The catalogues of all languages say the same things (ux.md §7)."""

import ast
import re
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.pofile import read_po

import gateway.web
from connectors.assurance import LevelOfAssurance
from connectors.identity import LEGAL_ATTRIBUTES, NATURAL_ATTRIBUTES, PersonKind
from gateway.oidc.account_claims import SHOWN_FACTS
from gateway.oidc.card_claims import FACT_CLAIMS
from gateway.web import translations
from gateway.web.choices import METHODS, REASONS
from gateway.web.eid_pages import Way
from gateway.web.pages import Target
from gateway.web.render import ERROR_PARAMETERS, NAMED_MEANS, UNNAMED_SERVICE
from gateway.web.values import CARD_TEXTS, GENDER_TEXTS
from tests.web import samples

ROOM = Path(gateway.web.__file__).parent
LANGUAGES = translations.available()
CARD_FACTS = (
    *FACT_CLAIMS, "no_residence", "age_fulfilled", "age_not_fulfilled", "community_fulfilled",
    "community_not_fulfilled",
)  # fmt: skip
"""What the overview calls the things of a card."""
WAY_PARTS = ("name", "text", "heading")
NOTES = ("note.latin", "note.transliterated", "note.incomplete")
"""Remarks behind a value."""


def catalogue(language):
    path = translations.DIRECTORY / language / "LC_MESSAGES" / "gateway.po"
    with path.open("rb") as source:
        return read_po(source, locale=language, abort_invalid=True)


def key(message):
    return message.id if isinstance(message.id, str) else message.id[0]


def strings(message):
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def entries(language):
    return {key(message): message for message in catalogue(language) if message.id}


def placeholders(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def computed():
    """Identifiers that code builds: one for each member of a closed set."""
    yield from (f"level.{level.word}" for level in LevelOfAssurance)
    yield from (f"reason.{reason}" for reason in REASONS)
    yield from (f"select.person_{kind.value}" for kind in PersonKind)
    yield from (f"attribute.{name}" for name in (*NATURAL_ATTRIBUTES, *LEGAL_ATTRIBUTES, "identifier"))
    yield from (f"attribute.{name}" for name in (*SHOWN_FACTS, *CARD_FACTS, "company"))
    yield from (f"method.{word.lower()}" for word in METHODS)
    yield "release.acting_natural"
    yield from GENDER_TEXTS.values()
    yield from CARD_TEXTS.values()
    yield from NOTES
    for role in ("subject", "representative"):
        yield from (f"release.{role}_{kind.value}" for kind in PersonKind)
    for target in (*(target.value for target in Target), UNNAMED_SERVICE, NAMED_MEANS):
        yield from (f"leave.{target}.{part}" for part in ("step", "heading", "text", "button"))
    yield from (f"eid.way.{way.value}.{part}" for way in Way for part in WAY_PARTS)
    for entry in samples.CATALOGUE:
        own, family = f"error.{entry.code}", f"error.family_{entry.number[:2]}"
        stem = own if f"{own}.what" in entries("de") else family
        yield from (f"{stem}.what", f"{stem}.todo")


def in_templates():
    """Identifiers that stand in a template."""
    for path in ROOM.glob("templates/**/*.html"):
        yield from re.findall(r"""\b[tn]\(["']([a-z_.]+)["'][,)]""", path.read_text("utf-8"))


def in_code():
    """Everything in the code of the room that looks like an identifier of a text."""
    for path in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and re.fullmatch(r"[a-z]+(\.[a-z_]+)+", str(node.value)):
                yield str(node.value)


def test_german_and_english_are_shipped():
    """ux.md §7."""
    assert set(LANGUAGES) >= {"de", "en"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_missing_empty_or_unused(language):
    """Everything that code or a template asks for is there, and nothing else."""
    present = set(entries(language))
    needed = set(computed())
    assert needed - present == set()
    assert set(in_templates()) - present == set()
    assert present - needed - set(in_templates()) - set(in_code()) == set()
    assert [name for name, message in entries(language).items() if not all(strings(message))] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_fuzzy_or_obsolete(language):
    """A guess of a tool is no translation."""
    assert [key(message) for message in catalogue(language) if message.id and message.fuzzy] == []
    assert catalogue(language).obsolete == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_the_same_in_every_language(language):
    """A text must not ask for a value that another language does not get."""
    german, other = entries("de"), entries(language)
    assert set(german) == set(other)
    for name, message in german.items():
        expected = set().union(*map(placeholders, strings(message)))
        for text in strings(other[name]):
            assert placeholders(text) == expected, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_with_a_number_have_every_plural_form(language):
    """gettext: as many forms as the language has, under one identifier."""
    forms = catalogue(language).num_plurals
    for message in entries(language).values():
        if not isinstance(message.id, str):
            assert len(strings(message)) == forms


@pytest.mark.parametrize("language", LANGUAGES)
def test_errors_name_only_what_every_error_page_knows(language):
    """The service and, for levels, what was reached and what is required."""
    texts = [name for name in entries(language) if name.startswith("error.") and name.count(".") > 1]
    assert len(texts) > 100
    for name in texts:
        assert placeholders(strings(entries(language)[name])[0]) <= {"service", *ERROR_PARAMETERS}


def test_missing_text_is_an_error_and_not_its_identifier():
    """A page that shows "select.heading" to a citizen must never leave a test."""
    with pytest.raises(KeyError):
        translations.load("de").text("select.no_such_text")
    with pytest.raises(KeyError):
        translations.load("de").count("select.no_such_text", 1)
    with pytest.raises(FileNotFoundError):
        translations.load("tlh")


def test_value_is_escaped_inside_a_text():
    """The sentence is markup, what is put into it is not."""
    text = translations.load("de").text("cancel.to_service", service="<b>&")
    assert str(text) == "Abbrechen und zurück zu &lt;b&gt;&amp;"
