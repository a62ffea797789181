"""Restricted identification: one identifier per chip and sector (TR-03110-2 3.6, TR-03110-3 B.4).

The chip agrees a key between its own secret and the sector's public key and answers its hash. The
sector's key goes to the chip with its domain parameters and must hash to what stands in the terminal
certificate, so that nobody asks in a sector that is not theirs. A chip has one key whose identifier is
looked up in the sector's block list and another one for the pseudonym; both answer the same question.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec

from eid_server import curves, tlv
from eid_server.card_security import RESTRICTED_IDENTIFICATION_PROTOCOL
from eid_server.cvc import CVCertificate, explicit_key
from eid_server.errors import Malformed, Misconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class SectorKey:
    """Public key of a sector, as the chip is given it."""

    public_key: ec.EllipticCurvePublicKey

    @classmethod
    def parse(cls, data_object: bytes) -> SectorKey:
        """From the ``7F49`` object; raises Malformed."""
        protocol, *values = tlv.sequence(tlv.one(data_object, 0x7F49).value, 0x06, *range(0x81, 0x88))
        if tlv.oid(protocol.value) != RESTRICTED_IDENTIFICATION_PROTOCOL:
            raise Malformed("a sector key for another protocol")
        p, a, b, generator, n, point, h = (element.value for element in values)
        domain = curves.explicit(p=p, a=a, b=b, generator=generator, n=n, h=h)
        return cls(public_key=curves.public_key(domain, point))

    @property
    def data_object(self) -> bytes:
        """The ``7F49`` object."""
        return tlv.write(0x7F49, self.fields)

    @property
    def fields(self) -> bytes:
        """Protocol, domain parameters and point: what stands inside ``7F49`` and ``A0``."""
        protocol = tlv.write(0x06, tlv.object_identifier(RESTRICTED_IDENTIFICATION_PROTOCOL))
        domain = curves.domain_of(self.public_key)
        return protocol + explicit_key(domain, curves.point(self.public_key))

    @property
    def hash(self) -> bytes:
        """SHA-256 of the public key data object: the extension id-sector-ri (TR-03110-3 C.3.2.1)."""
        return sha256(self.data_object).digest()


def require_sector(certificate: CVCertificate, key: SectorKey) -> None:
    """Raises Misconfigured unless the terminal certificate was issued for this sector."""
    if key.hash not in certificate.sector_hashes:
        raise Misconfigured("the sector key is not that of the terminal certificate")


def request(first: SectorKey, second: SectorKey | None = None) -> bytes:
    """Data of GENERAL AUTHENTICATE: the sector, and the other one while sectors migrate."""
    content = tlv.write(0xA0, first.fields)
    if second is not None:
        content += tlv.write(0xA2, second.fields)
    return tlv.write(0x7C, content)


def parse_response(octets: bytes, *, second: bool = False) -> tuple[bytes, bytes | None]:
    """Identifiers in the first and, if asked for, in the second sector; raises Malformed."""
    objects = tlv.one(octets, 0x7C).children()
    if [found.tag for found in objects] != ([0x81, 0x83] if second else [0x81]):
        raise Malformed("identifiers missing or not asked for")
    if any(len(found.value) != 32 for found in objects):
        raise Malformed("an identifier of another length than SHA-256")
    return objects[0].value, objects[1].value if second else None
