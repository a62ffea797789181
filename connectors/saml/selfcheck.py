"""Prove at start-up that messages, metadata and lists of them are refused as they must be (design.md §3 invariant 9).

A library that was swapped, mis-built or patched shows here, before a citizen does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree

from trust import signing
from trust.anchors import AnchorKind, AnchorState, MetadataLocation, TrustAnchor
from trust.errors import TrustError, VerificationError
from trust.keys import InMemoryKey
from trust.metadata_document import DocumentPolicy, verify_document
from trust.pinned import PinnedKey
from trust.servicelist import ListPolicy, verify_service_list
from trust.signatures import verify_enveloped
from trust.xml import MD, SAMLP, parse

_NODE = "https://node.invalid/metadata"
_LIST = "http://eidas.europa.eu/metadata/servicelist"


class SelfCheckFailed(RuntimeError):
    """The verifier accepted a forgery or refused a genuine message; the gateway must not start."""


def selfcheck() -> None:
    """Sign throw-away samples, then verify each genuine, tampered, unsigned, ended and under a stranger's key.

    Raises SelfCheckFailed.
    """
    now = datetime.now(UTC)
    _messages(now)
    own, stranger = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    signers = {key: _certificate(key, now) for key in (own, stranger)}
    _documents("metadata", own, signers, _metadata, _verify_metadata, now)
    _documents("list of metadata", own, signers, _list, _verify_list, now)


def _messages(now: datetime) -> None:
    own, stranger = (InMemoryKey(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
    message = etree.Element(f"{{{SAMLP}}}Response", {"ID": "_1"})
    etree.SubElement(message, "Issuer").text = "genuine"
    signing.sign_enveloped(message, own, position=1)
    octets = etree.tostring(message)
    pinned, foreign = (PinnedKey.from_public_key(key.public_key) for key in (own, stranger))
    try:
        verify_enveloped(parse(octets), [pinned], now=now)
    except VerificationError as error:
        raise SelfCheckFailed("a genuine message was refused") from error
    _require_refusal(octets.replace(b"genuine", b"forgery"), pinned, now)
    _require_refusal(octets, foreign, now)
    _require_refusal(etree.tostring(etree.fromstring(b'<r ID="_1"><Issuer>x</Issuer></r>')), pinned, now)


def _require_refusal(octets: bytes, key: PinnedKey, now: datetime) -> None:
    try:
        verify_enveloped(parse(octets), [key], now=now)
    except VerificationError:
        return
    raise SelfCheckFailed("a forged message was accepted")


_Key = ec.EllipticCurvePrivateKey


def _documents(
    what: str,
    own: _Key,
    signers: Mapping[_Key, bytes],
    make: Callable[[datetime], etree._Element],
    verify: Callable[[bytes, bytes, datetime], object],
    now: datetime,
) -> None:
    """One kind of document; ``make`` an unsigned one that ends then, ``verify`` octets by a certificate."""

    def signed(until: datetime) -> bytes:
        root = make(until)
        signing.sign_enveloped(root, InMemoryKey(own), position=0)
        return etree.tostring(root)

    genuine = signed(now + timedelta(hours=1))
    try:
        verify(genuine, signers[own], now)
    except TrustError as error:
        raise SelfCheckFailed(f"genuine {what} was refused: {error.reason}") from error
    others = [certificate for key, certificate in signers.items() if key is not own]
    forgeries = [
        (genuine.replace(b"genuine", b"forgery"), signers[own]),
        (etree.tostring(make(now + timedelta(hours=1))), signers[own]),
        (signed(now - timedelta(hours=1)), signers[own]),
        *((genuine, certificate) for certificate in others),
    ]
    for octets, certificate in forgeries:
        try:
            verify(octets, certificate, now)
        except TrustError:
            continue
        raise SelfCheckFailed(f"forged {what} was accepted")


def _metadata(until: datetime) -> etree._Element:
    root = etree.Element(
        f"{{{MD}}}EntityDescriptor", {"ID": "_1", "entityID": _NODE, "validUntil": _instant(until)}
    )
    etree.SubElement(root, f"{{{MD}}}Organization").text = "genuine"
    return root


def _verify_metadata(octets: bytes, certificate: bytes, now: datetime) -> None:
    anchor = TrustAnchor(
        id="selfcheck",
        kind=AnchorKind.METADATA_SIGNER,
        state=AnchorState.ACTIVE,
        countries=("DE",),
        metadata=MetadataLocation(url=_NODE, entity_ids=(_NODE,)),
        valid_from=(now - timedelta(days=1)).date(),
        valid_until=(now + timedelta(days=1)).date(),
        source="",
        evidence="",
    )
    verify_document(octets, DocumentPolicy(anchor=anchor, certificate=certificate), now=now)


def _list(until: datetime) -> etree._Element:
    root = etree.Element(
        f"{{{_LIST}}}MetadataServiceList",
        {
            "ID": "_1",
            "Version": "1.0",
            "IssueDate": _instant(until - timedelta(days=1)),
            "NextUpdate": _instant(until),
        },
    )
    scheme = etree.SubElement(root, f"{{{_LIST}}}SchemeInformation")
    for name in ("IssuerName", "SchemeIdentifier", "SchemeTerritory"):
        etree.SubElement(scheme, f"{{{_LIST}}}{name}").text = "genuine"
    return root


def _verify_list(octets: bytes, certificate: bytes, now: datetime) -> None:
    policy = ListPolicy(certificates=(certificate,), countries=frozenset())
    verify_service_list(octets, policy, now=now).require_current(now)


def _instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _certificate(key: _Key, now: datetime) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "selfcheck")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.DER)
