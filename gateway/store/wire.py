"""One connection to one Redis server, shared by everything a process does at the same time.

Commands leave as they come, answers return in the same order (RESP pipelining), so nobody waits for a
free connection. redis-py still knows how to reach a server and does the talking where that takes more than
one of them, to Sentinel and Cluster; its client costs five times the CPU for each command.

A connection that is lost is opened again by the next command. Commands without an answer fail with it, and
are sent once more over the new one; one that took too long is not, and ends the connection for all.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

import hiredis
from redis.asyncio import ConnectionPool, Redis, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

Command = Sequence[Any]
_NOTHING = object()


class Wire:
    """See the module docstring. Belongs to the event loop that sends through it."""

    @classmethod
    def of(cls, client: object) -> Wire | None:
        """A wire to the server that a client of redis-py is for, if that is one at a fixed address."""
        if isinstance(client, Redis) and type(client.connection_pool) is ConnectionPool:
            return cls(client.connection_pool)
        return None

    def __init__(self, pool: ConnectionPool) -> None:
        """``pool``: for what it knows of the server; it opens no connection here."""
        self._pool = pool
        self._seconds: float = pool.connection_kwargs["socket_timeout"]
        self._link: _Link | None = None
        self._opening: asyncio.Task[_Link] | None = None

    async def send(self, *commands: Command) -> list[Any]:
        """The answers, in order. Raises RedisError; the first answer that is an error is raised."""
        octets = b"".join(hiredis.pack_command(tuple(command)) for command in commands)
        try:
            answers = await self._ask(octets, len(commands))
        except RedisConnectionError:
            answers = await self._ask(octets, len(commands))
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    def close(self) -> None:
        """End the connection; what still waits fails."""
        if self._link is not None:
            self._link.end()
            self._link = None

    async def _ask(self, octets: bytes, count: int) -> list[Any]:
        try:
            async with asyncio.timeout(self._seconds):
                link = self._link
                if link is None or not link.usable:
                    link = await self._connected()
                return await link.ask(octets, count)
        except TimeoutError as error:
            self.close()
            raise RedisTimeoutError("no answer in time") from error
        except OSError as error:
            raise RedisConnectionError("not reachable") from error

    async def _connected(self) -> _Link:
        """The one connection; whoever comes while it is being opened waits for the same."""
        opening = self._opening
        loop = asyncio.get_running_loop()
        if opening is None or opening.done() or opening.get_loop() is not loop:
            opening = self._opening = loop.create_task(self._open())
            opening.add_done_callback(_is_noticed)
        return await asyncio.shield(opening)

    async def _open(self) -> _Link:
        async with asyncio.timeout(self._seconds):
            self.close()
            link = self._link = await self._introduced(await self._reached())
            return link

    async def _reached(self) -> _Link:
        server = self._pool.make_connection()  # type: ignore[no-untyped-call]  # untyped in redis
        loop = asyncio.get_running_loop()
        if isinstance(server, UnixDomainSocketConnection):
            _, link = await loop.create_unix_connection(_Link, server.path)
        else:
            tls = server.ssl_context.get() if isinstance(server, SSLConnection) else None
            _, link = await loop.create_connection(_Link, server.host, server.port, ssl=tls)
        return link

    async def _introduced(self, link: _Link) -> _Link:
        known = self._pool.connection_kwargs
        greetings: list[tuple[Any, ...]] = []
        if known.get("password"):
            names = (known["username"],) if known.get("username") else ()
            greetings.append(("AUTH", *names, known["password"]))
        if known.get("db"):
            greetings.append(("SELECT", str(known["db"])))
        for greeting in greetings:
            (answer,) = await link.ask(hiredis.pack_command(greeting), 1)
            if isinstance(answer, Exception):
                link.end()
                raise answer
        return link


class _Link(asyncio.Protocol):
    """A connection while it lasts."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = hiredis.Reader(replyError=_refusal, notEnoughData=_NOTHING)
        self._waiting: deque[_Waiting] = deque()
        self._transport: asyncio.WriteTransport | None = None

    @property
    def usable(self) -> bool:
        """Whether the connection stands, as far as this side knows, and belongs to the running loop."""
        transport = self._transport
        return (
            transport is not None and not transport.is_closing() and self._loop is asyncio.get_running_loop()
        )

    def ask(self, octets: bytes, count: int) -> asyncio.Future[list[Any]]:
        """``count`` packed commands; their answers."""
        waiting = _Waiting(self._loop, count)
        if self._transport is None or self._transport.is_closing():
            raise RedisConnectionError("connection lost")
        self._waiting.append(waiting)
        self._transport.write(octets)
        return waiting.done

    def end(self) -> None:
        if self._transport is not None and not self._loop.is_closed():
            self._transport.abort()
        self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's are no subclass

    def data_received(self, data: bytes) -> None:
        self._parser.feed(data)
        try:
            while (answer := self._parser.gets()) is not _NOTHING:
                first = self._waiting[0]
                first.answers.append(answer)
                if len(first.answers) == first.count:
                    self._waiting.popleft()
                    if not first.done.done():  # whoever asked may be gone
                        first.done.set_result(first.answers)
        except (hiredis.ProtocolError, IndexError):
            self.end()  # an answer that nobody asked for, or none at all

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        while self._waiting:
            done = self._waiting.popleft().done
            if not done.done():
                done.set_exception(RedisConnectionError("connection lost"))


class _Waiting:
    """Answers that are still to come."""

    __slots__ = ("answers", "count", "done")

    def __init__(self, loop: asyncio.AbstractEventLoop, count: int) -> None:
        self.count = count
        self.answers: list[Any] = []
        self.done: asyncio.Future[list[Any]] = loop.create_future()


def _is_noticed(opening: asyncio.Task[_Link]) -> None:
    """Whoever waited has got the error, or has gone away."""
    if not opening.cancelled():
        opening.exception()


def _refusal(text: str) -> ResponseError:
    """An error reply; the first word says which (RESP)."""
    return NoScriptError(text) if text.startswith("NOSCRIPT") else ResponseError(text)
