"""Metadata as a foreign node would publish them, built as text and signed by signxml.

Nothing of the product's own signing or verifying is used, so that a misreading of XML-DSig
cannot cancel itself out.
"""

import base64
import functools
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from xml.sax.saxutils import quoteattr

from asn1crypto import algos, core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml import DigestAlgorithm, SignatureConstructionMethod, SignatureMethod
from signxml.signer import XMLSigner

from trust.anchors import AnchorKind, AnchorState, MetadataLocation, TrustAnchor
from trust.metadata_document import DocumentPolicy

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ENTITY_ID = "https://node.eidas.se.example/metadata"

MD = "urn:oasis:names:tc:SAML:2.0:metadata"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@functools.cache
def key(name: str) -> ec.EllipticCurvePrivateKey:
    """One P-256 key per name and test run."""
    return ec.generate_private_key(ec.SECP256R1())


@functools.cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@functools.cache
def issue(
    name: str,
    subject_key: Key,
    issuer: str | None = None,
    issuer_key: Key | None = None,
    *,
    begin: datetime = NOW - timedelta(days=100),
    end: datetime = NOW + timedelta(days=265),
    authority: bool | None = None,
    path_length: int | None = None,
    usage: str | None = None,
    digest: str = "SHA256",
    critical: str | None = None,
) -> bytes:
    """A certificate, DER; self-signed without ``issuer``."""

    def named(common: str) -> x509.Name:
        return x509.Name(
            [x509.NameAttribute(NameOID.COUNTRY_NAME, "SE"), x509.NameAttribute(NameOID.COMMON_NAME, common)]
        )

    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer or name))
        .public_key(subject_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    if authority is not None:
        builder = builder.add_extension(x509.BasicConstraints(authority, path_length), critical=True)
    if usage is not None:
        flags = dict.fromkeys(
            (
                "digital_signature",
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "key_cert_sign",
                "crl_sign",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        builder = builder.add_extension(x509.KeyUsage(**{**flags, usage: True}), critical=True)
    if critical is not None:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier(critical), b"\x05\x00")
        builder = builder.add_extension(unknown, critical=True)
    signed = builder.sign(issuer_key or subject_key, getattr(hashes, digest)())
    return signed.public_bytes(serialization.Encoding.DER)


def with_invalid_printable_string(der: bytes) -> bytes:
    """The same certificate with a country name no PrintableString may hold, as in Portugal's."""
    good, bad = b"\x13\x02SE", b"\x13\x02S@"
    assert good in der
    return der.replace(good, bad)


def with_name_that_is_no_text(der: bytes, common: str) -> bytes:
    """The same certificate with a BIT STRING where its common name stood."""
    text = b"\x0c" + bytes([len(common)]) + common.encode()
    assert text in der
    return der.replace(text, b"\x03" + bytes([len(common)]) + bytes(len(common)))


def with_unknown_version(der: bytes) -> bytes:
    """The same certificate with a version that X.509 does not know."""
    version = bytes.fromhex("a003020102")
    assert version in der
    return der.replace(version, bytes.fromhex("a003020106"), 1)


def with_null_parameters(der: bytes) -> bytes:
    """The same certificate with NULL parameters in the ECDSA identifiers, as old keytools write."""
    certificate = asn1_x509.Certificate.load(der)
    body = certificate["tbs_certificate"]
    algorithm = algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa", "parameters": core.Null()})
    body["signature"] = algorithm
    certificate["tbs_certificate"] = body
    certificate["signature_algorithm"] = algorithm.copy()
    octets: bytes = certificate.dump(force=True)
    assert octets.count(bytes.fromhex("06082a8648ce3d0403020500")) == 2
    return octets


def instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def key_descriptor(*certificates: bytes, use: str | None = "signing", methods: tuple[str, ...] = ()) -> str:
    data = "".join(
        f"<ds:X509Certificate>{base64.b64encode(der).decode()}</ds:X509Certificate>" for der in certificates
    )
    attribute = f' use="{use}"' if use else ""
    algorithms = "".join(f"<md:EncryptionMethod Algorithm={quoteattr(m)}/>" for m in methods)
    return (
        f'<md:KeyDescriptor{attribute}><ds:KeyInfo xmlns:ds="{DS}"><ds:X509Data>{data}'
        f"</ds:X509Data></ds:KeyInfo>{algorithms}</md:KeyDescriptor>"
    )


def _attribute(name: str, values: tuple[str, ...]) -> str:
    content = "".join(f"<saml:AttributeValue>{v}</saml:AttributeValue>" for v in values)
    return (
        f"<saml:Attribute Name={quoteattr(name)} "
        f'NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri">{content}</saml:Attribute>'
    )


@dataclass(frozen=True)
class Node:
    """One Proxy-Service to describe."""

    entity_id: str = ENTITY_ID
    country: str | None = "SE"
    keys: tuple[str, ...] = field(
        default_factory=lambda: (key_descriptor(issue("message signer", key("message signer"))),)
    )
    levels: tuple[str, ...] = ("http://eidas.europa.eu/LoA/high",)
    categories: tuple[str, ...] = ()
    protocol_versions: tuple[str, ...] = ("1.4", "1.3")
    location: str = "https://node.eidas.se.example/sso"
    valid_until: datetime | None = None
    with_connector: bool = False
    identifier: str = "_d1"
    attributes: tuple[str, ...] = ("http://eidas.europa.eu/attributes/naturalperson/PersonIdentifier",)
    extra: str = ""
    """Raw XML as last child of the IDPSSODescriptor's Extensions."""

    def xml(self, *, root_attributes: str = "") -> str:
        until = f' validUntil="{instant(self.valid_until)}"' if self.valid_until else ""
        country = f"<eidas:NodeCountry>{self.country}</eidas:NodeCountry>" if self.country else ""
        extensions = country + self.extra
        connector = ""
        if self.with_connector:
            connector = (
                '<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
                f"<md:Extensions>{country}</md:Extensions>{''.join(self.keys)}"
                f'<md:AssertionConsumerService Binding="{POST}" Location="{self.location}/acs" index="0" '
                'isDefault="true"/></md:SPSSODescriptor>'
            )
        return (
            f'<md:EntityDescriptor xmlns:md="{MD}" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" '
            'xmlns:eidas="http://eidas.europa.eu/saml-extensions" '
            'xmlns:alg="urn:oasis:names:tc:SAML:metadata:algsupport" '
            'xmlns:mdattr="urn:oasis:names:tc:SAML:metadata:attribute" '
            f"entityID={quoteattr(self.entity_id)}{until}{root_attributes}>"
            "<md:Extensions><mdattr:EntityAttributes>"
            + _attribute("http://eidas.europa.eu/entity-attributes/protocol-version", self.protocol_versions)
            + _attribute(
                "http://eidas.europa.eu/entity-attributes/application-identifier", ("SE:node:2.9.0",)
            )
            + _attribute("urn:oasis:names:tc:SAML:attribute:assurance-certification", self.levels)
            + (_attribute("http://macedir.org/entity-category", self.categories) if self.categories else "")
            + '</mdattr:EntityAttributes><alg:SigningMethod Algorithm="http://www.w3.org/2001/04/'
            'xmldsig-more#ecdsa-sha256"/></md:Extensions>'
            '<md:IDPSSODescriptor WantAuthnRequestsSigned="true" '
            'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
            + (f"<md:Extensions>{extensions}</md:Extensions>" if extensions else "")
            + "".join(self.keys)
            + "<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>"
            f'<md:SingleSignOnService Binding="{POST}" Location={quoteattr(self.location)}/>'
            f'<md:SingleSignOnService Binding="{REDIRECT}" Location={quoteattr(self.location)}/>'
            + "".join(_attribute(name, ()) for name in self.attributes)
            + f"</md:IDPSSODescriptor>{connector}</md:EntityDescriptor>"
        )


def document(
    node: Node | None = None,
    *,
    valid: timedelta | None = timedelta(days=1),
    now: datetime = NOW,
    attributes: str = "",
) -> str:
    """An unsigned document of one node."""
    until = f' validUntil="{instant(now + valid)}"' if valid is not None else ""
    node = node or Node()
    return node.xml(root_attributes=f' ID="{node.identifier}"{until}{attributes}')


def aggregate(
    *entities: str, valid: timedelta = timedelta(days=1), now: datetime = NOW, extensions: str = ""
) -> str:
    """An unsigned ``EntitiesDescriptor``."""
    return (
        f'<md:EntitiesDescriptor xmlns:md="{MD}" ID="_all" validUntil="{instant(now + valid)}">'
        f"{extensions}{''.join(entities)}</md:EntitiesDescriptor>"
    )


def sign(
    xml: str,
    signer: Key | None = None,
    certificates: tuple[bytes, ...] = (),
    *,
    empty_uri: bool = False,
    algorithm: SignatureMethod | None = None,
) -> bytes:
    """Sign the document element, as its first child; ``certificates`` go into KeyInfo."""
    signer = signer or key("metadata signer")
    root = etree.fromstring(xml.encode())
    if empty_uri:  # signxml would name the ID if there were one
        root.attrib.pop("ID")
    placeholder = etree.Element(f"{{{DS}}}Signature", nsmap={"ds": DS})
    placeholder.set("Id", "placeholder")
    root.insert(0, placeholder)
    if algorithm is None:
        algorithm = (
            SignatureMethod.ECDSA_SHA256
            if isinstance(signer, ec.EllipticCurvePrivateKey)
            else SignatureMethod.SHA256_RSA_MGF1
        )
    maker = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm=algorithm,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=EXC_C14N,
    )
    shown = certificates or (signer_certificate(),)
    signed = maker.sign(
        root,
        key=signer,
        cert=[
            x509.load_der_x509_certificate(c).public_bytes(serialization.Encoding.PEM).decode() for c in shown
        ],
        reference_uri=None if empty_uri else root.get("ID"),
    )
    octets: bytes = etree.tostring(signed)
    return octets


def signer_certificate() -> bytes:
    """The certificate of the default signer, the anchor of most tests."""
    return issue("metadata signer", key("metadata signer"))


def anchor(**changes: object) -> TrustAnchor:
    """An active anchor for Sweden and ``ENTITY_ID``."""
    values: dict[str, object] = {
        "id": "se-node",
        "kind": AnchorKind.METADATA_SIGNER,
        "state": AnchorState.ACTIVE,
        "countries": ("SE",),
        "certificate": "se.pem",
        "metadata": MetadataLocation(url=ENTITY_ID, entity_ids=(ENTITY_ID,)),
        "valid_from": date(2026, 1, 1),
        "valid_until": date(2027, 12, 31),
        "source": "made by a test",
        "evidence": "none",
    }
    return TrustAnchor.model_validate({**values, **changes})


def policy(**changes: object) -> DocumentPolicy:
    """The policy of ``anchor()``; keyword ``anchor`` replaces it."""
    return replace(DocumentPolicy(anchor=anchor(), certificate=signer_certificate()), **changes)  # type: ignore[arg-type]  # free keywords of tests


def aggregate_policy(*countries: str, **changes: object) -> DocumentPolicy:
    """The policy of a national aggregator."""
    location = MetadataLocation(url="https://aggregate.se.example/all", aggregate=True)
    return policy(anchor=anchor(countries=countries, metadata=location), **changes)
