"""The card's side of terminal authentication 2 (TR-03110-2 §3.3, TR-03110-3 B.3)."""

from __future__ import annotations

from sandbox.card import status
from sandbox.card.certificates import Certificate, TrustStore
from sandbox.card.objects import needed, optional
from sandbox.card.rights import Chat, Role
from sandbox.card.session import Session
from sandbox.card.status import Refused


def choose_issuer(session: Session, trust: TrustStore, reference: bytes) -> None:
    """MSE: SET DST. Raises Refused."""
    if session.channel is None:
        raise Refused(status.NOT_ALLOWED, "terminal authentication comes after PACE")
    known = {c.holder: c for c in [*trust.roots, *session.certificates]}
    if reference not in known:
        raise Refused(status.NO_REFERENCE, "unknown issuer")
    session.issuer = known[reference]


def verify_certificate(session: Session, trust: TrustStore, content: bytes) -> None:
    """PSO: VERIFY CERTIFICATE. Raises Refused, NotBelieved, Malformed."""
    if session.issuer is None:
        raise Refused(status.WRONG_ORDER, "no issuer chosen")
    certificate = Certificate.parse_content(content)
    trust.believe(certificate, session.issuer)
    if not certificate.is_link:
        # Each certificate may narrow what the ones above it allow, never widen it.
        session.chain_rights &= session.issuer.chat.bits & certificate.chat.bits
    session.certificates.append(certificate)
    session.issuer = None


def prepare(session: Session, data: bytes) -> None:
    """MSE: SET AT. Raises Refused, Malformed."""
    if needed(data, 0x80) not in {c.algorithm for c in session.certificates}:
        raise Refused(status.WRONG_DATA, "another algorithm than the certificate's")
    reference = needed(data, 0x83)
    found = [c for c in session.certificates if c.holder == reference]
    if not found:
        raise Refused(status.NO_REFERENCE, "unknown terminal")
    if found[-1].chat.role is not Role.TERMINAL:
        raise Refused(status.WRONG_DATA, "only a terminal authenticates itself")
    # Whatever was proved before was proved with other data.
    session.rights, session.chip_authenticated = None, False
    session.terminal_key = needed(data, 0x91)
    auxiliary = optional(data, 0x67)
    session.auxiliary_octets = auxiliary.octets if auxiliary else b""
    templates = auxiliary.children() if auxiliary else []
    session.auxiliary = {t.child(0x06).value: t.child(0x53).value for t in templates}
    session.terminal = found[-1]


def authenticate(session: Session, signature: bytes) -> None:
    """EXTERNAL AUTHENTICATE. Raises Refused, NotBelieved."""
    if session.terminal is None or not session.challenge or session.pace_chat is None:
        raise Refused(status.WRONG_ORDER, "challenge and terminal come first, and PACE with its rights")
    signed = session.identifier + session.challenge + session.terminal_key + session.auxiliary_octets
    session.challenge = b""
    session.terminal.verify(signed, signature)
    session.rights = Chat(Role.TERMINAL, session.chain_rights & session.pace_chat.bits)
