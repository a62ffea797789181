"""An account system as ``data/accounts/<path>.toml`` describes it: how it speaks, who has an
account there."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

DATA = Path(__file__).parent.parent / "data" / "accounts"

Profile = Literal["akdb", "dataport", "muk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One way to log in (IF 5, bundid.md §1.11)."""

    name: str
    """Element name inside ``akdb:AuthnMethods``; case counts."""
    proved_by: str
    """Value of AssertionProvedBy."""
    level: int
    """STORK level, 1 to 4; a person may say otherwise (eIDAS, FINK)."""
    second_hand: bool = False
    """Not in the interface description: offered only to a request that names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A test account, or a test company at MUK; ``values`` by the name of the attribute."""

    id: str
    note: str
    account: str = ""
    """One account may have several logins: those share this word. Empty: the login's own id."""
    method: str = ""
    level: int = 0
    """STORK level of the login."""
    guest: bool = False
    """Temporary login: nothing is stored, so there is no bPK2 and no mailbox."""
    decides: str = "answer"
    """``answer`` or ``back``."""
    values: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    trust: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Trust level words that differ from the usual; an empty word leaves the XML attribute out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account system. Field names as in the TOML file; addresses are relative to its path."""

    path: str
    name: str
    profile: Profile
    entity_id: str = ""
    """Empty: the address of the metadata."""
    metadata: str = ""
    """Where the metadata can be read; empty when there is no such address (MUK)."""
    sso_post: str
    sso_redirect: str = ""
    key: str = "rsa-4096"
    signature: str = "sha256-rsa-MGF1"
    digest: str = "sha256"
    sign_response: bool = True
    sign_assertion: bool = False
    encrypted: bool = True
    content: str = "aes256-gcm"
    without_certificate: tuple[str, ...] = ()
    """OnlineServiceIds whose authorisation certificate is not stored here: ``missing-berca``."""
    guest_hidden_by: Literal["required", "requested"] = "required"
    """Whether bPK2 and mailbox hide guests when required, or already when asked for (IF 9.2.1
    leaves room for both readings)."""
    interface_version: str = ""
    class_ref: str = ""
    """AuthnContextClassRef where the request asks for none (MUK)."""
    strict_metadata: bool = False
    """BayernID's additional wishes for the metadata handed in (bundid.md §1.4)."""
    private_names: bool = False
    """Knows ``urn:oid:akdb:`` names beside real OIDs (bundid.md §2.1, second-hand)."""
    methods: tuple[Method, ...] = ()
    people: tuple[Person, ...] = ()
    gateway: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """What the gateway's operator has to know: goes into ``registry/connectors/<path>.toml``."""

    @property
    def person_kind(self) -> str:
        """Whom a login there stands for, unless something else is asked for."""
        return "legal" if self.profile == "muk" else "natural"

    def person(self, identifier: str) -> Person | None:
        return next((p for p in self.people if p.id == identifier), None)

    def method(self, name: str) -> Method | None:
        return next((m for m in self.methods if m.name == name), None)


def read_account(path: Path) -> Account:
    """One account file; raises KeyError or TypeError when it does not fit the fields above."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    unknown = set(data) - {"account", "methods", "people", "gateway"}
    if unknown:
        raise KeyError(f"{path.name}: {', '.join(sorted(unknown))}")
    methods = {m["name"]: Method(**m) for m in data.get("methods", ())}
    people = tuple(_person(p, methods) for p in data.get("people", ()))
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data["account"].items()}
    return Account(
        path=path.stem,
        methods=tuple(methods.values()),
        people=people,
        gateway=MappingProxyType(data.get("gateway", {})),
        **fields,
    )


def _person(data: dict[str, Any], methods: Mapping[str, Method]) -> Person:
    frozen: dict[str, Any] = {k: MappingProxyType(data.pop(k, {})) for k in ("values", "trust")}
    method = methods.get(data.get("method", ""))
    if method is None and methods:
        raise KeyError(f"{data['id']}: method")
    level = data.pop("level", method.level if method else 3)
    return Person(**{"account": data["id"], **data}, level=level, **frozen)


@cache
def accounts() -> Mapping[str, Account]:
    """All account systems by path."""
    return MappingProxyType({p.stem: read_account(p) for p in sorted(DATA.glob("*.toml"))})
