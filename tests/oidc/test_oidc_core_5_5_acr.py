"""Levels of assurance as acr (Core §5.5.1.1, oidc.md §3)."""

from dataclasses import replace

import pytest

from connectors.assurance import EIDAS_LEVELS, Assurance, LevelOfAssurance
from gateway.errors import GatewayError
from gateway.oidc.acr import acr_of, returned_acr
from gateway.oidc.request import AcrRequest
from tests.oidc.harness import claims_parameter

BASIC, LOW, SUBSTANTIAL, HIGH = LevelOfAssurance
STORK_1 = "STORK-QAA-Level-1"
BASE = "http://eidas.europa.eu/LoA/"
OTHER = "http://eidas.europa.eu/NotNotified/LoA/"


def notified(level):
    return Assurance(level=level)


def not_notified(level):
    return Assurance(level=level, notified=False)


def essential(*values):
    return claims_parameter(id_token={"acr": {"essential": True, "values": list(values)}})


@pytest.mark.parametrize(
    ("values", "is_essential", "achieved", "expected"),
    [
        ((), False, notified(HIGH), BASE + "high"),
        ((), True, notified(LOW), BASE + "low"),
        ((BASE + "high",), True, notified(HIGH), BASE + "high"),
        ((BASE + "substantial",), True, notified(HIGH), BASE + "substantial"),
        ((BASE + "low", BASE + "substantial"), True, notified(HIGH), BASE + "substantial"),
        ((BASE + "substantial", BASE + "high"), True, notified(HIGH), BASE + "high"),
        ((BASE + "high",), True, notified(SUBSTANTIAL), None),
        ((BASE + "high",), False, notified(SUBSTANTIAL), BASE + "substantial"),
        ((BASE + "low",), False, notified(SUBSTANTIAL), BASE + "low"),
        (("urn:unknown",), False, notified(SUBSTANTIAL), BASE + "substantial"),
        (("urn:unknown",), True, notified(SUBSTANTIAL), None),
        ((BASE + "LOW",), True, notified(HIGH), None),
        ((BASE + "low",), True, not_notified(HIGH), None),
        ((OTHER + "low",), True, notified(HIGH), None),
        ((OTHER + "low",), True, not_notified(HIGH), OTHER + "low"),
        ((BASE + "low", OTHER + "substantial"), True, not_notified(SUBSTANTIAL), OTHER + "substantial"),
        ((BASE + "low",), False, not_notified(HIGH), OTHER + "high"),
        ((), False, notified(BASIC), STORK_1),
        ((STORK_1,), True, notified(BASIC), STORK_1),
        ((STORK_1,), True, not_notified(HIGH), STORK_1),
        ((STORK_1, BASE + "substantial"), True, notified(HIGH), BASE + "substantial"),
        ((BASE + "low",), True, notified(BASIC), None),
        (("STORK-QAA-Level-4",), True, notified(HIGH), None),
    ],
)
def test_returned_acr(values, is_essential, achieved, expected):
    """Core §5.5.1.1: never above what was reached, one of the requested values if essential; levels of
    schemes that are not notified never stand for notified ones (eidas.md §11.4)."""
    request = AcrRequest(values=values, essential=is_essential)
    if expected is None:
        with pytest.raises(GatewayError, match="acr_unmet"):
            returned_acr(request, achieved)
    else:
        assert returned_acr(request, achieved) == expected


@pytest.mark.parametrize("level", EIDAS_LEVELS)
def test_acr_is_never_higher_than_what_was_reached(level):
    """design.md invariant 2, over all requests of two values."""
    values = [acr_of(make(other)) for make in (notified, not_notified) for other in EIDAS_LEVELS]
    for first in values:
        for second in values:
            given = returned_acr(AcrRequest(values=(first, second)), notified(level))
            assert given.startswith(BASE)
            assert LevelOfAssurance.parse(given.removeprefix(BASE)) <= level


@pytest.mark.parametrize(
    ("client_id", "changes", "minimum"),
    [
        ("portal", {}, LOW),
        ("strict", {}, SUBSTANTIAL),
        ("portal", {"acr_values": BASE + "high"}, HIGH),
        ("portal", {"acr_values": f"{BASE}high {BASE}substantial"}, SUBSTANTIAL),
        ("portal", {"acr_values": "urn:x"}, LOW),
        ("strict", {"acr_values": BASE + "low"}, SUBSTANTIAL),
        ("strict", {"claims": essential(BASE + "low")}, SUBSTANTIAL),
        ("portal", {"claims": essential(BASE + "substantial")}, SUBSTANTIAL),
        ("portal", {"claims": essential(BASE + "low"), "acr_values": BASE + "high"}, LOW),
        ("portal", {"claims": claims_parameter(id_token={"acr": {"value": BASE + "high"}})}, HIGH),
        ("portal", {"claims": claims_parameter(id_token={"acr": None})}, LOW),
        ("portal", {"acr_values": OTHER + "high"}, LOW),
        ("tolerant", {"acr_values": OTHER + "high"}, HIGH),
    ],
)
def test_what_is_asked_of_the_source(bench, client_id, changes, minimum):
    """The lowest level named, never less than the registration; the essential claim decides."""
    bench.answer(client_id=client_id, **changes)
    assert bench.opened[0].minimum is minimum


@pytest.mark.parametrize(
    ("client_id", "changes", "accepted"),
    [
        ("portal", {}, False),
        ("portal", {"acr_values": OTHER + "low"}, False),
        ("tolerant", {}, True),
        ("tolerant", {"claims": essential(BASE + "low")}, False),
        ("tolerant", {"claims": essential(BASE + "low", OTHER + "low")}, True),
    ],
)
def test_schemes_that_are_not_notified_need_registration_and_request(bench, client_id, changes, accepted):
    bench.answer(client_id=client_id, **changes)
    assert bench.opened[0].accept_non_notified is accepted


@pytest.mark.parametrize("values", [("urn:x",), (BASE + "LOW",), (OTHER + "high",), ("",)])
def test_essential_acr_that_nobody_here_has_is_refused_at_once(bench, values):
    """unmet_authentication_requirements, before the citizen is troubled."""
    answer = bench.answer(claims=essential(*values))
    assert answer["error"] == "unmet_authentication_requirements"
    assert not bench.opened


def test_essential_acr_beyond_reach_is_refused_at_once_and_a_wish_is_lowered(bench):
    bench.highest = SUBSTANTIAL
    answer = bench.answer(claims=essential(BASE + "high"))
    assert answer["error"] == "unmet_authentication_requirements"
    assert not bench.opened
    assert "code" in bench.answer(acr_values=BASE + "high")
    assert bench.opened[0].minimum is SUBSTANTIAL
    bench.highest = None
    bench.answer(acr_values=BASE + "high")
    assert bench.opened[1].minimum is HIGH


def test_essential_acr_that_was_not_reached_fails_the_login(bench):
    """Core §5.5.1.1: a failed authentication. The test's citizen is at substantial."""
    answer = bench.answer(claims=essential(BASE + "high"))
    assert answer["error"] == "unmet_authentication_requirements"
    assert "code" not in answer


def test_voluntary_acr_is_answered_with_what_was_reached(bench):
    assert bench.id_token(acr_values=BASE + "high")["acr"] == BASE + "substantial"
    assert bench.id_token(acr_values=BASE + "low")["acr"] == BASE + "low"


def test_level_of_a_scheme_that_is_not_notified_keeps_its_own_name(bench):
    bench.identity = replace(bench.identity, assurance=not_notified(HIGH))
    assert bench.id_token("tolerant")["acr"] == OTHER + "high"
