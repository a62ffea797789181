"""Put an Online-Ausweis connector together from its registration file and keys."""

from __future__ import annotations

from datetime import datetime

from connectors.npa.flow import NPAConnector
from connectors.npa.settings import NPASettings, WayWord
from connectors.npa.way import ServiceKeys, Surroundings, Way


def assemble(
    settings: NPASettings, keys: ServiceKeys, surroundings: Surroundings, *, now: datetime
) -> NPAConnector:
    """The connector; the network is first touched by ``refresh``.

    Raises KeyUnavailable, MetadataError, ValueError when the way cannot be gone at all.
    """
    way = _way(settings, keys, surroundings, now)
    return NPAConnector(settings=settings, way=way, test=settings.way is WayWord.ATTACHED)


def _way(settings: NPASettings, keys: ServiceKeys, surroundings: Surroundings, now: datetime) -> Way:
    del keys, surroundings, now
    raise ValueError(f"way {settings.way} is not available")
