"""From the result of an eID-Server to an ``Identity`` (npa.md §5).

Nothing is read that was not asked for, even if a service delivers it. Not on the chip, refused by the
citizen, and on the chip but empty are three things and stay three (TR-03130-1 §3.4.1,
``AttributeResponseType``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from connectors.assurance import Assurance, LevelOfAssurance
from connectors.errors import AttributeMissing, InvalidAnswer, LevelNotReached, LevelTooLow
from connectors.identity import (
    Absent,
    Address,
    Attested,
    CardFacts,
    Identifier,
    Identity,
    Name,
    NaturalPerson,
    PartialDate,
    Source,
)
from connectors.npa import failures, values
from connectors.npa.asked import ATTRIBUTE_OPERATIONS, FACT_OPERATIONS
from connectors.npa.eid_service import EIDRequest, EIDResult, Missing
from connectors.npa.operations import EIDType, Operation
from connectors.npa.settings import NPASettings
from connectors.places import NoPlace, Place, StructuredPlace

T = TypeVar("T")

SCHEME = "de_eid"
NOT_ON_CHIP, REFUSED, EMPTY, NO_PLACE = "not-on-chip", "refused", "empty", "no-place"
"""Words of ``CardFacts.absent``."""
_REASONS = {NOT_ON_CHIP: "npa.attribute.not-on-chip", REFUSED: "npa.attribute.refused"}

_NAMES = {
    **{operation: name for name, operation in ATTRIBUTE_OPERATIONS.items()},
    **{operation: name for name, operation in FACT_OPERATIONS.items()},
    Operation.RESTRICTED_ID: "identifier",
    Operation.AGE_VERIFICATION: "age",
    Operation.PLACE_VERIFICATION: "community",
}


def identity(request: EIDRequest, result: EIDResult, settings: NPASettings) -> Identity:
    """The person behind a card, or only what the card confirmed of it.

    Raises AuthenticationFailed ``npa.document-denied``, LevelNotReached ``npa.level.unstated``, LevelTooLow
    ``npa.level.too-low``, AttributeMissing ``npa.attribute.refused``, ``npa.attribute.not-on-chip`` and
    ``npa.attribute.missing``, InvalidAnswer ``npa.result.*``.
    """
    if result.eid_type is not None and not request.eid_types.get(result.eid_type, True):
        raise failures.of_minor(f"{failures.SERVER_MINOR}/getResult#deniedDocument")
    level = _level(result, settings)
    minimum = request.minimum or LevelOfAssurance.LOW
    if level < minimum:
        raise LevelTooLow("npa.level.too-low", achieved=level, required=minimum)
    reading = _Reading(request=request, result=result, level=level)
    person, card = reading.person(), reading.card()
    return Identity(
        source=Source(
            connector=settings.id,
            scheme=SCHEME,
            issuer=result.issuer,
            country="DE",  # also of a Union citizen's card: the eID and its trust root are German
            authenticated_at=result.authenticated_at,
            statement_id=result.statement_id,
        ),
        assurance=Assurance(level=level, notified=_is_chip_card(result, settings)),
        subject=person,
        card=card,
    )


def _level(result: EIDResult, settings: NPASettings) -> LevelOfAssurance:
    """What the route proves: the service's word, else what a chip card is known to have (npa.md §5.1)."""
    if result.level is not None:
        return result.level
    if _is_chip_card(result, settings):
        return LevelOfAssurance.HIGH
    raise LevelNotReached("npa.level.unstated")


def _is_chip_card(result: EIDResult, settings: NPASettings) -> bool:
    """Only these are notified ((EU) 2017/C 319/03 and later), no derived eID on a phone; and a service
    that does not name the carrier could have seen either."""
    if result.eid_type is None:  # a card is high, so a lower level is that of something else
        return settings.unstated_level == "high" and result.level in {None, LevelOfAssurance.HIGH}
    return result.eid_type is EIDType.CARD_CERTIFIED


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """One result while it is read; ``absent`` fills up."""

    request: EIDRequest
    result: EIDResult
    level: LevelOfAssurance
    absent: dict[str, str] = field(default_factory=dict)

    def value(self, operation: Operation, delivered: T | Missing | None) -> T | Absent:
        """What was delivered for ``operation``, if it was asked for; raises AttributeMissing."""
        required = operation in self.request.required
        if not required and operation not in self.request.optional:
            return Absent.NOT_REQUESTED
        name = _NAMES[operation]
        if delivered is None:
            if required:
                raise AttributeMissing("npa.attribute.missing", name)
            return Absent.NOT_DELIVERED
        if isinstance(delivered, Missing):
            word = NOT_ON_CHIP if delivered is Missing.NOT_ON_CHIP else REFUSED
            # A Union citizen's card has no community and has answered all the same; each has a date of birth.
            if required and not (operation is Operation.PLACE_VERIFICATION and word is NOT_ON_CHIP):
                raise AttributeMissing(_REASONS[word], name)
            self.absent[name] = word
            return Absent.NOT_DELIVERED
        return delivered

    def text(self, operation: Operation, delivered: str | Missing | None) -> str | Absent:
        """NFC; an empty text says so."""
        found = self.value(operation, delivered)
        if isinstance(found, Absent):
            return found
        if not found:
            self.absent[_NAMES[operation]] = EMPTY
            return Absent.DELIVERED_EMPTY
        return values.text(found)

    def attested(self, found: T | Absent) -> Attested[T] | Absent:
        return found if isinstance(found, Absent) else Attested(value=found, level=self.level)

    def name(self, operation: Operation, delivered: str | Missing | None) -> Attested[Name] | Absent:
        found = self.text(operation, delivered)
        return found if isinstance(found, Absent) else self.attested(Name(latin=found))

    def person(self) -> NaturalPerson:
        result = self.result
        family_name = self.name(Operation.FAMILY_NAMES, result.family_names)
        return NaturalPerson(
            identifier=self._identifier(),
            family_name=family_name,
            given_name=self.name(Operation.GIVEN_NAMES, result.given_names),
            date_of_birth=self.attested(self._date_of_birth()),
            birth_family_name=self._birth_name(family_name),
            place_of_birth=self.attested(self._place_of_birth()),
            address=self.attested(self._address()),
            nationalities=self.attested(self._nationalities()),
            title=self.attested(self.text(Operation.ACADEMIC_TITLE, result.academic_title)),
        )

    def card(self) -> CardFacts:
        result = self.result
        expiry = self.value(Operation.DATE_OF_EXPIRY, result.date_of_expiry)
        residence = self.value(Operation.PLACE_OF_RESIDENCE, result.place_of_residence)
        age = self.value(Operation.AGE_VERIFICATION, result.age_fulfilled)
        place = self.value(Operation.PLACE_VERIFICATION, result.place_fulfilled)
        return CardFacts(
            document_type=_plain(self.text(Operation.DOCUMENT_TYPE, result.document_type)),
            issuing_state=self._issuing_state(),
            date_of_expiry=None if isinstance(expiry, Absent) else expiry,
            artistic_name=_plain(self.text(Operation.ARTISTIC_NAME, result.artistic_name)),
            birthdate_raw=_plain(self.value(Operation.DATE_OF_BIRTH, result.date_of_birth)),
            icao_nationality=_plain(self.value(Operation.NATIONALITY, result.nationality)),
            icao_residence=residence.country if isinstance(residence, StructuredPlace) else None,
            no_residence=values.text(residence.text) if isinstance(residence, NoPlace) else None,
            community_id=self._community_id(),
            residence_permit=_plain(self.text(Operation.RESIDENCE_PERMIT_I, result.residence_permit_i)),
            age=self.request.age,
            age_fulfilled=None if isinstance(age, Absent) else age,
            community=self.request.community_id,
            community_fulfilled=None if isinstance(place, Absent) else place,
            eid_type=result.eid_type.value if result.eid_type is not None else None,
            absent=dict(self.absent),
        )

    def _identifier(self) -> Identifier | None:
        """The pseudonym of (card, sector): another with the next card, so never a key for a person."""
        found = self.value(Operation.RESTRICTED_ID, self.result.restricted_id)
        if isinstance(found, Absent):
            return None
        if len(found.first) < 16 or (found.second is not None and len(found.second) < 16):
            raise InvalidAnswer("npa.result.restricted-id")
        return Identifier(
            value=found.first.hex().upper(),
            second=found.second.hex().upper() if found.second is not None else None,
            stability="may-change",
        )

    def _birth_name(self, family_name: Attested[Name] | Absent) -> Attested[Name] | Absent:
        """Empty on the chip means: the same as the family name (npa.md §5.2)."""
        found = self.name(Operation.BIRTH_NAME, self.result.birth_name)
        if found is Absent.DELIVERED_EMPTY and isinstance(family_name, Attested):
            return family_name
        return found

    def _date_of_birth(self) -> PartialDate | Absent:
        found = self.value(Operation.DATE_OF_BIRTH, self.result.date_of_birth)
        if isinstance(found, Absent):
            return found
        read = values.partial_date(found)
        if read is None:
            self.absent["date_of_birth"] = EMPTY
            return Absent.DELIVERED_EMPTY
        return read

    def _place_of_birth(self) -> str | Absent:
        found: Place | Absent = self.value(Operation.PLACE_OF_BIRTH, self.result.place_of_birth)
        if isinstance(found, Absent):
            return found
        text = values.place_name(found)
        if not text:
            self.absent["place_of_birth"] = NO_PLACE if isinstance(found, NoPlace) else EMPTY
        return text or Absent.DELIVERED_EMPTY

    def _address(self) -> Address | Absent:
        found: Place | Absent = self.value(Operation.PLACE_OF_RESIDENCE, self.result.place_of_residence)
        if isinstance(found, Absent):
            return found
        if isinstance(found, NoPlace):
            self.absent["address"] = NO_PLACE
            return Absent.DELIVERED_EMPTY
        return values.address(found)

    def _nationalities(self) -> tuple[str, ...] | Absent:
        found = self.value(Operation.NATIONALITY, self.result.nationality)
        if isinstance(found, Absent):
            return found
        if not found:
            self.absent["nationalities"] = EMPTY
            return Absent.DELIVERED_EMPTY
        return (values.nationality(found),)

    def _issuing_state(self) -> str | None:
        found = _plain(self.text(Operation.ISSUING_STATE, self.result.issuing_state))
        if found:
            values.nationality(found)  # readable at least
        return found

    def _community_id(self) -> str | None:
        found = _plain(self.text(Operation.COMMUNITY_ID, self.result.community_id))
        if found and not (found.isascii() and found.isdecimal()):
            raise InvalidAnswer("npa.result.community-id")
        return found


def _plain(value: str | Absent) -> str | None:
    """For ``CardFacts``: an empty text is on the chip, and empty."""
    if value is Absent.DELIVERED_EMPTY:
        return ""
    return None if isinstance(value, Absent) else value
