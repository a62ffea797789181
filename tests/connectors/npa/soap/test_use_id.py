"""useID and the TC token over its answer (TR-03130-1 §3.2.1, TR-03124-1 §2.5)."""

import secrets
from dataclasses import replace
from datetime import timedelta

import pytest
from lxml import etree

from connectors.assurance import LevelOfAssurance
from connectors.errors import InvalidAnswer, PeerRefused, PeerUnavailable
from connectors.npa.operations import EIDType, Operation
from sandbox.eid_service import writing
from sandbox.eid_service.names import Refused
from tests.support.eid_service_peer import ADDRESSES, ERIKA, PAOS, asked, now

HIGH = asked(Operation.GIVEN_NAMES, minimum=LevelOfAssurance.HIGH)


def opened(service, request=HIGH):
    return service.open(request, relay_state="r", addresses=ADDRESSES, now=now(), random=secrets.token_bytes)


def token(reply):
    root = etree.fromstring(reply.octets)
    return {element.tag: element.text for element in root.iter()}


def test_request_arrives_as_it_was_meant(peer):
    """§3.2.1: REQUIRED, ALLOWED and PROHIBITED; age, place, level and carriers beside them."""
    request = asked(
        Operation.GIVEN_NAMES,
        Operation.AGE_VERIFICATION,
        Operation.PLACE_VERIFICATION,
        optional=frozenset({Operation.ACADEMIC_TITLE}),
        age=18,
        community_id="027614",
        transaction_info="Antrag <4711> & Söhne",
        minimum=LevelOfAssurance.SUBSTANTIAL,
        eid_types={EIDType.HW_KEY_STORE: False, EIDType.CARD_CERTIFIED: True},
    )
    opened(peer.service(), request)
    arrived, _ = peer.cards.opened[0]
    assert arrived.required == {"GivenNames", "AgeVerification", "PlaceVerification"}
    assert arrived.optional == {"AcademicTitle"}
    assert (arrived.age, arrived.community_id) == (18, "027614")
    assert arrived.transaction_info == "Antrag <4711> & Söhne"
    assert arrived.minimum == "http://bsi.bund.de/eID/LoA/substantiell"
    assert arrived.eid_types == {"CardCertified": True, "HWKeyStore": False}


def test_community_selector_is_left_out_unless_asked_for(peer):
    """§3.4.1: servers before version 2.4.0 do not know CommunityID, and absent means PROHIBITED."""
    opened(peer.service())
    assert b"eid:CommunityID>" not in peer.asked[0]
    opened(peer.service(), asked(Operation.COMMUNITY_ID))
    assert b"<eid:CommunityID>REQUIRED<" in peer.asked[1]


def test_older_service_is_asked_neither_for_level_nor_for_carriers(peer):
    """§3.2.1: both came with version 2.4.0."""
    service = peer.service(peer.section(level_of_assurance=False))
    opened(service, replace(HIGH, eid_types={EIDType.HW_KEY_STORE: False}))
    assert b"LevelOfAssurance" not in peer.asked[0]
    assert b"EIDTypeRequest" not in peer.asked[0]


def test_token_carries_the_psk_and_the_unchanged_server_address(peer):
    """§3.2.1: PSK/ID is the SessionIdentifier, eCardServerAddress the ServerAddress."""
    answer = opened(peer.service())
    _, psk = peer.cards.opened[0]
    found = token(answer.reply)
    assert found["ServerAddress"] == PAOS
    assert found["SessionIdentifier"] == psk.id
    assert found["PSK"] == psk.key
    assert found["PathSecurity-Protocol"] == "urn:ietf:rfc:4279"
    assert found["Binding"] == "urn:liberty:paos:2006-08"
    assert found["RefreshAddress"] == found["CommunicationErrorAddress"] == ADDRESSES.refresh


def test_session_remembers_the_handle_and_not_the_key(peer):
    """§3.2.1: the key is for eID-Client and eID-Server; we need the session alone."""
    answer = opened(peer.service())
    _, psk = peer.cards.opened[0]
    assert set(answer.session) == {"id"}
    assert psk.key not in str(answer.session)


def test_two_sessions_share_neither_session_nor_key(peer):
    """A1_3_05."""
    first, second = opened(peer.service()), opened(peer.service())
    assert first.session["id"] != second.session["id"]
    (_, one), (_, other) = peer.cards.opened
    assert one.id != other.id
    assert one.key != other.key


def test_key_is_not_proposed_unless_configured(peer):
    """§3.2.1: PSK is 0..1."""
    opened(peer.service())
    assert b"eid:PSK" not in peer.asked[0]


def test_proposed_key_is_the_one_in_the_token(peer):
    """A1_3_04."""
    answer = opened(peer.service(peer.section(propose_psk=True)))
    assert b"eid:PSK" in peer.asked[0]
    assert token(answer.reply)["SessionIdentifier"].encode() in peer.asked[0]
    assert token(answer.reply)["PSK"].encode() in peer.asked[0]


def test_changed_key_ends_the_login(peer, monkeypatch):
    """§3.2.1: "the server must return the same"; another one aborts."""
    write = writing.use_id_response
    monkeypatch.setattr(
        writing,
        "use_id_response",
        lambda session, address, psk: write(session, address, replace(psk, key="ab" * 32)),
    )
    with pytest.raises(InvalidAnswer, match="psk-changed"):
        opened(peer.service(peer.section(propose_psk=True)))


@pytest.mark.parametrize("key", ["ab" * 15, "ab" * 16 + "a", "xy" * 16, ""])
def test_unusable_key_of_the_service_is_refused(peer, monkeypatch, key):
    """§3.2.1: hexadecimal, even, at least 16 octets (A1_4_04 to A1_4_06, the other way round)."""
    write = writing.use_id_response
    monkeypatch.setattr(
        writing,
        "use_id_response",
        lambda session, address, psk: write(session, address, replace(psk, key=key)),
    )
    with pytest.raises(InvalidAnswer, match="psk-unusable"):
        opened(peer.service())


@pytest.mark.parametrize("identifier", ["1234", "g" * 32, ""])
def test_guessable_session_is_refused(peer, monkeypatch, identifier):
    """§3.2.1: at least 32 hexadecimal characters."""
    write = writing.use_id_response
    monkeypatch.setattr(
        writing, "use_id_response", lambda _session, address, psk: write(identifier, address, psk)
    )
    with pytest.raises(InvalidAnswer, match="session"):
        opened(peer.service())


@pytest.mark.parametrize("address", ["http://eid.example/paos", "https://", "//eid.example", "javascript:0"])
def test_server_address_that_is_no_https_url_is_refused(peer, address):
    """§3.2.1: eCardServerAddress is an https URI."""
    peer.interface.paos_address = address
    with pytest.raises(InvalidAnswer, match="address"):
        opened(peer.service())


def test_configured_server_address_stands_in_for_a_missing_one(peer, monkeypatch):
    """§3.2.1: eCardServerAddress is 0..1."""

    def without(session, _address, psk):
        response = writing_response(session, PAOS, psk)
        response.remove(response[1])
        return response

    writing_response = writing.use_id_response
    monkeypatch.setattr(writing, "use_id_response", without)
    with pytest.raises(PeerRefused, match="address"):
        opened(peer.service())
    answer = opened(peer.service(peer.section(paos_address="https://configured.example/paos")))
    assert token(answer.reply)["ServerAddress"] == "https://configured.example/paos"


MINOR = "http://www.bsi.bund.de/eid/server/2.0/resultminor"


@pytest.mark.parametrize(
    ("minor", "kind"),
    [
        ("/common#internalError", PeerUnavailable),
        ("/common#schemaViolation", PeerRefused),
        ("/useID#invalidPSK", PeerRefused),
        ("/useID#tooManyOpenSessions", PeerUnavailable),
        ("/useID#missingArgument", PeerRefused),
        ("/useID#missingTerminalRights", PeerRefused),
    ],
)
def test_every_error_of_use_id_is_told_apart(peer, monkeypatch, minor, kind):
    """§3.2.1: what passes, and what is a matter between operators."""

    def refuse(*_):
        raise Refused(MINOR + minor)

    monkeypatch.setattr(peer.cards, "open", refuse)
    with pytest.raises(kind):
        opened(peer.service())


def test_missing_right_is_found_by_the_service(peer):
    """§3.2.1: missingTerminalRights."""
    peer.cards.allowed = frozenset({"GivenNames"})
    with pytest.raises(PeerRefused, match=r"npa\.service\.rights"):
        opened(peer.service(), asked(*ERIKA))


def test_request_of_another_hour_is_not_answered_with_data(peer):
    """§3.1: the Timestamp is part of the signature; the service takes no old messages, nor do we."""
    with pytest.raises(InvalidAnswer, match="older than the question"):
        peer.service(peer.section(clock_skew_seconds=180)).open(
            HIGH,
            relay_state="r",
            addresses=ADDRESSES,
            now=now() + timedelta(minutes=5, seconds=30),
            random=secrets.token_bytes,
        )
    assert b"/common#internalError" in peer.interface.answer(peer.asked[-1], "useID")
