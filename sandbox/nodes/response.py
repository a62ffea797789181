"""Turns a plan into the octets of a SAML Response."""

from __future__ import annotations

from datetime import UTC, datetime

from lxml import etree

from sandbox.authority import KeyPair
from sandbox.nodes import names as eidas
from sandbox.nodes.countries import Country
from sandbox.nodes.plan import Plan, Statement
from sandbox.nodes.request import Refused
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
from sandbox.saml.signing import sign


def build(plan: Plan, pair: KeyPair) -> bytes:
    """The Response, signed as the plan says with ``pair`` as the node's own key."""
    root = _head(plan.now, plan.destination, plan.issuer, plan.in_response_to, plan.failure)
    if plan.failure is None:
        for _ in range(plan.copies):
            root.append(_assertion_part(plan, pair))
    key = signer(plan, pair, "p256" if plan.speaker.elliptic else "rsa-3072")
    return octets(root if key is None else signed(root, plan, key), plan, "high")


def refusal_response(node: Country, pair: KeyPair, issuer: str, refusal: Refused, destination: str) -> bytes:
    """The signed SAML error for a request that breaks a rule, as the reference node words it."""
    failure = Failure(top="Requester", second=refusal.second, message=f"{refusal.number} - {refusal.rule}")
    root = _head(datetime.now(UTC), destination, issuer, refusal.in_response_to, failure)
    return etree.tostring(sign(root, pair, method=node.signature, digest=node.digest), encoding="UTF-8")


def _head(
    now: datetime, destination: str, issuer: str, in_response_to: str | None, failure: Failure | None
) -> etree._Element:
    return response(
        identifier=identifier(20),
        now=now,
        destination=destination,
        issuer=issuer,
        in_response_to=in_response_to,
        failure=failure,
        consent=n.CONSENT + ("obtained" if failure is None else "unspecified"),
        issuer_format=n.FORMAT_ENTITY,
    )


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
        {"ID": identifier(20), "Version": "2.0", "IssueInstant": instant(plan.now)},
        nsmap={"saml2": n.SAML, "xsi": n.XSI, "eidas-natural": eidas.NATURAL, "eidas-legal": eidas.LEGAL},
    )
    add_issuer(root, plan.issuer, n.FORMAT_ENTITY)
    _subject(root, plan)
    add_conditions(root, plan)
    authn = etree.SubElement(root, tag("saml2:AuthnStatement"), {"AuthnInstant": instant(plan.now)})
    context = etree.SubElement(authn, tag("saml2:AuthnContext"))
    etree.SubElement(context, tag("saml2:AuthnContextClassRef")).text = plan.level
    statement = etree.SubElement(root, tag("saml2:AttributeStatement"))
    for item in plan.statements:
        _attribute(statement, item, plan)
    return root


def _subject(root: etree._Element, plan: Plan) -> None:
    subject = etree.SubElement(root, tag("saml2:Subject"))
    wanted = plan.request.name_id_format or n.FORMAT_UNSPECIFIED
    etree.SubElement(subject, tag("saml2:NameID"), {"Format": wanted}).text = plan.name_id
    if plan.speaker.subject_confirmation:
        add_confirmation(subject, plan)


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
        write_text(element, value.text, value.comment_at)
