"""A certificate authority for terminals, a few lines each, so that tests can make wrong ones too."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from sandbox.card import curve, names
from sandbox.card.certificates import Certificate
from sandbox.card.names import oid
from sandbox.card.objects import write
from sandbox.card.rights import ALL, Chat, Role

TODAY = date(2026, 11, 23)
FROM, UNTIL = date(2026, 11, 1), date(2026, 12, 31)


def plain_signature(secret: int, data: bytes) -> bytes:
    key = ec.derive_private_key(secret, ec.BrainpoolP256R1())
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def digits(day: date) -> bytes:
    return bytes(int(c) for c in f"{day:%y%m%d}")


def domain() -> bytes:
    number = lambda n: n.to_bytes(32, "big")  # noqa: E731 - a name for four uses below
    return (
        write(0x81, number(curve.P))
        + write(0x82, number(curve.A))
        + write(0x83, number(curve.B))
        + write(0x84, curve.GENERATOR.octets)
        + write(0x85, number(curve.N))
    )


def public_key(secret: int, *, with_domain: bool) -> bytes:
    return (
        write(0x06, oid(names.TA_ECDSA_SHA_256))
        + (domain() if with_domain else b"")
        + write(0x86, curve.multiply(secret).octets)
        + (write(0x87, b"\x01") if with_domain else b"")
    )


@dataclass(kw_only=True)
class Holder:
    """Somebody with a key and a certificate."""

    name: bytes
    secret: int = field(default_factory=curve.scalar)
    octets: bytes = b""
    extensions: bytes = b""

    @property
    def certificate(self) -> Certificate:
        return Certificate.parse(self.octets)


def certify(
    holder: Holder,
    issuer: Holder,
    role: Role,
    bits: int = ALL,
    *,
    effective: date = FROM,
    expires: date = UNTIL,
    signer: Holder | None = None,
    issuer_name: bytes = b"",
    with_domain: bool | None = None,
) -> Holder:
    """Give the holder a certificate; ``signer`` is for forgeries. Domain parameters: as the role wants."""
    with_domain = role is Role.CVCA if with_domain is None else with_domain
    body = write(
        0x7F4E,
        write(0x5F29, b"\0"),
        write(0x42, issuer_name or issuer.name),
        write(0x7F49, public_key(holder.secret, with_domain=with_domain)),
        write(0x5F20, holder.name),
        Chat(role, bits).octets,
        write(0x5F25, digits(effective)),
        write(0x5F24, digits(expires)),
        write(0x65, holder.extensions) if holder.extensions else b"",
    )
    signature = plain_signature((signer or issuer).secret, body)
    holder.octets = write(0x7F21, body, write(0x5F37, signature))
    return holder


def description(subject_url: str, certificates: tuple[bytes, ...] = (), name: str = "Testdienst") -> bytes:
    hashes_ = b"".join(sorted(write(0x04, hashlib.sha256(c).digest()) for c in certificates))
    return write(
        0x30,
        write(0x06, oid(names.PLAIN_FORMAT)),
        write(0xA1, write(0x0C, b"Test-BerCA")),
        write(0xA3, write(0x0C, name.encode())),
        write(0xA4, write(0x13, subject_url.encode())),
        write(0xA5, write(0x0C, b"Anschrift: hier")),
        write(0xA7, write(0x31, hashes_)) if certificates else b"",
    )


@dataclass
class Authorities:
    """CVCA → DV → terminal, with sector keys and a description."""

    root: Holder
    verifier: Holder
    terminal: Holder
    sector: int
    described: bytes

    @property
    def sector_public(self) -> bytes:
        return public_key(self.sector, with_domain=True)

    @property
    def chain(self) -> list[Certificate]:
        return [self.verifier.certificate, self.terminal.certificate]


def authorities(bits: int = ALL, described: bytes = b"") -> Authorities:
    root = Holder(name=b"DETESTeID00005")
    certify(root, root, Role.CVCA, expires=date(2029, 1, 1))
    verifier = certify(Holder(name=b"DEDVTEST00001"), root, Role.DV_OFFICIAL)
    sector = curve.scalar()
    described = described or description("https://localhost:1")
    sector_hash = hashlib.sha256(write(0x7F49, public_key(sector, with_domain=True))).digest()
    terminal = Holder(
        name=b"DEATTEST00001",
        extensions=write(
            0x73, write(0x06, oid(names.DESCRIPTION)), write(0x80, hashlib.sha256(described).digest())
        )
        + write(0x73, write(0x06, oid(names.SECTOR)), write(0x80, sector_hash)),
    )
    certify(terminal, verifier, Role.TERMINAL, bits)
    return Authorities(root, verifier, terminal, sector, described)
