"""Probe logins in every country of a running sandbox (issue 6, item 7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.bundle import Configuration, load
from gateway.probes.assembly import surroundings
from gateway.probes.failures import Reason, Step
from gateway.probes.result import ProbeResult
from gateway.probes.targets import targets
from gateway.probes.walk import probe
from sandbox.accounts.accounts import accounts
from sandbox.launcher import Sandbox
from sandbox.nodes.countries import countries

pytestmark = pytest.mark.journey

EVERY_ACCOUNT = tuple(accounts())
EVERY_WAY = ("eidas-national.gr", "eidas-esaml.gr")


@pytest.fixture(scope="module")
def configured(sandbox: Sandbox) -> Configuration:
    return load(sandbox.state.config)


def run(configured: Configuration, name: str, **changes: object) -> ProbeResult:
    """The probe as a worker of the gateway would run it; the key is derived, not handed over."""
    target = targets(configured)[name]
    settings = type(target.settings).model_validate({**target.settings.model_dump(), **changes})
    around = surroundings(configured, clock=lambda: datetime.now(UTC))
    return probe(replace(target, settings=settings), around)


@pytest.mark.parametrize(
    "name", [*(f"eidas.{country}" for country in countries()), *EVERY_WAY, *EVERY_ACCOUNT]
)
def test_probe_goes_through_in_every_country_of_the_sandbox(configured: Configuration, name: str) -> None:
    """At the test citizen's level, through real SAML, by each way to a node."""
    result = run(configured, name)
    assert (result.reason, result.step, result.code) == (None, None, None)
    assert list(result.steps) == list(Step)


def test_every_country_and_account_of_the_sandbox_is_a_target(configured: Configuration) -> None:
    """Also a new one, without anybody thinking of it."""
    assert {f"eidas.{country}" for country in countries()} | {*EVERY_ACCOUNT} <= targets(configured).keys()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"answers": {"citizen": "substantial", "decision": "answer"}},
            (Reason.LEVEL, "eidas.level_not_reached"),
        ),
        (
            {"answers": {"citizen": "onasis", "decision": "decline"}},
            (Reason.ANSWER_REFUSED, "eidas.cancelled"),
        ),
        ({"answers": {"citizen": "nobody", "decision": "answer"}}, (Reason.PARTNER_PAGE, None)),
    ],
    ids=["too-low", "declined", "unknown"],
)
def test_node_that_answers_otherwise_fails_the_probe(
    configured: Configuration, changes: dict[str, object], expected: tuple[Reason, str | None]
) -> None:
    """A test citizen at a lower level, one who declines, one who is not there any more."""
    result = run(configured, "eidas.gr", **changes)
    assert (result.reason, result.code) == expected
