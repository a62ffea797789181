"""Sign XML and octets with our own keys, in the one form that peers accept.

The markup of ``ds:Signature`` is written here as text in canonical form, so that SignedInfo
needs no second canonicalisation, and the value comes from a ``Signer``, so that a hardware
module can sign (security.md D.9). Exclusive canonicalisation, enveloped, SHA-256 digest unless
the scheme says otherwise.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree

from trust import algorithms
from trust.errors import KeyUnavailable
from trust.keys import PublicKey, SignatureScheme, Signer
from trust.xml import DS, Element, canonicalise

_URIS = {row.scheme: row.uri for row in algorithms.SIGNATURES.values()}
_DIGEST_URIS = {row.name: row.uri for row in algorithms.DIGESTS.values()}


def scheme_for(key: PublicKey, *, pkcs1: bool = False) -> SignatureScheme:
    """The scheme we sign with: ECDSA by the curve's size, else RSASSA-PSS with SHA-256.

    ``pkcs1`` is for a peer with a dated exception only.
    """
    if isinstance(key, ec.EllipticCurvePublicKey):
        bits = 256 if key.key_size <= 256 else 384 if key.key_size <= 384 else 512
        return SignatureScheme[f"ECDSA_SHA{bits}"]
    return SignatureScheme.RSA_PKCS1_SHA256 if pkcs1 else SignatureScheme.RSA_PSS_SHA256


def signature_uri(scheme: SignatureScheme) -> str:
    """The XML-DSig URI of ``scheme`` (also ``SigAlg`` of HTTP-Redirect)."""
    return _URIS[scheme]


def digest_uri(scheme: SignatureScheme) -> str:
    """The URI of the digest that goes with ``scheme``."""
    return _DIGEST_URIS[scheme.value[1]]


def sign_enveloped(
    element: Element, signer: Signer, *, position: int, scheme: SignatureScheme | None = None
) -> None:
    """Put an enveloped signature into ``element`` as child number ``position``.

    ``element`` must be a document element with an ``ID``. saml-core §5.4: position 1 in messages
    (after Issuer), 0 in metadata. Raises KeyUnavailable.
    """
    identifier = element.get("ID")
    if not identifier or element.getparent() is not None:
        raise KeyUnavailable("signing.target", "a document element with an ID is needed")
    scheme = scheme or scheme_for(signer.public_key)
    digest_name = scheme.value[1]
    digest = hashlib.new(digest_name, canonicalise(element)).digest()
    # lxml renames a prefix on insertion when the parent already binds the namespace to another one,
    # and what was signed would no longer be what is there: so write the parent's prefix.
    ds = next((prefix for prefix, uri in element.nsmap.items() if uri == DS and prefix), "ds")
    signed_info = (
        f'<{ds}:SignedInfo xmlns:{ds}="{DS}">'
        f'<{ds}:CanonicalizationMethod Algorithm="{algorithms.EXC_C14N}"></{ds}:CanonicalizationMethod>'
        f'<{ds}:SignatureMethod Algorithm="{_URIS[scheme]}"></{ds}:SignatureMethod>'
        f'<{ds}:Reference URI="#{identifier}"><{ds}:Transforms>'
        f'<{ds}:Transform Algorithm="{algorithms.ENVELOPED_SIGNATURE}"></{ds}:Transform>'
        f'<{ds}:Transform Algorithm="{algorithms.EXC_C14N}"></{ds}:Transform></{ds}:Transforms>'
        f'<{ds}:DigestMethod Algorithm="{digest_uri(scheme)}"></{ds}:DigestMethod>'
        f"<{ds}:DigestValue>{_b64(digest)}</{ds}:DigestValue></{ds}:Reference></{ds}:SignedInfo>"
    )
    value = signer.sign(signed_info.encode(), scheme)
    signature = etree.fromstring(
        f'<{ds}:Signature xmlns:{ds}="{DS}">{signed_info}'
        f"<{ds}:SignatureValue>{_b64(value)}</{ds}:SignatureValue>{_key_info(signer, ds)}</{ds}:Signature>"
    )
    element.insert(position, signature)


def _key_info(signer: Signer, ds: str) -> str:
    if signer.certificate is None:
        return ""
    certificates = "".join(
        f"<{ds}:X509Certificate>{_b64(c.public_bytes(serialization.Encoding.DER))}</{ds}:X509Certificate>"
        for c in (signer.certificate, *signer.chain)
    )
    return f"<{ds}:KeyInfo><{ds}:X509Data>{certificates}</{ds}:X509Data></{ds}:KeyInfo>"


def _b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
