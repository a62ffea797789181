"""Object identifiers of TR-03110-3 and TR-03110-4, and how one is written as octets."""

from __future__ import annotations

from typing import Final

ID_AT: Final = "0.4.0.127.0.7.3.1.2.2"
DESCRIPTION: Final = "0.4.0.127.0.7.3.1.3.1"
PLAIN_FORMAT: Final = "0.4.0.127.0.7.3.1.3.1.1"
SECTOR: Final = "0.4.0.127.0.7.3.1.3.2"

DATE_OF_BIRTH: Final = "0.4.0.127.0.7.3.1.4.1"
DATE_OF_EXPIRY: Final = "0.4.0.127.0.7.3.1.4.2"
COMMUNITY_ID: Final = "0.4.0.127.0.7.3.1.4.3"

TA: Final = "0.4.0.127.0.7.2.2.2"
TA_ECDSA_SHA_256: Final = "0.4.0.127.0.7.2.2.2.2.3"
TA_ECDSA_SHA_384: Final = "0.4.0.127.0.7.2.2.2.2.4"
TA_ECDSA_SHA_512: Final = "0.4.0.127.0.7.2.2.2.2.5"
PACE_ECDH_GM_AES_128: Final = "0.4.0.127.0.7.2.2.4.2.2"
CA_ECDH: Final = "0.4.0.127.0.7.2.2.3.2"
CA_ECDH_AES_128: Final = "0.4.0.127.0.7.2.2.3.2.2"
PK_ECDH: Final = "0.4.0.127.0.7.2.2.1.2"
RI_ECDH: Final = "0.4.0.127.0.7.2.2.5.2"
RI_ECDH_SHA_256: Final = "0.4.0.127.0.7.2.2.5.2.3"
CARD_INFO: Final = "0.4.0.127.0.7.2.2.6"
SECURITY_OBJECT: Final = "0.4.0.127.0.7.3.2.1"
STANDARDIZED_DOMAIN: Final = "0.4.0.127.0.7.1.2"

CARD_EID_TYPE: Final = "0.4.0.127.0.7.3.2.3.1"
MOBILE_EID_TYPE: Final = "0.4.0.127.0.7.3.2.3.2"

EID_APPLICATION: Final = bytes.fromhex("e80704007f00070302")
BRAINPOOL_P256R1_ID: Final = 13
"""Standardised domain parameters, TR-03110-3 table 4."""


def oid(dotted: str) -> bytes:
    """The content octets of an object identifier (X.690 §8.19).

    >>> oid("0.4.0.127.0.7.3.1.2.2").hex()
    '04007f000703010202'
    """
    first, second, *rest = (int(part) for part in dotted.split("."))
    octets = bytearray()
    for number in (first * 40 + second, *rest):
        group = [number & 0x7F]
        while number := number >> 7:
            group.append(number & 0x7F | 0x80)
        octets += bytes(reversed(group))
    return bytes(octets)
