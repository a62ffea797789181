"""Looking up a journey by the number that a citizen reads out (ux.md §11)."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

import gateway.login.errors
from gateway import audit
from gateway.admin.history.journeys import NoJourneyNumber, journey_view, read_number
from gateway.admin.words import load
from gateway.login.journey import shown
from gateway.statistics import Outcome
from gateway.store.sealing import CROCKFORD
from trust.log import Entry, timestamp

assert gateway.login.errors  # declares the codes
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NUMBER = "7K2QX9MFBT"


def entry(seconds: int, event: str, *, journey: str = NUMBER, **body: object) -> Entry:
    return Entry(
        seq=seconds + 1,
        time=timestamp(NOON + timedelta(seconds=seconds)),
        event=event,
        body=json.dumps({"journey": journey, "client": "amt24", **body}),
        hash=b"",
    )


@pytest.mark.parametrize(
    "text", ["7K2QX-9MFBT", "7k2qx 9mfbt", " 7K2QX9MFBT\n", "7k2qx–9mfbt", "7K2Q X9M.FBT", shown(NUMBER)]
)
def test_a_number_is_read_however_it_is_written(text: str) -> None:
    assert read_number(text) == NUMBER


def test_mistaken_letters_are_read_as_crockford_reads_them() -> None:
    """I and L are 1, O is 0; U is in no number, and looks like V."""
    assert read_number("oOiIl-LuU00") == "0011" + "11VV00"
    assert set(read_number("ABCDE-FGHJK") + read_number("MNPQR-STVWX")) <= set(CROCKFORD)


@pytest.mark.parametrize(
    "text", ["", "7K2QX", "7K2QX-9MFBTT", "7K2QX-9MF*T", "7K2QX-9MFBÄ", "'; --", "%" * 10]
)
def test_what_can_be_no_number_is_refused(text: str) -> None:
    with pytest.raises(NoJourneyNumber):
        read_number(text)


def test_a_journey_shows_its_steps_and_the_error_with_number() -> None:
    """An exchange failed, the citizen went back to the service."""
    view = journey_view(
        NUMBER,
        [
            entry(0, "JourneyOpened", minimum="low"),
            entry(4, "ExchangeStarted", connector="eidas", country="GR", peer="https://gr.example/"),
            entry(
                9, "ExchangeFailed", country="GR", code="eidas.invalid_answer", reason="signature.algorithm"
            ),
            entry(9, "ExchangeFailed", journey="AAAAAAAAAA", code="eidas.cancelled"),
            entry(30, "JourneyEnded", code="eidas.invalid_answer"),
        ],
        now=NOON,
    )
    assert view is not None
    assert (view.shown, view.client, view.outcome, view.redeemed) == (
        "7K2QX-9MFBT",
        "amt24",
        Outcome.FAILED,
        False,
    )
    assert [step.after.total_seconds() for step in view.steps] == [0, 4, 9, 30]
    assert view.steps[1].facts == (
        ("connector", "eidas"), ("country", "GR"), ("peer", "https://gr.example/"),
    )  # fmt: skip
    assert [error.number for error in view.errors] == ["3009"]


def test_a_journey_that_went_well_says_whether_the_service_came_for_the_data() -> None:
    steps = [entry(0, "JourneyOpened"), entry(8, "DataReleased", attributes=["given_name", "family_name"])]
    waiting = journey_view(NUMBER, steps, now=NOON)
    fetched = journey_view(NUMBER, [*steps, entry(9, "TokenIssued")], now=NOON)
    assert waiting is not None
    assert fetched is not None
    assert (waiting.outcome, waiting.redeemed, fetched.redeemed) == (Outcome.DONE, False, True)
    assert waiting.steps[1].facts == (("attributes", "given_name, family_name"),)


@pytest.mark.parametrize(("hours", "outcome"), [(1, None), (3, Outcome.EXPIRED)])
def test_a_journey_without_an_end_has_expired_after_two_hours(hours: int, outcome: Outcome | None) -> None:
    view = journey_view(NUMBER, [entry(0, "JourneyOpened")], now=NOON + timedelta(hours=hours))
    assert view is not None
    assert view.outcome is outcome


def test_an_unknown_journey_is_none() -> None:
    assert journey_view(NUMBER, [], now=NOON) is None
    assert (
        journey_view(NUMBER, [Entry(seq=1, time="", event="x", body="no JSON", hash=b"")], now=NOON) is None
    )


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_event_and_every_field_has_a_name_for_people(language: str) -> None:
    """``gateway/admin/locales/*/history.po``: a new event needs ``history.event_*``, its fields ``history.field_*``."""
    words = load(language)
    events = get_args(audit.Event)
    assert [event.__name__ for event in events if f"history.event_{event.__name__}" not in words] == []
    names = {field.name for event in events for field in fields(event)}
    assert sorted(name for name in names if f"history.field_{name}" not in words) == []


def test_no_event_has_a_field_for_a_person() -> None:
    """What a page for support may show is whatever the log holds: it must stay without persons."""
    names = {field.name for event in get_args(audit.Event) for field in fields(event)}
    assert not names & {
        "name",
        "sub",
        "subject",
        "identifier",
        "birthdate",
        "given_name",
        "family_name",
        "address",
    }
