"""The shared connection to a single server: order, loss, silence, refusal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from gateway.store import StoreAddress, connect
from gateway.store.wire import Wire

pytestmark = pytest.mark.anyio

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def wire(address: StoreAddress) -> Wire:
    found = Wire.of(connect(address))
    assert found is not None
    return found


@asynccontextmanager
async def pretended(directory: Path, serve: Serve) -> AsyncIterator[Wire]:
    """A wire to a server that behaves as ``serve`` says."""
    path, visits = str(directory / "s"), []

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(asyncio.current_task())
        await serve(reader, writer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_unix_server(visit, path):
        found = wire(StoreAddress(url=f"unix://{path}", timeout_seconds=0.2))
        yield found
        found.close()
        await asyncio.gather(*(task for task in visits if task))


async def test_every_asker_gets_the_answer_to_its_own_commands(address: StoreAddress) -> None:
    """RESP: answers come in the order of the commands, whoever sent them."""
    shared = wire(address)
    asked = (shared.send(("ECHO", str(n)), ("ECHO", f"{n} again")) for n in range(200))
    answers = await asyncio.gather(*asked)
    assert answers == [[str(n).encode(), f"{n} again".encode()] for n in range(200)]
    shared.close()


async def test_the_answer_for_somebody_who_went_away_goes_to_nobody_else(address: StoreAddress) -> None:
    """A request that was given up in the middle leaves the order of the answers as it is."""
    shared = wire(address)
    await shared.send(("PING",))
    gone = asyncio.ensure_future(shared.send(("ECHO", "mine")))
    await asyncio.sleep(0)  # it is on its way now
    other = asyncio.ensure_future(shared.send(("ECHO", "other's")))
    await asyncio.sleep(0)
    gone.cancel()
    assert await other == [b"other's"]
    assert gone.cancelled()
    assert await shared.send(("ECHO", "next")) == [b"next"]
    shared.close()


async def test_a_refused_command_is_an_error_and_the_connection_goes_on(address: StoreAddress) -> None:
    """One asker's mistake is nobody else's."""
    shared = wire(address)
    with pytest.raises(NoScriptError):
        await shared.send(("EVALSHA", "0" * 40, 0))
    with pytest.raises(ResponseError):
        await shared.send(("NO-SUCH-COMMAND",))
    assert await shared.send(("ECHO", "on")) == [b"on"]
    shared.close()


async def test_a_lost_connection_is_opened_again_and_the_command_sent_once_more(
    address: StoreAddress,
) -> None:
    """gateway.store.connection: lost connections are opened again by the next command."""
    shared = wire(address)
    await shared.send(("PING",))
    with redis.Redis.from_url(address.url, password=address.password) as control:
        control.client_kill_filter(_type="normal", skipme=True)
    assert await shared.send(("ECHO", "back")) == [b"back"]
    shared.close()


async def test_a_command_is_not_sent_a_third_time(tmp_path: Path) -> None:
    """A server that hangs up on everything is unavailable, not asked for ever."""
    visits = 0

    async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        nonlocal visits
        visits += 1
        await reader.read(100)

    async with pretended(tmp_path, hang_up) as shared:
        with pytest.raises(RedisConnectionError):
            await shared.send(("PING",))
    assert visits == 2


async def test_a_silent_server_is_given_up_and_the_command_not_repeated(tmp_path: Path) -> None:
    """A command without an answer may have happened; who repeats it does not know what it did."""
    received: list[bytes] = []

    async def be_silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while octets := await reader.read(1000):
            received.append(octets)

    async with pretended(tmp_path, be_silent) as shared:
        with pytest.raises(RedisTimeoutError):
            await shared.send(("PING",))
    assert received == [b"*1\r\n$4\r\nPING\r\n"]


async def test_an_answer_that_nobody_asked_for_ends_the_connection(tmp_path: Path) -> None:
    """Answers that are out of step would give one citizen's record to another."""

    async def answer_twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"+one\r\n+two\r\n")
        await reader.read()

    async with pretended(tmp_path, answer_twice) as shared:
        assert await shared.send(("PING",)) == [b"one"]
        assert await shared.send(("PING",)) == [b"one"]  # over a new connection
