"""Our own keys at a point in time: next, active, retired, gone, by their plans.

A key without a plan has the state that ``gateway.toml`` gives it. A key that becomes active by its plan retires
its predecessors (same purpose, same connectors and, where both kinds are used side by side, same kind of
key), so that no plan can leave two keys in charge. Nor can one leave none: a key that nobody follows stays.

Everything here is a function of the configuration and the time. What a process serves is computed when a
generation is built (``as_of``); ``next_transition`` says when the next one is due.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.own_keys.loaded import LoadedKey
from gateway.own_keys.plan import KeyPhase, KeyPlan
from gateway.settings import KeyPurpose, KeyState

if TYPE_CHECKING:
    from gateway.bundle import Configuration

_SIDE_BY_SIDE = frozenset({KeyPurpose.OIDC_SIGNING, KeyPurpose.SAML_DECRYPTION})
"""RSA and EC keys of these serve different clients or peers at the same time."""
_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStanding:
    """One key at one point in time."""

    key: LoadedKey
    phase: KeyPhase
    plan: KeyPlan | None
    superseded_by: str | None = None
    """Its successor became active: so it is retired, whatever else is said of it."""
    stays: bool = False
    """It should not be in use any more, but there is no other."""
    suspended: bool = False
    """Its plan is suspended: the key must not be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What happens to one key on the calendar."""

    at: datetime
    key: LoadedKey
    before: KeyPhase
    after: KeyPhase


def key_states(configuration: Configuration, now: datetime) -> tuple[KeyStanding, ...]:
    """Every key of ``gateway.toml``, by purpose and in its order, as it stands at ``now``."""
    # Who puts a configuration together without files gives only the keys in use.
    declared = configuration.declared_keys or [key for found in configuration.keys.values() for key in found]
    return standings(declared, configuration.key_plans, now, suspended=configuration.suspended_keys)


def next_transition(configuration: Configuration, now: datetime) -> datetime | None:
    """When something on the calendar changes next."""
    return min((date for date in _dates(configuration) if date > now), default=None)


def transitions(
    configuration: Configuration, after: datetime, until: datetime | None = None
) -> Iterator[Transition]:
    """What happens after ``after`` and not after ``until``, in order."""
    before = {standing.key.id: standing.phase for standing in key_states(configuration, after)}
    for date in sorted(set(_dates(configuration))):
        if date <= after or (until is not None and date > until):
            continue
        for standing in key_states(configuration, date):
            key, phase = standing.key, standing.phase
            if before[key.id] is not phase:
                yield Transition(at=date, key=key, before=before[key.id], after=phase)
            before[key.id] = phase


def as_of(configuration: Configuration, now: datetime) -> Configuration:
    """``configuration`` with the keys that are to be used at ``now``, each with its state."""
    return replace(configuration, keys=in_use(key_states(configuration, now)))


def troubles(configuration: Configuration, now: datetime) -> Iterator[str]:
    """What keeps a plan from being carried out here, as a stable word and the key it is about."""
    found = key_states(configuration, now)
    for standing in found:
        if standing.stays:
            yield f"key.no-successor: {standing.key.id}"
    here = {standing.key.id for standing in found}
    for plan in configuration.key_plans.values():
        if plan.id not in here and plan.phase(now) is not KeyPhase.GONE:
            yield f"key.not-loaded: {plan.id}"


def in_use(found: Iterable[KeyStanding]) -> Mapping[KeyPurpose, tuple[LoadedKey, ...]]:
    """Those that are neither planned nor gone, by purpose, with their state of the day."""
    keys: dict[KeyPurpose, list[LoadedKey]] = {}
    for standing in found:
        if standing.phase not in {KeyPhase.PLANNED, KeyPhase.GONE}:
            key = replace(standing.key, state=KeyState(standing.phase.value))
            keys.setdefault(key.purpose, []).append(key)
    return {purpose: tuple(found) for purpose, found in keys.items()}


def standings(
    keys: Iterable[LoadedKey],
    plans: Mapping[str, KeyPlan],
    at: datetime,
    *,
    suspended: Collection[str] = (),
    strictly: bool = False,
) -> tuple[KeyStanding, ...]:
    """``strictly``: as the plans say, also where that leaves no active key (for the check of the plans)."""
    found = {
        key.id: KeyStanding(
            key=key,
            phase=KeyPhase.GONE if key.id in suspended else _phase(key, plans, at),
            plan=plans.get(key.id),
            suspended=key.id in suspended,
        )
        for key in keys
    }
    for group in _groups(found.values(), by_kind=True):
        _supersede(group, found)
    for group in _groups(found.values(), by_kind=True):
        _replace_suspended(group, found)
    if not strictly:
        for group in _groups(found.values(), by_kind=False):
            _keep_one(group, found)
    return tuple(found.values())


def _phase(key: LoadedKey, plans: Mapping[str, KeyPlan], at: datetime) -> KeyPhase:
    plan = plans.get(key.id)
    return KeyPhase(key.state.value) if plan is None else plan.phase(at)


def _groups(found: Iterable[KeyStanding], *, by_kind: bool) -> list[list[KeyStanding]]:
    groups: dict[tuple[object, ...], list[KeyStanding]] = {}
    for standing in found:
        key = standing.key
        kind = isinstance(key.key.public_key, rsa.RSAPublicKey)
        name = (key.purpose, frozenset(key.connectors), by_kind and key.purpose in _SIDE_BY_SIDE and kind)
        groups.setdefault(name, []).append(standing)
    return list(groups.values())


def _supersede(group: list[KeyStanding], found: dict[str, KeyStanding]) -> None:
    active = [standing for standing in group if standing.phase is KeyPhase.ACTIVE]
    newest = max(active, key=_since, default=None)
    for standing in active:
        if newest is not None and _since(standing) < _since(newest):
            found[standing.key.id] = replace(standing, phase=KeyPhase.RETIRED, superseded_by=newest.key.id)


def _replace_suspended(group: list[KeyStanding], found: dict[str, KeyStanding]) -> None:
    """The next key takes over from one that was suspended; without one, that has to stay."""
    suspended = [standing for standing in group if standing.suspended]
    if not suspended or any(standing.phase is KeyPhase.ACTIVE for standing in group):
        return
    heirs = [standing for standing in group if standing.phase is KeyPhase.NEXT]
    if heirs:
        heir = min(heirs, key=_since)
        found[heir.key.id] = replace(heir, phase=KeyPhase.ACTIVE)
    else:
        last = max(suspended, key=_since)
        found[last.key.id] = replace(last, phase=KeyPhase.ACTIVE, stays=True)


def _keep_one(group: list[KeyStanding], found: dict[str, KeyStanding]) -> None:
    """Where nothing is left in use, the last key stays."""
    if any(standing.phase is KeyPhase.ACTIVE for standing in group):
        return
    left = [standing for standing in group if standing.phase in {KeyPhase.RETIRED, KeyPhase.GONE}]
    last = max(left, key=_until, default=None)
    if last is not None:
        found[last.key.id] = replace(last, phase=KeyPhase.ACTIVE, stays=True)


def _since(standing: KeyStanding) -> datetime:
    plan = standing.plan
    return _EVER if plan is None or plan.active_from is None else plan.active_from


def _until(standing: KeyStanding) -> tuple[datetime, datetime]:
    plan = standing.plan
    until = _EVER if plan is None or plan.retire_from is None else plan.retire_from
    return until, _since(standing)


def _dates(configuration: Configuration) -> Iterator[datetime]:
    return (date for plan in configuration.key_plans.values() for date in plan.dates)
