"""``make bench``: CPU of the gateway per complete login, by step, beside the floor.

Options: ``--logins N`` (default 200) and ``--profile rsa|ec`` for one profile alone.
"""

from __future__ import annotations

import argparse
import sys

from bench import floor, login, report
from sandbox.addresses import Profile

_ROWS: dict[str, Profile] = {"login-rsa3072": "rsa", "login-ec": "ec"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--logins", type=int, default=200, help="counted logins per profile")
    parser.add_argument("--profile", choices=sorted(_ROWS.values()), help="only this key profile")
    options = parser.parse_args()
    rows = [
        _row(name, profile, options.logins)
        for name, profile in _ROWS.items()
        if options.profile in {None, profile}
    ]
    print(report.machine())
    print(report.table(rows))
    print(f"\nwritten: {report.write(rows).relative_to(report.RESULTS.parent.parent)} and latest.svg")
    return 0


def _row(name: str, profile: Profile, logins: int) -> report.Row:
    print(f"{name}: the floor", file=sys.stderr)
    bare = floor.measure(profile)
    print(f"{name}: {logins} logins", file=sys.stderr)
    measured = login.measure(profile, logins=logins)
    return report.Row(
        name=name,
        cpu_ms=measured.cpu_ms,
        floor_cpu_ms=bare.total,
        per_second=1000 / measured.cpu_ms,
        p50_ms=measured.p50,
        p99_ms=measured.p99,
        steps=measured.steps,
        floor_parts=bare.parts,
    )


if __name__ == "__main__":
    sys.exit(main())
