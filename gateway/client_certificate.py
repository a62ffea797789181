"""The TLS certificate of a client (RFC 8705), from the connection or from the proxy that ended it.

Certificates are taken on a listener of their own, so that no citizen's browser is ever asked for one. On
that listener either TLS ends in this process and the certificate is the connection's, or a proxy ended
it and hands the certificate on as ``Client-Cert`` (RFC 9440 §2.2). The header means nothing anywhere else,
and nothing from anybody but a trusted proxy: whoever else reaches the port could claim to be any client.
"""

from __future__ import annotations

import base64
import binascii
import ssl
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from cryptography import x509
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from gateway.http_protocol import BoundedProtocol

_SCOPE = "client_certificate"
_OCTETS = 16_384


class CertificateProtocol(BoundedProtocol):
    """Puts the verified certificate of the connection into the scope of each of its requests."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        connection = self.transport.get_extra_info("ssl_object")
        if isinstance(connection, ssl.SSLObject):
            self.scope["state"][_SCOPE] = connection.getpeercert(binary_form=True)


class FromProxy:
    """Takes the certificate, and the client's address, that a trusted proxy in front of this listener tells."""

    def __init__(self, app: ASGIApp, trusted_proxies: Sequence[str]) -> None:
        """``trusted_proxies``: addresses and networks; raises ValueError for anything else."""
        self._app = ProxyHeadersMiddleware(app, list(trusted_proxies))  # type: ignore[arg-type] # its own ASGI types
        self._networks = tuple(ip_network(proxy) for proxy in trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = [value for name, value in scope.get("headers", ()) if name == b"client-cert"]
        believed = len(found) == 1 and _comes_from(scope, self._networks)
        scope.setdefault("state", {})[_SCOPE] = _from_header(found[0]) if believed else None
        await self._app(scope, receive, send)  # type: ignore[arg-type] # its own ASGI types


def _comes_from(scope: Scope, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Whether the connection itself, whatever its headers say, comes from one of ``networks``."""
    try:
        address = ip_address((scope.get("client") or ("",))[0])
    except ValueError:
        return False
    return any(address in network for network in networks)


def _from_header(value: bytes) -> bytes | None:
    """A byte sequence of structured fields, ``:<base64>:`` (RFC 8941 §3.3.5), holding DER."""
    text = value.strip()
    if len(text) > _OCTETS or not (len(text) > 2 and text.startswith(b":") and text.endswith(b":")):
        return None
    try:
        octets = base64.b64decode(text[1:-1], validate=True)
        x509.load_der_x509_certificate(octets)
    except (binascii.Error, ValueError):
        return None
    return octets


def asked_for(scope: Scope) -> bool:
    """Whether a request reached the listener for certificates, with or without one."""
    return _SCOPE in scope.get("state", {})


def presented(scope: Scope) -> bytes | None:
    """The DER certificate that came with a request, its chain verified; None: none, or another listener."""
    found = scope.get("state", {}).get(_SCOPE)
    return found if isinstance(found, bytes) else None
