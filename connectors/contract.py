"""What every source of identity offers to the gateway, and nothing more.

A connector keeps no state. ``begin`` returns where the browser must go and what must be
remembered; the gateway remembers it under a secret that only this browser holds, takes it back
exactly once, and only then calls ``finish``. Single use and the binding to the browser follow
from that. Time and randomness come in as arguments.

Everything here is synchronous and does no network or store I/O on a citizen's request; costly
cryptography runs in the thread that the gateway gives it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from connectors.assurance import LevelOfAssurance
from connectors.identity import Identity, PersonKind

TokenSource = Callable[[int], bytes]
"""``secrets.token_bytes`` in production: octets wanted in, random octets out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The service on whose behalf the citizen is asked, as its registration names it."""

    client_id: str
    names: Mapping[str, str]
    """BCP 47 tag to display name; always has ``de``."""
    sector: str
    """``public`` or ``private`` (eIDAS ``SPType``)."""
    requester_id: str
    """URI that names the service towards peers (SAML ``RequesterID``)."""
    presentation: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By connector identifier: how a user account shows the service and what it was registered under.

    Keys: ``display_name``, ``online_service_id``, ``purpose``, ``back_url``, ``methods`` (words
    separated by blanks), ``guest`` (``true``: temporary logins are welcome). What is not set is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationRequest:
    """What the gateway asks of a connector, already checked against the service's registration."""

    service: Service
    minimum: LevelOfAssurance
    persons: frozenset[PersonKind]
    """Kinds of subject the service accepts; if both, the citizen has chosen one before ``begin``."""
    accept_non_notified: bool = False
    accept_representation: bool = False
    country: str | None = None
    """ISO 3166-1 alpha-2, upper case, from the citizen's choice or the client's hint."""
    required: frozenset[str] = frozenset()
    """Attribute names of ``connectors.identity`` without which the service cannot work."""
    optional: frozenset[str] = frozenset()
    account_facts: frozenset[str] = frozenset()
    """Fields of ``connectors.identity.AccountFacts`` that the service is registered for."""
    card_facts: frozenset[str] = frozenset()
    """Fields of ``connectors.identity.CardFacts`` that the service is registered for and asks for."""
    age: int | None = None
    """Completed years that the service wants confirmed, and nothing else about the age."""
    community_id: str | None = None
    """Community or wider area (digits as in data group 18) in which the citizen must live."""
    identifier: bool = True
    """Whether the service needs to recognise the person; without, a card's pseudonym is not read."""
    languages: tuple[str, ...] = ("de",)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectDispatch:
    """Send the browser to ``url`` with GET (303)."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormDispatch:
    """Let the browser POST ``fields`` to ``action`` (a page with a button, submitted by script)."""

    action: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientDispatch:
    """Let the citizen start an eID-Client (TR-03124-1 §2.2), which then asks ``open_client``."""

    ticket: Mapping[str, object]
    """Plain JSON values; sealed by the gateway under a secret that only the tcTokenURL carries."""


BrowserDispatch = RedirectDispatch | FormDispatch
Dispatch = BrowserDispatch | ClientDispatch


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingExchange:
    """What must be remembered until the answer comes; plain JSON values, sealed by the gateway."""

    connector: str
    peer: str
    """Who was asked, as the audit log names it (entityID, or the connector's own word)."""
    message_id: str
    """Protocol identifier of the outgoing message, for the audit log ((EU) 2015/1501 Article 9(3))."""
    deadline: datetime
    state: Mapping[str, object] = field(default_factory=dict)
    """The connector's own business; the gateway does not look inside."""
    session: Mapping[str, object] | None = None
    """What ``open_client`` left for ``finish``; None: no eID-Client has asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    dispatch: Dispatch
    pending: PendingExchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the browser brought to a connector's callback, undecoded.

    ``fields`` holds the form fields of a POST in their order, duplicates included, so that the
    connector can refuse them; ``query`` is the raw query string as octets, because a Redirect
    signature is computed over exactly those.
    """

    method: str
    fields: tuple[tuple[str, str], ...] = ()
    query: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One way the citizen can choose, e.g. one country, with whether and why not."""

    connector: str
    country: str | None
    """ISO 3166-1 alpha-2, or None for a means without countries."""
    available: bool
    reason: str | None = None
    """If not available: ``level``, ``person``, ``attributes``, ``service``, ``down``; a translation
    key follows."""
    down_since: datetime | None = None
    highest: LevelOfAssurance | None = None
    scheme_names: tuple[str, ...] = ()
    """What citizens call the eID, e.g. ``SPID``, ``Cl@ve``."""
    test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedDocument:
    """A document a peer fetches from us (SAML metadata)."""

    name: str
    """Path segment below ``/connectors/<connector id>/``, e.g. ``metadata``."""
    content: bytes
    content_type: str
    max_age: int
    """Seconds it may be cached."""


class Connector(Protocol):
    """One source of identity."""

    @property
    def id(self) -> str:
        """Stable identifier, part of URLs and of the account key."""
        ...

    def options(self, request: AuthenticationRequest, *, now: datetime) -> Sequence[Option]:
        """All ways this connector could go for ``request`` (its ``country`` ignored)."""
        ...

    def begin(
        self, request: AuthenticationRequest, *, relay_state: str, now: datetime, random: TokenSource
    ) -> Start:
        """Build the outgoing message; ``relay_state`` must come back with the answer.

        Raises RequestNotPossible, PeerUnavailable.
        """
        ...

    def relay_state(self, answer: Answer) -> str:
        """The handle an answer claims to belong to; raises InvalidAnswer. Nothing is believed yet."""
        ...

    def finish(self, pending: PendingExchange, answer: Answer, *, now: datetime) -> Verified:
        """Verify the answer completely; raises ConnectorError. The only way to an Identity."""
        ...

    def documents(self, *, now: datetime) -> Sequence[PublishedDocument]:
        """What we publish for peers."""
        ...

    def refresh(self, *, now: datetime) -> Sequence[PeerStatus]:
        """Load what is due (peer metadata); blocking network I/O, called in the background only."""
        ...

    def peers(self, *, now: datetime) -> Sequence[PeerStatus]:
        """State of each peer, for health, dashboard and country page."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientAddresses:
    """Where an eID-Client finds us; all of one origin, that of the tcTokenURL (TR-03124-1, npa.md §3.5)."""

    refresh: str
    """RefreshAddress: the connector's callback with ``RelayState``; also the CommunicationErrorAddress."""
    paos: str
    """PAOS endpoint of an attached eID-Server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TCToken:
    """Hand out this TC token (TR-03124-1 §2.5)."""

    octets: bytes
    content_type: str = "text/xml; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOpened:
    """What an eID-Client gets for its tcTokenURL, and what ``finish`` needs to know of it."""

    reply: TCToken | RedirectDispatch
    session: Mapping[str, object]
    """Plain JSON values, sealed by the gateway for the exchange."""


@runtime_checkable
class EIDClientConnector(Connector, Protocol):
    """A connector whose citizens use an eID-Client: a second user agent, without our cookies."""

    def open_client(
        self,
        ticket: Mapping[str, object],
        *,
        relay_state: str,
        addresses: ClientAddresses,
        now: datetime,
        random: TokenSource,
    ) -> ClientOpened:
        """The eID-Client asks for its TC token; happens at most once for an exchange.

        May do network I/O. Raises ConnectorError.
        """
        ...

    def paos(self, message: bytes, *, now: datetime) -> bytes:
        """One PAOS message to the attached eID-Server, and its answer; raises RequestNotPossible without one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The outcome of ``finish``."""

    identity: Identity
    replay_keys: tuple[ReplayKey, ...]
    """Each must be claimed in the store before the identity is used; a claimed one means replay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayKey:
    """An identifier that may be accepted once until ``until`` (security.md A.13)."""

    key: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerStatus:
    """How it stands with one peer."""

    peer: str
    country: str | None
    state: str
    """``ok``, ``stale`` (last refresh failed, copy still valid) or ``down``."""
    valid_until: datetime | None = None
    since: datetime | None = None
    reason: str | None = None
    """Stable word, e.g. ``metadata.expired``; no foreign text."""
    next_refresh: datetime | None = None
