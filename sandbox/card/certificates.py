"""Card-verifiable certificates, and how a card believes them (TR-03110-3 C, D; TR-03110-3 §2.5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from sandbox.card import curve
from sandbox.card.names import (
    DESCRIPTION,
    SECTOR,
    TA_ECDSA_SHA_256,
    TA_ECDSA_SHA_384,
    TA_ECDSA_SHA_512,
    oid,
)
from sandbox.card.objects import DataObject, Malformed, only, optional
from sandbox.card.rights import Chat, Role

HASHES: dict[bytes, type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    oid(TA_ECDSA_SHA_256): hashes.SHA256,
    oid(TA_ECDSA_SHA_384): hashes.SHA384,
    oid(TA_ECDSA_SHA_512): hashes.SHA512,
}

_DOMAIN = {
    0x81: curve.P.to_bytes(32, "big"),
    0x82: curve.A.to_bytes(32, "big"),
    0x83: curve.B.to_bytes(32, "big"),
    0x84: curve.GENERATOR.octets,
    0x85: curve.N.to_bytes(32, "big"),
    0x87: b"\x01",
}


class NotBelieved(Exception):
    """A certificate or signature that this card refuses; the text says why."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate, parsed; nothing is verified yet."""

    octets: bytes
    body: bytes
    signature: bytes
    issuer: bytes
    """Certification authority reference."""
    holder: bytes
    """Certificate holder reference."""
    algorithm: bytes
    public: curve.Point
    has_domain: bool
    chat: Chat
    effective: date
    expires: date
    extensions: dict[bytes, dict[int, bytes]] = field(default_factory=dict)

    @classmethod
    def parse(cls, octets: bytes) -> Certificate:
        """Read ``7F21``; raises Malformed."""
        whole = only(octets, 0x7F21)
        return cls.parse_content(whole.value, whole.octets)

    @classmethod
    def parse_content(cls, content: bytes, octets: bytes = b"") -> Certificate:
        """Read what PSO: VERIFY CERTIFICATE carries: body and signature without their envelope."""
        body = only(content, 0x7F4E)
        if body.child(0x5F29).value != b"\0":
            raise Malformed("profile identifier")
        key = body.child(0x7F49)
        extensions = optional(body.value, 0x65)
        return cls(
            octets=octets,
            body=body.octets,
            signature=only(content, 0x5F37).value,
            issuer=body.child(0x42).value,
            holder=body.child(0x5F20).value,
            algorithm=key.child(0x06).value,
            public=curve.point(key.child(0x86).value),
            has_domain=_domain(key),
            chat=Chat.parse(body.child(0x7F4C).octets),
            effective=_date(body.child(0x5F25).value),
            expires=_date(body.child(0x5F24).value),
            extensions=dict(map(_extension, extensions.children())) if extensions else {},
        )

    @property
    def description_hash(self) -> bytes:
        """Of the certificate description; raises Malformed when there is none."""
        try:
            return self.extensions[oid(DESCRIPTION)][0x80]
        except KeyError:
            raise Malformed("no hash of a certificate description") from None

    @property
    def sector_hashes(self) -> tuple[bytes, ...]:
        """Of the sector public keys for restricted identification, first and second."""
        found = self.extensions.get(oid(SECTOR), {})
        return tuple(found[tag] for tag in (0x80, 0x81) if tag in found)

    @property
    def is_link(self) -> bool:
        """A CVCA's certificate, whoever has signed it."""
        return self.chat.role is Role.CVCA

    def verify(self, data: bytes, signature: bytes) -> None:
        """Check a plain signature with this certificate's key; raises NotBelieved."""
        verify(self.public, self.algorithm, data, signature)


def verify(public: curve.Point, algorithm: bytes, data: bytes, signature: bytes) -> None:
    """Check a plain signature r‖s (TR-03111 §5.2.2); raises NotBelieved."""
    known = HASHES.get(algorithm)
    if known is None:
        raise NotBelieved("no algorithm of terminal authentication")
    if len(signature) != 2 * curve.SIZE:
        raise NotBelieved("a signature has two numbers of 32 octets")
    r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
    try:
        curve.public_key(public).verify(encode_dss_signature(r, s), data, ec.ECDSA(known()))
    except InvalidSignature:
        raise NotBelieved("the signature is wrong") from None


def _domain(key: DataObject) -> bool:
    given = {o.tag: o.value for o in key.children() if o.tag in _DOMAIN}
    if not given:
        return False
    if given != _DOMAIN:
        raise Malformed("domain parameters other than brainpoolP256r1")
    return True


def _date(octets: bytes) -> date:
    if len(octets) != 6 or any(digit > 9 for digit in octets):
        raise Malformed("a date has six digits")
    try:
        return date(2000 + octets[0] * 10 + octets[1], octets[2] * 10 + octets[3], octets[4] * 10 + octets[5])
    except ValueError:
        raise Malformed("no such day") from None


def _extension(template: DataObject) -> tuple[bytes, dict[int, bytes]]:
    if template.tag != 0x73:
        raise Malformed("an extension is a discretionary data template")
    name, *values = template.children()
    return name.value, {value.tag: value.value for value in values}


@dataclass(slots=True)
class TrustStore:
    """The roots a card believes and the day it believes to be today (TR-03110-3 §2.5).

    A card has no clock: the newest date in a certificate of its own country's authorities counts.
    """

    roots: list[Certificate]
    """The newest last; at most two."""
    today: date

    def references(self) -> list[bytes]:
        """What PACE tells the reader: the newest root first."""
        return [root.holder for root in reversed(self.roots)]

    def believe(self, certificate: Certificate, issuer: Certificate) -> None:
        """Verify one certificate against its issuer; raises NotBelieved.

        Links are believed even when they or their issuer have expired, or a card that was not used for
        years would be lost. They may leave out the domain parameters, which then stay (TR-03110-3 D.3.3).
        """
        if certificate.issuer != issuer.holder:
            raise NotBelieved("another issuer than the chosen one")
        issuer.verify(certificate.body, certificate.signature)
        roles = {
            Role.CVCA: {Role.CVCA, Role.DV_OFFICIAL, Role.DV_FOREIGN},
            Role.DV_OFFICIAL: {Role.TERMINAL},
            Role.DV_FOREIGN: {Role.TERMINAL},
            Role.TERMINAL: set[Role](),
        }
        if certificate.chat.role not in roles[issuer.chat.role]:
            raise NotBelieved(f"a {issuer.chat.role.name} may not certify a {certificate.chat.role.name}")
        if certificate.has_domain and not certificate.is_link:
            raise NotBelieved("domain parameters belong into the certificates of a CVCA, and only there")
        if certificate.effective > certificate.expires:
            raise NotBelieved("ends before it begins")
        if not certificate.is_link and self.today > min(certificate.expires, issuer.expires):
            raise NotBelieved("expired")
        self._learn(certificate, issuer)

    def _learn(self, certificate: Certificate, issuer: Certificate) -> None:
        domestic = (
            certificate.chat.role in {Role.CVCA, Role.DV_OFFICIAL} or issuer.chat.role is Role.DV_OFFICIAL
        )
        if domestic:
            self.today = max(self.today, certificate.effective)
        if certificate.is_link and certificate.holder not in self.references():
            self.roots = [*self.roots, certificate][-2:]


def load_roots(octets: bytes) -> list[Certificate]:
    """The trust points a card leaves the factory with; raises NotBelieved when one is no CVCA's."""
    root = Certificate.parse(octets)
    if root.chat.role is not Role.CVCA or not root.has_domain:
        raise NotBelieved("a trust point is a certificate of a CVCA")
    root.verify(root.body, root.signature)
    return [root]
