"""Certificate Holder Authorization Template of authentication terminals (TR-03110-3 C.1.5, TR-03110-4 2.2.3.2).

Five octets: two bits of role, 38 of rights. As an object::

    7F4C { 06 0.4.0.127.0.7.3.1.2.2, 53 role-and-rights }

>>> chat = Chat.from_octets(bytes.fromhex("0000011B07"))
>>> chat.role.name, [right.name for right in chat.rights]
('TERMINAL', ['AGE_VERIFICATION', 'COMMUNITY_ID_VERIFICATION', 'RESTRICTED_IDENTIFICATION', 'READ_DG1', 'READ_DG2', \
'READ_DG4', 'READ_DG5', 'READ_DG9'])
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from types import MappingProxyType

from eid_server import tlv
from eid_server.errors import Malformed

ID_AT = "0.4.0.127.0.7.3.1.2.2"
"""Authentication terminals; inspection systems and signature terminals have other templates."""
_ROLE_SHIFT = 38


class Role(IntEnum):
    """Bits 39 and 38."""

    TERMINAL = 0
    DV_FOREIGN = 1
    """Non-official domestic or foreign document verifier."""
    DV_DOMESTIC = 2
    CVCA = 3


class Right(IntFlag):
    """Bits 37 to 0."""

    AGE_VERIFICATION = 1 << 0
    COMMUNITY_ID_VERIFICATION = 1 << 1
    RESTRICTED_IDENTIFICATION = 1 << 2
    PRIVILEGED_TERMINAL = 1 << 3
    CAN_ALLOWED = 1 << 4
    PIN_MANAGEMENT = 1 << 5
    INSTALL_CERTIFICATE = 1 << 6
    INSTALL_QUALIFIED_CERTIFICATE = 1 << 7
    READ_DG1 = 1 << 8
    READ_DG2 = 1 << 9
    READ_DG3 = 1 << 10
    READ_DG4 = 1 << 11
    READ_DG5 = 1 << 12
    READ_DG6 = 1 << 13
    READ_DG7 = 1 << 14
    READ_DG8 = 1 << 15
    READ_DG9 = 1 << 16
    READ_DG10 = 1 << 17
    READ_DG11 = 1 << 18
    READ_DG12 = 1 << 19
    READ_DG13 = 1 << 20
    READ_DG14 = 1 << 21
    READ_DG15 = 1 << 22
    READ_DG16 = 1 << 23
    READ_DG17 = 1 << 24
    READ_DG18 = 1 << 25
    READ_DG19 = 1 << 26
    READ_DG20 = 1 << 27
    READ_DG21 = 1 << 28
    READ_DG22 = 1 << 29
    PSEUDONYMOUS_SIGNATURE = 1 << 30
    RFU = 1 << 31
    WRITE_DG22 = 1 << 32
    WRITE_DG21 = 1 << 33
    WRITE_DG20 = 1 << 34
    WRITE_DG19 = 1 << 35
    WRITE_DG18 = 1 << 36
    WRITE_DG17 = 1 << 37


NO_RIGHTS = Right(0)
ALL_RIGHTS = Right((1 << _ROLE_SHIFT) - 1)

SELECTOR_RIGHTS: Mapping[str, Right] = MappingProxyType(
    {
        "DocumentType": Right.READ_DG1,
        "IssuingState": Right.READ_DG2,
        "DateOfExpiry": Right.READ_DG3,
        "GivenNames": Right.READ_DG4,
        "FamilyNames": Right.READ_DG5,
        "ArtisticName": Right.READ_DG6,
        "AcademicTitle": Right.READ_DG7,
        "DateOfBirth": Right.READ_DG8,
        "PlaceOfBirth": Right.READ_DG9,
        "Nationality": Right.READ_DG10,
        "BirthName": Right.READ_DG13,
        "PlaceOfResidence": Right.READ_DG17,
        "CommunityID": Right.READ_DG18,
        "ResidencePermitI": Right.READ_DG19,
        "RestrictedID": Right.RESTRICTED_IDENTIFICATION,
        "AgeVerification": Right.AGE_VERIFICATION,
        "PlaceVerification": Right.COMMUNITY_ID_VERIFICATION,
    }
)
"""Selector of the eID-Interface to the right it needs (TR-03130-1 §3.4.1)."""


def rights_of(*selectors: str) -> Right:
    """The rights that reading these selectors takes; KeyError for an unknown one."""
    rights = NO_RIGHTS
    for selector in selectors:
        rights |= SELECTOR_RIGHTS[selector]
    return rights


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """Role and rights; intersection with ``&`` keeps the role of the left side."""

    role: Role = Role.TERMINAL
    rights: Right = NO_RIGHTS

    @classmethod
    def from_octets(cls, octets: bytes) -> Chat:
        """Raises Malformed unless there are five octets."""
        if len(octets) != 5:
            raise Malformed("a CHAT of authentication terminals has five octets")
        value = int.from_bytes(octets, "big")
        return cls(role=Role(value >> _ROLE_SHIFT), rights=Right(value & ALL_RIGHTS))

    @classmethod
    def parse(cls, encoded: bytes) -> Chat:
        """The whole ``7F4C`` object; raises Malformed, also for another kind of terminal."""
        kind, template = tlv.sequence(tlv.one(encoded, 0x7F4C).value, 0x06, 0x53)
        if tlv.oid(kind.value) != ID_AT:
            raise Malformed("a CHAT of another kind of terminal")
        return cls.from_octets(template.value)

    @property
    def octets(self) -> bytes:
        return (self.role << _ROLE_SHIFT | self.rights).to_bytes(5, "big")

    @property
    def encoded(self) -> bytes:
        """The ``7F4C`` object, as in certificates, RequiredCHAT and OptionalCHAT."""
        return tlv.write(0x7F4C, tlv.write(0x06, tlv.object_identifier(ID_AT)) + tlv.write(0x53, self.octets))

    def __and__(self, other: Chat) -> Chat:
        """Effective authorisation: what both allow (TR-03110-3 2.7)."""
        return Chat(role=self.role, rights=self.rights & other.rights)
