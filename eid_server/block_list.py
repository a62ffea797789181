"""Block list: cards reported as lost or stolen, as identifiers of one sector (TR-03129 §4.5, TR-03127).

::

    SEQUENCE { INTEGER version 0, INTEGER type, OCTET STRING listID,
               SEQUENCE OF SEQUENCE { OCTET STRING sectorID, SEQUENCE OF OCTET STRING } }

A complete list (type 0); lists of differences are for those who keep one over days. The certification
authority computes it for the terminal's own sector. What a card answers to the question is compared by
its hash and then forgotten: it must neither be stored nor released.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from eid_server import tlv
from eid_server.errors import InvalidDocument, Malformed
from eid_server.passive_authentication import ID_BLACK_LIST, CardTrust, verify_signed
from eid_server.restricted_id import SectorKey

_COMPLETE = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockList:
    sectors: Mapping[bytes, frozenset[bytes]] = field(default_factory=dict, repr=False)
    """Hash of the sector's key to hashes of the identifiers in it."""

    @classmethod
    def of(cls, sector: SectorKey, identifiers: Iterable[bytes] = ()) -> BlockList:
        """A list for one sector."""
        return cls(sectors={sector.hash: frozenset(map(_digest, identifiers))})

    @classmethod
    def parse(cls, content: bytes) -> BlockList:
        """The unsigned content; raises Malformed, also for a list of differences."""
        version, kind, _list_id, details = tlv.sequence(tlv.one(content, 0x30).value, 0x02, 0x02, 0x04, 0x30)
        if tlv.unsigned(version.value) != 0 or tlv.unsigned(kind.value) != _COMPLETE:
            raise Malformed("not a complete block list of version 1")
        sectors: dict[bytes, frozenset[bytes]] = {}
        for detail in details.children():
            sector, identifiers = tlv.sequence(detail.value, 0x04, 0x30)
            found = identifiers.children()
            if sector.value in sectors or any(entry.tag != 0x04 for entry in found):
                raise Malformed("a sector twice, or entries in another form")
            sectors[sector.value] = frozenset(_digest(entry.value) for entry in found)
        return cls(sectors=sectors)

    @classmethod
    def verify(cls, octets: bytes, trust: CardTrust, now: datetime) -> BlockList:
        """A signed list; raises InvalidDocument for its signature, Malformed for its content."""
        return cls.parse(verify_signed(octets, ID_BLACK_LIST, trust, now))

    def require_not_blocked(self, sector: SectorKey, identifier: bytes) -> None:
        """Raises InvalidDocument for a blocked card, and when there is no list for this sector."""
        if sector.hash not in self.sectors:
            raise InvalidDocument("there is no block list for the sector")
        if _digest(identifier) in self.sectors[sector.hash]:
            raise InvalidDocument("the card is blocked")


def _digest(identifier: bytes) -> bytes:
    return sha256(identifier).digest()
