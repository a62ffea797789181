"""A card, an eID-Client, the eID service and our SOAP way, each talking to the next (TR-03130-1 §2.3.1)."""

import dataclasses
import secrets
from collections.abc import Iterator

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.contract import Answer
from connectors.errors import AuthenticationFailed, Cancelled
from connectors.npa.attached import AttachedService
from connectors.npa.eid_service import EIDRequest, EIDResult, Missing
from connectors.npa.operations import Operation
from sandbox.card.document import documents
from tests.support.eid_service_room import EVERYTHING, Room, now, open_room
from tests.trust.http_peer import body


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> Iterator[Room]:
    with open_room(tmp_path_factory.mktemp("eid")) as made:
        yield made


@pytest.mark.parametrize(
    "citizen",
    [
        "erika", "year-only", "year-and-month", "union-citizen", "din-91379", "artist", "abroad", "free-text",
        "residence-permit", "smart-eid",
    ],
)  # fmt: skip
def test_soap_way_delivers_what_the_attached_way_delivers(room, citizen):
    """Issue 4, "Shows" 3: the same card, the same values, whichever way they come."""
    through_soap, _ = room.log_in(citizen)
    attached = AttachedService(server=room.server, issuer="attached", lifetime=room.server._lifetime)
    opened = attached.open(
        EVERYTHING, relay_state="r", addresses=room.addresses, now=now(), random=secrets.token_bytes
    )

    def serve(handler):
        body(opened.reply.octets, Content_Type="text/xml")(handler)

    room.gateway.answer = serve
    room.gateway.posted = lambda handler: _paos(handler, room.server)
    ended = room.client(citizen).run(room.gateway.url(path="/tctoken"))
    assert ended.word == "ok", ended.reason
    answer = Answer(method="GET", query=b"RelayState=r&ResultMajor=ok")
    directly = attached.result(EVERYTHING, opened.session, answer, now=now())
    per_way = {"authenticated_at", "statement_id", "issuer", "replay_keys"}
    for field in dataclasses.fields(EIDResult):
        if field.name not in per_way:
            assert getattr(through_soap, field.name) == getattr(directly, field.name), field.name
    assert through_soap.family_names == documents()[citizen].values["FamilyNames"]


def _paos(handler, server):
    octets = server.paos(handler.rfile.read(int(handler.headers["Content-Length"])))
    body(octets, Content_Type="application/vnd.paos+xml; charset=UTF-8")(handler)


def test_citizen_sees_exactly_what_the_request_names(room):
    """Issue 4, "Build" 5: what is read is what was asked, and the client's screen says so."""
    request = EIDRequest(
        required=frozenset({Operation.AGE_VERIFICATION}),
        age=18,
        minimum=LevelOfAssurance.HIGH,
        transaction_info="Antrag 4711",
    )
    result, ended = room.log_in("erika", request)
    assert result.age_fulfilled is True
    assert {f.name for f in dataclasses.fields(EIDResult) if getattr(result, f.name) is not None} == {
        "age_fulfilled", "level", "eid_type", "authenticated_at", "statement_id", "issuer", "replay_keys",
    }  # fmt: skip
    assert ended.shown is not None
    assert ended.shown.optional == ()
    assert len(ended.shown.required) == 1
    assert ended.shown.transaction_info == "Antrag 4711"


def test_young_citizen_is_not_old_enough(room):
    """TR-03130-1 §3.2.2: FulfilsRequest false is an answer, not an error."""
    request = EIDRequest(
        required=frozenset({Operation.AGE_VERIFICATION}), age=18, minimum=LevelOfAssurance.HIGH
    )
    assert room.log_in("under-18", request)[0].age_fulfilled is False


def test_unticked_right_is_prohibited(room):
    """TR-03130-1 §3.4.1."""
    result, _ = room.log_in("erika", untick=frozenset({"*"}))
    assert result.birth_name is Missing.PROHIBITED
    assert result.family_names == "MUSTERMANN"


def test_cancellation_reaches_the_gateway_through_the_service(room):
    """TR-03112-1 §4.1.8: /sal#cancellationByUser, from the eID-Client by way of getResult."""
    with pytest.raises(Cancelled):
        room.log_in("erika", cancels=True)


def test_expired_card_is_an_invalid_document(room):
    """A1_2_05."""
    with pytest.raises(AuthenticationFailed, match="document-invalid"):
        room.log_in("expired")


def test_phone_below_the_level_is_a_denied_document(room):
    """TR-03130-1 §3.4.2: level high, and the carrier is not allowed by name."""
    request = dataclasses.replace(EVERYTHING, minimum=LevelOfAssurance.HIGH)
    with pytest.raises(AuthenticationFailed):
        room.log_in("smart-eid", request)


def test_same_card_has_the_same_pseudonym_twice(room):
    """npa.md §5.3: a function of card and sector."""
    first, second = room.log_in("erika")[0], room.log_in("erika")[0]
    assert first.restricted_id == second.restricted_id
    assert first.restricted_id != room.log_in("artist")[0].restricted_id
