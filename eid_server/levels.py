"""Which kinds of eID function a session accepts, and at which level (TR-03130-1 §3.4.2).

>>> sorted(accepted(minimum=Level.HOCH, eid_types={}))
[<EIDType.CARD_CERTIFIED: 'CardCertified'>]
>>> accepted(minimum=Level.HOCH, eid_types={EIDType.CARD_CERTIFIED: False})
frozenset()
>>> EIDType.SE_ENDORSED in accepted(minimum=Level.HOCH, eid_types={EIDType.SE_ENDORSED: True})
True
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from eid_server.security_infos import EIDType


class Level(Enum):
    """National levels of assurance; the value is the last part of the URI, in the TR's spelling."""

    UNDEFINED = "undefined"
    NORMAL = "normal"
    SUBSTANTIELL = "substantiell"
    HOCH = "hoch"

    @property
    def uri(self) -> str:
        return f"http://bsi.bund.de/eID/LoA/{self.value}"

    def reaches(self, minimum: Level) -> bool:
        """An undefined level reaches none, not even itself."""
        order = list(Level)
        return self is not Level.UNDEFINED and order.index(self) >= order.index(minimum)

    @classmethod
    def from_uri(cls, uri: str) -> Level:
        """Raises ValueError."""
        for level in cls:
            if level.uri == uri:
                return level
        raise ValueError("not a national level of assurance")


LEVELS: Mapping[EIDType, Level] = MappingProxyType(
    {
        EIDType.CARD_CERTIFIED: Level.HOCH,
        EIDType.SE_CERTIFIED: Level.SUBSTANTIELL,
        EIDType.SE_ENDORSED: Level.SUBSTANTIELL,
        EIDType.HW_KEY_STORE: Level.UNDEFINED,
    }
)
"""Only the card's level is notified. For phones these are cautious: too low is an inconvenience."""

ASSUMED = frozenset({EIDType.CARD_CERTIFIED, EIDType.SE_CERTIFIED, EIDType.SE_ENDORSED})
"""What an eID-Client offers when AcceptedEIDType is absent."""


def accepted(*, minimum: Level | None, eid_types: Mapping[EIDType, bool]) -> frozenset[EIDType]:
    """The word of the eService about a type comes first, then the level; without either, ASSUMED."""
    return frozenset(
        eid_type
        for eid_type in EIDType
        if eid_types.get(
            eid_type, eid_type in ASSUMED if minimum is None else LEVELS[eid_type].reaches(minimum)
        )
    )
