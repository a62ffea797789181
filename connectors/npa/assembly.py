"""Put an Online-Ausweis connector together from its registration file and keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from connectors.npa import attached
from connectors.npa.flow import NPAConnector
from connectors.npa.saml import service as saml_service
from connectors.npa.settings import NPASettings, WayWord
from connectors.npa.soap import assembly as soap
from connectors.npa.way import ServiceKeys, Surroundings, Way


def assemble(
    settings: NPASettings,
    keys: ServiceKeys,
    surroundings: Surroundings,
    *,
    clock: Callable[[], datetime],
) -> NPAConnector:
    """The connector; the network is first touched by ``refresh``.

    Raises KeyUnavailable, MetadataError, VerificationError, EIDServerError, OSError, ValueError when the way
    cannot be gone at all.
    """
    way = _way(settings, keys, surroundings, clock)
    return NPAConnector(settings=settings, way=way, test=settings.way is WayWord.ATTACHED)


def _way(
    settings: NPASettings, keys: ServiceKeys, surroundings: Surroundings, clock: Callable[[], datetime]
) -> Way:
    if settings.way is WayWord.SAML and settings.saml is not None:
        name = settings.name.get("de", settings.id)
        return saml_service.assemble(settings.saml, settings.id, keys, surroundings, name=name)
    if settings.way is WayWord.SOAP and settings.soap is not None:
        return soap.assemble(settings.soap, settings.rights, keys, surroundings)
    if settings.way is WayWord.ATTACHED and settings.attached is not None:
        return attached.assemble(settings.attached, settings, surroundings, clock=clock)
    raise ValueError(f"way {settings.way} has no section")  # the model has refused it already
