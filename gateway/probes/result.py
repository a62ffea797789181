"""What a probe works with, and what is kept of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.probes.client import ProbeKey
from gateway.probes.failures import Reason, Step
from trust.outgoing import FetchPolicy, Resolve, resolve_host


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """What is kept of a probe: nothing of a page, nothing of an identity."""

    target: str
    at: datetime
    """When it began."""
    reason: Reason | None = None
    """None: everything went as it should."""
    step: Step | None = None
    """Where it failed."""
    code: str | None = None
    """Entry of the error catalogue, where one of our own pages said why."""
    steps: dict[Step, int]
    """Milliseconds of each step, that of the failure included."""

    @property
    def ok(self) -> bool:
        return self.reason is None

    @property
    def ours(self) -> bool:
        """Whether it failed by our own fault, which says nothing of the partner."""
        return self.reason in {Reason.GATEWAY_DOWN, Reason.GATEWAY_UNREACHABLE, Reason.DEFECT}

    @property
    def milliseconds(self) -> int:
        return sum(self.steps.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a probe may take."""

    seconds: float = 60.0
    page_bytes: int = 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every probe works with."""

    issuer: str
    key: ProbeKey
    policy: FetchPolicy
    """``total_seconds`` is that of one request."""
    limits: Limits
    directory: Path
    """Configuration directory, for the secrets of the answers."""
    signing_alg: str = "ES256"
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    resolve: Resolve = resolve_host
    monotonic: Callable[[], float] = time.monotonic
