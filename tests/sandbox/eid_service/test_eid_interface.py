"""What the eID service refuses, with which code (TR-03130-1 §3, TR-03130-4 groups A1_4 and A2)."""

import re
from datetime import timedelta

import pytest
from lxml import etree

from connectors.npa.soap.names import schema
from sandbox.authority import KeyStore
from sandbox.eid_service import envelope
from sandbox.eid_service.interface import EIDInterface
from sandbox.eid_service.names import DSS, EID, MINOR, SELECTORS, eid
from tests.support.eid_service_peer import PAOS, Cards, erika, now

KEY = "<eid:PSK><eid:ID>{}</eid:ID><eid:Key>{}</eid:Key></eid:PSK>"
GOOD_ID, GOOD_KEY = "AA" * 16, "BB" * 38


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    store = KeyStore(tmp_path_factory.mktemp("keys"), lambda _: None)
    return {
        name: store.obtain(name, "p256", name) for name in ("gateway", "other", "stranger", "service")
    } | {"rsa": store.obtain("rsa", "rsa-3072", "rsa")}


@pytest.fixture
def cards():
    return Cards()


@pytest.fixture
def service(keys, cards):
    return EIDInterface(
        clients={name: keys[name].certificate for name in ("gateway", "other", "rsa")},
        signing=keys["service"],
        cards=cards,
        paos_address=PAOS,
    )


@pytest.fixture
def ask(service, keys):
    """Sign a request as one of the clients, return (ResultMinor's end, response)."""

    def send(inside, client="gateway", *, at=None, answered=None, **options):
        content = etree.fromstring(inside.replace(">", f' xmlns:eid="{EID}">', 1))
        operation = etree.QName(content).localname.removesuffix("Request")
        octets = envelope.write(content, keys[client], now=at or now(), **options)
        return read(service.answer(octets, operation), keys, answered)

    return send


def read(octets, keys, at=None):
    """The verified answer; errors are signed like everything else."""
    _, answer = envelope.verify(
        envelope.parse(octets), {"service": keys["service"].certificate}, now=at or now()
    )
    minor = answer.findtext(f"{{{DSS}}}Result/{{{DSS}}}ResultMinor")
    return (minor or "").removeprefix(MINOR), answer


def use_id(operations="<eid:GivenNames>REQUIRED</eid:GivenNames>", more=""):
    return f"<eid:useIDRequest><eid:UseOperations>{operations}</eid:UseOperations>{more}</eid:useIDRequest>"


def get_result(session, counter=1):
    return (
        f"<eid:getResultRequest><eid:Session><eid:ID>{session}</eid:ID></eid:Session>"
        f"<eid:RequestCounter>{counter}</eid:RequestCounter></eid:getResultRequest>"
    )


SERVER_INFO = "<eid:getServerInfoRequest></eid:getServerInfoRequest>"


@pytest.fixture
def session(ask):
    minor, answer = ask(use_id())
    assert minor == ""
    return answer.findtext(f"{eid('Session')}/{eid('ID')}")


def test_session_and_key_are_long_random_hexadecimal(ask):
    """§3.2.1: at least 32 characters each, new every time (A1_3_05)."""
    values = []
    for _ in range(3):
        _, answer = ask(use_id())
        values += [answer.findtext(f"{eid(parent)}/{eid(name)}") for parent, name in
                   (("Session", "ID"), ("PSK", "ID"), ("PSK", "Key"))]  # fmt: skip
    assert len(set(values)) == 9
    assert all(re.fullmatch(r"[0-9a-f]{32,}", value) for value in values)


@pytest.mark.parametrize(
    "key",
    [(GOOD_ID, "B" * 65), (GOOD_ID, "XY" * 32), (GOOD_ID, "BB" * 15), ("AA" * 8, GOOD_KEY), ("", GOOD_KEY)],
)
def test_unusable_psk_is_refused(ask, cards, key):
    """A1_4_04 to A1_4_06: odd, not hexadecimal, too short."""
    assert ask(use_id(more=KEY.format(*key)))[0] == "/useID#invalidPSK"
    assert cards.opened == []


def test_proposed_psk_is_returned_and_cannot_be_proposed_twice(ask):
    """A1_3_04; §3.2.1: unique among active sessions."""
    minor, answer = ask(use_id(more=KEY.format(GOOD_ID, GOOD_KEY)))
    assert (minor, answer.findtext(f"{eid('PSK')}/{eid('Key')}")) == ("", GOOD_KEY)
    assert ask(use_id(more=KEY.format(GOOD_ID, GOOD_KEY)))[0] == "/useID#invalidPSK"


@pytest.mark.parametrize("operation", ["AgeVerification", "PlaceVerification"])
def test_verification_without_a_value_is_refused(ask, operation):
    """§3.2.1: missingArgument."""
    assert ask(use_id(f"<eid:{operation}>REQUIRED</eid:{operation}>"))[0] == "/useID#missingArgument"


def test_right_that_the_certificate_lacks_is_refused(ask, cards):
    """§3.2.1: missingTerminalRights."""
    cards.allowed = frozenset({"FamilyNames"})
    assert ask(use_id())[0] == "/useID#missingTerminalRights"


def test_too_many_sessions_are_refused(ask, service, session):
    """§3.2.1: tooManyOpenSessions; the session that is open goes on."""
    service.capacity = 1
    assert ask(use_id())[0] == "/useID#tooManyOpenSessions"
    assert ask(get_result(session))[0] == "/getResult#noResultYet"


@pytest.mark.parametrize(
    "request_",
    [
        "<eid:useIDRequest></eid:useIDRequest>",
        use_id("<eid:GivenNames>MAYBE</eid:GivenNames>"),
        use_id("<eid:Shoesize>REQUIRED</eid:Shoesize>"),
        use_id("<eid:FamilyNames>REQUIRED</eid:FamilyNames><eid:GivenNames>REQUIRED</eid:GivenNames>"),
        use_id("<eid:GivenNames>REQUIRED</eid:GivenNames>" * 2),
        use_id(more="<eid:AgeVerificationRequest><eid:Age>old</eid:Age></eid:AgeVerificationRequest>"),
        use_id(more="<eid:LevelOfAssuranceRequest>high</eid:LevelOfAssuranceRequest>"),
        use_id(more="<eid:EIDTypeRequest><eid:Paper>ALLOWED</eid:Paper></eid:EIDTypeRequest>"),
        use_id(more="<eid:PSK><eid:ID>1</eid:ID></eid:PSK>"),
        use_id(more="text"),
        "<eid:getServerInfoRequest><eid:x></eid:x></eid:getServerInfoRequest>",
        "<eid:getPersonRequest></eid:getPersonRequest>",
    ],
)  # fmt: skip
def test_request_that_breaks_the_schema_is_refused(ask, request_):
    """A1_4: schemaViolation."""
    minor, answer = ask(request_)
    assert minor == "/common#schemaViolation"
    assert len(answer) == 1


@pytest.mark.parametrize(
    "broken",
    [
        "<eid:getResultRequest><eid:RequestCounter>1</eid:RequestCounter></eid:getResultRequest>",
        "<eid:getResultRequest><eid:Session><eid:ID>{}</eid:ID></eid:Session></eid:getResultRequest>",
        get_result("{}", "one"),
        get_result("{}", "1</eid:RequestCounter><eid:RequestCounter>2"),
    ],
)
def test_broken_get_result_is_refused_and_ends_the_session_it_names(ask, session, broken):
    """A1_4_08 to A1_4_13: no session, no counter, no integer, two counters."""
    assert ask(broken.format(session))[0] == "/common#schemaViolation"
    expected = "/getResult#invalidSession" if "{}" in broken else "/getResult#noResultYet"
    assert ask(get_result(session))[0] == expected


@pytest.mark.parametrize("second", [1, 0, -1, 3, 43])
def test_counter_must_rise_by_one(ask, session, second):
    """A1_3_06 and A1_4: invalidCounter, and the session is over."""
    assert ask(get_result(session, 1))[0] == "/getResult#noResultYet"
    assert ask(get_result(session, second))[0] == "/getResult#invalidCounter"
    assert ask(get_result(session, 2))[0] == "/getResult#invalidSession"


def test_result_is_given_once(ask, cards, session):
    """§3.2.2: the answer ends the session."""
    cards.outcome = erika()
    minor, answer = ask(get_result(session))
    assert minor == ""
    assert answer.findtext(f"{eid('PersonalData')}/{eid('GivenNames')}") == "ERIKA"
    assert ask(get_result(session, 2))[0] == "/getResult#invalidSession"


def test_session_ends_by_time(ask, service, cards, session):
    """§3.2.2: the server expires sessions; what was not fetched is deleted, and its place is free."""
    cards.outcome = erika()
    service.capacity = 1
    later = now() + timedelta(minutes=10, seconds=1)
    service.clock = lambda: later
    assert ask(get_result(session), at=later, answered=later)[0] == "/getResult#invalidSession"
    assert ask(use_id(), at=later, answered=later)[0] == ""


def test_foreign_session_is_no_session(ask, cards, session):
    """§3.1: clients are told apart by their signing certificate; the owner still gets the result."""
    cards.outcome = erika()
    minor, answer = ask(get_result(session), "other")
    assert minor == "/getResult#invalidSession"
    assert answer.find(eid("PersonalData")) is None
    assert ask(get_result(session))[0] == ""


def test_foreign_client_cannot_end_a_session(ask, session):
    """§3.1: not by a broken message and not by a counter either."""
    ask(get_result(session, "one"), "other")
    ask(get_result(session, 7), "other")
    assert ask(get_result(session))[0] == "/getResult#noResultYet"


@pytest.mark.parametrize("request_", [use_id(), get_result("00" * 16), SERVER_INFO])
@pytest.mark.parametrize(
    "fault",
    [
        {"client": "stranger"},
        {"signed": ()},
        {"signed": ("Body-1",)},
        {"signed": ("TS-1",)},
        {"digest": "sha1"},
        {"client": "rsa", "method": "rsa-sha1"},
        {"at": timedelta(minutes=-10)},
        {"at": timedelta(minutes=10)},
    ],
    ids=["wrong signer", "unsigned", "no timestamp", "no body", "sha1 digest", "sha1", "old", "future"],
)
def test_unverified_request_gets_internal_error_and_nothing_else(ask, cards, fault, request_):
    """§3.1, A2_04: a bad signature is answered with internalError only."""
    fault = dict(fault)
    if "at" in fault:
        fault["at"] = now() + fault["at"]
    minor, answer = ask(request_, **fault)
    assert minor == "/common#internalError"
    assert len(answer) == 1
    assert cards.opened == []


def test_octets_that_are_no_envelope_get_internal_error(service, keys):
    """§3.1."""
    for octets in (b"", b"<a/>", b"<!DOCTYPE a><a/>", b"\xff"):
        assert read(service.answer(octets, "useID"), keys)[0] == "/common#internalError"


def test_wrapped_request_is_not_believed(service, keys, cards):
    """security.md A.5: the Body that is executed is the Body that is signed."""
    content = etree.fromstring(use_id().replace(">", f' xmlns:eid="{EID}">', 1))
    root = envelope.parse(envelope.write(content, keys["gateway"], now=now()))
    signed = root[1]
    evil = etree.fromstring(etree.tostring(signed))
    root.replace(signed, evil)
    evil.set("{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}Id", "x")
    etree.SubElement(root[0], "{urn:of:nobody}Wrapper").append(signed)
    assert read(service.answer(etree.tostring(root), "useID"), keys)[0] == "/common#internalError"
    assert cards.opened == []


def test_server_info_names_every_right(ask, cards):
    """A1_3_01: before, while and after a session."""
    cards.allowed = frozenset({"GivenNames"})
    _, answer = ask(SERVER_INFO)
    rights = {etree.QName(e).localname: e.text for e in answer.find(eid("DocumentVerificationRights"))}
    assert list(rights) == list(SELECTORS)
    assert [name for name, word in rights.items() if word == "ALLOWED"] == ["GivenNames"]


def test_answers_of_the_service_satisfy_the_schema_of_the_product(ask, cards, session):
    """The two sides were written apart; what one writes the other's schema must allow."""
    cards.outcome = erika()
    for request_ in (use_id(), use_id(""), get_result(session), get_result(session), SERVER_INFO):
        schema().validate(ask(request_)[1])
