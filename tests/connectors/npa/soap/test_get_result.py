"""getResult: counter, waiting, what comes out, and what ends the session (TR-03130-1 §3.2.2, §3.4)."""

import re
import secrets
from dataclasses import replace
from datetime import date

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.contract import Answer
from connectors.errors import (
    AuthenticationFailed,
    Cancelled,
    InvalidAnswer,
    PeerRefused,
    PeerUnavailable,
)
from connectors.npa.eid_service import Missing, RestrictedID
from connectors.npa.operations import EIDType, Operation
from connectors.places import FreetextPlace, NoPlace, StructuredPlace
from sandbox.eid_service.names import INVALID_COUNTER, INVALID_SESSION, Refused
from sandbox.eid_service.writing import Outcome
from tests.attacks.refusal import chain
from tests.support.eid_service_peer import ADDRESSES, ERIKA, REFRESH, asked, erika, now

SERVER = "http://www.bsi.bund.de/eid/server/2.0/resultminor"
ECARD = "http://www.bsi.bund.de/ecard/api/1.1/resultminor"
REQUEST = asked(*ERIKA, minimum=LevelOfAssurance.HIGH, eid_types={EIDType.HW_KEY_STORE: False})


def opened(service, request=REQUEST):
    answer = service.open(
        request, relay_state="r", addresses=ADDRESSES, now=now(), random=secrets.token_bytes
    )
    return answer.session


def fetched(peer, outcome, request=REQUEST, **section):
    service = peer.service(peer.section(**section))
    session = opened(service, request)
    peer.cards.outcome = outcome
    return service.result(request, session, REFRESH, now=now())


def counters(peer):
    return [int(n) for octets in peer.asked for n in re.findall(rb"RequestCounter>(\d+)<", octets)]


def test_values_of_the_card_arrive_unchanged(peer):
    """§3.4: text as on the chip, an incomplete date of birth incomplete, NOTONCHIP as such."""
    result = fetched(peer, erika())
    assert (result.given_names, result.family_names) == ("ERIKA", "MUSTERMANN")
    assert result.academic_title is Missing.NOT_ON_CHIP
    assert result.date_of_birth == "196408  "
    assert result.place_of_residence == StructuredPlace(
        street="HEIDESTRAẞE 17", city="KÖLN", country="D", zip_code="51147"
    )
    assert result.restricted_id == RestrictedID(first=b"\x50" * 32)
    assert result.level is LevelOfAssurance.HIGH
    assert result.eid_type is EIDType.CARD_CERTIFIED
    assert result.issuer == peer.address


def test_what_was_not_asked_for_is_none(peer):
    """§3.4: not asked, refused and empty are different things."""
    result = fetched(peer, erika())
    assert result.nationality is None
    assert result.age_fulfilled is None


def test_statement_says_nothing_about_session_or_person(peer):
    """design: the audit log holds a digest of the session, which is a secret while it lives."""
    result = fetched(peer, erika())
    (key_session, _), (key_answer, _) = result.replay_keys
    assert result.statement_id in key_session
    assert result.statement_id not in key_answer
    assert "MUSTERMANN" not in str(result.replay_keys) + result.statement_id


def one(operation, value, **more):
    """An outcome with one value."""
    data = {} if value is None else {operation: value}
    return Outcome(
        operations={operation: "ALLOWED"},
        personal_data=data,
        level="http://bsi.bund.de/eID/LoA/hoch",
        eid_type="CardCertified",
        **more,
    )


@pytest.mark.parametrize(
    ("operation", "value", "field", "meant"),
    [
        (Operation.DATE_OF_EXPIRY, "2029-10-31", "date_of_expiry", date(2029, 10, 31)),
        (Operation.DATE_OF_EXPIRY, "2029-10-31+01:00", "date_of_expiry", date(2029, 10, 31)),
        (Operation.DOCUMENT_TYPE, "UB", "document_type", "UB"),
        (Operation.NATIONALITY, "XXA", "nationality", "XXA"),
        (Operation.ARTISTIC_NAME, "", "artistic_name", ""),
        (
            Operation.DATE_OF_BIRTH,
            {"DateString": "19640812", "DateValue": "1964-08-12"},
            "date_of_birth",
            "19640812",
        ),
        (Operation.DATE_OF_BIRTH, {"DateString": "1964    "}, "date_of_birth", "1964    "),
        (Operation.DATE_OF_BIRTH, {"DateString": "        "}, "date_of_birth", "        "),
        (
            Operation.PLACE_OF_BIRTH,
            {"FreetextPlace": "TIMIŞOARA"},
            "place_of_birth",
            FreetextPlace(text="TIMIŞOARA"),
        ),
        (
            Operation.PLACE_OF_RESIDENCE,
            {"NoPlaceInfo": "keine Hauptwohnung in Deutschland"},
            "place_of_residence",
            NoPlace(text="keine Hauptwohnung in Deutschland"),
        ),
        (
            Operation.PLACE_OF_RESIDENCE,
            {"StructuredPlace": {"City": "WIEN", "State": "WIEN", "Country": "AUT"}},
            "place_of_residence",
            StructuredPlace(city="WIEN", state="WIEN", country="AUT"),
        ),
        (Operation.COMMUNITY_ID, "02760503150000", "community_id", "02760503150000"),
        (
            Operation.RESIDENCE_PERMIT_I,
            "NIEDERLASSUNGSERLAUBNIS",
            "residence_permit_i",
            "NIEDERLASSUNGSERLAUBNIS",
        ),
        (
            Operation.RESTRICTED_ID,
            {"ID": "0A" * 32, "ID2": "0b" * 32},
            "restricted_id",
            RestrictedID(first=b"\x0a" * 32, second=b"\x0b" * 32),
        ),
    ],
)
def test_each_type_of_value_is_read(peer, operation, value, field, meant):
    """§3.4.3: GeneralDateType, GeneralPlaceType, RestrictedIDType and the rest."""
    request = replace(REQUEST, required=frozenset({operation}))
    assert getattr(fetched(peer, one(operation, value), request), field) == meant


@pytest.mark.parametrize("verdict", [True, False])
def test_age_and_place_come_as_verdicts_alone(peer, verdict):
    """§3.2.2: a service that needs "over 18" gets that and nothing else."""
    request = replace(
        REQUEST,
        required=frozenset({Operation.AGE_VERIFICATION, Operation.PLACE_VERIFICATION}),
        age=18,
        community_id="0276",
    )
    outcome = Outcome(
        operations={"AgeVerification": "ALLOWED", "PlaceVerification": "ALLOWED"},
        fulfils_age=verdict,
        fulfils_place=not verdict,
        level="http://bsi.bund.de/eID/LoA/hoch",
        eid_type="CardCertified",
    )
    result = fetched(peer, outcome, request)
    assert (result.age_fulfilled, result.place_fulfilled) == (verdict, not verdict)
    assert result.restricted_id is None


def test_unticked_value_is_prohibited(peer):
    """§3.4.1: PROHIBITED, because the citizen unticked it; an absent selector says the same."""
    optional = replace(
        REQUEST, optional=frozenset({Operation.BIRTH_NAME}), required=frozenset({Operation.GIVEN_NAMES})
    )
    result = fetched(peer, one(Operation.GIVEN_NAMES, "ERIKA"), optional)
    assert result.birth_name is Missing.PROHIBITED


def test_more_than_was_asked_for_is_refused(peer):
    """Minimisation: the citizen saw another list on the screen."""
    outcome = erika()
    with pytest.raises(InvalidAnswer, match="not-asked"):
        fetched(peer, outcome, replace(REQUEST, required=REQUEST.required - {Operation.FAMILY_NAMES}))


@pytest.mark.parametrize(
    ("word", "value", "reason"),
    [("ALLOWED", None, "missing"), ("PROHIBITED", "ERIKA", "contradiction"), ("NOTONCHIP", "E", "contradiction")],
)  # fmt: skip
def test_value_and_its_state_must_agree(peer, word, value, reason):
    """§3.4.1."""
    request = replace(REQUEST, required=frozenset({Operation.GIVEN_NAMES}))
    outcome = replace(one(Operation.GIVEN_NAMES, value), operations={"GivenNames": word})
    with pytest.raises(InvalidAnswer, match=reason):
        fetched(peer, outcome, request)


@pytest.mark.parametrize(
    "value",
    [
        {"DateString": "19640812", "DateValue": "1964-08-13"},
        {"DateString": "19640812", "DateValue": "-1964-08-12"},
        {"DateString": "19640812", "DateValue": "19640-08-12"},
        {"DateString": "1964081"},
        {"DateString": "1964-8-1"},
    ],
)
def test_contradictory_or_malformed_date_of_birth_is_refused(peer, value):
    """§3.4.3: eight characters, and DateValue says the same."""
    request = replace(REQUEST, required=frozenset({Operation.DATE_OF_BIRTH}))
    with pytest.raises(InvalidAnswer) as caught:
        fetched(peer, one(Operation.DATE_OF_BIRTH, value), request)
    assert not [error for error in chain(caught.value) if "1964" in f"{error} {error.args}"]


@pytest.mark.parametrize(
    ("uri", "level"),
    [
        ("http://bsi.bund.de/eID/LoA/undefined", LevelOfAssurance.BASIC),
        ("http://bsi.bund.de/eID/LoA/normal", LevelOfAssurance.LOW),
        ("http://bsi.bund.de/eID/LoA/substantiell", LevelOfAssurance.SUBSTANTIAL),
        ("http://bsi.bund.de/eID/LoA/hoch", LevelOfAssurance.HIGH),
    ],
)
def test_level_is_what_the_service_states(peer, uri, level):
    """§3.4.2."""
    assert fetched(peer, replace(erika(), level=uri)).level is level


def test_foreign_level_is_refused_on_the_national_interface(peer):
    """§3.4.2: the URIs of eidas.europa.eu belong to eSAML."""
    with pytest.raises(InvalidAnswer, match="level"):
        fetched(peer, replace(erika(), level="http://eidas.europa.eu/LoA/high"))


def test_missing_level_is_refused_when_one_was_asked_for(peer):
    """§3.2.2: LevelOfAssuranceResult, if a level was requested."""
    with pytest.raises(InvalidAnswer, match="level"):
        fetched(peer, replace(erika(), level=None))


def test_carrier_is_always_asked_for(peer):
    """§3.4.2: without a wish as well, because a phone is not what Germany has notified."""
    result = fetched(peer, erika(), replace(REQUEST, eid_types={}))
    assert result.eid_type is EIDType.CARD_CERTIFIED
    assert b"<eid:EIDTypeRequest/>" in peer.asked[0]


def test_missing_carrier_is_refused(peer):
    """§3.2.2: EIDTypeResponse, if EIDTypeRequest was sent."""
    with pytest.raises(InvalidAnswer, match="carrier"):
        fetched(peer, replace(erika(), eid_type=None))


def test_older_service_states_no_level(peer):
    """§3.2.2: then the connector decides by its settings, not here."""
    result = fetched(peer, replace(erika(), level=None, eid_type=None), level_of_assurance=False)
    assert (result.level, result.eid_type) == (None, None)


def test_counter_starts_with_one_and_rises_by_one(peer):
    """§3.2.2 and A1_3_06."""
    service = peer.service()
    session = opened(service)
    with pytest.raises(AuthenticationFailed, match="no-result"):
        service.result(REQUEST, session, REFRESH, now=now())
    assert counters(peer) == list(range(1, 10))


def test_waiting_is_bounded(peer):
    """§3.2.2: noResultYet; two seconds in steps of a quarter by default."""
    service = peer.service()
    session = opened(service)
    with pytest.raises(AuthenticationFailed, match="no-result"):
        service.result(REQUEST, session, REFRESH, now=now())
    assert peer.waits == [0.25] * 8


def test_slow_answers_count_as_waiting(peer):
    """A service that takes its time over every "not yet" cannot stretch the wait."""
    service = peer.service()
    session = opened(service)
    seconds = iter([0.0, 0.0, 1.5, 3.0])
    service = replace(service, clock=lambda: next(seconds))
    with pytest.raises(AuthenticationFailed, match="no-result"):
        service.result(REQUEST, session, REFRESH, now=now())
    assert counters(peer) == [1, 2, 3]


def test_few_logins_wait_at_the_same_time(peer):
    """Whoever comes back without a result must not be able to keep every thread waiting."""
    service = peer.service()
    inside = []

    def wait(_seconds):
        """While the first waits, a second may, a third may not."""
        if len(inside) < 2:
            inside.append(len(peer.waits))
            session = opened(service)
            with pytest.raises(AuthenticationFailed, match="no-result"):
                nested.result(REQUEST, session, REFRESH, now=now())

    nested = replace(service, sleep=wait)
    session = opened(service)
    with pytest.raises(AuthenticationFailed, match="no-result"):
        nested.result(REQUEST, session, REFRESH, now=now())
    # two waited all their time, the one that came third asked once
    assert sorted(counters(peer)) == sorted([*range(1, 10), *range(1, 10), 1])


def test_result_that_comes_while_waiting_is_taken(peer):
    """§3.2.2: the browser is sometimes faster than the eID-Server."""
    service = peer.service()
    session = opened(service)

    def arrive(_seconds):
        peer.cards.outcome = erika()

    service = replace(service, sleep=arrive)
    assert service.result(REQUEST, session, REFRESH, now=now()).given_names == "ERIKA"
    assert counters(peer) == [1, 2]


def test_nobody_waits_after_an_error_at_the_client(peer):
    """npa.md §3.5: the query is a hint, and this one says that there is nothing to wait for."""
    service = peer.service()
    session = opened(service)
    hint = Answer(method="GET", query=b"RelayState=r&ResultMajor=error&ResultMinor=cancellationByUser")
    with pytest.raises(AuthenticationFailed, match="no-result"):
        service.result(REQUEST, session, hint, now=now())
    assert peer.waits == []


def test_result_is_given_once(peer):
    """§3.2.2: the server deletes what it has answered; a replayed getResult finds nothing."""
    service = peer.service()
    session = opened(service)
    peer.cards.outcome = erika()
    service.result(REQUEST, session, REFRESH, now=now())
    with pytest.raises(AuthenticationFailed, match="session-lost"):
        service.result(REQUEST, session, REFRESH, now=now())


def test_replayed_message_is_refused_with_the_code_of_the_counter(peer):
    """§3.2.2: a counter that does not rise is invalidCounter, and ends the session."""
    service = peer.service(peer.section(wait_seconds=0))
    session = opened(service)
    with pytest.raises(AuthenticationFailed, match="no-result"):
        service.result(REQUEST, session, REFRESH, now=now())
    replayed = peer.interface.answer(peer.asked[-1], "getResult")
    assert INVALID_COUNTER.encode() in replayed
    after = peer.interface.answer(peer.asked[-1], "getResult")
    assert INVALID_SESSION.encode() in after


@pytest.mark.parametrize(
    ("minor", "kind", "reason"),
    [
        (SERVER + "/common#internalError", PeerUnavailable, "npa.service.internal"),
        (SERVER + "/common#schemaViolation", PeerRefused, "npa.service.schema-violation"),
        (SERVER + "/getResult#invalidSession", AuthenticationFailed, "npa.session-lost"),
        (SERVER + "/getResult#invalidCounter", AuthenticationFailed, "npa.session-lost"),
        (SERVER + "/getResult#deniedDocument", AuthenticationFailed, "npa.document-denied"),
        (SERVER + "/getResult#invalidDocument", AuthenticationFailed, "npa.document-invalid"),
        (ECARD + "/sal#cancellationByUser", Cancelled, "npa.cancelled"),
        (ECARD + "/ifdl#cancellationByUser", Cancelled, "npa.cancelled"),
        (ECARD + "/dp#timeout", AuthenticationFailed, "npa.timeout"),
        (ECARD + "/ifdl/terminal#noCard", AuthenticationFailed, "npa.card-lost"),
        (ECARD + "/al/common#unknownError", AuthenticationFailed, "npa.client-error"),
        ("urn:of:nobody", AuthenticationFailed, "npa.client-error"),
    ],
)
def test_every_result_code_ends_as_it_should(peer, minor, kind, reason):
    """§3.2.2 and TR-03112-1 §4: what the citizen did, what the card is, what is broken."""
    with pytest.raises(kind) as caught:
        fetched(peer, Refused(minor))
    assert caught.value.reason == reason
    assert peer.waits == []


def test_warning_is_no_success(peer):
    """TR-03112-1 §4.1: something was not as asked; nobody has decided that it does not matter."""
    service = peer.service()
    session = opened(service)
    peer.cards.outcome = erika()
    write = peer.interface.answer

    def warn(octets, operation):
        from sandbox.eid_service import envelope

        content = envelope.parse(write(octets, operation))[1][0]
        result = content.find("{urn:oasis:names:tc:dss:1.0:core:schema}Result")
        result[0].text = "http://www.bsi.bund.de/ecard/api/1.1/resultmajor#warning"
        return envelope.write(content, peer.answering, now=now())

    peer.interface = type("Warning", (), {"answer": staticmethod(warn)})()
    with pytest.raises(AuthenticationFailed):
        service.result(REQUEST, session, REFRESH, now=now())


@pytest.mark.parametrize("session", [{}, {"id": 1}, {"id": None}])
def test_session_that_is_not_ours_is_refused(peer, session):
    """The gateway seals it; whatever is not as ``open`` left it is not sent anywhere."""
    with pytest.raises(InvalidAnswer):
        peer.service().result(REQUEST, session, REFRESH, now=now())
    assert peer.asked == []
