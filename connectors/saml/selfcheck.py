"""Prove at start-up that the verifier refuses what it must (design.md §3 invariant 9).

A library that was swapped, mis-built or patched shows here, before a citizen does.
"""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree

from trust import signing
from trust.errors import VerificationError
from trust.keys import InMemoryKey
from trust.pinned import PinnedKey
from trust.signatures import verify_enveloped
from trust.xml import SAMLP, parse


class SelfCheckFailed(RuntimeError):
    """The verifier accepted a forgery or refused a genuine message; the gateway must not start."""


def selfcheck() -> None:
    """Sign a throw-away message, then verify it genuine, tampered and under a stranger's key.

    Raises SelfCheckFailed.
    """
    now = datetime.now(UTC)
    own, stranger = (InMemoryKey(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
    message = etree.Element(f"{{{SAMLP}}}Response", {"ID": "_1"})
    etree.SubElement(message, "Issuer").text = "genuine"
    signing.sign_enveloped(message, own, position=1)
    octets = etree.tostring(message)
    pinned, foreign = (PinnedKey.from_public_key(key.public_key) for key in (own, stranger))
    try:
        verify_enveloped(parse(octets), [pinned], now=now)
    except VerificationError as error:
        raise SelfCheckFailed("a genuine message was refused") from error
    _require_refusal(octets.replace(b"genuine", b"forgery"), pinned, now)
    _require_refusal(octets, foreign, now)
    _require_refusal(etree.tostring(etree.fromstring(b'<r ID="_1"><Issuer>x</Issuer></r>')), pinned, now)


def _require_refusal(octets: bytes, key: PinnedKey, now: datetime) -> None:
    try:
        verify_enveloped(parse(octets), [key], now=now)
    except VerificationError:
        return
    raise SelfCheckFailed("a forged message was accepted")
