"""The attributes of German accounts: registries, and how they are found in an answer.

Attributes are found by ``Name`` alone. Friendly names are declared unstable by BundID, so one
that belongs to another attribute is neither believed nor an offence. An attribute nobody knows is
ignored; one that comes twice makes the answer ambiguous, and it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from connectors.accounts import values
from connectors.errors import InvalidAnswer
from connectors.identity import Name
from trust.xml import SAML, Element

URI = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
BASIC = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
_VALUE = "{" + SAML + "}AttributeValue"


class Form(Enum):
    """How a value is written."""

    NAME = auto()
    LEGAL_NAME = auto()
    TEXT = auto()
    ISO_DATE = auto()
    GERMAN_DATE = auto()
    COUNTRY = auto()
    NATIONALITY = auto()
    FORM_OF_ADDRESS = auto()
    FLAG = auto()
    LEVEL = auto()
    STRUCTURE = auto()


class Place(Enum):
    """Where a value goes."""

    PERSON = auto()
    """A field of NaturalPerson or LegalPerson."""
    ADDRESS = auto()
    """A field of Address."""
    ACCOUNT = auto()
    """A field of AccountFacts."""
    FACT = auto()
    """An entry of ``AccountFacts.company``."""
    EVIDENCE = auto()
    """Decides about the login itself and is not handed on as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountAttribute:
    """One attribute of one interface."""

    name: str
    friendly_name: str
    place: Place
    field: str
    form: Form = Form.TEXT
    max_length: int = 200
    indispensable: bool = True
    """Whether a service that requires the field cannot do without this part of it."""


def _oid(
    number: str, friendly_name: str, place: Place, field: str, form: Form = Form.TEXT
) -> AccountAttribute:
    return AccountAttribute(
        name=f"urn:oid:{number}", friendly_name=friendly_name, place=place, field=field, form=form
    )


BPK2 = _oid("1.3.6.1.4.1.25484.494450.3", "bPK2", Place.EVIDENCE, "bpk2")
LEVEL = _oid("1.2.40.0.10.2.1.1.261.94", "EID-CITIZEN-QAA-LEVEL", Place.EVIDENCE, "level", Form.LEVEL)
PROVED_BY = _oid("1.3.6.1.4.1.25484.494450.2", "AssertionProvedBy", Place.EVIDENCE, "method")
VERSION = _oid("1.3.6.1.4.1.25484.494450.1", "Version", Place.EVIDENCE, "interface_version")
MULTI_FACTOR = _oid("1.3.6.1.4.1.25484.494450.7", "mfa", Place.EVIDENCE, "multi_factor", Form.FLAG)
ISSUING_COUNTRY = _oid(
    "1.3.6.1.4.1.25484.494450.10.1", "eIDAS-Issuing-Country", Place.EVIDENCE, "issuing_country", Form.COUNTRY
)
DOCUMENT_TYPE = _oid("1.2.40.0.10.2.1.1.552255", "documentType", Place.ACCOUNT, "document_type")
NATIONALITY = _oid("1.2.40.0.10.2.1.1.225577", "nationality", Place.PERSON, "nationalities", Form.NATIONALITY)
MAILBOX = _oid("2.5.4.18", "legacyPostkorbHandle", Place.ACCOUNT, "mailbox_handle")

EVALUATED = (LEVEL, PROVED_BY, VERSION, ISSUING_COUNTRY, MULTI_FACTOR)
"""What we evaluate at every login and therefore always ask for, never as required."""

OID_ATTRIBUTES = (
    # person (interface description 6.1)
    _oid("2.5.4.42", "givenName", Place.PERSON, "given_name", Form.NAME),
    _oid("2.5.4.4", "surname", Place.PERSON, "family_name", Form.NAME),
    _oid("0.9.2342.19200300.100.1.3", "mail", Place.PERSON, "email"),
    replace(_oid("2.5.4.16", "postalAddress", Place.ADDRESS, "thoroughfare"), indispensable=False),
    replace(_oid("2.5.4.17", "postalCode", Place.ADDRESS, "post_code"), indispensable=False),
    _oid("2.5.4.7", "localityName", Place.ADDRESS, "post_name"),
    replace(
        _oid("1.2.40.0.10.2.1.1.225599", "country", Place.ADDRESS, "country", Form.COUNTRY),
        indispensable=False,
    ),
    _oid("0.9.2342.19200300.100.1.40", "personalTitle", Place.PERSON, "title"),
    _oid("1.3.6.1.4.1.33592.1.3.5", "gender", Place.ACCOUNT, "form_of_address", Form.FORM_OF_ADDRESS),
    _oid("1.2.40.0.10.2.1.1.55", "birthdate", Place.PERSON, "date_of_birth", Form.ISO_DATE),
    _oid("1.3.6.1.5.5.7.9.2", "placeOfBirth", Place.PERSON, "place_of_birth"),
    _oid("1.2.40.0.10.2.1.1.225566", "birthName", Place.PERSON, "birth_family_name", Form.NAME),
    NATIONALITY,
    DOCUMENT_TYPE,
    _oid("1.3.6.1.4.1.55605.70737875.1.1.1.7.1", "DeMail", Place.ACCOUNT, "de_mail"),
    _oid("2.5.4.20", "telephoneNumber", Place.PERSON, "phone_number"),
    ISSUING_COUNTRY,
    _oid("1.3.6.1.4.1.25484.494450.5", "communityId", Place.ACCOUNT, "community_id"),
    # technical (6.2)
    BPK2,
    LEVEL,
    VERSION,
    PROVED_BY,
    MAILBOX,
    _oid("1.3.6.1.4.1.25484.494450.4", "applicationId", Place.ACCOUNT, "application_id"),
    _oid("1.2.40.0.10.2.1.1.226699", "pseudonym", Place.ACCOUNT, "pseudonym"),
    MULTI_FACTOR,
)
"""BundID and the other AKDB accounts. Two attributes of the interface are missing on purpose: the
discontinued ``bPK`` (1.2.40.0.10.2.1.1.149), which costs the request when required, and
``issuingState`` (1.2.40.0.10.2.1.1.552244), not served since 2019."""

AKDB_ORGANISATION_ATTRIBUTES = tuple(
    AccountAttribute(name=name, friendly_name=fact, place=Place.FACT, field=fact)
    for name, fact in (
        ("urn:oid:2.5.4.10", "organizationName"),
        ("urn:oid:2.5.4.11", "organizationId"),
        ("urn:oid:1.3.6.1.4.1.25484.494450.12.1", "OrganisationsspezifischesKennzeichen"),
        ("urn:oid:akdb:registerNumber", "registerNumber"),
        ("urn:oid:akdb:registerLocation", "registerLocation"),
        ("urn:oid:akdb:legalForm", "legalForm"),
    )
)
"""Organisation accounts that BundID gave up in 2021 and other AKDB accounts may still know.
Second-hand (a city's broker configuration); asked for only where a service wants them."""


def collect(
    attributes: Sequence[Element], table: Mapping[str, AccountAttribute], *, name_format: str
) -> dict[str, Element]:
    """The known attributes by Name.

    Raises InvalidAnswer ``account.attribute-twice``, ``account.attribute-name`` and ``account.attribute.content``.
    """
    found: dict[str, Element] = {}
    for attribute in attributes:
        name = attribute.get("Name") or ""
        if name not in table:
            continue
        if name in found:
            raise InvalidAnswer("account.attribute-twice", table[name].friendly_name)
        if name_format and attribute.get("NameFormat") != name_format:
            raise InvalidAnswer("account.attribute-name", table[name].friendly_name)
        if any(child.tag != _VALUE for child in attribute):
            raise InvalidAnswer("account.attribute.content", table[name].friendly_name)
        found[name] = attribute
    return found


def only_value(attribute: Element, definition: AccountAttribute) -> Element | None:
    """The one AttributeValue, None for an attribute without any (saml-core §2.7.3.1.1).

    Raises InvalidAnswer ``account.attribute.values`` for several.
    """
    if len(attribute) > 1:
        raise InvalidAnswer("account.attribute.values", definition.friendly_name)
    return attribute[0] if len(attribute) else None


def text_of(attribute: Element | None, definition: AccountAttribute) -> str | None:
    """The text; ``""`` for an attribute delivered empty, None for one not delivered."""
    if attribute is None:
        return None
    value = only_value(attribute, definition)
    return "" if value is None else values.text(value, definition.max_length)


def decode(definition: AccountAttribute, text: str) -> object | None:
    """The value behind a non-empty ``text``; None for one that says nothing (a code of no state).

    Raises InvalidAnswer ``account.*``.
    """
    match definition.form:
        case Form.NAME:
            return values.name(text)
        case Form.LEGAL_NAME:  # may hold signs and letters that no person's name does
            return Name(latin=text)
        case Form.ISO_DATE:
            return values.iso_date(text)
        case Form.GERMAN_DATE:
            return values.german_date(text)
        case Form.COUNTRY:
            return values.country(text)
        case Form.NATIONALITY:
            return values.nationality(text)
        case Form.FORM_OF_ADDRESS:
            return values.form_of_address(text)
        case Form.FLAG:
            return values.flag(text)
        case _:
            return text
