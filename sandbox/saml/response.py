"""The parts of a SAML Response that are the same whoever writes it (saml-core §3.3.3, §2.3.3)."""

from __future__ import annotations

import base64
from datetime import datetime

from lxml import etree

from sandbox.authority import KeyPair, certify, make_key
from sandbox.saml import names as n
from sandbox.saml.elements import instant
from sandbox.saml.names import NSMAP, tag
from sandbox.saml.plan import Failure, ResponsePlan
from sandbox.saml.signing import sign


def response(
    *,
    identifier: str,
    now: datetime,
    destination: str,
    issuer: str,
    in_response_to: str | None,
    failure: Failure | None,
    consent: str | None = None,
    issuer_format: str | None = None,
    detail: etree._Element | None = None,
) -> etree._Element:
    """Response with Issuer and Status, nothing else yet; ``detail`` goes into StatusDetail."""
    root = etree.Element(
        tag("saml2p:Response"),
        {"ID": identifier, "Version": "2.0", "IssueInstant": instant(now), "Destination": destination},
        nsmap={p: NSMAP[p] for p in ("saml2p", "saml2", "ds")},
    )
    if consent is not None:
        root.set("Consent", consent)
    if in_response_to is not None:
        root.set("InResponseTo", in_response_to)
    add_issuer(root, issuer, issuer_format)
    _status(root, failure, detail)
    return root


def add_issuer(parent: etree._Element, issuer: str, issuer_format: str | None = None) -> None:
    """Append ``saml2:Issuer``."""
    attributes = {} if issuer_format is None else {"Format": issuer_format}
    etree.SubElement(parent, tag("saml2:Issuer"), attributes).text = issuer


def _status(root: etree._Element, failure: Failure | None, detail: etree._Element | None) -> None:
    status = etree.SubElement(root, tag("saml2p:Status"))
    top = "Success" if failure is None else failure.top
    code = etree.SubElement(status, tag("saml2p:StatusCode"), {"Value": n.STATUS + top})
    if failure is None:
        return
    if failure.second:
        etree.SubElement(code, tag("saml2p:StatusCode"), {"Value": n.STATUS + failure.second})
    if failure.message:
        etree.SubElement(status, tag("saml2p:StatusMessage")).text = failure.message
    if detail is not None:
        etree.SubElement(status, tag("saml2p:StatusDetail")).append(detail)


def add_confirmation(subject: etree._Element, plan: ResponsePlan, address: str | None = None) -> None:
    """Append the bearer ``saml2:SubjectConfirmation``; ``address`` is that of the browser."""
    confirmation = etree.SubElement(subject, tag("saml2:SubjectConfirmation"), {"Method": n.CM_BEARER})
    data = {} if address is None else {"Address": address}
    data |= {"NotOnOrAfter": _when(plan.not_on_or_after), "Recipient": plan.recipient}
    if plan.confirmed_request is not None:
        data["InResponseTo"] = plan.confirmed_request
    etree.SubElement(confirmation, tag("saml2:SubjectConfirmationData"), data)


def add_conditions(assertion: etree._Element, plan: ResponsePlan) -> None:
    """Append ``saml2:Conditions`` with the one audience."""
    conditions = etree.SubElement(
        assertion,
        tag("saml2:Conditions"),
        {"NotBefore": _when(plan.not_before), "NotOnOrAfter": _when(plan.not_on_or_after)},
    )
    restriction = etree.SubElement(conditions, tag("saml2:AudienceRestriction"))
    etree.SubElement(restriction, tag("saml2:Audience")).text = plan.audience


def _when(moment: datetime | None) -> str:
    if moment is None:
        raise ValueError("a plan for an assertion has both times")
    return instant(moment)


def signer(plan: ResponsePlan, own: KeyPair, stranger: str) -> KeyPair | None:
    """Whose key signs: ``own``, a fresh one of kind ``stranger``, or nobody's."""
    if plan.signed_by == "nobody":
        return None
    return own if plan.signed_by == "own" else certify("a stranger", make_key(stranger))


def signed(
    element: etree._Element, plan: ResponsePlan, pair: KeyPair, prefixes: list[str] | None = None
) -> etree._Element:
    """``element`` with a signature, broken if the plan says so."""
    result = sign(element, pair, method=plan.method, digest=plan.digest, prefixes=prefixes)
    if plan.break_signature:
        _break(result)
    return result


def _break(root: etree._Element) -> None:
    value = root.find(f"{tag('ds:Signature')}/{tag('ds:SignatureValue')}")
    if value is None:
        return
    octets = bytearray(base64.b64decode(value.text or ""))
    octets[-1] ^= 1
    value.text = base64.b64encode(octets).decode()


def octets(root: etree._Element, plan: ResponsePlan, entity: str) -> bytes:
    """The Response serialised, after a DOCTYPE with an entity ``level`` if the plan says so."""
    doctype = f'<!DOCTYPE saml2p:Response [<!ENTITY level "{entity}">]>\n'.encode() if plan.doctype else b""
    return doctype + etree.tostring(root, encoding="UTF-8")
