"""SOAP envelopes with a WS-Security signature, checked and written by signxml (TR-03130-1 §3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from cryptography import x509
from lxml import etree
from signxml.algorithms import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConstructionMethod,
    SignatureMethod,
)
from signxml.exceptions import SignXMLException
from signxml.signer import XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier

from sandbox.authority import KeyPair
from sandbox.eid_service.names import DS, SOAP, WSSE, WSU
from sandbox.saml.signing import method_for

SKEW = timedelta(minutes=5)
_BODY, _HEADER = f"{{{SOAP}}}Body", f"{{{SOAP}}}Header"
_SECURITY, _TIMESTAMP, _ID = f"{{{WSSE}}}Security", f"{{{WSU}}}Timestamp", f"{{{WSU}}}Id"
_METHODS = frozenset(
    (
        SignatureMethod.SHA256_RSA_MGF1, SignatureMethod.SHA384_RSA_MGF1, SignatureMethod.SHA512_RSA_MGF1,
        SignatureMethod.ECDSA_SHA256, SignatureMethod.ECDSA_SHA384, SignatureMethod.ECDSA_SHA512,
        SignatureMethod.RSA_SHA256, SignatureMethod.RSA_SHA384, SignatureMethod.RSA_SHA512,
    )
)  # fmt: skip
_DIGESTS = frozenset((DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512))


class Unverified(Exception):
    """Not signed, not by a client we know, not all of it, or not now. SHA-1 counts as not signed (A2_04)."""


class _AnySigner(XMLSigner):
    def check_deprecated_methods(self) -> None:
        """Nothing is too old for a fault."""


def parse(octets: bytes) -> etree._Element:
    """The envelope; raises Unverified for anything that is no plain XML."""
    if b"<!DOCTYPE" in octets or b"<!ENTITY" in octets:
        raise Unverified("DOCTYPE")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(octets, parser)
    except etree.XMLSyntaxError as error:
        raise Unverified("not well-formed") from error


def verify(
    envelope: etree._Element, clients: Mapping[str, x509.Certificate], *, now: datetime
) -> tuple[str, etree._Element]:
    """Who signed, and the element inside the signed Body. Raises Unverified.

    Clients are told apart by their certificate (§3.1); what KeyInfo names is not believed.
    """
    body = envelope.find(f"./{_BODY}")
    security = envelope.findall(f"./{_HEADER}/{_SECURITY}")
    if body is None or len(envelope.findall(f"./{_BODY}")) != 1 or len(security) != 1:
        raise Unverified("envelope")
    signature = security[0].findall(f"./{{{DS}}}Signature")
    timestamp = security[0].find(f"./{_TIMESTAMP}")
    if len(signature) != 1 or timestamp is None:
        raise Unverified("no signature or no Timestamp")
    references = len(signature[0].findall(f"./{{{DS}}}SignedInfo/{{{DS}}}Reference"))
    identifiers = [element.get(_ID) for element in envelope.iter() if element.get(_ID)]
    if len(identifiers) != len(set(identifiers)):
        raise Unverified("the same wsu:Id twice")
    configuration = SignatureConfiguration(
        location=f"./{_HEADER}/{_SECURITY}/",
        signature_methods=_METHODS,
        digest_algorithms=_DIGESTS,
        expect_references=references,
    )
    octets = etree.tostring(envelope)
    reason = "no client"
    for client, certificate in clients.items():
        try:
            results = XMLVerifier().verify(octets, x509_cert=certificate, expect_config=configuration)
        except (SignXMLException, ValueError) as error:
            reason = type(error).__name__
            continue
        signed = {
            (found.tag, found.get(_ID)): found
            for result in (results if isinstance(results, list) else [results])
            if (found := result.signed_xml) is not None
        }
        content = signed.get((_BODY, body.get(_ID)))
        time = signed.get((_TIMESTAMP, timestamp.get(_ID)))
        if content is None or time is None or len(content) != 1:
            raise Unverified("Body and Timestamp are not both signed")
        _check_time(time, now)
        return client, content[0]
    raise Unverified(reason)


def _check_time(timestamp: etree._Element, now: datetime) -> None:
    try:
        created = datetime.fromisoformat(timestamp.findtext(f"{{{WSU}}}Created") or "")
    except ValueError as error:
        raise Unverified("Timestamp") from error
    if created.tzinfo is None or abs(now - created) > SKEW:
        raise Unverified("Timestamp is not now")


def write(
    content: etree._Element,
    pair: KeyPair,
    *,
    now: datetime,
    method: str | None = None,
    digest: str = "sha256",
    signed: tuple[str, ...] = ("TS-1", "Body-1"),
) -> bytes:
    """``content`` in a signed envelope; the last three arguments are for faults."""
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"S": SOAP})
    header = etree.SubElement(envelope, _HEADER)
    security = etree.SubElement(header, _SECURITY, nsmap={"wsse": WSSE, "wsu": WSU})
    timestamp = etree.SubElement(security, _TIMESTAMP, {_ID: "TS-1"})
    etree.SubElement(timestamp, f"{{{WSU}}}Created").text = _instant(now)
    etree.SubElement(timestamp, f"{{{WSU}}}Expires").text = _instant(now + SKEW)
    body = etree.SubElement(envelope, _BODY, {_ID: "Body-1"}, nsmap={"wsu": WSU})
    body.append(content)
    if signed:
        signer = _AnySigner(
            SignatureConstructionMethod.detached,
            SignatureMethod.from_fragment(method or method_for(pair)),
            DigestAlgorithm.from_fragment(digest),
            CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        )
        signature = signer.sign(
            envelope,
            key=pair.key,
            cert=[pair.certificate],
            reference_uri=[f"#{name}" for name in signed],
            key_info=_key_info(pair.certificate),
        )
        security.append(signature)
    return etree.tostring(envelope, encoding="UTF-8", xml_declaration=True)


def _key_info(certificate: x509.Certificate) -> etree._Element:
    """The key by issuer and serial number (``RequireIssuerSerialReference``)."""
    info = etree.Element(f"{{{DS}}}KeyInfo", nsmap={"ds": DS})
    reference = etree.SubElement(info, f"{{{WSSE}}}SecurityTokenReference", nsmap={"wsse": WSSE})
    serial = etree.SubElement(etree.SubElement(reference, f"{{{DS}}}X509Data"), f"{{{DS}}}X509IssuerSerial")
    etree.SubElement(serial, f"{{{DS}}}X509IssuerName").text = certificate.issuer.rfc4514_string()
    etree.SubElement(serial, f"{{{DS}}}X509SerialNumber").text = str(certificate.serial_number)
    return info


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
