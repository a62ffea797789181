"""Sessions of the eID-Server: what may be asked for, how long, how many, by whom (TR-03130-1 §3.2)."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from eid_server.block_list import BlockList
from eid_server.dialogue import today
from eid_server.errors import (
    EIDServerError,
    InvalidPSK,
    InvalidSession,
    Misconfigured,
    MissingArgument,
    MissingTerminalRights,
    NoResultYet,
    ProtocolViolation,
    SchemaViolation,
    TooManyOpenSessions,
)
from eid_server.levels import LEVELS, EIDType, Level, accepted
from eid_server.passive_authentication import CardTrust
from eid_server.pki import TrialPKI
from eid_server.request import SessionRequest
from eid_server.server import EIDServer
from eid_server.session import PreSharedKey
from tests.support import paos
from tests.support.paos import MINOR, Command

NAMES = SessionRequest(required=frozenset({"GivenNames", "FamilyNames"}))
SERVER_MINOR = "http://www.bsi.bund.de/eid/server/2.0/resultminor"


class Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def server(pki: TrialPKI, clock: Clock) -> EIDServer:
    block_list = BlockList.of(pki.terminal.sector)
    return EIDServer(
        pki.terminal, CardTrust(), block_list=block_list, production=False, clock=clock, capacity=3
    )


def start(session_id: str, message_id: str = "urn:uuid:1") -> bytes:
    return paos.envelope(paos.start_paos(session_id), message_id=message_id)


def test_identifiers_are_long_random_and_different(server: EIDServer) -> None:
    """TR-03130-1 §3.2.1: at least 32 hexadecimal characters, unique among active sessions."""
    found = {server.open(NAMES).id for _ in range(3)}
    assert len(found) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in found)


@pytest.mark.parametrize(
    ("request_", "error", "minor"),
    [
        (SessionRequest(), SchemaViolation, "/common#schemaViolation"),
        (SessionRequest(required=frozenset({"Sex"})), SchemaViolation, "/common#schemaViolation"),
        (replace(NAMES, optional=frozenset({"GivenNames"})), SchemaViolation, "/common#schemaViolation"),
        (replace(NAMES, age=-1), SchemaViolation, "/common#schemaViolation"),
        (replace(NAMES, community_id="27"), SchemaViolation, "/common#schemaViolation"),
        (replace(NAMES, community_id="0276x5"), SchemaViolation, "/common#schemaViolation"),
        (replace(NAMES, transaction_info="a\0b"), SchemaViolation, "/common#schemaViolation"),
        (replace(NAMES, transaction_info="a" * 5000), SchemaViolation, "/common#schemaViolation"),
        (
            replace(NAMES, minimum=Level.HOCH, eid_types={EIDType.CARD_CERTIFIED: False}),
            SchemaViolation,
            "/common#schemaViolation",
        ),
        (SessionRequest(required=frozenset({"AgeVerification"})), MissingArgument, "/useID#missingArgument"),
        (
            SessionRequest(optional=frozenset({"PlaceVerification"})),
            MissingArgument,
            "/useID#missingArgument",
        ),
        (
            SessionRequest(optional=frozenset({"Nationality"})),
            MissingTerminalRights,
            "/useID#missingTerminalRights",
        ),
    ],
)
def test_request_that_cannot_be_served_opens_no_session(
    server: EIDServer, request_: SessionRequest, error: type[EIDServerError], minor: str
) -> None:
    """TR-03130-1 §3.5: refused before a citizen is bothered."""
    with pytest.raises(error) as caught:
        server.open(request_)
    assert caught.value.minor == SERVER_MINOR + minor


def test_sessions_are_bounded_and_expire(server: EIDServer, clock: Clock) -> None:
    """TR-03130-1 §3.2.1 tooManyOpenSessions, §3.2.2: the server expires sessions by time."""
    first, *_ = [server.open(NAMES) for _ in range(3)]
    with pytest.raises(TooManyOpenSessions):
        server.open(NAMES)
    clock.now += timedelta(minutes=10)
    with pytest.raises(InvalidSession):
        server.result(first.id)
    assert Command(server.paos(start(first.id))).minor == f"{MINOR}/dp#unknownChannelHandle"
    assert server.open(NAMES).id != first.id


def test_session_that_expires_between_two_messages_is_gone(server: EIDServer, clock: Clock) -> None:
    """TR-03130-1 §3.2.2."""
    session = server.open(NAMES)
    consent = Command(server.paos(start(session.id)))
    clock.now += timedelta(minutes=10)
    late = paos.envelope(paos.did_response("EAC1OutputType"), relates_to=consent.message_id)
    assert Command(server.paos(late)).major == paos.ERROR
    with pytest.raises(InvalidSession):
        server.result(session.id)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"not xml",
        start("00" * 16),
        paos.envelope(paos.did_response("EAC1OutputType")),
        paos.envelope(paos.did_response("EAC1OutputType"), relates_to="urn:uuid:unknown"),
        paos.envelope("<a/>"),
    ],
)
def test_message_of_no_session_is_answered_with_an_error_and_harms_nobody(
    server: EIDServer, octets: bytes
) -> None:
    """TR-03112-7 §2.6: StartPAOSResponse ends what was never begun."""
    session = server.open(NAMES)
    answer = Command(server.paos(octets))
    assert (answer.name, answer.major) == ("StartPAOSResponse", paos.ERROR)
    with pytest.raises(NoResultYet):
        server.result(session.id)


def test_second_start_ends_the_session(server: EIDServer) -> None:
    """One eID-Client per session; of two, nobody can tell which is the citizen's."""
    session = server.open(NAMES)
    consent = Command(server.paos(start(session.id)))
    assert consent.kind == "EAC1InputType"
    assert Command(server.paos(start(session.id, "urn:uuid:2"))).major == paos.ERROR
    with pytest.raises(ProtocolViolation):
        server.result(session.id)
    late = paos.envelope(paos.did_response("EAC1OutputType"), relates_to=consent.message_id)
    assert Command(server.paos(late)).major == paos.ERROR


def test_of_many_starts_at_once_one_at_most_is_served(server: EIDServer) -> None:
    """Thread-safety: a message is taken by exactly one of those who bring it."""
    session = server.open(NAMES)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: Command(server.paos(start(session.id))), range(8)))
    assert sum(answer.kind == "EAC1InputType" for answer in answers) == 1


def test_of_many_questions_at_once_one_gets_the_answer(server: EIDServer) -> None:
    """TR-03130-1 §3.2.2: the result is handed out once."""
    session = server.open(NAMES)
    server.paos(start(session.id))
    server.paos(start(session.id))

    def ask(_: int) -> type[EIDServerError]:
        with pytest.raises(EIDServerError) as caught:
            server.result(session.id)
        return caught.type

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert sorted(answers, key=str).count(ProtocolViolation) == 1
    assert answers.count(InvalidSession) == 7


@pytest.mark.parametrize(
    "psk",
    [
        PreSharedKey(id="ab" * 15, key="ab" * 32),
        PreSharedKey(id="ab" * 16, key="a" * 33),
        PreSharedKey(id="xy" * 16, key="ab" * 32),
        PreSharedKey(id="ab " * 16, key="ab" * 32),
    ],
)
def test_unusable_key_is_refused(server: EIDServer, psk: PreSharedKey) -> None:
    """TR-03130-4 A1_4_04 to A1_4_06: odd length, not hexadecimal, too short."""
    with pytest.raises(InvalidPSK):
        server.open(NAMES, psk=psk)


def test_identity_of_an_open_session_is_not_given_twice(server: EIDServer) -> None:
    """TR-03130-1 §3.2.1: unique among active sessions."""
    psk = PreSharedKey(id="ab" * 16, key="cd" * 32)
    server.open(NAMES, psk=psk)
    with pytest.raises(InvalidPSK):
        server.open(NAMES, psk=psk)


def test_key_is_in_no_representation(server: EIDServer) -> None:
    """A log line made by accident opens no channel."""
    psk = PreSharedKey(id="ab" * 16, key="cd" * 32)
    assert psk.key not in repr(psk) + repr(server.open(NAMES, psk=psk))


def test_defect_of_ours_ends_the_session_and_is_not_hidden(pki: TrialPKI, clock: Clock) -> None:
    """An exception nobody foresaw goes to the log; getResult does not wait for ever."""
    server = EIDServer(
        pki.terminal, CardTrust(), block_list=BlockList.of(pki.terminal.sector), production=False, clock=clock
    )
    session = server.open(NAMES)
    server._entries[session.id].dialogue.take = None
    with pytest.raises(TypeError):
        server.paos(start(session.id))
    with pytest.raises(EIDServerError, match="broke off"):
        server.result(session.id)


def test_rights_are_those_of_the_terminal_certificate(server: EIDServer, pki: TrialPKI) -> None:
    """TR-03130-1 §3.2.3: getServerInfo."""
    assert server.rights == pki.terminal.certificate.chat.rights


def test_day_is_that_of_germany() -> None:
    """A card expires, and a citizen comes of age, at midnight in Germany."""
    assert today(datetime(2026, 12, 31, 23, 30, tzinfo=UTC)).isoformat() == "2027-01-01"
    assert today(datetime(2026, 7, 31, 22, 30, tzinfo=UTC)).isoformat() == "2026-08-01"


@pytest.mark.parametrize("minimum", [None, *Level])
def test_word_of_the_service_comes_before_the_level(minimum: Level | None) -> None:
    """TR-03130-1 §3.4.2: ALLOWED admits, DENIED excludes, whatever the level says."""
    for eid_type in EIDType:
        assert eid_type in accepted(minimum=minimum, eid_types={eid_type: True})
        assert eid_type not in accepted(minimum=minimum, eid_types={eid_type: False})


def test_undefined_level_reaches_no_minimum() -> None:
    """TR-03130-1 §3.4.2: lower or undefined types are refused."""
    assert LEVELS[EIDType.HW_KEY_STORE] is Level.UNDEFINED
    for minimum in Level:
        assert EIDType.HW_KEY_STORE not in accepted(minimum=minimum, eid_types={})
    assert EIDType.HW_KEY_STORE not in accepted(minimum=None, eid_types={})


def test_level_is_known_by_its_national_uri() -> None:
    """TR-03130-1 §3.4.2: the URIs with the German spelling, and no others."""
    assert Level.from_uri("http://bsi.bund.de/eID/LoA/substantiell") is Level.SUBSTANTIELL
    assert all(Level.from_uri(level.uri) is level for level in Level)
    with pytest.raises(ValueError, match="national"):
        Level.from_uri("http://eidas.europa.eu/LoA/high")


def test_random_source_that_repeats_itself_opens_no_second_session(pki: TrialPKI, clock: Clock) -> None:
    """TR-03130-1 §3.2.1: identifiers are unique; if not, something is broken."""
    server = EIDServer(
        pki.terminal,
        CardTrust(),
        block_list=BlockList.of(pki.terminal.sector),
        production=False,
        clock=clock,
        random=bytes,
    )
    server.open(NAMES)
    with pytest.raises(Misconfigured, match="random"):
        server.open(NAMES)
