"""A throw-away hierarchy: CVCA, document verifier and terminal, country signing CA and document signer.

For sandbox and tests only. Every key is made here and lies unencrypted in the directory it is saved
to; nothing that is issued here is believed by a real card or a real service.

The CVCA bears by default the name of a German test CVCA, because a card looks for its trust point by
name, AusweisApp's simulated one too. The key is another one, so that real test cards refuse it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from eid_server import tlv
from eid_server.chat import NO_RIGHTS, Chat, Right, Role
from eid_server.curves import BRAINPOOL_P256R1
from eid_server.cvc import ID_DESCRIPTION, ID_SECTOR_RI, CVCertificate, build_certificate
from eid_server.description import CertificateDescription
from eid_server.document_signers import Signer, make_country_signing_ca, make_document_signer
from eid_server.errors import Misconfigured
from eid_server.restricted_id import SectorKey
from eid_server.terminal import Terminal

CVCA_REFERENCE = "DETESTeID00005"
DV_REFERENCE = "DEDVTRIAL00001"
TERMINAL_REFERENCE = "DEGWTRIAL00001"
GRANTABLE = Right(0x3E1FFFFFFF)
"""Rights of a German CVCA; every certificate below can only have fewer."""
_CVCA_LIFETIME = timedelta(days=3 * 365)
_DV_LIFETIME = timedelta(days=90)
_TERMINAL_LIFETIME = timedelta(days=30)
_OVERLAP = timedelta(days=1)
"""Everything is valid from the day before: the other side's midnight may be another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A CVCA or document verifier."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    certificate: CVCertificate


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPKI:
    cvca: Authority
    document_verifier: Authority
    terminal: Terminal
    sectors: tuple[ec.EllipticCurvePrivateKey, ...] = field(repr=False)
    """Private keys of the terminal sectors: with them a block list can be computed."""
    country_signing_ca: Signer
    document_signer: Signer

    @classmethod
    def create(
        cls,
        *,
        today: date,
        description: CertificateDescription,
        rights: Right,
        cvca_reference: str = CVCA_REFERENCE,
        migrating: bool = False,
    ) -> TrialPKI:
        """Make everything anew. ``migrating``: the terminal has a second sector."""
        cvca = _self_signed(cvca_reference, today)
        sectors = tuple(_key() for _ in range(2 if migrating else 1))
        document_verifier = _document_verifier(cvca, today)
        country_signing_ca = make_country_signing_ca(today)
        return cls(
            cvca=cvca,
            document_verifier=document_verifier,
            terminal=_terminal(cvca.certificate, (), document_verifier, sectors, description, rights, today),
            sectors=sectors,
            country_signing_ca=country_signing_ca,
            document_signer=make_document_signer(country_signing_ca, today),
        )

    def renewed(
        self,
        *,
        today: date,
        description: CertificateDescription | None = None,
        rights: Right | None = None,
    ) -> TrialPKI:
        """The same authorities and sectors with a new DV and terminal certificate (TR-03129 RequestCertificate)."""
        document_verifier = _document_verifier(self.cvca, today)
        terminal = _terminal(
            self.terminal.anchor,
            self.terminal.links,
            document_verifier,
            self.sectors,
            description or CertificateDescription.parse(self.terminal.description),
            self.terminal.certificate.chat.rights if rights is None else rights,
            today,
        )
        return replace(self, document_verifier=document_verifier, terminal=terminal)

    def succeeded(self, *, today: date, cvca_reference: str) -> TrialPKI:
        """With a new CVCA key, introduced to older cards by a link certificate (TR-03110-3 2.4)."""
        successor = _self_signed(cvca_reference, today)
        link = build_certificate(
            issuer=self.cvca.key,
            authority_reference=self.cvca.certificate.holder_reference,
            holder=successor.key.public_key(),
            holder_reference=cvca_reference,
            chat=successor.certificate.chat,
            effective=successor.certificate.effective,
            expiry=successor.certificate.expiry,
        )
        terminal = replace(self.terminal, links=(*self.terminal.links, link))
        return replace(self, cvca=successor, terminal=terminal).renewed(today=today)

    def save(self, directory: Path) -> None:
        """Write every part into ``directory``, private keys readable by the owner only."""
        directory.mkdir(parents=True, exist_ok=True)
        for name, key in self._keys().items():
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            _write(directory / f"{name}.key", pem, mode=0o600)
        terminal = self.terminal
        parts = {
            "cvca.cvcert": self.cvca.certificate.encoded,
            "dv.cvcert": self.document_verifier.certificate.encoded,
            "terminal.cvcert": terminal.certificate.encoded,
            "anchor.cvcert": terminal.anchor.encoded,
            "links.cvcert": b"".join(link.encoded for link in terminal.links),
            "description.bin": terminal.description,
            "csca.cer": self.country_signing_ca.certificate,
            "ds.cer": self.document_signer.certificate,
        }
        for name, octets in parts.items():
            _write(directory / name, octets, mode=0o644)

    @classmethod
    def load(cls, directory: Path) -> TrialPKI:
        """What ``save`` has written; raises FileNotFoundError, Misconfigured, Malformed."""
        keys = {path.stem: _load_key(path) for path in directory.glob("*.key")}
        cvc = {
            name: CVCertificate.parse((directory / f"{name}.cvcert").read_bytes())
            for name in ("cvca", "dv", "terminal", "anchor")
        }
        sectors = tuple(keys[name] for name in ("sector-1", "sector-2") if name in keys)
        links = tlv.read((directory / "links.cvcert").read_bytes())
        return cls(
            cvca=Authority(key=keys["cvca"], certificate=cvc["cvca"]),
            document_verifier=Authority(key=keys["dv"], certificate=cvc["dv"]),
            terminal=Terminal(
                key=keys["terminal"],
                certificate=cvc["terminal"],
                document_verifier=cvc["dv"],
                links=tuple(CVCertificate.parse(link.encoded) for link in links),
                anchor=cvc["anchor"],
                description=(directory / "description.bin").read_bytes(),
                sector=_sector_keys(sectors)[0],
                second_sector=_sector_keys(sectors)[1],
            ),
            sectors=sectors,
            country_signing_ca=Signer(key=keys["csca"], certificate=(directory / "csca.cer").read_bytes()),
            document_signer=Signer(key=keys["ds"], certificate=(directory / "ds.cer").read_bytes()),
        )

    def _keys(self) -> dict[str, ec.EllipticCurvePrivateKey]:
        sectors = {f"sector-{number}": key for number, key in enumerate(self.sectors, 1)}
        return {
            "cvca": self.cvca.key,
            "dv": self.document_verifier.key,
            "terminal": self.terminal.key,
            "csca": self.country_signing_ca.key,
            "ds": self.document_signer.key,
            **sectors,
        }


def comm_certificates(certificates: Iterable[bytes]) -> frozenset[bytes]:
    """Hashes for the description, of the DER of every TLS certificate the eID-Client may meet."""
    return frozenset(sha256(certificate).digest() for certificate in certificates)


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(BRAINPOOL_P256R1.curve)


def _self_signed(reference: str, today: date) -> Authority:
    key = _key()
    certificate = build_certificate(
        issuer=key,
        authority_reference=reference,
        holder=key.public_key(),
        holder_reference=reference,
        chat=Chat(role=Role.CVCA, rights=GRANTABLE),
        effective=today - _OVERLAP,
        expiry=today + _CVCA_LIFETIME,
    )
    return Authority(key=key, certificate=certificate)


def _document_verifier(cvca: Authority, today: date) -> Authority:
    key = _key()
    certificate = build_certificate(
        issuer=cvca.key,
        authority_reference=cvca.certificate.holder_reference,
        holder=key.public_key(),
        holder_reference=DV_REFERENCE,
        chat=Chat(role=Role.DV_DOMESTIC, rights=GRANTABLE),
        effective=today - _OVERLAP,
        expiry=today + _DV_LIFETIME,
    )
    return Authority(key=key, certificate=certificate)


def _terminal(
    anchor: CVCertificate,
    links: tuple[CVCertificate, ...],
    document_verifier: Authority,
    sectors: tuple[ec.EllipticCurvePrivateKey, ...],
    description: CertificateDescription,
    rights: Right,
    today: date,
) -> Terminal:
    if rights & ~GRANTABLE != NO_RIGHTS:
        raise Misconfigured("rights that no terminal can be given")
    key = _key()
    first, second = _sector_keys(sectors)
    certificate = build_certificate(
        issuer=document_verifier.key,
        authority_reference=DV_REFERENCE,
        holder=key.public_key(),
        holder_reference=TERMINAL_REFERENCE,
        chat=Chat(rights=rights),
        effective=today - _OVERLAP,
        expiry=today + _TERMINAL_LIFETIME,
        extensions={
            ID_DESCRIPTION: (description.hash,),
            ID_SECTOR_RI: (first.hash,) if second is None else (first.hash, second.hash),
        },
    )
    return Terminal(
        key=key,
        certificate=certificate,
        document_verifier=document_verifier.certificate,
        links=links,
        anchor=anchor,
        description=description.encoded,
        sector=first,
        second_sector=second,
    )


def _sector_keys(keys: tuple[ec.EllipticCurvePrivateKey, ...]) -> tuple[SectorKey, SectorKey | None]:
    first, *others = (SectorKey(public_key=key.public_key()) for key in keys)
    return first, others[0] if others else None


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Misconfigured(f"{path.name} is no key on an elliptic curve")
    return key


def _write(path: Path, octets: bytes, *, mode: int) -> None:
    """Replace the file; never readable to others for a moment in between."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(octets)
    draft.replace(path)
