"""Whether what is new in the registry's log says that it was there before, when this process saw that it was not.

Signatures expire by the times in the log, and who has the database writes those: a signature that was held back
could be put in weeks later with the time of its day. The fold cannot tell, for it must come to the same result
from the log alone, tomorrow too. A process that looks every two seconds can, and says so.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from trust.registry import Head, Registry
from trust.registry.fold import CLOCKS

_log = logging.getLogger("gateway.following")

TOLERANCE = 2 * CLOCKS
"""The writer's clock may be behind and ours ahead."""


@dataclass(slots=True)
class LastLook:
    """Where the log ended for this process, and when that was."""

    head: Head
    at: datetime
    dated_back: int | None = None
    """Number of the last entry that was written later than it says."""

    def again(self, registry: Registry, now: datetime) -> None:
        """After ``registry`` was read at ``now``; raises RegistryError."""
        head = registry.known.head
        if head != self.head:
            entry = registry.next_entry(self.head)
            if entry is not None and entry.time < self.at - TOLERANCE:
                self.dated_back = entry.seq
                _log.error("an entry of the registry is dated back", extra={"reason": f"entry {entry.seq}"})
        self.head, self.at = head, now
