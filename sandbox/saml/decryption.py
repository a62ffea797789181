"""XML decryption for one private key, the counterpart of ``encryption``: what is not listed is refused."""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap
from lxml import etree

from sandbox.authority import PrivateKey
from sandbox.saml.names import DIGESTS, XENC, XENC11, tag

_CONTENT = {f"{XENC11}aes{bits}-gcm": bits // 8 for bits in (128, 192, 256)}


class Undecryptable(Exception):
    """An algorithm that is not accepted here, or not our key."""


def decrypt(data: etree._Element, key: PrivateKey) -> bytes:
    """The octets inside ``xenc:EncryptedData``; raises Undecryptable."""
    try:
        octets = _CONTENT[_algorithm(data)]
        wrapped = data.find(f"{tag('ds:KeyInfo')}/{tag('xenc:EncryptedKey')}")
        if wrapped is None:
            raise Undecryptable("no EncryptedKey")
        session = _transported(wrapped, key) if isinstance(key, rsa.RSAPrivateKey) else _agreed(wrapped, key)
        if len(session) != octets:
            raise Undecryptable("session key of the wrong length")
        content = _cipher(data)
        return AESGCM(session).decrypt(content[:12], content[12:], None)
    except (KeyError, ValueError, binascii.Error, InvalidTag, InvalidUnwrap) as error:
        raise Undecryptable(type(error).__name__) from error


def _transported(wrapped: etree._Element, key: rsa.RSAPrivateKey) -> bytes:
    method = wrapped.find(tag("xenc:EncryptionMethod"))
    if method is None or method.get("Algorithm") != f"{XENC11}rsa-oaep":
        raise Undecryptable("key transport must be RSA-OAEP")
    digest, mask = method.find(tag("ds:DigestMethod")), method.find(tag("xenc11:MGF"))
    if digest is None or digest.get("Algorithm") != DIGESTS["sha256"]:
        raise Undecryptable("RSA-OAEP with SHA-256 only")
    if mask is None or mask.get("Algorithm") != f"{XENC11}mgf1sha256":
        raise Undecryptable("MGF1 with SHA-256 only")
    return key.decrypt(_cipher(wrapped), OAEP(MGF1(hashes.SHA256()), hashes.SHA256(), None))


def _agreed(wrapped: etree._Element, key: ec.EllipticCurvePrivateKey) -> bytes:
    if _algorithm(wrapped) != f"{XENC}kw-aes256":
        raise Undecryptable("key wrap must be AES-256")
    agreement = wrapped.find(f"{tag('ds:KeyInfo')}/{tag('xenc:AgreementMethod')}")
    if agreement is None or agreement.get("Algorithm") != f"{XENC11}ECDH-ES":
        raise Undecryptable("key agreement must be ECDH-ES")
    path = f"{tag('xenc11:KeyDerivationMethod')}/{tag('xenc11:ConcatKDFParams')}"
    parameters = agreement.find(path)
    if (
        parameters is None
        or parameters.find(f"{tag('ds:DigestMethod')}[@Algorithm='{DIGESTS['sha256']}']") is None
    ):
        raise Undecryptable("ConcatKDF with SHA-256 only")
    names = ("AlgorithmID", "PartyUInfo", "PartyVInfo")
    other = b"".join(bytes.fromhex(parameters.get(name) or "00")[1:] for name in names)
    point = agreement.findtext(
        f"{tag('xenc:OriginatorKeyInfo')}/{tag('ds:KeyValue')}/{tag('dsig11:ECKeyValue')}/{tag('dsig11:PublicKey')}"
    )
    ephemeral = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, base64.b64decode(point or ""))
    wrapping = ConcatKDFHash(hashes.SHA256(), 32, other).derive(key.exchange(ec.ECDH(), ephemeral))
    return aes_key_unwrap(wrapping, _cipher(wrapped))


def _algorithm(element: etree._Element) -> str:
    method = element.find(tag("xenc:EncryptionMethod"))
    return "" if method is None else method.get("Algorithm") or ""


def _cipher(element: etree._Element) -> bytes:
    text = element.findtext(f"{tag('xenc:CipherData')}/{tag('xenc:CipherValue')}")
    return base64.b64decode("".join((text or "").split()), validate=True)
