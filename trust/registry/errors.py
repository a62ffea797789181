"""Why the registry does not do what it was asked.

::

    TrustError
    └── RegistryError
        ├── ChangeRefused         a change, approval or activation that must not count; nothing was written
        ├── RegistryBroken        the log does not follow from itself; names the first entry that does not fit
        ├── RegistryRolledBack    the log is older than, or other than, what this process has seen
        └── RegistryUnavailable   the database does not answer; what is known stays in force, changes wait

``reason`` is a stable word, e.g. ``registry.conflict``.
"""

from __future__ import annotations

from trust.errors import TrustError


class RegistryError(TrustError):
    """Base of all."""


class ChangeRefused(RegistryError):
    """Not admissible now. Reasons: the ``registry.*`` words where they are raised."""


class RegistryBroken(RegistryError):
    """Entry ``seq`` cannot be believed, nor can anything after it."""

    def __init__(self, seq: int, detail: str) -> None:
        super().__init__("registry.broken", f"entry {seq}: {detail}")
        self.seq = seq


class RegistryRolledBack(RegistryError):
    """The database shows less, or something else, than it has shown before: keep what was known."""

    def __init__(self, seq: int) -> None:
        super().__init__("registry.rolled-back", f"entry {seq} is no longer what it was")
        self.seq = seq


class RegistryUnavailable(RegistryError):
    """Neither read nor written."""

    def __init__(self, detail: str) -> None:
        super().__init__("registry.unavailable", detail)
