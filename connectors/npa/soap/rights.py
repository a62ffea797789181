"""How it stands with the eID service: does it answer, and may it read what we are configured to ask?

``getServerInfo`` names the rights of the terminal certificate, which the service renews every few
days. A right that is missing there would fail every login that needs it (``missingTerminalRights``),
so it is found out before a citizen does.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.contract import PeerStatus
from connectors.errors import ConnectorError
from connectors.npa.operations import Operation
from connectors.npa.soap.service import SOAPService

_log = logging.getLogger("connectors.npa.soap")
_AGAIN = timedelta(seconds=60)
"""After a failure."""


@dataclass(slots=True, kw_only=True)
class RightsWatch:
    """The outcome of the last ``getServerInfo``. Thread-safe."""

    service: SOAPService
    rights: frozenset[Operation]
    """What the registration file says the certificate allows."""
    every: timedelta
    valid_until: datetime | None = None
    """When the first certificate ends without which nothing works: ours, or the service's last pinned one."""
    _due: datetime | None = None
    _state: str = "ok"
    """Before the first answer nothing speaks against the service."""
    _reason: str | None = None
    _since: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refresh(self, now: datetime) -> None:
        """Ask, if it is time to; blocking."""
        with self._lock:
            if self._due is not None and now < self._due:
                return
            self._due = now + _AGAIN
        reason = self._ask(now)
        with self._lock:
            if reason is None:
                self._due = now + self.every
            if reason != self._reason:
                self._since = now
            self._reason = reason
            self._state = "ok" if reason is None else "down"

    def _ask(self, now: datetime) -> str | None:
        try:
            info = self.service.server_info(now=now)
        except ConnectorError as error:
            _log.warning("getServerInfo failed: %s", error)
            return error.reason
        missing = sorted(self.rights - info.rights)
        if missing:
            _log.error("the terminal certificate lacks configured rights: %s", ", ".join(missing))
            return "npa.service.rights"
        return None

    def peers(self, _now: datetime) -> Sequence[PeerStatus]:
        """The state as last found out; no network."""
        with self._lock:
            return [
                PeerStatus(
                    peer=self.service.interface.section.address,
                    country="DE",
                    state=self._state,
                    valid_until=self.valid_until,
                    since=self._since,
                    reason=self._reason,
                    next_refresh=self._due,
                )
            ]
