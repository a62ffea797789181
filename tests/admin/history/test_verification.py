"""Verifying the logs behind a page (ux.md §11: "verify log" button)."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Event

from gateway.admin.history.verification import CheckState, LogChecks, Progress
from trust.checkpoint import CheckpointRefused
from trust.errors import LogBroken

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def clock() -> datetime:
    return NOON


def sound(progress: Progress) -> int:
    for seq in range(1, 1201):
        progress(seq)
    return 1200


def test_what_was_found_is_told_for_each_log() -> None:
    checks = LogChecks()
    assert checks.of("login").state is CheckState.NEVER

    def broken(_: Progress) -> int:
        raise LogBroken(7)

    def refused(_: Progress) -> int:
        raise CheckpointRefused("the signature is wrong")

    def away(_: Progress) -> int:
        raise OSError("password in here")

    assert checks.start(
        {"login": (1200, sound), "trust": (9, broken), "copy": (9, refused), "other": (1, away)}, clock=clock
    )
    checks.wait(10)
    assert (checks.of("login").state, checks.of("login").size, checks.of("login").at) == (
        CheckState.OK, 1200, NOON,
    )  # fmt: skip
    assert (checks.of("trust").state, checks.of("trust").seq) == (CheckState.BROKEN, 7)
    assert (checks.of("copy").state, checks.of("copy").reason) == (
        CheckState.FAILED,
        "the signature is wrong",
    )
    assert (checks.of("other").state, checks.of("other").reason) == (CheckState.FAILED, "OSError")


def test_only_one_run_at_a_time_and_its_progress_is_seen() -> None:
    checks, there, go_on = LogChecks(), Event(), Event()

    def slow(progress: Progress) -> int:
        progress(500)
        there.set()
        assert go_on.wait(10)
        return 600

    assert checks.start({"login": (600, slow)}, clock=clock)
    assert there.wait(10)
    assert not checks.start({"login": (600, sound)}, clock=clock)
    found = checks.of("login")
    assert (found.state, found.done, found.size) == (CheckState.RUNNING, 500, 600)
    go_on.set()
    checks.wait(10)
    assert not checks.running
    assert checks.of("login").state is CheckState.OK
