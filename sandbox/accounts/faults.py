"""The error menu: each entry makes an honest plan wrong, or unusual, in exactly one way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from sandbox.accounts import pseudonyms
from sandbox.accounts.accounts import Account, Profile
from sandbox.accounts.names import DOCUMENTED_METHODS, LOA, OIDS, STORK, TRUST_LEVELS
from sandbox.accounts.people import CANCELLED
from sandbox.accounts.plan import Item, Plan, Structure
from sandbox.saml import faults
from sandbox.saml.plan import Failure

_ALL_PROFILES: Final[tuple[Profile, ...]] = ("akdb", "dataport", "muk")


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to answer otherwise than expected."""

    name: str
    label: str
    change: Callable[[Plan], Plan]
    profiles: tuple[Profile, ...] = _ALL_PROFILES

    def fits(self, account: Account) -> bool:
        return account.profile in self.profiles


def _items(plan: Plan, change: Callable[[tuple[Item, ...]], tuple[Item, ...]]) -> Plan:
    """Change the attributes; a failure has none and stays as it is."""
    if plan.login is None:
        return plan
    return replace(plan, login=replace(plan.login, items=change(plan.login.items)))


def _each(plan: Plan, wanted: Callable[[Item], bool], change: Callable[[Item], Item]) -> Plan:
    return _items(plan, lambda items: tuple(change(i) if wanted(i) else i for i in items))


def _named(*names: str) -> Callable[[Item], bool]:
    return lambda item: item.name in names


_NAME = _named(OIDS["surname"], "FamilyNames", "Firmenname")
_KEY = _named(OIDS["bPK2"], "DatenuebermittlerPseudonymId")


def _text(item: Item, text: str) -> Item:
    return replace(item, values=(text,))


def _class_ref(plan: Plan, reference: str) -> Plan:
    return plan if plan.login is None else replace(plan, login=replace(plan.login, class_ref=reference))


def _too_low(plan: Plan) -> Plan:
    """One level below the request, the level attribute agreeing; below the lowest there is none."""
    asked = plan.request.level or 1
    if plan.account.profile == "dataport":
        return _class_ref(plan, LOA[asked - 3] if asked > 2 else "http://eidas.europa.eu/LoA/none")
    lower = STORK[asked - 2] if asked > 1 else "STORK-QAA-Level-0"
    return _each(_class_ref(plan, lower), _named(OIDS["EID-CITIZEN-QAA-LEVEL"]), lambda i: _text(i, lower))


def _level_contradicts(plan: Plan) -> Plan:
    other = STORK[0] if plan.login is None or plan.login.class_ref != STORK[0] else STORK[3]
    return _each(plan, _named(OIDS["EID-CITIZEN-QAA-LEVEL"]), lambda i: _text(i, other))


def _trust(plan: Plan, word: str | None) -> Plan:
    return _each(plan, _NAME, lambda i: replace(i, trust=word))


def _trust_above(plan: Plan) -> Plan:
    level = plan.person.level if plan.person else 4
    return _trust(plan, TRUST_LEVELS[min(level, 3)])


def _generation(plan: Plan) -> Plan:
    """The account was deleted and opened again: everything that hangs on it is new."""
    person = plan.person
    if person is None or plan.login is None:
        return plan
    host = plan.request.provider.host
    new = {
        OIDS["bPK2"]: pseudonyms.bpk2(plan.account, person, host, generation=2),
        OIDS["legacyPostkorbHandle"]: pseudonyms.mailbox(plan.account, person, generation=2),
    }
    return _each(plan, _named(*new), lambda i: _text(i, new[i.name]))


def _without_key(plan: Plan) -> Plan:
    """No user key: no bPK2, or an empty persistent NameID."""
    dropped = _items(plan, lambda items: tuple(i for i in items if not _KEY(i)))
    if plan.account.profile == "akdb" or dropped.login is None:
        return dropped
    return replace(dropped, login=replace(dropped.login, name_id=""))


def _extra(item: Item) -> Callable[[Plan], Plan]:
    return lambda plan: _items(plan, lambda items: (*items, item))


def _twice(plan: Plan) -> Plan:
    """The name twice, with two values."""

    def change(items: tuple[Item, ...]) -> tuple[Item, ...]:
        return items + tuple(_text(i, "ZWEITER NAME") for i in items if _NAME(i))

    return _items(plan, change)


def _two_values(item: Item) -> Item:
    return replace(item, values=(*item.values, "ZWEITER WERT"))


def _commented(item: Item) -> Item:
    text = item.values[0]
    return replace(item, comment_at=len(text) // 2) if isinstance(text, str) else item


def _set(plan: Plan, name: str, text: str) -> Plan:
    return _each(plan, _named(name), lambda i: _text(i, text))


def _not_allowed(plan: Plan) -> Plan:
    """A documented method that the request does not list, or a word nobody knows."""
    extension = plan.request.extension
    listed = (extension.methods if extension else None) or DOCUMENTED_METHODS
    word = next((m for m in DOCUMENTED_METHODS if m not in listed), "Telefax")
    return _set(plan, OIDS["AssertionProvedBy"], word)


def _bad_birthdate(plan: Plan) -> Plan:
    """The thirteenth month, wherever this account system writes a date of birth."""
    bent = _set(_set(plan, OIDS["birthdate"], "1980-13-45"), "DateOfBirth", "1980-13-45")
    return _each(bent, _named("HandelndePerson"), _acting_person_born_never)


def _acting_person_born_never(item: Item) -> Item:
    (value,) = item.values
    if not isinstance(value, Structure):
        return item
    children = tuple((n, "45.13.1980" if n == "Geburtsdatum" else v) for n, v in value.children)
    return replace(item, values=(replace(value, children=children),))


def _failing(failure: Failure) -> Callable[[Plan], Plan]:
    return lambda plan: replace(plan, failure=failure, sign_response=True)


_CLOSED = (
    Fault("expired", "Assertion expired two hours ago", faults.expired),
    Fault("not-yet-valid", "Assertion valid only in two hours", faults.not_yet_valid),
    Fault("wrong-audience", "Audience is another service provider", lambda p: replace(p, audience="https://portal.other.example")),
    Fault("wrong-destination", "Destination is another address", faults.wrong_destination),
    Fault("wrong-recipient", "Recipient is another address", faults.wrong_recipient),
    Fault("wrong-issuer", "Issuer is another account system", lambda p: replace(p, issuer="https://account.other.example/idp")),
    Fault("wrong-in-response-to", "Answers the request of another portal", faults.wrong_in_response_to),
    Fault("wrong-confirmation", "SubjectConfirmation answers another request", faults.wrong_confirmation),
    Fault("unsolicited", "No InResponseTo at all", faults.unsolicited),
    Fault("wrong-signature", "Signature value changed by one bit", lambda p: replace(p, break_signature=True)),
    Fault("unsigned", "No signature at all", lambda p: replace(p, signed_by="nobody")),
    Fault("unknown-key", "Signed by a key nobody knows", lambda p: replace(p, signed_by="stranger")),
    Fault("pkcs1", "Signed with RSA PKCS#1 v1.5", lambda p: replace(p, method="rsa-sha256"), ("akdb", "muk")),
    Fault("sha1", "Signed with SHA-1", lambda p: replace(p, method="rsa-sha1", digest="sha1")),
    Fault("response-unsigned", "Only the assertion is signed, not the Response", lambda p: replace(p, sign_response=False, sign_assertion=True), ("akdb", "muk")),
    Fault("plain-assertion", "Assertion not encrypted", lambda p: replace(p, encrypted=False), ("akdb", "muk")),
    Fault("aes-cbc", "Assertion encrypted with AES-256-CBC", lambda p: replace(p, content="aes256-cbc"), ("akdb", "muk")),
    Fault("two-assertions", "Two assertions", lambda p: replace(p, copies=2)),
    Fault("doctype", "DOCTYPE before the Response", lambda p: replace(p, doctype=True)),
    Fault("comment", "XML comment inside the name", lambda p: _each(p, _NAME, _commented)),
    Fault("replay", "The same answer twice", lambda p: replace(p, sent_twice=True)),
)  # fmt: skip

_CONTENT = (
    Fault("oaep-sha1", "Session key wrapped with RSA-OAEP and SHA-1 (not confirmed for the real one)", lambda p: replace(p, transport="rsa-oaep-mgf1p"), ("akdb", "muk")),
    Fault("second-key", "Encrypted for the other key we were handed (must work)", lambda p: replace(p, recipient_key=-1), ("akdb", "muk")),
    Fault("level-too-low", "Level below the request", _too_low, ("akdb", "dataport")),
    Fault("level-unknown", "Level that does not exist", lambda p: _class_ref(p, "STORK-QAA-Level-5"), ("akdb", "dataport")),
    Fault("level-contradicts", "EID-CITIZEN-QAA-LEVEL differs from the class", _level_contradicts, ("akdb",)),
    Fault("trust-missing", "The name has no trust level", lambda p: _trust(p, None), ("akdb",)),
    Fault("trust-unknown", "The name has an unknown trust level", lambda p: _trust(p, "SEHR_HOCH"), ("akdb",)),
    Fault("trust-wrong-spelling", "Trust level spelt SUBSTANZIELL", lambda p: _trust(p, "SUBSTANZIELL"), ("akdb",)),
    Fault("trust-higher", "The name has a higher trust level than the login (which must be below 4)", _trust_above, ("akdb",)),
    Fault("method-not-allowed", "AssertionProvedBy names a method nobody allowed", _not_allowed, ("akdb",)),
    Fault("friendly-name", "Surname under the friendly name of bPK2", lambda p: _each(p, _named(OIDS["surname"]), lambda i: replace(i, friendly="bPK2")), ("akdb",)),
    Fault("friendly-key", "An unknown OID under the friendly name of bPK2", _extra(Item(name="urn:oid:1.2.3.4", friendly="bPK2", values=("angreifer",), trust="HOCH")), ("akdb",)),
    Fault("unrequested", "An attribute nobody asked for", _extra(Item(name=OIDS["DeMail"], friendly="DeMail", values=("x@de-mail.example",), trust="NORMAL")), ("akdb",)),
    Fault("duplicate-attribute", "Two attributes of one name", _twice),
    Fault("two-values", "One attribute with two values", lambda p: _each(p, _NAME, _two_values)),
    Fault("empty-attribute", "The name is empty", lambda p: _each(p, _NAME, lambda i: _text(i, ""))),
    Fault("missing-attribute", "The name is missing", lambda p: _items(p, lambda items: tuple(i for i in items if not _NAME(i)))),
    Fault("missing-key", "No user key although nobody is a guest", _without_key),
    Fault("new-account", "The account was deleted and opened again (other bPK2)", _generation, ("akdb",)),
    Fault("bad-birthdate", "Date of birth that is no date", _bad_birthdate),
    Fault("test-account", "IstTestkonto is true", lambda p: _set(p, "IstTestkonto", "true"), ("muk",)),
    Fault("test-account-unsaid", "IstTestkonto is missing", lambda p: _items(p, lambda items: tuple(i for i in items if i.name != "IstTestkonto")), ("muk",)),
    Fault("weak-identification", "ElsterVertrauensniveauIdentifizierung is niedrig", lambda p: _set(p, "ElsterVertrauensniveauIdentifizierung", "niedrig"), ("muk",)),
)  # fmt: skip

_STATUS = (
    Fault("cancelled", "Cancelled, as a SAML error", _failing(CANCELLED)),
    Fault("request-denied", "Required data missing, without detail", _failing(Failure(top="Requester", second="RequestDenied", message="security-msg"))),
    Fault("detail-broken", "StatusDetail is no JSON", _failing(Failure(top="Requester", second="RequestDenied", message="security-msg", detail='{"version": "1.0", "errors": [')), ("akdb",)),
    Fault("no-authn-context", "Level cannot be reached (NoAuthnContext)", _failing(Failure(top="Requester", second="NoAuthnContext"))),
    Fault("internal", "The account system is out of order", _failing(Failure(top="Responder"))),
)  # fmt: skip

FAULTS: Final = MappingProxyType({fault.name: fault for fault in (*_CLOSED, *_CONTENT, *_STATUS)})
