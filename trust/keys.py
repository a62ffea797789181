"""Our own keys, behind two doors: ``Signer`` and ``Decrypter``.

Whatever signs or decrypts goes through these, so that a hardware module can stand behind every
purpose. The implementations here hold the key in memory. Key objects are built once: parsing a
key per call is the commonest waste of a broker (95 ms against 2 ms for RSA).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from typing import Protocol, runtime_checkable
from weakref import WeakValueDictionary

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from trust.errors import DecryptionError, KeyUnavailable

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_HASHES: dict[str, type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    "SHA256": hashes.SHA256,
    "SHA384": hashes.SHA384,
    "SHA512": hashes.SHA512,
}


class SignatureScheme(Enum):
    """What to compute; the value is (family, hash)."""

    RSA_PSS_SHA256 = ("pss", "SHA256")
    RSA_PSS_SHA384 = ("pss", "SHA384")
    RSA_PSS_SHA512 = ("pss", "SHA512")
    RSA_PKCS1_SHA256 = ("pkcs1", "SHA256")
    RSA_PKCS1_SHA384 = ("pkcs1", "SHA384")
    RSA_PKCS1_SHA512 = ("pkcs1", "SHA512")
    ECDSA_SHA256 = ("ecdsa", "SHA256")
    ECDSA_SHA384 = ("ecdsa", "SHA384")
    ECDSA_SHA512 = ("ecdsa", "SHA512")

    @property
    def family(self) -> str:
        return self.value[0]

    def hash(self) -> hashes.HashAlgorithm:
        return _HASHES[self.value[1]]()


class Signer(Protocol):
    """Signs octets with one key."""

    @property
    def public_key(self) -> PublicKey: ...

    @property
    def certificate(self) -> x509.Certificate | None: ...

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """Issuers of ``certificate``, up to the anchor a peer was given; may be empty."""
        ...

    def sign(self, data: bytes, scheme: SignatureScheme) -> bytes:
        """The raw signature; ECDSA as r||s of fixed length (RFC 9231 §2.3.6, RFC 7518 §3.4).

        Raises KeyUnavailable.
        """
        ...


class Decrypter(Protocol):
    """Unwraps content encryption keys with one key."""

    @property
    def public_key(self) -> PublicKey: ...

    @property
    def certificate(self) -> x509.Certificate | None: ...

    def decrypt_oaep(self, wrapped: bytes, *, digest: str, mgf1: str) -> bytes:
        """RSAES-OAEP; ``digest`` and ``mgf1`` are ``SHA256`` etc. Raises DecryptionError."""
        ...

    def agree(self, peer: ec.EllipticCurvePublicKey) -> bytes:
        """The ECDH shared secret with an ephemeral key on our curve. Raises DecryptionError."""
        ...


class SignerDecrypter(Signer, Decrypter, Protocol):
    """A key object that can stand behind either purpose."""


@runtime_checkable
class Probed(Protocol):
    """A key that may be away for a time."""

    def check(self) -> None:
        """That it can be used now. Raises KeyUnavailable."""
        ...


@dataclass(frozen=True, slots=True, weakref_slot=True)
class InMemoryKey:
    """A private key in this process; is both a Signer and a Decrypter."""

    private_key: PrivateKey = field(repr=False)
    certificate: x509.Certificate | None = None
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def public_key(self) -> PublicKey:
        return self.private_key.public_key()

    def sign(self, data: bytes, scheme: SignatureScheme) -> bytes:
        algorithm = scheme.hash()
        if isinstance(self.private_key, ec.EllipticCurvePrivateKey):
            if scheme.family != "ecdsa":
                raise KeyUnavailable("key.scheme", f"EC key cannot do {scheme.name}")
            r, s = decode_dss_signature(self.private_key.sign(data, ec.ECDSA(algorithm)))
            size = (self.private_key.curve.key_size + 7) // 8
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
        if scheme.family == "pss":
            return self.private_key.sign(
                data,
                padding.PSS(padding.MGF1(algorithm), algorithm.digest_size),
                algorithm,
            )
        if scheme.family == "pkcs1":
            return self.private_key.sign(data, padding.PKCS1v15(), algorithm)
        raise KeyUnavailable("key.scheme", f"RSA key cannot do {scheme.name}")

    def decrypt_oaep(self, wrapped: bytes, *, digest: str, mgf1: str) -> bytes:
        if not isinstance(self.private_key, rsa.RSAPrivateKey):
            raise DecryptionError("decryption.failed")
        try:
            return self.private_key.decrypt(
                wrapped,
                padding.OAEP(padding.MGF1(oaep_hash(mgf1)), oaep_hash(digest), None),
            )
        except ValueError as error:
            raise DecryptionError("decryption.failed") from error

    def agree(self, peer: ec.EllipticCurvePublicKey) -> bytes:
        key = self.private_key
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != peer.curve.name:
            raise DecryptionError("decryption.failed")
        return key.exchange(ec.ECDH(), peer)


def oaep_hash(name: str) -> hashes.HashAlgorithm:
    """The digest of RSAES-OAEP or its mask with this name."""
    if name == "SHA1":  # only reached through a dated per-peer exception of trust.algorithms
        return hashes.SHA1()  # noqa: S303 - the exception names it
    return _HASHES[name]()


_held: WeakValueDictionary[bytes, InMemoryKey] = WeakValueDictionary()
"""Keys that somebody uses, by the digest of their files: each proposal is tried out on the whole configuration, and
the process has most of it already. What nobody uses any more is not kept."""


def load_private_key(pem: bytes, certificate_pem: bytes | None = None) -> InMemoryKey:
    """A key from PEM (PKCS#8, unencrypted), with the certificate that belongs to it; the same object while it is used.

    ``certificate_pem`` may go on with the issuers' certificates (eIDAS metadata carry the path up to
    the anchor, interoperability architecture §6.3).

    Raises KeyUnavailable when the octets are no such key or the certificate is another key's.
    """
    digest = sha256(pem).digest() + (sha256(certificate_pem).digest() if certificate_pem is not None else b"")
    held = _held.get(digest)
    if held is None:
        held = _held[digest] = _parsed(pem, certificate_pem)
    return held


def _parsed(pem: bytes, certificate_pem: bytes | None) -> InMemoryKey:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise KeyUnavailable("key.unreadable", "not an unencrypted PEM private key") from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise KeyUnavailable("key.type", "neither RSA nor EC")
    certificate: x509.Certificate | None = None
    chain: tuple[x509.Certificate, ...] = ()
    if certificate_pem is not None:
        certificate, chain = read_certificates(certificate_pem)
        if spki(certificate.public_key()) != spki(key.public_key()):
            raise KeyUnavailable("key.certificate", "certificate belongs to another key")
    return InMemoryKey(key, certificate, chain)


def read_certificates(pem: bytes) -> tuple[x509.Certificate, tuple[x509.Certificate, ...]]:
    """A certificate and its issuers, in this order. Raises KeyUnavailable."""
    try:
        certificate, *issuers = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise KeyUnavailable("key.certificate", "certificate unreadable") from error
    return certificate, tuple(issuers)


def spki(key: object) -> bytes:
    """DER SubjectPublicKeyInfo, the identity of a public key (security.md D.1)."""
    return key.public_bytes(  # type: ignore[attr-defined,no-any-return]  # every public key type has it
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
