"""An authorization request between its arrival and ``AuthorizationRequest``: filled in by ``checks``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from connectors.assurance import LevelOfAssurance
from connectors.identity import PersonKind
from gateway.client_settings import Client
from gateway.jose import KeyRing
from gateway.oidc.parameters import Parameters
from gateway.oidc.request import AcrRequest, AuthorizationRequest, ClaimsRequest, ResponseMode, ReturnAddress

STATE_LENGTH = 4096
"""Longest ``state`` that is echoed."""


@dataclass(slots=True, kw_only=True)
class Draft:
    """An authorization request while it is being checked."""

    parameters: Parameters
    client: Client
    redirect_uri: str
    issuer: str
    keys: KeyRing
    now: datetime
    pushed: str | None = field(default=None, repr=False)
    """Secret of the pushed request all this comes from."""
    pushing: bool = False
    """The request is being pushed just now."""
    signed: bool = False
    """It came as a request object."""
    dpop_jkt: str | None = None
    """Key of the DPoP proof that the request was pushed with."""
    response_mode: ResponseMode = ResponseMode.QUERY
    scope: tuple[str, ...] = ()
    code_challenge: str = ""
    nonce: str | None = None
    prompt: tuple[str, ...] = ()
    max_age: int | None = None
    ui_locales: tuple[str, ...] = ()
    means: str | None = None
    country: str | None = None
    person: PersonKind | None = None
    subjects: tuple[str, ...] = ()
    claims: ClaimsRequest = field(default_factory=ClaimsRequest)
    acr: AcrRequest = field(default_factory=AcrRequest)
    minimum: LevelOfAssurance = LevelOfAssurance.LOW
    accept_non_notified: bool = False
    resources: tuple[str, ...] = ()

    @property
    def signing_alg(self) -> str:
        """How a signed answer is signed."""
        return self.client.authorization_signed_response_alg or self.client.id_token_signed_response_alg

    @property
    def return_address(self) -> ReturnAddress:
        """Where the answer goes, also while the rest is still unchecked."""
        state = self.parameters.get("state")
        return ReturnAddress(
            redirect_uri=self.redirect_uri,
            state=state if state is None or len(state) <= STATE_LENGTH else None,
            response_mode=self.response_mode,
            client_id=self.client.client_id,
            signing_alg=self.signing_alg,
        )

    def request(self) -> AuthorizationRequest:
        """What all checks together have found."""
        return AuthorizationRequest(
            client_id=self.client.client_id,
            redirect_uri=self.redirect_uri,
            state=self.parameters.get("state"),
            nonce=self.nonce,
            response_mode=self.response_mode,
            scope=self.scope,
            signing_alg=self.signing_alg,
            code_challenge=self.code_challenge,
            dpop_jkt=self.dpop_jkt,
            pushed=self.pushed,
            resources=self.resources,
            acr=self.acr,
            minimum=self.minimum,
            accept_non_notified=self.accept_non_notified,
            claims=self.claims,
            prompt=self.prompt,
            max_age=self.max_age,
            ui_locales=self.ui_locales,
            means=self.means,
            country=self.country,
            person=self.person,
            subjects=self.subjects,
            issued_at=self.now,
        )
