"""Whom a genuine node may name, and how unambiguously (security.md A.15; eidas.md §5, §13 number 5, 6, 11, 14)."""

from __future__ import annotations

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.errors import AttributeMissing, LevelTooLow, RepresentationRefused
from connectors.identity import Name, NaturalPerson
from tests.attacks.refusal import refused, reply_refused
from tests.support.saml_peer import (
    CITIZEN,
    COMPANY,
    LOA,
    NATURAL,
    URI_FORMAT,
    Attribute,
    Exchange,
    Installed,
    Node,
    authentication_request,
    begin,
    install,
    legal,
    natural,
    value,
)

IDENTIFIER, FAMILY, GIVEN, BIRTH = CITIZEN


def named(identifier: str) -> tuple[Attribute, ...]:
    return (natural("PersonIdentifier", identifier), FAMILY, GIVEN, BIRTH)


def person(exchange: Exchange, **changes: object) -> NaturalPerson:
    subject = exchange.finish(exchange.reply(**changes).octets()).identity.subject
    assert isinstance(subject, NaturalPerson)
    return subject


ATTRIBUTES: dict[str, tuple[tuple[Attribute, ...], str]] = {
    "identifier-twice": ((IDENTIFIER, *CITIZEN), "eidas.attribute.duplicate"),
    "identifier-twice-other-value": ((natural("PersonIdentifier", "EL/DE/attacker"), *CITIZEN), "eidas.attribute.duplicate"),
    "name-twice": ((*CITIZEN, natural("CurrentFamilyName", "Attacker")), "eidas.attribute.duplicate"),
    "identifier-two-values": ((natural("PersonIdentifier", "EL/DE/a", "EL/DE/b"), FAMILY, GIVEN, BIRTH), "eidas.attribute.values"),
    "birth-two-values": ((IDENTIFIER, FAMILY, GIVEN, natural("DateOfBirth", "1985-02-28", "1990-01-01")), "eidas.attribute.values"),
    "name-three-values": ((IDENTIFIER, natural("CurrentFamilyName", "A", "B", "C"), GIVEN, BIRTH), "eidas.attribute.values"),
    "name-two-latin": ((IDENTIFIER, natural("CurrentFamilyName", "A", "B"), GIVEN, BIRTH), "eidas.name"),
    "name-only-greek": ((IDENTIFIER, natural("CurrentFamilyName", value("Ωνάσης", latin="false")), GIVEN, BIRTH), "eidas.name"),
    "name-unmarked-greek": ((IDENTIFIER, natural("CurrentFamilyName", "Ωνάσης"), GIVEN, BIRTH), "eidas.name"),
    "friendly-name-spoof": (
        (Attribute(name=NATURAL + "PersonIdentifier", values=("EL/DE/x",), friendly="FamilyName"), FAMILY, GIVEN, BIRTH),
        "eidas.attribute.friendly-name",
    ),
    "name-format-other": (
        (Attribute(name=NATURAL + "PersonIdentifier", values=("EL/DE/x",),
                   name_format="urn:oasis:names:tc:SAML:2.0:attrname-format:basic"), FAMILY, GIVEN, BIRTH),
        "eidas.attribute.name-format",
    ),
    "name-format-missing": (
        (Attribute(name=NATURAL + "PersonIdentifier", values=("EL/DE/x",), name_format=None), FAMILY, GIVEN, BIRTH),
        "eidas.attribute.name-format",
    ),
    "birth-invalid": ((IDENTIFIER, FAMILY, GIVEN, natural("DateOfBirth", "1985-02-30")), "eidas.date"),
    "birth-with-zone": ((IDENTIFIER, FAMILY, GIVEN, natural("DateOfBirth", "1985-02-28Z")), "eidas.date"),
    "birth-other-digits": ((IDENTIFIER, FAMILY, GIVEN, natural("DateOfBirth", "١٩٨٥-02-28")), "eidas.date"),
    "birth-year-10000": ((IDENTIFIER, FAMILY, GIVEN, natural("DateOfBirth", "10000-02-28")), "eidas.date"),
    "name-with-child": (
        (IDENTIFIER, natural("CurrentFamilyName", "<saml2:AttributeValue>A<b/>B</saml2:AttributeValue>"), GIVEN, BIRTH),
        "eidas.value",
    ),
    "name-c1-control": ((IDENTIFIER, natural("CurrentFamilyName", "A\u0085B"), GIVEN, BIRTH), "eidas.value"),
    "name-override": ((IDENTIFIER, natural("CurrentFamilyName", "A\u202eB"), GIVEN, BIRTH), "eidas.value"),
    "name-isolate": ((IDENTIFIER, natural("CurrentFamilyName", "A\u2066B"), GIVEN, BIRTH), "eidas.value"),
    "name-noncharacter": ((IDENTIFIER, natural("CurrentFamilyName", "A\ufdd0B"), GIVEN, BIRTH), "eidas.value"),
    "name-too-long": ((IDENTIFIER, natural("CurrentFamilyName", "A" * 1_001), GIVEN, BIRTH), "eidas.value"),
    "other-person-kind": (COMPANY, "eidas.person-kind"),
    "both-person-kinds": ((*CITIZEN, *COMPANY), "eidas.person-kind"),
    "unknown-only": ((Attribute(name="urn:x", values=("y",)),), "eidas.person-kind"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_ambiguous_or_malformed_attributes_are_refused(exchange: Exchange, name: str) -> None:
    attributes, reason = ATTRIBUTES[name]
    reply_refused(exchange, reason, attributes=attributes)


@pytest.mark.parametrize("missing", range(4))
def test_minimum_data_set_must_be_complete(exchange: Exchange, missing: int) -> None:
    """eidas.md §3.1 number 17."""
    attributes = tuple(a for number, a in enumerate(CITIZEN) if number != missing)
    reply_refused(exchange, "eidas.attribute.missing", AttributeMissing, attributes=attributes)


def test_mandatory_attribute_without_a_value_counts_as_missing(exchange: Exchange) -> None:
    attributes = (natural("PersonIdentifier"), FAMILY, GIVEN, BIRTH)
    reply_refused(exchange, "eidas.attribute.missing", AttributeMissing, attributes=attributes)


@pytest.mark.parametrize("empty", ["", "  ", "\n"])
def test_empty_mandatory_value_counts_as_missing(exchange: Exchange, empty: str) -> None:
    reply_refused(exchange, "eidas.attribute.missing", AttributeMissing, attributes=named(empty))
    attributes = (IDENTIFIER, natural("CurrentFamilyName", empty), GIVEN, BIRTH)
    reply_refused(exchange, "eidas.attribute.missing", AttributeMissing, attributes=attributes)


def test_nil_value_counts_as_missing(exchange: Exchange) -> None:
    nil = '<saml2:AttributeValue xsi:nil="true"/>'
    attributes = (natural("PersonIdentifier", nil), FAMILY, GIVEN, BIRTH)
    reply_refused(exchange, "eidas.attribute.missing", AttributeMissing, attributes=attributes)


def test_nil_value_with_content_is_refused(exchange: Exchange) -> None:
    nil = '<saml2:AttributeValue xsi:nil="true">EL/DE/attacker</saml2:AttributeValue>'
    reply_refused(exchange, "xml.schema", attributes=(natural("PersonIdentifier", nil), FAMILY, GIVEN, BIRTH))


@pytest.mark.parametrize(
    "identifier",
    ["GR/DE/x", "AT/DE/x", "DE/EL/x", "el/DE/x", "EU/DE/x", "XX/DE/x", "DE/DE/x"],
)
def test_node_names_citizens_of_its_own_country_only(exchange: Exchange, identifier: str) -> None:
    """eidas.md §13 number 11; Greece is ``EL`` on the wire, never ``GR``."""
    reply_refused(
        exchange, {"eidas.identifier.country", "eidas.identifier.form"}, attributes=named(identifier)
    )


@pytest.mark.parametrize("identifier", ["EL/AT/x", "EL/EL/x", "EL/de/x", "EL/EU/x"])
def test_identifier_for_another_country_is_refused(exchange: Exchange, identifier: str) -> None:
    reply_refused(
        exchange, {"eidas.identifier.destination", "eidas.identifier.form"}, attributes=named(identifier)
    )


@pytest.mark.parametrize(
    "identifier",
    ["EL/DE/", "EL/DE", "EL", "ELDE/x", "EL//x", "/EL/DE/x", "EL-DE-x", "EL/DE/a b", "EL/DE/a\tb", "EL/DE/a\u00a0b",
     "EL/DE/a\u00a0", "\u00a0EL/DE/a", "EL/DE/a\u2028", "EL/DE/a\u200bb", "EL/DE/\ufeffa", "EL/DE/a\u202eb",
     "\u0395L/DE/x", "EL/DE/" + "x" * 251, "E\u029f/DE/x", "EL\u2215DE/x"],
)  # fmt: skip
def test_malformed_identifier_is_refused(exchange: Exchange, identifier: str) -> None:
    """Nothing invisible, nothing trimmed: two that look alike would be one person for two accounts."""
    reply_refused(
        exchange,
        {"eidas.identifier.form", "eidas.identifier.country", "eidas.value"},
        attributes=named(identifier),
    )


@pytest.mark.parametrize(
    "rest", ["ab/c=+", "a/b/c/d", "=", "Ελένη", "x" * 250, "a\u0301", "\u00e1", "%20", "<&>"]
)
def test_identifier_is_taken_whole_and_unchanged(exchange: Exchange, rest: str) -> None:
    """eidas.md §5.3: split at the first two slashes only; never normalised."""
    identifier = person(exchange, attributes=named("EL/DE/" + rest)).identifier
    assert identifier is not None
    assert identifier.value == "EL/DE/" + rest


LEVELS: dict[str | None, str] = {
    LOA + "LOW": "eidas.level.unknown",
    LOA + "High": "eidas.level.unknown",
    LOA + "test": "eidas.level.unknown",
    LOA + "unknown": "eidas.level.unknown",
    LOA + "NotNotified/high": "eidas.level.unknown",
    "http://eidas.europa.eu/NonNotified/LoA/high": "eidas.level.unknown",
    LOA + "high\u00a0": "eidas.level.unknown",
    "https://eidas.europa.eu/LoA/high": "eidas.level.unknown",
    LOA + "high/": "eidas.level.unknown",
    "high": "eidas.level.unknown",
    " ": "eidas.level.unknown",
    "urn:oasis:names:tc:SAML:2.0:ac:classes:X509": "eidas.level.unknown",
    "http://eidas.europa.eu/NotNotified/LoA/high": "eidas.level.not-published",
}


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_no_level_is_refused(exchange: Exchange, level: str) -> None:
    """eidas.md §13 number 5 and 6."""
    reply_refused(exchange, LEVELS[level], authn_context=level)


def test_level_below_the_request_is_refused(exchange: Exchange) -> None:
    reply_refused(exchange, "eidas.level.too-low", LevelTooLow, authn_context=LOA + "low")


@pytest.mark.parametrize(("minimum", "reached"), [("LOW", "low"), ("LOW", "high"), ("HIGH", "high")])
def test_level_at_or_above_the_request_is_accepted_as_what_it_is(
    greece: Installed, minimum: str, reached: str
) -> None:
    exchange = begin(greece, authentication_request(minimum=LevelOfAssurance[minimum]))
    verified = exchange.finish(exchange.reply(authn_context=LOA + reached).octets())
    assert verified.identity.assurance.level.word == reached


def test_level_the_node_does_not_publish_is_refused(tmp_path: object) -> None:
    installed = install(Node(levels=(LOA + "substantial",)), config_dir=tmp_path)  # type: ignore[arg-type]  # a fixture
    exchange = begin(installed)
    reply_refused(exchange, "eidas.level.not-published", authn_context=LOA + "high")


def test_non_notified_answer_to_a_notified_request_is_refused(tmp_path: object) -> None:
    other = "http://eidas.europa.eu/NotNotified/LoA/high"
    installed = install(Node(levels=(LOA + "high", other)), config_dir=tmp_path)  # type: ignore[arg-type]  # a fixture
    reply_refused(begin(installed), "eidas.level.not-notified", authn_context=other)


def test_values_outside_the_assertion_are_no_source(exchange: Exchange) -> None:
    """Extensions of the genuine, signed Response are not read."""
    extensions = (
        '<saml2p:Extensions><x:Hint xmlns:x="urn:x"><saml2:Attribute '
        f'Name="{NATURAL}PersonIdentifier" NameFormat="{URI_FORMAT}"><saml2:AttributeValue>EL/DE/attacker'
        "</saml2:AttributeValue></saml2:Attribute></x:Hint></saml2p:Extensions>"
    )
    subject = person(exchange, extensions=extensions)
    assert subject.identifier is not None
    assert subject.identifier.value == IDENTIFIER.values[0]


def test_value_nobody_asked_for_does_not_enter(exchange: Exchange) -> None:
    """A node that says more than asked does not widen what a service learns."""
    more = (*CITIZEN, natural("PlaceOfBirth", "Volos"), Attribute(name="urn:x", values=("Volos",)))
    verified = exchange.finish(exchange.reply(attributes=more).octets())
    assert "Volos" not in repr(verified)


REPRESENTATIVE = (
    natural("PersonIdentifier", "EL/DE/agent", representative=True),
    natural("CurrentFamilyName", "Agent", representative=True),
    natural("CurrentGivenName", "Smart", representative=True),
    natural("DateOfBirth", "1970-01-01", representative=True),
)


def test_representative_is_refused_by_default(exchange: Exchange) -> None:
    """eidas.md §13 number 14: the service would believe the represented person is acting."""
    error = reply_refused(
        exchange,
        "eidas.representation.refused",
        RepresentationRefused,
        attributes=(*CITIZEN, *REPRESENTATIVE),
    )
    assert "Agent" not in str(error)


@pytest.mark.parametrize("country", ["AT", "GR", "DE"])
def test_representative_of_another_country_is_refused(greece: Installed, country: str) -> None:
    """eidas.md §5.3: the check covers all four identifiers."""
    exchange = begin(greece, authentication_request(accept_representation=True))
    foreign = (natural("PersonIdentifier", f"{country}/DE/agent", representative=True), *REPRESENTATIVE[1:])
    reply_refused(exchange, "eidas.identifier.country", attributes=(*CITIZEN, *foreign))


def test_two_representatives_are_refused(greece: Installed) -> None:
    exchange = begin(greece, authentication_request(accept_representation=True))
    second = (
        legal("LegalPersonIdentifier", "EL/DE/agency", representative=True),
        legal("LegalName", "Agency", representative=True),
    )
    reply_refused(exchange, "eidas.representation", attributes=(*CITIZEN, *REPRESENTATIVE, *second))


def test_incomplete_representative_is_refused(greece: Installed) -> None:
    exchange = begin(greece, authentication_request(accept_representation=True))
    reply_refused(
        exchange, "eidas.attribute.missing", AttributeMissing, attributes=(*CITIZEN, *REPRESENTATIVE[1:])
    )


@pytest.mark.parametrize("qualified", [True, False])
@pytest.mark.parametrize("latin_first", [True, False])
@pytest.mark.parametrize("flag", ["false", "0", " false "])
def test_script_pair_is_read_in_every_legal_spelling(
    exchange: Exchange, qualified: bool, latin_first: bool, flag: str
) -> None:
    """eidas.md §13 number 12."""
    forms = [value("Onasis"), value("Ωνάσης", latin=flag, qualified=qualified)]
    attributes = (
        IDENTIFIER,
        natural("CurrentFamilyName", *(forms if latin_first else forms[::-1])),
        GIVEN,
        BIRTH,
    )
    family = person(exchange, attributes=attributes).family_name
    assert getattr(family, "value", None) == Name(latin="Onasis", original="Ωνάσης", script="Grek")


@pytest.mark.parametrize(
    "xsi_type",
    ["xs:string", "np:PersonIdentifierType", "np: PersonIdentifierType", "xs:integer", "unbound:x"],
)
def test_unknown_schema_type_on_a_value_changes_nothing(exchange: Exchange, xsi_type: str) -> None:
    """eidas.md §5.8: prefixes vary, some are not even bound; the value is what counts."""
    attributes = (natural("PersonIdentifier", value("EL/DE/x", xsi_type=xsi_type)), FAMILY, GIVEN, BIRTH)
    identifier = person(exchange, attributes=attributes).identifier
    assert identifier is not None
    assert identifier.value == "EL/DE/x"


def test_schema_type_cannot_substitute_an_element(exchange: Exchange) -> None:
    """xsi:type on SAML elements must not turn one into another."""
    octets = exchange.reply(
        edit_plain=lambda plain: plain.replace(
            b"<saml2:AuthnStatement ", b'<saml2:AuthnStatement xsi:type="saml2:AttributeStatementType" '
        )
    ).octets()
    refused(lambda: exchange.finish(octets), "xml.schema")
