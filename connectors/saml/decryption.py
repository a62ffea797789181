"""Decrypt the one EncryptedAssertion of a Response (saml-core §6.1, xmlenc-core1, security.md A.11).

The algorithms are read from the markup and held to the policy before a private key is touched,
so that CBC and PKCS#1 v1.5 never reach an oracle. Every failure after that point is the same
DecryptionError.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from datetime import datetime

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap
from cryptography.hazmat.primitives.serialization import load_der_public_key

from connectors.saml.structure import ENCRYPTED_DATA, ENCRYPTED_KEY
from trust import algorithms
from trust.algorithms import Deviation, Deviations
from trust.errors import DecryptionError, VerificationError
from trust.keys import Decrypter
from trust.xml import DS, DSIG11, XENC, XENC11, Element, only_child, optional_child

_DS = "{" + DS + "}"
_DSIG11 = "{" + DSIG11 + "}"
_XENC = "{" + XENC + "}"
_XENC11 = "{" + XENC11 + "}"
_ELEMENT_TYPE = XENC + "Element"
_MAX_KEYS = 4
_HASHES: dict[str, type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    "SHA256": hashes.SHA256,
    "SHA384": hashes.SHA384,
    "SHA512": hashes.SHA512,
}
_CURVES = {oid: name for name, oid in algorithms.CURVES.items()}
_CURVE_CLASSES: dict[str, type[ec.EllipticCurve]] = {
    "secp256r1": ec.SECP256R1,
    "secp384r1": ec.SECP384R1,
    "secp521r1": ec.SECP521R1,
    "brainpoolP256r1": ec.BrainpoolP256R1,
    "brainpoolP384r1": ec.BrainpoolP384R1,
    "brainpoolP512r1": ec.BrainpoolP512R1,
}


def decrypt(
    encrypted_assertion: Element,
    decrypters: Sequence[Decrypter],
    *,
    now: datetime,
    deviations: Deviations = algorithms.NONE,
) -> bytes:
    """The octets of the decrypted element.

    Raises VerificationError ``encryption.*`` for a refused algorithm or structure (before any key
    is used) and DecryptionError for everything else.
    """
    data = only_child(encrypted_assertion, ENCRYPTED_DATA)
    if data.get("Type", _ELEMENT_TYPE) != _ELEMENT_TYPE:
        raise VerificationError("encryption.type")
    content = algorithms.permit(
        algorithms.CONTENT_ENCRYPTIONS,
        _method(data).get("Algorithm"),
        now=now,
        deviations=deviations,
        reason="encryption.content-algorithm",
    )
    keys = _encrypted_keys(encrypted_assertion, data)
    wrapped = [_Wrapped.read(key, now=now, deviations=deviations) for key in keys]
    ciphertext = _cipher_value(data)
    for candidate in wrapped:
        for decrypter in decrypters:
            try:
                key = candidate.unwrap(decrypter)
                if len(key) != content.key_octets or len(ciphertext) < 12 + 16:
                    continue
                return AESGCM(key).decrypt(ciphertext[:12], ciphertext[12:], None)
            except (DecryptionError, InvalidTag, InvalidUnwrap, ValueError):
                continue  # the next key may fit; what failed stays in here
    raise DecryptionError("decryption.failed")


def _encrypted_keys(encrypted_assertion: Element, data: Element) -> list[Element]:
    """Beside the EncryptedData or inside its KeyInfo; both occur (eidas.md §7.2)."""
    found = list(encrypted_assertion.findall(ENCRYPTED_KEY))
    info = optional_child(data, _DS + "KeyInfo")
    if info is not None:
        found += info.findall(ENCRYPTED_KEY)  # a RetrievalMethod is a hint that nobody follows
    if not 1 <= len(found) <= _MAX_KEYS:
        raise VerificationError("encryption.keys", f"{len(found)} EncryptedKeys")
    return found


def _method(element: Element) -> Element:
    return only_child(element, _XENC + "EncryptionMethod")


def _cipher_value(element: Element) -> bytes:
    cipher = only_child(element, _XENC + "CipherData")
    value = only_child(cipher, _XENC + "CipherValue")  # a CipherReference has no CipherValue
    if len(cipher) != 1:
        raise VerificationError("encryption.reference")
    return _octets(value)


def _octets(element: Element) -> bytes:
    if len(element):
        raise VerificationError("encryption.structure")
    try:
        return base64.b64decode("".join((element.text or "").split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise VerificationError("encryption.base64") from error


class _Wrapped:
    """One EncryptedKey whose algorithms the policy allows."""

    def __init__(self, wrapped: bytes, way: _Transport | _Agreement) -> None:
        self._wrapped = wrapped
        self._way = way

    @classmethod
    def read(cls, element: Element, *, now: datetime, deviations: Deviations) -> _Wrapped:
        method = _method(element)
        way: _Transport | _Agreement
        if method.get("Algorithm") in algorithms.KEY_WRAPS:
            way = _Agreement(element, method, now=now, deviations=deviations)
        else:
            way = _Transport(method, now=now, deviations=deviations)
        return cls(_cipher_value(element), way)

    def unwrap(self, decrypter: Decrypter) -> bytes:
        return self._way.unwrap(self._wrapped, decrypter)


class _Transport:
    """RSA-OAEP (xmlenc-core1 §5.5.2). Digest and mask must be named: the defaults are SHA-1."""

    def __init__(self, method: Element, *, now: datetime, deviations: Deviations) -> None:
        row = algorithms.permit(
            algorithms.KEY_TRANSPORTS,
            method.get("Algorithm"),
            now=now,
            deviations=deviations,
            reason="encryption.key-algorithm",
        )
        if optional_child(method, _XENC + "OAEPparams") is not None:
            raise VerificationError("encryption.key-algorithm", "OAEPparams")
        digest = optional_child(method, _DS + "DigestMethod")
        mask = optional_child(method, _XENC11 + "MGF")
        digest_uri = None if digest is None else digest.get("Algorithm")
        if row is algorithms.RSA_OAEP_MGF1P:
            self._digest = "SHA1" if digest_uri in {None, algorithms.SHA1_URI} else ""
            self._mask = "SHA1"
        else:
            self._digest = ""
            self._mask = algorithms.MGF1.get((mask is not None and mask.get("Algorithm")) or "", "")
        self._digest = self._digest or algorithms.OAEP_DIGESTS.get(digest_uri or "", "")
        sha1 = "SHA1" in {self._digest, self._mask}
        if not self._digest or not self._mask or (sha1 and Deviation.OAEP_MGF1P_SHA1 not in deviations):
            raise VerificationError("encryption.key-algorithm", "digest or mask")

    def unwrap(self, wrapped: bytes, decrypter: Decrypter) -> bytes:
        if not isinstance(decrypter.public_key, rsa.RSAPublicKey):
            raise DecryptionError("decryption.failed")
        return decrypter.decrypt_oaep(wrapped, digest=self._digest, mgf1=self._mask)


class _Agreement:
    """ECDH-ES with ConcatKDF and AES key wrap (xmlenc-core1 §5.4.1, §5.6.4)."""

    def __init__(self, element: Element, method: Element, *, now: datetime, deviations: Deviations) -> None:
        self._wrap = algorithms.permit(
            algorithms.KEY_WRAPS,
            method.get("Algorithm"),
            now=now,
            deviations=deviations,
            reason="encryption.key-algorithm",
        )
        agreement = only_child(only_child(element, _DS + "KeyInfo"), _XENC + "AgreementMethod")
        if agreement.get("Algorithm") != algorithms.ECDH_ES.uri:
            raise VerificationError("encryption.agreement")
        derivation = only_child(agreement, _XENC11 + "KeyDerivationMethod")
        if derivation.get("Algorithm") != algorithms.CONCAT_KDF:
            raise VerificationError("encryption.derivation")
        parameters = only_child(derivation, _XENC11 + "ConcatKDFParams")
        digest = algorithms.permit(
            algorithms.DIGESTS,
            only_child(parameters, _DS + "DigestMethod").get("Algorithm"),
            now=now,
            deviations=deviations,
            reason="encryption.derivation",
        )
        self._hash = _HASHES[digest.name]
        self._other_info = b"".join(_bit_string(value) for value in _parameters(parameters))
        self._ephemeral = _ephemeral(only_child(agreement, _XENC + "OriginatorKeyInfo"))

    def unwrap(self, wrapped: bytes, decrypter: Decrypter) -> bytes:
        if not isinstance(decrypter.public_key, ec.EllipticCurvePublicKey):
            raise DecryptionError("decryption.failed")
        secret = decrypter.agree(self._ephemeral)
        key = ConcatKDFHash(self._hash(), self._wrap.key_octets, self._other_info).derive(secret)
        return aes_key_unwrap(key, wrapped)


def _parameters(element: Element) -> Iterator[str]:
    for name in ("AlgorithmID", "PartyUInfo", "PartyVInfo", "SuppPubInfo", "SuppPrivInfo"):
        value = element.get(name)
        if value is not None:
            yield value


def _bit_string(value: str) -> bytes:
    r"""The octets of a ConcatKDF attribute: hex with a leading octet that counts padding bits.

    >>> _bit_string("00"), _bit_string("0000"), _bit_string("0001ff")
    (b'', b'\x00', b'\x01\xff')
    """
    try:
        octets = bytes.fromhex(value)
    except ValueError as error:
        raise VerificationError("encryption.derivation") from error
    if not octets or octets[0] != 0:  # partial octets occur nowhere and are not supported
        raise VerificationError("encryption.derivation", "padding bits")
    return octets[1:]


def _ephemeral(originator: Element) -> ec.EllipticCurvePublicKey:
    value = optional_child(originator, _DS + "KeyValue")
    holder = originator if value is None else value
    point = optional_child(holder, _DSIG11 + "ECKeyValue")
    try:
        if point is not None:
            uri = only_child(point, _DSIG11 + "NamedCurve").get("URI") or ""
            name = _CURVES.get(uri.removeprefix("urn:oid:"))
            if name is None:
                raise VerificationError("key.curve")
            encoded = _octets(only_child(point, _DSIG11 + "PublicKey"))
            return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE_CLASSES[name](), encoded)
        key = load_der_public_key(_octets(only_child(holder, _DSIG11 + "DEREncodedKeyValue")))
    except (ValueError, UnsupportedAlgorithm) as error:  # the latter: explicit curve parameters
        raise DecryptionError("decryption.failed") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise DecryptionError("decryption.failed")
    algorithms.require_key(key, deviations=algorithms.NONE)
    return key
