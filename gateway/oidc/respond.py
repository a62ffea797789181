"""The authorization response: code or error, back to the client's redirect URI.

What comes out is a ``BrowserDispatch``; whoever answers the browser turns it into a 303, or into the page
that a form of ours must be followed by (``gateway.web.pages``). Every response names our issuer, so
that a client with several providers cannot be mixed up (RFC 9207).
"""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from connectors.contract import BrowserDispatch, FormDispatch, RedirectDispatch
from gateway.errors import GatewayError
from gateway.oidc.request import ResponseMode, ReturnAddress

_FORBIDDEN_IN_DESCRIPTION = str.maketrans({'"': "'", "\\": "/"})


def success_response(issuer: str, address: ReturnAddress, code: str) -> BrowserDispatch:
    """The successful response (Core §3.1.2.5)."""
    return _dispatch(issuer, address, [("code", code)])


def error_response(issuer: str, address: ReturnAddress, error: GatewayError) -> BrowserDispatch:
    """The error response (RFC 6749 §4.1.2.1, Core §3.1.2.6).

    The caller has seen to it that ``error.entry.to_client`` holds; everything else is shown as a page.
    """
    entry = error.entry
    return _dispatch(
        issuer,
        address,
        [
            ("error", entry.oidc_error),
            ("error_description", description(error)),
            ("error_uri", error_uri(issuer, error)),
        ],
    )


def description(error: GatewayError) -> str:
    """``error_description``: number and hint, ASCII without quote and backslash (RFC 6749 §5.2)."""
    text = f"{error.entry.number} {error.entry.hint}".translate(_FORBIDDEN_IN_DESCRIPTION)
    return text.encode("ascii", "replace").decode("ascii")


def error_uri(issuer: str, error: GatewayError) -> str:
    """The page that explains this error to integrators."""
    return f"{issuer}/error/{quote(error.entry.code)}"


def _dispatch(issuer: str, address: ReturnAddress, parameters: list[tuple[str, str]]) -> BrowserDispatch:
    if address.state is not None:
        parameters.append(("state", address.state))
    parameters.append(("iss", issuer))
    if address.response_mode is ResponseMode.FORM_POST:
        return FormDispatch(action=address.redirect_uri, fields=tuple(parameters))
    parts = urlsplit(address.redirect_uri)
    query = "&".join(part for part in (parts.query, urlencode(parameters)) if part)
    return RedirectDispatch(url=urlunsplit(parts._replace(query=query)))
