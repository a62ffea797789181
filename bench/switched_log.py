"""``python -m bench.switched_log``: the gateway's commands, with a log that can be switched off and on while it runs.

SIGUSR1: nothing is written any more and every entry counts as durable. SIGUSR2: as in life. For the measurement
of what the log costs alone; nothing in the product can do this.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime

import gateway.app
from gateway.cli import main
from trust.log import AppendOnlyLog

_switch = {"on": True}


class SwitchedLog(AppendOnlyLog):
    """As in life while the switch is on."""

    def append(self, event: str, body: Mapping[str, object], *, now: datetime) -> Future[None]:
        if _switch["on"]:
            return super().append(event, body, now=now)
        done: Future[None] = Future()
        done.set_result(None)
        return done

    async def write(self, entries: Sequence[tuple[str, Mapping[str, object]]], *, now: datetime) -> None:
        if _switch["on"]:
            await super().write(entries, now=now)

    async def note(self, entries: Sequence[tuple[str, Mapping[str, object]]], *, now: datetime) -> None:
        if _switch["on"]:
            await super().note(entries, now=now)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, lambda *_: _switch.update(on=False))
    signal.signal(signal.SIGUSR2, lambda *_: _switch.update(on=True))
    setattr(gateway.app, "AppendOnlyLog", SwitchedLog)  # noqa: B010 - the one name that the wiring uses
    sys.exit(main())
