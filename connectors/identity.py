"""The one picture of a person that every connector paints, whatever protocol it speaks.

An ``Identity`` has a *subject* (the person the service deals with) and, when somebody acts for
that person, a *representative*. Every value carries where it came from and how well it is
assured. A value that is not there says why: nobody asked, the source did not deliver, or the
source delivered an empty one (``Absent``).

Identities cross the store only as sealed octets; ``to_record`` and ``from_record`` are the one
way in and out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, StrEnum
from functools import cache
from typing import Generic, Literal, TypeVar

from pydantic import TypeAdapter

from connectors.assurance import Assurance, LevelOfAssurance

T = TypeVar("T")


class Absent(Enum):
    """Why a value is missing. The three states are never folded into one."""

    NOT_REQUESTED = "not-requested"
    NOT_DELIVERED = "not-delivered"
    DELIVERED_EMPTY = "delivered-empty"


class PersonKind(StrEnum):
    NATURAL = "natural"
    LEGAL = "legal"


class Gender(StrEnum):
    MALE = "male"
    FEMALE = "female"
    UNSPECIFIED = "unspecified"
    DIVERSE = "diverse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Who said it: one authenticated statement of one peer."""

    connector: str
    """Identifier of the connector, e.g. ``eidas``."""
    scheme: str
    """Trust framework word used downstream, e.g. ``eidas``, ``de_eid``, ``bundid``."""
    issuer: str
    """entityID of the peer that signed the statement."""
    country: str | None
    """ISO 3166-1 alpha-2 of the issuing state (Greece is ``GR`` inside the gateway)."""
    authenticated_at: datetime
    """When the person was authenticated (SAML ``AuthnInstant``), UTC."""
    statement_id: str
    """Protocol identifier of the statement (SAML Assertion ``ID``), for audits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested(Generic[T]):
    """A value with the level at which its source vouches for it.

    ``level`` is None for a value that the source itself does not vouch for, such as a
    self-declared e-mail address: it may be handed on, but never inside ``verified_claims``.
    """

    value: T
    level: LevelOfAssurance | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A name in Latin script, with the original form beside it (eIDAS attribute profile §2.4)."""

    latin: str
    original: str | None = None
    script: str | None = None
    """ISO 15924 code of ``original``, e.g. ``Grek``, ``Cyrl``."""
    derived: bool = False
    """True if the Latin form was transliterated by the gateway, not delivered by the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialDate:
    """A date of which day, month or even year may be unknown (ICAO 9303, TR-03110)."""

    year: int | None
    month: int | None = None
    day: int | None = None

    def openid(self) -> str:
        """``YYYY-MM-DD``, ``YYYY`` or ``0000-MM-DD`` as OpenID Connect Core §5.1 writes it."""
        if self.year is not None and self.month is not None and self.day is not None:
            return f"{self.year:04d}-{self.month:02d}-{self.day:02d}"
        if self.year is None and self.month is not None and self.day is not None:
            return f"0000-{self.month:02d}-{self.day:02d}"
        if self.year is not None:
            return f"{self.year:04d}"
        return "0000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address in the parts of the ISA Core Location vocabulary, plus the raw text if unreadable."""

    po_box: str | None = None
    locator_designator: str | None = None
    locator_name: str | None = None
    address_area: str | None = None
    thoroughfare: str | None = None
    post_name: str | None = None
    admin_unit_first_line: str | None = None
    admin_unit_second_line: str | None = None
    post_code: str | None = None
    full: str | None = None
    country: str | None = None
    """ISO 3166-1 alpha-2 where the source states one."""


NameValue = Attested[Name] | Absent
TextValue = Attested[str] | Absent
DateValue = Attested[PartialDate] | Absent
AddressValue = Attested[Address] | Absent
GenderValue = Attested[Gender] | Absent
CountriesValue = Attested[tuple[str, ...]] | Absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """The identifier by which a source names a person; never leaves as ``sub``."""

    value: str
    """Exactly as delivered, e.g. ``EL/DE/abc``; compared octet by octet."""
    stability: str = "persistent"
    """``persistent``, ``may-change`` (new with each eID) or ``transient``; stated to services."""
    second: str | None = None
    """The same person at the same source under a second name, while the source changes sectors
    (TR-03130-1 ``RestrictedID/ID2``); an account may stand under either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NaturalPerson:
    identifier: Identifier | None
    family_name: NameValue = Absent.NOT_REQUESTED
    given_name: NameValue = Absent.NOT_REQUESTED
    date_of_birth: DateValue = Absent.NOT_REQUESTED
    birth_name: NameValue = Absent.NOT_REQUESTED
    """eIDAS ``BirthName``: first *and* family names at birth in one string."""
    birth_family_name: NameValue = Absent.NOT_REQUESTED
    place_of_birth: TextValue = Absent.NOT_REQUESTED
    town_of_birth: TextValue = Absent.NOT_REQUESTED
    country_of_birth: TextValue = Absent.NOT_REQUESTED
    address: AddressValue = Absent.NOT_REQUESTED
    gender: GenderValue = Absent.NOT_REQUESTED
    nationalities: CountriesValue = Absent.NOT_REQUESTED
    country_of_residence: TextValue = Absent.NOT_REQUESTED
    phone_number: TextValue = Absent.NOT_REQUESTED
    email: TextValue = Absent.NOT_REQUESTED
    title: TextValue = Absent.NOT_REQUESTED
    kind: Literal[PersonKind.NATURAL] = PersonKind.NATURAL


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalPerson:
    identifier: Identifier | None
    legal_name: NameValue = Absent.NOT_REQUESTED
    legal_address: AddressValue = Absent.NOT_REQUESTED
    vat_registration: TextValue = Absent.NOT_REQUESTED
    tax_reference: TextValue = Absent.NOT_REQUESTED
    eu_identifier: TextValue = Absent.NOT_REQUESTED
    """``D-2012-17-EUIdentifier``; German eSAML calls it BusinessCodes."""
    lei: TextValue = Absent.NOT_REQUESTED
    eori: TextValue = Absent.NOT_REQUESTED
    seed: TextValue = Absent.NOT_REQUESTED
    sic: TextValue = Absent.NOT_REQUESTED
    phone_number: TextValue = Absent.NOT_REQUESTED
    email: TextValue = Absent.NOT_REQUESTED
    kind: Literal[PersonKind.LEGAL] = PersonKind.LEGAL


Person = NaturalPerson | LegalPerson


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """What a user account says about itself and its login, beside the person (bundid.md §1.9, §3.2).

    None of it identifies anybody towards a service; each leaves only for clients registered for it.
    """

    proved_by: str | None = None
    """How the person proved the identity to the account, in the source's word (``AssertionProvedBy``:
    ``eID``, ``Elster``, ``Benutzername`` …)."""
    guest: bool = False
    """A temporary login: the account stores nothing and cannot recognise the person again."""
    multi_factor: bool | None = None
    """Whether a second factor was used; None: not said."""
    mailbox_handle: str | None = None
    """Delivery address of the account's mailbox (``legacyPostkorbHandle``); never an identifier."""
    application_id: str | None = None
    """Antrags-ID for the status monitor; one per application and login."""
    pseudonym: str | None = None
    """Pseudonym of the means behind the account, unique only together with ``proved_by``."""
    document_type: str | None = None
    """Kind of identity document (BSI TR-03127), e.g. ``ID``."""
    community_id: str | None = None
    """Wohnort-ID, data group 18 of the identity card."""
    issuing_country: str | None = None
    """ISO 3166-1 alpha-2 of the state whose means was used behind the account."""
    interface_version: str | None = None
    account_kind: str | None = None
    """Kind of account or data set in the source's word (``DatenkranzTyp``, ``CitizenProfileType``)."""
    acting_person: NaturalPerson | None = None
    """Who operated a company's account. Named by the source, *not* identified: no level on any value."""
    company: dict[str, str] = field(default_factory=dict)
    """Further data of a company account under the source's own names (``Rechtsform``, ``Registerart`` …)."""
    organisation_pseudonym: str | None = None
    """The source's pseudonym of the organisation: the same for all its users and for all our services."""
    de_mail: str | None = None
    form_of_address: str | None = None
    """How to write to somebody: ``male``, ``female``, ``unknown``, ``not-applicable`` (ISO 5218 as the
    interface means it) or free words. No legal sex, therefore never in ``NaturalPerson.gender``."""
    icao_nationality: str | None = None
    """As delivered, e.g. ``D``; ``NaturalPerson.nationalities`` holds ISO codes."""
    levels: dict[str, LevelOfAssurance] = field(default_factory=dict)
    """By field name of this class: how well the account vouches for it, where it says so."""
    assumed: tuple[str, ...] = ()
    """Fields of the person that the source left empty and its interface allows to assume."""
    irregular: tuple[str, ...] = ()
    """Name fields of the person with characters that DIN 91379 does not have for names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """What a German identity document says beside the person (TR-03127, TR-03130-1 §3.4.1).

    Each leaves only for services registered for it. An empty text: on the chip, and empty.
    """

    document_type: str | None = None
    """``ID``, ``AR``, ``AS``, ``AF`` or ``UB``."""
    issuing_state: str | None = None
    """ICAO 9303-3 as on the chip, e.g. ``D``."""
    date_of_expiry: date | None = None
    artistic_name: str | None = None
    """Religious or artistic name."""
    birthdate_raw: str | None = None
    """The 8 characters of the chip, unknown parts blank."""
    icao_nationality: str | None = None
    icao_residence: str | None = None
    """Country of the residence, as on the chip."""
    no_residence: str | None = None
    """The card's own words that there is no place of residence."""
    community_id: str | None = None
    residence_permit: str | None = None
    age: int | None = None
    """The age that was asked about, and ``age_fulfilled`` the chip's answer; None: it had none."""
    age_fulfilled: bool | None = None
    community: str | None = None
    """The area that was asked about, and ``community_fulfilled`` the chip's answer."""
    community_fulfilled: bool | None = None
    eid_type: str | None = None
    """``CardCertified`` and so on, where the eID service states it."""
    absent: dict[str, str] = field(default_factory=dict)
    """By attribute name: ``not-on-chip`` or ``refused`` (unticked by the citizen, or no right to read)."""


NATURAL_ATTRIBUTES: tuple[str, ...] = (
    "family_name", "given_name", "date_of_birth", "birth_name", "birth_family_name",
    "place_of_birth", "town_of_birth", "country_of_birth", "address", "gender", "nationalities",
    "country_of_residence", "phone_number", "email", "title",
)  # fmt: skip
"""Field names of ``NaturalPerson`` that a service can ask for; the neutral attribute vocabulary."""

LEGAL_ATTRIBUTES: tuple[str, ...] = (
    "legal_name", "legal_address", "vat_registration", "tax_reference", "eu_identifier", "lei",
    "eori", "seed", "sic", "phone_number", "email",
)  # fmt: skip
"""Field names of ``LegalPerson`` that a service can ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a connector verified: whom, how well, according to whom."""

    source: Source
    assurance: Assurance
    subject: NaturalPerson | LegalPerson
    representative: NaturalPerson | LegalPerson | None = None
    sector_attributes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Attributes outside the eIDAS sets that an agreement allows, by attribute URI."""
    account: AccountFacts | None = None
    """Only from a user account (BundID, an account of a Land, Mein Unternehmenskonto)."""
    card: CardFacts | None = None
    """Only from an Online-Ausweis that we have read through an eID service."""

    @property
    def account_key(self) -> str | None:
        r"""``<connector>\0<identifier>``, of a legal person ``<connector>\0legal\0<identifier>``: the octets a
        pairwise ``sub`` is derived from.

        None when the source names nobody (age verification only). Two connectors never yield
        the same key, so a foreign eID and a German one are never merged silently. Nor do a person and a company:
        registers give a sole trader's business the owner's number, and others may act for the business.
        """
        identifier = self.subject.identifier
        return None if identifier is None else self._key(identifier.value)

    @property
    def second_account_key(self) -> str | None:
        """``account_key`` under the identifier's second form; None without one."""
        identifier = self.subject.identifier
        if identifier is None or identifier.second is None:
            return None
        return self._key(identifier.second)

    def _key(self, identifier: str) -> str:
        kind = "legal\0" if self.subject.kind is PersonKind.LEGAL else ""
        return f"{self.source.connector}\0{kind}{identifier}"

    def to_record(self) -> bytes:
        """UTF-8 JSON for the sealed store; ``from_record`` gives an equal object back."""
        return _adapter().dump_json(self)

    @staticmethod
    def from_record(record: bytes) -> Identity:
        """Inverse of ``to_record``; raises pydantic.ValidationError on anything else."""
        return _adapter().validate_json(record)


@cache
def _adapter() -> TypeAdapter[Identity]:
    return TypeAdapter(Identity)
