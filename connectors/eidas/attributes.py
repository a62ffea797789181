"""From the attributes of a verified assertion to persons (attribute profile 1.4; eidas.md §5).

Attributes are found by name URI alone. A value nobody asked for is dropped here, so that more
than the service may have never enters the gateway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.assurance import Assurance, LevelOfAssurance
from connectors.eidas import address, values
from connectors.eidas.registry import DEFINITIONS, NAME_FORMAT, SECTOR_ATTRIBUTES, AttributeDefinition, Form
from connectors.errors import AttributeMissing, InvalidAnswer, RepresentationRefused
from connectors.identity import (
    Absent,
    Attested,
    Identifier,
    LegalPerson,
    NaturalPerson,
    Person,
    PersonKind,
)
from trust.xml import SAML, Element

_VALUE = "{" + SAML + "}AttributeValue"
_SECTOR_LENGTH = 1_000
_SELF_DECLARED = frozenset({Form.PHONE, Form.EMAIL})
"""The profile does not say that anybody verified these (eidas.md §5.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What was asked, and of whom."""

    person: PersonKind
    country: str
    """Wire code of the country whose node signed."""
    destination: str
    """Wire code of our country."""
    assurance: Assurance
    requested: frozenset[str]
    """Attribute URIs in our request."""
    required: frozenset[str]
    """Field names (URIs of sector attributes) without which the service cannot work, beyond the
    minimum data set."""
    accept_representation: bool
    stability: str
    mixed: bool = False
    """Natural and legal person were asked for together (dated exception, formats up to 1.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persons:
    subject: Person
    representative: Person | None
    sector: dict[str, tuple[str, ...]]


def read(attributes: Sequence[Element], expected: Expected) -> Persons:
    """The subject, the representative if there is one, and agreed sector attributes.

    Raises InvalidAnswer ``eidas.*``, AttributeMissing, RepresentationRefused.
    """
    by_name = _by_name(attributes)
    sets: dict[tuple[PersonKind, bool], dict[str, Sequence[Element]]] = {}
    for name, elements in by_name.items():
        definition = DEFINITIONS.get(name)
        if definition is not None:
            group = sets.setdefault((definition.person, definition.representative), {})
            group[name] = elements
    subject_kind = expected.person
    other = PersonKind.LEGAL if subject_kind is PersonKind.NATURAL else PersonKind.NATURAL
    if (subject_kind, False) not in sets:
        raise InvalidAnswer("eidas.person-kind")
    acting = _acting(sets, other, expected)
    subject = _person(subject_kind, sets[(subject_kind, False)], expected, subject=True)
    return Persons(
        subject=subject,
        representative=None if acting is None else _person(acting[0], acting[1], expected, subject=False),
        sector=_sector(by_name, expected),
    )


def _by_name(attributes: Sequence[Element]) -> dict[str, Sequence[Element]]:
    found: dict[str, Sequence[Element]] = {}
    for attribute in attributes:
        name = attribute.get("Name") or ""
        definition = DEFINITIONS.get(name)
        if definition is None and name not in SECTOR_ATTRIBUTES:
            continue  # an attribute nobody knows is ignored (interoperability architecture §2.3.1)
        if name in found:
            raise InvalidAnswer("eidas.attribute.duplicate")
        if definition is not None:
            if attribute.get("NameFormat") != NAME_FORMAT:
                raise InvalidAnswer("eidas.attribute.name-format")
            if attribute.get("FriendlyName", definition.friendly_name) != definition.friendly_name:
                raise InvalidAnswer("eidas.attribute.friendly-name", definition.friendly_name)
        if any(child.tag != _VALUE for child in attribute):
            raise InvalidAnswer("eidas.attribute.content")
        found[name] = list(attribute)
    return found


def _acting(
    sets: Mapping[tuple[PersonKind, bool], dict[str, Sequence[Element]]],
    other: PersonKind,
    expected: Expected,
) -> tuple[PersonKind, dict[str, Sequence[Element]]] | None:
    """The one representative set, if any (attribute profile §2.8)."""
    found = [(kind, group) for (kind, representative), group in sets.items() if representative]
    if (other, False) in sets:
        if not expected.mixed:
            raise InvalidAnswer("eidas.person-kind", "both sets")
        # formats up to 1.3: beside the legal person, the natural person who acts
        found.append((other, sets[(other, False)]))
    if not found:
        return None
    if len(found) > 1:
        raise InvalidAnswer("eidas.representation", "several representatives")
    if not expected.accept_representation:
        raise RepresentationRefused("eidas.representation.refused")
    return found[0]


def _person(
    kind: PersonKind, elements: Mapping[str, Sequence[Element]], expected: Expected, *, subject: bool
) -> Person:
    fields: dict[str, object] = {}
    identifier: Identifier | None = None
    # the acting set of a mixed request is not a representative set on the wire
    represented = any(DEFINITIONS[name].representative for name in elements)
    for definition in DEFINITIONS.values():
        if definition.person is not kind or definition.representative != represented:
            continue
        present = definition.uri in elements
        if definition.form is Form.IDENTIFIER:
            if not present:
                raise AttributeMissing("eidas.attribute.missing", definition.friendly_name)
            identifier = _identifier(definition, elements[definition.uri], expected)
            continue
        asked = definition.mandatory or not subject or definition.uri in expected.requested
        if not asked:
            fields[definition.field] = Absent.NOT_REQUESTED
            continue
        value = _value(definition, elements[definition.uri], expected) if present else Absent.NOT_DELIVERED
        if isinstance(value, Absent) and _is_needed(definition, expected, subject=subject):
            raise AttributeMissing("eidas.attribute.missing", definition.friendly_name)
        fields[definition.field] = value
    person = NaturalPerson if kind is PersonKind.NATURAL else LegalPerson
    return person(identifier=identifier, **fields)  # type: ignore[arg-type]  # the registry fixes each field's type


def _is_needed(definition: AttributeDefinition, expected: Expected, *, subject: bool) -> bool:
    return definition.mandatory or (subject and definition.field in expected.required)


def _identifier(
    definition: AttributeDefinition, elements: Sequence[Element], expected: Expected
) -> Identifier:
    text = _single(definition, elements) if elements else ""
    if not text:
        raise AttributeMissing("eidas.attribute.missing", definition.friendly_name)
    value = values.identifier(text, country=expected.country, destination=expected.destination)
    return Identifier(value=value, stability=expected.stability)


def _single(definition: AttributeDefinition, elements: Sequence[Element]) -> str:
    if len(elements) != 1:
        raise InvalidAnswer("eidas.attribute.values", definition.friendly_name)
    return values.value_text(elements[0], definition.max_length)


def _value(
    definition: AttributeDefinition, elements: Sequence[Element], expected: Expected
) -> Attested[object] | Absent:
    level: LevelOfAssurance | None = expected.assurance.level
    if definition.form in _SELF_DECLARED:
        level = None
    decoded = _decode(definition, elements)
    return Absent.DELIVERED_EMPTY if decoded is None else Attested(value=decoded, level=level)


def _decode(definition: AttributeDefinition, elements: Sequence[Element]) -> object | None:
    """The decoded value, or None for one that was delivered empty.

    An attribute without any value is an empty one, too (saml-core §2.7.3.1.1).
    """
    if not elements:
        return None
    if definition.form is Form.NAME:
        if len(elements) > 2:
            raise InvalidAnswer("eidas.attribute.values", definition.friendly_name)
        forms = [
            (values.value_text(e, definition.max_length), values.is_marked_non_latin(e)) for e in elements
        ]
        if all(not text for text, _ in forms):
            return None
        if any(not text for text, _ in forms):
            raise InvalidAnswer("eidas.name", "empty form")
        return values.name(forms)
    if definition.form is Form.COUNTRIES:
        if len(elements) > 20:
            raise InvalidAnswer("eidas.attribute.values", definition.friendly_name)
        texts = [values.value_text(e, definition.max_length) for e in elements]
        return tuple(values.country(text) for text in texts) if any(texts) else None
    text = _single(definition, elements)
    if not text:
        return None
    match definition.form:
        case Form.DATE:
            return values.birth_date(text)
        case Form.ADDRESS:
            return address.decode(text)
        case Form.GENDER:
            return values.gender(text)
        case Form.COUNTRY:
            return values.country(text)
        case _:
            return text


def _sector(by_name: Mapping[str, Sequence[Element]], expected: Expected) -> dict[str, tuple[str, ...]]:
    found = {}
    for name, definition in SECTOR_ATTRIBUTES.items():
        if name not in expected.requested:
            continue
        texts = (values.value_text(e, _SECTOR_LENGTH) for e in by_name.get(name, ()))
        delivered = tuple(text for text in texts if text)
        if delivered:
            found[name] = delivered
        elif name in expected.required:
            raise AttributeMissing("eidas.attribute.missing", definition.friendly_name)
    return found
