"""Everything the endpoints of the OpenID Provider work with, put together once by ``gateway.app``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from connectors.assurance import LevelOfAssurance
from connectors.contract import FormDispatch, TokenSource
from gateway.audit import Audit
from gateway.client_certificate import asked_for
from gateway.client_settings import Client
from gateway.errors import GatewayError
from gateway.jose import KeyRing
from gateway.oidc.client_keys import ClientKeys
from gateway.oidc.request import AuthorizationRequest, JourneyOpener
from gateway.oidc.respond import Responder
from gateway.settings import LimitsSection
from gateway.store import Store
from gateway.withdrawn import NOTHING, Withdrawn

Clock = Callable[[], datetime]
"""The time, UTC with zone."""


class Pages(Protocol):
    """The pages that the endpoints here show to a citizen; implemented with ``gateway.web``."""

    def error(self, request: Request, error: GatewayError, *, client: Client | None) -> Response:
        """A page for a refusal that must not go to the client; status ``error.entry.http_status``."""
        ...

    def form(self, form: FormDispatch, *, client: Client, languages: tuple[str, ...]) -> Response:
        """A page whose form goes to the client's redirect URI (Form Post Response Mode §2)."""
        ...


class Reach(Protocol):
    """How high a client can get with the means and countries it offers."""

    def __call__(
        self, client: Client, request: AuthorizationRequest, *, now: datetime
    ) -> LevelOfAssurance | None:
        """The highest level, also through a country that is down just now; None: not known."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """The OpenID Provider of one issuer."""

    issuer: str
    clients: Mapping[str, Client]
    client_keys: ClientKeys
    keys: KeyRing
    respond: Responder
    withdrawn: Withdrawn = NOTHING
    store: Store
    audit: Audit
    pages: Pages
    open_journey: JourneyOpener
    reach: Reach
    limits: LimitsSection
    languages: tuple[str, ...]
    clock: Clock
    random: TokenSource
    policy_uri: str | None = None
    documentation_uri: str | None = None
    mtls_url: str | None = None
    """Base of the endpoints for clients that show a TLS certificate."""
    registration: bool = False
    """Whether clients may register themselves."""

    def address_of(self, request: Request) -> str:
        """The address of the endpoint a request reached, as configured and never as ``Host`` says."""
        path: str = request.scope["path"]
        if self.mtls_url is not None and asked_for(request.scope):
            return self.mtls_url + path
        return self.issuer + path.removeprefix(urlsplit(self.issuer).path)
