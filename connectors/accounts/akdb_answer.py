"""From the attributes of BundID and the other AKDB accounts to a person (bundid.md §1.7 to §1.11)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from connectors.accounts import trust_levels
from connectors.accounts.asked import Asked, Reading, irregular_names, lowest, require_all, value_of
from connectors.accounts.attributes import (
    BPK2,
    DOCUMENT_TYPE,
    ISSUING_COUNTRY,
    LEVEL,
    MULTI_FACTOR,
    NATIONALITY,
    PROVED_BY,
    VERSION,
    AccountAttribute,
    Place,
    collect,
    decode,
    text_of,
)
from connectors.accounts.profile import Method, Profile
from connectors.assurance import LevelOfAssurance
from connectors.errors import AttributeMissing, InvalidAnswer
from connectors.identity import (
    Absent,
    AccountFacts,
    Address,
    AddressValue,
    Attested,
    CountriesValue,
    Identifier,
    NaturalPerson,
)
from connectors.saml.response import VerifiedAssertion
from trust.xml import Element

_IDENTITY_CARD = "ID"
_PSEUDONYM = re.compile(r"[!-~]{1,255}")
"""43 characters base64url, or another account's identifier with prefixes (FINK): visible ASCII."""


def read(assertion: VerifiedAssertion, asked: Asked, profile: Profile, *, above_login: str) -> Reading:
    """The person of a verified answer; raises InvalidAnswer ``account.*`` and AttributeMissing."""
    table = profile.by_name()
    found = collect(assertion.attributes, table, name_format=profile.name_format)
    level = trust_levels.of_login(assertion.authn_context, dict(profile.known_levels), _text(found, LEVEL))
    word, method = _method(found, asked, profile)
    if method is not None and level > method.highest:
        raise InvalidAnswer("account.method.level")
    identifier = _identifier(found, asked)
    country = _country(found, method)
    person, account_values, facts = _fields(found, table, asked, level, above_login)
    nationalities, assumed = _nationalities(person.get("nationalities"), found, asked)
    if nationalities is not None:
        person["nationalities"] = nationalities
    subject = NaturalPerson(identifier=identifier, **person)  # type: ignore[arg-type]  # the table fixes each field's type
    account = AccountFacts(
        proved_by=word,
        issuing_country=country,
        guest=identifier is None,
        multi_factor=_flag(found),
        interface_version=_text(found, VERSION),
        company=facts,
        icao_nationality=_text(found, NATIONALITY) if "nationalities" in asked.fields else None,
        levels={name: value.level for name, value in account_values.items() if value.level is not None},
        assumed=assumed,
        irregular=irregular_names(subject),
        **{name: value.value for name, value in account_values.items()},  # type: ignore[arg-type]  # likewise
    )
    require_all(asked, subject, account)
    return Reading(level=level, subject=subject, account=account)


def _text(found: Mapping[str, Element], definition: AccountAttribute) -> str | None:
    return text_of(found.get(definition.name), definition) or None


def _method(found: Mapping[str, Element], asked: Asked, profile: Profile) -> tuple[str | None, Method | None]:
    """How the citizen proved it, held against what the service offered."""
    word = _text(found, PROVED_BY)
    if word is None:
        if not asked.all_methods:
            raise InvalidAnswer("account.method.missing")
        return None, None
    method = profile.proved_by(word)
    if method is None:
        raise InvalidAnswer("account.method.unknown")
    if method.name not in asked.methods:
        raise InvalidAnswer("account.method.not-offered")
    return word, method


def _identifier(found: Mapping[str, Element], asked: Asked) -> Identifier | None:
    """bPK2; none is taken for a service that welcomes temporary logins, so that all are alike."""
    if asked.guest:
        return None
    value = _text(found, BPK2)
    if value is None:
        raise AttributeMissing("account.guest", BPK2.friendly_name)
    if _PSEUDONYM.fullmatch(value) is None:
        raise InvalidAnswer("account.identifier.form")
    return Identifier(value=value)


def _fields(
    found: Mapping[str, Element],
    table: Mapping[str, AccountAttribute],
    asked: Asked,
    login: LevelOfAssurance,
    above_login: str,
) -> tuple[dict[str, object], dict[str, Attested[str]], dict[str, str]]:
    """Fields of the person, delivered fields of the account, further facts."""
    person: dict[str, object] = {}
    account: dict[str, Attested[str]] = {}
    facts: dict[str, str] = {}
    parts: list[tuple[str, Attested[str] | Absent]] = []
    for name, definition in table.items():
        element = found.get(name)
        level = _level(element, login, above_login)  # every word is checked, asked for or not
        match definition.place:
            case Place.PERSON:
                person[definition.field] = value_of(definition, element, asked, level)
            case Place.ACCOUNT:
                value = value_of(definition, element, asked, level)
                if isinstance(value, Attested):
                    account[definition.field] = value
            case Place.ADDRESS:
                part = replace(definition, field="address")
                parts.append((definition.field, value_of(part, element, asked, level)))
            case Place.FACT if "company" in asked.fields:
                text = text_of(element, definition)
                if text:
                    facts[definition.field] = text
            case _:
                pass
    person["address"] = address_of(parts)
    return person, account, facts


def _level(element: Element | None, login: LevelOfAssurance, above_login: str) -> LevelOfAssurance | None:
    if element is None:
        return None
    return trust_levels.of_attribute(element, login, above_login=above_login)


def address_of(parts: list[tuple[str, Attested[str] | Absent]]) -> AddressValue:
    """One address of several attributes, at the lowest of their levels."""
    states = [value for _, value in parts]
    delivered = {name: value for name, value in parts if isinstance(value, Attested)}
    if delivered:
        address = Address(**{name: value.value for name, value in delivered.items()})
        return Attested(value=address, level=lowest(value.level for value in delivered.values()))
    for state in (Absent.NOT_REQUESTED, Absent.DELIVERED_EMPTY):
        if state in states:
            return state
    return Absent.NOT_DELIVERED


def _nationalities(
    value: object, found: Mapping[str, Element], asked: Asked
) -> tuple[CountriesValue | None, tuple[str, ...]]:
    """German by assumption: cards issued before November 2019 leave the field empty.

    The interface allows it for an identity card only, and nobody vouches for it, so the value
    has no level and its field stands in ``assumed`` (bundid.md §1.8).
    """
    if "nationalities" not in asked.fields or isinstance(value, Attested):
        return None, ()
    if _text(found, NATIONALITY) is not None or _text(found, DOCUMENT_TYPE) != _IDENTITY_CARD:
        return None, ()
    return Attested(value=("DE",), level=None), ("nationalities",)


def _flag(found: Mapping[str, Element]) -> bool | None:
    text = _text(found, MULTI_FACTOR)
    return None if text is None else bool(decode(MULTI_FACTOR, text))


def _country(found: Mapping[str, Element], method: Method | None) -> str | None:
    """The state behind the means: stated for eIDAS, Germany for everything else."""
    if method is None:
        return None
    if not method.foreign:
        return "DE"
    text = _text(found, ISSUING_COUNTRY)
    return None if text is None else str(decode(ISSUING_COUNTRY, text))
