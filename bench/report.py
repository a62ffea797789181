"""What a run leaves behind: a table on the screen, ``latest.json``, and a plot as SVG."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    name: str
    cpu_ms: float
    """CPU of the gateway for one login."""
    floor_cpu_ms: float
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
        f"{'row':<16}{'CPU ms':>9}{'floor ms':>10}{'logins/s':>10}{'p50 ms':>9}{'p99 ms':>9}",
        *(
            f"{r.name:<16}{r.cpu_ms:>9.2f}{r.floor_cpu_ms:>10.2f}{r.per_second:>10.0f}"
            f"{r.p50_ms:>9.1f}{r.p99_ms:>9.1f}"
            for r in rows
        ),
    ]
    for row in rows:
        lines += ["", f"{row.name}: where the CPU goes"]
        lines += [f"  {name:<44}{value:>8.3f}" for name, value in row.steps.items()]
        lines += [f"{row.name}: the floor"]
        lines += [f"  {name:<44}{value:>8.3f}" for name, value in row.floor_parts.items()]
    return "\n".join(lines)


def write(rows: Sequence[Row]) -> Path:
    """``latest.json`` and ``latest.svg``; returns the path of the former."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "latest.json"
    content = {
        "machine": machine(),
        "rows": [
            {
                "name": r.name,
                "cpu_ms": round(r.cpu_ms, 3),
                "floor_cpu_ms": round(r.floor_cpu_ms, 3),
                "per_second": round(r.per_second, 1),
                "p50_ms": round(r.p50_ms, 2),
                "p99_ms": round(r.p99_ms, 2),
                "steps": {name: round(value, 4) for name, value in r.steps.items()},
                "floor": {name: round(value, 4) for name, value in r.floor_parts.items()},
            }
            for r in rows
        ],
    }
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    (RESULTS / "latest.svg").write_text(_plot(rows))
    return path


_COLOURS = ("#0b4f8a", "#2f7fb8", "#69a8d0", "#a3cbe4", "#c98b2b", "#e0b15e", "#7a8c3a", "#a8b96b", "#8a5a83")


def _plot(rows: Sequence[Row]) -> str:
    """Two bars a row, stacked: the login by step, the floor by part."""
    bars = [(f"{r.name}", r.steps) for r in rows] + [(f"floor of {r.name}", r.floor_parts) for r in rows]
    bars.sort(key=lambda bar: bar[0].removeprefix("floor of "))
    longest = max((sum(parts.values()) for _, parts in bars), default=1.0) or 1.0
    scale, parts_drawn, y = 620 / longest, [], 20
    for name, parts in bars:
        x = 190.0
        parts_drawn.append(f'<text x="180" y="{y + 18}" text-anchor="end">{escape(name)}</text>')
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
