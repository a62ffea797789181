"""Levels of assurance as ``acr`` values (Core §5.5.1.1, oidc.md §3).

The order low < substantial < high is ours; Core knows none. A level is asked for by URI, and the
URIs of notified and of other schemes never stand for each other.
"""

from __future__ import annotations

from connectors.assurance import Assurance, LevelOfAssurance
from gateway.oidc.errors import ACR_UNMET
from gateway.oidc.request import AcrRequest

_NOTIFIED = "http://eidas.europa.eu/LoA/"
_NOT_NOTIFIED = "http://eidas.europa.eu/NotNotified/LoA/"

ACR_VALUES: dict[str, Assurance] = {
    f"{prefix}{level.word}": Assurance(level=level, notified=notified)
    for prefix, notified in ((_NOTIFIED, True), (_NOT_NOTIFIED, False))
    for level in LevelOfAssurance
}
"""Every ``acr`` we know, exact and case-sensitive (eidas.md §2)."""


def acr_of(assurance: Assurance) -> str:
    """The URI of a level that was reached."""
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
        if wanted.notified == achieved.notified and wanted.level <= achieved.level
    ]
    if matching:
        return acr_of(max(matching, key=lambda wanted: wanted.level))
    if request.essential and request.values:
        raise ACR_UNMET()
    return acr_of(achieved)
