"""Whoever reads a whole log waits for their turn: one at a time, and a moment between two.

A turn is a lease in the store, so it counts in all processes. It ends with the work, or by itself, should the process
end first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from hashlib import sha256

from starlette.concurrency import iterate_in_threadpool

from gateway.admin.errors import CONSOLE_BUSY, Explained
from gateway.store import Store

LONGEST = 600.0
"""Seconds after which a turn ends whatever has become of it."""
PAUSE = 20.0
"""Seconds from the end of one turn to the next."""

VERIFICATION = "console-verification"
"""Of the installation: what it finds is the same for everybody."""


def export_of(person: str) -> str:
    """The turn of one person's exports."""
    return f"console-export-{sha256(person.encode()).hexdigest()[:32]}"


async def take(store: Store, turn: str, *, reason: str) -> None:
    """Raises Explained ``console.busy`` with the word ``reason`` if it is somebody's, or was a moment ago."""
    if not await store.lease(turn, seconds=LONGEST):
        raise busy(reason)


def busy(reason: str) -> Explained:
    return Explained(CONSOLE_BUSY, f"again in {PAUSE:.0f} s after it has ended", reason=reason)


async def end(store: Store, turn: str) -> None:
    """The next one after a pause."""
    await store.shorten(turn, seconds=PAUSE)


async def give_back(store: Store, turn: str) -> None:
    """Nothing was done with it: the next one may come at once."""
    await store.shorten(turn, seconds=0)


def ending(store: Store, turn: str) -> Callable[[], None]:
    """``end``, for a thread to call; the loop is the caller's of now."""
    loop = asyncio.get_running_loop()

    def ended() -> None:
        if not loop.is_closed():
            asyncio.run_coroutine_threadsafe(end(store, turn), loop)

    return ended


async def during(store: Store, turn: str, lines: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    """``lines``, read in threads; the turn ends with them, also where nobody takes the rest."""
    try:
        async for line in iterate_in_threadpool(lines):
            yield line
    finally:
        await end(store, turn)
