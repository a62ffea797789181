"""What the chip computes instead of telling: comparisons and pseudonyms (TR-03127 §3.2.2)."""

from __future__ import annotations

import calendar
import hashlib
from collections.abc import Callable, Mapping

from sandbox.card import curve, names, status
from sandbox.card.names import oid
from sandbox.card.objects import DataObject, only, write
from sandbox.card.rights import AGE, COMMUNITY
from sandbox.card.status import Refused

EXPIRY_GROUP, BIRTH_GROUP, COMMUNITY_GROUP = 3, 8, 18


def compare(
    what: bytes, auxiliary: Mapping[bytes, bytes], files: Mapping[int, bytes], may: Callable[[int], bool]
) -> None:
    """Compare a data group with the value the terminal has signed.

    Raises Refused: not fulfilled, not signed, not on the chip, or no right.
    """
    kinds: dict[bytes, tuple[int, int | None, Callable[[bytes, bytes], bool]]] = {
        oid(names.DATE_OF_BIRTH): (BIRTH_GROUP, AGE, _old_enough),
        oid(names.DATE_OF_EXPIRY): (EXPIRY_GROUP, None, _still_valid),
        oid(names.COMMUNITY_ID): (COMMUNITY_GROUP, COMMUNITY, _lives_there),
    }
    if what not in kinds:
        raise Refused(status.WRONG_DATA, "nothing to compare")
    group, right, fulfilled = kinds[what]
    if right is not None and not may(right):
        raise Refused(status.NOT_ALLOWED, "no right to this comparison")
    if what not in auxiliary or group not in files:
        raise Refused(status.NO_REFERENCE, "no value to compare with")
    content = next(iter(only(files[group], 0x60 + group).children())).value
    if not fulfilled(content, auxiliary[what]):
        raise Refused(status.FAILED, "not fulfilled")


def _old_enough(born: bytes, at_latest: bytes) -> bool:
    return latest_birth(born.decode()) <= at_latest.decode()


def latest_birth(text: str) -> str:
    """The last day that fits; unknown parts are blank or zeros (TR-03127: in the state's favour).

    >>> latest_birth("1964    "), latest_birth("196402  ")
    ('19641231', '19640229')
    """
    known = text.replace("0000", "").rstrip() if text.endswith("0000") else text.rstrip()
    if len(known) == 4:
        return f"{known}1231"
    known = known.removesuffix("00") if len(known) == 8 else known
    if len(known) == 6:
        return f"{known}{calendar.monthrange(int(known[:4]), int(known[4:]))[1]:02}"
    return known if len(known) == 8 else "99999999"


def _still_valid(expires: bytes, today: bytes) -> bool:
    return expires >= today


def _lives_there(community: bytes, wanted: bytes) -> bool:
    return community.startswith(wanted)


def restricted_identifier(secret: int, sector: DataObject, hashes: tuple[bytes, ...]) -> bytes:
    """SHA-256 over the shared point's x coordinate (TR-03110-2 §3.5).

    Raises Refused when the sector key is not the one in the terminal's certificate.
    """
    public = write(0x7F49, sector.value)
    if hashlib.sha256(public).digest() not in hashes:
        raise Refused(status.NOT_ALLOWED, "a sector key that the terminal's certificate does not name")
    shared = curve.multiply(secret, curve.point(sector.child(0x86).value))
    return hashlib.sha256(shared.x_octets).digest()
