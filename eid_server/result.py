"""What getResult hands over: values, verdicts, level; three ways of not having a value kept apart.

NOTONCHIP, PROHIBITED and an empty text are different facts (TR-03130-1 §3.4.1): the document lacks the
field, the citizen or the terminal's certificate keeps it back, or the field is there and empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from eid_server.data_groups import Value
from eid_server.levels import LEVELS, Level
from eid_server.security_infos import EIDType


class Absence(Enum):
    """AttributeResponseType other than ALLOWED."""

    NOT_ON_CHIP = "NOTONCHIP"
    PROHIBITED = "PROHIBITED"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictedID:
    """Pseudonym for chip and sector; ``second`` only while the sector migrates."""

    first: bytes = field(repr=False)
    second: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """By selector, exactly those that were asked for; a verification's value is its verdict."""

    values: Mapping[str, Value | RestrictedID | bool | Absence] = field(repr=False)
    eid_type: EIDType
    authenticated_at: datetime
    """When the last answer of the card came; validity was checked for that session's day."""

    @property
    def level(self) -> Level:
        return LEVELS[self.eid_type]
