"""Chains of card verifiable certificates: terminal, document verifier, links, trust point (TR-03110-3 2.5, 2.7).

A trust point is a CVCA certificate that is believed without a signature of somebody else. A CVCA
that follows another one is introduced by a link certificate: issued by the old key, for the new one.
It hands on trust and rights even when the old certificate or the link itself has expired; terminal,
document verifier and the CVCA that issued for it must be valid. What a terminal may do is the
intersection of the rights of these three, so that no one below can widen what one above has not given.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from eid_server.chat import ALL_RIGHTS, Chat, Right, Role
from eid_server.curves import Domain
from eid_server.cvc import CVCertificate
from eid_server.errors import ProtocolViolation

MAXIMUM_CERTIFICATES = 16
"""Certificates looked at; a chain in use has two, and one more per change of the CVCA key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedChain:
    """From the trust point downwards."""

    anchor: CVCertificate
    links: tuple[CVCertificate, ...]
    document_verifier: CVCertificate
    terminal: CVCertificate
    rights: Right
    """Effective rights: what terminal, document verifier and its CVCA all allow (TR-03110-3 2.7)."""
    domain: Domain
    """Domain parameters of the CVCA that issued for the document verifier; terminal keys lie on them."""

    @property
    def chat(self) -> Chat:
        return Chat(role=Role.TERMINAL, rights=self.rights)


def verify_chain(
    certificates: Sequence[CVCertificate], anchors: Iterable[CVCertificate], today: date
) -> VerifiedChain:
    """Check everything between exactly one terminal certificate and one of the trust points.

    Raises ProtocolViolation: no or several terminals, a missing or wrong issuer, a signature that
    does not verify, a date outside the validity, a role in the wrong place, more certificates than
    the chain needs.
    """
    if len(certificates) > MAXIMUM_CERTIFICATES:
        raise ProtocolViolation("more certificates than any chain has")
    terminals = [found for found in certificates if found.chat.role is Role.TERMINAL]
    if len(terminals) != 1:
        raise ProtocolViolation("not exactly one terminal certificate")
    trusted = tuple(anchors)
    path = [terminals[0]]
    while not (anchor := _issuer(path[-1], trusted, roles=_issuing(path[-1]))):
        step = _issuer(path[-1], certificates, roles=_issuing(path[-1]))
        if step is None or step in path:
            raise ProtocolViolation("the chain of certificates does not lead to a trust point")
        path.append(step)
    if len(path) != len({certificate.encoded for certificate in certificates}):
        raise ProtocolViolation("certificates that do not belong to the chain")
    return _verify_path(anchor, path[::-1], today)


def links_from(references: Sequence[str], certificates: Sequence[CVCertificate]) -> tuple[CVCertificate, ...]:
    """Link certificates that lead on from a trust point the chip named, in the order a chip takes them.

    ``references`` are the CertificationAuthorityReferences of EAC1Output. Empty when none of the
    certificates continues any of them.
    """
    links = [found for found in certificates if found.chat.role is Role.CVCA]
    for reference in references:
        chain: list[CVCertificate] = []
        current = reference
        while step := next(
            (
                link
                for link in links
                if link.authority_reference == current != link.holder_reference and link not in chain
            ),
            None,
        ):
            chain.append(step)
            current = step.holder_reference
        if chain:
            return tuple(chain)
    return ()


def _issuing(certificate: CVCertificate) -> frozenset[Role]:
    """Who may issue for this holder: terminals by DVs, DVs and successors by CVCAs (TR-03110-3 2.1, 2.2)."""
    if certificate.chat.role is Role.TERMINAL:
        return frozenset({Role.DV_DOMESTIC, Role.DV_FOREIGN})
    return frozenset({Role.CVCA})


def _issuer(
    certificate: CVCertificate, candidates: Sequence[CVCertificate], *, roles: frozenset[Role]
) -> CVCertificate | None:
    for candidate in candidates:
        is_named = candidate.holder_reference == certificate.authority_reference
        if is_named and candidate.chat.role in roles and candidate != certificate:
            return candidate
    return None


def _verify_path(anchor: CVCertificate, path: Sequence[CVCertificate], today: date) -> VerifiedChain:
    """``path`` leads from the first certificate under the trust point to the terminal."""
    if anchor.chat.role is not Role.CVCA or anchor.domain is None:
        raise ProtocolViolation("a trust point that is no CVCA certificate")
    above, domain = anchor, anchor.domain
    for certificate in path:
        certificate.verify(above.public_key(domain), above.algorithm)
        domain = certificate.domain or domain
        # so that a point outside the curve is found here, whoever uses the key later
        certificate.public_key(domain)
        above = certificate
    *links, document_verifier, terminal = path
    rights = ALL_RIGHTS
    for certificate in ([anchor, *links][-1], document_verifier, terminal):
        _require_validity(certificate, today)
        rights &= certificate.chat.rights
    return VerifiedChain(
        anchor=anchor,
        links=tuple(links),
        document_verifier=document_verifier,
        terminal=terminal,
        rights=rights,
        domain=domain,
    )


def _require_validity(certificate: CVCertificate, today: date) -> None:
    """Both days belong to the period (TR-03110-3 2.4)."""
    if not certificate.effective <= today <= certificate.expiry:
        raise ProtocolViolation(f"certificate {certificate.holder_reference} is not valid today")
