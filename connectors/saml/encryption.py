"""Encrypt an element for one recipient (saml-core §6, xmlenc-core1).

The recipient's key decides: RSA gets RSA-OAEP with SHA-256 and MGF1-SHA-256, EC gets ECDH-ES with
ConcatKDF and AES-256 key wrap; the content is AES-256-GCM. Session and ephemeral keys are fresh.
"""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from connectors.contract import TokenSource
from connectors.saml.request import Extension
from trust import algorithms
from trust.keys import PublicKey
from trust.pinned import PinnedKey
from trust.xml import DS, DSIG11, XENC, XENC11

_SHA256 = next(uri for uri, row in algorithms.DIGESTS.items() if row.name == "SHA256")
_MASK = next(uri for uri, name in algorithms.MGF1.items() if name == "SHA256")
_CONTENT = f"{XENC11}aes256-gcm"
_WRAP = f"{XENC}kw-aes256"
_NO_OCTETS = "00"
"""A ConcatKDF field without content: only the octet that counts padding bits (xmlenc-core1 §5.4.1)."""


def encrypt(plain: bytes, recipient: PinnedKey, *, random: TokenSource, named: bool = True) -> Extension:
    """``xenc:EncryptedData`` that holds the element ``plain``, its ``EncryptedKey`` in ``KeyInfo``.

    ``named`` puts the recipient's certificate beside the key, as a hint which of its keys it needs:
    a thousand octets that a redirect does not have.
    """
    session, iv = random(32), random(12)
    return _xenc(
        "EncryptedData",
        _xenc("EncryptionMethod", Algorithm=_CONTENT),
        _ds("KeyInfo", _encrypted_key(session, recipient, _certificate(recipient) if named else ())),
        _cipher(iv + AESGCM(session).encrypt(iv, plain, None)),
        Type=f"{XENC}Element",
    )


def _encrypted_key(session: bytes, recipient: PinnedKey, hint: tuple[Extension, ...]) -> Extension:
    key: PublicKey = recipient.public_key
    if isinstance(key, rsa.RSAPublicKey):
        sha256 = hashes.SHA256()
        wrapped = key.encrypt(session, padding.OAEP(padding.MGF1(sha256), sha256, None))
        method = _xenc(
            "EncryptionMethod",
            _ds("DigestMethod", Algorithm=_SHA256),
            _xenc11("MGF", Algorithm=_MASK),
            Algorithm=algorithms.RSA_OAEP.uri,
        )
        info = (_ds("KeyInfo", *hint),) if hint else ()
        return _xenc("EncryptedKey", method, *info, _cipher(wrapped))
    ephemeral = ec.generate_private_key(key.curve)
    wrapping = ConcatKDFHash(hashes.SHA256(), 32, b"").derive(ephemeral.exchange(ec.ECDH(), key))
    method = _xenc("EncryptionMethod", Algorithm=_WRAP)
    agreement = _ds("KeyInfo", _agreement(ephemeral.public_key(), hint))
    return _xenc("EncryptedKey", method, agreement, _cipher(aes_key_wrap(wrapping, session)))


def _agreement(ephemeral: ec.EllipticCurvePublicKey, hint: tuple[Extension, ...]) -> Extension:
    point = ephemeral.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    curve = "urn:oid:" + algorithms.CURVES[ephemeral.curve.name]
    derivation = _xenc11(
        "ConcatKDFParams",
        _ds("DigestMethod", Algorithm=_SHA256),
        AlgorithmID=_NO_OCTETS,
        PartyUInfo=_NO_OCTETS,
        PartyVInfo=_NO_OCTETS,
    )
    key_value = _element(
        DSIG11,
        "ECKeyValue",
        _element(DSIG11, "NamedCurve", URI=curve),
        Extension(namespace=DSIG11, tag="PublicKey", text=_base64(point)),
    )
    return _xenc(
        "AgreementMethod",
        _xenc11("KeyDerivationMethod", derivation, Algorithm=algorithms.CONCAT_KDF),
        _xenc("OriginatorKeyInfo", _ds("KeyValue", key_value)),
        *((_xenc("RecipientKeyInfo", *hint),) if hint else ()),
        Algorithm=algorithms.ECDH_ES.uri,
    )


def _certificate(recipient: PinnedKey) -> tuple[Extension, ...]:
    if recipient.certificate is None:
        return ()
    text = Extension(namespace=DS, tag="X509Certificate", text=_base64(recipient.certificate))
    return (_ds("X509Data", text),)


def _cipher(octets: bytes) -> Extension:
    return _xenc("CipherData", Extension(namespace=XENC, tag="CipherValue", text=_base64(octets)))


def _xenc(tag: str, *children: Extension, **attributes: str) -> Extension:
    return _element(XENC, tag, *children, **attributes)


def _xenc11(tag: str, *children: Extension, **attributes: str) -> Extension:
    return _element(XENC11, tag, *children, **attributes)


def _ds(tag: str, *children: Extension, **attributes: str) -> Extension:
    return _element(DS, tag, *children, **attributes)


def _element(namespace: str, tag: str, *children: Extension, **attributes: str) -> Extension:
    return Extension(namespace=namespace, tag=tag, attributes=attributes, children=children)


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
