"""A Response of the TR-03130 SAML profile (TR-03130-1 §4.3), right or wrong as its plan says."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cryptography import x509
from lxml import etree

from sandbox.authority import KeyPair
from sandbox.eid_service.names import EID, eid
from sandbox.eid_service.saml_request import Asked
from sandbox.saml import names as n
from sandbox.saml.elements import identifier, instant
from sandbox.saml.encryption import encrypt
from sandbox.saml.names import tag
from sandbox.saml.plan import Failure, ResponsePlan, valid_for
from sandbox.saml.redirect import redirect_url
from sandbox.saml.response import (
    add_conditions,
    add_confirmation,
    add_issuer,
    octets,
    response,
    signed,
    signer,
)
from sandbox.saml.signing import method_for

SMARTCARD_PKI = "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI"
XS = "http://www.w3.org/2001/XMLSchema"

Part = tuple[str, "str | Sequence[Part]"]
"""Name in the eID namespace, and text or parts inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One attribute; without a type it has no value."""

    name: str
    type: str | None = None
    text: str | None = None
    parts: Sequence[Part] = ()
    version: str | None = None
    on_chip: bool = True


def simple(name: str, text: str) -> Statement:
    """A value of type ``xs:string``."""
    return Statement(name=name, type="xs:string", text=text)


def not_on_chip(name: str) -> Statement:
    return Statement(name=name, on_chip=False)


def document_validity(now: datetime, status: str = "VALID") -> Statement:
    parts: tuple[Part, ...] = (("ReferenceDate", now.date().isoformat()), ("Status", status))
    return Statement(name="DocumentValidity", type="eid:DocumentValidityResultType", parts=parts, version="1")


def date_of_birth(digits: str) -> Statement:
    """``GeneralDateType``: the characters of the chip, and the date where it is complete."""
    parts: list[Part] = [("DateString", digits)]
    if " " not in digits:
        parts.append(("DateValue", f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"))
    return Statement(name="DateOfBirth", type="eid:GeneralDateType", parts=parts)


def verification(name: str, question: Part, *, fulfilled: bool) -> Statement:
    """``AgeVerification`` or ``PlaceVerification``: the question and its answer."""
    result: Part = ("Result", (("FulfilsRequest", "true" if fulfilled else "false"),))
    return Statement(name=name, type=f"eid:{name}ResultType", parts=(("Request", (question,)), result))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(ResponsePlan):
    """Every choice in a Response of the eID service."""

    asked: Asked
    statements: tuple[Statement, ...] = ()
    address: str | None = "127.0.0.1"
    """``Address`` of the user agent."""
    one_time_use: bool = True
    declaration: str = SMARTCARD_PKI
    name_id_format: str = n.FORMAT_TRANSIENT
    transport: str = "rsa-oaep"
    recipient_certificate: x509.Certificate | None = field(default=None, repr=False)


def answer_plan(
    asked: Asked, issuer: str, pair: KeyPair, now: datetime, statements: Iterable[Statement], address: str
) -> Plan:
    """The honest answer."""
    return replace(
        valid_for(_addressed(asked, issuer, pair, now), asked.registration.issuer),
        statements=tuple(statements),
        address=address,
    )


def failure_plan(asked: Asked, issuer: str, pair: KeyPair, now: datetime, failure: Failure) -> Plan:
    """A Response that says no."""
    return replace(_addressed(asked, issuer, pair, now), failure=failure)


def _addressed(asked: Asked, issuer: str, pair: KeyPair, now: datetime) -> Plan:
    return Plan(
        asked=asked,
        now=now,
        in_response_to=asked.id,
        destination=asked.registration.consumer,
        issuer=issuer,
        method=method_for(pair),
        digest="sha256",
        recipient_certificate=asked.registration.encryption,
    )


def by_post(plan: Plan, pair: KeyPair) -> bytes:
    """The Response with an enveloped signature (TR-03130-1 §5)."""
    key = signer(plan, pair, "p256")
    root = message(plan)
    return octets(root if key is None else signed(root, plan, key), plan, "high")


def by_redirect(plan: Plan, pair: KeyPair) -> str:
    """The address at the eService, the query signed (TR-03130-1 §4)."""
    key = signer(plan, pair, "rsa-3072")
    return redirect_url(
        plan.asked.registration.consumer,
        "SAMLResponse",
        etree.tostring(message(plan), encoding="UTF-8"),
        plan.asked.relay_state,
        None if key is None else key.key,
        plan.method,
    )


def message(plan: Plan) -> etree._Element:
    """The Response, not signed yet."""
    root = response(
        identifier=identifier(20),
        now=plan.now,
        destination=plan.destination,
        issuer=plan.issuer,
        in_response_to=plan.in_response_to,
        failure=plan.failure,
    )
    for _ in range(0 if plan.failure is not None else plan.copies):
        inner = assertion(plan)
        if plan.encrypted and plan.recipient_certificate is not None:
            plain = etree.tostring(inner, encoding="UTF-8")
            inner = encrypt(plain, plan.recipient_certificate, content=plan.content, transport=plan.transport)
        root.append(inner)
    return root


def assertion(plan: Plan) -> etree._Element:
    root = etree.Element(
        tag("saml2:Assertion"),
        {"ID": identifier(20), "Version": "2.0", "IssueInstant": instant(plan.now)},
        nsmap={"saml2": n.SAML, "xsi": n.XSI, "xs": XS, "eid": EID},
    )
    add_issuer(root, plan.issuer)
    subject = etree.SubElement(root, tag("saml2:Subject"))
    name_id = etree.SubElement(subject, tag("saml2:NameID"), {"Format": plan.name_id_format})
    name_id.text = secrets.token_urlsafe(24)
    add_confirmation(subject, plan, plan.address)
    add_conditions(root, plan)
    if plan.one_time_use:
        conditions = root.find(tag("saml2:Conditions"))
        if conditions is not None:
            etree.SubElement(conditions, tag("saml2:OneTimeUse"))
    authn = etree.SubElement(root, tag("saml2:AuthnStatement"), {"AuthnInstant": instant(plan.now)})
    context = etree.SubElement(authn, tag("saml2:AuthnContext"))
    etree.SubElement(context, tag("saml2:AuthnContextDeclRef")).text = plan.declaration
    container = etree.SubElement(root, tag("saml2:AttributeStatement"))
    for statement in plan.statements:
        _attribute(container, statement)
    return root


def _attribute(parent: etree._Element, statement: Statement) -> None:
    attribute = etree.SubElement(parent, tag("saml2:Attribute"), {"Name": statement.name})
    if not statement.on_chip:
        attribute.set("AttributeNotOnChip", "true")
    if statement.type is None:
        return
    value = etree.SubElement(attribute, tag("saml2:AttributeValue"), {tag("xsi:type"): statement.type})
    if statement.version is not None:
        value.set("Version", statement.version)
    value.text = statement.text
    _parts(value, statement.parts)


def _parts(parent: etree._Element, parts: Sequence[Part]) -> None:
    for name, content in parts:
        child = etree.SubElement(parent, eid(name))
        if isinstance(content, str):
            child.text = content
        else:
            _parts(child, content)
