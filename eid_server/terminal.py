"""What the eID-Server has of its own: the eService's authorisation (TR-03130-1 §2.3.3).

It is checked as a whole before a citizen meets it: key, certificates, description and sector belong
to each other, or the card would refuse what the citizen has already typed a PIN for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from cryptography.hazmat.primitives.asymmetric import ec

from eid_server import curves
from eid_server.cvc import CVCertificate
from eid_server.cvc_chain import VerifiedChain, verify_chain
from eid_server.description import require_description
from eid_server.errors import EIDServerError, Misconfigured
from eid_server.restricted_id import SectorKey, require_sector


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """The eService's authorisation as its certification authority issued it (TR-03129)."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    certificate: CVCertificate
    document_verifier: CVCertificate
    links: tuple[CVCertificate, ...] = ()
    """From the oldest trust point that a card in the field may have to the newest."""
    anchor: CVCertificate
    """A CVCA certificate of ours that all the others hang from."""
    description: bytes
    """CertificateDescription, the octets whose hash is in ``certificate``."""
    sector: SectorKey
    """In which cards are recognised, and looked up in the block list."""
    second_sector: SectorKey | None = None
    """Only while the eService moves from one sector to another."""

    def chain(self, today: date) -> VerifiedChain:
        """Everything that must fit, fits; raises Misconfigured."""
        needed = [self.certificate, self.document_verifier]
        if self.document_verifier.authority_reference != self.anchor.holder_reference:
            needed += self.links
        try:
            chain = verify_chain(needed, [self.anchor], today)
            require_description(self.certificate, self.description)
        except EIDServerError as exc:
            raise Misconfigured(f"the terminal's certificates: {exc}") from exc
        if curves.point(self.key.public_key()) != self.certificate.point:
            raise Misconfigured("the terminal's key is not that of its certificate")
        for sector in (self.sector, self.second_sector):
            if sector is not None:
                require_sector(self.certificate, sector)
        return chain
