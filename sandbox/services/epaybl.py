"""ePayBL, the payment component: a resource server (RFC 6750, RFC 9068, RFC 9470).

It knows of the gateway its issuer URL and its own registration. A token must be a signed ``at+jwt`` for
this very resource, checked by the published keys, and the gateway must still call it active when asked
(RFC 7662). What it learns of a person is a word that changes with every login, and how sure the
identification was; no name, no date of birth.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.addresses import Addresses
from sandbox.services.relying_party import ALGORITHMS, LEVELS, TIMEOUT, word_of

CLIENT_ID: Final = "epaybl"
REGISTRATION: Final[Mapping[str, Any]] = {
    "name": {"de": "ePayBL", "en": "ePayBL"},
    "operator": {"de": "Entwicklergemeinschaft ePayBL (Demo)", "en": "ePayBL developers (demo)"},
    "purpose": {"de": "Gebühren bezahlen", "en": "To pay fees"},
    "sector_identifier": "epaybl.example",
    "token_endpoint_auth_method": "client_secret_basic",
}
"""What the operator of the gateway writes down; nobody logs in here."""

_HIGH_FROM: Final = 10_000
"""Cents from which a payer must be identified at level high."""
_AMOUNT = re.compile(r"([0-9]{1,6}),([0-9]{2})", re.ASCII)


def base_of(addresses: Addresses) -> str:
    return f"{addresses.services}/{CLIENT_ID}"


def resource_of(addresses: Addresses) -> str:
    """The resource identifier (RFC 8707 §2)."""
    return f"{base_of(addresses)}/"


def cents(amount: str) -> int:
    """``12,50`` as 1250; raises ValueError."""
    match = _AMOUNT.fullmatch(amount)
    if match is None:
        raise ValueError(amount)
    return int(match[1]) * 100 + int(match[2])


class TokenRefused(Exception):
    """Not a token for this resource server; the text says why, for its own log."""


@dataclass(slots=True)
class PaymentComponent:
    """The resource server."""

    issuer: str
    resource: str
    secret: str = field(repr=False)
    authority: Path | None = None
    _configuration: dict[str, Any] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    async def pay(self, http: Request) -> Response:
        """POST /epaybl/payments: amount (``12,50``) and reference, with an access token."""
        headers = http.headers.getlist("authorization")
        scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not token:
            return _challenge()  # RFC 6750 §3.1: no error code when no token was sent
        try:
            claims = await run_in_threadpool(self.check, token)
        except TokenRefused:
            return _challenge(error="invalid_token", error_description="no valid token for this resource")
        except requests.RequestException:
            return JSONResponse({"error": "temporarily_unavailable"}, 503)
        form = await http.form()
        try:
            amount = cents(str(form.get("amount") or ""))
        except ValueError:
            return JSONResponse({"error": "amount must look like 12,50"}, 400)
        needed = "high" if amount >= _HIGH_FROM else "low"
        level = word_of(str(claims.get("acr", "")))
        if level not in LEVELS or LEVELS.index(level) < LEVELS.index(needed):
            return _challenge(
                error="insufficient_user_authentication",
                error_description="amounts from 100 euro need a payer identified at level high",
                acr_values=f"http://eidas.europa.eu/LoA/{needed}",
            )
        receipt = {
            "receipt": secrets.token_hex(6),
            "amount": amount,
            "reference": str(form.get("reference") or "")[:80],
            "portal": claims["client_id"],
            "learned": {name: claims[name] for name in sorted(claims)},
        }
        return JSONResponse(receipt, 201, headers={"Cache-Control": "no-store"})

    def check(self, token: str) -> dict[str, Any]:
        """The claims of a token for us, checked by the keys and by asking; raises TokenRefused."""
        claims = self._verified(token)
        told = self._introspected(token)
        if told.get("active") is not True or told.get("jti") != claims["jti"]:
            raise TokenRefused("the gateway does not call it active")
        if "cnf" in claims:
            # Bound to a key (RFC 7800 §3.1), and no proof of it is taken here: as Bearer it would serve a thief.
            raise TokenRefused("bound to a key that nobody has proven")
        return claims

    def _verified(self, token: str) -> dict[str, Any]:
        """RFC 9068 §4."""
        try:
            document: Any = self._get(self._discover()["jwks_uri"])
            verified = jwt.decode(token, KeySet.import_key_set(document), algorithms=ALGORITHMS)
            if str(verified.header.get("typ")).lower() not in ("at+jwt", "application/at+jwt"):
                raise TokenRefused("no access token")
            jwt.JWTClaimsRegistry(
                iss={"essential": True, "value": self.issuer},
                aud={"essential": True, "value": self.resource},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
                jti={"essential": True},
                client_id={"essential": True},
            ).validate(verified.claims)
        except (JoseError, ValueError) as error:
            raise TokenRefused(type(error).__name__) from error
        return dict(verified.claims)

    def _introspected(self, token: str) -> dict[str, Any]:
        """RFC 7662 §2."""
        with self._session() as session:
            answer = session.post(
                self._discover()["introspection_endpoint"],
                data={"token": token, "token_type_hint": "access_token"},
                auth=(CLIENT_ID, self.secret),
                timeout=TIMEOUT,
            )
            answer.raise_for_status()
            told: dict[str, Any] = answer.json()
            return told

    def _discover(self) -> dict[str, Any]:
        with self._lock:
            if self._configuration is None:
                self._configuration = self._get(f"{self.issuer}/.well-known/oauth-authorization-server")
            return self._configuration

    def _get(self, url: str) -> dict[str, Any]:
        with self._session() as session:
            answer = session.get(url, timeout=TIMEOUT)
            answer.raise_for_status()
            document: dict[str, Any] = answer.json()
            return document

    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        if self.authority is not None:
            session.verify = str(self.authority)
        return session


def _challenge(**told: str) -> Response:
    """RFC 6750 §3, RFC 9470 §3."""
    parameters = "".join(f', {name}="{value}"' for name, value in told.items())
    body = {"error": told.get("error", "token_missing")}
    headers = {"WWW-Authenticate": f'Bearer realm="epaybl"{parameters}', "Cache-Control": "no-store"}
    return JSONResponse(body, 401, headers=headers)
