"""Where metadata, or lists of them, come from: ``registry/sources/<id>.toml``.

An anchor is one decision about one document. A source is a decision about somebody who knows many of them:
a metadata query service, a signed list of countries, the Commission's list. It speaks for its countries and
roles and for no other.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from trust.algorithms import Deviation
from trust.anchors import AnchorState, MetadataRoleName
from trust.metadata import DatedDeviation

ISOCountry = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class SourceKind(StrEnum):
    MDQ = "mdq"
    """A metadata query service: one signed document for each of ``entities``."""
    MDSL = "mdsl"
    """The signed eIDAS Metadata Service List: per country, where the metadata are and which keys sign them."""
    COMMISSION = "commission"
    """What the Commission's eIDAS dashboard gives as JSON. Nobody signs it, so it only ever proposes."""


class Activation(StrEnum):
    PROPOSE = "propose"
    """What differs from what is in force becomes a proposal that two people sign or reject."""
    AUTOMATIC = "automatic"
    """Each node fetches, verifies and believes it by itself, for countries that name this source."""


class ListedEntity(BaseModel):
    """One entity to ask a metadata query service for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    country: ISOCountry
    entity_id: str


class SourceException(BaseModel):
    """A dated deviation for the signature of the list itself; lists in use are signed with ``rsa-sha256``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["rsa-pkcs1", "rsa-2048", "expired-certificate"]
    until: date
    reason: str


class SourceSettings(BaseModel):
    """One source. Only ``active`` and inside its dates is it asked and believed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
    kind: SourceKind
    state: AnchorState = AnchorState.PROPOSED
    url: str | None = None
    """Either ``url`` or ``file``; mdq: base address. commission: ``{country}`` stands for the country's code."""
    file: str | None = None
    """A file that somebody puts there, relative to the configuration, e.g. in ``var/``; not part of the bundle."""
    certificates: tuple[str, ...] = ()
    """PEM files of whoever signs the list, or the documents of the query service; several for a roll-over."""
    countries: tuple[ISOCountry, ...] = Field(min_length=1)
    """ISO 3166-1 alpha-2; everything else in the list is left aside."""
    roles: tuple[MetadataRoleName, ...] = Field(default=("idp",), min_length=1)
    """``idp`` answers logins, ``sp`` asks for them."""
    activation: Activation = Activation.PROPOSE
    connector: str = "eidas"
    """Whose countries the proposals are about."""
    entities: tuple[ListedEntity, ...] = ()
    """mdq only."""
    mdq_sha1: bool = False
    """mdq only: ask for ``{sha1}`` of the entityID."""
    environment: Literal["productionNode", "testingNode"] = "productionNode"
    """commission only: which of a country's nodes."""
    refresh_minutes: int = Field(default=360, ge=5, le=1440)
    """Asked at least so often; earlier when half of the list's validity is over."""
    max_valid_days: int = Field(default=14, ge=1, le=30)
    """How far ahead ``NextUpdate`` of a list and ``validUntil`` of metadata may lie: so long an old copy can be
    passed off as current."""
    exceptions: tuple[SourceException, ...] = ()
    valid_from: date
    valid_until: date
    test: bool = False
    """A source of test nodes; refused in production mode."""
    evidence: str
    """What the approvers compared, e.g. a file number."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind is SourceKind.COMMISSION and self.activation is Activation.AUTOMATIC:
            raise ValueError('the list is not signed; remedy: activation = "propose"')
        if self.kind is not SourceKind.COMMISSION and not self.certificates:
            raise ValueError("certificates are missing; remedy: name the PEM file of the signer")
        if (self.url is None) == (self.file is None):
            raise ValueError("needs exactly one of url and file; remedy: set one")
        if self.kind is SourceKind.MDQ and (self.url is None or not self.entities):
            raise ValueError("mdq needs url and entities; remedy: the base address, and whom to ask for")
        if self.kind is not SourceKind.MDQ and self.entities:
            raise ValueError("entities are for mdq; remedy: remove them, the list names its own")
        return self

    def active_at(self, now: datetime) -> bool:
        """Whether it may be asked and believed at ``now`` (UTC)."""
        begin = datetime.combine(self.valid_from, time.min, UTC)
        return self.state is AnchorState.ACTIVE and begin <= now <= self.end

    @property
    def end(self) -> datetime:
        """Its last instant."""
        return datetime.combine(self.valid_until, time.max, UTC)

    @property
    def deviations(self) -> tuple[DatedDeviation, ...]:
        """The exceptions, as verification takes them."""
        return tuple(
            DatedDeviation(kind=Deviation(exception.kind), until=exception.until)
            for exception in self.exceptions
        )
