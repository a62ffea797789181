"""Four identities, one per kind of person; the examples of docs/claims.md are made of them."""

from datetime import UTC, datetime

from connectors.assurance import Assurance, LevelOfAssurance
from connectors.identity import (
    Absent,
    Address,
    Attested,
    Gender,
    Identifier,
    Identity,
    LegalPerson,
    Name,
    NaturalPerson,
    PartialDate,
    Source,
)

HIGH = LevelOfAssurance.HIGH
SUBSTANTIAL = LevelOfAssurance.SUBSTANTIAL
LOW = LevelOfAssurance.LOW
AUTHENTICATED = datetime(2026, 11, 23, 9, 40, 58, tzinfo=UTC)


def attested(value, level=HIGH):
    return Attested(value=value, level=level)


def source(country, **changes):
    values = {
        "connector": "eidas",
        "scheme": "eidas",
        "issuer": f"https://node.example/{country}",
        "country": country,
        "authenticated_at": AUTHENTICATED,
        "statement_id": "_1",
        **changes,
    }
    return Source(**values)


NATURAL = Identity(
    source=source("NL"),
    assurance=Assurance(level=SUBSTANTIAL),
    subject=NaturalPerson(
        identifier=Identifier(value="NL/DE/1234"),
        family_name=attested(Name(latin="Jansen"), SUBSTANTIAL),
        given_name=attested(Name(latin="Anna Maria"), SUBSTANTIAL),
        date_of_birth=attested(PartialDate(year=1980, month=2, day=1), SUBSTANTIAL),
        birth_family_name=attested(Name(latin="De Vries"), SUBSTANTIAL),
        birth_name=attested(Name(latin="Anna Maria de Vries"), SUBSTANTIAL),
        town_of_birth=attested("Utrecht", SUBSTANTIAL),
        country_of_birth=attested("NL", SUBSTANTIAL),
        nationalities=attested(("NL", "BE"), SUBSTANTIAL),
        gender=attested(Gender.FEMALE, SUBSTANTIAL),
        address=attested(
            Address(
                thoroughfare="Oudegracht",
                locator_designator="12",
                post_code="3511 AB",
                post_name="Utrecht",
                admin_unit_first_line="Nederland",
                country="NL",
            ),
            SUBSTANTIAL,
        ),
        phone_number=attested("+31 30 1234567", None),
        email=attested("anna@example.org", None),
        title=Absent.NOT_DELIVERED,
    ),
)

GREEK = Identity(
    source=source("GR"),
    assurance=Assurance(level=HIGH),
    subject=NaturalPerson(
        identifier=Identifier(value="EL/DE/xyz", stability="persistent"),
        family_name=attested(Name(latin="Papadopoulou", original="Παπαδοπούλου", script="Grek")),
        given_name=attested(Name(latin="Eleni", original="Ελένη", script="Grek")),
        date_of_birth=attested(PartialDate(year=1974)),
        place_of_birth=attested("Thessaloniki"),
        birth_name=attested(
            Name(latin="Eleni Georgiou", original="Ελένη Γεωργίου", script="Grek", derived=True)
        ),
    ),
)

COMPANY = LegalPerson(
    identifier=Identifier(value="FR/DE/88888888", stability="may-change"),
    legal_name=attested(Name(latin="Forage du Rhin SAS"), SUBSTANTIAL),
    legal_address=attested(
        Address(
            full="5 Quai des Bateliers\n67000 Strasbourg\nFrance",
            post_code="67000",
            post_name="Strasbourg",
            country="FR",
        ),
        SUBSTANTIAL,
    ),
    vat_registration=attested("FR12345678901", SUBSTANTIAL),
    lei=attested("969500ABCDEFGHIJKL12", SUBSTANTIAL),
    email=attested("contact@forage.example", None),
)

LEGAL = Identity(source=source("FR"), assurance=Assurance(level=SUBSTANTIAL, notified=False), subject=COMPANY)

REPRESENTED = Identity(
    source=source("FR"),
    assurance=Assurance(level=SUBSTANTIAL),
    subject=COMPANY,
    representative=NaturalPerson(
        identifier=Identifier(value="FR/DE/1"),
        family_name=attested(Name(latin="Müller-Lefèvre"), SUBSTANTIAL),
        given_name=attested(Name(latin="Zoé"), SUBSTANTIAL),
        date_of_birth=attested(PartialDate(year=None, month=4, day=30), SUBSTANTIAL),
    ),
)
