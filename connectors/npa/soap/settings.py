"""Section ``[soap]`` of an Online-Ausweis connector (TR-03130-1 §3)::

    [soap]
    address = "https://eid.dienst.example/eID"
    server_ca = "eid-service/tls-ca.pem"          # who may certify the service's TLS

    [[soap.signers]]
    certificate = "eid-service/signing-2026.pem"  # who signs its answers
    until = 2027-11-30

Our own keys stand in ``gateway.toml`` with the purposes ``eid-signing`` (signs the requests) and
``eid-tls`` (client certificate of the connection).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from trust.algorithms import Deviation, Deviations


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SignerPin(Section):
    """A certificate whose key signs the service's answers; several are normal during a roll-over."""

    certificate: str
    """PEM file, relative to the configuration. Outside its own validity it counts for nothing."""
    since: date | None = None
    until: date | None = None
    """Last day on which we believe it, where that is earlier than the certificate's own end."""

    def believed(self, now: datetime) -> bool:
        day = now.astimezone(UTC).date()
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)

    def ends(self, not_after: datetime | None) -> datetime:
        """When the last believed moment is, for a certificate that ends at ``not_after``."""
        latest = datetime.max.replace(tzinfo=UTC)
        own = latest if self.until is None else datetime.combine(self.until, time.max, UTC)
        return min(own, not_after or latest)


class SOAPException(Section):
    """A dated deviation from the algorithm policy. After ``until`` it is as if it were not there."""

    kind: Literal[Deviation.RSA_PKCS1, Deviation.RSA_2048]
    until: date
    reason: str


class SOAPSection(Section):
    """Where the eID service answers, and how it is known."""

    address: Annotated[str, StringConstraints(pattern=r"^https://[!-~]+$")]
    """URL of the eID-Interface. Mutual TLS, so never http."""
    server_ca: str
    """PEM file with the authority of the service's TLS certificate; no other authority counts."""
    signers: tuple[SignerPin, ...] = Field(min_length=1)
    paos_address: Annotated[str, StringConstraints(pattern=r"^https://[!-~]+$")] | None = None
    """``ServerAddress`` of the TC token for a service that leaves ``eCardServerAddress`` out."""
    propose_psk: bool = False
    """Make the pre-shared key ourselves. Otherwise the service makes it, which is the usual way."""
    level_of_assurance: bool = True
    """Ask for a level and for carriers; services before TR-03130-1 version 2.4.0 know neither."""
    request_signature: Literal["pss", "pkcs1"] = "pss"
    """For an RSA key; ``pkcs1`` only together with the dated exception ``rsa-pkcs1``."""
    exceptions: tuple[SOAPException, ...] = ()
    timeout_seconds: float = Field(default=5, ge=1, le=20)
    """For one call, connecting included."""
    wait_seconds: float = Field(default=2, ge=0, le=15)
    """How long ``getResult`` is repeated while there is no result yet; after an error at the eID-Client, and
    while others wait already, it is asked for once."""
    poll_seconds: float = Field(default=0.25, ge=0.1, le=5)
    clock_skew_seconds: int = Field(default=60, ge=0, le=180)
    server_info_seconds: int = Field(default=900, ge=60, le=86_400)
    """How often ``getServerInfo`` is asked for the rights of the terminal certificate."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        parts = urlsplit(self.address)
        if not parts.hostname or parts.username or parts.fragment:
            raise ValueError("address must be a plain https URL")
        if self.request_signature == "pkcs1" and all(
            e.kind is not Deviation.RSA_PKCS1 for e in self.exceptions
        ):
            raise ValueError('request_signature "pkcs1" needs the dated exception "rsa-pkcs1"')
        return self

    def deviations(self, now: datetime) -> Deviations:
        """The exceptions in force."""
        day = now.astimezone(UTC).date()
        return frozenset(e.kind for e in self.exceptions if day <= e.until)
