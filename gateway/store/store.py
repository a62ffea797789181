"""Short-lived state over the Redis protocol: sealed records, taken once, and claims.

Key names::

    eg:{<journey>}:<purpose>:<hash>   sealed record of a bearer secret (``sealing``)
    eg:{<journey>}:<name>             mark: a word about the journey, without identity data
    eg:replay:<hash>                  a replay key that was claimed
    eg:rate:<hash>:<window>           a rate counter
    eg:task:<name>                    a lease: somebody does this already

Whatever must happen together is one ``Batch``: one round trip, one script, one cluster slot. The
script only runs the commands it is given; it is used instead of MULTI/EXEC because it is a single
command, which costs half and which redis-py can send in a cluster without a thread per command.
``take`` is GETDEL, so of two that ask at the same instant exactly one gets the record. A record
written in the same batch under a *fresh* secret stays invisible until that secret is handed out;
so ``take old + put new`` needs no condition: if the take came back empty, the fresh secret is dropped.

With ``replicas`` = n, whatever was taken or claimed is acknowledged by n replicas (WAIT) before the
caller learns of it. A failover to one of them then cannot give it a second time; without n replicas
nothing is given at all. Single servers and Sentinel only: WAIT counts for one connection.

Every method raises StoreUnavailable when the store does not answer; what was begun by then may
have happened or not, and both are safe, because the secret was not handed out.
"""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha1, sha256
from secrets import token_bytes
from typing import Any

from redis.exceptions import NoScriptError, RedisError

from gateway.store.connection import Client, disconnect
from gateway.store.errors import AlreadyClaimed, StoreUnavailable
from gateway.store.sealing import BearerSecret, SealBroken, TokenSource, key_name, seal, unseal
from gateway.store.wire import Command, Wire

_SCRIPT = """\
local answers, at = {}, 1
for place, key in ipairs(KEYS) do
  local count, name = tonumber(ARGV[at]), ARGV[at + 1]
  local begun = string.sub(name, 1, 1) ~= '?'
  if not begun then name = string.sub(name, 2) end
  local words = {name, key}
  for i = 2, count do words[#words + 1] = ARGV[at + i] end
  at = at + count + 1
  answers[place] = (begun or answers[1]) and redis.call(unpack(words))
end
return answers
"""
_SCRIPT_SHA1 = sha1(_SCRIPT.encode()).hexdigest()  # noqa: S324 - Redis names scripts so

_IF_FIRST = "?"
"""Before a command's name: only if the first command of the batch had an answer."""

Clock = Callable[[], float]
Decoder = Callable[[Any], bytes | None]
Send = Callable[..., Awaitable[list[Any]]]
"""Commands together, answers in order: ``Wire.send``."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """How many replicas must have a write before it counts, and how long they may take."""

    replicas: int
    milliseconds: int


class Store:
    """The one implementation; ``client`` is a redis.asyncio client, single, Sentinel's or Cluster.

    A single server is spoken to over a ``Wire`` instead, which the client only tells the address.
    """

    def __init__(
        self,
        client: Client,
        *,
        random: TokenSource = token_bytes,
        clock: Clock = time.time,
        acknowledgement: Acknowledgement | None = None,
    ) -> None:
        self._client = client
        self._wire = Wire.of(client)
        self._send = self._wire.send if self._wire else partial(_send_by_library, client)
        self._random = random
        self._clock = clock
        self._acknowledgement = acknowledgement

    async def put(self, secret: BearerSecret, purpose: str, value: bytes, *, until: datetime) -> None:
        """Write a sealed record that ceases to exist at ``until``."""
        await self.batch(secret.journey).put(secret, purpose, value, until=until).run()

    async def read(self, secret: BearerSecret, purpose: str) -> bytes | None:
        """The record, which stays; None if there is none."""
        return (await self.batch(secret.journey).read(secret, purpose).run())[0]

    async def take(self, secret: BearerSecret, purpose: str) -> bytes | None:
        """The record, for the first who asks; None for everybody else."""
        return (await self.batch(secret.journey).take(secret, purpose).run())[0]

    def batch(self, journey: str) -> Batch:
        """Operations on records of one journey that happen together, in their order."""
        return Batch(self._send, journey, self._random, self._clock, self._acknowledgement)

    async def claim(self, keys: Iterable[tuple[str, datetime]]) -> None:
        """Claim replay keys, each until its time; raises AlreadyClaimed if one was claimed before.

        The keys lie in different slots, so they are not claimed together: after a refusal the
        others stay claimed, which only ever refuses more.
        """
        wanted = [(f"eg:replay:{_hash(key)}", _seconds(until)) for key, until in keys]
        if not wanted:
            return
        try:
            commands = [("SET", name, b"1", "NX", "EXAT", until) for name, until in wanted]
            answers = await _acknowledged(self._send, commands, self._acknowledgement)
        except (RedisError, OSError) as error:
            raise StoreUnavailable(error) from error
        if not all(answers):
            raise AlreadyClaimed

    async def count(self, bucket: str, *, window: int) -> tuple[int, int]:
        """Count one event of ``bucket`` in the running window of so many seconds.

        Gives the count so far and the seconds until the window ends. The bucket is hashed.
        """
        now = int(self._clock())
        name = f"eg:rate:{_hash(bucket)}:{now // window}"
        try:
            answers = await self._send(("INCR", name), ("EXPIRE", name, window))
        except (RedisError, OSError) as error:
            raise StoreUnavailable(error) from error
        return int(answers[0]), window - now % window

    async def lease(self, name: str, *, seconds: float) -> bool:
        """Whether the caller alone, of all processes, may do what ``name`` stands for, for so many seconds."""
        try:
            (answer,) = await self._send(
                ("SET", f"eg:task:{name}", b"1", "NX", "PX", max(1, int(seconds * 1000)))
            )
        except (RedisError, OSError) as error:
            raise StoreUnavailable(error) from error
        return answer is not None

    async def shorten(self, name: str, *, seconds: float) -> None:
        """Let the lease of ``name``, if there is one, end in so many seconds; with 0 at once."""
        try:
            await self._send(("PEXPIRE", f"eg:task:{name}", int(seconds * 1000)))
        except (RedisError, OSError) as error:
            raise StoreUnavailable(error) from error

    async def ping(self) -> None:
        """Write and read one key, as a login would; raises StoreUnavailable."""
        try:
            await self._send(("SET", "eg:health", b"1", "EX", 60))
        except (RedisError, OSError) as error:
            raise StoreUnavailable(error) from error

    async def close(self) -> None:
        """Give the connections back."""
        if self._wire is not None:
            self._wire.close()
        await disconnect(self._client)


class Batch:
    """Operations of one journey, sent together by ``run``; each adds one place to its result."""

    __slots__ = ("_acknowledgement", "_clock", "_commands", "_decoders", "_journey", "_random", "_send")

    def __init__(
        self,
        send: Send,
        journey: str,
        random: TokenSource,
        clock: Clock,
        acknowledgement: Acknowledgement | None,
    ) -> None:
        self._acknowledgement = acknowledgement
        self._send = send
        self._journey = journey
        self._random = random
        self._clock = clock
        self._commands: list[tuple[Any, ...]] = []
        self._decoders: list[Decoder] = []

    def put(self, secret: BearerSecret, purpose: str, value: bytes, *, until: datetime) -> Batch:
        """Write a record. Result: None."""
        life = _seconds(until)
        sealed = seal(secret, purpose, value, until=life, nonce=self._random(12))
        return self._add(_nothing, "SET", self._key(secret, purpose), sealed, "EXAT", life)

    def replace(self, secret: BearerSecret, purpose: str, value: bytes, *, until: datetime) -> Batch:
        """Overwrite a record that must still exist. Result: b"1", or None if it is gone."""
        life = _seconds(until)
        sealed = seal(secret, purpose, value, until=life, nonce=self._random(12))
        return self._add(_done, "SET", self._key(secret, purpose), sealed, "XX", "EXAT", life)

    def read(self, secret: BearerSecret, purpose: str) -> Batch:
        """Result: the record or None."""
        return self._add(self._opener(secret, purpose), "GET", self._key(secret, purpose))

    def take(self, secret: BearerSecret, purpose: str) -> Batch:
        """Result: the record, removed with the same stroke, or None."""
        return self._add(self._opener(secret, purpose), "GETDEL", self._key(secret, purpose))

    def delete(self, key: str) -> Batch:
        """Remove a record by its key name (``sealing.key_name``). Result: b"1", or None if it was gone."""
        if not key.startswith(f"eg:{{{self._journey}}}:"):
            raise ValueError("key of another journey")
        return self._add(_done, "DEL", key)

    def mark(self, name: str, value: bytes, *, until: datetime) -> Batch:
        """Write a mark, in the clear: never identity data, never a secret. Result: None."""
        return self._add(_nothing, "SET", self._mark(name), value, "EXAT", _seconds(until))

    def claim(self, name: str, *, until: datetime) -> Batch:
        """Write a mark that must not be there yet. Result: b"1", or None if it was: somebody came before."""
        return self._add(_done, "SET", self._mark(name), b"1", "NX", "EXAT", _seconds(until))

    def mark_if_taken(self, name: str, value: bytes, *, until: datetime) -> Batch:
        """Write a mark if the batch's first operation found its record. Result: None.

        So whoever holds no secret of the journey writes nothing, however often it asks.
        """
        if not self._commands:
            raise ValueError("nothing stands before it")
        return self._add(_nothing, _IF_FIRST + "SET", self._mark(name), value, "EXAT", _seconds(until))

    def read_mark(self, name: str) -> Batch:
        """Result: the mark or None."""
        return self._add(_same, "GET", self._mark(name))

    async def run(self) -> Sequence[bytes | None]:
        """Send all; raises StoreUnavailable. Nobody sees a state between two operations."""
        try:
            if self._acknowledgement and any(_is_once(command) for command in self._commands):
                answers = await self._run_acknowledged()
            elif len(self._commands) == 1:
                answers = await self._send(self._commands[0])
            else:
                answers = await self._run_together()
        except (RedisError, OSError) as error:
            raise StoreUnavailable(error) from error
        return [decode(answer) for decode, answer in zip(self._decoders, answers, strict=True)]

    async def _run_acknowledged(self) -> list[Any]:
        keys, words = self._script_arguments()
        script = ("EVAL", _SCRIPT, len(keys), *keys, *words)
        (answers,) = await _acknowledged(self._send, [script], self._acknowledgement)
        return list(answers)

    def _script_arguments(self) -> tuple[list[Any], list[Any]]:
        keys = [command[1] for command in self._commands]
        words: list[Any] = []
        for name, _, *arguments in self._commands:
            words += (len(arguments) + 1, name, *arguments)
        return keys, words

    async def _run_together(self) -> list[Any]:
        keys, words = self._script_arguments()
        try:
            (answers,) = await self._send(("EVALSHA", _SCRIPT_SHA1, len(keys), *keys, *words))
        except NoScriptError:  # a server that has just started
            (answers,) = await self._send(("EVAL", _SCRIPT, len(keys), *keys, *words))
        return list(answers)

    def _add(self, decoder: Decoder, *command: Any) -> Batch:
        self._commands.append(command)
        self._decoders.append(decoder)
        return self

    def _key(self, secret: BearerSecret, purpose: str) -> str:
        if secret.journey != self._journey:
            raise ValueError("secret of another journey")
        return key_name(secret, purpose)

    def _mark(self, name: str) -> str:
        return f"eg:{{{self._journey}}}:{name}"

    def _opener(self, secret: BearerSecret, purpose: str) -> Decoder:
        def decode(value: bytes | None) -> bytes | None:
            if value is None:
                return None
            try:
                return unseal(secret, purpose, value, now=self._clock())
            except SealBroken:
                # Altered in the store or over its life: for the caller it is not there.
                return None

        return decode


def _is_once(command: tuple[Any, ...]) -> bool:
    """Whether the command may succeed only once, on whichever server."""
    return command[0] == "GETDEL" or "NX" in command


async def _send_by_library(client: Client, *commands: Command) -> list[Any]:
    """As ``Wire.send``, for Sentinel and Cluster."""
    if len(commands) == 1:
        return [await client.execute_command(*commands[0])]
    pipeline = client.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    return list(await pipeline.execute())


async def _acknowledged(send: Send, commands: Sequence[Command], wanted: Acknowledgement | None) -> list[Any]:
    """Send ``commands`` and wait for the replicas; raises StoreUnavailable when too few answer."""
    if wanted is None:
        return await send(*commands)
    *answers, replicas = await send(*commands, ("WAIT", wanted.replicas, wanted.milliseconds))
    if int(replicas) < wanted.replicas:
        raise StoreUnavailable(TimeoutError("too few replicas"))
    return answers


def _nothing(_: Any) -> None:
    return None


def _done(answer: Any) -> bytes | None:
    return b"1" if answer else None


def _same(answer: Any) -> bytes | None:
    return answer if isinstance(answer, bytes) else None


def _seconds(until: datetime) -> int:
    # Rounded up: a record never ends before the deadline it was promised.
    return -int(-until.timestamp() // 1)


def _hash(text: str) -> str:
    return urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=").decode()
