"""The Dataport OSI Servicekonto: attributes and what they mean (bundid.md §2.2).

Everything here is second-hand: no interface description was available, only what other brokers
configure. Namespaces of structured values are unknown, so they are matched by local name, inside
the verified assertion only. The interface has no level per value: the class reference covers the
identification, so names and birth carry its level and everything else carries none.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.accounts import trust_levels, values
from connectors.accounts.asked import Asked, Reading, irregular_names, require_all, value_of
from connectors.accounts.attributes import AccountAttribute, Form, Place, collect, only_value
from connectors.accounts.profile import Profile
from connectors.assurance import LevelOfAssurance
from connectors.errors import InvalidAnswer
from connectors.identity import (
    Absent,
    AccountFacts,
    Address,
    AddressValue,
    Attested,
    Identifier,
    LegalPerson,
    Name,
    NameValue,
    NaturalPerson,
    PersonKind,
    TextValue,
)
from connectors.saml.response import VerifiedAssertion
from trust.xml import Element


def _attribute(name: str, place: Place, field: str, form: Form = Form.TEXT) -> AccountAttribute:
    return AccountAttribute(name=name, friendly_name=name, place=place, field=field, form=form)


_IDENTIFIED = frozenset({"family_name", "given_name", "date_of_birth", "birth_family_name", "place_of_birth"})
_RESIDENCE = _attribute("PlaceOfResidence", Place.PERSON, "address", Form.STRUCTURE)
_BIRTHPLACE = _attribute("PlaceOfBirth", Place.PERSON, "place_of_birth", Form.STRUCTURE)
_ENTITY = _attribute("LegalEntity", Place.PERSON, "legal_name", Form.STRUCTURE)
_FLAT = (
    _attribute("AcademicTitle", Place.PERSON, "title"),
    _attribute("GivenNames", Place.PERSON, "given_name", Form.NAME),
    _attribute("FamilyNames", Place.PERSON, "family_name", Form.NAME),
    _attribute("BirthName", Place.PERSON, "birth_family_name", Form.NAME),
    _attribute("DateOfBirth", Place.PERSON, "date_of_birth", Form.ISO_DATE),
    _attribute("EmailAddress", Place.PERSON, "email"),
    _attribute("Telephone", Place.PERSON, "phone_number"),
)
_TITLE = _attribute("Title", Place.ACCOUNT, "form_of_address")
_MAILBOX = _attribute("InboxReference", Place.ACCOUNT, "mailbox_handle")
_FACTS = ("OrganizationUnit", "CommercialRegistrationNumber", "CommercialRegistrationCourt", "ForeignId")

ATTRIBUTES = (*_FLAT, _RESIDENCE, _BIRTHPLACE, _ENTITY, _TITLE, _MAILBOX)
"""Not read: PrincipalType, CitizenProfileType, AssuranceLevel, Gender, Language, whose values nobody
documents; Cellphone, where Telephone is the one number we have a place for."""

_ADDRESS_FIELDS = {
    "StreetAddress": "thoroughfare",
    "ZipCode": "post_code",
    "City": "post_name",
    "Country": "country",
}
_LIMIT = 500


def read(assertion: VerifiedAssertion, asked: Asked, profile: Profile) -> Reading:
    """The person or organisation; raises InvalidAnswer ``account.*``, AttributeMissing."""
    found = collect(assertion.attributes, profile.by_name(), name_format=profile.name_format)
    level = trust_levels.of_login(assertion.authn_context, dict(profile.known_levels), None)
    identifier = _identifier(assertion)
    entity = found.get(_ENTITY.name)
    if (entity is not None) != (asked.person is PersonKind.LEGAL):
        raise InvalidAnswer("account.person-kind")
    flat = {definition.field: _value(definition, found, asked, level) for definition in _FLAT}
    mailbox, form = (_plain(definition, found, asked) for definition in (_MAILBOX, _TITLE))
    subject: NaturalPerson | LegalPerson
    if entity is None:
        subject = NaturalPerson(
            identifier=identifier,
            place_of_birth=_birthplace(found, asked, level),
            address=_address(found, asked),
            **flat,  # type: ignore[arg-type]  # the table fixes each field's type
        )
        account = AccountFacts(
            mailbox_handle=mailbox,
            form_of_address=form,
            irregular=irregular_names(subject),
        )
    else:
        parts = _parts(entity, _ENTITY)
        subject = LegalPerson(identifier=identifier, legal_name=_legal_name(parts, asked, level))
        account = AccountFacts(
            mailbox_handle=mailbox,
            form_of_address=form,
            acting_person=_acting_person(found, asked),
            company=_facts(parts, asked),
        )
    require_all(asked, subject, account)
    return Reading(level=level, subject=subject, account=account)


def _identifier(assertion: VerifiedAssertion) -> Identifier:
    value = assertion.name_id
    if not value or not value.isprintable() or " " in value or len(value) > 256:
        raise InvalidAnswer("account.identifier.form")
    return Identifier(value=value)


def _value(
    definition: AccountAttribute, found: Mapping[str, Element], asked: Asked, level: LevelOfAssurance
) -> object:
    return value_of(
        definition, found.get(definition.name), asked, level if definition.field in _IDENTIFIED else None
    )


def _plain(definition: AccountAttribute, found: Mapping[str, Element], asked: Asked) -> str | None:
    value = value_of(definition, found.get(definition.name), asked, None)
    return value.value if isinstance(value, Attested) else None


def _acting_person(found: Mapping[str, Element], asked: Asked) -> NaturalPerson | None:
    """Who used the organisation's account: named, not identified, so without any level."""
    if "acting_person" not in asked.fields:
        return None
    names: dict[str, NameValue] = {}
    for definition in _FLAT:
        if definition.form is Form.NAME and definition.field != "birth_family_name":
            element = found.get(definition.name)
            value = None if element is None else only_value(element, definition)
            text = "" if value is None else values.text(value, definition.max_length)
            names[definition.field] = (
                Attested(value=values.name(text), level=None) if text else Absent.NOT_DELIVERED
            )
    return NaturalPerson(identifier=None, **names)  # type: ignore[arg-type]  # two name fields


def _birthplace(found: Mapping[str, Element], asked: Asked, level: LevelOfAssurance) -> TextValue:
    parts = _structure(found, _BIRTHPLACE, asked)
    if isinstance(parts, Absent):
        return parts
    text = parts.get("Freetext")
    return Attested(value=text, level=level) if text else Absent.DELIVERED_EMPTY


def _address(found: Mapping[str, Element], asked: Asked) -> AddressValue:
    parts = _structure(found, _RESIDENCE, asked)
    if isinstance(parts, Absent):
        return parts
    fields = {_ADDRESS_FIELDS[name]: text for name, text in parts.items() if name in _ADDRESS_FIELDS and text}
    if "country" in fields and len(fields["country"]) <= 2:
        fields["country"] = values.country(fields["country"])
    elif "country" in fields:  # a name instead of a code says nothing that could be compared
        fields["admin_unit_first_line"] = fields.pop("country")
    return Attested(value=Address(**fields), level=None) if fields else Absent.DELIVERED_EMPTY


def _legal_name(parts: Mapping[str, str], asked: Asked, level: LevelOfAssurance) -> NameValue:
    if "legal_name" not in asked.fields:
        return Absent.NOT_REQUESTED
    text = parts.get("OrganizationName")
    if text is None:
        return Absent.NOT_DELIVERED
    return Attested(value=Name(latin=text), level=level) if text else Absent.DELIVERED_EMPTY


def _facts(parts: Mapping[str, str], asked: Asked) -> dict[str, str]:
    if "company" not in asked.fields:
        return {}
    return {name: parts[name] for name in _FACTS if parts.get(name)}


def _structure(
    found: Mapping[str, Element], definition: AccountAttribute, asked: Asked
) -> dict[str, str] | Absent:
    if definition.field not in asked.fields:
        return Absent.NOT_REQUESTED
    attribute = found.get(definition.name)
    if attribute is None:
        return Absent.NOT_DELIVERED
    return _parts(attribute, definition) or Absent.DELIVERED_EMPTY


def _parts(attribute: Element, definition: AccountAttribute) -> dict[str, str]:
    """Simple children by local name, also one level down; raises InvalidAnswer ``account.structure``."""
    value = only_value(attribute, definition)
    if value is None:
        return {}
    level = list(value)
    if len(level) == 1 and len(level[0]):  # a wrapping element of unknown name
        level = list(level[0])
    parts: dict[str, str] = {}
    for child in level:
        if len(child):  # deeper structures (post-office box, address of the organisation) are not read
            continue
        name = str(child.tag).rpartition("}")[2]
        if name in parts:
            raise InvalidAnswer("account.structure", definition.name)
        parts[name] = values.text(child, _LIMIT)
    return parts
