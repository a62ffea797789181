"""The error menu: each entry makes an honest plan wrong in exactly one way.

Integrators and operators see with it what every failure looks like on their side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from sandbox.nodes import names as eidas
from sandbox.nodes.attributes import BY_FRIENDLY
from sandbox.nodes.plan import Plan, Statement, Value
from sandbox.saml import faults
from sandbox.saml.plan import Failure


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to answer wrongly."""

    name: str
    label: str
    change: Callable[[Plan], Plan]
    rsa_only: bool = False


def _identifiers(plan: Plan, change: Callable[[str], str]) -> Plan:
    """Change the text of the subject's identifier."""
    return replace(plan, statements=tuple(_changed(s, change) for s in plan.statements))


def _is_identifier(statement: Statement) -> bool:
    return statement.attribute.friendly.endswith("PersonIdentifier") and not statement.representative


def _changed(statement: Statement, change: Callable[[str], str]) -> Statement:
    if not _is_identifier(statement):
        return statement
    return replace(statement, values=tuple(replace(v, text=change(v.text)) for v in statement.values))


def _commented(plan: Plan) -> Plan:
    statements = tuple(
        replace(s, values=tuple(replace(v, comment_at=len(v.text) // 2) for v in s.values))
        if _is_identifier(s)
        else s
        for s in plan.statements
    )
    return replace(plan, statements=statements)


def _name_attribute(statement: Statement) -> bool:
    return statement.attribute.friendly in ("FirstName", "LegalName") and not statement.representative


def _emptied(plan: Plan) -> Plan:
    statements = tuple(
        replace(s, values=(Value(text=""),)) if _name_attribute(s) else s for s in plan.statements
    )
    return replace(plan, statements=statements)


def _too_low(plan: Plan) -> Plan:
    """The next level below what was asked, or a lower one than any when low was asked."""
    asked = next((w for w in eidas.LEVELS if eidas.level_uri(w) in plan.request.levels), "low")
    index = eidas.LEVELS.index(asked)
    lower = eidas.level_uri(eidas.LEVELS[index - 1]) if index else "http://eidas.europa.eu/LoA/test"
    return replace(plan, level=lower)


def _unpublished(plan: Plan) -> Plan:
    published = plan.speaker.published_levels
    others = [eidas.level_uri(w, notified=k) for k in (True, False) for w in reversed(eidas.LEVELS)]
    return replace(plan, level=next(u for u in others if u not in published))


def _represented(plan: Plan) -> Plan:
    issuing = next((s.values[0].text[:2] for s in plan.statements if _is_identifier(s)), None)
    if issuing is None:  # the honest answer is a failure already: nobody to represent
        return plan
    person = {
        "PersonIdentifier": f"{issuing}/{plan.request.requester.country}/uninvited",
        "FamilyName": "Uninvited",
        "FirstName": "Guest",
        "DateOfBirth": "1970-01-01",
    }
    extra = tuple(
        Statement(attribute=BY_FRIENDLY[k], values=(Value(text=v),), representative=True)
        for k, v in person.items()
    )
    kept = tuple(s for s in plan.statements if not s.representative)
    return replace(plan, statements=kept + extra)


def _failing(top: str, second: str, message: str) -> Callable[[Plan], Plan]:
    return lambda plan: replace(plan, failure=Failure(top=top, second=second, message=message))


def _old(plan: Plan, family: str) -> Plan:
    """SHA-1 throughout, with the key the node has."""
    return replace(plan, method=f"{'ecdsa' if plan.speaker.elliptic else 'rsa'}-{family}", digest=family)


def _foreign(text: str) -> str:
    return ("IT" if not text.startswith("IT") else "FR") + text[2:]


_ALL = (
    Fault("expired", "Assertion expired two hours ago", faults.expired),
    Fault("not-yet-valid", "Assertion valid only in two hours", faults.not_yet_valid),
    Fault("wrong-audience", "Audience is another service", lambda p: replace(p, audience="https://other.example/metadata")),
    Fault("wrong-destination", "Destination is another address", faults.wrong_destination),
    Fault("wrong-recipient", "Recipient is another address", faults.wrong_recipient),
    Fault("wrong-issuer", "Issuer is another country's node", lambda p: replace(p, issuer="https://eidas.other.example/metadata")),
    Fault("wrong-in-response-to", "InResponseTo names another request", faults.wrong_in_response_to),
    Fault("wrong-confirmation", "SubjectConfirmation answers another request", faults.wrong_confirmation),
    Fault("unsolicited", "No InResponseTo at all", faults.unsolicited),
    Fault("wrong-signature", "Signature value changed by one bit", lambda p: replace(p, break_signature=True)),
    Fault("unsigned", "No signature", lambda p: replace(p, signed_by="nobody")),
    Fault("unknown-key", "Signed by a key nobody knows", lambda p: replace(p, signed_by="stranger")),
    Fault("pkcs1", "Signed with RSA PKCS#1 v1.5", lambda p: replace(p, method="rsa-sha256"), rsa_only=True),
    Fault("sha1", "Signed with SHA-1", lambda p: _old(p, "sha1")),
    Fault("sha1-digest", "SHA-1 only in the reference digest", lambda p: replace(p, digest="sha1")),
    Fault("level-too-low", "Level below the request", _too_low),
    Fault("level-unpublished", "Level this node does not publish", _unpublished),
    Fault("level-wrong-case", "Level in capital letters", lambda p: replace(p, level=eidas.LOA_PREFIX + "HIGH")),
    Fault("level-test", "Level test", lambda p: replace(p, level=eidas.LOA_PREFIX + "test")),
    Fault("plain-assertion", "Assertion not encrypted", lambda p: replace(p, encrypted=False)),
    Fault("aes-cbc", "Assertion encrypted with AES-256-CBC", lambda p: replace(p, content="aes256-cbc")),
    Fault("two-assertions", "Two assertions", lambda p: replace(p, copies=2)),
    Fault("missing-attribute", "A mandatory attribute is missing", lambda p: replace(p, statements=tuple(s for s in p.statements if not _name_attribute(s)))),
    Fault("empty-attribute", "A mandatory attribute is empty", _emptied),
    Fault("foreign-identifier", "Identifier of another country", lambda p: _identifiers(p, _foreign)),
    Fault("wrong-destination-country", "Identifier made for another country", lambda p: _identifiers(p, lambda t: t[:3] + "XX" + t[5:])),
    Fault("identifier-with-space", "Identifier with a space in it", lambda p: _identifiers(p, lambda t: t + " x")),
    Fault("representative", "A representative nobody asked for", _represented),
    Fault("duplicate-attribute", "The identifier twice", lambda p: replace(p, statements=p.statements[:1] + p.statements)),
    Fault("doctype", "DOCTYPE before the Response", lambda p: replace(p, doctype=True)),
    Fault("comment", "XML comment inside the identifier", _commented),
    Fault("replay", "The same answer twice", lambda p: replace(p, sent_twice=True)),
    Fault("decline", "Citizen declines (RequestDenied)", _failing("Requester", "RequestDenied", "202012 - citizen consent not given")),
    Fault("authn-failed", "Authentication failed (AuthnFailed)", _failing("Responder", "AuthnFailed", "003002 - authentication failed")),
    Fault("no-authn-context", "Level cannot be reached (NoAuthnContext)", _failing("Responder", "NoAuthnContext", "000009 - level not offered")),
    Fault("internal", "The node is out of order", _failing("Responder", "RequestUnsupported", "203001 - internal error")),
    Fault("version", "Other SAML version (VersionMismatch)", _failing("VersionMismatch", "RequestVersionTooHigh", "203007 - version")),
)  # fmt: skip

FAULTS: Final = MappingProxyType({fault.name: fault for fault in _ALL})
