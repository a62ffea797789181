"""One validated authorization request, and the seam through which it becomes a journey.

``authorize`` builds an ``AuthorizationRequest`` and hands it to the ``JourneyOpener`` that
``gateway.app`` injects; ``gateway.login`` carries it, sealed, through the journey and gives it back
to ``grant`` and ``respond``. It is plain data: everything in it was checked, nothing is looked up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Protocol

from pydantic import JsonValue, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from connectors.assurance import LevelOfAssurance
from connectors.identity import PersonKind
from gateway.client_settings import Client


class ResponseMode(StrEnum):
    """How the answer travels to the client (OAuth 2.0 Multiple Response Types §2.1, Form Post §2, JARM §2.3)."""

    QUERY = "query"
    FORM_POST = "form_post"
    QUERY_JWT = "query.jwt"
    FORM_POST_JWT = "form_post.jwt"

    @property
    def form(self) -> bool:
        return self in {ResponseMode.FORM_POST, ResponseMode.FORM_POST_JWT}

    @property
    def signed(self) -> bool:
        """Whether the answer is one signed JWT (JARM)."""
        return self in {ResponseMode.QUERY_JWT, ResponseMode.FORM_POST_JWT}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnAddress:
    """Where and how an answer reaches the client. Exists only once the redirect URI is proven."""

    redirect_uri: str
    state: str | None = None
    response_mode: ResponseMode = ResponseMode.QUERY
    client_id: str
    signing_alg: str
    """Algorithm of a signed answer, from the registration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRequest:
    """What the ``claims`` parameter says about one claim (Core §5.5.1)."""

    essential: bool = False
    values: tuple[JsonValue, ...] = ()
    """``value`` is read as the one member of ``values``; empty means unconstrained."""
    max_age: float | None = None
    """Seconds that a date or time may lie in the past (IDA §6)."""

    @property
    def constrained(self) -> bool:
        return bool(self.values) or self.max_age is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsRequest:
    """The ``claims`` parameter (Core §5.5), by destination; claim name to what was said about it."""

    userinfo: dict[str, ClaimRequest] = field(default_factory=dict)
    id_token: dict[str, ClaimRequest] = field(default_factory=dict)
    verified_userinfo: tuple[dict[str, JsonValue], ...] = ()
    """``verified_claims`` elements asked for in UserInfo, already well-formed (IDA §6)."""
    verified_id_token: tuple[dict[str, JsonValue], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AcrRequest:
    """Levels the client asked for: the essential ``acr`` claim if there is one, else ``acr_values``."""

    values: tuple[str, ...] = ()
    """In the client's order; empty means that it named none."""
    essential: bool = False
    vocabulary: str = "eidas"
    """The client's words for levels (``acr_vocabulary``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A complete, checked authentication request (Core §3.1.2.1)."""

    client_id: str
    redirect_uri: str
    state: str | None = None
    nonce: str | None = None
    response_mode: ResponseMode = ResponseMode.QUERY
    scope: tuple[str, ...] = ("openid",)
    signing_alg: str = "ES256"
    """Algorithm of a signed answer (JARM), from the registration."""
    code_challenge: str
    """PKCE challenge, method S256."""
    dpop_jkt: str | None = None
    """Thumbprint of the key that alone may redeem the code (RFC 9449 §10)."""
    pushed: str | None = field(default=None, repr=False)
    """Secret of the pushed request this came from; it ends when the code is issued (RFC 9126 §4)."""
    resources: tuple[str, ...] = ()
    """Resource servers the client will want tokens for (RFC 8707 §2.1)."""
    acr: AcrRequest = AcrRequest()
    minimum: LevelOfAssurance
    """What the source must reach: the client's registration and ``acr`` together."""
    accept_non_notified: bool = False
    claims: ClaimsRequest = ClaimsRequest()
    prompt: tuple[str, ...] = ()
    max_age: int | None = None
    """From the request or the client's ``default_max_age``."""
    ui_locales: tuple[str, ...] = ()
    means: str | None = None
    """Connector named by a hint such as ``eidas:country:gr``."""
    country: str | None = None
    """ISO 3166-1 alpha-2, upper case (``GR``, never ``EL``), from ``login_hint`` or a scope."""
    person: PersonKind | None = None
    """Kind of subject from ``login_hint``; only one that the client is registered for."""
    subjects: tuple[str, ...] = ()
    """The ``sub`` that alone may log in (``id_token_hint``, or ``sub`` with values in ``claims``); none: anyone."""
    issued_at: datetime
    """When the request arrived, UTC."""

    @property
    def return_address(self) -> ReturnAddress:
        """Where success and errors of this request go."""
        return ReturnAddress(
            redirect_uri=self.redirect_uri,
            state=self.state,
            response_mode=self.response_mode,
            client_id=self.client_id,
            signing_alg=self.signing_alg,
        )

    def to_record(self) -> bytes:
        """UTF-8 JSON for the sealed store; ``from_record`` gives an equal object back."""
        return _adapter().dump_json(self)

    @staticmethod
    def from_record(record: bytes) -> AuthorizationRequest:
        """Inverse of ``to_record``; raises pydantic.ValidationError on anything else."""
        return _adapter().validate_json(record)


@cache
def _adapter() -> TypeAdapter[AuthorizationRequest]:
    return TypeAdapter(AuthorizationRequest)


class JourneyOpener(Protocol):
    """Opens a login journey for a checked request; implemented by ``gateway.login``."""

    async def __call__(
        self, client: Client, request: AuthorizationRequest, *, http: Request, now: datetime
    ) -> Response:
        """The 303 to the first page of the journey, with its cookie; or the answer of a session.

        Raises GatewayError, which goes to the client's ``redirect_uri`` where its entry allows.
        """
        ...
