"""A node's own metadata (Message Format §2.1.1), signed by its metadata signer."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from lxml import etree

from sandbox.authority import KeyPair
from sandbox.nodes import names as n
from sandbox.nodes.countries import Country
from sandbox.nodes.names import NSMAP, tag
from sandbox.nodes.signing import certificate_text, sign

VALIDITY = timedelta(hours=24)

_EC_METHODS = ("ecdsa-sha256", "ecdsa-sha384", "ecdsa-sha512")
_RSA_METHODS = ("sha256-rsa-MGF1", "sha384-rsa-MGF1", "sha512-rsa-MGF1")


def instant(moment: datetime) -> str:
    """``xs:dateTime`` in UTC with milliseconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def method_for(pair: KeyPair) -> str:
    """The signature algorithm a key of this type gets when nothing else is said."""
    return "sha256-rsa-MGF1" if "RSA" in type(pair.key).__name__ else "ecdsa-sha256"


def node_metadata(
    country: Country,
    base: str,
    signing: KeyPair,
    metadata_signer: KeyPair,
    now: datetime,
    *,
    member_states: Iterable[str] = (),
) -> bytes:
    """The signed EntityDescriptor; ``base`` is the node's address, e.g. ``http://h:8420/gr``.

    ``member_states`` are the countries a national connector leads to.
    """
    root = etree.Element(
        tag("md:EntityDescriptor"),
        {
            "ID": "_" + secrets.token_hex(20),
            "entityID": f"{base}/metadata",
            "validUntil": instant(now + VALIDITY),
            "cacheDuration": "PT1H",
        },
        nsmap={p: NSMAP[p] for p in ("md", "mdattr", "alg", "saml2", "eidas")},
    )
    _entity_extensions(root, country)
    role = etree.SubElement(
        root,
        tag("md:IDPSSODescriptor"),
        {"protocolSupportEnumeration": n.SAMLP, "WantAuthnRequestsSigned": "true"},
    )
    extensions = etree.SubElement(role, tag("md:Extensions"))
    etree.SubElement(extensions, tag("eidas:NodeCountry")).text = country.node_code
    states = tuple(member_states)
    if states:
        supported = etree.SubElement(extensions, tag("eidas:SupportedMemberStates"))
        for code in states:
            etree.SubElement(supported, tag("eidas:MemberState")).text = code
    _key(role, signing)
    for name_id_format in country.formats:
        etree.SubElement(role, tag("md:NameIDFormat")).text = name_id_format
    for binding in (n.BINDING_REDIRECT, n.BINDING_POST):
        etree.SubElement(role, tag("md:SingleSignOnService"), {"Binding": binding, "Location": f"{base}/sso"})
    for attribute in country.attributes:
        etree.SubElement(
            role,
            tag("saml2:Attribute"),
            {
                "Name": attribute.uri,
                "NameFormat": n.NAME_FORMAT_URI,
                "FriendlyName": attribute.friendly,
            },
        )
    _contacts(root, country)
    signed = sign(root, metadata_signer, method=method_for(metadata_signer), digest="sha256")
    return etree.tostring(signed, xml_declaration=True, encoding="UTF-8")


def _entity_extensions(root: etree._Element, country: Country) -> None:
    extensions = etree.SubElement(root, tag("md:Extensions"))
    entity = etree.SubElement(extensions, tag("mdattr:EntityAttributes"))
    _entity_attribute(entity, n.PROTOCOL_VERSION, country.protocol_versions)
    _entity_attribute(entity, n.APPLICATION_IDENTIFIER, ("eID-Gateway:sandbox-node:0.1",))
    _entity_attribute(entity, n.ASSURANCE_CERTIFICATION, country.published_levels)
    categories = []
    if country.requester_id_required:
        categories.append(n.REQUESTER_ID_REQUIRED)
    if country.hidden:
        categories.append(n.HIDE_FROM_DISCOVERY)
    if categories:
        _entity_attribute(entity, n.ENTITY_CATEGORY, categories)
    for uri in n.DIGESTS.values():
        etree.SubElement(extensions, tag("alg:DigestMethod"), {"Algorithm": uri})
    for method in _RSA_METHODS:
        etree.SubElement(
            extensions, tag("alg:SigningMethod"), {"MinKeySize": "3072", "Algorithm": n.signature_uri(method)}
        )
    for method in _EC_METHODS:
        etree.SubElement(
            extensions, tag("alg:SigningMethod"), {"MinKeySize": "256", "Algorithm": n.signature_uri(method)}
        )


def _entity_attribute(parent: etree._Element, name: str, values: Iterable[str]) -> None:
    attribute = etree.SubElement(
        parent, tag("saml2:Attribute"), {"Name": name, "NameFormat": n.NAME_FORMAT_URI}
    )
    for value in values:
        etree.SubElement(attribute, tag("saml2:AttributeValue")).text = value


def _key(role: etree._Element, pair: KeyPair) -> None:
    descriptor = etree.SubElement(role, tag("md:KeyDescriptor"), {"use": "signing"})
    info = etree.SubElement(descriptor, tag("ds:KeyInfo"), nsmap={"ds": n.DS})
    x509 = etree.SubElement(info, tag("ds:X509Data"))
    etree.SubElement(x509, tag("ds:X509Certificate")).text = certificate_text(pair.certificate)


def _contacts(root: etree._Element, country: Country) -> None:
    organization = etree.SubElement(root, tag("md:Organization"))
    language = {"{http://www.w3.org/XML/1998/namespace}lang": "en"}
    for element, text in (
        ("OrganizationName", f"Sandbox node {country.name}"),
        ("OrganizationDisplayName", f"Sandbox node {country.name}"),
        ("OrganizationURL", "https://example.org"),
    ):
        etree.SubElement(organization, tag(f"md:{element}"), language).text = text
    for kind in ("technical", "support"):
        contact = etree.SubElement(root, tag("md:ContactPerson"), {"contactType": kind})
        etree.SubElement(contact, tag("md:GivenName")).text = "Sandbox"
        etree.SubElement(contact, tag("md:EmailAddress")).text = f"mailto:{kind}@example.org"
