"""From the result of an eID-Server to an identity (npa.md §5)."""

import unicodedata
from datetime import date

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.errors import (
    AttributeMissing,
    AuthenticationFailed,
    InvalidAnswer,
    LevelNotReached,
    LevelTooLow,
)
from connectors.identity import Absent, Address, Identity, PartialDate
from connectors.npa import asked, mapping
from connectors.npa.eid_service import EIDRequest, Missing, RestrictedID
from connectors.npa.operations import EIDType, Operation
from connectors.places import FreetextPlace, NoPlace, StructuredPlace
from tests.connectors.npa.card_service import NOW, PSEUDONYM, result, settings, wanted

ALL = frozenset(Operation)


def everything(**changes):
    return EIDRequest(required=frozenset(), optional=ALL, age=18, community_id="027605", **changes)


def identity(request=None, *, connector=None, **changes):
    return mapping.identity(request or everything(), result(**changes), connector or settings())


def test_every_value_of_a_card_has_its_place():
    """npa.md §5.2, the whole table."""
    found = identity()
    person, card = found.subject, found.card
    assert person.given_name.value.latin == "ERIKA"
    assert person.family_name.value.latin == "MUSTERMANN"
    assert person.birth_family_name.value.latin == "GABLER"
    assert person.date_of_birth.value == PartialDate(year=1964, month=8, day=12)
    assert person.place_of_birth.value == "BERLIN"
    assert person.nationalities.value == ("DE",)
    assert person.title.value == "DR."
    assert person.address.value == Address(
        thoroughfare="HEIDESTRAẞE 17", post_name="KÖLN", post_code="51147", country="DE"
    )
    assert card.document_type == "ID"
    assert card.issuing_state == card.icao_nationality == card.icao_residence == "D"
    assert card.date_of_expiry == date(2031, 10, 31)
    assert card.birthdate_raw == "19640812"
    assert card.community_id == "02760503150000"
    assert (card.age, card.age_fulfilled) == (18, True)
    assert (card.community, card.community_fulfilled) == ("027605", True)
    assert card.eid_type == "CardCertified"
    assert card.absent == {"artistic_name": "empty", "residence_permit": "empty"}
    assert person.given_name.level is LevelOfAssurance.HIGH


def test_the_source_is_the_german_eid_whatever_the_nationality():
    """npa.md §5.1: a Union citizen's card is a German eID, not a foreign one."""
    found = identity(document_type="UB", nationality="AUT")
    assert (found.source.scheme, found.source.country) == ("de_eid", "DE")
    assert found.source.issuer == "https://eid-service.example"
    assert found.source.authenticated_at == NOW
    assert found.assurance.notified
    assert found.subject.nationalities.value == ("AT",)


def test_an_identity_of_a_card_survives_the_store():
    """Identities cross the store only as sealed octets."""
    found = identity()
    assert Identity.from_record(found.to_record()) == found


def test_a_pseudonym_is_named_as_one_that_changes_with_the_card():
    """npa.md §5.3."""
    found = identity()
    assert found.subject.identifier.stability == "may-change"
    assert found.account_key == f"npa\0{PSEUDONYM.hex().upper()}"
    assert found.second_account_key is None


def test_both_pseudonyms_stay_usable_while_the_sector_migrates():
    """RestrictedIDType ID2 (TR-03130-1 §3.4.2): a match on either is the same person."""
    other = bytes(reversed(PSEUDONYM))
    found = identity(restricted_id=RestrictedID(first=PSEUDONYM, second=other))
    assert found.account_key == identity().account_key
    assert found.second_account_key == f"npa\0{other.hex().upper()}"


def test_nothing_is_read_that_was_not_asked_for():
    """A service that delivers more than it was asked for changes nothing (design.md "Data minimisation")."""
    request = asked.eid_request(wanted(age=18, identifier=False), settings())
    found = identity(request)
    person = found.subject
    assert person.identifier is None
    assert found.account_key is None
    assert all(
        getattr(person, name) is Absent.NOT_REQUESTED
        for name in ("family_name", "given_name", "date_of_birth", "address", "nationalities", "title")
    )
    card = found.card
    assert (card.age, card.age_fulfilled, card.community) == (18, True, None)
    assert card.document_type is card.birthdate_raw is card.community_id is card.date_of_expiry is None


def test_too_young_is_an_answer_and_no_error():
    """npa.md §5.2 AgeVerification: false is a claim."""
    request = asked.eid_request(wanted(age=18, identifier=False), settings())
    assert identity(request, age_fulfilled=False).card.age_fulfilled is False


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        (Missing.PROHIBITED, "npa.attribute.refused"),
        (Missing.NOT_ON_CHIP, "npa.attribute.not-on-chip"),
        (None, "npa.attribute.missing"),
    ],
)
@pytest.mark.parametrize(
    ("operation", "field", "name"),
    [
        (Operation.FAMILY_NAMES, "family_names", "family_name"),
        (Operation.PLACE_OF_RESIDENCE, "place_of_residence", "address"),
        (Operation.RESTRICTED_ID, "restricted_id", "identifier"),
    ],
)
def test_without_what_is_required_the_login_ends(operation, field, name, missing, reason):
    """npa.md §5.2: a REQUIRED attribute that comes back PROHIBITED ends the login."""
    request = EIDRequest(required=frozenset({operation}), age=18)
    with pytest.raises(AttributeMissing) as raised:
        identity(request, **{field: missing})
    assert (raised.value.reason, raised.value.detail) == (reason, name)


def test_not_on_the_chip_and_refused_and_empty_are_three_things():
    """AttributeResponseType (TR-03130-1 §3.4.1)."""
    found = identity(birth_name=Missing.NOT_ON_CHIP, place_of_residence=Missing.PROHIBITED, academic_title="")
    person = found.subject
    assert person.birth_family_name is person.address is Absent.NOT_DELIVERED
    assert person.title is Absent.DELIVERED_EMPTY
    assert found.card.absent["birth_family_name"] == "not-on-chip"
    assert found.card.absent["address"] == "refused"
    assert found.card.absent["title"] == "empty"


def test_an_empty_birth_name_is_the_family_name():
    """npa.md §5.2: on the chip and empty means the same name."""
    assert identity(birth_name="").subject.birth_family_name.value.latin == "MUSTERMANN"


def test_an_empty_birth_name_does_not_give_away_a_family_name_that_was_not_read():
    """npa.md §5.2 and design.md "Data minimisation"."""
    request = EIDRequest(required=frozenset(), optional=frozenset({Operation.BIRTH_NAME}))
    assert identity(request, birth_name="").subject.birth_family_name is Absent.DELIVERED_EMPTY


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("1964    ", PartialDate(year=1964)),
        ("196408  ", PartialDate(year=1964, month=8)),
        ("19640000", PartialDate(year=1964)),
        ("    0812", PartialDate(year=None, month=8, day=12)),
        ("1964  12", PartialDate(year=1964)),
    ],
)
def test_a_partial_date_of_birth_is_never_filled_in(raw, expected):
    """GeneralDateType (TR-03130-1 §3.4.2): unknown parts are blank."""
    found = identity(date_of_birth=raw)
    assert found.subject.date_of_birth.value == expected
    assert found.card.birthdate_raw == raw


def test_a_date_of_which_nothing_is_known_is_empty():
    """npa.md §5.2: never filled with 01 or 00."""
    found = identity(date_of_birth="        ")
    assert found.subject.date_of_birth is Absent.DELIVERED_EMPTY
    assert found.card.absent["date_of_birth"] == "empty"


@pytest.mark.parametrize("raw", ["19641312", "19640230", "1964081", "1964-8-12", "196 0812", "１９６４0812"])
def test_what_is_no_date_is_refused(raw):
    """GeneralDateType: eight characters of ``[0-9 ]``."""
    with pytest.raises(InvalidAnswer, match=r"npa\.result\.date"):
        identity(date_of_birth=raw)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("D", "DE"),
        ("D<<", "DE"),
        ("SRB", "RS"),
        ("XXA", "XXA"),
        ("XXB", "XXB"),
        ("XXC", "XXC"),
        ("XXX", "XXX"),
    ],
)
def test_a_nationality_is_an_iso_code_or_kept_as_it_is(code, expected):
    """ICAO 9303-3 §5: stateless persons and refugees have codes that ISO has not."""
    assert identity(nationality=code).subject.nationalities.value == (expected,)


def test_a_residence_in_free_text_stays_one_text():
    """GeneralPlaceType FreetextPlace."""
    found = identity(place_of_residence=FreetextPlace(text="12 Rue de la Paix, Paris"))
    assert found.subject.address.value == Address(full="12 Rue de la Paix, Paris")


def test_no_residence_in_germany_is_no_address_and_says_so():
    """GeneralPlaceType NoPlaceInfo, even where the address is required: that is the card's answer."""
    request = EIDRequest(required=frozenset({Operation.PLACE_OF_RESIDENCE}))
    found = identity(request, place_of_residence=NoPlace(text="keine Hauptwohnung in Deutschland"))
    assert found.subject.address is Absent.DELIVERED_EMPTY
    assert found.card.no_residence == "keine Hauptwohnung in Deutschland"
    assert found.card.absent == {"address": "no-place"}


def test_a_place_of_birth_in_parts_is_its_town():
    """GeneralPlaceType StructuredPlace."""
    found = identity(place_of_birth=StructuredPlace(city="KIEL", country="D"))
    assert found.subject.place_of_birth.value == "KIEL"


def test_names_are_composed_but_never_folded():
    """DIN 91379: ẞ, ł and sequences such as M̂ stay; NFC only."""
    decomposed = unicodedata.normalize("NFD", "GROẞMANN-ŁUKÁČ")
    found = identity(family_names=decomposed, given_names="M\u0302ARTA")
    assert found.subject.family_name.value.latin == "GROẞMANN-ŁUKÁČ"
    assert found.subject.given_name.value.latin == "M\u0302ARTA"


@pytest.mark.parametrize("name", ["MUSTER\u202eNNAM", "MUSTER\x00MANN", "A" * 1001])
def test_names_that_deceive_a_reader_are_refused(name):
    """Unicode TR 36 §3.6."""
    with pytest.raises(InvalidAnswer, match=r"npa\.result\.text"):
        identity(family_names=name)


@pytest.mark.parametrize(
    "changes",
    [
        {"community_id": "0276x"},
        {"restricted_id": RestrictedID(first=b"short")},
        {"nationality": "Deutsch"},
        {"issuing_state": "??"},
    ],
)
def test_other_values_out_of_their_form_are_refused(changes):
    """CommunityIDType, RestrictedIDType, ICAOCountry (TR-03130-1 §3.4.2)."""
    with pytest.raises(InvalidAnswer, match=r"npa\.result"):
        identity(**changes)


def test_the_service_s_word_about_the_level_counts():
    """LevelOfAssuranceResult (TR-03130-1 §3.2.2)."""
    found = identity(level=LevelOfAssurance.SUBSTANTIAL, eid_type=EIDType.SE_ENDORSED)
    assert found.assurance.level is LevelOfAssurance.SUBSTANTIAL
    assert not found.assurance.notified


def test_a_chip_card_is_high_where_the_service_states_nothing():
    """npa.md §5.1: the identity card is notified at high."""
    assert identity(level=None).assurance.level is LevelOfAssurance.HIGH


@pytest.mark.parametrize("kind", [EIDType.SE_CERTIFIED, EIDType.SE_ENDORSED, EIDType.HW_KEY_STORE, None])
def test_no_other_carrier_has_a_level_by_assumption(kind):
    """npa.md §5.1: HWKeyStore must not be assumed high."""
    with pytest.raises(LevelNotReached, match=r"npa\.level\.unstated"):
        identity(level=None, eid_type=kind)


def test_a_service_for_cards_alone_may_leave_level_and_carrier_out():
    """A setting of the operator, for services before TR-03130-1 v2.4."""
    older = settings(unstated_level="high")
    found = identity(level=None, eid_type=None, connector=older)
    assert found.assurance.level is LevelOfAssurance.HIGH
    assert found.assurance.notified
    lower = identity(level=LevelOfAssurance.SUBSTANTIAL, eid_type=None, connector=older)
    assert not lower.assurance.notified  # no card has that level
    with pytest.raises(LevelNotReached):
        identity(level=None, eid_type=EIDType.HW_KEY_STORE, connector=older)


@pytest.mark.parametrize(
    ("kind", "notified"),
    [
        (EIDType.CARD_CERTIFIED, True),
        (EIDType.SE_CERTIFIED, False),
        (EIDType.SE_ENDORSED, False),
        (None, False),
    ],
)
def test_notified_is_the_chip_card_alone(kind, notified):
    """(EU) 2017/C 319/03; a level without a carrier may be that of a phone."""
    assert identity(eid_type=kind).assurance.notified is notified


def test_a_carrier_that_was_denied_is_refused():
    """TR-03130-1 §3.4.2, whatever level the service states of it."""
    request = everything(eid_types={EIDType.SE_CERTIFIED: False, EIDType.CARD_CERTIFIED: True})
    with pytest.raises(AuthenticationFailed, match=r"npa\.document-denied"):
        identity(request, eid_type=EIDType.SE_CERTIFIED)
    assert identity(request, eid_type=EIDType.CARD_CERTIFIED).card.eid_type == "CardCertified"


def test_a_level_below_the_request_is_too_low():
    """npa.md §1.5, although the service should have denied the document."""
    request = everything(minimum=LevelOfAssurance.HIGH)
    with pytest.raises(LevelTooLow, match=r"npa\.level\.too-low"):
        identity(request, level=LevelOfAssurance.SUBSTANTIAL)


def test_a_card_that_cannot_be_asked_about_residence_has_answered():
    """TR-03130-1 §3.4.1: NOTONCHIP; a Union citizen's card has no data group 18."""
    request = asked.eid_request(wanted(community_id="027614", identifier=False), settings())
    card = identity(request, place_fulfilled=Missing.NOT_ON_CHIP).card
    assert (card.community, card.community_fulfilled) == ("027614", None)
    assert card.absent == {"community": "not-on-chip"}


@pytest.mark.parametrize("absence", [*Missing, None])
def test_no_answer_about_the_age_is_no_login(absence):
    """Each card has a date of birth: whoever asks for nothing but the age gets it, yes or no."""
    request = asked.eid_request(wanted(age=18, identifier=False), settings())
    with pytest.raises(AttributeMissing):
        identity(request, age_fulfilled=absence)


@pytest.mark.parametrize(
    ("field", "changes"), [("age_fulfilled", {"age": 18}), ("place_fulfilled", {"community_id": "0276"})]
)
def test_a_verification_that_the_citizen_unticked_ends_the_login(field, changes):
    """npa.md §5.2: REQUIRED and PROHIBITED."""
    request = asked.eid_request(wanted(identifier=False, **changes), settings())
    with pytest.raises(AttributeMissing, match=r"npa\.attribute\.refused"):
        identity(request, **{field: Missing.PROHIBITED})
