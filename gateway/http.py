"""Around every route of the public listener: host, size, time, rate, default headers, and the last catch.

Plain ASGI: nothing is wrapped in another task, and nothing is buffered.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.errors import OwnKeyUnavailable
from gateway.errors import INTERNAL, KEY_UNAVAILABLE, GatewayError
from gateway.http_errors import (
    HTTP_BAD_REQUEST,
    HTTP_HOST,
    HTTP_METHOD,
    HTTP_NOT_FOUND,
    HTTP_RATE,
    HTTP_TOO_LARGE,
)
from gateway.store import Store
from gateway.web.security_headers import api_headers
from trust.errors import KeyUnavailable

_log = logging.getLogger("gateway.http")

SMALL_BODY = 65_536
"""Largest body of every route but the connectors' callbacks; a PAOS message with a whole card fits."""

ErrorResponse = Callable[[Request, GatewayError], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """The outermost layer. ``refuse`` makes the answer for any GatewayError."""

    app: ASGIApp
    issuer: str
    body_bytes: int
    """Largest body of a connector's callback."""
    refuse: ErrorResponse
    small_body: int = SMALL_BODY
    """Largest body of every other route."""
    body_seconds: float = 30.0
    """How long a body may take to arrive, from its first to its last octet."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        # The router then raises for unknown paths and methods instead of answering in plain text.
        scope["app"] = self
        exchange = _Exchange(
            receive,
            send,
            self._limit(scope["path"]),
            self.body_seconds,
            https=self.issuer.startswith("https"),
        )
        try:
            self._check_host(scope)
            exchange.check_length(scope)
            await self.app(scope, exchange.receive, exchange.send)
        except GatewayError as error:
            await self._answer(scope, exchange, error)
        except (KeyUnavailable, OwnKeyUnavailable) as error:
            await self._answer(scope, exchange, KEY_UNAVAILABLE(cause=error))
        except HTTPException as error:
            entry = HTTP_METHOD if error.status_code == 405 else HTTP_NOT_FOUND
            await self._answer(scope, exchange, entry(cause=error), headers=error.headers)
        except ClientDisconnect:
            return  # gone in the middle of a body: nothing has happened, and nobody waits for an answer
        except Exception as error:  # noqa: BLE001 - the last catch: a page for the citizen, a line for us
            _log.error("unexpected", exc_info=error, extra={"path": _route_path(scope)})
            await self._answer(scope, exchange, INTERNAL(cause=error))

    async def _answer(
        self, scope: Scope, exchange: _Exchange, error: GatewayError, headers: object = None
    ) -> None:
        if error.entry.http_status >= 500:
            cause = type(error.cause).__name__ if error.cause else None
            _log.warning("refused", extra={"code": error.entry.code, "cause": cause})
        if exchange.started:
            return
        response = self.refuse(Request(scope), error)
        if isinstance(headers, dict):
            response.headers.update(headers)
        if isinstance(error, RateExceeded):
            response.headers["retry-after"] = str(error.seconds)
        if error.entry in {HTTP_TOO_LARGE, HTTP_BAD_REQUEST}:
            # The rest of the body stays unread, so this connection cannot serve another request.
            response.headers["connection"] = "close"
        await response(scope, exchange.receive, exchange.send)

    def _check_host(self, scope: Scope) -> None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if hosts != [urlsplit(self.issuer).netloc.encode()]:
            raise HTTP_HOST()

    def _limit(self, path: str) -> int:
        return self.body_bytes if path.endswith("/acs") and "/connectors/" in path else self.small_body


class _Exchange:
    """One request and its answer: counts the body, completes the headers."""

    __slots__ = (
        "_complete",
        "_deadline",
        "_https",
        "_limit",
        "_read",
        "_receive",
        "_seconds",
        "_send",
        "started",
    )

    def __init__(self, receive: Receive, send: Send, limit: int, seconds: float, *, https: bool) -> None:
        self._receive = receive
        self._send = send
        self._limit = limit
        self._seconds = seconds
        self._deadline: float | None = None
        self._complete = False
        self._https = https
        self._read = 0
        self.started = False

    def check_length(self, scope: Scope) -> None:
        """Refuse by the announced length, before anything is read."""
        for name, value in scope["headers"]:
            if name == b"content-length" and (not value.isdigit() or int(value) > self._limit):
                raise HTTP_TOO_LARGE()

    async def receive(self) -> Message:
        if self._complete:  # what still comes is the end of the connection
            return await self._receive()
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTP_BAD_REQUEST(cause=error) from error
        self._complete = not message.get("more_body", False)
        if message["type"] == "http.request":
            self._read += len(message.get("body", b""))
            if self._read > self._limit:
                raise HTTP_TOO_LARGE()
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers: list[tuple[bytes, bytes]] = message["headers"]
            present = {name for name, _ in headers}
            headers += [(name, value) for name, value in _DEFAULTS[self._https] if name not in present]
        await self._send(message)


_DEFAULTS = {
    https: tuple((name.lower().encode(), value.encode()) for name, value in api_headers(https=https).items())
    for https in (False, True)
}
"""For answers that bring no header of their own: redirects, JSON, published documents."""


class RateExceeded(GatewayError):
    """The address asked too often; it may ask again in ``seconds``."""

    def __init__(self, seconds: int) -> None:
        super().__init__(HTTP_RATE)
        self.seconds = seconds


Endpoint = Callable[[Request], Awaitable[Response]]


def limited(endpoint: Endpoint, store: Store, name: str, per_minute: int) -> Endpoint:
    """``endpoint`` with a limit of requests a minute and address; 0 switches it off.

    A fixed window: at its border twice the limit may pass, which is good enough against floods.
    """
    if not per_minute:
        return endpoint
    admit = admission(store, name, per_minute)

    async def guarded(request: Request) -> Response:
        await admit(request)
        return await endpoint(request)

    return guarded


def admission(store: Store, name: str, per_minute: int) -> Callable[[Request], Awaitable[None]]:
    """The same limit for a part of an endpoint: raises RateExceeded."""

    async def admit(request: Request) -> None:
        if per_minute:
            count, seconds = await store.count(f"{name} {network_of(request)}", window=60)
            if count > per_minute:
                raise RateExceeded(seconds)

    return admit


def network_of(request: Request) -> str:
    """The client's IPv4 address, or its IPv6 /64.

    The server has replaced the address by the forwarded one, if the sender is a configured proxy.
    """
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ip_network((address, 64), strict=False))
    return str(address)


def _route_path(scope: Scope) -> str:
    """The route's pattern, without the journey number or anything else of the request."""
    route = scope.get("route")
    return getattr(route, "path", "")
