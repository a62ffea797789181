"""getServerInfo, asked at the start and now and then (TR-03130-1 §3.2.3)."""

from datetime import date, timedelta

import pytest

from connectors.errors import InvalidAnswer
from connectors.npa.operations import Operation
from connectors.npa.soap.service import SOAPService
from connectors.npa.soap.settings import SignerPin
from sandbox.eid_service import writing
from tests.support.eid_service_peer import now

NAMES = frozenset({Operation.GIVEN_NAMES, Operation.FAMILY_NAMES})


def test_service_that_has_the_rights_is_up(peer):
    """DocumentVerificationRights cover what is configured."""
    way = peer.way(rights=NAMES)
    at = now()
    assert [row.state for row in way.peers(at)] == ["ok"]
    way.refresh(at)
    (row,) = way.peers(at)
    assert (row.state, row.reason, row.peer) == ("ok", None, peer.address)
    assert row.next_refresh == at + timedelta(seconds=900)


def test_status_says_when_a_certificate_ends(peer):
    """For the dashboard: ours, the client's, or the day on which the last pin is over."""
    ends = peer.tls.certificate.not_valid_after_utc
    (row,) = peer.way().peers(now())
    assert abs(row.valid_until - ends) < timedelta(minutes=1)
    last = date.today() + timedelta(days=30)  # noqa: DTZ011 - any day before the certificates' end
    pins = (SignerPin(certificate="other.crt", until=last), SignerPin(certificate="service.crt", until=last))
    (row,) = peer.way(peer.section(signers=pins)).peers(now())
    assert row.valid_until.date() == last


def test_missing_right_is_found_before_a_citizen_does(peer, caplog):
    """Every login that needs the right would end with missingTerminalRights."""
    peer.cards.allowed = frozenset({"GivenNames"})
    way = peer.way(rights=NAMES)
    at = now()
    way.refresh(at)
    (row,) = way.peers(at)
    assert (row.state, row.reason, row.since) == ("down", "npa.service.rights", at)
    assert "FamilyNames" in caplog.text
    assert "GivenNames" not in caplog.text


def test_surplus_right_does_no_harm(peer):
    """The certificate may allow more than this gateway asks for."""
    way = peer.way(rights=frozenset({Operation.GIVEN_NAMES}))
    way.refresh(now())
    assert way.peers(now())[0].state == "ok"


def test_service_recovers_without_a_restart(peer):
    """Renewed every few days: a right that comes back makes the way usable again."""
    peer.cards.allowed = frozenset()
    way = peer.way(rights=NAMES)
    at = now()
    way.refresh(at)
    peer.cards.allowed = frozenset(NAMES)
    way.refresh(at + timedelta(seconds=59))
    assert way.peers(at)[0].state == "down"
    later = at + timedelta(seconds=61)
    peer.interface.clock = lambda: later
    way.refresh(later)
    (row,) = way.peers(at)
    assert (row.state, row.since) == ("ok", later)


def test_service_that_does_not_answer_is_down(peer):
    """A certified service is away for maintenance: no citizen is sent there."""
    way = peer.way(rights=NAMES)
    peer.change = lambda _: b""
    at = now()
    way.refresh(at)
    (row,) = way.peers(at)
    assert (row.state, row.reason) == ("down", "npa.service.answer")
    way.refresh(at)
    assert len(peer.asked) == 1


def test_server_info_is_not_asked_more_often_than_configured(peer):
    """server_info_seconds."""
    way = peer.way(peer.section(server_info_seconds=60), rights=NAMES)
    at = now()
    for seconds in (0, 30, 59, 60):
        way.refresh(at + timedelta(seconds=seconds))
    assert len(peer.asked) == 2


def test_version_without_bugfix_is_read(peer, monkeypatch):
    """Bugfix is 0..1."""
    write = writing.get_server_info_response

    def without(rights):
        response = write(rights)
        response[0].remove(response[0][3])
        return response

    monkeypatch.setattr(writing, "get_server_info_response", without)
    service = peer.service()
    assert isinstance(service, SOAPService)
    assert service.server_info(now=now()).version == (2, 4, 0)


def test_info_that_is_an_error_is_no_info(peer, monkeypatch):
    """internalError, signed: the message has another shape than the schema wants."""
    monkeypatch.setattr(
        writing, "get_server_info_response", lambda _: writing.error_response("getServerInfo", "urn:x")
    )
    with pytest.raises(InvalidAnswer):
        peer.service().server_info(now=now())
