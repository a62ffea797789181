"""Our own keys inside a hardware module: a Signer and a Decrypter over PKCS#11.

The private key never leaves its token. Nothing that the device says is believed: each signature is
verified with the public key before it goes out (a fault in an RSA-CRT computation gives the key
away, and a stale handle may be another key's), and a key is probed before it is used at all.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

import pkcs11
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pkcs11 import KDF, MGF, Attribute, KeyType, Mechanism
from pkcs11 import exceptions as ck

from trust import oaep
from trust.errors import DecryptionError, KeyUnavailable
from trust.keys import PublicKey, SignatureScheme, oaep_hash, read_certificates
from trust.pkcs11_public import check_modulus, public_key_of
from trust.pkcs11_token import Lease, Token, Unreliable, token
from trust.pkcs11_uri import KeyAddress

_UNSUPPORTED = (
    ck.ArgumentsBad,
    ck.FunctionNotSupported,
    ck.MechanismInvalid,
    ck.MechanismParamInvalid,
)
_SECRET = {Attribute.TOKEN: False, Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True}
"""A shared secret is ours to take: it serves one message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareKey:
    """A private key in a token; is both a Signer and a Decrypter."""

    address: KeyAddress = field(repr=False)
    token: Token
    public_key: PublicKey
    certificate: x509.Certificate | None = None
    chain: tuple[x509.Certificate, ...] = ()
    probe_scheme: SignatureScheme | None = None
    """What ``check`` signs with; None for a key that decrypts."""
    _learnt: dict[tuple[str, str], bool] = field(default_factory=dict, repr=False)
    """Which OAEP parameters (digest, mask) the token knows itself."""

    def sign(self, data: bytes, scheme: SignatureScheme) -> bytes:
        family, name = scheme.value
        if isinstance(self.public_key, ec.EllipticCurvePublicKey) != (family == "ecdsa"):
            kind = "RSA" if isinstance(self.public_key, rsa.RSAPublicKey) else "EC"
            raise KeyUnavailable("key.scheme", f"{kind} key cannot do {scheme.name}")
        mechanism, parameters = _mechanism(family, name)
        octets = data
        if isinstance(self.public_key, ec.EllipticCurvePublicKey):
            # FIPS 186-5 §6.4.1: the leftmost octets, where a digest is longer than the curve's order
            octets = hashlib.new(name, data).digest()[: (self.public_key.key_size + 7) // 8]

        def work(lease: Lease) -> bytes:
            private = lease.private_key(self.address)
            if not isinstance(private, pkcs11.SignMixin):
                raise KeyUnavailable("key.usage", "the token does not let this key sign")
            signature = private.sign(octets, mechanism=mechanism, mechanism_param=parameters)
            self._verify(signature, data, scheme)
            return signature

        return self.token.use(work)

    def decrypt_oaep(self, wrapped: bytes, *, digest: str, mgf1: str) -> bytes:
        public = self.public_key
        if not isinstance(public, rsa.RSAPublicKey) or len(wrapped) * 8 != public.key_size:
            raise DecryptionError("decryption.failed")
        return self.token.use(
            lambda lease: self._judged(lease, lambda: self._oaep(lease, wrapped, digest, mgf1))
        )

    def agree(self, peer: ec.EllipticCurvePublicKey) -> bytes:
        public = self.public_key
        if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name != peer.curve.name:
            raise DecryptionError("decryption.failed")
        return self.token.use(lambda lease: self._judged(lease, lambda: self._derive(lease, peer)))

    def check(self) -> None:
        """That the token answers and the private key is the public one's. Raises KeyUnavailable."""
        if self.probe_scheme is not None:
            self.sign(secrets.token_bytes(32), self.probe_scheme)
        else:
            self.token.use(self._probe_decryption)

    def _verify(self, signature: bytes, data: bytes, scheme: SignatureScheme) -> None:
        """Raises Unreliable."""
        algorithm = scheme.hash()
        try:
            if isinstance(self.public_key, ec.EllipticCurvePublicKey):
                half = (self.public_key.key_size + 7) // 8
                if len(signature) != 2 * half:
                    raise Unreliable("length of the signature")
                r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
                self.public_key.verify(encode_dss_signature(r, s), data, ec.ECDSA(algorithm))
            elif scheme.family == "pss":
                pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
                self.public_key.verify(signature, data, pss, algorithm)
            else:
                self.public_key.verify(signature, data, padding.PKCS1v15(), algorithm)
        except InvalidSignature as error:
            raise Unreliable("signature of another key, or of other octets") from error

    def _judged(self, lease: Lease, work: Callable[[], bytes]) -> bytes:
        """Tells a bad message from a bad device: tokens answer both with the same codes.

        Else a stranger's broken messages would make us give up sessions that are sound.
        """
        try:
            return work()
        except ck.PKCS11Error as error:
            if not isinstance(error, ck.SessionHandleInvalid):
                self._probe_decryption(lease)
                raise DecryptionError("decryption.failed") from error
            raise

    def _probe_decryption(self, lease: Lease) -> None:
        """Decrypt what we encrypted. Raises Unreliable, KeyUnavailable or the device's error."""
        if isinstance(self.public_key, rsa.RSAPublicKey):
            message = secrets.token_bytes(32)
            sealed = self.public_key.encrypt(
                message, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
            )
            try:
                answer = self._oaep(lease, sealed, "SHA256", "SHA256")
            except DecryptionError as error:
                raise Unreliable("does not decrypt for its public key") from error
            if answer != message:
                raise Unreliable("does not decrypt for its public key")
            return
        ephemeral = ec.generate_private_key(self.public_key.curve)
        if self._derive(lease, ephemeral.public_key()) != ephemeral.exchange(ec.ECDH(), self.public_key):
            raise Unreliable("does not agree for its public key")

    def _oaep(self, lease: Lease, wrapped: bytes, digest: str, mgf1: str) -> bytes:
        private = lease.private_key(self.address)
        if not isinstance(private, pkcs11.DecryptMixin):
            raise KeyUnavailable("key.usage", "the token does not let this key decrypt")
        if self._knows(private, digest, mgf1):
            return _octets(
                private.decrypt(
                    wrapped, mechanism=Mechanism.RSA_PKCS_OAEP, mechanism_param=_parameters(digest, mgf1)
                )
            )
        encoded = _octets(private.decrypt(wrapped, mechanism=Mechanism.RSA_X_509))
        return oaep.decode(encoded.rjust(len(wrapped), b"\0"), digest=digest, mgf1=mgf1)

    def _knows(self, private: pkcs11.DecryptMixin, digest: str, mgf1: str) -> bool:
        """Whether the token takes these parameters: tried once, with a message of ours."""
        if (digest, mgf1) not in self._learnt:
            assert isinstance(self.public_key, rsa.RSAPublicKey)  # noqa: S101 - decrypt_oaep looked; for mypy
            scheme = padding.OAEP(padding.MGF1(oaep_hash(mgf1)), oaep_hash(digest), None)
            sealed = self.public_key.encrypt(b"probe", scheme)
            parameters = _parameters(digest, mgf1)
            try:
                private.decrypt(sealed, mechanism=Mechanism.RSA_PKCS_OAEP, mechanism_param=parameters)
            except _UNSUPPORTED:
                self._learnt[digest, mgf1] = False
            else:
                self._learnt[digest, mgf1] = True
        return self._learnt[digest, mgf1]

    def _derive(self, lease: Lease, peer: ec.EllipticCurvePublicKey) -> bytes:
        private = lease.private_key(self.address)
        if not isinstance(private, pkcs11.DeriveMixin):
            raise KeyUnavailable("key.usage", "the token does not let this key agree")
        octets = (peer.curve.key_size + 7) // 8
        numbers = peer.public_numbers()
        point = b"\4" + numbers.x.to_bytes(octets, "big") + numbers.y.to_bytes(octets, "big")
        secret = private.derive_key(
            KeyType.GENERIC_SECRET,
            octets * 8,
            mechanism=Mechanism.ECDH1_DERIVE,
            mechanism_param=(KDF.NULL, None, point),
            template=_SECRET,
        )
        try:
            return _octets(secret[Attribute.VALUE])
        finally:
            secret.destroy()


def load_hardware_key(
    address: KeyAddress,
    certificate_pem: bytes | None = None,
    *,
    probe: Callable[[PublicKey], SignatureScheme] | None,
) -> HardwareKey:
    """The key of ``address``, logged in to, found, and checked to belong to its public key.

    The public key is that of the certificate, else that beside the private key in the token.
    ``probe`` chooses the scheme of a key that signs; None for one that decrypts. Raises KeyUnavailable.
    """
    opened = token(address.token)
    certificate, chain = (None, ()) if certificate_pem is None else read_certificates(certificate_pem)
    public: object
    if certificate is not None:
        certified = public = certificate.public_key()
        if isinstance(certified, rsa.RSAPublicKey):
            opened.use(lambda lease: check_modulus(lease.private_key(address), certified))
    else:
        public = opened.use(lambda lease: public_key_of(lease.session, lease.private_key(address)))
    if not isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise KeyUnavailable("key.type", "neither RSA nor EC")
    key = HardwareKey(
        address=address,
        token=opened,
        public_key=public,
        certificate=certificate,
        chain=chain,
        probe_scheme=None if probe is None else probe(public),
    )
    key.check()
    return key


def _mechanism(family: str, name: str) -> tuple[Mechanism, tuple[Mechanism, MGF, int] | None]:
    if family == "ecdsa":
        return Mechanism.ECDSA, None
    if family == "pkcs1":
        return Mechanism[f"{name}_RSA_PKCS"], None
    salt = hashlib.new(name).digest_size
    return Mechanism[f"{name}_RSA_PKCS_PSS"], (Mechanism[name], MGF[name], salt)


def _parameters(digest: str, mgf1: str) -> tuple[Mechanism, MGF, None]:
    """``CK_RSA_PKCS_OAEP_PARAMS`` with an empty label."""
    return Mechanism["SHA_1" if digest == "SHA1" else digest], MGF[mgf1], None


def _octets(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise Unreliable("no octets")
    return value
