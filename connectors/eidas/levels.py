"""Levels of assurance on the eIDAS wire (message format 1.4 §2.4.1, §3.1; eidas.md §1, §2.4).

Matching is exact and case-sensitive. Older drafts (``LoA/NotNotified/…``), spellings
(``NonNotified``), the test level and anything unknown are no levels at all.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from connectors.assurance import EIDAS_LEVELS, Assurance, LevelOfAssurance
from connectors.errors import InvalidAnswer, LevelTooLow, RequestNotPossible

_NOTIFIED = "http://eidas.europa.eu/LoA/"
_NON_NOTIFIED = "http://eidas.europa.eu/NotNotified/LoA/"

LEVELS: dict[str, Assurance] = {
    prefix + level.word: Assurance(level=level, notified=notified)
    for prefix, notified in ((_NOTIFIED, True), (_NON_NOTIFIED, False))
    for level in EIDAS_LEVELS
}
_URIS = {assurance: uri for uri, assurance in LEVELS.items()}


def uri(assurance: Assurance) -> str:
    """The URI of a level."""
    return _URIS[assurance]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedContext:
    """``RequestedAuthnContext``: the comparison and the class references."""

    comparison: str
    references: tuple[str, ...]


def offered(published: Collection[str]) -> frozenset[Assurance]:
    """The levels a peer publishes; what is not one of the six URIs is ignored."""
    return frozenset(LEVELS[u] for u in published if u in LEVELS)


@lru_cache(maxsize=1_024)
def highest(published: tuple[str, ...]) -> LevelOfAssurance | None:
    """The highest level a peer publishes, notified or not."""
    return max((assurance.level for assurance in offered(published)), default=None)


def request(
    minimum: LevelOfAssurance, *, accept_non_notified: bool, published: Collection[str]
) -> RequestedContext:
    """The context that asks for ``minimum`` or better.

    ``minimum`` with one reference for notified levels; ``exact`` with every acceptable URI as
    soon as a non-notified one is among them. A service content with ``basic`` asks for ``low``, the
    least there is. Raises RequestNotPossible when the peer publishes nothing that satisfies.
    """
    minimum = max(minimum, LevelOfAssurance.LOW)
    fitting = {a for a in offered(published) if a.satisfies(minimum, accept_non_notified=accept_non_notified)}
    if not fitting:
        raise RequestNotPossible("eidas.level-not-offered")
    if all(a.notified for a in fitting):
        return RequestedContext(comparison="minimum", references=(uri(Assurance(level=minimum)),))
    # a notified URI drags all higher notified ones along, offered or not
    notified = [Assurance(level=level) for level in EIDAS_LEVELS if level >= minimum]
    wanted = notified if any(a.notified for a in fitting) else []
    wanted += sorted((a for a in fitting if not a.notified), key=lambda a: a.level)
    return RequestedContext(comparison="exact", references=tuple(uri(a) for a in wanted))


def achieved(
    value: str,
    *,
    minimum: LevelOfAssurance,
    accept_non_notified: bool,
    published: Collection[str],
) -> Assurance:
    """The assurance an ``AuthnContextClassRef`` proves.

    Raises InvalidAnswer for an unknown URI, for one the issuer does not publish and for a
    non-notified answer to a notified request; LevelTooLow for one below ``minimum``.
    """
    assurance = LEVELS.get(value)
    if assurance is None:
        raise InvalidAnswer("eidas.level.unknown")
    if value not in published:
        raise InvalidAnswer("eidas.level.not-published")
    if not assurance.notified and not accept_non_notified:
        raise InvalidAnswer("eidas.level.not-notified")
    if assurance.level < minimum:
        raise LevelTooLow("eidas.level.too-low", achieved=assurance.level, required=minimum)
    return assurance
