"""How it stands with this installation, as the process sees it that serves the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from connectors.contract import Connector
from gateway.background import Background
from gateway.live import Live
from gateway.statistics import RollUp, StatisticsUnavailable
from trust.checkpoint import CheckpointRefused
from trust.checkpoint_export import MADE, states
from trust.checkpoints import Checkpoints
from trust.errors import KeyUnavailable
from trust.keys import Probed
from trust.registry import Registry, RegistryError
from trust.trees import LOGIN, TREES

_MANY = 5_000
"""Entries that the counting of logins may be behind: a few steps of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part: ``state`` is ``ok``, ``info``, ``warning`` or ``danger``; ``detail`` a text with ``values``."""

    name: str
    state: str
    detail: str
    values: Mapping[str, object] = field(default_factory=dict)
    more: str = ""
    """Which of several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerLine:
    """One peer of a connector."""

    connector: str
    peer: str
    country: str | None
    state: str
    kind: str
    reason: str | None
    valid_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLine:
    """One background task, as far as this process ran it."""

    name: str
    seconds: float
    kind: str
    error: str | None
    at: datetime | None


def database(engine: sa.Engine) -> Part:
    """Whether the database answers, as the log needs it; blocking."""
    try:
        with engine.connect() as connection:
            size = LOGIN.last(connection)
    except SQLAlchemyError as error:
        return Part(name="database", state="danger", detail="silent", values={"reason": type(error).__name__})
    return Part(name="database", state="ok", detail="entries", values={"size": size})


def keys(probed: Mapping[str, Probed], number: int) -> Part:
    """Whether keys in hardware modules can be used; ``number``: of all keys. Blocking."""
    lost = []
    for name, key in probed.items():
        try:
            key.check()
        except KeyUnavailable:
            lost.append(name)
    if lost:
        return Part(
            name="keys", state="danger", detail="keys_lost", values={"names": ", ".join(sorted(lost))}
        )
    return Part(name="keys", state="ok", detail="keys", values={"number": number})


def registry(found: Registry, live: Live) -> Sequence[Part]:
    """The registry's end, and whether this process follows it; blocking."""
    try:
        head = found.head()
    except RegistryError as error:
        reason = {"reason": str(error)}
        return (Part(name="registry", state="danger", detail="silent", values=reason),)
    fold = live.current.fold
    if fold is None:
        return (Part(name="registry", state="info", detail="registry_none"),)
    parts = [
        Part(
            name="registry",
            state="ok",
            detail="registry_head",
            values={"seq": head.seq, "hash": head.hash.hex()[:16]},
        )
    ]
    if fold.ignored:
        parts.append(
            Part(
                name="registry",
                state="danger",
                detail="registry_ignored",
                values={"number": len(fold.ignored)},
            )
        )
    if live.problem is not None:
        parts.append(
            Part(name="following", state="danger", detail="problem", values={"reason": live.problem})
        )
    elif fold.head != head:
        behind = {"seq": fold.head.seq, "head": head.seq}
        parts.append(Part(name="following", state="warning", detail="behind", values=behind))
    else:
        parts.append(Part(name="following", state="ok", detail="following", values={"seq": head.seq}))
    return parts


def statistics(engine: sa.Engine, rollup: RollUp) -> Part:
    """How far the counting of logins is; blocking."""
    try:
        position = rollup.position()
        with engine.connect() as connection:
            size = LOGIN.last(connection)
    except (StatisticsUnavailable, SQLAlchemyError) as error:
        return Part(
            name="statistics", state="danger", detail="silent", values={"reason": type(error).__name__}
        )
    late = size - position > _MANY
    values = {"seq": position, "size": size}
    return Part(name="statistics", state="warning" if late else "ok", detail="position", values=values)


def checkpoints(engine: sa.Engine, own: Callable[[str], Checkpoints]) -> Sequence[Part]:
    """The newest checkpoint of each tree, and how far the copies off this host are; blocking."""
    try:
        return [*map(_checkpoint, TREES, map(own, TREES)), *_exports(engine)]
    except (CheckpointRefused, KeyUnavailable, OSError) as error:
        refused = {"reason": str(error)}
        return [Part(name="checkpoint", state="danger", detail="checkpoint_refused", values=refused)]
    except SQLAlchemyError as error:
        reason = {"reason": type(error).__name__}
        return [Part(name="checkpoint", state="danger", detail="silent", values=reason)]


def _checkpoint(name: str, made: Checkpoints) -> Part:
    newest = made.newest()
    if newest is None:
        return Part(name=f"checkpoint_{name}", state="info", detail="checkpoint_none")
    made.opened(newest)
    values = {"size": newest.size, "when": newest.time}
    return Part(name=f"checkpoint_{name}", state="ok", detail="checkpoint", values=values)


def _exports(engine: sa.Engine) -> Iterator[Part]:
    """How it stands with each target; with making checkpoints itself only where it fails."""
    for state in states(engine):
        made = state.target == MADE
        if made and not state.problem:
            continue
        yield Part(
            name=f"{'checkpoint' if made else 'export'}_{state.tree}",
            state="danger" if state.problem else "ok",
            detail="export_waits" if state.problem else "checkpoint",
            values={"size": state.size, "when": state.time, "reason": state.problem},
            more="" if made else state.target,
        )


def peers(connectors: Mapping[str, Connector], *, now: datetime) -> tuple[PeerLine, ...]:
    """Every peer of every connector, what is worst first."""
    kinds = {"ok": "ok", "stale": "warning", "down": "danger"}
    order = ("down", "stale", "ok")
    lines = [
        PeerLine(
            connector=name,
            peer=status.peer,
            country=status.country,
            state=status.state,
            kind=kinds[status.state],
            reason=status.reason,
            valid_until=status.valid_until,
        )
        for name, connector in connectors.items()
        for status in connector.peers(now=now)
    ]
    return tuple(
        sorted(lines, key=lambda line: (order.index(line.state), line.connector, line.country or ""))
    )


def tasks(background: Background | None) -> tuple[TaskLine, ...]:
    """Every background task with its last run in this process."""
    if background is None:
        return ()
    runs = background.runs
    return tuple(
        TaskLine(
            name=task.name,
            seconds=round(task.seconds),
            kind="info" if (run := runs.get(task.name)) is None else "danger" if run.error else "ok",
            error=run.error if run else None,
            at=run.at if run else None,
        )
        for task in sorted(background.tasks, key=lambda task: task.name)
    )
