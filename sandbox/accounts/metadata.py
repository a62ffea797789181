"""An account system's own metadata: unsigned, believed because of how they came."""

from __future__ import annotations

from lxml import etree

from sandbox.accounts.accounts import Account
from sandbox.authority import KeyPair
from sandbox.saml import names as n
from sandbox.saml.elements import signing_key
from sandbox.saml.names import NSMAP, tag


def entity_id(account: Account, nodes: str) -> str:
    """The entityID; ``nodes`` is the address of the node server."""
    return account.entity_id or f"{nodes}/{account.path}/{account.metadata}".rstrip("/")


def account_metadata(account: Account, nodes: str, pair: KeyPair) -> bytes:
    """The EntityDescriptor. For MUK nobody publishes one: an operator writes it from the
    certificate and the addresses that were handed over."""
    root = etree.Element(
        tag("md:EntityDescriptor"),
        {"entityID": entity_id(account, nodes)},
        nsmap={p: NSMAP[p] for p in ("md", "ds")},
    )
    role = etree.SubElement(
        root,
        tag("md:IDPSSODescriptor"),
        {"protocolSupportEnumeration": n.SAMLP, "WantAuthnRequestsSigned": "true"},
    )
    signing_key(role, pair.certificate)
    wanted = n.FORMAT_TRANSIENT if account.profile == "akdb" else n.FORMAT_PERSISTENT
    etree.SubElement(role, tag("md:NameIDFormat")).text = wanted
    for binding, path in (
        (n.BINDING_POST, account.sso_post),
        (n.BINDING_REDIRECT, account.sso_redirect),
    ):
        if path:
            location = f"{nodes}/{account.path}/{path}"
            etree.SubElement(role, tag("md:SingleSignOnService"), {"Binding": binding, "Location": location})
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
