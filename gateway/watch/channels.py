"""The ways to people and programs. A channel sends all its news in one message, or says why it could not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.settings.watch import Severity
from gateway.watch.alerts import Alert, Notice, at_least


class ChannelFailed(Exception):
    """Nothing was accepted; ``reason`` is a stable word, never what the other side said."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Channel(Protocol):
    """``send`` blocks, for less than a minute."""

    @property
    def id(self) -> str: ...

    @property
    def group(self) -> str:
        """What metrics call it: no person's name."""
        ...

    def wants(self, alert: Alert) -> bool:
        """Whether it is told of ``alert``."""
        ...

    @property
    def tells_end(self) -> bool:
        """Whether it is told that something is over."""
        ...

    def send(self, notices: Sequence[Notice], now: datetime) -> None:
        """Raises ChannelFailed."""
        ...


Send = Callable[[Sequence[Notice], datetime], None]


@dataclass(frozen=True, slots=True)
class Severe:
    """A channel for whatever is at least as severe as ``minimum``."""

    id: str
    minimum: Severity
    deliver: Send
    tells_end: bool = True

    @property
    def group(self) -> str:
        return self.id

    def wants(self, alert: Alert) -> bool:
        return at_least(alert.severity, self.minimum)

    def send(self, notices: Sequence[Notice], now: datetime) -> None:
        self.deliver(notices, now)


@dataclass(frozen=True, slots=True)
class Personal:
    """A channel to one approver, for what waits for this person's signature."""

    approver: str
    deliver: Send
    tells_end: bool = False

    @property
    def id(self) -> str:
        return f"approver:{self.approver}"

    @property
    def group(self) -> str:
        return "approvers"

    def wants(self, alert: Alert) -> bool:
        return self.approver in alert.people

    def send(self, notices: Sequence[Notice], now: datetime) -> None:
        self.deliver(notices, now)
