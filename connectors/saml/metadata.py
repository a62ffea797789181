"""The service provider metadata we publish (saml-metadata §2.4.4), built from pysaml2's classes.

Profile additions come in as extensions. By default the document is signed by the metadata key,
which is none of the message keys, and carries ``validUntil``; a *hand-over* document is one that
people carry to a peer, without ``ID``, signature and ``validUntil``.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from saml2 import md, saml, xmldsig
from saml2.extension import algsupport

from connectors.contract import TokenSource
from connectors.saml.keys import SAMLKeys
from connectors.saml.request import (
    HTTP_POST,
    NAME_ID_PERSISTENT,
    NAME_ID_TRANSIENT,
    NAME_ID_UNSPECIFIED,
    Extension,
)
from trust import algorithms, signing
from trust.keys import Decrypter
from trust.xml import DS, XENC11

CONTENT_TYPE = "application/samlmetadata+xml"
_ENTITY_ATTRIBUTES = "urn:oasis:names:tc:SAML:metadata:attribute"
_URI = str(saml.NAME_FORMAT_URI)
_OAEP_DIGEST = next(uri for uri, name in algorithms.OAEP_DIGESTS.items() if name == "SHA256")
_OAEP_MASK = next(uri for uri, name in algorithms.MGF1.items() if name == "SHA256")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    kind: str
    name: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceProvider:
    """What the document says about us."""

    entity_id: str
    acs_url: str
    acs_binding: str = HTTP_POST
    valid: timedelta
    organization_name: str
    organization_url: str
    language: str = "de"
    contacts: Sequence[Contact] = ()
    entity_attributes: Sequence[tuple[str, tuple[str, ...]]] = ()
    entity_extensions: Sequence[Extension] = ()
    role_extensions: Sequence[Extension] = ()
    want_assertions_signed: bool = False
    hand_over: bool = False
    """No ID, no signature, no validUntil, no algorithm hints; keys to come are in it already."""
    name_id_formats: tuple[str, ...] = (NAME_ID_PERSISTENT, NAME_ID_TRANSIENT, NAME_ID_UNSPECIFIED)
    requested_attributes: RequestedAttributes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedAttributes:
    """``AttributeConsumingService`` (saml-metadata §2.4.4.1)."""

    service_name: str
    service_description: str
    name_format: str
    attributes: Sequence[tuple[str, str]]
    """Name and FriendlyName."""


def build(description: ServiceProvider, keys: SAMLKeys, *, now: datetime, random: TokenSource) -> bytes:
    """The document as octets, signed unless it is a hand-over. Raises KeyUnavailable."""
    valid_until = (now + description.valid).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    extensions = _entity_extensions(description)
    document = md.EntityDescriptor(
        entity_id=description.entity_id,
        id=None if description.hand_over else "_" + random(20).hex(),
        valid_until=None if description.hand_over else valid_until,
        extensions=md.Extensions(extension_elements=extensions) if extensions else None,
        spsso_descriptor=[_role(description, keys)],
        organization=md.Organization(
            organization_name=[_localized(md.OrganizationName, description.organization_name, description)],
            organization_display_name=[
                _localized(md.OrganizationDisplayName, description.organization_name, description)
            ],
            organization_url=[_localized(md.OrganizationURL, description.organization_url, description)],
        ),
        contact_person=[
            md.ContactPerson(
                contact_type=contact.kind,
                given_name=md.GivenName(text=contact.name),
                email_address=[md.EmailAddress(text=f"mailto:{contact.email}")],
            )
            for contact in description.contacts
        ],
    )
    element = etree.fromstring(document.to_string())  # our own octets, not foreign ones
    if not description.hand_over:
        signing.sign_enveloped(element, keys.metadata_signer, position=0)
    return etree.tostring(element, xml_declaration=True, encoding="UTF-8")


def _localized(kind: type[md.LocalizedNameType_], text: str, description: ServiceProvider) -> object:
    return kind(text=text, lang=description.language)


def _role(description: ServiceProvider, keys: SAMLKeys) -> md.SPSSODescriptor:
    hand_over = description.hand_over
    descriptors = [
        md.KeyDescriptor(use="signing", key_info=_key_info(_certificate(signer.certificate)))
        for signer in keys.published_signing
    ]
    descriptors += [
        md.KeyDescriptor(
            use="encryption",
            key_info=_key_info(_certificate(key.certificate)),
            encryption_method=[]
            if hand_over
            else [_encryption_method(uri) for uri in _encryption_methods(key)],
        )
        for key in (keys.announced_encryption if hand_over else keys.published_encryption)
    ]
    extensions = [extension.element() for extension in description.role_extensions]
    return md.SPSSODescriptor(
        authn_requests_signed="true",
        want_assertions_signed="true" if description.want_assertions_signed else "false",
        protocol_support_enumeration="urn:oasis:names:tc:SAML:2.0:protocol",
        extensions=md.Extensions(extension_elements=extensions) if extensions else None,
        key_descriptor=descriptors,
        name_id_format=[md.NameIDFormat(text=uri) for uri in description.name_id_formats],
        assertion_consumer_service=[
            md.AssertionConsumerService(
                binding=description.acs_binding, location=description.acs_url, index="0", is_default="true"
            )
        ],
        attribute_consuming_service=_attribute_consuming_service(description),
    )


def _attribute_consuming_service(description: ServiceProvider) -> list[md.AttributeConsumingService]:
    requested = description.requested_attributes
    if requested is None:
        return []
    return [
        md.AttributeConsumingService(
            index="0",
            is_default="true",
            service_name=[_localized(md.ServiceName, requested.service_name, description)],
            service_description=[
                _localized(md.ServiceDescription, requested.service_description, description)
            ],
            requested_attribute=[
                md.RequestedAttribute(
                    name=name, friendly_name=friendly_name, name_format=requested.name_format
                )
                for name, friendly_name in requested.attributes
            ],
        )
    ]


def _encryption_methods(key: Decrypter) -> list[str]:
    contents = [uri for uri, row in sorted(algorithms.CONTENT_ENCRYPTIONS.items()) if row.key_octets != 24]
    if isinstance(key.public_key, rsa.RSAPublicKey):
        return [*contents, algorithms.RSA_OAEP.uri]
    return [*contents, algorithms.ECDH_ES.uri, *sorted(algorithms.KEY_WRAPS)]


def _encryption_method(uri: str) -> md.EncryptionMethod:
    """OAEP with its digest and mask beside it: a peer that is told nothing falls back to SHA-1."""
    if uri != algorithms.RSA_OAEP.uri:
        return md.EncryptionMethod(algorithm=uri)
    parameters = (
        Extension(namespace=DS, tag="DigestMethod", attributes={"Algorithm": _OAEP_DIGEST}),
        Extension(namespace=XENC11, tag="MGF", attributes={"Algorithm": _OAEP_MASK}),
    )
    return md.EncryptionMethod(algorithm=uri, extension_elements=[p.element() for p in parameters])


def _entity_extensions(description: ServiceProvider) -> list[object]:
    found: list[object] = [extension.element() for extension in description.entity_extensions]
    if description.entity_attributes:
        found.append(
            Extension(
                namespace=_ENTITY_ATTRIBUTES,
                tag="EntityAttributes",
                children=[_attribute(name, values) for name, values in description.entity_attributes],
            ).element()
        )
    if description.hand_over:
        return found
    found += [_algorithm("DigestMethod", uri) for uri in algorithms.DIGESTS]
    found += [
        _algorithm("SigningMethod", row.uri, MinKeySize=_minimum_size(row))
        for row in algorithms.SIGNATURES.values()
        if row.deviation is None
    ]
    return found


def _attribute(name: str, values: tuple[str, ...]) -> Extension:
    return Extension(
        namespace=str(saml.NAMESPACE),
        tag="Attribute",
        attributes={"Name": name, "NameFormat": _URI},
        children=[
            Extension(namespace=str(saml.NAMESPACE), tag="AttributeValue", text=value) for value in values
        ],
    )


def _minimum_size(row: algorithms.SignatureAlgorithm) -> str:
    return str(algorithms.EC_MINIMUM_BITS if row.scheme.family == "ecdsa" else algorithms.RSA_MINIMUM_BITS)


def _algorithm(tag: str, uri: str, **attributes: str) -> object:
    return Extension(
        namespace=str(algsupport.NAMESPACE), tag=tag, attributes={"Algorithm": uri, **attributes}
    ).element()


def _certificate(certificate: x509.Certificate | None) -> bytes:
    if certificate is None:  # SAMLKeys refuses keys without one
        raise ValueError("certificate missing")
    return certificate.public_bytes(serialization.Encoding.DER)


def _key_info(der: bytes) -> xmldsig.KeyInfo:
    text = base64.b64encode(der).decode()
    return xmldsig.KeyInfo(x509_data=[xmldsig.X509Data(x509_certificate=xmldsig.X509Certificate(text=text))])
