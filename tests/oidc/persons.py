"""Identities, one per kind of person and source; the examples of docs/claims.md are made of them."""

from datetime import UTC, date, datetime

from connectors.assurance import Assurance, LevelOfAssurance
from connectors.identity import (
    Absent,
    AccountFacts,
    Address,
    Attested,
    CardFacts,
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
BASIC = LevelOfAssurance.BASIC
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

BPK2 = "MHNpSZ1p0e3jxbq8lXjVqYnrqSTcjPBkXHv6iTYwRrw"
MAILBOX = "2f1c4b1e-6c1f-4c7e-9e5d-0b6b1f6d2a11"
BUNDID = Identity(
    source=source("DE", connector="bundid", scheme="bundid", issuer="https://int.id.bund.de/idp"),
    assurance=Assurance(level=HIGH),
    subject=NaturalPerson(
        identifier=Identifier(value=BPK2),
        family_name=attested(Name(latin="Mustermann")),
        given_name=attested(Name(latin="Erika")),
        date_of_birth=attested(PartialDate(year=1964, month=8)),
        birth_family_name=attested(Name(latin="Gabler")),
        place_of_birth=attested("Berlin"),
        nationalities=attested(("DE",)),
        gender=attested(Gender.FEMALE, BASIC),
        address=attested(
            Address(
                thoroughfare="Heidestra\u1e9ee 17", post_code="51147", post_name="K\u00f6ln", country="DE"
            )
        ),
        email=attested("erika@example.org", LOW),
        phone_number=attested("+49 221 12345", None),
        title=attested("Dr.", HIGH),
    ),
    account=AccountFacts(
        proved_by="eID",
        multi_factor=True,
        mailbox_handle=MAILBOX,
        application_id="0f0e2d6a-4f0b-4c39-8e2b-6b7a0c7f5f10",
        document_type="ID",
        interface_version="2020.2.1",
    ),
)
GUEST = Identity(
    source=BUNDID.source,
    assurance=Assurance(level=HIGH),
    subject=NaturalPerson(
        identifier=None,
        family_name=attested(Name(latin="Mustermann")),
        given_name=attested(Name(latin="Erika")),
        date_of_birth=attested(PartialDate(year=1964, month=8, day=12)),
    ),
    account=AccountFacts(proved_by="eID", guest=True, multi_factor=True),
)
COMPANY_ACCOUNT = Identity(
    source=source("DE", connector="muk", scheme="muk", issuer="https://www.elster.de"),
    assurance=Assurance(level=SUBSTANTIAL),
    subject=LegalPerson(
        identifier=Identifier(value="du-0123456789abcdef0123456789abcdef01234567"),
        legal_name=attested(Name(latin="Muster Bau AG"), SUBSTANTIAL),
        legal_address=attested(
            Address(
                thoroughfare="Werkstra\u00dfe",
                locator_designator="5",
                post_code="01067",
                post_name="Dresden",
                country="DE",
            ),
            SUBSTANTIAL,
        ),
    ),
    account=AccountFacts(
        account_kind="StNr",
        company={"Rechtsform": "310", "RechtsformText": "Aktiengesellschaft", "Registerart": "HRB"},
        acting_person=NaturalPerson(
            identifier=None,
            family_name=attested(Name(latin="Kluge"), None),
            given_name=attested(Name(latin="Jana"), None),
            date_of_birth=attested(PartialDate(year=1979, month=3, day=5), None),
        ),
    ),
)


def card_source():
    return source("DE", connector="npa", scheme="de_eid", issuer="https://eid-service.example")


CARD = Identity(
    source=card_source(),
    assurance=Assurance(level=HIGH),
    subject=NaturalPerson(
        identifier=Identifier(value="0A" * 32, stability="may-change"),
        family_name=attested(Name(latin="GROẞMANN")),
        given_name=attested(Name(latin="ANDRÉ")),
        date_of_birth=attested(PartialDate(year=1980, month=2)),
        nationalities=attested(("XXA",)),
        address=Absent.DELIVERED_EMPTY,
        birth_family_name=Absent.NOT_DELIVERED,
        title=Absent.DELIVERED_EMPTY,
    ),
    card=CardFacts(
        document_type="AS",
        issuing_state="D",
        date_of_expiry=date(2031, 10, 31),
        artistic_name="",
        birthdate_raw="198002  ",
        icao_nationality="XXA",
        no_residence="keine Hauptwohnung in Deutschland",
        community_id="02760503150000",
        residence_permit="Erwerbstätigkeit gestattet",
        age=18,
        age_fulfilled=True,
        community="027614",
        community_fulfilled=False,
        eid_type="CardCertified",
        absent={
            "artistic_name": "empty",
            "address": "no-place",
            "birth_family_name": "not-on-chip",
            "title": "empty",
        },
    ),
)
"""A residence permit with nearly everything that is unusual about cards."""

OVER_18 = Identity(
    source=card_source(),
    assurance=Assurance(level=HIGH),
    subject=NaturalPerson(identifier=None),
    card=CardFacts(age=18, age_fulfilled=True, eid_type="CardCertified"),
)
"""A login that confirmed an age and nothing else."""
