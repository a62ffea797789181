"""WS-Security: sign and verify a SOAP 1.1 message with X.509 keys (TR-03130-1 §3.1).

The signature covers exactly what is used: Body and Timestamp, each found by its place in the envelope
and only then compared with the reference, never the other way round. So nothing can be wrapped. As in
``signatures`` the digests are those of our own canonical octets, and what is returned is a new tree
parsed from them. The key is pinned; what ``KeyInfo`` names is not looked at.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.x509 import Certificate
from lxml import etree

from trust import algorithms
from trust.algorithms import NONE, Deviations
from trust.errors import KeyUnavailable, VerificationError
from trust.keys import SignatureScheme, Signer
from trust.pinned import PinnedKey
from trust.schema_types import instant
from trust.signature_markup import canonicalisation_prefixes, require_base64, require_children
from trust.signatures import verify_detached
from trust.signing import digest_uri, scheme_for, signature_uri
from trust.xml import (
    DS,
    SOAP,
    WSSE,
    WSU,
    Element,
    canonicalise,
    only_child,
    optional_child,
    parse_canonical,
    text,
)

ENVELOPE = f"{{{SOAP}}}Envelope"
HEADER = f"{{{SOAP}}}Header"
BODY = f"{{{SOAP}}}Body"
_SECURITY = f"{{{WSSE}}}Security"
_TOKEN = f"{{{WSSE}}}BinarySecurityToken"
_TIMESTAMP = f"{{{WSU}}}Timestamp"
_ID = f"{{{WSU}}}Id"
_DS = "{" + DS + "}"

LIFETIME = timedelta(minutes=5)
"""How long our messages say they are good, and how old a message without ``Expires`` may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedMessage:
    """What a verified envelope said."""

    content: Element
    """The one element inside Body, parsed from the octets that were signed."""
    created: datetime
    signature: bytes
    """Another one for every message, so it tells a replayed one: the signature's value, of ECDSA only *r*.
    Anybody can turn *s* into the other number that verifies."""


def sign_message(
    content: Element, signer: Signer, *, now: datetime, scheme: SignatureScheme | None = None
) -> bytes:
    """A SOAP envelope around ``content`` with Body and Timestamp signed.

    The certificate is named by issuer and serial number, not included (``IncludeToken/Never``).
    Raises KeyUnavailable.
    """
    certificate = signer.certificate
    if certificate is None:
        raise KeyUnavailable("key.certificate", "WS-Security names the key by its certificate")
    scheme = scheme or scheme_for(signer.public_key)
    envelope = etree.Element(ENVELOPE, nsmap={"soapenv": SOAP, "wsu": WSU})
    header = etree.SubElement(envelope, HEADER)
    security = etree.SubElement(header, _SECURITY, {f"{{{SOAP}}}mustUnderstand": "1"}, nsmap={"wsse": WSSE})
    timestamp = etree.SubElement(security, _TIMESTAMP, {_ID: "timestamp"})
    etree.SubElement(timestamp, f"{{{WSU}}}Created").text = _written(now)
    etree.SubElement(timestamp, f"{{{WSU}}}Expires").text = _written(now + LIFETIME)
    body = etree.SubElement(envelope, BODY, {_ID: "body"})
    body.append(content)
    info = _signed_info((timestamp, body), scheme)
    value = signer.sign(canonicalise(info), scheme)
    security.append(_signature(info, value, certificate))
    return etree.tostring(envelope, encoding="UTF-8", xml_declaration=True)


def _signed_info(signed: Sequence[Element], scheme: SignatureScheme) -> Element:
    info = etree.Element(_DS + "SignedInfo", nsmap={"ds": DS})
    etree.SubElement(info, _DS + "CanonicalizationMethod", Algorithm=algorithms.EXC_C14N)
    etree.SubElement(info, _DS + "SignatureMethod", Algorithm=signature_uri(scheme))
    for element in signed:
        reference = etree.SubElement(info, _DS + "Reference", URI=f"#{element.get(_ID)}")
        transforms = etree.SubElement(reference, _DS + "Transforms")
        etree.SubElement(transforms, _DS + "Transform", Algorithm=algorithms.EXC_C14N)
        etree.SubElement(reference, _DS + "DigestMethod", Algorithm=digest_uri(scheme))
        digest = hashlib.new(scheme.value[1], canonicalise(element)).digest()
        etree.SubElement(reference, _DS + "DigestValue").text = base64.b64encode(digest).decode()
    return info


def _signature(info: Element, value: bytes, certificate: Certificate) -> Element:
    signature = etree.Element(_DS + "Signature", nsmap={"ds": DS})
    signature.append(info)
    etree.SubElement(signature, _DS + "SignatureValue").text = base64.b64encode(value).decode()
    key_info = etree.SubElement(signature, _DS + "KeyInfo")
    reference = etree.SubElement(key_info, f"{{{WSSE}}}SecurityTokenReference", nsmap={"wsse": WSSE})
    serial = etree.SubElement(etree.SubElement(reference, _DS + "X509Data"), _DS + "X509IssuerSerial")
    etree.SubElement(serial, _DS + "X509IssuerName").text = certificate.issuer.rfc4514_string()
    etree.SubElement(serial, _DS + "X509SerialNumber").text = str(certificate.serial_number)
    return signature


def verify_message(
    envelope: Element,
    keys: Sequence[PinnedKey],
    *,
    now: datetime,
    skew: timedelta,
    deviations: Deviations = NONE,
) -> SignedMessage:
    """Verify a whole envelope against pinned keys; ``trust.xml.SOAP_MESSAGE`` is its shape.

    Raises VerificationError: ``soap.*``, ``signature.*``, ``key.*``, ``certificate.*``, ``xml.*``.
    """
    security, body = _places(envelope)
    timestamp = optional_child(security, _TIMESTAMP)
    if timestamp is None:
        raise VerificationError("soap.timestamp", "missing")
    signature = _only_signature(security)
    parsed = _verify_references(signature, (body, timestamp), now=now, deviations=deviations)
    value = require_base64(signature[1], "SignatureValue")
    algorithm = signature[0][1].get("Algorithm") or ""
    verify_detached(
        canonicalise(signature[0], inclusive_prefixes=canonicalisation_prefixes(signature[0][0])),
        value,
        algorithm,
        keys,
        now=now,
        deviations=deviations,
    )
    signed_body, signed_timestamp = (parse_canonical(octets) for octets in parsed)
    if len(signed_body) != 1:
        raise VerificationError("soap.body", f"{len(signed_body)} elements")
    created = _check_times(signed_timestamp, now=now, skew=skew)
    return SignedMessage(content=signed_body[0], created=created, signature=_unalterable(value, algorithm))


def _unalterable(value: bytes, algorithm: str) -> bytes:
    return value[: len(value) // 2] if algorithms.SIGNATURES[algorithm].scheme.family == "ecdsa" else value


def _places(envelope: Element) -> tuple[Element, Element]:
    """Security header and Body, by their place; nothing a processor must understand beside them."""
    if envelope.tag != ENVELOPE or [child.tag for child in envelope] != [HEADER, BODY]:
        raise VerificationError("soap.envelope")
    header, body = envelope
    for block in header:
        if block.tag != _SECURITY and block.get(f"{{{SOAP}}}mustUnderstand") in {"1", "true"}:
            raise VerificationError("soap.must-understand")
    security = only_child(header, _SECURITY)
    if security.get(f"{{{SOAP}}}actor") is not None:
        raise VerificationError("soap.actor")
    if any(child.tag not in {_TIMESTAMP, _TOKEN, _DS + "Signature"} for child in security):
        raise VerificationError("soap.security", "unexpected element")
    return security, body


def _only_signature(security: Element) -> Element:
    signatures = security.findall(_DS + "Signature")
    if not signatures:
        raise VerificationError("signature.missing")
    if len(signatures) > 1:
        raise VerificationError("signature.structure", "several signatures")
    require_children(signatures[0], required=("SignedInfo", "SignatureValue"), optional=("KeyInfo",))
    return signatures[0]


def _verify_references(
    signature: Element, wanted: tuple[Element, Element], *, now: datetime, deviations: Deviations
) -> list[bytes]:
    """The canonical octets of ``wanted``, each matching its reference; no reference to anything else
    but a token beside the signature."""
    signed_info = signature[0]
    references = signed_info.findall(_DS + "Reference")
    names = ("CanonicalizationMethod", "SignatureMethod", *("Reference" for _ in references))
    require_children(signed_info, required=names)
    if len(signed_info[1]):
        raise VerificationError("signature.structure", "parameters in SignatureMethod")
    security = signature.getparent()
    tokens = [] if security is None else security.findall(_TOKEN)
    known = {_identifier(element): element for element in wanted}
    others = {identifier: token for token in tokens if (identifier := token.get(_ID))}
    found: dict[str, bytes] = {}
    for reference in references:
        name = (reference.get("URI") or "").removeprefix("#")
        element = known.get(name, others.get(name))
        if element is None or reference.get("URI") != f"#{name}" or name in found:
            raise VerificationError("signature.reference", "names nothing that is signed here")
        found[name] = _verify_digest(reference, element, now=now, deviations=deviations)
    missing = known.keys() - found.keys()
    if missing:
        raise VerificationError("signature.reference", f"{len(missing)} of Body and Timestamp unsigned")
    return [found[name] for name in known]


def _identifier(element: Element) -> str:
    identifier = element.get(_ID)
    if not identifier:
        raise VerificationError("signature.reference", "no wsu:Id")
    return identifier


def _verify_digest(reference: Element, element: Element, *, now: datetime, deviations: Deviations) -> bytes:
    require_children(reference, required=("Transforms", "DigestMethod", "DigestValue"))
    transforms = reference[0]
    if len(transforms) != 1 or transforms[0].tag != _DS + "Transform":
        raise VerificationError("signature.transform", "number of transforms")
    prefixes = canonicalisation_prefixes(transforms[0], reason="signature.transform")
    row = algorithms.permit(
        algorithms.DIGESTS,
        reference[1].get("Algorithm"),
        now=now,
        deviations=deviations,
        reason="signature.digest-algorithm",
    )
    if len(reference[1]):
        raise VerificationError("signature.structure", "parameters in DigestMethod")
    octets = canonicalise(element, inclusive_prefixes=prefixes)
    digest = hashlib.new(row.name, octets).digest()
    if not hmac.compare_digest(digest, require_base64(reference[2], "DigestValue")):
        raise VerificationError("signature.digest")
    return octets


def _check_times(timestamp: Element, *, now: datetime, skew: timedelta) -> datetime:
    """WSS SOAP Message Security 1.1 §10."""
    created = instant(text(only_child(timestamp, f"{{{WSU}}}Created")))
    expires = optional_child(timestamp, f"{{{WSU}}}Expires")
    end = created + LIFETIME if expires is None else instant(text(expires))
    if created > now + skew:
        raise VerificationError("soap.timestamp", "from the future")
    if min(end, created + LIFETIME) < now - skew:
        raise VerificationError("soap.timestamp", "expired")
    return created


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
