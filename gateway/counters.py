"""What is counted where it happens, in every worker.

One worker keeps its counters in memory. Several keep them in small files side by side, in a directory that the
parent makes: whoever is asked adds them up. The files are named by the worker's number and not by its process, so
that a worker which is replaced counts on and nothing is lost or counted twice. Counting costs some microseconds and
never waits for a disk.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, values
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from gateway.audit import DataReleased, Event, JourneyEnded, JourneyOpened, SessionUsed
from gateway.client_settings import PROBE_CLIENT
from gateway.errors import CATALOGUE, GatewayError
from gateway.metrics_table import BY_NAME

_SECONDS = (5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900)
"""A citizen with a card and a PIN takes about a minute; a journey ends after fifteen."""
_SERVER_ERROR = 500


disable_created_metrics()  # a second series for each, which nobody reads


class Counters:
    """Those of one process. ``alone`` or ``shared``, once per process, before anything is counted."""

    def __init__(self, registry: CollectorRegistry | None, directory: Path | None) -> None:
        self._own, self._directory = registry, directory
        self._opened = Counter(*_named("eidgateway_journeys_opened_total"), registry=registry)
        self._journeys = Counter(*_named("eidgateway_journeys_total"), registry=registry)
        self._errors = Counter(*_named("eidgateway_errors_total"), registry=registry)
        self._messages = Counter(*_named("eidgateway_watch_messages_total"), registry=registry)
        self._duration = Histogram(
            *_named("eidgateway_journey_duration_seconds"), registry=registry, buckets=_SECONDS
        )

    @classmethod
    def alone(cls) -> Counters:
        """The only worker."""
        values.ValueClass = values.MutexValue
        return cls(CollectorRegistry(), None)

    @classmethod
    def shared(cls, directory: Path, worker: int) -> Counters:
        """One of several, by number."""
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)  # where the library looks for it
        values.ValueClass = values.MultiProcessValue(lambda: worker)
        return cls(None, directory)

    def event(self, event: Event) -> None:
        """Something that is in the audit log; not that of a probe, with which nobody logged in."""
        if getattr(event, "client", None) == PROBE_CLIENT:
            return
        if isinstance(event, JourneyOpened):
            self._opened.inc()
        elif isinstance(event, SessionUsed):
            self._opened.inc()
            self._journeys.labels(event.connector or "", "session").inc()
        elif isinstance(event, DataReleased) and event.seconds is not None:
            self._journeys.labels(event.connector or "", "released").inc()
            self._duration.observe(event.seconds)
        elif isinstance(event, JourneyEnded):
            self._journeys.labels(event.connector or "", _outcome(event.code)).inc()
        code: str = getattr(event, "code", "")
        with suppress(KeyError):  # no free text becomes a label
            self._errors.labels(CATALOGUE[code].code).inc()

    def answered(self, error: GatewayError) -> None:
        """An error that was answered and of which no event tells, because what would note it is away."""
        if error.entry.http_status >= _SERVER_ERROR:
            self._errors.labels(error.entry.code).inc()

    def message(self, channel: str, result: str) -> None:
        """A mail or webhook: ``sent`` or ``failed``."""
        self._messages.labels(channel, result).inc()

    def registry(self, others: Sequence[Collector] = ()) -> CollectorRegistry:
        """The counters of all workers and ``others``, to be written out."""
        found = CollectorRegistry()
        if self._directory is not None:
            MultiProcessCollector(found, path=str(self._directory))
        elif self._own is not None:
            found.register(self._own)
        for other in others:
            found.register(other)
        return found


def _outcome(code: str) -> str:
    if code.endswith(".cancelled"):
        return "cancelled"
    return {"journey.refused": "refused", "journey.timed_out": "expired"}.get(code, "failed")


def _named(name: str) -> tuple[str, str, tuple[str, ...]]:
    metric = BY_NAME[name]
    return metric.name, metric.meaning, metric.labels
