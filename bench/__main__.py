"""``make bench``: CPU of the provider's process per login and per flow, by step, beside the floor.

Options: ``--row NAME`` (again for another) for these rows alone, ``--logins N`` (default 200; three times as
many with and without the log, whose difference is small) and ``--flows N`` (default 500).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from bench import floor, log_cost, login, node_provider, op, report
from bench.op_server import COMPAT, FAPI2
from sandbox.addresses import Profile

T = TypeVar("T")

_LOGINS: dict[str, Profile] = {"login-rsa3072": "rsa", "login-ec": "ec"}
_LOGGED = {"log-eight-at-once": 8, "log-one-by-one": 1}
"""What the durable log costs a login, with so many under way."""
_FLOWS = (COMPAT, FAPI2)
_NODE = {f"node-oidc-provider-{row.removeprefix('op-')}": row for row in _FLOWS}


def main() -> int:
    names = [*_LOGINS, *_LOGGED, *_FLOWS, *_NODE]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--row", action="append", choices=names, help="only this row")
    parser.add_argument("--logins", type=int, default=200, help="counted logins per profile")
    parser.add_argument("--flows", type=int, default=500, help="counted flows of the provider alone")
    options = parser.parse_args()
    wanted = options.row or names
    if any(name in _NODE for name in wanted) and (reason := node_provider.why_not()):
        print(f"without the rows of oidc-provider: {reason}", file=sys.stderr)
        wanted = [name for name in wanted if name not in _NODE]
    rows = [_row(name, options.logins, options.flows) for name in wanted if name not in _LOGGED]
    costs = [
        _said(name, partial(log_cost.measure, "ec", logins=3 * options.logins, at_once=at_once))
        for name, at_once in _LOGGED.items()
        if name in wanted
    ]
    print(report.machine())
    if rows:
        print(report.table(rows))
    if costs:
        print(log_cost.table(costs))
    print(f"\nwritten: {report.write(rows, costs).relative_to(report.RESULTS.parent.parent)} and latest.svg")
    return 0


def _row(name: str, logins: int, flows: int) -> report.Row:
    if name in _LOGINS:
        profile = _LOGINS[name]
        bare = _said(f"{name}: the floor", lambda: floor.measure(profile))
        measured = _said(f"{name}: {logins} logins", lambda: login.measure(profile, logins=logins))
        return _made(name, measured, bare)
    if name in _NODE:
        flow = _NODE[name]
        return _made(name, _said(f"{name}: {flows} flows", lambda: op.measure(flow, flows=flows, node=True)))
    bare = _said(f"{name}: the floor", lambda: floor.of_provider(name))
    return _made(name, _said(f"{name}: {flows} flows", lambda: op.measure(name, flows=flows)), bare)


def _said(what: str, work: Callable[[], T]) -> T:
    print(what, file=sys.stderr)
    return work()


def _made(name: str, measured: login.Measured, bare: floor.Floor | None = None) -> report.Row:
    return report.Row(
        name=name,
        cpu_ms=measured.cpu_ms,
        floor_cpu_ms=bare.total if bare else None,
        per_second=1000 / measured.cpu_ms,
        p50_ms=measured.p50,
        p99_ms=measured.p99,
        steps=measured.steps,
        floor_parts=bare.parts if bare else {},
    )


if __name__ == "__main__":
    sys.exit(main())
