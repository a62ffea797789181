"""``gateway.toml``: everything about this installation that is not a partner.

``load`` in ``gateway.bundle`` reads it together with the registry bundle. Each section is one
frozen model, unknown keys are refused, nothing is read again after start-up. A secret is never
written into a TOML file: it is a reference, ``file:<path relative to the configuration>`` or
``env:<NAME>``.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from connectors.assurance import LevelOfAssurance

SecretReference = Annotated[str, StringConstraints(pattern=r"^(file:.+|env:[A-Z][A-Z0-9_]*)$")]
"""Where a secret is, never the secret."""

Texts = dict[str, str]
"""A text per BCP 47 language tag; ``de`` is mandatory where the text is shown to citizens."""


class Section(BaseModel):
    """A configuration model: frozen, no unknown keys, no silent conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)


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
    """Addresses or networks whose ``X-Forwarded-For`` is believed; empty: nobody's."""
    tls_certificate: str | None = None
    tls_private_key: SecretReference | None = None
    """TLS inside the process, for the sandbox and small installations; else a proxy ends TLS."""


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
    private_key: SecretReference
    """PEM (PKCS#8); for ``subject``: at least 32 random octets."""
    certificate: str | None = None
    """PEM file, relative to the configuration; needed for the SAML purposes. The issuers'
    certificates may follow the key's own: metadata are published with the path up to the anchor."""
    connectors: tuple[str, ...] = ()
    """SAML purposes: only for these connectors, which then do not use the common keys of that purpose."""


class LimitsSection(Section):
    journey_seconds: int = Field(default=900, ge=60, le=1800)
    """From authorization request to code."""
    code_seconds: int = Field(default=30, ge=5, le=60)
    access_token_seconds: int = Field(default=300, ge=30, le=600)
    id_token_seconds: int = Field(default=300, ge=30, le=600)
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


class ReleaseMode(StrEnum):
    INFORM = "inform"
    """The overview with one button: the legal basis is the law, not consent."""
    CONFIRM = "confirm"
    """Transmit or do not transmit."""


class ClientClass(StrEnum):
    COMPAT = "compat"
    FAPI2 = "fapi2"


class RepresentationPolicy(StrEnum):
    REFUSE = "refuse"
    ACCEPT = "accept"
    REQUIRE = "require"


AccountFact = Literal[
    "proved_by", "multi_factor", "issuing_country", "interface_version", "account_kind", "document_type",
    "community_id", "pseudonym", "mailbox_handle", "application_id", "de_mail", "form_of_address",
    "icao_nationality", "assumed", "irregular", "acting_person", "company",
]  # fmt: skip
"""A field of ``connectors.identity.AccountFacts`` that a client can be registered for."""


class AccountPresentation(Section):
    """How one user account (BundID, an account of a Land, Mein Unternehmenskonto) shows a service and
    knows it: section ``[accounts.<connector id>]`` of a client."""

    display_name: str = ""
    """Shown to the citizen before data are released there; BundID cuts it after 50 characters."""
    online_service_id: str | None = None
    """Number under which the account knows the service, e.g. ``BMI-X0000``; one per service."""
    purpose: str | None = None
    """Only for accounts that still show it; BundID has ignored it since its redesign."""
    back_url: str | None = None
    """Where "back to the service" leads there: ``gateway`` (our own page, which ends the login properly)
    or a fixed https address of the service. Without it the account answers with a cancellation."""
    methods: tuple[str, ...] = ()
    """Login methods in the account's words (``eID``, ``eIDAS``, ``Elster``, ``Benutzername``, ``FINK`` …);
    empty: all that the connector allows. What cannot reach the level is left out anyway."""
    guest: bool = False
    """Temporary logins are welcome: nothing is stored there, ``sub`` is another at every login, and no
    identifier is asked for, so that no login of this service can be recognised."""


BACK_THROUGH_GATEWAY = "gateway"
"""The word for ``back_url`` that stands for the gateway's own page."""


class Client(Section):
    """One relying party: a file ``registry/clients/<client_id>.toml``."""

    client_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
    client_class: ClientClass = ClientClass.COMPAT
    name: Texts
    operator: Texts
    """Legal entity that receives the data."""
    purpose: Texts
    """What the data are for, shown at release."""
    privacy_url: str | None = None
    home_url: str
    """Where a citizen goes back to when no redirect is possible."""
    redirect_uris: tuple[str, ...] = Field(min_length=1)
    token_endpoint_auth_method: Literal["client_secret_basic", "private_key_jwt"] = "client_secret_basic"
    client_secret_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of a random secret of at least 128 bit; the secret itself stays with the client."""
    jwks_file: str | None = None
    jwks_uri: str | None = None
    token_endpoint_auth_signing_alg: Literal["ES256", "PS256", "EdDSA", "RS256"] = "ES256"
    token_endpoint_audience: bool = False
    """Client assertions may name the token endpoint instead of the issuer as ``aud`` (RFC 7523 §3 as
    many libraries still do it, Authlib among them). Class ``compat`` only."""
    client_assertion_seconds: int = Field(default=300, ge=60, le=3600)
    """How far ahead ``exp`` of a client assertion may lie; Authlib's default is an hour."""
    id_token_signed_response_alg: Literal["ES256", "RS256"] = "ES256"
    userinfo_signed_response_alg: Literal["ES256", "RS256"] | None = None
    subject_type: Literal["pairwise"] = "pairwise"
    sector_identifier: str | None = None
    """Host that names the sector; default: the single host of all redirect URIs, if no other client has it."""
    default_max_age: int | None = Field(default=None, ge=0)
    require_auth_time: bool = False
    sector: Literal["public", "private"] = "public"
    requester_id: str | None = None
    """eIDAS RequesterID; default ``<issuer>/clients/<client_id>``."""
    means: tuple[str, ...] = ("eidas",)
    """Connector identifiers this service offers, in its order."""
    persons: tuple[Literal["natural", "legal"], ...] = ("natural",)
    representation: RepresentationPolicy = RepresentationPolicy.REFUSE
    minimum_level: Literal["basic", "low", "substantial", "high"] = "low"
    """``basic`` is below every level of eIDAS: self-asserted data behind a password (Basisregistrierung)."""
    accept_non_notified: bool = False
    required: tuple[str, ...] = ()
    """Attributes (``connectors.identity`` names) without which the service cannot work."""
    optional: tuple[str, ...] = ()
    raw_identifier: bool = False
    """May the source's own identifier leave, e.g. as the claim ``eidas_identifier``? Identifiers of user
    accounts (bPK2 and the like) never do: they are the same for every service of this gateway."""
    accounts: dict[str, AccountPresentation] = Field(default_factory=dict)
    """By connector identifier; needed for every user account among ``means``."""
    account_facts: tuple[AccountFact, ...] = ()
    """What of the account itself this service may learn, in the claim ``account``."""
    attribute_assurance: bool = False
    """Also tell level and source of every single attribute (claim ``attribute_assurance``)."""
    fim_fields: bool = False
    """Also give the released data under the identifiers of FIM's data fields (claim ``fim``)."""
    release: ReleaseMode = ReleaseMode.CONFIRM

    @property
    def level(self) -> LevelOfAssurance:
        return LevelOfAssurance.parse(self.minimum_level)


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
