"""Chip authentication version 2: the chip proves the key of EF.CardSecurity (TR-03110-2 3.4).

A Diffie-Hellman agreement between the server's ephemeral key and the chip's static one. The chip's
token shows that it has come to the same keys; only then is it the chip that was signed for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from types import MappingProxyType

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from eid_server import curves, tlv
from eid_server.errors import InvalidDocument, Malformed, ProtocolViolation

_ENCRYPTION, _AUTHENTICATION = 1, 2
_LENGTHS: Mapping[str, tuple[hashes.HashAlgorithm, int]] = MappingProxyType(
    {
        "0.4.0.127.0.7.2.2.3.2.2": (hashes.SHA1(), 16),  # noqa: S303 -- key derivation as the TR prescribes
        "0.4.0.127.0.7.2.2.3.2.3": (hashes.SHA256(), 24),
        "0.4.0.127.0.7.2.2.3.2.4": (hashes.SHA256(), 32),
    }
)
"""id-CA-ECDH-AES-CBC-CMAC-*: hash of the derivation, octets of a key (TR-03110-3 A.2.3.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionKeys:
    encryption: bytes = field(repr=False)
    authentication: bytes = field(repr=False)


def derive(shared_secret: bytes, nonce: bytes, protocol: str) -> SessionKeys:
    """KDF_Enc and KDF_MAC (TR-03110-3 A.2.3); raises ProtocolViolation for another protocol."""
    if protocol not in _LENGTHS:
        raise ProtocolViolation("a chip authentication protocol outside the accepted list")
    algorithm, length = _LENGTHS[protocol]

    def key(counter: int) -> bytes:
        digest = hashes.Hash(algorithm)
        digest.update(shared_secret + nonce + counter.to_bytes(4, "big"))
        return digest.finalize()[:length]

    return SessionKeys(encryption=key(_ENCRYPTION), authentication=key(_AUTHENTICATION))


def authentication_token(keys: SessionKeys, ephemeral: ec.EllipticCurvePublicKey, protocol: str) -> bytes:
    """CMAC over the terminal's public key data object (TR-03110-3 A.2.4.2, D.3)."""
    mac = CMAC(AES(keys.authentication))
    mac.update(
        tlv.write(
            0x7F49,
            tlv.write(0x06, tlv.object_identifier(protocol)) + tlv.write(0x86, curves.point(ephemeral)),
        )
    )
    return mac.finalize()[:8]


def agree(
    ephemeral: ec.EllipticCurvePrivateKey,
    chip_key: ec.EllipticCurvePublicKey,
    *,
    protocol: str,
    nonce: bytes,
    token: bytes,
) -> SessionKeys:
    """Session keys, once the chip's token is the right one.

    Raises InvalidDocument for another token or a chip key on another curve (TR-03130-4 C1_3),
    ProtocolViolation for another protocol.
    """
    if len(nonce) != 8:
        raise InvalidDocument("chip authentication: the nonce has another length")
    try:
        is_same = curves.domain_of(chip_key) is curves.domain_of(ephemeral)
    except Malformed as reason:
        raise InvalidDocument(f"chip authentication: {reason}") from reason
    if not is_same:
        raise InvalidDocument("chip authentication: the chip's key lies on another curve")
    shared_secret = ephemeral.exchange(ec.ECDH(), chip_key)
    keys = derive(shared_secret, nonce, protocol)
    expected = authentication_token(keys, ephemeral.public_key(), protocol)
    if not compare_digest(expected, token):
        raise InvalidDocument("chip authentication: the authentication token is wrong")
    return keys
