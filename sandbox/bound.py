"""``python -m sandbox.bound PID COMMAND…``: become COMMAND, but end when the launcher PID ends.

Linux sends the signal set here when the parent is gone, however it went; the setting survives
``execv``. Elsewhere the command simply runs. (A ``preexec_fn`` would do the same, but is not safe
in a process with threads.)
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(launcher: int, command: list[str]) -> None:
    """Replace this process by ``command``."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != launcher:  # it went before the line above
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606  (to become another program is the purpose)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
