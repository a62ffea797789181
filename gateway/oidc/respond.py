"""The authorization response: code or error, back to the client's redirect URI.

What comes out is a ``BrowserDispatch``; whoever answers the browser turns it into a 303, or into the page
that a form of ours must be followed by (``gateway.web.pages``). Every response names our issuer, so
that a client with several providers cannot be mixed up (RFC 9207).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from pydantic import JsonValue

from connectors.contract import BrowserDispatch, FormDispatch, RedirectDispatch
from gateway.errors import GatewayError
from gateway.jose import KeyRing
from gateway.oidc.request import ReturnAddress

SIGNED_SECONDS = 60
"""Life of a signed response (JARM §2.1 recommends at most ten minutes)."""

_FORBIDDEN_IN_DESCRIPTION = str.maketrans({'"': "'", "\\": "/"})


@dataclass(frozen=True, slots=True)
class Responder:
    """Says to a client what became of its request."""

    issuer: str
    keys: KeyRing

    def success(self, address: ReturnAddress, code: str, *, now: datetime) -> BrowserDispatch:
        """The successful response (Core §3.1.2.5); raises KeyUnavailable."""
        return self._dispatch(address, {"code": code}, now)

    def error(self, address: ReturnAddress, error: GatewayError, *, now: datetime) -> BrowserDispatch:
        """The error response (RFC 6749 §4.1.2.1, Core §3.1.2.6); raises KeyUnavailable.

        The caller has seen to it that ``error.entry.to_client`` holds; everything else is shown as a page.
        """
        told = {
            "error": error.entry.oidc_error,
            "error_description": description(error),
            "error_uri": error_uri(self.issuer, error),
        }
        return self._dispatch(address, told, now)

    def _dispatch(self, address: ReturnAddress, told: dict[str, str], now: datetime) -> BrowserDispatch:
        if address.state is not None:
            told["state"] = address.state
        told["iss"] = self.issuer
        if address.response_mode.signed:
            told = {"response": self._signed(address, told, now)}
        if address.response_mode.form:
            return FormDispatch(action=address.redirect_uri, fields=tuple(told.items()))
        parts = urlsplit(address.redirect_uri)
        query = "&".join(part for part in (parts.query, urlencode(told)) if part)
        return RedirectDispatch(url=urlunsplit(parts._replace(query=query)))

    def _signed(self, address: ReturnAddress, told: dict[str, str], now: datetime) -> str:
        """JARM §2.1; ``iss`` (RFC 9207) then is inside only."""
        claims: dict[str, JsonValue] = {
            **told,
            "aud": address.client_id,
            "exp": int(now.timestamp()) + SIGNED_SECONDS,
        }
        return self.keys.active(address.signing_alg).sign(claims)


def description(error: GatewayError) -> str:
    """``error_description``: number and hint, ASCII without quote and backslash (RFC 6749 §5.2)."""
    text = f"{error.entry.number} {error.entry.hint}".translate(_FORBIDDEN_IN_DESCRIPTION)
    return text.encode("ascii", "replace").decode("ascii")


def error_uri(issuer: str, error: GatewayError) -> str:
    """The page that explains this error to integrators."""
    return f"{issuer}/error/{quote(error.entry.code)}"
