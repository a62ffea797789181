"""What a run leaves behind: a table on the screen, ``latest.json``, and a plot as SVG."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from bench.log_cost import LogCost

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    name: str
    cpu_ms: float
    """CPU of the gateway, or of the provider beside it, for one login or flow."""
    floor_cpu_ms: float | None
    """None: a row of another provider."""
    per_second: float
    """Logins a second that one process's CPU allows: 1000 / ``cpu_ms``."""
    p50_ms: float
    """Wall time of one login as the citizen's side sees it, peers included."""
    p99_ms: float
    steps: Mapping[str, float] = field(default_factory=dict)
    """CPU milliseconds of the gateway by step."""
    floor_parts: Mapping[str, float] = field(default_factory=dict)


def machine() -> str:
    """Processor and interpreter, for whoever compares two files."""
    model = platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def table(rows: Sequence[Row]) -> str:
    """For the screen."""
    lines = [
        f"{'row':<28}{'CPU ms':>9}{'floor ms':>10}{'logins/s':>10}{'p50 ms':>9}{'p99 ms':>9}",
        *(
            f"{r.name:<28}{r.cpu_ms:>9.2f}{_shown(r.floor_cpu_ms):>10}{r.per_second:>10.0f}"
            f"{r.p50_ms:>9.1f}{r.p99_ms:>9.1f}"
            for r in rows
        ),
    ]
    for row in rows:
        lines += ["", f"{row.name}: where the CPU goes"]
        lines += [f"  {name:<44}{value:>8.3f}" for name, value in row.steps.items()]
        lines += [f"{row.name}: the floor"] if row.floor_parts else []
        lines += [f"  {name:<44}{value:>8.3f}" for name, value in row.floor_parts.items()]
    return "\n".join(lines)


def _shown(milliseconds: float | None) -> str:
    return "–" if milliseconds is None else f"{milliseconds:.2f}"


def write(rows: Sequence[Row], costs: Sequence[LogCost] = ()) -> Path:
    """``latest.json`` and ``latest.svg``; returns the path of the former."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "latest.json"
    content = {
        "machine": machine(),
        "rows": [
            {
                "name": r.name,
                "cpu_ms": round(r.cpu_ms, 3),
                "floor_cpu_ms": None if r.floor_cpu_ms is None else round(r.floor_cpu_ms, 3),
                "per_second": round(r.per_second, 1),
                "p50_ms": round(r.p50_ms, 2),
                "p99_ms": round(r.p99_ms, 2),
                "steps": {name: round(value, 4) for name, value in r.steps.items()},
                "floor": {name: round(value, 4) for name, value in r.floor_parts.items()},
            }
            for r in rows
        ],
        "log": [
            {
                "at_once": c.at_once,
                "with_ms": round(c.with_log, 3),
                "without_ms": round(c.without, 3),
                "checkpoint_ms": round(c.checkpoint, 3),
                "share": round(c.share, 4),
            }
            for c in costs
        ],
    }
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    (RESULTS / "latest.svg").write_text(_plot(rows))
    return path


_COLOURS = ("#0b4f8a", "#2f7fb8", "#69a8d0", "#a3cbe4", "#c98b2b", "#e0b15e", "#7a8c3a", "#a8b96b", "#8a5a83")


def _plot(rows: Sequence[Row]) -> str:
    """Two bars a row, stacked: the login by step, the floor by part (none for another provider)."""
    bars = []
    for row in rows:
        bars += [
            (row.name, row.steps),
            *([(f"floor of {row.name}", row.floor_parts)] if row.floor_parts else []),
        ]
    longest = max((sum(parts.values()) for _, parts in bars), default=1.0) or 1.0
    scale, parts_drawn, y = 580 / longest, [], 20
    for name, parts in bars:
        x = 230.0
        parts_drawn.append(f'<text x="220" y="{y + 18}" text-anchor="end">{escape(name)}</text>')
        for index, (part, value) in enumerate(parts.items()):
            width = value * scale
            colour = _COLOURS[index % len(_COLOURS)]
            parts_drawn.append(
                f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="26" fill="{colour}">'
                f"<title>{escape(part)}: {value:.3f} ms</title></rect>"
            )
            x += width
        total = sum(parts.values())
        parts_drawn.append(f'<text x="{x + 6:.1f}" y="{y + 18}">{total:.2f} ms</text>')
        y += 40
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 {y + 20}" font-family="sans-serif" '
        f'font-size="13"><title>CPU milliseconds of one login</title>{"".join(parts_drawn)}</svg>\n'
    )
