"""One configured way to an eID service, as the connector uses it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connectors.contract import PeerStatus, PublishedDocument
from connectors.npa.eid_service import EIDService
from connectors.peer_facts import PeerFacts
from connectors.saml.keys import OwnKey, SAMLKeys
from connectors.saml.surroundings import Surroundings


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceKeys:
    """Our keys towards an eID service, by purpose; each may be empty where a way does not need it."""

    saml: SAMLKeys | None = None
    """Way ``saml``."""
    signing: Sequence[OwnKey] = field(default=(), repr=False)
    """Way ``soap``: signs the messages (WS-Security); certificates included."""
    tls: Sequence[OwnKey] = field(default=(), repr=False)
    """Way ``soap``: client authentication; certificates included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The service with what surrounds it. A way without peers of its own leaves the functions out."""

    service: EIDService
    peer: str
    """Who is asked, as the audit log names it: address or entityID."""
    paos: Callable[[bytes, datetime], bytes] | None = None
    """PAOS endpoint of an attached eID-Server."""
    documents: Callable[[datetime], Sequence[PublishedDocument]] | None = None
    """What the peer fetches from us (SAML metadata)."""
    peers: Callable[[datetime], Sequence[PeerStatus]] | None = None
    """How it stands with the service; without network I/O."""
    facts: Sequence[PeerFacts] = ()
    """What the service's operator told us of it."""
    refresh: Callable[[datetime], None] | None = None
    """Fetch what is due (metadata, getServerInfo); blocking, called in the background only."""


__all__ = ["ServiceKeys", "Surroundings", "Way"]
