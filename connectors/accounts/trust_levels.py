"""How well an account vouches: the login, and each value (bundid.md §1.5, §1.10, §3.2).

Three vocabularies meet here, compared by table and never by text: class references, the
``akdb:TrustLevel`` of an attribute, and the German words of MUK. A level is only ever lowered.
"""

from __future__ import annotations

from connectors.assurance import LevelOfAssurance
from connectors.errors import InvalidAnswer
from trust.xml import Element

BASIC, LOW, SUBSTANTIAL, HIGH = LevelOfAssurance

STORK = {f"STORK-QAA-Level-{level.value}": level for level in LevelOfAssurance}
"""Bare strings, no URIs. Level 1 is *Basisregistrierung*, below every level of eIDAS."""
EIDAS_URIS = {f"http://eidas.europa.eu/LoA/{level.word}": level for level in (LOW, SUBSTANTIAL, HIGH)}

_ATTRIBUTE = "{https://www.akdb.de/request/2018/09}TrustLevel"
_WORDS = {"UNTERGEORDNET": BASIC, "NORMAL": LOW, "SUBSTANTIELL": SUBSTANTIAL, "HOCH": HIGH}
_ELSTER_WORDS = {"substanziell": SUBSTANTIAL, "substantiell": SUBSTANTIAL, "hoch": HIGH}


def of_attribute(attribute: Element, login: LevelOfAssurance, *, above_login: str) -> LevelOfAssurance | None:
    """The level of one attribute; None where the account states none, which is not level 1.

    A value may be better known than the login that fetched it (an account filled from a card,
    opened with a password). ``above_login`` decides: ``cap`` hands it on at the login's level,
    ``refuse`` does not believe the answer. Raises InvalidAnswer ``account.trust-level``.
    """
    word = attribute.get(_ATTRIBUTE)
    if word is None:
        return None
    level = _WORDS.get(word)
    if level is None:
        raise InvalidAnswer("account.trust-level", "unknown")
    if level > login and above_login == "refuse":
        raise InvalidAnswer("account.trust-level", "above the login")
    return min(level, login)


def of_words(word: str) -> LevelOfAssurance:
    """The level of an ``ElsterVertrauensniveau…`` value, in whatever case and spelling.

    Raises InvalidAnswer ``account.level.unknown``.
    """
    level = _ELSTER_WORDS.get(word.casefold())
    if level is None:
        raise InvalidAnswer("account.level.unknown")
    return level


def of_login(reference: str, known: dict[str, LevelOfAssurance], stated: str | None) -> LevelOfAssurance:
    """The level a class reference proves, lowered to what the account's own attribute states.

    ``stated`` is ``EID-CITIZEN-QAA-LEVEL``, accumulated over login and data: less than the login
    is possible, more is a contradiction. Raises InvalidAnswer ``account.level.*``.
    """
    level = known.get(reference)
    if level is None:
        raise InvalidAnswer("account.level.unknown")
    if stated is None:
        return level
    accumulated = known.get(stated)
    if accumulated is None:
        raise InvalidAnswer("account.level.unknown", "attribute")
    if accumulated > level:
        raise InvalidAnswer("account.level.contradiction")
    return accumulated
