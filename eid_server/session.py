"""What identifies a session towards eService and eID-Client (TR-03130-1 §3.2.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from eid_server.errors import InvalidPSK

IDENTIFIER_OCTETS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class PreSharedKey:
    """Identity and key of TLS-2, both hexadecimal with at least 32 digits (TR-03130-1 §3.2.1)."""

    id: str
    key: str = field(repr=False)

    def check(self) -> None:
        """Raises InvalidPSK."""
        for value in (self.id, self.key):
            try:
                is_long_enough = len(bytes.fromhex(value)) >= IDENTIFIER_OCTETS and value.isalnum()
            except ValueError:
                is_long_enough = False
            if not is_long_enough:
                raise InvalidPSK("identity or key of a PSK is too short or not hexadecimal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What useID answers (TR-03130-1 §3.2.1)."""

    id: str
    """SessionIdentifier of the TC token: 32 hexadecimal digits, or the identity of the PSK."""
    psk: str | None = field(default=None, repr=False)
    """Hexadecimal; None: attached, the client comes in the TLS session of its TC token."""
    expires: datetime

    @property
    def channel(self) -> str | None:
        """Identity with which the channel of its messages was opened; None: without a PSK."""
        return None if self.psk is None else self.id
