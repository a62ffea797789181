"""Keeps the peers' metadata fresh in the background, and notes each change before it takes effect."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from connectors.contract import Connector
from trust.log import AppendOnlyLog
from trust.metadata_source import MetadataChange

_log = logging.getLogger("gateway.metadata")
_SECONDS = 45.0
_JITTER = 15.0
_LOG_SECONDS = 10.0


class MetadataRefresh:
    """One thread per process; a connector only fetches what is due."""

    def __init__(
        self, connectors: Callable[[], Mapping[str, Connector]], *, clock: Callable[[], datetime]
    ) -> None:
        """``connectors`` gives those in force; each round asks anew."""
        self._connectors = connectors
        self._clock = clock
        self._stopping = threading.Event()
        self._first_round = threading.Event()
        self._states: dict[tuple[str, str | None], str] = {}
        self._thread: threading.Thread | None = None

    @property
    def started(self) -> bool:
        """Whether every connector has been asked at least once."""
        return self._first_round.is_set()

    @property
    def running(self) -> bool:
        """Whether the thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="metadata-refresh", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End soon; a fetch under way is left behind, it writes nothing without us."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=2.0)

    def _run(self) -> None:
        while not self._stopping.is_set():
            for connector in self._connectors().values():
                self._refresh(connector)
            self._first_round.set()
            # Jitter keeps workers and installations from asking a peer at the same instant.
            self._stopping.wait(_SECONDS + random.uniform(-_JITTER, _JITTER))  # noqa: S311 - no secret

    def _refresh(self, connector: Connector) -> None:
        try:
            statuses = connector.refresh(now=self._clock())
        except Exception as error:  # noqa: BLE001 - one connector's defect must not stop the others
            _log.error("refresh failed", exc_info=error)
            return
        for status in statuses:
            key = (status.peer, status.country)
            if self._states.get(key, "ok") != status.state:
                level = logging.INFO if status.state == "ok" else logging.WARNING
                _log.log(level, f"peer {status.state}", extra={"peer": status.peer, "reason": status.reason})
            self._states[key] = status.state


def announce(log: AppendOnlyLog, change: MetadataChange) -> None:
    """Note a metadata change durably; raises LogUnavailable, and then it does not take effect."""
    body = {
        "anchor": change.anchor,
        "sha256": change.sha256,
        "previous_sha256": change.previous_sha256,
        "valid_until": change.valid_until.astimezone(UTC).isoformat(),
        "added": list(change.added),
        "removed": list(change.removed),
        "rekeyed": list(change.rekeyed),
    }
    log.append("MetadataChanged", body, now=datetime.now(UTC)).result(timeout=_LOG_SECONDS)
