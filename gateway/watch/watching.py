"""One round: look, remember, tell.

It runs in every process, because each sees its own clock, keys and peers; who tells whom is settled in the book.
Without the database the round goes on with a book in memory, and a lease in the store keeps processes from
telling the same thing. Nothing here ever stops a login, and no channel another one.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy.exc import SQLAlchemyError

from gateway.store import Store, StoreUnavailable
from gateway.watch.alerts import Alert, Delivery, News, Notice, Record, Told, due
from gateway.watch.book import AlertBook, MemoryBook, refused, taken
from gateway.watch.channels import Channel, ChannelFailed
from gateway.watch.conditions import alerts
from gateway.watch.observation import Failing, Observation

_log = logging.getLogger("gateway.watch")
SECONDS = 60.0
_PATIENCE = 2
"""So many failures in a row before the other channels learn of it."""
_SENDING_SECONDS = 90.0


@dataclass(slots=True, kw_only=True)
class Delivered:
    """What became of the messages of one channel in this process, for metrics."""

    sent: int = 0
    failed: int = 0
    failing: Failing | None = None


@dataclass(kw_only=True)
class Watch:
    """See the module docstring."""

    look: Callable[[Mapping[str, Failing]], Awaitable[Observation]]
    """An observation, given the channels that fail."""
    book: AlertBook
    channels: Sequence[Channel]
    store: Store
    clock: Callable[[], datetime]
    repeat: timedelta
    count: Callable[[str, str], None] = lambda _channel, _result: None
    """For metrics."""
    memory: MemoryBook = field(default_factory=MemoryBook)
    active: tuple[Alert, ...] = ()
    """What this process saw last."""
    looked_at: datetime | None = None
    delivered: dict[str, Delivered] = field(default_factory=dict)
    _held: set[str] = field(default_factory=set)
    """Leases of this process: what failed is tried again by the same one."""
    _sending: dict[str, Future[None]] = field(default_factory=dict)
    """By channel, what was begun last."""
    _away: bool = False
    """The database did not answer last time."""
    _remembered: Sequence[Record] = ()
    _told: dict[str, Mapping[str, Delivery]] = field(default_factory=dict)
    """What the book said last, by channel."""

    async def round(self) -> None:
        """Raises nothing that a next round would not heal."""
        seen = await self.look(self.failing())
        self.active, self.looked_at = alerts(seen), seen.now
        now = seen.now
        try:
            await asyncio.to_thread(self.book.observe, self.active, now)
            remembered = await asyncio.to_thread(self.book.records)
        except (SQLAlchemyError, OSError) as error:
            if not self._away:
                _log.warning("alerts are kept in memory", extra={"reason": type(error).__name__})
                self.memory.adopt(self._remembered, self._told)
            self._away = True
            self.memory.observe(self.active, now)
            await self._tell(self.memory, self.memory.records(), now, alone=False)
            return
        self._away, self._remembered = False, remembered
        await self._hand_over(remembered, now)
        await self._tell(self.book, remembered, now, alone=True)

    def failing(self) -> dict[str, Failing]:
        """The channels that fail."""
        found = ((name, one.failing) for name, one in self.delivered.items())
        return {name: failing for name, failing in found if failing and failing.times >= _PATIENCE}

    async def _hand_over(self, remembered: Iterable[Record], now: datetime) -> None:
        """The database is back: what still holds is its business, the end of the rest is told from memory."""
        for record in remembered:
            if record.resolved is None:
                self.memory.forget(record.alert.key)
        left = self.memory.records()
        if left:
            self.memory.observe((), now)
            await self._tell(self.memory, self.memory.records(), now, alone=False)
            for record in left:
                if record.resolved is not None:
                    self.memory.forget(record.alert.key)

    async def _tell(self, book: AlertBook, records: Sequence[Record], now: datetime, *, alone: bool) -> None:
        """Every channel beside the others; ``alone``: claims in ``book`` are enough."""
        results = await asyncio.gather(
            *(self._tell_one(channel, book, records, now, alone=alone) for channel in self.channels),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                # The next round tries again; what could not be claimed was not sent.
                _log.error("telling failed", exc_info=result)

    async def _tell_one(
        self, channel: Channel, book: AlertBook, records: Sequence[Record], now: datetime, *, alone: bool
    ) -> None:
        known = await asyncio.to_thread(book.deliveries, channel.id)
        self._told[channel.id] = known
        claims: list[tuple[Notice, Delivery]] = []
        for record in records:
            key = record.alert.key
            news = self._news(channel, record, known.get(key), now)
            if news is None or not (alone or await self._mine(channel, record, news)):
                continue
            claim = await asyncio.to_thread(book.claim, key, channel.id, known.get(key), now)
            if claim is not None:
                claims.append((Notice(news=news, record=record), claim))
        if not claims:
            return
        sent = await self._send(channel, [notice for notice, _ in claims], now)
        settled = dict(known)
        for notice, claim in claims:
            told = Told.RESOLVED if notice.news is News.RESOLVED else Told.RAISED
            level = notice.record.alert.level
            ended = taken(claim, told, level, now) if sent else refused(claim, now)
            settled[notice.record.alert.key] = ended
            await asyncio.to_thread(book.settle, notice.record.alert.key, channel.id, ended)
        self._told[channel.id] = settled

    def _news(self, channel: Channel, record: Record, known: Delivery | None, now: datetime) -> News | None:
        news = due(record, known, now=now, repeat=self.repeat)
        if news is News.RESOLVED:
            return news if channel.tells_end else None
        itself = record.alert.key == f"channel/{channel.id}"
        return news if channel.wants(record.alert) and not itself else None

    async def _mine(self, channel: Channel, record: Record, news: News) -> bool:
        """Without the database: whether no other process tells it. Without the store, too: everybody does."""
        text = f"{channel.id}\0{record.alert.key}\0{record.alert.level}\0{news}"
        name = f"alert-{sha256(text.encode()).hexdigest()[:32]}"
        if name in self._held:
            return True
        try:
            mine = await self.store.lease(name, seconds=self.repeat.total_seconds() / 2)
        except StoreUnavailable:
            return True
        if mine:
            self._held.add(name)
        return mine

    async def _send(self, channel: Channel, notices: Sequence[Notice], now: datetime) -> bool:
        counted = self.delivered.setdefault(channel.id, Delivered())
        try:
            async with asyncio.timeout(_SENDING_SECONDS):
                await asyncio.wrap_future(self._begun(channel, notices, now))
        except (ChannelFailed, TimeoutError) as error:
            reason = error.reason if isinstance(error, ChannelFailed) else "timeout"
            counted.failed += 1
            self.count(channel.group, "failed")
            before = counted.failing
            counted.failing = Failing(
                since=now if before is None else before.since,
                reason=reason,
                times=1 if before is None else before.times + 1,
            )
            _log.warning("channel takes nothing", extra={"channel": channel.id, "reason": reason})
            return False
        counted.sent += 1
        self.count(channel.group, "sent")
        counted.failing = None
        return True

    def _begun(self, channel: Channel, notices: Sequence[Notice], now: datetime) -> Future[None]:
        """The sending, in a thread of its own: a receiver that never ends must not use up those that logins need.

        Raises ChannelFailed while the one before has not ended.
        """
        before = self._sending.get(channel.id)
        if before is not None and not before.done():
            raise ChannelFailed("timeout")
        sending: Future[None] = Future()
        sending.set_running_or_notify_cancel()

        def send() -> None:
            try:
                channel.send(notices, now)
            except Exception as error:  # noqa: BLE001 - handed to whoever waits
                sending.set_exception(error)
            else:
                sending.set_result(None)

        self._sending[channel.id] = sending
        # daemon: nor must it keep the process from ending
        threading.Thread(target=send, name=f"channel-{channel.id}", daemon=True).start()
        return sending
