"""XML signatures made by hand, so that every part can be made wrong on purpose.

lxml's canonicalisation and ``cryptography`` only: nothing of the product, and no signing library
that would refuse to write what an attacker writes. What it writes genuinely is checked against
libxmlsec in ``tests/attacks/test_legal_oddities.py``.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID
from lxml import etree

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
"""The time of every test that does not say otherwise."""

DS = "http://www.w3.org/2000/09/xmldsig#"
XENC = "http://www.w3.org/2001/04/xmlenc#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
MORE2007 = "http://www.w3.org/2007/05/xmldsig-more#"
EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = DS + "enveloped-signature"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_CURVES = {
    "secp256r1": ec.SECP256R1,
    "secp384r1": ec.SECP384R1,
    "secp521r1": ec.SECP521R1,
    "secp256k1": ec.SECP256K1,
    "secp224r1": ec.SECP224R1,
    "brainpoolP256r1": ec.BrainpoolP256R1,
    "brainpoolP384r1": ec.BrainpoolP384R1,
    "brainpoolP512r1": ec.BrainpoolP512R1,
}
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "md5": hashes.MD5,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
DIGESTS = {
    "md5": MORE + "md5",
    "sha1": DS + "sha1",
    "sha224": MORE + "sha224",
    "sha256": XENC + "sha256",
    "sha384": MORE + "sha384",
    "sha512": XENC + "sha512",
}
"""Digest URIs by hashlib's name."""
METHODS = {
    **{f"pss-{bits}": f"{MORE2007}sha{bits}-rsa-MGF1" for bits in (224, 256, 384, 512)},
    "pss-1": MORE2007 + "sha1-rsa-MGF1",
    **{f"ecdsa-{bits}": f"{MORE}ecdsa-sha{bits}" for bits in (1, 224, 256, 384, 512)},
    **{f"pkcs1-{bits}": f"{MORE}rsa-sha{bits}" for bits in (224, 256, 384, 512)},
    "pkcs1-1": DS + "rsa-sha1",
    "pkcs1-md5": MORE + "rsa-md5",
    **{f"hmac-{bits}": f"{MORE}hmac-sha{bits}" for bits in (224, 256, 384, 512)},
    "hmac-1": DS + "hmac-sha1",
    "dsa-1": DS + "dsa-sha1",
    "ripemd": MORE + "rsa-ripemd160",
}
"""Signature URIs by a short word; ``family-hash``."""


@functools.cache
def rsa_key(name: str, bits: int = 3072) -> rsa.RSAPrivateKey:
    """One key per name and test run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@functools.cache
def ec_key(name: str, curve: str = "secp256r1") -> ec.EllipticCurvePrivateKey:
    """One key per name and test run."""
    return ec.generate_private_key(_CURVES[curve]())


@dataclass(frozen=True)
class Pair:
    """A private key and a certificate for it."""

    key: Key
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def text(self) -> str:
        """DER in Base64, for ``ds:X509Certificate``."""
        return base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()


@functools.cache
def pair(
    name: str,
    key: Key | None = None,
    *,
    begin: datetime = NOW - timedelta(days=100),
    end: datetime = NOW + timedelta(days=600),
    signing_usage: bool | None = None,
) -> Pair:
    """A self-signed certificate on ``key``, or on a P-256 key of that name.

    ``signing_usage`` False gives a key usage without digitalSignature.
    """
    key = key or ec_key(name)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    if signing_usage is not None:
        flags = dict.fromkeys(
            ("content_commitment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
             "encipher_only", "decipher_only"),
            False,
        )  # fmt: skip
        usage = x509.KeyUsage(digital_signature=signing_usage, key_encipherment=not signing_usage, **flags)
        builder = builder.add_extension(usage, critical=True)
    return Pair(key, builder.sign(key, hashes.SHA256()))


def encode(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def canonical(element: etree._Element, prefixes: Sequence[str] = (), *, comments: bool = False) -> bytes:
    """Exclusive canonical form."""
    octets: bytes = etree.tostring(
        element,
        method="c14n",
        exclusive=True,
        with_comments=comments,
        inclusive_ns_prefixes=list(prefixes) or None,
        with_tail=False,
    )
    return octets


def default_method(key: Key) -> str:
    """The word of ``METHODS`` that a careful peer uses."""
    return "pss-256" if isinstance(key, rsa.RSAPrivateKey) else "ecdsa-256"


def raw_signature(key: Key, data: bytes, method: str) -> bytes:
    """The signature value as XML-DSig and HTTP-Redirect write it; HMAC takes the public key as secret."""
    family, _, bits = method.partition("-")
    name = bits if bits == "md5" else f"sha{bits}"
    if family == "hmac":
        secret = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hmac.digest(secret, data, name)
    if family in {"dsa", "ripemd"}:
        return b"\x01" * 40
    digest = _HASHES[name]()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.curve.key_size + 7) // 8
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    if family == "pss":
        return key.sign(data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    return key.sign(data, padding.PKCS1v15(), digest)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one signature is written; the defaults are what a careful peer writes."""

    method: str | None = None
    """Word of ``METHODS``; None: by the key."""
    digest: str = "sha256"
    canonicalization: str = EXC_C14N
    """Algorithm of CanonicalizationMethod."""
    canonicalization_content: str = ""
    canonicalization_prefixes: tuple[str, ...] = ()
    """InclusiveNamespaces PrefixList of SignedInfo."""
    transforms: str | None = None
    """XML inside ``ds:Transforms``; None: enveloped-signature and exclusive c14n."""
    prefixes: tuple[str, ...] = ()
    """InclusiveNamespaces PrefixList of the reference."""
    uri: str | None = None
    """Reference URI; None: ``#`` and the ID of the element."""
    key_info: str | None = None
    """XML of ``ds:KeyInfo``, empty for none; None: the certificate."""
    method_content: str = ""
    """Inside SignatureMethod."""
    digest_octets: bytes | None = None
    """Digest this instead of the canonical element."""
    prefix: str = "ds"
    """Namespace prefix; empty: default namespace."""
    wrap: int = 0
    """Line length of Base64 text; 0: one line."""
    after_issuer: bool = True
    """False: the Signature is the first child in any case."""


STANDARD = Recipe()


def inclusive(prefixes: Sequence[str]) -> str:
    """``ec:InclusiveNamespaces``."""
    if not prefixes:
        return ""
    return f'<ec:InclusiveNamespaces xmlns:ec="{EXC_C14N}" PrefixList="{" ".join(prefixes)}"/>'


def signature(element: etree._Element, signer: Pair, recipe: Recipe = STANDARD) -> etree._Element:
    """A ``ds:Signature`` over ``element`` as it stands, not yet inserted anywhere."""
    method = recipe.method or default_method(signer.key)
    octets = recipe.digest_octets
    if octets is None:
        octets = canonical(element, recipe.prefixes)
    digest = hashlib.new(recipe.digest, octets).digest()
    uri = f"#{element.get('ID')}" if recipe.uri is None else recipe.uri
    transforms = recipe.transforms
    if transforms is None:
        transforms = (
            f'<ds:Transform Algorithm="{ENVELOPED}"/>'
            f'<ds:Transform Algorithm="{EXC_C14N}">{inclusive(recipe.prefixes)}</ds:Transform>'
        )
    key_info = recipe.key_info
    if key_info is None:
        key_info = (
            "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>"
            f"{signer.text}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
        )
    text = (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo>'
        f'<ds:CanonicalizationMethod Algorithm="{recipe.canonicalization}">'
        f"{recipe.canonicalization_content}{inclusive(recipe.canonicalization_prefixes)}</ds:CanonicalizationMethod>"
        f'<ds:SignatureMethod Algorithm="{METHODS.get(method, method)}">{recipe.method_content}'
        f'</ds:SignatureMethod><ds:Reference URI="{uri}"><ds:Transforms>{transforms}</ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{DIGESTS[recipe.digest]}"/>'
        f"<ds:DigestValue>{_lines(encode(digest), recipe.wrap)}</ds:DigestValue></ds:Reference>"
        f"</ds:SignedInfo><ds:SignatureValue/>{key_info}</ds:Signature>"
    )
    if recipe.prefix != "ds":
        colon = f"{recipe.prefix}:" if recipe.prefix else ""
        text = text.replace("xmlns:ds=", f"xmlns:{recipe.prefix}=" if recipe.prefix else "xmlns=")
        text = text.replace("<ds:", f"<{colon}").replace("</ds:", f"</{colon}")
    node = etree.fromstring(text.encode())
    seal(node, signer, recipe)
    return node


def seal(node: etree._Element, signer: Pair, recipe: Recipe = STANDARD) -> None:
    """Compute SignatureValue over the SignedInfo as it stands now, where it stands."""
    method = recipe.method or default_method(signer.key)
    # serialised and parsed again, SignedInfo brings the declarations of its ancestors along
    signed_info = etree.fromstring(etree.tostring(node[0], with_tail=False))
    octets = canonical(signed_info, recipe.canonicalization_prefixes)
    value = raw_signature(signer.key, octets, method if method in METHODS else "pkcs1-256")
    node.find(f"{{{DS}}}SignatureValue").text = _lines(encode(value), recipe.wrap)


def sign(element: etree._Element, signer: Pair, recipe: Recipe = STANDARD) -> etree._Element:
    """Sign ``element`` in place, enveloped, after its Issuer; returns the Signature."""
    node = signature(element, signer, recipe)
    issuer = element.find(f"{{{SAML}}}Issuer")
    element.insert(0 if issuer is None or not recipe.after_issuer else element.index(issuer) + 1, node)
    if recipe.canonicalization_prefixes:
        seal(node, signer, recipe)
    return node


def _lines(text: str, width: int) -> str:
    if not width:
        return text
    return "\n" + "\n".join(text[i : i + width] for i in range(0, len(text), width)) + "\n"
