"""The key inside a credential, whatever form it comes in: so that one key is one person's, and only that person's.

An Ed25519 key of small order signs everything for everybody: with ``R`` = the key and ``S`` = 0 many messages
verify (RFC 8032 §5.1.7), and nobody has to know anything. A passkey's key is CBOR, in which one key can be
written in many ways, and its Ed25519 key may be the one of a key file.
"""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_ORDER_8 = int.from_bytes(
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"
)
_SMALL_ORDER = frozenset({0, 1, _P - 1, _ORDER_8, _P - _ORDER_8})
"""The y of all points whose order divides 8."""
_RSA_BITS, _RSA_EXPONENT = 2048, 65537


def ed25519_key(octets: bytes) -> bytes:
    """The SubjectPublicKeyInfo of the key that ``octets`` are; raises ValueError unless one person can have it."""
    y = int.from_bytes(octets, "little") & (2**255 - 1)
    if len(octets) != 32 or y >= _P or y in _SMALL_ORDER or not _on_curve(y):
        raise ValueError("no Ed25519 key that one person alone can have")
    return _spki(Ed25519PublicKey.from_public_bytes(octets))


def passkey_key(cose: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a passkey's COSE key; raises ValueError as ``ed25519_key``."""
    # Imported here: it takes long, and key files do without.
    from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        decoded = decode_credential_public_key(cose)
        key = decoded_public_key_to_cryptography(decoded)
    # Octets of a stranger reach a parser of CBOR and arithmetic in there, each with errors of its own.
    except (WebAuthnException, UnsupportedAlgorithm, ValueError, TypeError, LookupError) as error:
        raise ValueError("no COSE key") from error
    match decoded.alg, key:
        case -8, Ed25519PublicKey():
            return ed25519_key(key.public_bytes_raw())
        case -7, EllipticCurvePublicKey():
            return _spki(key)
        case -257, RSAPublicKey() if _strong(key):
            return _spki(key)
        case _:  # IANA COSE Algorithms
            raise ValueError("neither EdDSA nor ES256 nor RS256, or weak")


def _strong(key: RSAPublicKey) -> bool:
    return key.key_size >= _RSA_BITS and key.public_numbers().e >= _RSA_EXPONENT


def _spki(key: Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _on_curve(y: int) -> bool:
    """RFC 8032 §5.1.3 step 2: x² = (y² - 1) / (d y² + 1) has a root."""
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    return pow(square, (_P - 1) // 2, _P) == 1
