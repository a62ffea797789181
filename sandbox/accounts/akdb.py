"""What a login at BundID, BayernID or another AKDB account delivers (IF 5, 6 and 9)."""

from __future__ import annotations

import json
import secrets
import uuid

from sandbox.accounts import pseudonyms
from sandbox.accounts.accounts import Account, Person
from sandbox.accounts.extension import Extension
from sandbox.accounts.names import FRIENDLY, OIDS, STORK, TRUST_LEVELS
from sandbox.accounts.plan import Item, Login
from sandbox.accounts.request import Request
from sandbox.saml import names as n
from sandbox.saml.plan import Failure

_NORMAL = frozenset(("mail", "bPK2", "legacyPostkorbHandle", "EID-CITIZEN-QAA-LEVEL", "DeMail",
                     "telephoneNumber", "AssertionProvedBy", "mfa"))  # fmt: skip
_UNLEVELLED = frozenset(("applicationId", "Version"))
_SECOND_FACTOR = {"eID": "true", "Elster": "true", "Benutzername": "false"}
"""IF 6.2.10 speaks of these only; with a password the person's own ``mfa`` says otherwise."""
_WITHOUT_MAILBOX = frozenset(("FINK",))


def offered(account: Account, request: Request) -> list[Person]:
    """Whom the login page shows: allowed methods that reach the level and can deliver (IF 9.2.1)."""
    extension = request.extension
    if extension is None or request.level is None:
        return []
    return [p for p in account.people if p.level >= request.level and _fits(account, extension, p)]


def _fits(account: Account, extension: Extension, person: Person) -> bool:
    method = account.method(person.method)
    if method is None:
        return False
    named = extension.methods is not None and method.name in extension.methods
    if not named and (extension.methods is not None or method.second_hand):
        return False
    required = account.guest_hidden_by == "required"
    if person.guest and any(extension.asks(a, required=required) for a in ("bPK2", "legacyPostkorbHandle")):
        return False
    return not (
        person.method in _WITHOUT_MAILBOX and extension.asks("legacyPostkorbHandle", required=required)
    )


def login(account: Account, request: Request, person: Person) -> Login | Failure:
    """The attributes that were asked for and that this login has; a required one missing fails."""
    extension = request.extension
    if extension is None:
        raise ValueError("an AKDB request has an extension")
    values = available(account, request, person)
    missing = [w.name for w in extension.attributes if w.required and FRIENDLY.get(w.name) not in values]
    if missing:
        return Failure(
            top="Requester",
            second="RequestDenied",
            message="security-msg",
            detail=required_missing(missing) if extension.status_detail else None,
        )
    wanted = dict.fromkeys(FRIENDLY.get(w.name, "") for w in extension.attributes)
    return Login(
        items=tuple(item(person, name, values[name]) for name in wanted if name in values),
        name_format=n.NAME_FORMAT_URI,
        class_ref=STORK[person.level - 1],
        name_id="_" + secrets.token_hex(16),
        name_id_format=n.FORMAT_TRANSIENT,
    )


def available(account: Account, request: Request, person: Person) -> dict[str, str]:
    """Everything this login could deliver, by FriendlyName."""
    method = account.method(person.method)
    if method is None:
        raise ValueError("a person logs in with a method of the account")
    host = request.provider.host
    values: dict[str, str] = {
        **person.values,
        "EID-CITIZEN-QAA-LEVEL": STORK[person.level - 1],
        "Version": account.interface_version,
        "AssertionProvedBy": method.proved_by,
        "applicationId": str(uuid.uuid4()),
    }
    if person.method in _SECOND_FACTOR:
        values.setdefault("mfa", _SECOND_FACTOR[person.method])
    if person.method == "eID":
        values["pseudonym"] = pseudonyms.card(person, host)
    if not person.guest:
        values["bPK2"] = pseudonyms.bpk2(account, person, host)
        if person.method not in _WITHOUT_MAILBOX:
            values["legacyPostkorbHandle"] = pseudonyms.mailbox(account, person)
    return values


def item(person: Person, friendly: str, value: str) -> Item:
    """One attribute with the trust level it has in this login (IF 6.2.9)."""
    return Item(name=OIDS[friendly], friendly=friendly, values=(value,), trust=_trust(person, friendly))


def _trust(person: Person, friendly: str) -> str | None:
    if friendly in person.trust:
        return person.trust[friendly] or None
    if friendly in _UNLEVELLED:
        return None
    level = person.level
    if friendly == "gender":
        level = 1
    elif friendly in _NORMAL:
        level = min(2, level)
    return TRUST_LEVELS[level - 1]


def required_missing(names: list[str]) -> str:
    """The JSON of akdb:StatusDetail (IF 9.7)."""
    message = f"Required attributes missing: {', '.join(names)}"
    error = {"code": "IDP_REQUIRED_ATTRIBUTES_MISSING", "message": message}
    return json.dumps({"version": "1.0", "errors": [error]})
