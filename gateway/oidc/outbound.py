"""One GET to an address that a partner registered, without becoming its tool (security.md B.2).

https only. The name is resolved once, every address it has must be public, and the connection goes to
exactly that address, so a second answer of the name server changes nothing (DNS rebinding). No
redirects, no proxy of the environment, bounded time and size.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import httpx

Resolver = Callable[[str, int], Awaitable[list[str]]]
"""Host and port to addresses; raises OSError."""

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,])", re.ASCII | re.IGNORECASE)


class FetchFailed(Exception):
    """The document could not be had; ``reason`` is a stable word for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Fetched:
    content: bytes
    max_age: int | None
    """``Cache-Control: max-age`` in seconds, if the answer had one."""


async def system_resolver(host: str, port: int) -> list[str]:
    """All addresses of ``host``, by the operating system."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """Fetches small documents; ``tls`` verifies the server against the configured authorities."""

    tls: ssl.SSLContext
    connect_seconds: float = 3.0
    total_seconds: float = 10.0
    allow_private_addresses: bool = False
    resolve: Resolver = system_resolver

    async def get(self, url: str, *, limit: int) -> Fetched:
        """The body of a 200 answer of at most ``limit`` octets; raises FetchFailed."""
        parts = urlsplit(url)
        host = parts.hostname
        if parts.scheme != "https" or not host or parts.username is not None:
            raise FetchFailed("fetch.not-https")
        try:
            async with asyncio.timeout(self.total_seconds):
                address = await self._address(host, parts.port or 443)
                literal = f"[{address}]" if ":" in address else address
                netloc = literal if parts.port is None else f"{literal}:{parts.port}"
                return await self._get(urlunsplit(parts._replace(netloc=netloc)), host, parts.netloc, limit)
        except TimeoutError as error:
            raise FetchFailed("fetch.timeout") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise FetchFailed("fetch.failed") from error

    async def _address(self, host: str, port: int) -> str:
        addresses = await self.resolve(host, port)
        if not addresses:
            raise FetchFailed("fetch.unresolved")
        if not self.allow_private_addresses and not all(_is_public(address) for address in addresses):
            raise FetchFailed("fetch.private-address")
        return addresses[0]

    async def _get(self, url: str, host: str, netloc: str, limit: int) -> Fetched:
        timeout = httpx.Timeout(self.total_seconds, connect=self.connect_seconds)
        async with (
            httpx.AsyncClient(verify=self.tls, trust_env=False, timeout=timeout) as client,
            client.stream(
                "GET",
                url,
                headers={"Host": netloc, "Accept": "application/json", "Accept-Encoding": "identity"},
                extensions={"sni_hostname": host},
            ) as answer,
        ):
            if answer.status_code != 200:
                raise FetchFailed("fetch.status")
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise FetchFailed("fetch.encoding")
            content = bytearray()
            async for chunk in answer.aiter_raw():
                content += chunk
                if len(content) > limit:
                    raise FetchFailed("fetch.too-large")
            match = _MAX_AGE.search(answer.headers.get("Cache-Control", ""))
            return Fetched(bytes(content), int(match[1]) if match else None)


def _is_public(text: str) -> bool:
    """Whether an address lies on the public Internet: no private, loopback, link-local, CGNAT, mapped."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        embedded = address.ipv4_mapped or address.sixtofour
        if embedded is not None:
            address = embedded
        elif address in _NAT64:
            return False
    return address.is_global and not address.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
