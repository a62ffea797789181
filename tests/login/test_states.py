"""The transition table of the journey (style.md §1 rule 6: state changes go through one door)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.identity import PersonKind
from gateway.login.journey import TRANSITIONS, Failure, LoginJourney, Mark, State, Step, StepNotAllowed
from gateway.oidc.request import AuthorizationRequest
from tests.login.fake_source import identity

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def journey(state: State) -> LoginJourney:
    request = AuthorizationRequest(
        client_id="amt24",
        redirect_uri="https://service.example/callback",
        code_challenge="c" * 43,
        minimum=LevelOfAssurance.LOW,
        issued_at=NOW,
    )
    return LoginJourney(number="0123456789", request=request, deadline=NOW, state=state)


def do(step: Step, before: LoginJourney) -> LoginJourney:
    match step:
        case Step.BEGIN:
            return before.begun(person=PersonKind.NATURAL, connector="eidas", country="GR")
        case Step.FAIL:
            return before.failed(Failure(code="eidas.cancelled"))
        case Step.IDENTIFY:
            return before.identified(identity(NOW))
        case Step.RELEASE:
            return before.released()
        case Step.END:
            return before.ended()


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("step", list(Step))
def test_every_step_follows_the_table_and_nothing_else_happens(state: State, step: Step) -> None:
    expected = TRANSITIONS.get((state, step))
    if expected is None:
        with pytest.raises(StepNotAllowed):
            do(step, journey(state))
    else:
        assert do(step, journey(state)).state is expected


def test_identity_is_reached_through_an_exchange_only() -> None:
    """design.md §3 invariant 1: there is one way to an identity."""
    assert [before for (before, step) in TRANSITIONS if step is Step.IDENTIFY] == [State.EXCHANGE]
    assert [before for (before, step) in TRANSITIONS if step is Step.RELEASE] == [State.IDENTIFIED]


def test_released_and_ended_are_final() -> None:
    assert not [before for before, _ in TRANSITIONS if before in {State.RELEASED, State.ENDED}]


@pytest.mark.parametrize("state", [State.OPEN, State.EXCHANGE, State.IDENTIFIED])
def test_a_journey_survives_the_store(state: State) -> None:
    before = (
        journey(State.EXCHANGE).identified(identity(NOW)) if state is State.IDENTIFIED else journey(state)
    )
    assert LoginJourney.from_record(before.to_record()) == before


def test_a_new_exchange_forgets_the_failure_of_the_last() -> None:
    failed = journey(State.EXCHANGE).failed(Failure(code="eidas.cancelled"))
    assert failed.failure is not None
    assert do(Step.BEGIN, failed).failure is None


def test_a_mark_survives_the_store() -> None:
    mark = Mark(deadline=NOW, client_id="a client: with words")
    assert Mark.from_record(mark.to_record()) == mark
