"""``gateway.toml``: everything about this installation that is not a partner.

``load`` in ``gateway.bundle`` reads it together with the registry bundle. Each section is one
frozen model, unknown keys are refused, nothing is read again after start-up. A secret is never
written into a TOML file: it is a reference, ``file:<path relative to the configuration>`` or
``env:<NAME>``.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator

from gateway.settings.operations import ConsoleSection, LogSection, ProbesSection, StatisticsSection
from gateway.settings.section import SecretReference, Section
from gateway.settings.watch import WatchSection

KeyReference = Annotated[str, StringConstraints(pattern=r"^(file:.+|env:[A-Z][A-Z0-9_]*|pkcs11:.+)$")]
"""Where a private key is: a secret as above, or a PKCS#11 URI (RFC 7512) with ``module-path`` and
``pin-source=file:<path>`` for a key that a hardware module keeps."""

Texts = dict[str, str]
"""A text per BCP 47 language tag; ``de`` is mandatory where the text is shown to citizens."""


class Mode(StrEnum):
    """``development`` alone may use http on loopback, test anchors and the sandbox."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"


class GatewaySection(Section):
    issuer: str
    """OpenID issuer and base of every absolute URL, e.g. ``https://id.sachsen.example``."""
    mode: Mode = Mode.PRODUCTION
    name: Texts
    """What the pages call this installation."""
    operator: Texts
    """Who runs it, for the footer and the privacy notice."""
    imprint_url: str | None = None
    privacy_url: str | None = None
    accessibility_url: str | None = None
    help_url: str | None = None
    languages: tuple[str, ...] = ("de", "en")
    """Of the pages; citizens choose among them."""

    @field_validator("issuer")
    @classmethod
    def _issuer_is_an_origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise ValueError("must be an absolute https URL; remedy: https://id.example.org")
        if parts.query or parts.fragment or parts.username or value.endswith("/"):
            raise ValueError("must have no query, fragment, user information or trailing slash")
        return value


class ListenSection(Section):
    host: str = "127.0.0.1"
    port: int = Field(default=8400, ge=1, le=65535)
    management_host: str = "127.0.0.1"
    management_port: int = Field(default=8401, ge=1, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks whose ``X-Forwarded-For`` is believed, and on the listener of ``mtls_port`` their
    ``Client-Cert``; empty: nobody's."""

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in value:
            try:
                ip_network(proxy)
            except ValueError:
                raise ValueError(
                    f"{proxy} is no address or network; remedy: 10.1.2.3 or 10.1.2.0/24"
                ) from None
        return value

    tls_certificate: str | None = None
    tls_private_key: SecretReference | None = None
    """TLS inside the process, for the sandbox and small installations; else a proxy ends TLS."""
    mtls_port: int | None = Field(default=None, ge=1, le=65535)
    """Second listener for clients that show a TLS certificate (RFC 8705); needs ``mtls_url``."""
    mtls_url: str | None = None
    """Base of ``mtls_endpoint_aliases``, e.g. ``https://mtls.id.sachsen.example``."""
    mtls_client_ca: str | None = None
    """PEM file of the authorities, and of the self-signed certificates, that clients may show; of the latter
    none that can issue others (``CA:FALSE``). Only with TLS inside the process; without it a proxy verifies
    them and sends ``Client-Cert`` (RFC 9440)."""


class StoreSection(Section):
    url: str = "embedded"
    """``embedded``, ``redis://``, ``rediss://``, ``redis+sentinel://h1:p,h2:p/<service>`` or
    ``redis+cluster://``."""
    password: SecretReference | None = None
    ca_file: str | None = None
    timeout_seconds: float = Field(default=2.0, gt=0, le=10)
    replicas: int = Field(default=0, ge=0, le=8)
    """Replicas that must acknowledge whatever may happen only once, before it has any effect: the
    number behind the master that Sentinel watches. With too few of them no login goes on, and no
    failover can make one happen twice. Not for ``redis+cluster``."""


class DatabaseSection(Section):
    url: str = "sqlite:///var/gateway.sqlite3"
    """SQLAlchemy URL; a relative SQLite path is relative to the configuration directory."""
    password: SecretReference | None = None


class KeyPurpose(StrEnum):
    OIDC_SIGNING = "oidc-signing"
    SAML_SIGNING = "saml-signing"
    SAML_DECRYPTION = "saml-decryption"
    SAML_METADATA_SIGNING = "saml-metadata-signing"
    EID_SIGNING = "eid-signing"
    """Signs what is sent to an eID service by SOAP (WS-Security)."""
    EID_TLS = "eid-tls"
    """Our side of the mutual TLS to an eID service."""
    SUBJECT = "subject"
    """HMAC key of pairwise subject identifiers; long-lived: a new one changes every ``sub``."""


class KeyState(StrEnum):
    NEXT = "next"
    """Published, not yet used."""
    ACTIVE = "active"
    RETIRED = "retired"
    """No longer used to sign; still published, still decrypts."""


class KeySection(Section):
    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]
    purpose: KeyPurpose
    state: KeyState = KeyState.ACTIVE
    private_key: KeyReference
    """PEM (PKCS#8), or a key of a hardware module as a PKCS#11 URI (RFC 7512):
    ``pkcs11:token=…;object=…?module-path=…&pin-source=file:…``. ``eid-tls`` cannot be in a module; for
    ``subject``: at least 32 random octets, also in a file."""
    certificate: str | None = None
    """PEM file, relative to the configuration; needed for the SAML and eID purposes. The issuers'
    certificates may follow the key's own: metadata are published with the path up to the anchor."""
    connectors: tuple[str, ...] = ()
    """SAML and eID purposes: only for these connectors, which then do not use the common keys of it."""


class LimitsSection(Section):
    journey_seconds: int = Field(default=900, ge=60, le=1800)
    """From authorization request to code."""
    code_seconds: int = Field(default=30, ge=5, le=60)
    access_token_seconds: int = Field(default=300, ge=30, le=600)
    id_token_seconds: int = Field(default=300, ge=30, le=600)
    pushed_request_seconds: int = Field(default=90, ge=5, le=599)
    """From a pushed authorization request to its use (FAPI 2.0 SP §5.3.2.2)."""
    body_bytes: int = Field(default=524_288, ge=65_536, le=4_194_304)
    """Largest request body; a SAML message itself is limited to 256 KiB."""
    clock_skew_seconds: int = Field(default=60, ge=0, le=180)


class HTTPSection(Section):
    """Outgoing connections (peer metadata, client keys)."""

    ca_file: str | None = None
    """PEM bundle to trust instead of the system's; the sandbox puts its own authority here."""
    connect_seconds: float = Field(default=3.0, gt=0, le=30)
    total_seconds: float = Field(default=10.0, gt=0, le=60)
    allow_private_addresses: bool = False
    """Loopback and private ranges as targets; development and closed state networks only."""


class RateSection(Section):
    """Requests a minute per client address (/64 for IPv6); 0 switches a limit off."""

    authorize: int = Field(default=120, ge=0)
    callback: int = Field(default=60, ge=0)
    token: int = Field(default=600, ge=0)


class RegistrationSection(Section):
    """Dynamic client registration (RFC 7591, RFC 7592), for trying out: refused in production."""

    enabled: bool = False
    initial_access_token: SecretReference | None = None
    """Who registers must send it as bearer token; without one, everybody who reaches the gateway may."""


class RegistrySection(Section):
    """Changes of trust by two people."""

    bootstrap: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Hash of the ceremony that enrolled the first approvers, as ``eid-gateway registry init`` printed it.
    A database that begins with another one is not believed; without it, whatever the database begins with is."""


class Settings(Section):
    """The whole of ``gateway.toml``."""

    gateway: GatewaySection
    listen: ListenSection = ListenSection()
    store: StoreSection = StoreSection()
    database: DatabaseSection = DatabaseSection()
    keys: tuple[KeySection, ...]
    limits: LimitsSection = LimitsSection()
    http: HTTPSection = HTTPSection()
    rate: RateSection = RateSection()
    registration: RegistrationSection = RegistrationSection()
    registry: RegistrySection = RegistrySection()
    console: ConsoleSection | None = None
    probes: ProbesSection = ProbesSection()
    watch: WatchSection = WatchSection()
    log: LogSection = LogSection()
    statistics: StatisticsSection = StatisticsSection()


class ConfigurationProblem(Section):
    """One thing wrong with the configuration, in words an operator can act on."""

    file: str
    path: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        tail = f"; remedy: {self.remedy}" if self.remedy else ""
        return f"{self.file}: {self.path}: {self.problem}{tail}"


class ConfigurationError(Exception):
    """All problems at once."""

    def __init__(self, problems: tuple[ConfigurationProblem, ...]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = problems


def resolve(reference: str, base: Path) -> Path:
    """A configuration path, relative to the configuration directory ``base``."""
    path = Path(reference)
    return path if path.is_absolute() else base / path
