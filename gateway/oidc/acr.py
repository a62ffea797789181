"""Levels of assurance as ``acr`` values (Core §5.5.1.1, oidc.md §3).

The order basic < low < substantial < high is ours; Core knows none. A level is asked for by URI, and
the URIs of notified and of other schemes never stand for each other. What German accounts call
"Basisregistrierung" is no eIDAS level and keeps the word the accounts use for it (bundid.md §1.5).
"""

from __future__ import annotations

from connectors.assurance import EIDAS_LEVELS, Assurance, LevelOfAssurance
from gateway.oidc.errors import ACR_UNMET
from gateway.oidc.request import AcrRequest

_NOTIFIED = "http://eidas.europa.eu/LoA/"
_NOT_NOTIFIED = "http://eidas.europa.eu/NotNotified/LoA/"
_BASIC = "STORK-QAA-Level-1"

ACR_VALUES: dict[str, Assurance] = {
    f"{prefix}{level.word}": Assurance(level=level, notified=notified)
    for prefix, notified in ((_NOTIFIED, True), (_NOT_NOTIFIED, False))
    for level in EIDAS_LEVELS
} | {_BASIC: Assurance(level=LevelOfAssurance.BASIC)}
"""Every ``acr`` we know, exact and case-sensitive (eidas.md §2)."""


def acr_of(assurance: Assurance) -> str:
    """The URI of a level that was reached; for ``basic``, the accounts' own word."""
    if assurance.level is LevelOfAssurance.BASIC:
        return _BASIC
    return f"{_NOTIFIED if assurance.notified else _NOT_NOTIFIED}{assurance.level.word}"


def known(values: tuple[str, ...]) -> tuple[Assurance, ...]:
    """What the requested values mean, in their order; those we do not know fall away."""
    return tuple(ACR_VALUES[value] for value in values if value in ACR_VALUES)


def returned_acr(request: AcrRequest, achieved: Assurance) -> str:
    """The ``acr`` to state.

    A requested value at or below the level reached, the highest of them; so a client that lists
    only ``substantial`` is told ``substantial`` about a citizen at ``high``. Without a match an
    essential request has failed (raises GatewayError ``authorize.acr_unmet``), a voluntary one
    is told what was reached.
    """
    matching = [
        wanted
        for wanted in known(request.values)
        if wanted.level <= achieved.level
        and (wanted.notified == achieved.notified or wanted.level is LevelOfAssurance.BASIC)
    ]
    if matching:
        return acr_of(max(matching, key=lambda wanted: wanted.level))
    if request.essential and request.values:
        raise ACR_UNMET()
    return acr_of(achieved)
