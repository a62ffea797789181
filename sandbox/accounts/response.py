"""Turns a plan into the octets of a SAML Response, in the shape of the interface samples."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime

from lxml import etree

from sandbox.accounts.names import AKDB, XSD
from sandbox.accounts.plan import Failure, Item, Login, Plan, Structure
from sandbox.authority import KeyPair, certify, make_key
from sandbox.saml import names as n
from sandbox.saml.elements import instant
from sandbox.saml.encryption import encrypt
from sandbox.saml.names import NSMAP, tag
from sandbox.saml.signing import sign

_DOCTYPE = b'<!DOCTYPE saml2p:Response [<!ENTITY level "STORK-QAA-Level-4">]>\n'
_BROWSER = "192.0.2.10"
"""The browser as the account sees it (TEST-NET-1): receivers must not compare it."""


def build(plan: Plan, pair: KeyPair) -> bytes:
    """The Response, signed as the plan says with ``pair`` as the account's own key."""
    signer = certify("a stranger", make_key("rsa-3072")) if plan.signed_by == "stranger" else pair
    root = _head(plan)
    if plan.login is not None and plan.failure is None:
        for _ in range(plan.copies):
            root.append(_assertion_part(plan, plan.login, signer))
    if plan.sign_response and plan.signed_by != "nobody":
        root = sign(root, signer, method=plan.method, digest=plan.digest)
        if plan.break_signature:
            _break(root)
    octets = etree.tostring(root, encoding="UTF-8")
    return (_DOCTYPE if plan.doctype else b"") + octets


def _head(plan: Plan) -> etree._Element:
    root = etree.Element(
        tag("saml2p:Response"),
        {
            "ID": _identifier(),
            "Version": "2.0",
            "IssueInstant": instant(plan.now),
            "Destination": plan.destination,
        },
        nsmap={p: NSMAP[p] for p in ("saml2p", "saml2", "ds")},
    )
    if plan.in_response_to is not None:
        root.set("InResponseTo", plan.in_response_to)
    etree.SubElement(root, tag("saml2:Issuer")).text = plan.issuer
    _status(root, plan.failure)
    return root


def _status(root: etree._Element, failure: Failure | None) -> None:
    status = etree.SubElement(root, tag("saml2p:Status"))
    top = "Success" if failure is None else failure.top
    code = etree.SubElement(status, tag("saml2p:StatusCode"), {"Value": n.STATUS + top})
    if failure is None:
        return
    if failure.second:
        etree.SubElement(code, tag("saml2p:StatusCode"), {"Value": n.STATUS + failure.second})
    if failure.message:
        etree.SubElement(status, tag("saml2p:StatusMessage")).text = failure.message
    if failure.detail is not None:
        detail = etree.SubElement(status, tag("saml2p:StatusDetail"))
        inner = etree.SubElement(detail, f"{{{AKDB}}}StatusDetail", nsmap={"akdb": AKDB})
        inner.text = failure.detail


def _break(root: etree._Element) -> None:
    value = root.find(f"{tag('ds:Signature')}/{tag('ds:SignatureValue')}")
    if value is None:
        return
    octets = bytearray(base64.b64decode(value.text or ""))
    octets[-1] ^= 1
    value.text = base64.b64encode(octets).decode()


def _identifier() -> str:
    return "_" + secrets.token_hex(16)


def _assertion_part(plan: Plan, login: Login, signer: KeyPair) -> etree._Element:
    element = assertion(plan, login)
    if plan.sign_assertion and plan.signed_by != "nobody":
        # xsi:type="xsd:string" uses the prefix in a value, where exclusive c14n does not see it.
        element = sign(element, signer, method=plan.method, digest=plan.digest, prefixes=["xsd"])
        if plan.break_signature:
            _break(element)
    if not plan.encrypted:
        return element
    plain = etree.tostring(element, encoding="UTF-8")
    recipient = plan.request.provider.encryption[plan.recipient_key]
    return encrypt(plain, recipient, content=plan.content, transport=plan.transport)


def assertion(plan: Plan, login: Login) -> etree._Element:
    """The unsigned saml2:Assertion (bundid.md §1.7)."""
    root = etree.Element(
        tag("saml2:Assertion"),
        {"ID": _identifier(), "Version": "2.0", "IssueInstant": instant(plan.now)},
        nsmap={"saml2": n.SAML, "xsd": XSD},
    )
    etree.SubElement(root, tag("saml2:Issuer")).text = plan.issuer
    _subject(root, plan, login)
    conditions = etree.SubElement(
        root,
        tag("saml2:Conditions"),
        {"NotBefore": _when(plan.not_before), "NotOnOrAfter": _when(plan.not_on_or_after)},
    )
    restriction = etree.SubElement(conditions, tag("saml2:AudienceRestriction"))
    etree.SubElement(restriction, tag("saml2:Audience")).text = plan.audience
    authn = etree.SubElement(
        root,
        tag("saml2:AuthnStatement"),
        {"AuthnInstant": instant(plan.now), "SessionIndex": _identifier()},
    )
    etree.SubElement(authn, tag("saml2:SubjectLocality"), {"Address": _BROWSER})
    context = etree.SubElement(authn, tag("saml2:AuthnContext"))
    etree.SubElement(context, tag("saml2:AuthnContextClassRef")).text = login.class_ref
    statement = etree.SubElement(root, tag("saml2:AttributeStatement"))
    for item in login.items:
        _attribute(statement, item, login.name_format)
    return root


def _when(moment: datetime | None) -> str:
    if moment is None:
        raise ValueError("a plan for an assertion has both times")
    return instant(moment)


def _subject(root: etree._Element, plan: Plan, login: Login) -> None:
    subject = etree.SubElement(root, tag("saml2:Subject"))
    qualifiers = {"NameQualifier": plan.issuer, "SPNameQualifier": plan.request.provider.entity_id}
    name_id = etree.SubElement(subject, tag("saml2:NameID"), {"Format": login.name_id_format, **qualifiers})
    name_id.text = login.name_id
    confirmation = etree.SubElement(subject, tag("saml2:SubjectConfirmation"), {"Method": n.CM_BEARER})
    data = {
        "Address": _BROWSER,
        "NotOnOrAfter": _when(plan.not_on_or_after),
        "Recipient": plan.recipient,
    }
    if plan.confirmed_request is not None:
        data["InResponseTo"] = plan.confirmed_request
    etree.SubElement(confirmation, tag("saml2:SubjectConfirmationData"), data)


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
    if comment_at is None:
        element.text = value
        return
    comment = etree.Comment("sandbox")
    element.text = value[:comment_at]
    comment.tail = value[comment_at:]
    element.append(comment)


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
