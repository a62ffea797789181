"""CPU time of another process and all its threads, from Linux' accounting in nanoseconds."""

from __future__ import annotations

from pathlib import Path


def cpu_milliseconds(pid: int, *, children: bool = False) -> float:
    """CPU milliseconds of ``pid`` (and its ``children``) so far: ``/proc/<pid>/task/*/schedstat``."""
    spent = 0
    for member in (pid, *(descendants(pid) if children else ())):
        for thread in Path(f"/proc/{member}/task").glob("*/schedstat"):
            try:
                spent += int(thread.read_text().split()[0])
            except (OSError, IndexError):
                continue  # the thread ended meanwhile
    return spent / 1e6


def descendants(pid: int) -> list[int]:
    """Children of ``pid``, their children, and so on."""
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            direct = [int(word) for word in children.read_text().split()]
        except OSError:
            continue
        for child in direct:
            found += [child, *descendants(child)]
    return found


def command(pid: int) -> str:
    """The command line of ``pid``, words joined by spaces; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
