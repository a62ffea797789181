"""Own keys on a calendar: next, active, retired, gone (security.md D.7, issue 6 item 4)."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import ValidationError

from gateway.own_keys.calendar import (
    KeyStanding,
    as_of,
    in_use,
    key_states,
    next_transition,
    standings,
    transitions,
    troubles,
)
from gateway.own_keys.loaded import LoadedKey
from gateway.own_keys.plan import KeyPhase, KeyPlan
from gateway.settings import KeyPurpose, KeyState
from trust.keys import InMemoryKey

DAY = timedelta(days=1)
START = datetime(2026, 12, 1, 6, tzinfo=UTC)
CURVE = InMemoryKey(ec.generate_private_key(ec.SECP256R1()))
OTHER = InMemoryKey(ec.generate_private_key(ec.SECP256R1()))
RSA = InMemoryKey(rsa.generate_private_key(65537, 3072))
SIGNING, DECRYPTION = KeyPurpose.OIDC_SIGNING, KeyPurpose.SAML_DECRYPTION


def key(
    name: str,
    *,
    purpose: KeyPurpose = SIGNING,
    state: KeyState = KeyState.ACTIVE,
    connectors: tuple[str, ...] = (),
    pair: InMemoryKey = CURVE,
) -> LoadedKey:
    return LoadedKey(id=name, purpose=purpose, state=state, key=pair, connectors=connectors)


def plan(name: str, *days: int | None, purpose: KeyPurpose = SIGNING, **more: Any) -> KeyPlan:
    """``days``: publish, active, retire, gone, counted from START."""
    names = ("publish_from", "active_from", "retire_from", "gone_from")
    dates = {field: START + day * DAY for field, day in zip(names, days, strict=False) if day is not None}
    return KeyPlan.model_validate({"id": name, "purpose": purpose, **dates, **more})


def phases(found: tuple[KeyStanding, ...]) -> dict[str, str]:
    return {standing.key.id: standing.phase.value for standing in found}


def at(day: float, keys: list[LoadedKey], *plans: KeyPlan, suspended: tuple[str, ...] = ()) -> dict[str, str]:
    named = {one.id: one for one in plans}
    return phases(standings(keys, named, START + day * DAY, suspended=suspended))


OLD, NEW = key("old"), key("new", state=KeyState.NEXT, pair=OTHER)
LIFE = plan("new", 0, 10, 20, 30)


def test_key_passes_through_its_phases_on_the_dates_of_its_plan() -> None:
    """Each phase begins on its date, not after it."""
    third = key("third")
    found = [
        (day, at(day, [NEW, third], LIFE, plan("third", 19, 20))["new"])
        for day in (-1, 0, 9.9, 10, 19.9, 20, 29.9, 30)
    ]
    assert [phase for _, phase in found] == [
        "planned", "next", "next", "active", "active", "retired", "retired", "gone",
    ]  # fmt: skip


def test_key_without_a_plan_has_the_state_of_the_configuration_file() -> None:
    assert at(0, [OLD, NEW, key("retired", state=KeyState.RETIRED)]) == {
        "old": "active", "new": "next", "retired": "retired",
    }  # fmt: skip


def test_successor_retires_its_predecessor_in_the_same_instant() -> None:
    """There are never two that sign, and never none, whether or not the old key has a plan of its own."""
    for plans in ((LIFE,), (LIFE, plan("old", None, None, 10, 15)), (LIFE, plan("old", None, None, 12, 15))):
        assert at(9.999, [OLD, NEW], *plans) == {"old": "active", "new": "next"}
        assert at(10, [OLD, NEW], *plans) == {"old": "retired", "new": "active"}


def test_keys_that_serve_side_by_side_do_not_retire_each_other() -> None:
    """An RSA key for clients that want RS256; keys of one connector; keys of another purpose."""
    beside = [
        key("rsa", pair=RSA), key("own", connectors=("eidas",)), key("saml", purpose=KeyPurpose.SAML_SIGNING),
    ]  # fmt: skip
    found = at(10, [OLD, NEW, *beside], LIFE)
    assert {name: found[name] for name in ("old", "rsa", "own", "saml")} == {
        "old": "retired", "rsa": "active", "own": "active", "saml": "active",
    }  # fmt: skip


def test_last_key_of_a_purpose_stays_whatever_its_plan_says() -> None:
    """A gap on the calendar is refused when it is proposed; a node that lacks the new key goes on all the same."""
    alone = plan("old", None, None, 5, 9)
    (standing,) = standings([OLD], {"old": alone}, START + 12 * DAY)
    assert (standing.phase, standing.stays) == (KeyPhase.ACTIVE, True)
    assert phases(standings([OLD], {"old": alone}, START + 12 * DAY, strictly=True)) == {"old": "gone"}


def test_last_key_of_one_algorithm_may_go_while_another_serves() -> None:
    """Moving from RS256 to ES256 is a plan, too."""
    assert at(6, [OLD, key("rsa", pair=RSA)], plan("rsa", None, None, 1, 5)) == {
        "old": "active",
        "rsa": "gone",
    }


def test_suspended_key_is_replaced_at_once_by_the_next_one() -> None:
    """One person, a stolen key: what is published already takes over, and nothing of the stolen key is left."""
    assert at(5, [OLD, NEW], LIFE, plan("old", None, None, 10), suspended=("old",)) == {
        "old": "gone", "new": "active",
    }  # fmt: skip


def test_suspended_key_is_replaced_by_one_of_its_kind() -> None:
    """Services that want ES256 are not served by the RSA key beside it."""
    keys = [OLD, NEW, key("rsa", pair=RSA)]
    found = at(5, keys, LIFE, plan("old", None, None, 10), suspended=("old",))
    assert found == {"old": "gone", "new": "active", "rsa": "active"}
    assert at(5, keys, plan("rsa", None, None, 10), suspended=("rsa",))["rsa"] == "active"


def test_suspended_key_that_is_retired_is_gone() -> None:
    """Nothing has to take over from it."""
    assert at(12, [OLD, NEW], LIFE, plan("old", None, None, 10), suspended=("old",)) == {
        "old": "gone", "new": "active",
    }  # fmt: skip


def test_suspended_key_that_nobody_can_follow_stays_and_says_so() -> None:
    (standing,) = standings([OLD], {"old": plan("old", None, None, 10)}, START, suspended=("old",))
    assert (standing.phase, standing.suspended, standing.stays) == (KeyPhase.ACTIVE, True, True)


def test_what_is_planned_or_gone_is_in_nobodys_hands() -> None:
    """Neither published nor tried: it is not among the keys that connectors and provider get."""
    keys = [OLD, NEW, key("later", state=KeyState.NEXT), key("former")]
    plans = {"new": LIFE, "later": plan("later", 40, 50), "former": plan("former", None, None, -9, -1)}
    used = in_use(standings(keys, plans, START + 10 * DAY))
    assert [(one.id, one.state) for one in used[SIGNING]] == [
        ("old", KeyState.RETIRED), ("new", KeyState.ACTIVE),
    ]  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calendar:
    """Of a configuration, what a calendar needs."""

    declared_keys: tuple[LoadedKey, ...] = (OLD, NEW)
    key_plans: dict[str, KeyPlan] = dataclasses.field(
        default_factory=lambda: {"new": LIFE, "old": plan("old", None, None, 10, 15)}
    )
    suspended_keys: frozenset[str] = frozenset()
    keys: Any = None


def test_calendar_tells_what_comes_next_and_when() -> None:
    calendar: Any = Calendar()
    assert next_transition(calendar, START - DAY) == START
    assert next_transition(calendar, START) == START + 10 * DAY
    assert next_transition(calendar, START + 30 * DAY) is None
    told = [
        ((one.at - START).days, one.key.id, one.before.value, one.after.value)
        for one in transitions(calendar, START - DAY, START + 15 * DAY)
    ]
    assert told == [
        (0, "new", "planned", "next"),
        (10, "old", "active", "retired"),
        (10, "new", "next", "active"),
        (15, "old", "retired", "gone"),
    ]


def test_configuration_at_a_time_has_that_days_keys() -> None:
    calendar: Any = Calendar()
    later = as_of(calendar, START + 16 * DAY)
    assert [(one.id, one.state) for one in later.keys[SIGNING]] == [("new", KeyState.ACTIVE)]
    assert phases(key_states(later, START)) == {"old": "active", "new": "next"}


def test_what_a_plan_waits_for_here_is_named() -> None:
    """For the health page: a node that was not restarted for the new key, and goes on with the old one."""
    late: Any = Calendar(declared_keys=(OLD,))
    loaded: Any = Calendar()
    assert list(troubles(late, START)) == ["key.not-loaded: new"]
    assert list(troubles(late, START + 10 * DAY)) == ["key.no-successor: old", "key.not-loaded: new"]
    assert list(troubles(loaded, START + 10 * DAY)) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "has no date"),
        ({"publish_from": START}, "belong together"),
        ({"gone_from": START}, "gone_from needs retire_from"),
        ({"publish_from": START, "active_from": START - DAY}, "not in order"),
        ({"publish_from": START, "active_from": START, "retire_from": START}, "not in order"),
        ({"retire_from": START, "gone_from": START - DAY}, "not in order"),
        ({"retire_from": datetime(2026, 12, 1)}, "has no time zone"),  # noqa: DTZ001 - that is the point
        ({"retire_from": START, "purpose": "subject"}, "makes a stranger of every citizen"),
    ],
)
def test_plan_that_means_nothing_is_refused_with_a_remedy(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        KeyPlan.model_validate({"id": "k", "purpose": "oidc-signing", **fields})
    assert words in str(refused.value)
    assert "remedy" in str(refused.value)


def test_decryption_keys_of_both_kinds_roll_by_themselves() -> None:
    """An RSA key for the accounts beside a curve for the nodes."""
    keys = [
        key("rsa", purpose=DECRYPTION, pair=RSA), key("old", purpose=DECRYPTION),
        key("new", purpose=DECRYPTION, pair=OTHER),
    ]  # fmt: skip
    assert at(10, keys, plan("new", 0, 10, purpose=DECRYPTION)) == {
        "rsa": "active", "old": "retired", "new": "active",
    }  # fmt: skip
