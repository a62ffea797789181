"""What a terminal may do: certificate holder authorization template (TR-03110-4 §2.2.3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from sandbox.card.names import ID_AT, oid
from sandbox.card.objects import Malformed, only, write

ALL: Final = 0x3FFFFFFFFF
AGE: Final = 0
COMMUNITY: Final = 1
RESTRICTED_ID: Final = 2
CAN_ALLOWED: Final = 4

NAMES: Final = {
    AGE: "AgeVerification",
    COMMUNITY: "PlaceVerification",
    RESTRICTED_ID: "RestrictedID",
    CAN_ALLOWED: "CanAllowed",
    8: "DocumentType",
    9: "IssuingState",
    10: "DateOfExpiry",
    11: "GivenNames",
    12: "FamilyNames",
    13: "ArtisticName",
    14: "AcademicTitle",
    15: "DateOfBirth",
    16: "PlaceOfBirth",
    17: "Nationality",
    18: "Sex",
    20: "BirthName",
    24: "PlaceOfResidence",
    25: "CommunityID",
    26: "ResidencePermitI",
    27: "ResidencePermitII",
}
"""Names of the eID-Interface for the bits, as a citizen is told them."""


class Role(IntEnum):
    TERMINAL = 0
    DV_FOREIGN = 1
    DV_OFFICIAL = 2
    CVCA = 3


@dataclass(frozen=True, slots=True)
class Chat:
    """Role and rights of an authentication terminal."""

    role: Role
    bits: int

    @classmethod
    def parse(cls, octets: bytes) -> Chat:
        """Read a whole ``7F4C`` object; raises Malformed."""
        template = only(octets, 0x7F4C)
        if template.child(0x06).value != oid(ID_AT):
            raise Malformed("not for an authentication terminal")
        value = template.child(0x53).value
        if len(value) != 5:
            raise Malformed("five octets of rights")
        number = int.from_bytes(value, "big")
        return cls(Role(number >> 38), number & ALL)

    @property
    def octets(self) -> bytes:
        value = (self.role << 38 | self.bits).to_bytes(5, "big")
        return write(0x7F4C, write(0x06, oid(ID_AT)), write(0x53, value))

    def may(self, bit: int) -> bool:
        return bool(self.bits >> bit & 1)

    @property
    def names(self) -> tuple[str, ...]:
        """What it allows, in words; a bit without a word is told by its number."""
        return tuple(NAMES.get(bit, f"bit {bit}") for bit in range(38) if self.may(bit))


def data_group(number: int) -> int:
    """The bit for reading a data group."""
    return 7 + number
