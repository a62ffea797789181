"""Free ports for programs that a test starts, also while another worker of the same run does so."""

from __future__ import annotations

import secrets
import socket

SANDBOX = (0, 1, 2, 10, 20, 30, 31, 32)
"""What one sandbox takes above its base."""


def free_base(*offsets: int) -> int:
    """A port such that those at ``offsets`` above it (default: a sandbox's) are free.

    Chosen at random, so that two test processes do not try the same one after the other.
    """
    while True:
        base = 20_000 + secrets.randbelow(12_000)
        try:
            for offset in offsets or SANDBOX:
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", base + offset))
        except OSError:
            continue
        return base
