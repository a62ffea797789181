"""One relying party: a file ``registry/clients/<client_id>.toml``.

Names are those of OAuth's and OpenID Connect's client metadata (RFC 7591 §2, oidc.md §13) where there is one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from connectors.assurance import LevelOfAssurance
from gateway.settings import Section, Texts


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
