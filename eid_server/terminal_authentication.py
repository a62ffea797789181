"""Terminal authentication version 2: the server proves its certificate to the chip (TR-03110-2 3.3).

Signed is ``IDPICC ‖ challenge ‖ Comp(ephemeral key) ‖ auxiliary data``, so that the ephemeral key of
the chip authentication that follows and the reference values of the comparisons belong to this
terminal and this session.
"""

from __future__ import annotations

from datetime import date

from cryptography.hazmat.primitives.asymmetric import ec

from eid_server import tlv
from eid_server.cvc import ID_TA_ECDSA_SHA_256, sign_plain
from eid_server.errors import Misconfigured, ProtocolViolation

ID_DATE_OF_BIRTH = "0.4.0.127.0.7.3.1.4.1"
ID_DATE_OF_EXPIRY = "0.4.0.127.0.7.3.1.4.2"
ID_COMMUNITY_ID = "0.4.0.127.0.7.3.1.4.3"
"""Auxiliary data (TR-03110-3 A.7.5)."""


def age_reference(today: date, years: int) -> date:
    """The latest date of birth of somebody who has completed ``years`` years today.

    >>> age_reference(date(2026, 11, 23), 18), age_reference(date(2028, 2, 29), 18)
    (datetime.date(2008, 11, 23), datetime.date(2010, 2, 28))
    """
    try:
        return today.replace(year=today.year - years)
    except ValueError:  # 29 February of a year that has none: nobody was born between the two days
        return today.replace(year=today.year - years, day=28)


def auxiliary_data(
    *, birth_not_after: date | None = None, valid_on: date | None = None, community_id: str | None = None
) -> bytes:
    """The ``67`` object of reference values, or nothing (TR-03110-3 A.7.5).

    ``community_id``: an even number of digits, as in data group 18 or a beginning of it. Raises
    Misconfigured for anything else.
    """
    content = b""
    for name, day in ((ID_DATE_OF_BIRTH, birth_not_after), (ID_DATE_OF_EXPIRY, valid_on)):
        if day is not None:
            content += _template(name, f"{day:%Y%m%d}".encode())
    if community_id is not None:
        if not (community_id.isascii() and community_id.isdigit()) or len(community_id) % 2:
            raise Misconfigured("a community identifier is an even number of digits")
        content += _template(ID_COMMUNITY_ID, bytes.fromhex(community_id))
    return tlv.write(0x67, content) if content else b""


def signed_octets(*, id_picc: bytes, challenge: bytes, ephemeral_x: bytes, auxiliary: bytes) -> bytes:
    """What the terminal signs; raises ProtocolViolation for a challenge of another length."""
    if len(challenge) != 8:
        raise ProtocolViolation("a challenge for terminal authentication has eight octets")
    if not 16 <= len(id_picc) <= 128:
        raise ProtocolViolation("IDPICC is the x-coordinate of the chip's PACE key")
    return id_picc + challenge + ephemeral_x + auxiliary


def sign(
    key: ec.EllipticCurvePrivateKey,
    *,
    id_picc: bytes,
    challenge: bytes,
    ephemeral_x: bytes,
    auxiliary: bytes,
    algorithm: str = ID_TA_ECDSA_SHA_256,
) -> bytes:
    """Signature for EAC2Input, plain r‖s; raises ProtocolViolation, Malformed."""
    message = signed_octets(
        id_picc=id_picc, challenge=challenge, ephemeral_x=ephemeral_x, auxiliary=auxiliary
    )
    return sign_plain(key, message, algorithm)


def _template(name: str, value: bytes) -> bytes:
    return tlv.write(0x73, tlv.write(0x06, tlv.object_identifier(name)) + tlv.write(0x53, value))
