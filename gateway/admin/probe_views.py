"""What the pages on probes show, made of targets and results alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.bundle import Configuration
from gateway.probes.failures import Step
from gateway.probes.result import ProbeResult
from gateway.probes.targets import Target
from gateway.web.local_text import LocalText, localise

WIDTH, HEIGHT = 1000, 100
_SHORT = 24
_LONG = 96
_GAP = 0.25
"""Of a column, between two bars."""
_LOWEST = 4
"""A bar that can still be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One probe of a chart; a failed one is as high as the chart, in another form."""

    x: float
    y: float
    width: float
    height: float
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeView:
    """One target with what is known of it."""

    target: Target
    connector: LocalText
    latest: ProbeResult | None
    running: bool
    failed_in_a_row: int
    results: tuple[ProbeResult, ...]
    """The newest first."""
    bars: tuple[Bar, ...]
    """The oldest first."""
    longest: int
    """Milliseconds of the longest that went through: the height of the chart."""

    @property
    def failures(self) -> int:
        """Among the results shown."""
        return sum(not result.ok for result in self.results)

    @property
    def steps(self) -> tuple[tuple[Step, int], ...]:
        """Of the last probe, in their order."""
        return tuple(self.latest.steps.items()) if self.latest else ()


def probe_view(
    configuration: Configuration,
    target: Target,
    results: Sequence[ProbeResult],
    *,
    language: str,
    running: bool = False,
    short: bool = False,
) -> ProbeView:
    """``results``: the oldest first. ``short``: as a line of the list."""
    shown = tuple(results[-(_SHORT if short else _LONG) :])
    names = (
        configuration.connectors[target.connector].name
        if target.connector in configuration.connectors
        else {}
    )
    longest = max((result.milliseconds for result in shown if result.ok), default=0)
    return ProbeView(
        target=target,
        connector=localise(names or {"de": target.connector}, language),
        latest=results[-1] if results else None,
        running=running,
        failed_in_a_row=_failed(results),
        results=tuple(reversed(shown)),
        bars=_bars(shown, max(_SHORT, len(shown)), longest),
        longest=longest,
    )


def listed(
    configuration: Configuration,
    targets: Mapping[str, Target],
    histories: Mapping[str, Sequence[ProbeResult]],
    *,
    language: str,
    running: frozenset[str],
) -> tuple[ProbeView, ...]:
    """Every target: those that fail first, then those without a result, then the rest by name."""
    views = [
        probe_view(
            configuration,
            target,
            histories.get(name, ()),
            language=language,
            running=name in running,
            short=True,
        )
        for name, target in targets.items()
    ]
    return tuple(sorted(views, key=_order))


def since(now: datetime, target: Target, *, short: bool) -> datetime:
    """From when results are needed: so many that the chart is full, and some more for those that were asked for."""
    seconds = target.settings.every_seconds * 1.2 * ((_SHORT if short else _LONG) + 2)
    return datetime.fromtimestamp(now.timestamp() - max(seconds, 86_400), now.tzinfo)


def _order(view: ProbeView) -> tuple[int, str]:
    if view.latest is None:
        return 1, view.target.name
    return (2 if view.latest.ok else 0), view.target.name


def _failed(results: Sequence[ProbeResult]) -> int:
    count = 0
    for result in reversed(results):
        if result.ok:
            break
        count += not result.ours
    return count


def _bars(results: Sequence[ProbeResult], columns: int, longest: int) -> tuple[Bar, ...]:
    step = WIDTH / columns
    bars = []
    for place, result in enumerate(results):
        share = result.milliseconds / longest if longest and result.ok else 1.0
        height = round(max(_LOWEST, HEIGHT * min(1.0, share)), 1)
        bars.append(
            Bar(
                x=round(step * (columns - len(results) + place), 1),
                y=round(HEIGHT - height, 1),
                width=round(step * (1 - _GAP), 1),
                height=height,
                ok=result.ok,
            )
        )
    return tuple(bars)
