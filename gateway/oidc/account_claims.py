"""What a user account says about itself, for clients registered for it: claims ``account``,
``attribute_assurance`` and ``fim`` (bundid.md §4).

Nothing here is an identifier of a person: bPK2 and its like never leave (bundid.md §1.12). The person who
operated a company's account was *named* by it, not identified, and is never a ``representative``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from connectors.identity import (
    NATURAL_ATTRIBUTES,
    Absent,
    AccountFacts,
    Address,
    Attested,
    Gender,
    Identity,
    Name,
    PartialDate,
    Person,
)
from gateway.client_settings import Client
from gateway.oidc.person_claims import natural_person_claims

AttestedValue = (
    Attested[Name]
    | Attested[str]
    | Attested[PartialDate]
    | Attested[Address]
    | Attested[Gender]
    | Attested[tuple[str, ...]]
)
"""A value that can be shown and released."""

ACCOUNT = "account."
ACTING = "acting_person."
"""Prefixes of the keys under which such things are released."""

SHOWN_FACTS = (
    "mailbox_handle", "application_id", "pseudonym", "document_type", "community_id", "de_mail",
    "form_of_address", "icao_nationality",
)  # fmt: skip
"""Facts that say something about the person: the citizen sees them before they leave."""
TECHNICAL_FACTS = (
    "proved_by", "multi_factor", "issuing_country", "interface_version", "account_kind", "assumed", "irregular",
)  # fmt: skip
"""Facts about the login alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactOffer:
    """One fact for the overview."""

    key: str
    attribute: str
    value: Attested[str]


def fact_offers(client: Client, identity: Identity) -> Iterator[FactOffer]:
    """Facts the client is registered for, without those of the acting person."""
    account = identity.account
    if account is None:
        return
    for name in SHOWN_FACTS:
        value = getattr(account, name)
        if name in client.account_facts and value is not None:
            level = account.levels.get(name)
            yield FactOffer(key=ACCOUNT + name, attribute=name, value=Attested(value=value, level=level))
    if "company" in client.account_facts and account.company:
        text = ", ".join(f"{name}: {value}" for name, value in account.company.items())
        yield FactOffer(key=f"{ACCOUNT}company", attribute="company", value=Attested(value=text, level=None))


def acting_values(client: Client, identity: Identity) -> Iterator[tuple[str, AttestedValue]]:
    """Attribute and value of whoever operated the account, if the client is registered for that."""
    account = identity.account
    if account is None or account.acting_person is None or "acting_person" not in client.account_facts:
        return
    for attribute in NATURAL_ATTRIBUTES:
        value = getattr(account.acting_person, attribute)
        if not isinstance(value, Absent):
            yield attribute, value


def account_claim(client: Client, identity: Identity, released: frozenset[str]) -> dict[str, JsonValue]:
    """The claim ``account``: always whether the login was temporary, the rest as registered and released."""
    account = identity.account
    if account is None:
        return {}
    claim: dict[str, JsonValue] = {"guest": account.guest}
    for name in TECHNICAL_FACTS:
        value = getattr(account, name)
        if name in client.account_facts and value not in {None, ()}:
            claim[name] = list(value) if isinstance(value, tuple) else value
    for name in SHOWN_FACTS:
        if ACCOUNT + name in released:
            claim[name] = getattr(account, name)
    if f"{ACCOUNT}company" in released:
        claim["company"] = dict(account.company)
    if acting := _acting_claim(account, released, identity.source.country):
        claim["acting_person"] = {"identified": False, **acting}
    return {"account": claim}


def fact_assurance(identity: Identity, released: frozenset[str]) -> dict[str, JsonValue]:
    """Level and source of each released fact, where the account states a level."""
    account = identity.account
    if account is None:
        return {}
    return {
        name: {"source": identity.source.scheme, "level": account.levels[name].word}
        for name in SHOWN_FACTS
        if ACCOUNT + name in released and name in account.levels
    }


def _acting_claim(
    account: AccountFacts, released: frozenset[str], country: str | None
) -> dict[str, JsonValue]:
    keys = frozenset(key.removeprefix(ACTING) for key in released if key.startswith(ACTING))
    if account.acting_person is None or not keys:
        return {}
    return natural_person_claims(account.acting_person, keys, country)


def attribute_assurance(
    person: Person, keys: frozenset[str], source: str, names: Mapping[str, tuple[str, ...]]
) -> dict[str, JsonValue]:
    """Level and source of each released value under the name of its claim (``names``: attribute to claims).

    Where a claim is made of several values, the least of their levels counts. A value whose level the
    source does not state has none: that is not the lowest level (bundid.md §1.10).
    """
    found: dict[str, JsonValue] = {}
    levels: dict[str, list[int | None]] = {}
    words: dict[int, str] = {}
    for attribute in sorted(keys):
        value = getattr(person, attribute, Absent.NOT_REQUESTED)
        if isinstance(value, Attested):
            if value.level is not None:
                words[value.level] = value.level.word
            for claim in names.get(attribute, (attribute,)):
                if not claim.endswith("_verified"):
                    levels.setdefault(claim, []).append(value.level)
    for claim, several in levels.items():
        stated = [level for level in several if level is not None]
        entry: dict[str, JsonValue] = {"source": source}
        if len(stated) == len(several):
            entry["level"] = words[min(stated)]
        found[claim] = entry
    return found
