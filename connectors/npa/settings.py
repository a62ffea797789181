"""Configuration of the Online-Ausweis: ``registry/connectors/*.toml`` with ``kind = "npa"``.

One authorisation certificate at one eID service is one file::

    kind = "npa"
    id = "npa"
    name = { de = "Online-Ausweis", en = "Online ID card" }
    way = "soap"
    authorisation_certificate = "Land Sachsen, granted 2026-05-04, until 2029-05-03"
    subject_url = "https://id.sachsen.example"
    rights = ["GivenNames", "FamilyNames", "DateOfBirth", "RestrictedID", "AgeVerification"]

    [soap]
    ...

``way`` chooses how the eID service is spoken to; the section of the same name configures it
(``connectors.npa.soap.settings``, ``connectors.npa.saml.settings``, ``AttachedSection``).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from connectors.npa.operations import EIDType, Operation
from connectors.npa.saml.settings import SAMLSection
from connectors.npa.soap.settings import SOAPSection

AllowedWord = Literal["allowed", "denied"]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WayWord(StrEnum):
    """The three ways to an eID service (TR-03130-1 §2.3.1)."""

    SOAP = "soap"
    SAML = "saml"
    ATTACHED = "attached"


class AttachedSection(Section):
    """Our own eID-Server inside the gateway: for test and reference, never in production."""

    pki: str
    """Directory with the terminal's key and certificates and a CSCA certificate, as ``eid_server.pki`` writes
    it, and perhaps ``block-list.bin``; relative to the configuration."""
    csca: tuple[str, ...] = ()
    """Files with further country signing CA certificates whose cards are believed genuine."""
    master_lists: tuple[str, ...] = ()
    """Files with lists of such certificates (ICAO Doc 9303-12), each signed under one that stands above."""
    revocation_lists: tuple[str, ...] = ()
    pinned_signers: tuple[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")], ...] = ()
    """SHA-256 of document signer certificates that are believed without their CA: for simulated cards."""
    session_seconds: int = Field(default=600, ge=30, le=1800)


class NPASettings(Section):
    """One authorisation certificate at one eID service."""

    kind: Literal["npa"]
    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
    name: dict[str, str] = Field(default_factory=dict)
    way: WayWord
    authorisation_certificate: str = ""
    """Which certificate (Berechtigungszertifikat), granted when and until when; for the operator's records."""
    subject_url: str | None = None
    """``subjectURL`` of the certificate's description. eID-Clients refuse a gateway of another origin
    (TR-03124-1, npa.md §3.5), so another origin than the issuer's is refused here already."""
    rights: tuple[Operation, ...] = Field(min_length=1)
    """What the certificate allows to read or ask. Nothing else is ever asked for."""
    eid_types: dict[EIDType, AllowedWord] = {EIDType.HW_KEY_STORE: "denied"}
    """Carriers accepted or refused whatever their level; the level decides about those not named."""
    unstated_level: Literal["refuse", "high"] = "refuse"
    """What an answer means that does not name the carrier. ``high``: a chip card, so its level is high unless
    another is stated; only for a service that accepts chip cards alone. ``refuse``: nothing is assumed, and
    with a level that is stated it counts as not notified, like a phone."""
    transaction_info: bool = True
    """Show the name of the service in the eID-Client before the PIN is entered: the certificate names
    the operator only."""
    start_on: tuple[Literal["computer", "phone", "qr"], ...] = ("computer", "phone", "qr")
    """Ways to start the eID-Client that the start page offers, equal in rank: on this computer, on this
    phone, with a QR code on the phone beside this computer."""
    exchange_seconds: int = Field(default=600, ge=60, le=1800)
    soap: SOAPSection | None = None
    saml: SAMLSection | None = None
    attached: AttachedSection | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.start_on or len(set(self.start_on)) != len(self.start_on):
            raise ValueError("start_on names each way once, and at least one")
        for way in WayWord:
            section = getattr(self, way)
            if way is self.way and section is None:
                raise ValueError(f'way = "{way}" needs a section [{way}]')
            if way is not self.way and section is not None:
                raise ValueError(f'section [{way}] belongs to way = "{way}"; remedy: remove it')
        phones = self.eid_types.keys() - {EIDType.CARD_CERTIFIED}
        if self.unstated_level == "high" and any(self.eid_types[kind] == "allowed" for kind in phones):
            raise ValueError('unstated_level = "high" is for services that accept chip cards alone')
        if self.subject_url is not None:
            parts = urlsplit(self.subject_url)
            if parts.scheme not in {"https", "http"} or not parts.hostname:
                raise ValueError("subject_url must be an absolute URL, as in the certificate's description")
        return self
