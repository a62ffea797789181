"""XML signatures by signxml: enveloped, exclusive c14n, one reference to the parent's ID."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.algorithms import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConstructionMethod,
    SignatureMethod,
)
from signxml.exceptions import SignXMLException
from signxml.signer import SignatureReference, XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier

from sandbox.saml.names import DS, SAML, tag

if TYPE_CHECKING:
    from cryptography import x509

    from sandbox.authority import KeyPair

_EIDAS_METHODS = frozenset(
    (
        SignatureMethod.SHA256_RSA_MGF1,
        SignatureMethod.SHA384_RSA_MGF1,
        SignatureMethod.SHA512_RSA_MGF1,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
    )
)
_PKCS1_METHODS = frozenset(
    (SignatureMethod.RSA_SHA256, SignatureMethod.RSA_SHA384, SignatureMethod.RSA_SHA512)
)
_EIDAS_DIGESTS = frozenset((DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512))


class BadSignature(Exception):
    """The signature is missing, uses a forbidden algorithm, or does not verify."""


class _AnySigner(XMLSigner):
    """A signer that will also do SHA-1: the error menu has to be able to send it."""

    def check_deprecated_methods(self) -> None:
        """Nothing is too old for a fault."""

    def _build_transforms_for_reference(
        self,
        *,
        transforms_node: etree._Element,
        reference: SignatureReference,
        exclude_c14n_transform_element: bool = True,
    ) -> None:
        """Signxml digests with the prefixes, but does not say so in an enveloped signature."""
        super()._build_transforms_for_reference(
            transforms_node=transforms_node,
            reference=reference,
            exclude_c14n_transform_element=exclude_c14n_transform_element,
        )
        if reference.inclusive_ns_prefixes:
            prefixes = " ".join(reference.inclusive_ns_prefixes)
            canonical = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0.value
            etree.SubElement(
                transforms_node[-1],
                f"{{{canonical}}}InclusiveNamespaces",
                {"PrefixList": prefixes},
                nsmap={"ec": canonical},
            )


def method_for(pair: KeyPair) -> str:
    """The signature algorithm a key of this type gets when nothing else is said."""
    return "sha256-rsa-MGF1" if "RSA" in type(pair.key).__name__ else "ecdsa-sha256"


def sign(
    element: etree._Element, pair: KeyPair, *, method: str, digest: str, prefixes: list[str] | None = None
) -> etree._Element:
    """``element`` with a signature after its Issuer (or first, in metadata).

    ``method`` and ``digest`` are the fragments of the algorithm URIs, e.g. ``sha256-rsa-MGF1``;
    ``prefixes`` go into ``ec:InclusiveNamespaces`` of the transform.
    """
    place = etree.Element(tag("ds:Signature"), Id="placeholder", nsmap={"ds": DS})
    issuer = element.find(f"{{{SAML}}}Issuer")
    element.insert(0 if issuer is None else 1, place)
    signer = _AnySigner(
        SignatureConstructionMethod.enveloped,
        SignatureMethod.from_fragment(method),
        DigestAlgorithm.from_fragment(digest),
        CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    return signer.sign(
        element,
        key=pair.key,
        cert=pair.chain,
        reference_uri=[SignatureReference(URI=f"#{element.get('ID')}", inclusive_ns_prefixes=prefixes)],
        id_attribute="ID",
    )


def verify(
    document: bytes, certificates: tuple[x509.Certificate, ...], *, pkcs1: bool = False
) -> etree._Element:
    """The element that the document's own signature covers, read only from the signed octets.

    Exactly the given certificates count; what KeyInfo says is not believed (CR §3.3). ``pkcs1``
    lets RSA PKCS#1 v1.5 pass, which eIDAS nodes do not. Raises BadSignature.
    """
    configuration = SignatureConfiguration(
        location="./",
        signature_methods=_EIDAS_METHODS | (_PKCS1_METHODS if pkcs1 else frozenset()),
        digest_algorithms=_EIDAS_DIGESTS,
    )
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
        root = parse(document)
        if signed is not None and signed.tag == root.tag and signed.get("ID") == root.get("ID"):
            return signed
        reason = "signature covers another element"
    raise BadSignature(reason)


def parse(document: bytes) -> etree._Element:
    """Parse without DTD, entities or network; raises BadSignature for anything that is not XML."""
    if b"<!DOCTYPE" in document:
        raise BadSignature("DOCTYPE")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        raise BadSignature("not well-formed") from error


def certificate_text(certificate: x509.Certificate) -> str:
    """Base64 DER without line breaks, for ``ds:X509Certificate``."""
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
