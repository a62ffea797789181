"""Turns a plan into the octets of a SAML Response, in the shape of the interface samples."""

from __future__ import annotations

from lxml import etree

from sandbox.accounts.names import AKDB, XSD
from sandbox.accounts.plan import Item, Login, Plan, Structure
from sandbox.authority import KeyPair
from sandbox.saml import names as n
from sandbox.saml.elements import identifier, instant, write_text
from sandbox.saml.encryption import encrypt
from sandbox.saml.names import tag
from sandbox.saml.plan import Failure
from sandbox.saml.response import (
    add_conditions,
    add_confirmation,
    add_issuer,
    octets,
    response,
    signed,
    signer,
)

_BROWSER = "192.0.2.10"
"""The browser as the account sees it (TEST-NET-1): receivers must not compare it."""


def build(plan: Plan, pair: KeyPair) -> bytes:
    """The Response, signed as the plan says with ``pair`` as the account's own key."""
    key = signer(plan, pair, "rsa-3072")
    root = response(
        identifier=identifier(16),
        now=plan.now,
        destination=plan.destination,
        issuer=plan.issuer,
        in_response_to=plan.in_response_to,
        failure=plan.failure,
        detail=_detail(plan.failure),
    )
    if plan.login is not None and plan.failure is None:
        for _ in range(plan.copies):
            root.append(_assertion_part(plan, plan.login, key))
    if plan.sign_response and key is not None:
        root = signed(root, plan, key)
    return octets(root, plan, "STORK-QAA-Level-4")


def _detail(failure: Failure | None) -> etree._Element | None:
    if failure is None or failure.detail is None:
        return None
    detail = etree.Element(f"{{{AKDB}}}StatusDetail", nsmap={"akdb": AKDB})
    detail.text = failure.detail
    return detail


def _assertion_part(plan: Plan, login: Login, key: KeyPair | None) -> etree._Element:
    element = assertion(plan, login)
    if plan.sign_assertion and key is not None:
        # xsi:type="xsd:string" uses the prefix in a value, where exclusive c14n does not see it.
        element = signed(element, plan, key, prefixes=["xsd"])
    if not plan.encrypted:
        return element
    plain = etree.tostring(element, encoding="UTF-8")
    recipient = plan.request.provider.encryption[plan.recipient_key]
    return encrypt(plain, recipient, content=plan.content, transport=plan.transport)


def assertion(plan: Plan, login: Login) -> etree._Element:
    """The unsigned saml2:Assertion (bundid.md §1.7)."""
    root = etree.Element(
        tag("saml2:Assertion"),
        {"ID": identifier(16), "Version": "2.0", "IssueInstant": instant(plan.now)},
        nsmap={"saml2": n.SAML, "xsd": XSD},
    )
    add_issuer(root, plan.issuer)
    _subject(root, plan, login)
    add_conditions(root, plan)
    authn = etree.SubElement(
        root,
        tag("saml2:AuthnStatement"),
        {"AuthnInstant": instant(plan.now), "SessionIndex": identifier(16)},
    )
    etree.SubElement(authn, tag("saml2:SubjectLocality"), {"Address": _BROWSER})
    context = etree.SubElement(authn, tag("saml2:AuthnContext"))
    etree.SubElement(context, tag("saml2:AuthnContextClassRef")).text = login.class_ref
    statement = etree.SubElement(root, tag("saml2:AttributeStatement"))
    for item in login.items:
        _attribute(statement, item, login.name_format)
    return root


def _subject(root: etree._Element, plan: Plan, login: Login) -> None:
    subject = etree.SubElement(root, tag("saml2:Subject"))
    qualifiers = {"NameQualifier": plan.issuer, "SPNameQualifier": plan.request.provider.entity_id}
    name_id = etree.SubElement(subject, tag("saml2:NameID"), {"Format": login.name_id_format, **qualifiers})
    name_id.text = login.name_id
    add_confirmation(subject, plan, _BROWSER)


def _attribute(parent: etree._Element, item: Item, name_format: str) -> None:
    attribute = etree.SubElement(
        parent,
        tag("saml2:Attribute"),
        {"Name": item.name, "NameFormat": name_format},
        nsmap={"akdb": AKDB} if item.trust else None,
    )
    if item.friendly is not None:
        attribute.set("FriendlyName", item.friendly)
    if item.trust is not None:
        attribute.set(f"{{{AKDB}}}TrustLevel", item.trust)
    for value in item.values:
        if isinstance(value, Structure):
            _structure(attribute, value)
        else:
            _text(attribute, value, item.comment_at)


def _text(attribute: etree._Element, value: str, comment_at: int | None) -> None:
    element = etree.SubElement(attribute, tag("saml2:AttributeValue"), nsmap={"xsi": n.XSI})
    element.set(tag("xsi:type"), "xsd:string")
    write_text(element, value, comment_at)


def _structure(attribute: etree._Element, value: Structure) -> None:
    element = etree.SubElement(
        attribute, tag("saml2:AttributeValue"), nsmap={value.prefix: value.namespace, "xsi": n.XSI}
    )
    element.set(tag("xsi:type"), f"{value.prefix}:{value.type_name}")
    _children(element, value)


def _children(parent: etree._Element, value: Structure) -> None:
    for name, inner in value.children:
        child = etree.SubElement(parent, f"{{{value.namespace}}}{name}")
        if isinstance(inner, Structure):
            _children(child, inner)
        else:
            child.text = inner
