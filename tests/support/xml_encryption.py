"""XML encryption made by hand with ``cryptography``: every allowed way, and those an attacker would try."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from lxml import etree

from tests.support.xml_signing import DIGESTS, DS, SAML, XENC, encode

XENC11 = "http://www.w3.org/2009/xmlenc11#"
DSIG11 = "http://www.w3.org/2009/xmldsig11#"
_NAMESPACES = f'xmlns:xenc="{XENC}" xmlns:xenc11="{XENC11}" xmlns:ds="{DS}" xmlns:dsig11="{DSIG11}"'
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
CONTENTS = {
    "aes128-gcm": (XENC11 + "aes128-gcm", 16),
    "aes192-gcm": (XENC11 + "aes192-gcm", 24),
    "aes256-gcm": (XENC11 + "aes256-gcm", 32),
    "aes128-cbc": (XENC + "aes128-cbc", 16),
    "aes256-cbc": (XENC + "aes256-cbc", 32),
    "tripledes-cbc": (XENC + "tripledes-cbc", 24),
}
_CURVE_OIDS = {
    "secp256r1": "1.2.840.10045.3.1.7",
    "secp384r1": "1.3.132.0.34",
    "secp521r1": "1.3.132.0.35",
    "secp256k1": "1.3.132.0.10",
    "brainpoolP256r1": "1.3.36.3.3.2.8.1.1.7",
    "brainpoolP384r1": "1.3.36.3.3.2.8.1.1.11",
    "brainpoolP512r1": "1.3.36.3.3.2.8.1.1.13",
}


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """How an assertion is encrypted; the defaults are what a careful peer does."""

    content: str = "aes256-gcm"
    transport: Literal["rsa-oaep", "rsa-oaep-mgf1p", "rsa-1_5"] = "rsa-oaep"
    oaep_digest: str | None = "sha256"
    oaep_mask: str | None = "sha256"
    wrap: Literal["kw-aes128", "kw-aes192", "kw-aes256", "kw-tripledes"] = "kw-aes256"
    party_info: str | None = "00"
    """Hexadecimal form of the three ConcatKDF fields; None: the attributes are absent."""
    kdf: str = XENC11 + "ConcatKDF"
    kdf_digest: str = "sha256"
    agreement: str = XENC11 + "ECDH-ES"
    originator: str | None = None
    """XML inside OriginatorKeyInfo instead of the genuine one; ``der`` for DEREncodedKeyValue."""
    beside: bool = False
    """EncryptedKey beside EncryptedData, with a RetrievalMethod, instead of inside its KeyInfo."""
    retrieval: str | None = None
    """URI of a RetrievalMethod; with ``beside`` it defaults to the EncryptedKey."""
    data_type: str | None = XENC + "Element"
    keys: int = 1
    """How many EncryptedKeys; only the last is for the recipient."""


STANDARD = Envelope()


def encrypt(plain: bytes, recipient: x509.Certificate, envelope: Envelope = STANDARD) -> etree._Element:
    """``saml:EncryptedAssertion`` with ``plain`` for ``recipient``."""
    uri, size = CONTENTS[envelope.content]
    session = os.urandom(size)
    public = recipient.public_key()
    name = os.urandom(8).hex()
    identifiers = [f"_key{number}-{name}" for number in range(envelope.keys)]
    wrapped = [_encrypted_key(public, os.urandom(size), envelope, one) for one in identifiers[:-1]]
    wrapped.append(_encrypted_key(public, session, envelope, identifiers[-1]))
    retrieval = envelope.retrieval or (f"#{identifiers[-1]}" if envelope.beside else None)
    inside = "" if envelope.beside else "".join(wrapped)
    if retrieval is not None:
        inside += f'<ds:RetrievalMethod Type="{XENC}EncryptedKey" URI="{retrieval}"/>'
    beside = "".join(wrapped) if envelope.beside else ""
    data_type = "" if envelope.data_type is None else f' Type="{envelope.data_type}"'
    text = (
        f'<saml2:EncryptedAssertion xmlns:saml2="{SAML}" {_NAMESPACES}>'
        f'<xenc:EncryptedData Id="_data-{name}"{data_type}><xenc:EncryptionMethod Algorithm="{uri}"/>'
        f"<ds:KeyInfo>{inside}</ds:KeyInfo>{_cipher(_seal(plain, session, envelope.content))}"
        f"</xenc:EncryptedData>{beside}</saml2:EncryptedAssertion>"
    )
    return etree.fromstring(text.encode())


def _cipher(octets: bytes) -> str:
    return f"<xenc:CipherData><xenc:CipherValue>{encode(octets)}</xenc:CipherValue></xenc:CipherData>"


def _seal(plain: bytes, key: bytes, content: str) -> bytes:
    if content.endswith("gcm"):
        iv = os.urandom(12)
        return iv + AESGCM(key).encrypt(iv, plain, None)
    if content == "tripledes-cbc":
        return os.urandom(8 + (len(plain) // 8 + 1) * 8)  # never decrypted by anybody
    padder = padding.PKCS7(128).padder()
    iv = os.urandom(16)
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return iv + encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()


def _encrypted_key(public: object, session: bytes, envelope: Envelope, identifier: str) -> str:
    if isinstance(public, rsa.RSAPublicKey):
        head, octets = _transport(public, session, envelope)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        head, octets = _agreement(public, session, envelope)
    else:
        raise TypeError(type(public))
    return f'<xenc:EncryptedKey Id="{identifier}">{head}{_cipher(octets)}</xenc:EncryptedKey>'


def _transport(public: rsa.RSAPublicKey, session: bytes, envelope: Envelope) -> tuple[str, bytes]:
    base = XENC11 if envelope.transport == "rsa-oaep" else XENC
    inner = ""
    if envelope.oaep_digest is not None:
        inner += f'<ds:DigestMethod Algorithm="{DIGESTS[envelope.oaep_digest]}"/>'
    if envelope.oaep_mask is not None and envelope.transport == "rsa-oaep":
        inner += f'<xenc11:MGF Algorithm="{XENC11}mgf1{envelope.oaep_mask}"/>'
    head = f'<xenc:EncryptionMethod Algorithm="{base}{envelope.transport}">{inner}</xenc:EncryptionMethod>'
    if envelope.transport == "rsa-1_5":
        return head, public.encrypt(session, rsa_padding.PKCS1v15())
    mask = "sha1" if envelope.transport == "rsa-oaep-mgf1p" else envelope.oaep_mask or "sha1"
    digest = envelope.oaep_digest or "sha1"
    oaep = rsa_padding.OAEP(rsa_padding.MGF1(_HASHES[mask]()), _HASHES[digest](), None)
    return head, public.encrypt(session, oaep)


def _agreement(public: ec.EllipticCurvePublicKey, session: bytes, envelope: Envelope) -> tuple[str, bytes]:
    ephemeral = ec.generate_private_key(public.curve)
    info = envelope.party_info
    fields = (
        "" if info is None else "".join(f' {n}="{info}"' for n in ("AlgorithmID", "PartyUInfo", "PartyVInfo"))
    )
    other = b"" if info is None else bytes.fromhex(info)[1:] * 3
    size = {"kw-aes128": 16, "kw-aes192": 24, "kw-aes256": 32, "kw-tripledes": 24}[envelope.wrap]
    kdf = ConcatKDFHash(_HASHES[envelope.kdf_digest](), size, other)
    wrapped = aes_key_wrap(kdf.derive(ephemeral.exchange(ec.ECDH(), public)), session)
    head = (
        f'<xenc:EncryptionMethod Algorithm="{XENC}{envelope.wrap}"/>'
        f'<ds:KeyInfo><xenc:AgreementMethod Algorithm="{envelope.agreement}">'
        f'<xenc11:KeyDerivationMethod Algorithm="{envelope.kdf}"><xenc11:ConcatKDFParams{fields}>'
        f'<ds:DigestMethod Algorithm="{DIGESTS[envelope.kdf_digest]}"/></xenc11:ConcatKDFParams>'
        f"</xenc11:KeyDerivationMethod><xenc:OriginatorKeyInfo>{_originator(ephemeral, envelope)}"
        "</xenc:OriginatorKeyInfo></xenc:AgreementMethod></ds:KeyInfo>"
    )
    return head, wrapped


def _originator(ephemeral: ec.EllipticCurvePrivateKey, envelope: Envelope) -> str:
    public = ephemeral.public_key()
    if envelope.originator == "der":
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return f"<dsig11:DEREncodedKeyValue>{encode(der)}</dsig11:DEREncodedKeyValue>"
    if envelope.originator is not None:
        return envelope.originator
    point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return ec_key_value(_CURVE_OIDS[public.curve.name], point)


def ec_key_value(oid: str, point: bytes) -> str:
    """``ds:KeyValue`` with a named curve and a point."""
    return (
        f'<ds:KeyValue><dsig11:ECKeyValue><dsig11:NamedCurve URI="urn:oid:{oid}"/>'
        f"<dsig11:PublicKey>{encode(point)}</dsig11:PublicKey></dsig11:ECKeyValue></ds:KeyValue>"
    )
