"""One relying party: a file ``registry/clients/<client_id>.toml``.

Names are those of OAuth's and OpenID Connect's client metadata (RFC 7591 §2, oidc.md §13) where there is one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints

from connectors.assurance import LevelOfAssurance
from gateway.settings import Texts
from gateway.settings.section import Section

PROBE_CLIENT = "eid-gateway.probe"
"""Identifier of our own client that logs in with test identities (``gateway.probes``): no citizen's login
bears it, and no registration may."""


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

CardFact = Literal[
    "document_type", "issuing_state", "date_of_expiry", "artistic_name", "community_id", "residence_permit",
]  # fmt: skip
"""A field of ``connectors.identity.CardFacts`` that a client can be registered for."""

Age = Annotated[int, Field(ge=1, le=130)]
CommunityID = Annotated[
    str, StringConstraints(pattern=r"^0276([0-9]{2}(0[0-9]{1}([0-9]{2}(0[0-9]{3})?)?)?)?$")
]
"""Data group 18 or the beginning of it (TR-03127 §3.2.2): ``0276`` for Germany, then Land, region, district,
community as in the official key, the one-digit region and the three-digit community after a zero."""


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


KeyManagement = Literal["ECDH-ES", "ECDH-ES+A256KW", "RSA-OAEP-256"]
"""How the content key of a JWE is agreed or wrapped (RFC 7518 §4.1)."""

ContentEncryption = Literal["A128CBC-HS256", "A128GCM", "A256GCM"]


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
    token_endpoint_auth_method: Literal[
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "tls_client_auth",
        "self_signed_tls_client_auth",
    ] = "client_secret_basic"
    client_secret_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of a random secret of at least 128 bit; the secret itself stays with the client."""
    jwks_file: str | None = None
    jwks_uri: str | None = None
    jwks: dict[str, JsonValue] | None = None
    """The JWK Set itself; one of these three."""
    token_endpoint_auth_signing_alg: Literal["ES256", "PS256", "EdDSA", "RS256"] = "ES256"
    token_endpoint_audience: bool = False
    """Client assertions may name the token endpoint instead of the issuer as ``aud`` (RFC 7523 §3 as
    many libraries still do it, Authlib among them). Class ``compat`` only."""
    client_assertion_seconds: int = Field(default=300, ge=60, le=3600)
    """How far ahead ``exp`` of a client assertion may lie; Authlib's default is an hour."""
    id_token_signed_response_alg: Literal["ES256", "RS256"] = "ES256"
    userinfo_signed_response_alg: Literal["ES256", "RS256"] | None = None
    id_token_encrypted_response_alg: KeyManagement | None = None
    id_token_encrypted_response_enc: ContentEncryption | None = None
    """Default with an ``alg``: ``A128CBC-HS256`` (Reg §2)."""
    userinfo_encrypted_response_alg: KeyManagement | None = None
    userinfo_encrypted_response_enc: ContentEncryption | None = None
    authorization_signed_response_alg: Literal["ES256", "RS256"] | None = None
    """JARM: set, the answer of the authorization endpoint must be a signed JWT; the client has to ask
    with ``response_mode`` ``jwt``, ``query.jwt`` or ``form_post.jwt``."""
    introspection_signed_response_alg: Literal["ES256", "RS256"] = "ES256"
    require_pushed_authorization_requests: bool = False
    """RFC 9126 §6; always so for class ``fapi2``."""
    require_pkce: bool = True
    """Off for a client that cannot send ``code_challenge`` (class ``compat`` only; RFC 9700 §2.1.1 recommends it
    to all). Where a challenge came, its verifier is demanded all the same; the plan of OpenID Connect's Basic
    profile sends none."""
    require_signed_request_object: bool = False
    """RFC 9101 §10.5; FAPI 2.0 Message Signing §5.3.1."""
    request_object_signing_alg: Literal["ES256", "PS256", "EdDSA", "RS256"] | None = None
    """Default: the algorithm of the client's assertions."""
    dpop_bound_access_tokens: bool = False
    """RFC 9449 §5.2: only access tokens bound to a DPoP key. Class ``fapi2`` needs this or the next."""
    tls_client_certificate_bound_access_tokens: bool = False
    """RFC 8705 §3.4: only access tokens bound to the client's TLS certificate."""
    tls_client_auth_subject_dn: str | None = None
    """Expected subject (RFC 4514) with ``tls_client_auth``; exactly one of these five (RFC 8705 §2.1.2)."""
    tls_client_auth_san_dns: str | None = None
    tls_client_auth_san_uri: str | None = None
    tls_client_auth_san_ip: str | None = None
    tls_client_auth_san_email: str | None = None
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None
    backchannel_logout_session_required: bool = False
    frontchannel_logout_uri: str | None = None
    frontchannel_logout_session_required: bool = False
    session_seconds: int = Field(default=0, ge=0, le=1800)
    """How long a login may be used again without the citizen's eID; 0: every login is a fresh one. Never
    for level ``high`` and never for user accounts, whatever is set here."""
    resources: tuple[str, ...] = ()
    """Resource servers (RFC 8707) this client may get access tokens for."""
    resource: str | None = None
    """This client is itself a resource server under this identifier, and may introspect its tokens."""
    resource_subject: Literal["transient", "pairwise"] = "transient"
    """What the resource server's tokens call the citizen: another word in every login, or always the same."""
    acr_vocabulary: Literal["eidas", "words", "stork", "bsi", "tara", "franceconnect"] = "eidas"
    """The words for levels of assurance that this client speaks; docs/claims.md has the table."""
    default_acr_values: tuple[str, ...] = ()
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
    card_facts: tuple[CardFact, ...] = ()
    """Online-Ausweis: what of the document itself this service may learn, if its request asks for it."""
    age_verification: tuple[Age, ...] = ()
    """Online-Ausweis: completed years that the service may have confirmed (claim ``age_over_<n>``), one in a
    login; the date of birth is not read for it."""
    place_verification: CommunityID | None = None
    """Online-Ausweis: the area in which the service may have the residence confirmed (claim
    ``place_verification``); the address is not read for it."""
    identifier: bool = True
    """Online-Ausweis: whether the service must recognise the person. If not, the card's pseudonym is not
    read, and ``sub`` is another in each login."""
    attribute_assurance: bool = False
    """Also tell level and source of every single attribute (claim ``attribute_assurance``)."""
    fim_fields: bool = False
    """Also give the released data under the identifiers of FIM's data fields (claim ``fim``)."""
    release: ReleaseMode = ReleaseMode.CONFIRM

    @property
    def fapi(self) -> bool:
        """Whether FAPI 2.0 Security Profile binds this client."""
        return self.client_class is ClientClass.FAPI2

    @property
    def pushes(self) -> bool:
        """Whether an authorization request must have been pushed (RFC 9126)."""
        return self.fapi or self.require_pushed_authorization_requests

    @property
    def level(self) -> LevelOfAssurance:
        return LevelOfAssurance.parse(self.minimum_level)
