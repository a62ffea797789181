"""Levels of assurance: low < substantial < high, and what a source really asserted.

The order is that of (EU) 2015/1502. A level is never compared as a string and never raised:
what leaves the gateway is the lowest of what the source asserted, what it is trusted to
assert, and what its scheme was notified for.

>>> LevelOfAssurance.LOW < LevelOfAssurance.SUBSTANTIAL < LevelOfAssurance.HIGH
True
>>> LevelOfAssurance.parse("substantial")
<LevelOfAssurance.SUBSTANTIAL: 2>
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Self


class LevelOfAssurance(IntEnum):
    """The three levels of (EU) 2015/1502, in their order."""

    LOW = 1
    SUBSTANTIAL = 2
    HIGH = 3

    @property
    def word(self) -> str:
        """The lower-case word used in configuration, claims and pages."""
        return self.name.lower()

    @classmethod
    def parse(cls, word: str) -> Self:
        """Read one of ``low``, ``substantial``, ``high``; raises ValueError for anything else."""
        for level in cls:
            if word == level.name.lower():
                return level
        raise ValueError(f"not a level of assurance: {word!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assurance:
    """A level together with whether the scheme behind it is notified (eIDAS Article 9).

    A level that a non-notified scheme claims has no legal equivalence to the notified one, so
    the two never satisfy each other silently (eidas.md §11.4).
    """

    level: LevelOfAssurance
    notified: bool = True

    def satisfies(self, minimum: LevelOfAssurance, *, accept_non_notified: bool) -> bool:
        """Whether a service that asks for ``minimum`` may be given this."""
        return self.level >= minimum and (self.notified or accept_non_notified)
