"""XML encryption of an assertion for one recipient, written against XML Encryption 1.1.

The recipient's key decides: RSA gets key transport (RSA-OAEP, SHA-256, MGF1-SHA-256, or the older
form with SHA-1), EC gets key agreement (ECDH-ES, ConcatKDF, AES-256 key wrap). Session keys and ephemeral keys are fresh.
"""

from __future__ import annotations

import base64
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from lxml import etree

from sandbox.saml.names import DIGESTS, DS, NSMAP, XENC, XENC11, tag

_KEY_OCTETS = {"aes128-gcm": 16, "aes192-gcm": 24, "aes256-gcm": 32, "aes128-cbc": 16, "aes256-cbc": 32}
_CURVE_OID = {
    "secp256r1": "1.2.840.10045.3.1.7",
    "secp384r1": "1.3.132.0.34",
    "secp521r1": "1.3.132.0.35",
    "brainpoolP256r1": "1.3.36.3.3.2.8.1.1.7",
    "brainpoolP384r1": "1.3.36.3.3.2.8.1.1.11",
}


def encrypt(
    plain: bytes,
    recipient: x509.Certificate,
    *,
    content: str = "aes256-gcm",
    transport: str = "rsa-oaep",
    party_info: str = "00",
) -> etree._Element:
    """``saml2:EncryptedAssertion`` holding ``plain`` for ``recipient``.

    ``content`` is the fragment of the content algorithm; ``transport`` that of key transport,
    ``rsa-oaep`` or ``rsa-oaep-mgf1p`` (then with SHA-1); ``party_info`` the hexadecimal form of
    the three ConcatKDF fields: ``00`` (empty) or ``0000`` (one zero octet).
    """
    session = os.urandom(_KEY_OCTETS[content])
    root = etree.Element(tag("saml2:EncryptedAssertion"), nsmap={"saml2": NSMAP["saml2"]})
    data = _sub(root, "xenc:EncryptedData", Type=XENC + "Element")
    _sub(data, "xenc:EncryptionMethod", Algorithm=(XENC11 if "gcm" in content else XENC) + content)
    info = _sub(data, "ds:KeyInfo")
    wrapped = _sub(info, "xenc:EncryptedKey")
    public = recipient.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        octets = _transport(wrapped, public, recipient, session, transport)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        octets = _agreement(wrapped, public, recipient, session, party_info)
    else:
        raise TypeError("the recipient's encryption key is neither RSA nor EC")
    _cipher(wrapped, octets)
    _cipher(data, _encrypt_content(plain, session, content))
    return root


def _encrypt_content(plain: bytes, key: bytes, content: str) -> bytes:
    if "gcm" in content:
        iv = os.urandom(12)
        return iv + AESGCM(key).encrypt(iv, plain, None)
    # XML Encryption 1.1 §5.2.2: block padding whose last octet counts, the rest is arbitrary.
    padder = padding.PKCS7(128).padder()
    padded = padder.update(plain) + padder.finalize()
    iv = os.urandom(16)
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return iv + encryptor.update(padded) + encryptor.finalize()


def _transport(
    parent: etree._Element,
    public: rsa.RSAPublicKey,
    recipient: x509.Certificate,
    session: bytes,
    transport: str,
) -> bytes:
    if transport == "rsa-oaep-mgf1p":
        method = _sub(parent, "xenc:EncryptionMethod", Algorithm=XENC + transport)
        _sub(method, "ds:DigestMethod", Algorithm=DS + "sha1")
        _certificate(parent, recipient)
        sha1 = hashes.SHA1()  # noqa: S303  (XML Encryption 1.0 §5.4.2 knows nothing else)
        return public.encrypt(session, OAEP(MGF1(sha1), sha1, None))
    method = _sub(parent, "xenc:EncryptionMethod", Algorithm=XENC11 + "rsa-oaep")
    _sub(method, "ds:DigestMethod", Algorithm=DIGESTS["sha256"])
    _sub(method, "xenc11:MGF", Algorithm=XENC11 + "mgf1sha256")
    _certificate(parent, recipient)
    return public.encrypt(session, OAEP(MGF1(hashes.SHA256()), hashes.SHA256(), None))


def _agreement(
    parent: etree._Element,
    public: ec.EllipticCurvePublicKey,
    recipient: x509.Certificate,
    session: bytes,
    party_info: str,
) -> bytes:
    ephemeral = ec.generate_private_key(public.curve)
    _sub(parent, "xenc:EncryptionMethod", Algorithm=XENC + "kw-aes256")
    info = _sub(parent, "ds:KeyInfo")
    agreement = _sub(info, "xenc:AgreementMethod", Algorithm=XENC11 + "ECDH-ES")
    derivation = _sub(agreement, "xenc11:KeyDerivationMethod", Algorithm=XENC11 + "ConcatKDF")
    parameters = _sub(
        derivation,
        "xenc11:ConcatKDFParams",
        AlgorithmID=party_info,
        PartyUInfo=party_info,
        PartyVInfo=party_info,
    )
    _sub(parameters, "ds:DigestMethod", Algorithm=DIGESTS["sha256"])
    originator = _sub(_sub(agreement, "xenc:OriginatorKeyInfo"), "ds:KeyValue")
    value = _sub(originator, "dsig11:ECKeyValue")
    _sub(value, "dsig11:NamedCurve", URI="urn:oid:" + _CURVE_OID[public.curve.name])
    point = ephemeral.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    _sub(value, "dsig11:PublicKey").text = base64.b64encode(point).decode()
    _certificate(_sub(agreement, "xenc:RecipientKeyInfo"), recipient, wrap=False)
    # XML Encryption 1.1 §5.4.1: the first octet of each field counts padding bits, the rest are
    # the field; the three fields follow each other in OtherInfo.
    other = bytes.fromhex(party_info)[1:] * 3
    secret = ephemeral.exchange(ec.ECDH(), public)
    wrapping = ConcatKDFHash(hashes.SHA256(), 32, other).derive(secret)
    return aes_key_wrap(wrapping, session)


def _certificate(parent: etree._Element, certificate: x509.Certificate, *, wrap: bool = True) -> None:
    info = _sub(parent, "ds:KeyInfo") if wrap else parent
    der = certificate.public_bytes(serialization.Encoding.DER)
    _sub(_sub(info, "ds:X509Data"), "ds:X509Certificate").text = base64.b64encode(der).decode()


def _cipher(parent: etree._Element, octets: bytes) -> None:
    data = _sub(parent, "xenc:CipherData")
    _sub(data, "xenc:CipherValue").text = base64.b64encode(octets).decode()


def _sub(parent: etree._Element, name: str, **attributes: str) -> etree._Element:
    prefix = name.partition(":")[0]
    return etree.SubElement(parent, tag(name), dict(attributes), nsmap={prefix: NSMAP[prefix]})
