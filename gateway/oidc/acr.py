"""Levels of assurance as ``acr`` values (Core §5.5.1.1, oidc.md §3).

The order basic < low < substantial < high is ours; Core knows none. No value for a level is registered
anywhere, so each client speaks the vocabulary it is registered for, and the eIDAS URIs besides. Notified
and other schemes never stand for each other: the latter have their own URIs in every vocabulary. What
German accounts call "Basisregistrierung" is no eIDAS level and, where a vocabulary has no word for it,
keeps the one the accounts use (bundid.md §1.5).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from connectors.assurance import EIDAS_LEVELS, Assurance, LevelOfAssurance
from gateway.oidc.errors import ACR_UNMET
from gateway.oidc.request import AcrRequest

_NOT_NOTIFIED = "http://eidas.europa.eu/NotNotified/LoA/"
_BASIC, _LOW, _SUBSTANTIAL, _HIGH = LevelOfAssurance

VOCABULARIES: Mapping[str, Mapping[LevelOfAssurance, str]] = {
    "eidas": {level: f"http://eidas.europa.eu/LoA/{level.word}" for level in EIDAS_LEVELS},
    "words": {level: level.word for level in LevelOfAssurance},
    "stork": {level: f"STORK-QAA-Level-{level.value}" for level in LevelOfAssurance},
    "bsi": {
        _BASIC: "http://bsi.bund.de/eID/LoA/undefined",
        _LOW: "http://bsi.bund.de/eID/LoA/normal",
        _SUBSTANTIAL: "http://bsi.bund.de/eID/LoA/substantiell",
        _HIGH: "http://bsi.bund.de/eID/LoA/hoch",
    },
    "tara": {level: level.word for level in EIDAS_LEVELS},
    "franceconnect": {level: f"eidas{number}" for number, level in enumerate(EIDAS_LEVELS, 1)},
}
"""By ``acr_vocabulary`` of the registration: what notified schemes and German accounts reach. Exact and
case-sensitive (eidas.md §2, §11.4)."""
_FALLBACK = {_BASIC: "STORK-QAA-Level-1"}


def acr_of(assurance: Assurance, vocabulary: str = "eidas") -> str:
    """The word for a level that was reached."""
    if not assurance.notified and assurance.level is not _BASIC:
        return f"{_NOT_NOTIFIED}{assurance.level.word}"
    return (_FALLBACK | {**VOCABULARIES[vocabulary]})[assurance.level]


@cache
def acr_values(vocabulary: str) -> Mapping[str, Assurance]:
    """Every value that a client of this vocabulary can ask for, with what it means."""
    return {
        acr_of(Assurance(level=level, notified=notified), words): Assurance(
            level=level, notified=notified or level is _BASIC
        )
        for words in ("eidas", vocabulary)
        for notified in (True, False)
        for level in LevelOfAssurance
    }


def in_eidas_words(acr: str, vocabulary: str) -> str:
    """An ``acr`` we told a client of ``vocabulary``, for a resource server, which may speak another."""
    return acr_of(acr_values(vocabulary)[acr])


def acr_values_supported(vocabularies: Iterable[str]) -> tuple[str, ...]:
    """What discovery tells: the eIDAS values first, then the words that some client speaks."""
    found = dict.fromkeys(acr_values("eidas"))
    for vocabulary in sorted(set(vocabularies)):
        found |= dict.fromkeys(acr_values(vocabulary))
    return tuple(found)


def known(request: AcrRequest) -> tuple[tuple[str, Assurance], ...]:
    """The requested values with their meaning, in their order; those we do not know fall away."""
    meanings = acr_values(request.vocabulary)
    return tuple((value, meanings[value]) for value in request.values if value in meanings)


def returned_acr(request: AcrRequest, achieved: Assurance) -> str:
    """The ``acr`` to state.

    A requested value at or below the level reached, the highest of them; so a client that lists
    only ``substantial`` is told ``substantial`` about a citizen at ``high``. Without a match an
    essential request has failed (raises GatewayError ``authorize.acr_unmet``), a voluntary one
    is told what was reached, in the client's vocabulary.
    """
    matching = [
        (value, wanted)
        for value, wanted in known(request)
        if wanted.level <= achieved.level and (wanted.notified == achieved.notified or wanted.level is _BASIC)
    ]
    if matching:
        return max(matching, key=lambda found: found[1].level)[0]
    if request.essential and request.values:
        raise ACR_UNMET()
    return acr_of(achieved, request.vocabulary)
