"""``/metrics`` on the management listener: counters of all workers, and the state that this worker sees.

Nothing is computed on a login's way: state is looked at when somebody asks. docs/metrics.md lists every name.
"""

from __future__ import annotations

import asyncio
import platform
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

import sqlalchemy as sa
from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.counters import Counters
from gateway.expiry import ExpiryKind
from gateway.live import Generation
from gateway.metrics_table import BY_NAME, Sample
from gateway.own_keys.calendar import next_transition
from gateway.settings.watch import Severity
from gateway.store import StoreUnavailable
from gateway.watch.observing import Observing, asked, peer_statuses, source_statuses
from gateway.watch.watching import Watch
from trust.log import LOG, LogUnavailable
from trust.registry import Status, status

Samples = Callable[[], Iterable[Sample]]


@dataclass(kw_only=True)
class Metrics:
    """See the module docstring."""

    counters: Counters
    observing: Observing
    watch: Watch
    engine: sa.Engine
    more: tuple[Samples, ...] = ()
    """What other parts tell of themselves; blocking, and may raise whatever it likes."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def routes(self) -> list[Route]:
        return [Route("/metrics", self.answer, methods=["GET"])]

    async def answer(self, _: Request) -> Response:
        """The text format of Prometheus."""
        store_up = True
        try:
            await self.observing.store.ping()
        except StoreUnavailable:
            store_up = False
        content = await asyncio.to_thread(self.text, store_up=store_up)
        headers = {"Cache-Control": "no-store"}
        return Response(content, headers=headers, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    def text(self, *, store_up: bool) -> bytes:
        """Blocking. One at a time: several scrapers must not load the database together."""
        with self._lock:
            samples = [*self._samples(), ("eidgateway_store_up", (), float(store_up))]
            return generate_latest(self.counters.registry([_State(samples)]))

    def _samples(self) -> Iterator[Sample]:
        now, generation = self.observing.clock(), self.observing.live.current
        yield "eidgateway_build_info", (_version(), platform.python_version()), 1.0
        parts: list[Callable[[], Iterable[Sample]]] = [
            self._watch,
            lambda: _peers(generation, now),
            lambda: _sources(generation, now),
            lambda: self._expiries(now),
            lambda: _keys(generation, now),
            lambda: self._registry(generation, now),
            self._database,
            *self.more,
        ]
        nothing: list[Sample] = []
        for part in parts:
            yield from asked(_listed(part), nothing)

    def _watch(self) -> Iterator[Sample]:
        count = Counter(alert.severity for alert in self.watch.active)
        for severity in Severity:
            yield "eidgateway_alerts", (severity.value,), float(count[severity])
        if self.watch.looked_at is not None:
            yield "eidgateway_watch_last_round_timestamp_seconds", (), self.watch.looked_at.timestamp()

    def _expiries(self, now: datetime) -> Iterator[Sample]:
        listed = self.observing.expiries(now)
        ends: dict[str, datetime] = {}
        for one in listed:
            if one.kind in {ExpiryKind.ANCHOR, ExpiryKind.ANCHOR_CERTIFICATE}:
                ends[one.subject] = min(one.when, ends.get(one.subject, one.when))
        for anchor, end in ends.items():
            yield "eidgateway_anchor_expiry_timestamp_seconds", (anchor,), end.timestamp()
        bands = Counter((one.kind.value, one.band.value) for one in listed if one.pressing)
        for labels, number in sorted(bands.items()):
            yield "eidgateway_expiries", labels, float(number)

    def _registry(self, generation: Generation, now: datetime) -> Iterator[Sample]:
        live, fold = self.observing.live, generation.fold
        yield "eidgateway_registry_behind", (), float(live.problem is not None)
        if live.checked_at is not None:
            yield "eidgateway_registry_checked_timestamp_seconds", (), live.checked_at.timestamp()
        if fold is None:
            return
        proposals = [status(one, fold, now) for one in fold.open_proposals()]
        yield "eidgateway_registry_head", (), float(fold.head.seq)
        yield "eidgateway_registry_ignored_rows", (), float(len(fold.ignored))
        yield (
            "eidgateway_registry_open_proposals",
            (),
            float(sum(one is not Status.EXPIRED for one in proposals)),
        )
        yield "eidgateway_registry_suspensions", (), float(len(fold.suspensions))

    def _database(self) -> Iterator[Sample]:
        try:
            self.observing.log.check()
            with self.engine.connect() as connection:
                size = connection.execute(sa.select(sa.func.max(LOG.c.seq))).scalar()
        except (LogUnavailable, SQLAlchemyError):
            yield "eidgateway_database_up", (), 0.0
            return
        yield "eidgateway_database_up", (), 1.0
        yield "eidgateway_log_size", (), float(size or 0)


@dataclass(frozen=True, eq=False)  # the library keeps collectors as keys
class _State(Collector):
    """Samples as the library wants them: by name."""

    samples: list[Sample]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        families: dict[str, GaugeMetricFamily] = {}
        for name, labels, value in self.samples:
            metric = BY_NAME[name]
            family = families.setdefault(
                name, GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
            )
            family.add_metric(labels, value)
        yield from families.values()


def _listed(part: Callable[[], Iterable[Sample]]) -> Callable[[], list[Sample]]:
    return lambda: list(part())


def _peers(generation: Generation, now: datetime) -> Iterator[Sample]:
    """A peer of many countries is up if one of them can be reached through it."""
    up: dict[str, bool] = {}
    stale: dict[str, bool] = {}
    until: dict[str, datetime] = {}
    for statuses in peer_statuses(generation, now).values():
        for one in statuses:
            up[one.peer] = up.get(one.peer, False) or one.state != "down"
            stale[one.peer] = stale.get(one.peer, False) or one.state == "stale"
            if one.valid_until is not None:
                until[one.peer] = one.valid_until
    for peer, works in up.items():
        yield "eidgateway_peer_up", (peer,), float(works)
        yield "eidgateway_peer_stale", (peer,), float(stale[peer])
    for peer, moment in until.items():
        yield "eidgateway_metadata_valid_until_timestamp_seconds", (peer,), moment.timestamp()


def _sources(generation: Generation, now: datetime) -> Iterator[Sample]:
    for source in source_statuses(generation, now):
        yield "eidgateway_metadata_spent_ratio", (source.anchor,), source.spent
        if source.refreshed_at is not None:
            moment = source.refreshed_at.timestamp()
            yield "eidgateway_metadata_last_refresh_timestamp_seconds", (source.anchor,), moment


def _keys(generation: Generation, now: datetime) -> Iterator[Sample]:
    following = next_transition(generation.configuration, now)
    if following is not None:
        yield "eidgateway_key_next_transition_timestamp_seconds", (), following.timestamp()


def _version() -> str:
    try:
        return version("eid-gateway")
    except PackageNotFoundError:  # a checkout that is not installed
        return "unknown"
