"""A node's own metadata (Message Format §2.1.1), signed by its metadata signer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from lxml import etree

from sandbox.authority import KeyPair
from sandbox.nodes import names as eidas
from sandbox.nodes.countries import Country
from sandbox.saml import names as n
from sandbox.saml.elements import identifier, instant, signing_key
from sandbox.saml.names import NSMAP, tag
from sandbox.saml.signing import method_for, sign

VALIDITY = timedelta(hours=24)

_EC_METHODS = ("ecdsa-sha256", "ecdsa-sha384", "ecdsa-sha512")
_RSA_METHODS = ("sha256-rsa-MGF1", "sha384-rsa-MGF1", "sha512-rsa-MGF1")


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
            "ID": identifier(20),
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
    signing_key(role, signing.certificate)
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
    _entity_attribute(entity, eidas.PROTOCOL_VERSION, country.protocol_versions)
    _entity_attribute(entity, eidas.APPLICATION_IDENTIFIER, ("eID-Gateway:sandbox-node:0.1",))
    _entity_attribute(entity, eidas.ASSURANCE_CERTIFICATION, country.published_levels)
    categories = []
    if country.requester_id_required:
        categories.append(eidas.REQUESTER_ID_REQUIRED)
    if country.hidden:
        categories.append(eidas.HIDE_FROM_DISCOVERY)
    if categories:
        _entity_attribute(entity, eidas.ENTITY_CATEGORY, categories)
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
