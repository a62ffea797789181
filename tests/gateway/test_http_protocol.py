"""Heads without end, and connections that say nothing, on a real socket (security.md B.5)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from gateway import http_protocol
from gateway.http_protocol import HEAD_OCTETS, BoundedProtocol

pytestmark = pytest.mark.anyio
TOO_MANY = 3 * HEAD_OCTETS // 1000
"""Pieces of a thousand octets; one read of the server's counts from where it ends."""
HEAD = b"POST / HTTP/1.1\r\nhost: id.example\r\n"


async def length_of_body(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"{len(body)} octets")(scope, receive, send)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        length_of_body, http=BoundedProtocol, lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listening])
    yield listening.getsockname()[1]
    await server.shutdown(sockets=[listening])


async def answer_to(port: int, *pieces: bytes, until: bytes = b"") -> bytes:
    """What comes back, up to ``until`` or to the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    async with asyncio.timeout(20):
        with suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        with suppress(ConnectionError):
            while not (until and until in received):
                piece = await reader.read(65_536)
                if not piece:
                    break
                received += piece
    writer.close()
    return received


@pytest.mark.parametrize(
    "piece",
    [b"x: " + b"a" * 995 + b"\r\n", b"a" * 1000],
    ids=["many headers", "one header"],
)
async def test_head_without_end_is_refused_and_the_connection_closed(port: int, piece: bytes) -> None:
    """It would be kept until the process has no memory left; nobody needs to be known for it."""
    answer = await answer_to(port, HEAD + b"x: ", *[piece] * TOO_MANY)
    assert answer.startswith(b"HTTP/1.1 400 ") or answer == b""
    assert b"octets" not in answer


async def test_address_without_end_is_refused(port: int) -> None:
    answer = await answer_to(port, b"GET /", *[b"a" * 1000] * TOO_MANY)
    assert b"octets" not in answer


async def test_trailers_and_extensions_of_chunks_without_end_are_refused(port: int) -> None:
    """RFC 9112 §7.1: neither counts as body, and both are read."""
    chunked = HEAD + b"transfer-encoding: chunked\r\n\r\n"
    many = [b"a" * 1000] * TOO_MANY
    assert b"octets" not in await answer_to(port, chunked + b"1;x=", *many)
    assert b"octets" not in await answer_to(port, chunked + b"0\r\nx: ", *many)


async def test_long_address_many_cookies_and_a_long_body_are_read(port: int) -> None:
    head = b"POST /?" + b"q" * 65_000 + b" HTTP/1.1\r\nhost: id.example\r\ncookie: " + b"c" * 30_000 + b"\r\n"
    body = b"b" * 1_000_000
    sized = head + b"content-length: %d\r\n\r\n" % len(body)
    assert b"1000000 octets" in await answer_to(port, sized, body, until=b"octets")
    chunks = [b"3e8\r\n" + b"b" * 1000 + b"\r\n"] * 1000
    chunked = head + b"transfer-encoding: chunked\r\n\r\n"
    assert b"1000000 octets" in await answer_to(port, chunked, *chunks, b"0\r\n\r\n", until=b"octets")


@pytest.mark.parametrize("sent", [b"", HEAD, b"\r\n"], ids=["nothing", "half a head", "blank lines"])
async def test_connection_that_brings_no_request_ends(
    port: int, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a thousand of them, which cost nobody anything, leave no room for citizens."""
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.05)
    assert await answer_to(port, sent) == b""


async def test_connection_that_has_brought_one_is_kept_for_the_next(port: int) -> None:
    request = HEAD + b"content-length: 1\r\n\r\nb"
    last = HEAD + b"connection: close\r\ncontent-length: 2\r\n\r\nbb"
    answer = await answer_to(port, request, request, last)
    assert (answer.count(b"1 octets"), answer.count(b"2 octets")) == (2, 1)
