"""Status words of the card (ISO 7816-4 §5.6), and the exception that carries one."""

from __future__ import annotations

from typing import Final

OK: Final = 0x9000
FAILED: Final = 0x6300
"""Not fulfilled, or not authenticated."""
ATTEMPTS: Final = 0x63C0
"""With the number of attempts that are left."""
DEACTIVATED: Final = 0x6283
WRONG_LENGTH: Final = 0x6700
NOT_ALLOWED: Final = 0x6982
NOT_BELIEVED: Final = 0x6300
WRONG_ORDER: Final = 0x6985
BROKEN_CHANNEL: Final = 0x6988
WRONG_DATA: Final = 0x6A80
NO_FILE: Final = 0x6A82
NO_REFERENCE: Final = 0x6A88
WRONG_P1P2: Final = 0x6A86
WRONG_OFFSET: Final = 0x6B00
UNKNOWN_COMMAND: Final = 0x6D00


class Refused(Exception):
    """The card says no: with a status word to the reader, with a reason to whoever looks into it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status:04x}: {reason}")
        self.status = status
        self.reason = reason
