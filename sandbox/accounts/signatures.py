"""Signatures of requests. Unlike eIDAS nodes, the account systems are also seen with PKCS#1 v1.5
in requests (FAQ 10.9.2): the switch to RSASSA-PSS concerned their own Responses."""

from __future__ import annotations

from cryptography import x509
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from sandbox.nodes.signing import BadSignature, parse

_METHODS = frozenset(
    SignatureMethod.from_fragment(fragment)
    for bits in (256, 384, 512)
    for fragment in (f"sha{bits}-rsa-MGF1", f"rsa-sha{bits}", f"ecdsa-sha{bits}")
)
_DIGESTS = frozenset((DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512))


def verify_message(document: bytes, certificates: tuple[x509.Certificate, ...]) -> etree._Element:
    """The root element, read only from the octets that its own signature covers.

    Raises BadSignature.
    """
    configuration = SignatureConfiguration(
        location="./", signature_methods=_METHODS, digest_algorithms=_DIGESTS
    )
    root = parse(document)
    reason = "no certificate to verify with"
    for certificate in certificates:
        try:
            result = XMLVerifier().verify(
                document, x509_cert=certificate, id_attribute="ID", expect_config=configuration
            )
        except (SignXMLException, ValueError, etree.XMLSyntaxError) as error:
            reason = type(error).__name__
            continue
        signed = None if isinstance(result, list) else result.signed_xml
        if signed is not None and signed.tag == root.tag and signed.get("ID") == root.get("ID"):
            return signed
        reason = "signature covers another element"
    raise BadSignature(reason)
