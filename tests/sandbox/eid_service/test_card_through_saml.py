"""A card, an eID-Client, the SAML processor and our SAML way, each talking to the next (TR-03130-1 §4)."""

import dataclasses
import html
import re
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from lxml import etree

from connectors.assurance import LevelOfAssurance
from connectors.contract import Answer
from connectors.errors import AuthenticationFailed, Cancelled, InvalidAnswer
from connectors.npa.eid_service import EIDRequest, EIDResult, Missing
from connectors.npa.operations import Operation
from sandbox.card.document import documents
from tests.support.eid_service_room import EVERYTHING, now
from tests.support.saml_processor_room import open_saml_room, redirect

STEPS = Path(__file__).parents[4] / "shared/data/npa/tr03130-4-steps"


@pytest.fixture(scope="module")
def saml(tmp_path_factory):
    with open_saml_room(tmp_path_factory.mktemp("saml")) as made:
        yield made


@pytest.mark.parametrize(
    "citizen",
    [
        "erika", "year-only", "year-and-month", "union-citizen", "din-91379", "artist", "abroad", "free-text",
        "residence-permit", "smart-eid",
    ],
)  # fmt: skip
def test_saml_way_delivers_what_the_soap_way_delivers(saml, citizen):
    """Issue 4, "Shows" 3: the same card, the same values, whichever way they come."""
    through_saml, ended = saml.log_in(citizen, EVERYTHING)
    assert ended.word == "ok", ended.reason
    through_soap, _ = saml.room.log_in(citizen)
    per_way = {"authenticated_at", "statement_id", "issuer", "replay_keys"}
    for field in dataclasses.fields(EIDResult):
        if field.name not in per_way:
            assert getattr(through_saml, field.name) == getattr(through_soap, field.name), field.name
    assert through_saml.family_names == documents()[citizen].values["FamilyNames"]


def test_citizen_sees_exactly_what_the_request_names(saml):
    """Issue 4, "Build" 5: "over 18" and nothing else, on the citizen's own screen."""
    request = EIDRequest(
        required=frozenset({Operation.AGE_VERIFICATION}),
        age=18,
        minimum=LevelOfAssurance.HIGH,
        transaction_info="Antrag 4711",
    )
    result, ended = saml.log_in("erika", request)
    assert result.age_fulfilled is True
    assert result.restricted_id is None
    assert ended.shown.optional == ()
    assert len(ended.shown.required) == 1
    assert ended.shown.transaction_info == "Antrag 4711"


def test_place_is_confirmed_without_being_told(saml):
    request = EIDRequest(
        required=frozenset({Operation.PLACE_VERIFICATION}), community_id="0276", minimum=LevelOfAssurance.LOW
    )
    result, _ = saml.log_in("erika", request)
    assert result.place_fulfilled is True
    assert result.place_of_residence is None


def test_what_the_citizen_keeps_back_is_prohibited_not_missing(saml):
    request = EIDRequest(
        required=frozenset({Operation.FAMILY_NAMES}), optional=frozenset({Operation.ACADEMIC_TITLE})
    )
    result, _ = saml.log_in("erika", request, untick=frozenset({"*"}))
    assert result.academic_title is Missing.PROHIBITED
    assert result.family_names == "MUSTERMANN"


def test_cancellation_comes_back_signed(saml):
    """Not from the query parameters of the client: the processor says so itself."""
    with pytest.raises(Cancelled) as caught:
        saml.log_in("erika", EVERYTHING, cancels=True)
    assert caught.value.reason == "npa.cancelled"


def test_expired_card_gives_nothing(saml):
    """The processor signs an assertion whose DocumentValidity is all it says."""
    with pytest.raises(AuthenticationFailed) as caught:
        saml.log_in("expired", EVERYTHING)
    assert caught.value.reason == "npa.document-invalid"


def test_refresh_address_serves_once(saml):
    """A second browser at the processor's address learns nothing."""
    saml.processor.asked.clear()
    saml.log_in("erika", EVERYTHING)
    path = next(path for path in saml.processor.asked if path.startswith("/saml/return/"))
    assert saml.pages.get(path, follow_redirects=False).status_code == 400


def test_request_brought_twice_opens_two_sessions_that_know_nothing_of_each_other(saml):
    """Session fixation: the answer of one card belongs to one request of one browser."""
    room = saml.room
    mine, theirs = (
        saml.service.open(
            EVERYTHING, relay_state=name, addresses=room.addresses, now=now(), random=secrets.token_bytes
        )
        for name in ("mine", "theirs")
    )
    room.gateway.answer = redirect(theirs.reply.url)
    ended = room.client("erika").run(room.gateway.url(path="/tctoken"))
    answer = Answer(method="GET", query=ended.location.partition("?")[2].encode())
    with pytest.raises(InvalidAnswer) as caught:
        saml.service.result(EVERYTHING, mine.session, answer, now=now())
    assert caught.value.reason == "saml.in-response-to"
    assert saml.service.result(EVERYTHING, theirs.session, answer, now=now()).family_names == "MUSTERMANN"


# ------------------------------------------------------------------- conformity (TR-03130-4, B1)


def step(name):
    """What a step of the suite sends: method, path and whether something is left out."""
    root = etree.fromstring((STEPS / f"{name}.xml").read_bytes())
    header = html.unescape(root.findtext(".//{http://www.secunet.com}value"))
    method, target, _ = header.split(" ", 2)
    return method, re.sub(r"\[SAML_PROCESSOR_PATH\]", "/saml", target)


@pytest.mark.skipif(not STEPS.is_dir(), reason="no shared conformity steps")
@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("OUT_CALL_SAML_INCL_AUTHNREQUEST", 200),
        ("OUT_CALL_SAML_INCL_AUTHNREQUEST_NO_SIGNATURE", 400),
        ("OUT_CALL_SAML_INCL_AUTHNREQUEST_NO_SIGALG_NO_SIGNATURE", 400),
    ],
)
def test_step_of_the_suite_ends_as_the_suite_wants(saml, name, status):
    """TR-03130-4: a request that cannot be verified gets HTTP 400, never a SAML answer."""
    opened = saml.service.open(
        EVERYTHING, relay_state="r", addresses=saml.room.addresses, now=now(), random=secrets.token_bytes
    )
    parts = urlsplit(opened.reply.url).query.split("&")
    dropped = {word for word in ("SigAlg", "Signature") if f"NO_{word.upper()}" in name}
    method, target = step(name)
    created = "?" + "&".join(part for part in parts if part.partition("=")[0] not in dropped)
    found = saml.pages.request(method, re.sub(r"\[\[CREATE_SAML\w*\]\]", lambda _: created, target))
    assert found.status_code == status
    assert (b"<TCTokenType>" in found.content) is (status == 200)
    assert b"SAMLResponse" not in found.content


@pytest.mark.skipif(not STEPS.is_dir(), reason="no shared conformity steps")
def test_response_is_fetched_from_the_refresh_address(saml):
    """Step OUT_SAML_ASSERTION: GET on what the TC token names, answered with the redirect that carries it."""
    method, target = step("OUT_SAML_ASSERTION")
    assert (method, target) == ("GET", "[[REFRESHADDRESS_PATH]]")
    opened = saml.service.open(
        EVERYTHING, relay_state="r", addresses=saml.room.addresses, now=now(), random=secrets.token_bytes
    )
    token = etree.fromstring(saml.pages.get(opened.reply.url).content)
    found = saml.pages.get(token.findtext("RefreshAddress"), follow_redirects=False)
    assert found.status_code == 303
    query = urlsplit(found.headers["Location"]).query.encode()
    with pytest.raises(AuthenticationFailed) as caught:  # no card was there
        saml.service.result(EVERYTHING, opened.session, Answer(method="GET", query=query), now=now())
    assert caught.value.reason == "npa.no-result"
