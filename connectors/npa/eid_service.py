"""What the eService asks of an eID service and gets back, whichever of the three ways leads there.

The ways (SOAP, SAML, attached) implement ``EIDService``; the connector maps an ``EIDResult`` onto an
``Identity`` and never learns which way it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Protocol

from connectors.assurance import LevelOfAssurance
from connectors.contract import Answer, ClientAddresses, ClientOpened, TokenSource
from connectors.npa.operations import EIDType, Operation
from connectors.places import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class EIDRequest:
    """One authentication as the eID-Server is asked for it (TR-03130-1 §3.2.1, ``useID``)."""

    required: frozenset[Operation]
    optional: frozenset[Operation] = frozenset()
    age: int | None = None
    """Completed years; set if and only if AgeVerification is among the operations."""
    community_id: str | None = None
    """Digits as in data group 18, e.g. ``02760503150000``; for PlaceVerification likewise."""
    transaction_info: str | None = None
    minimum: LevelOfAssurance | None = None
    eid_types: Mapping[EIDType, bool] = field(default_factory=dict)
    """Allowed (True) or denied (False) whatever the level says; absent: the level decides."""


class Missing(Enum):
    """Why a requested value is not there (AttributeResponseType)."""

    NOT_ON_CHIP = "NOTONCHIP"
    PROHIBITED = "PROHIBITED"
    """The terminal has no right, or the citizen has unticked it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictedID:
    """Pseudonym for (card, terminal sector); ``second`` only while the sector migrates."""

    first: bytes
    second: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EIDResult:
    """A verified answer of the eID-Server. None: was not asked for. An empty text: on the chip, and empty."""

    document_type: str | Missing | None = None
    issuing_state: str | Missing | None = None
    date_of_expiry: date | Missing | None = None
    given_names: str | Missing | None = None
    family_names: str | Missing | None = None
    artistic_name: str | Missing | None = None
    academic_title: str | Missing | None = None
    date_of_birth: str | Missing | None = None
    """Exactly 8 characters from the chip, ``yyyymmdd``, unknown parts blank (GeneralDateType)."""
    place_of_birth: Place | Missing | None = None
    nationality: str | Missing | None = None
    birth_name: str | Missing | None = None
    place_of_residence: Place | Missing | None = None
    community_id: str | Missing | None = None
    residence_permit_i: str | Missing | None = None
    restricted_id: RestrictedID | Missing | None = None
    age_fulfilled: bool | Missing | None = None
    place_fulfilled: bool | Missing | None = None
    level: LevelOfAssurance | None = None
    """As the service states it (LevelOfAssuranceResult); None: it states none."""
    eid_type: EIDType | None = None
    authenticated_at: datetime
    statement_id: str
    """For the audit log: session identifier's digest or assertion ID; nothing about the person."""
    issuer: str
    """Who says it: address or entityID of the eID service."""
    replay_keys: tuple[tuple[str, datetime], ...] = ()
    """Identifiers that may be accepted once, and until when."""


class EIDService(Protocol):
    """One way to an eID service. Both calls may do network I/O and run in a thread."""

    def open(
        self,
        request: EIDRequest,
        *,
        relay_state: str,
        addresses: ClientAddresses,
        now: datetime,
        random: TokenSource,
    ) -> ClientOpened:
        """The eID-Client asks for its TC token: open a session at the service.

        Raises PeerUnavailable, PeerRefused, RequestNotPossible.
        """
        ...

    def result(
        self, request: EIDRequest, session: Mapping[str, object], answer: Answer, *, now: datetime
    ) -> EIDResult:
        """Fetch and verify the result, once; the session ends whatever comes out.

        Raises ConnectorError: Cancelled, AuthenticationFailed (also for an invalid or denied document),
        PeerRefused, PeerUnavailable, LevelNotReached, InvalidAnswer.
        """
        ...
