"""One service as OpenID relying party: Authlib's OAuth session, discovery, every check of
OpenID Connect Core §3.1.3.7 on the ID token."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT, private_key_jwt_sign
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet
from requests import Session

from sandbox.services.registrations import Service

TIMEOUT: Final = 20
ASSERTION_SECONDS: Final = 60
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS: Final = ["ES256", "RS256"]
LEVELS: Final = ("basic", "low", "substantial", "high")
"""``basic`` is an account with user name and password: below every eIDAS level."""
_PREFIXES = ("http://eidas.europa.eu/LoA/", "http://eidas.europa.eu/NotNotified/LoA/")
_BASIC = "STORK-QAA-Level-1"


class LoginFailed(Exception):
    """The login ended without a verified person; ``error`` as in OAuth, ``code`` of the catalogue."""

    def __init__(self, error: str, description: str, code: str = "") -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a visitor asks for on the start page."""

    level: str | None = None
    country: str | None = None
    language: str | None = None
    acr_values: str | None = None
    """Instead of a level: what a resource server demands (RFC 9470 §4)."""
    claims: str | None = None
    """Instead of what the service asks for by itself: the ``claims`` parameter as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What the service must remember until the browser comes back."""

    state: str
    nonce: str
    verifier: str
    level: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A verified login."""

    id_token: Mapping[str, Any]
    userinfo: Mapping[str, Any]
    access_token: str = field(default="", repr=False)


@dataclass(slots=True)
class RelyingParty:
    """One service against one issuer."""

    service: Service
    issuer: str
    base: str
    """Address of this service, ends without slash, e.g. ``http://localhost:8410/amt24``."""
    secret: str | ECKey
    authority: Path | None = None
    callback: str | None = None
    """Redirect URI, if it is not below ``base``."""
    _configuration: dict[str, Any] | None = None
    _keys: KeySet | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def redirect_uri(self) -> str:
        return self.callback or f"{self.base}/callback"

    def begin(self, wishes: Wishes) -> tuple[str, Attempt]:
        """The authorization URL and what to remember."""
        attempt = Attempt(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            level=word_of(wishes.acr_values.split()[0])
            if wishes.acr_values
            else wishes.level or self.service.acr,
        )
        parameters: dict[str, str] = {
            "nonce": attempt.nonce,
            "claims": wishes.claims or json.dumps(self.service.claims_parameter),
        }
        if wishes.acr_values:
            parameters["acr_values"] = wishes.acr_values
        elif attempt.level:
            acceptable = LEVELS[LEVELS.index(attempt.level) :]
            parameters["acr_values"] = " ".join(map(_acr, acceptable))
        if wishes.country:
            parameters["login_hint"] = wishes.country
        if wishes.language:
            parameters["ui_locales"] = wishes.language
        with self._session() as session:
            url, _ = session.create_authorization_url(
                self._discover(session)["authorization_endpoint"],
                state=attempt.state,
                code_verifier=attempt.verifier,
                **parameters,
            )
        return str(url), attempt

    def finish(self, url: str, parameters: Mapping[str, str], attempt: Attempt) -> Result:
        """Redeem the answer that came to ``url``; raises LoginFailed."""
        if parameters.get("state") != attempt.state:
            raise LoginFailed("invalid_response", "state is not the one that was sent")
        if parameters.get("iss") != self.issuer:
            raise LoginFailed("invalid_response", "iss is another issuer (RFC 9207)")
        if "error" in parameters:
            code = urlsplit(parameters.get("error_uri", "")).path.rpartition("/")[2]
            raise LoginFailed(parameters["error"], parameters.get("error_description", ""), code)
        with self._session() as session:
            configuration = self._discover(session)
            token = session.fetch_token(
                configuration["token_endpoint"],
                authorization_response=url,
                code_verifier=attempt.verifier,
                timeout=TIMEOUT,
            )
            claims = self._id_token(session, str(token["id_token"]), str(token["access_token"]), attempt)
            userinfo = self._userinfo(session, claims["sub"])
            return Result(id_token=claims, userinfo=userinfo, access_token=str(token["access_token"]))

    def exchange(self, access_token: str, resource: str) -> str:
        """A token for a resource server from that of the login (RFC 8693 §2.1); raises LoginFailed."""
        with self._session() as session:
            try:
                token = session.fetch_token(
                    self._discover(session)["token_endpoint"],
                    grant_type="urn:ietf:params:oauth:grant-type:token-exchange",
                    subject_token=access_token,
                    subject_token_type="urn:ietf:params:oauth:token-type:access_token",
                    resource=resource,
                    timeout=TIMEOUT,
                )
            except OAuthError as error:
                raise LoginFailed(error.error, error.description or "") from error
            return str(token["access_token"])

    def revoke(self, token: str) -> None:
        """Tell the gateway that a token is not needed any more (RFC 7009 §2.1); with a key of our own."""
        assertion = private_key_jwt_sign(
            self.secret,
            self.service.client_id,
            self.issuer,
            alg="ES256",
            claims={"exp": int(time.time()) + ASSERTION_SECONDS},
        )
        form = {"token": token, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        with self._session() as session:
            endpoint = self._discover(session)["revocation_endpoint"]
        with self.plain_session() as plain:
            plain.post(endpoint, data=form, timeout=TIMEOUT).raise_for_status()

    def plain_session(self) -> Session:
        """For calls that carry a token of their own."""
        session = Session()
        session.trust_env = False
        if self.authority is not None:
            session.verify = str(self.authority)
        return session

    def _session(self) -> OAuth2Session:
        session = OAuth2Session(
            self.service.client_id,
            self.secret,
            scope=self.service.scope,
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method=self.service.authentication,
        )
        session.trust_env = False
        if self.authority is not None:
            session.verify = str(self.authority)
        if isinstance(self.secret, ECKey):
            session.register_client_auth_method(self._assertion_method(self.secret))
        return session

    def _assertion_method(self, key: ECKey) -> PrivateKeyJWT:
        if self.service.registration.get("token_endpoint_audience"):
            # Authlib as it comes: the token endpoint as audience, valid for an hour. The registration
            # of this service allows both.
            return PrivateKeyJWT(alg="ES256")
        # Core errata 3 §9: the audience is the issuer, as a string, and the life is short.
        claims = {"exp": int(time.time()) + ASSERTION_SECONDS}
        return PrivateKeyJWT(self.issuer, claims=claims, headers={"kid": key.kid}, alg="ES256")

    def _discover(self, session: OAuth2Session) -> dict[str, Any]:
        with self._lock:
            if self._configuration is None:
                url = f"{self.issuer}/.well-known/openid-configuration"
                answer = session.request("GET", url, withhold_token=True, timeout=TIMEOUT)
                answer.raise_for_status()
                configuration: dict[str, Any] = answer.json()
                if configuration.get("issuer") != self.issuer:
                    raise LoginFailed("invalid_response", "discovery names another issuer (Disc 4.3)")
                self._configuration = configuration
            return self._configuration

    def _fetch_keys(self, session: OAuth2Session) -> KeySet:
        url = self._discover(session)["jwks_uri"]
        answer = session.request("GET", url, withhold_token=True, timeout=TIMEOUT)
        answer.raise_for_status()
        self._keys = KeySet.import_key_set(answer.json())
        return self._keys

    def _verified(self, session: OAuth2Session, token: str) -> jwt.Token:
        """The JWT, verified; one fresh look at the keys when the known ones do not fit."""
        if self._keys is not None:
            try:
                return jwt.decode(token, self._keys, algorithms=ALGORITHMS)
            except (JoseError, ValueError):
                self._keys = None
        return jwt.decode(token, self._fetch_keys(session), algorithms=ALGORITHMS)

    def _id_token(
        self, session: OAuth2Session, token: str, access_token: str, attempt: Attempt
    ) -> dict[str, Any]:
        try:
            verified = self._verified(session, token)
            claims = CodeIDToken(
                verified.claims,
                verified.header,
                {"iss": {"essential": True, "value": self.issuer}},
                {
                    "nonce": attempt.nonce,
                    "client_id": self.service.client_id,
                    "access_token": access_token,
                },
            )
            claims.validate(leeway=60)
        except (JoseError, ValueError) as error:
            raise LoginFailed("invalid_token", f"ID token: {type(error).__name__} {error}") from error
        audience = claims["aud"]
        if audience not in (self.service.client_id, [self.service.client_id]):
            raise LoginFailed("invalid_token", "ID token: audience")
        _check_level(str(claims.get("acr", "")), attempt.level)
        return dict(claims)

    def _userinfo(self, session: OAuth2Session, subject: str) -> dict[str, Any]:
        answer = session.get(self._discover(session)["userinfo_endpoint"], timeout=TIMEOUT)
        answer.raise_for_status()
        if answer.headers["Content-Type"].startswith("application/jwt"):
            claims = dict(self._verified(session, answer.text).claims)
        else:
            claims = answer.json()
        if claims.get("sub") != subject:
            raise LoginFailed("invalid_token", "UserInfo is about another subject (Core 5.3.2)")
        return claims


def _acr(word: str) -> str:
    return _BASIC if word == "basic" else _PREFIXES[0] + word


def word_of(acr: str) -> str:
    """``high`` for the URI that means it; empty for what is no level."""
    word = next((acr.removeprefix(p) for p in _PREFIXES if acr.startswith(p)), "")
    return "basic" if acr == _BASIC else "" if word == "basic" else word


def _check_level(acr: str, wanted: str | None) -> None:
    """The acr must be one that we know and at least what we asked for."""
    word = word_of(acr)
    if word not in LEVELS:
        raise LoginFailed("invalid_token", "acr is no level of assurance")
    if wanted and LEVELS.index(word) < LEVELS.index(wanted):
        raise LoginFailed("invalid_token", "acr is below the level that was asked for")
