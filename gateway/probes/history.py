"""Results of probes in the database: table ``probe_results``.

Blocking; ask from a thread. Every function raises LogUnavailable when the database cannot be asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from gateway.probes.failures import Reason, Step
from gateway.probes.result import ProbeResult
from trust.log import LogUnavailable, timestamp

TABLE = sa.Table(
    "probe_results",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("step", sa.Text),
    sa.Column("code", sa.Text),
    sa.Column("steps", sa.Text, nullable=False),
)
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class ProbeHistory:
    """``latest``, ``history`` and ``failing`` are for the console and the watch."""

    engine: sa.Engine

    def add(self, result: ProbeResult) -> None:
        """Keep a result."""
        self._run(
            sa.insert(TABLE).values(
                target=result.target,
                at=timestamp(result.at),
                reason=result.reason,
                step=result.step,
                code=result.code,
                steps=json.dumps(result.steps),
            )
        )

    def latest(self, target: str) -> ProbeResult | None:
        """The last result of one target."""
        return next(iter(self._last(target, 1)), None)

    def all_latest(self, targets: Iterable[str]) -> dict[str, ProbeResult]:
        """The last result of each of these targets that has one."""
        newest = (
            sa.select(sa.func.max(TABLE.c.id).label("id"))
            .where(TABLE.c.target.in_(list(targets)))
            .group_by(TABLE.c.target)
        )
        rows = self._run(sa.select(TABLE).where(TABLE.c.id.in_(newest)))
        return {str(row.target): _result(row) for row in rows}

    def history(self, target: str, since: datetime) -> list[ProbeResult]:
        """The results of one target since then, the oldest first."""
        statement = (
            sa.select(TABLE)
            .where(TABLE.c.target == target, TABLE.c.at >= timestamp(since))
            .order_by(TABLE.c.id)
            .limit(_MOST)
        )
        return [_result(row) for row in self._run(statement)]

    def failing(self, target: str, *, most: int = 20) -> int:
        """How many of its last probes failed in a row; ``most`` are looked at.

        A failure of our own counts for no partner: it is passed over.
        """
        count = 0
        for result in self._last(target, most):
            if result.ok:
                break
            count += not result.ours
        return count

    def forget(self, before: datetime) -> None:
        """Remove what is older."""
        self._run(sa.delete(TABLE).where(TABLE.c.at < timestamp(before)))

    def _last(self, target: str, number: int) -> list[ProbeResult]:
        statement = sa.select(TABLE).where(TABLE.c.target == target).order_by(TABLE.c.id.desc()).limit(number)
        return [_result(row) for row in self._run(statement)]

    def _run(self, statement: sa.Executable) -> list[sa.Row[Any]]:
        try:
            with self.engine.begin() as connection:
                found = connection.execute(statement)
                return list(found.all()) if found.returns_rows else []
        except SQLAlchemyError as error:
            raise LogUnavailable(type(error).__name__) from error


def _result(row: sa.Row[Any]) -> ProbeResult:
    steps: dict[str, int] = json.loads(row.steps)
    return ProbeResult(
        target=row.target,
        at=datetime.fromisoformat(row.at).astimezone(UTC),
        reason=Reason(row.reason) if row.reason else None,
        step=Step(row.step) if row.step else None,
        code=row.code,
        steps={Step(name): milliseconds for name, milliseconds in steps.items()},
    )
