"""The error menu of eSAML: each entry makes an honest answer wrong in exactly one way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from sandbox.eid_service.saml_answer import Plan, Statement, document_validity
from sandbox.nodes.names import LOA_PREFIX
from sandbox.saml import faults
from sandbox.saml import names as n
from sandbox.saml.plan import Failure


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to answer wrongly."""

    name: str
    label: str
    change: Callable[[Plan], Plan]


def with_extension(plan: Plan, **members: str | None) -> Plan:
    """``plan`` with members of ``EidasExtension`` changed, or left out where None."""
    return _changed(plan, "EidasExtension", lambda s: replace(s, parts=_members(s, members)))


def _members(statement: Statement, members: dict[str, str | None]) -> tuple[tuple[str, str], ...]:
    before = {name: str(text) for name, text in statement.parts}
    return tuple((name, text) for name, text in (before | members).items() if text is not None)


def _changed(plan: Plan, name: str, change: Callable[[Statement], Statement]) -> Plan:
    return replace(plan, statements=tuple(change(s) if s.name == name else s for s in plan.statements))


def _without(plan: Plan, *names: str) -> Plan:
    return replace(plan, statements=tuple(s for s in plan.statements if s.name not in names))


def _identifier(plan: Plan, text: str) -> Plan:
    octets = text.encode().hex()
    plan = _changed(plan, "RestrictedID", lambda s: replace(s, parts=(("ID", octets),)))
    return _changed(plan, "LegalPersonIdentifier", lambda s: replace(s, text=text))


def _longer(plan: Plan) -> Plan:
    return replace(plan, not_on_or_after=plan.now + timedelta(minutes=20))


def _failing(top: str, second: str) -> Callable[[Plan], Plan]:
    return lambda plan: replace(plan, failure=Failure(top=top, second=second))


_ALL = (
    Fault("expired", "Assertion expired two hours ago", faults.expired),
    Fault("not-yet-valid", "Assertion valid only in two hours", faults.not_yet_valid),
    Fault("long-lived", "Assertion valid for twenty minutes", _longer),
    Fault("wrong-audience", "Audience is another service", lambda p: replace(p, audience="https://other.example/metadata")),
    Fault("wrong-destination", "Destination is another address", faults.wrong_destination),
    Fault("wrong-recipient", "Recipient is another address", faults.wrong_recipient),
    Fault("wrong-issuer", "Issuer is another eID-Server", lambda p: replace(p, issuer="https://other.example/saml")),
    Fault("wrong-in-response-to", "InResponseTo names another request", faults.wrong_in_response_to),
    Fault("wrong-confirmation", "SubjectConfirmation answers another request", faults.wrong_confirmation),
    Fault("unsolicited", "No InResponseTo at all", faults.unsolicited),
    Fault("wrong-signature", "Signature value changed by one bit", lambda p: replace(p, break_signature=True)),
    Fault("unsigned", "No signature", lambda p: replace(p, signed_by="nobody")),
    Fault("unknown-key", "Signed by a key nobody knows", lambda p: replace(p, signed_by="stranger", method="ecdsa-sha256")),
    Fault("pkcs1", "Signed with RSA PKCS#1 v1.5", lambda p: replace(p, method="rsa-sha256")),
    Fault("sha1", "Signed with SHA-1", lambda p: replace(p, method="rsa-sha1", digest="sha1")),
    Fault("plain-assertion", "Assertion not encrypted", lambda p: replace(p, encrypted=False)),
    Fault("aes-cbc", "Assertion encrypted with AES-256-CBC", lambda p: replace(p, content="aes256-cbc")),
    Fault("two-assertions", "Two assertions", lambda p: replace(p, copies=2)),
    Fault("doctype", "DOCTYPE before the Response", lambda p: replace(p, doctype=True)),
    Fault("no-address", "SubjectConfirmation without Address", lambda p: replace(p, address=None)),
    Fault("many-uses", "No OneTimeUse", lambda p: replace(p, one_time_use=False)),
    Fault("other-context", "Another AuthnContextDeclRef", lambda p: replace(p, declaration=n.STATUS)),
    Fault("persistent", "NameID that persists", lambda p: replace(p, name_id_format=n.FORMAT_PERSISTENT)),
    Fault("level-too-low", "Level below the request", lambda p: with_extension(p, LevelOfAssurance=f"{LOA_PREFIX}low")),
    Fault("level-national", "Level of the national interface", lambda p: with_extension(p, LevelOfAssurance="http://bsi.bund.de/eID/LoA/hoch")),
    Fault("level-missing", "No level", lambda p: with_extension(p, LevelOfAssurance=None)),
    Fault("other-state", "Another sending state", lambda p: with_extension(p, SendingMemberState="IT")),
    Fault("state-missing", "No sending state", lambda p: with_extension(p, SendingMemberState=None)),
    Fault("no-extension", "No EidasExtension", lambda p: _without(p, "EidasExtension")),
    Fault("document-failed", "DocumentValidity failed, with data", lambda p: replace(_without(p, "DocumentValidity"), statements=(*_without(p, "DocumentValidity").statements, document_validity(p.now, "failed")))),
    Fault("no-validity", "No DocumentValidity", lambda p: _without(p, "DocumentValidity")),
    Fault("missing-attribute", "A mandatory attribute is missing", lambda p: _without(p, "GivenNames", "LegalName")),
    Fault("foreign-identifier", "Identifier of another country", lambda p: _identifier(p, "IT/DE/other")),
    Fault("wrong-destination-country", "Identifier made for another country", lambda p: _identifier(p, "EL/XX/other")),
    Fault("duplicate-attribute", "An attribute twice", lambda p: replace(p, statements=p.statements[:1] + p.statements)),
    Fault("replay", "The same answer twice", lambda p: replace(p, sent_twice=True)),
    Fault("decline", "Citizen declines (RequestDenied)", _failing("Requester", "RequestDenied")),
    Fault("authn-failed", "Authentication failed (AuthnFailed)", _failing("Responder", "AuthnFailed")),
    Fault("no-authn-context", "Level cannot be reached (NoAuthnContext)", _failing("Responder", "NoAuthnContext")),
)  # fmt: skip

FAULTS: Final = MappingProxyType({fault.name: fault for fault in _ALL})
