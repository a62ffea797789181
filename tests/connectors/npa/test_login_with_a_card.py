"""The three moments of a login: the browser starts, the eID-Client asks, the browser comes back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.contract import Answer, ClientDispatch, EIDClientConnector, PeerStatus, TCToken
from connectors.errors import (
    AuthenticationFailed,
    Cancelled,
    InvalidAnswer,
    PeerUnavailable,
    RequestNotPossible,
)
from connectors.identity import PersonKind
from connectors.npa import failures
from tests.connectors.npa.card_service import ADDRESSES, NOW, RELAY, connector, random, refreshed, wanted

DOWN = {"peers": lambda now: [PeerStatus(peer="x", country="DE", state="down", since=now)]}


def opened(found, **changes):
    """A login as far as the eID-Client has gone."""
    start = found.begin(wanted(**changes), relay_state=RELAY, now=NOW, random=random)
    client = found.open_client(
        start.dispatch.ticket, relay_state=RELAY, addresses=ADDRESSES, now=NOW, random=random
    )
    return replace(start.pending, session=client.session)


def finish(found, answer=None, *, now=NOW, pending=None):
    return found.finish(pending or opened(found), answer or refreshed(), now=now)


def test_a_login_ends_with_an_identity_and_what_must_not_come_twice():
    """TR-03130-1 §2.3: the result comes from the service alone."""
    verified = finish(connector())
    assert verified.identity.source.connector == "npa"
    assert [key.key for key in verified.replay_keys] == ["npa:session-digest"]


def test_the_eid_client_gets_what_was_decided_at_the_start():
    """The ticket says what is asked; the eID-Client says nothing (npa.md §3.2)."""
    found = connector()
    assert isinstance(found, EIDClientConnector)
    start = found.begin(wanted(age=18, identifier=False), relay_state=RELAY, now=NOW, random=random)
    assert isinstance(start.dispatch, ClientDispatch)
    opened_client = found.open_client(
        start.dispatch.ticket, relay_state=RELAY, addresses=ADDRESSES, now=NOW, random=random
    )
    assert isinstance(opened_client.reply, TCToken)
    assert [sorted(request.required) for request in found.way.service.asked] == [["AgeVerification"]]


def test_nothing_about_the_person_or_the_session_is_in_what_the_log_gets():
    """security.md B: identifiers of messages are random."""
    pending = connector().begin(wanted(), relay_state=RELAY, now=NOW, random=random).pending
    assert pending.message_id == f"npa-{'07' * 16}"
    assert pending.peer == "https://eid-service.example"


def test_a_result_counts_whatever_else_stands_in_the_query():
    """npa.md §3.3: the parameters are hints; ResultMajor=ok is none."""
    assert finish(connector(), refreshed("&ResultMajor=ok&ResultMinor=nonsense")).identity
    assert finish(connector(), refreshed()).identity


def test_success_is_never_read_from_the_query():
    """npa.md §3.3."""
    failing = connector(AuthenticationFailed("npa.document-invalid"))
    with pytest.raises(AuthenticationFailed, match="document-invalid"):
        finish(failing, refreshed("&ResultMajor=ok"))


@pytest.mark.parametrize("prefix", ["", "http://www.bsi.bund.de/ecard/api/1.1/resultmajor%23"])
@pytest.mark.parametrize(
    ("minor", "kind", "reason"),
    [
        ("cancellationByUser", Cancelled, "npa.cancelled"),
        (
            "http://www.bsi.bund.de/ecard/api/1.1/resultminor/sal%23cancellationByUser",
            Cancelled,
            "npa.cancelled",
        ),
        ("trustedChannelEstablishmentFailed", AuthenticationFailed, "npa.channel"),
        ("serverError", PeerUnavailable, "npa.server-error"),
        ("clientError", AuthenticationFailed, "npa.client-error"),
        ("communicationError", AuthenticationFailed, "npa.communication"),
        ("whatever", AuthenticationFailed, "npa.client-error"),
    ],
)
def test_what_the_client_reports_is_a_failure_even_with_a_result(minor, kind, reason, prefix):
    """TR-03124-1 §2.7: only a refresh without error may end well."""
    answer = refreshed(f"&ResultMajor={prefix}error&ResultMinor={minor}")
    with pytest.raises(kind) as raised:
        finish(connector(), answer)
    assert raised.value.reason == reason


def test_the_client_s_word_counts_where_the_service_knows_less():
    """npa.md §1.6: noResultYet says nothing to a citizen who has cancelled."""
    silent = connector(AuthenticationFailed(failures.NO_RESULT))
    with pytest.raises(Cancelled):
        finish(silent, refreshed("&ResultMajor=error&ResultMinor=cancellationByUser"))
    with pytest.raises(AuthenticationFailed, match=r"npa\.no-result"):
        finish(silent, refreshed())


def test_the_service_s_word_counts_where_it_knows_more():
    """npa.md §1.6: invalidDocument against a client's serverError."""
    telling = connector(AuthenticationFailed("npa.document-invalid"))
    with pytest.raises(AuthenticationFailed, match="document-invalid"):
        finish(telling, refreshed("&ResultMajor=error&ResultMinor=serverError"))


def test_a_browser_that_comes_back_before_any_client_is_refused():
    """npa.md §3.5 no. 4: reject refresh before the eID-Server has a result."""
    found = connector()
    pending = found.begin(wanted(), relay_state=RELAY, now=NOW, random=random).pending
    with pytest.raises(AuthenticationFailed, match=r"npa\.session-lost"):
        finish(found, pending=pending)
    with pytest.raises(AuthenticationFailed, match=r"npa\.communication"):
        finish(found, refreshed("&ResultMajor=error&ResultMinor=communicationError"), pending=pending)
    assert found.way.service.asked == []


def test_the_handle_is_read_from_the_refresh_address_once():
    """The browser brings RelayState; two of them are none."""
    found = connector()
    assert found.relay_state(refreshed("&ResultMajor=ok")) == RELAY
    for query in (
        b"",
        b"ResultMajor=ok",
        f"RelayState={RELAY}&RelayState={RELAY}".encode(),
        b"RelayState=\xff",
    ):
        with pytest.raises(InvalidAnswer, match=r"npa\.(relay-state|query)"):
            found.relay_state(Answer(method="GET", query=query))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"answer": Answer(method="POST", fields=(("RelayState", RELAY),))}, "npa.method"),
        ({"now": NOW + timedelta(minutes=11)}, "npa.deadline"),
    ],
)
def test_an_answer_of_another_kind_or_too_late_is_not_believed(changed, reason):
    """security.md A.13."""
    with pytest.raises(InvalidAnswer) as raised:
        finish(connector(), **changed)
    assert raised.value.reason == reason


def test_an_exchange_of_another_connector_is_not_believed():
    """A second authorisation certificate in one gateway is another connector."""
    found = connector()
    with pytest.raises(InvalidAnswer, match=r"npa\.connector"):
        finish(found, pending=replace(opened(found), connector="npa-soap"))


def test_a_card_is_offered_up_to_level_high():
    """npa.md §5.1."""
    (option,) = connector().options(wanted(minimum=LevelOfAssurance.HIGH), now=NOW)
    assert option.available
    assert option.highest is LevelOfAssurance.HIGH
    assert option.country is None


@pytest.mark.parametrize(
    ("changes", "rights", "reason"),
    [
        ({"persons": frozenset({PersonKind.LEGAL})}, ["RestrictedID"], "person"),
        ({"required": frozenset({"email"})}, ["RestrictedID"], "attributes"),
        ({"age": 18}, ["RestrictedID"], "attributes"),
        ({"identifier": False}, ["RestrictedID"], "service"),
    ],
)
def test_what_a_card_cannot_do_is_told_on_the_selection_page(changes, rights, reason):
    """contract.Option.reason."""
    (option,) = connector(rights=rights).options(wanted(**changes), now=NOW)
    assert (option.available, option.reason) == (False, reason)


def test_a_service_out_of_order_is_told_and_not_asked():
    """contract.Option.reason ``down``."""
    found = connector(way=DOWN)
    (option,) = found.options(wanted(), now=NOW)
    assert (option.available, option.reason, option.down_since) == (False, "down", NOW)
    with pytest.raises(PeerUnavailable):
        found.begin(wanted(), relay_state=RELAY, now=NOW, random=random)


def test_only_an_attached_eid_server_takes_paos_messages():
    """npa.md §0: with a certified service the eID-Client talks to that service."""
    with pytest.raises(RequestNotPossible, match=r"npa\.not-attached"):
        connector().paos(b"<x/>", now=NOW)
    attached = connector(way={"paos": lambda message, now: message + str(now.year).encode()})
    assert attached.paos(b"<x/>", now=NOW) == b"<x/>2026"
