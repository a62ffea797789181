"""Mein Unternehmenskonto: attributes of EKONA and what they mean (bundid.md §3.2).

The organisation is identified by its certificate. The acting person is what the organisation
says about its user; nobody identified that person, so no level goes with it and it is never a
representative. Structures are XML: a reader of flat values would lose them.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.accounts import trust_levels, values
from connectors.accounts.asked import Asked, Reading, require_all, value_of
from connectors.accounts.attributes import AccountAttribute, Form, Place, collect, only_value, text_of
from connectors.accounts.profile import Profile
from connectors.assurance import LevelOfAssurance
from connectors.errors import AttributeMissing, InvalidAnswer
from connectors.identity import (
    Absent,
    AccountFacts,
    Address,
    AddressValue,
    Attested,
    DateValue,
    Identifier,
    LegalPerson,
    NameValue,
    NaturalPerson,
    TextValue,
)
from connectors.saml.response import VerifiedAssertion
from trust.xml import Element

EKONA = "http://www.elster.de/schema/ekona/saml/extensions"


def _attribute(name: str, place: Place, field: str, form: Form = Form.TEXT) -> AccountAttribute:
    return AccountAttribute(name=name, friendly_name=name, place=place, field=field, form=form)


_PSEUDONYM = _attribute("DatenuebermittlerPseudonymId", Place.EVIDENCE, "pseudonym")
_DATA_SET = _attribute("DatenkranzTyp", Place.EVIDENCE, "data_set")
_TEST = _attribute("IstTestkonto", Place.EVIDENCE, "test_account", Form.FLAG)
_LEVELS = (
    _attribute("ElsterVertrauensniveauIdentifizierung", Place.EVIDENCE, "identification"),
    _attribute("ElsterVertrauensniveauAuthentifizierung", Place.EVIDENCE, "authentication"),
)
_NAME = _attribute("Firmenname", Place.PERSON, "legal_name", Form.LEGAL_NAME)
_ADDRESS = _attribute("Unternehmensanschrift", Place.PERSON, "legal_address", Form.STRUCTURE)
_ACTING = _attribute("HandelndePerson", Place.ACCOUNT, "acting_person", Form.STRUCTURE)
_FACTS = tuple(
    _attribute(name, Place.FACT, name)
    for name in (
        "DatenkranzTyp", "PersTyp", "Rechtsform", "RechtsformText", "Taetigkeit", "TaetigkeitText", "Registerart",
        "Registergericht", "Registernummer",
    )
)  # fmt: skip
"""The ELSTER data block. ``DatenkranzTyp`` is a fact too: it says which of the others to expect."""

ATTRIBUTES = (_PSEUDONYM, _TEST, *_LEVELS, _NAME, _ADDRESS, _ACTING, *_FACTS)
"""The organisation's data set. The set for natural persons (``IdNr``) is not read: its tax number
may go nowhere without a law that says so."""

_ADDRESS_FIELDS = {
    "Strasse": "thoroughfare",
    "Hausnummer": "locator_designator",
    "PLZ": "post_code",
    "Ort": "post_name",
    "Ortsteil": "address_area",
    "Adressergaenzung": "locator_name",
    "Land": "country",
}
_PERSONAL_DATA_SET = "IdNr"
_LIMIT = 500


def read(
    assertion: VerifiedAssertion, asked: Asked, profile: Profile, *, test_accounts: bool, unstated_level: str
) -> Reading:
    """The organisation of a verified answer; raises InvalidAnswer ``account.*`` and AttributeMissing."""
    found = collect(assertion.attributes, profile.by_name(), name_format=profile.name_format)
    _require_genuine(found, test_accounts=test_accounts)
    if _text(found, _DATA_SET) == _PERSONAL_DATA_SET:
        raise InvalidAnswer("account.person-kind", "data set of a natural person")
    level = min(_level(found, unstated_level), max(profile.offered))
    pseudonym = _text(found, _PSEUDONYM)
    subject = LegalPerson(
        identifier=_identifier(assertion, pseudonym),
        legal_name=value_of(_NAME, found.get(_NAME.name), asked, level),
        legal_address=_address(found, asked, level),
    )
    account = AccountFacts(
        proved_by="Elster",
        account_kind=_text(found, _DATA_SET),
        issuing_country="DE",
        acting_person=_acting_person(found, asked),
        company=_facts(found, asked),
        organisation_pseudonym=pseudonym,
    )
    require_all(asked, subject, account)
    return Reading(level=level, subject=subject, account=account)


def _text(found: Mapping[str, Element], definition: AccountAttribute) -> str | None:
    return text_of(found.get(definition.name), definition) or None


def _require_genuine(found: Mapping[str, Element], *, test_accounts: bool) -> None:
    text = _text(found, _TEST)
    if text is not None and values.flag(text.lower()) and not test_accounts:
        raise InvalidAnswer("account.test-account")


def _level(found: Mapping[str, Element], unstated: str) -> LevelOfAssurance:
    """The lower of identification and authentication, both as ELSTER states them."""
    words = [text for definition in _LEVELS if (text := _text(found, definition)) is not None]
    if len(words) < len(_LEVELS) and unstated == "refuse":
        raise InvalidAnswer("account.level.missing")
    return min([trust_levels.of_words(word) for word in words] or [LevelOfAssurance.SUBSTANTIAL])


def _identifier(assertion: VerifiedAssertion, pseudonym: str | None) -> Identifier:
    """The account's NameID and the organisation's pseudonym together (bundid.md §4.1)."""
    if pseudonym is None:
        raise AttributeMissing("account.identifier.missing", _PSEUDONYM.name)
    name_id = assertion.name_id
    for part in (name_id, pseudonym):
        if not part or not part.isprintable() or " " in part or len(part) > 256:
            raise InvalidAnswer("account.identifier.form")
    return Identifier(value=f"{pseudonym} {name_id}")


def _facts(found: Mapping[str, Element], asked: Asked) -> dict[str, str]:
    if "company" not in asked.fields:
        return {}
    texts = ((definition.name, _text(found, definition)) for definition in _FACTS)
    return {name: text for name, text in texts if text is not None}


def _address(found: Mapping[str, Element], asked: Asked, level: LevelOfAssurance) -> AddressValue:
    parts = _structure(found, _ADDRESS, asked)
    if isinstance(parts, Absent):
        return parts
    fields = {_ADDRESS_FIELDS[name]: text for name, text in parts.items() if name in _ADDRESS_FIELDS}
    if "country" in fields:
        fields["country"] = values.country(fields["country"])
    return Attested(value=Address(**fields), level=level) if fields else Absent.DELIVERED_EMPTY


def _acting_person(found: Mapping[str, Element], asked: Asked) -> NaturalPerson | None:
    parts = _structure(found, _ACTING, asked)
    if isinstance(parts, Absent):
        return None
    born = parts.get("Geburtsdatum")
    date: DateValue = (
        Absent.NOT_DELIVERED if born is None else Attested(value=values.german_date(born), level=None)
    )
    family = " ".join(parts[n] for n in ("Namensvorsatz", "Nachname", "Namenszusatz") if n in parts)
    degree = parts.get("AkademischerGrad")
    title: TextValue = Absent.NOT_DELIVERED if degree is None else Attested(value=degree, level=None)
    return NaturalPerson(
        identifier=None,
        family_name=_unassured(family),
        given_name=_unassured(parts.get("Vorname")),
        date_of_birth=date,
        title=title,
    )


def _unassured(text: str | None) -> NameValue:
    return Attested(value=values.name(text), level=None) if text else Absent.NOT_DELIVERED


def _structure(
    found: Mapping[str, Element], definition: AccountAttribute, asked: Asked
) -> dict[str, str] | Absent:
    """The children of a structured value by local name, empty ones left out.

    Raises InvalidAnswer ``account.structure`` for elements of another namespace or twice.
    """
    if definition.field not in asked.fields:
        return Absent.NOT_REQUESTED
    attribute = found.get(definition.name)
    if attribute is None:
        return Absent.NOT_DELIVERED
    value = only_value(attribute, definition)
    if value is None or not len(value):
        return Absent.DELIVERED_EMPTY
    parts: dict[str, str] = {}
    for child in value:
        namespace, _, name = str(child.tag)[1:].partition("}")
        if namespace != EKONA or name in parts:
            raise InvalidAnswer("account.structure", definition.name)
        parts[name] = values.text(child, _LIMIT)
    return {name: text for name, text in parts.items() if text} or Absent.DELIVERED_EMPTY
