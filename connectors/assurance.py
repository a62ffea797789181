"""Levels of assurance: basic < low < substantial < high, and what a source really asserted.

The upper three are those of (EU) 2015/1502. Below them stands what the German accounts call
"Basisregistrierung": self-asserted data behind a password, no level of eIDAS at all. A level is never compared as a string and never raised:
what leaves the gateway is the lowest of what the source asserted, what it is trusted to
assert, and what its scheme was notified for.

>>> LevelOfAssurance.BASIC < LevelOfAssurance.LOW < LevelOfAssurance.SUBSTANTIAL < LevelOfAssurance.HIGH
True
>>> LevelOfAssurance.parse("substantial")
<LevelOfAssurance.SUBSTANTIAL: 3>
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Self


class LevelOfAssurance(IntEnum):
    """The levels in their order; the numbers are those of ``STORK-QAA-Level-…`` (bundid.md §1.5)."""

    BASIC = 1
    """Below every level of (EU) 2015/1502; a source never reaches ``low`` by it."""
    LOW = 2
    SUBSTANTIAL = 3
    HIGH = 4

    @property
    def word(self) -> str:
        """The lower-case word used in configuration, claims and pages."""
        return self.name.lower()

    @classmethod
    def parse(cls, word: str) -> Self:
        """Read one of ``basic``, ``low``, ``substantial``, ``high``; raises ValueError for anything else."""
        for level in cls:
            if word == level.name.lower():
                return level
        raise ValueError(f"not a level of assurance: {word!r}")


EIDAS_LEVELS = (LevelOfAssurance.LOW, LevelOfAssurance.SUBSTANTIAL, LevelOfAssurance.HIGH)
"""The three levels of (EU) 2015/1502, in their order; only these have eIDAS URIs."""


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
