"""Configuration of the eIDAS connector: ``registry/connectors/*.toml`` with ``kind = "eidas"``,
and one file per country in ``registry/countries/``.

Example of a country::

    country = "GR"                   # ISO inside the gateway
    node_code = "EL"                 # what eIDAS nodes write
    anchor = "el-node-2026"          # whose metadata describe this country's node
    entity_id = "https://eidas.gov.example/metadata"
    schemes = ["gov.gr wallet"]
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from connectors.probing import ProbeSettings
from connectors.saml.tr03130.partner import PartnerSection

ISOCountry = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Role(StrEnum):
    NODE = "node"
    """We are the receiving connector and talk to each country's Proxy-Service."""
    NATIONAL = "national"
    """We are service provider of a national connector that speaks eIDAS-flavoured SAML."""
    ESAML = "esaml"
    """We are eService of a German eID-Server, which is the receiving connector (TR-03130-1 §5)."""


def _on_the_wire(country: str) -> str:
    """Greece is ``EL`` to eIDAS nodes (message format 1.4 §4.2)."""
    return "EL" if country == "GR" else country


class Contact(Section):
    kind: Literal["technical", "support"]
    name: str
    email: str


class EIDASSettings(Section):
    """One eIDAS connector."""

    kind: Literal["eidas"]
    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")] = "eidas"
    role: Role = Role.NODE
    name: dict[str, str] = Field(default_factory=dict)
    node_country: ISOCountry = "DE"
    """Our country, the ``YY`` of every identifier we may receive."""
    entity_id: str | None = None
    """Default ``<issuer>/connectors/<id>/metadata``."""
    sp_type: Literal["request", "metadata-public", "metadata-private"] = "request"
    """Where SPType appears: in each request (from the service's sector), or once in metadata."""
    protocol_versions: tuple[str, ...] = ("1.4", "1.3", "1.2")
    application_identifier: str = "eID-Gateway:eid-gateway:0.1"
    organization_name: str = "eID-Gateway"
    organization_url: str = "https://example.org"
    contacts: tuple[Contact, ...] = ()
    metadata_valid_hours: int = Field(default=24, ge=1, le=336)
    request_binding: Literal["redirect", "post", "auto"] = "auto"
    """``auto``: Redirect while the URL stays below 2000 characters and the peer offers it."""
    clock_skew_seconds: int = Field(default=60, ge=0, le=180)
    exchange_seconds: int = Field(default=900, ge=60, le=1800)
    national_peer: str | None = None
    """``national`` only: entityID of the national connector."""
    national_anchor: str | None = None
    """``national`` only: anchor of its metadata."""
    national_requester_id: Literal["scoping", "extension"] = "scoping"
    """``national`` only: Estonia-like connectors want ``eidas:RequesterID`` as an extension."""
    esaml: PartnerSection | None = None
    """``esaml`` only: the eID-Server."""

    @model_validator(mode="after")
    def _peer_is_named(self) -> Self:
        if self.role is Role.NATIONAL and not (self.national_peer and self.national_anchor):
            raise ValueError("role national needs national_peer and national_anchor")
        if (self.role is Role.ESAML) != (self.esaml is not None):
            raise ValueError("role esaml and section [esaml] belong together")
        return self

    @property
    def wire_code(self) -> str:
        """Our country as eIDAS nodes write it."""
        return _on_the_wire(self.node_country)


class PeerExceptionKind(StrEnum):
    RSA_PKCS1 = "rsa-pkcs1"
    """Accept ``rsa-sha256/384/512`` signatures of this peer."""
    SIGN_RSA_PKCS1 = "sign-rsa-pkcs1"
    """Sign our requests to it with ``rsa-sha256``, because it cannot verify RSASSA-PSS."""
    RSA_2048 = "rsa-2048"
    OAEP_MGF1P_SHA1 = "oaep-mgf1p-sha1"
    MISSING_SUBJECT_CONFIRMATION = "missing-subject-confirmation"
    """The former UK node sent none."""
    MIXED_REQUEST = "mixed-request"
    SKIP_SCOPING = "skip-scoping"
    """The Danish node could not process ``Scoping``."""
    EXPIRED_CERTIFICATE = "expired-certificate"
    """Accept a message certificate outside its validity when verified metadata names it."""


class PeerException(Section):
    """A dated deviation from the strict profile. After ``until`` it is as if it were not there."""

    kind: PeerExceptionKind
    until: date
    reason: str


class CountrySettings(Section):
    """One country a citizen may choose."""

    country: ISOCountry
    node_code: ISOCountry | None = None
    """What its node writes; default: the ISO code, ``EL`` for Greece."""
    connector: str = "eidas"
    anchor: str | None = None
    """Role ``node``: anchor of the metadata; None for the other roles."""
    source: str | None = None
    """Role ``node``, instead of ``anchor``: the source with ``activation = "automatic"`` that knows its metadata."""
    entity_id: str | None = None
    """Needed with ``anchor``; with ``source`` only if that names several nodes of the country."""
    profile: Literal["strict", "lenient"] = "strict"
    """``lenient`` allows exactly the ``exceptions`` listed, each until its date."""
    exceptions: tuple[PeerException, ...] = ()
    clock_skew_seconds: int | None = Field(default=None, ge=0, le=300)
    schemes: tuple[str, ...] = ()
    """What citizens call the eID of this country."""
    identifier_stability: Literal["persistent", "may-change"] = "persistent"
    hidden: bool = False
    persons: tuple[Literal["natural", "legal"], ...] = ("natural", "legal")
    """``national`` and ``esaml`` only: nodes of role ``node`` say it in their metadata."""
    levels: tuple[Literal["low", "substantial", "high"], ...] = ("low", "substantial", "high")
    """``national`` and ``esaml`` only, likewise."""
    probe: ProbeSettings | None = None
    """How to log in with a test identity, if the country offers one; None: it is not probed."""

    @property
    def wire_code(self) -> str:
        """The code on the eIDAS wire."""
        return self.node_code or _on_the_wire(self.country)
