"""Commands to the eID application, before secure messaging (TR-03110-3 B, ISO/IEC 7816-4)."""

from __future__ import annotations

from dataclasses import dataclass

from eid_server import tlv
from eid_server.terminal_authentication import ID_COMMUNITY_ID, ID_DATE_OF_BIRTH, ID_DATE_OF_EXPIRY

EID_APPLICATION = bytes.fromhex("e80704007f00070302")
SUCCESS = 0x9000
VERIFICATION_FAILED = 0x6300
"""A comparison (age, community, validity) whose answer is no (TR-03110-3 B.6)."""
NO_REFERENCE = 0x6A88
"""There is nothing on this chip to compare with (ISO/IEC 7816-4 §5.6, "referenced data not found")."""
NOT_FOUND = frozenset({0x6A82, 0x6A80, NO_REFERENCE})
"""The file is not on this chip; 6A80 is what AusweisApp's simulated card says."""
ANY_LENGTH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAPDU:
    cla: int = 0x00
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    expected: int | None = None
    """Octets wanted at most; None: the command answers with a status only."""

    @property
    def header(self) -> bytes:
        return bytes([self.cla, self.ins, self.p1, self.p2])


def select_eid() -> CommandAPDU:
    """SELECT by name, no answer data (ISO/IEC 7816-4 §11.2.2)."""
    return CommandAPDU(ins=0xA4, p1=0x04, p2=0x0C, data=EID_APPLICATION)


def read_data_group(number: int) -> CommandAPDU:
    """READ BINARY by short file identifier, which is the number of the data group (TR-03110-4 2.2.3.1)."""
    if not 1 <= number <= 22:
        raise ValueError(number)
    return CommandAPDU(ins=0xB0, p1=0x80 | number, p2=0x00, expected=ANY_LENGTH)


def verify_age() -> CommandAPDU:
    return _verify(ID_DATE_OF_BIRTH)


def verify_validity() -> CommandAPDU:
    return _verify(ID_DATE_OF_EXPIRY)


def verify_community() -> CommandAPDU:
    return _verify(ID_COMMUNITY_ID)


def set_restricted_identification(protocol: str, key_id: int) -> CommandAPDU:
    """MSE:Set AT for restricted identification (TR-03110-3 B.4)."""
    data = tlv.write(0x80, tlv.object_identifier(protocol)) + tlv.write(0x84, bytes([key_id]))
    return CommandAPDU(ins=0x22, p1=0x41, p2=0xA4, data=data)


def general_authenticate(data: bytes) -> CommandAPDU:
    """GENERAL AUTHENTICATE with the whole ``7C`` object (TR-03110-3 B.4)."""
    return CommandAPDU(ins=0x86, p1=0x00, p2=0x00, data=data, expected=ANY_LENGTH)


def _verify(name: str) -> CommandAPDU:
    """VERIFY against a reference value of the auxiliary data (TR-03110-3 B.6)."""
    data = tlv.write(0x06, tlv.object_identifier(name))
    return CommandAPDU(cla=0x80, ins=0x20, p1=0x80, p2=0x00, data=data)
