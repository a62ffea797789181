"""Turns a plan into the octets of a SAML Response."""

from __future__ import annotations

import base64
import secrets
from datetime import UTC, datetime

from lxml import etree

from sandbox.authority import KeyPair, certify, make_key
from sandbox.nodes import names as eidas
from sandbox.nodes.countries import Country
from sandbox.nodes.plan import Failure, Plan, Statement, Value
from sandbox.nodes.request import Refused
from sandbox.saml import names as n
from sandbox.saml.elements import instant
from sandbox.saml.encryption import encrypt
from sandbox.saml.names import NSMAP, tag
from sandbox.saml.signing import sign

_DOCTYPE = b'<!DOCTYPE saml2p:Response [<!ENTITY level "high">]>\n'


def build(plan: Plan, pair: KeyPair) -> bytes:
    """The Response, signed as the plan says with ``pair`` as the node's own key."""
    root = _head(plan.now, plan.destination, plan.issuer, plan.in_response_to, plan.failure)
    if plan.failure is None:
        for _ in range(plan.copies):
            root.append(_assertion_part(plan, pair))
    if plan.signed_by != "nobody":
        root = sign(root, _signer(plan, pair), method=plan.method, digest=plan.digest)
    if plan.break_signature:
        _break(root)
    octets = etree.tostring(root, encoding="UTF-8")
    return (_DOCTYPE if plan.doctype else b"") + octets


def refusal_response(node: Country, pair: KeyPair, issuer: str, refusal: Refused, destination: str) -> bytes:
    """The signed SAML error for a request that breaks a rule, as the reference node words it."""
    failure = Failure(top="Requester", second=refusal.second, message=f"{refusal.number} - {refusal.rule}")
    root = _head(datetime.now(UTC), destination, issuer, refusal.in_response_to, failure)
    return etree.tostring(sign(root, pair, method=node.signature, digest=node.digest), encoding="UTF-8")


def _head(
    now: datetime, destination: str, issuer: str, in_response_to: str | None, failure: Failure | None
) -> etree._Element:
    """Response with Issuer and Status, nothing else yet."""
    root = etree.Element(
        tag("saml2p:Response"),
        {
            "ID": _identifier(),
            "Version": "2.0",
            "IssueInstant": instant(now),
            "Destination": destination,
            "Consent": n.CONSENT + ("obtained" if failure is None else "unspecified"),
        },
        nsmap={p: NSMAP[p] for p in ("saml2p", "saml2", "ds")},
    )
    if in_response_to is not None:
        root.set("InResponseTo", in_response_to)
    _issuer(root, issuer)
    _status(root, failure)
    return root


def _signer(plan: Plan, pair: KeyPair) -> KeyPair:
    if plan.signed_by == "node":
        return pair
    return certify("a stranger", make_key("p256" if plan.speaker.elliptic else "rsa-3072"))


def _break(root: etree._Element) -> None:
    value = root.find(f"{tag('ds:Signature')}/{tag('ds:SignatureValue')}")
    if value is None:
        return
    octets = bytearray(base64.b64decode(value.text or ""))
    octets[-1] ^= 1
    value.text = base64.b64encode(octets).decode()


def _identifier() -> str:
    return "_" + secrets.token_hex(20)


def _issuer(parent: etree._Element, issuer: str) -> None:
    etree.SubElement(parent, tag("saml2:Issuer"), {"Format": n.FORMAT_ENTITY}).text = issuer


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


def _assertion_part(plan: Plan, pair: KeyPair) -> etree._Element:
    element = assertion(plan)
    if plan.speaker.sign_assertion:
        element = sign(element, pair, method=plan.method, digest=plan.digest)
    if not plan.encrypted:
        return element
    plain = etree.tostring(element, encoding="UTF-8")
    recipient = plan.request.requester.encryption[0]
    return encrypt(plain, recipient, content=plan.content, party_info=plan.speaker.party_info)


def assertion(plan: Plan) -> etree._Element:
    """The unsigned saml2:Assertion (eidas.md §3.1)."""
    root = etree.Element(
        tag("saml2:Assertion"),
        {"ID": _identifier(), "Version": "2.0", "IssueInstant": instant(plan.now)},
        nsmap={"saml2": n.SAML, "xsi": n.XSI, "eidas-natural": eidas.NATURAL, "eidas-legal": eidas.LEGAL},
    )
    _issuer(root, plan.issuer)
    _subject(root, plan)
    conditions = etree.SubElement(
        root,
        tag("saml2:Conditions"),
        {"NotBefore": _when(plan.not_before), "NotOnOrAfter": _when(plan.not_on_or_after)},
    )
    restriction = etree.SubElement(conditions, tag("saml2:AudienceRestriction"))
    etree.SubElement(restriction, tag("saml2:Audience")).text = plan.audience
    authn = etree.SubElement(root, tag("saml2:AuthnStatement"), {"AuthnInstant": instant(plan.now)})
    context = etree.SubElement(authn, tag("saml2:AuthnContext"))
    etree.SubElement(context, tag("saml2:AuthnContextClassRef")).text = plan.level
    statement = etree.SubElement(root, tag("saml2:AttributeStatement"))
    for item in plan.statements:
        _attribute(statement, item, plan)
    return root


def _when(moment: datetime | None) -> str:
    if moment is None:
        raise ValueError("a plan for an assertion has both times")
    return instant(moment)


def _subject(root: etree._Element, plan: Plan) -> None:
    subject = etree.SubElement(root, tag("saml2:Subject"))
    wanted = plan.request.name_id_format or n.FORMAT_UNSPECIFIED
    etree.SubElement(subject, tag("saml2:NameID"), {"Format": wanted}).text = plan.name_id
    if not plan.speaker.subject_confirmation:
        return
    confirmation = etree.SubElement(subject, tag("saml2:SubjectConfirmation"), {"Method": n.CM_BEARER})
    data = {"NotOnOrAfter": _when(plan.not_on_or_after), "Recipient": plan.recipient}
    if plan.confirmed_request is not None:
        data["InResponseTo"] = plan.confirmed_request
    etree.SubElement(confirmation, tag("saml2:SubjectConfirmationData"), data)


def _attribute(parent: etree._Element, item: Statement, plan: Plan) -> None:
    attribute = etree.SubElement(
        parent,
        tag("saml2:Attribute"),
        {"Name": item.uri, "NameFormat": n.NAME_FORMAT_URI, "FriendlyName": item.friendly},
    )
    prefix = f"eidas-{item.attribute.person}"
    for value in item.values:
        element = etree.SubElement(attribute, tag("saml2:AttributeValue"))
        element.set(tag("xsi:type"), f"{prefix}:{item.attribute.type_name}")
        if value.latin is not None:
            name = "LatinScript"
            if plan.speaker.qualified_latin_script:
                name = f"{{{item.attribute.namespace}}}LatinScript"
            element.set(name, "true" if value.latin else "false")
        _text(element, value)


def _text(element: etree._Element, value: Value) -> None:
    if value.comment_at is None:
        element.text = value.text
        return
    comment = etree.Comment("sandbox")
    element.text = value.text[: value.comment_at]
    comment.tail = value.text[value.comment_at :]
    element.append(comment)
