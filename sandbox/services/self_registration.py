"""Register a client in a minute: a form in front of the gateway's registration endpoint (RFC 7591)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.services.relying_party import TIMEOUT

METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt")
_LISTS = ("redirect_uris", "post_logout_redirect_uris")
_TEXTS = ("client_name", "token_endpoint_auth_method", "jwks_uri", "backchannel_logout_uri")

Page = Callable[..., Response]


class Refused(Exception):
    """The form cannot be sent, or the gateway does not register this client."""


@dataclass(frozen=True, slots=True)
class SelfRegistration:
    """The page; complete without JavaScript."""

    issuer: str
    authority: Path | None
    page: Page

    def routes(self) -> list[Route]:
        return [Route("/register/", self.form), Route("/register/", self.register, methods=["POST"])]

    async def form(self, http: Request) -> Response:
        return self.page(http, "register.html", methods=METHODS, given={}, problem="")

    async def register(self, http: Request) -> Response:
        """The secret is in this answer only: it is neither kept here nor shown again by the gateway."""
        given = {name: str(value) for name, value in (await http.form()).items()}
        try:
            client = await run_in_threadpool(self._send, metadata(given))
        except (Refused, requests.RequestException) as problem:
            text = str(problem) if isinstance(problem, Refused) else f"gateway: {type(problem).__name__}"
            return self.page(
                http, "register.html", status_code=400, methods=METHODS, given=given, problem=text
            )
        return self.page(http, "registered.html", client=client, issuer=self.issuer)

    def _send(self, members: Mapping[str, Any]) -> dict[str, Any]:
        with requests.Session() as session:
            session.trust_env = False
            if self.authority is not None:
                session.verify = str(self.authority)
            document = session.get(f"{self.issuer}/.well-known/openid-configuration", timeout=TIMEOUT)
            document.raise_for_status()
            answer = session.post(document.json()["registration_endpoint"], json=members, timeout=TIMEOUT)
            told: dict[str, Any] = answer.json()
            if answer.status_code != requests.codes.created:
                raise Refused(f"{told.get('error')}: {told.get('error_description')}")
            return told


def metadata(given: Mapping[str, str]) -> dict[str, Any]:
    """Client metadata from the form; raises Refused."""
    members: dict[str, Any] = {name: given[name].strip() for name in _TEXTS if given.get(name, "").strip()}
    members |= {name: given[name].split() for name in _LISTS if given.get(name, "").strip()}
    if given.get("jwks", "").strip():
        try:
            members["jwks"] = json.loads(given["jwks"])
        except ValueError as error:
            raise Refused("jwks: kein JSON") from error
    if given.get("client_class") == "fapi2":
        members |= {"client_class": "fapi2", "dpop_bound_access_tokens": True}
    return members
