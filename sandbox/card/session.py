"""What a card knows within one session with a reader and a terminal."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.card.certificates import Certificate
from sandbox.card.messaging import Channel
from sandbox.card.pace import Pace
from sandbox.card.rights import ALL, Chat


@dataclass(slots=True)
class Session:
    """What is forgotten when the card leaves the field."""

    channel: Channel | None = None
    next_channel: Channel | None = None
    application: bool = False
    password: int = 0
    pace: Pace | None = None
    pace_chat: Chat | None = None
    identifier: bytes = b""
    """x coordinate of the card's ephemeral PACE key: ID_PICC."""
    issuer: Certificate | None = None
    challenge: bytes = b""
    chain_rights: int = ALL
    terminal: Certificate | None = None
    terminal_key: bytes = b""
    auxiliary: dict[bytes, bytes] = field(default_factory=dict)
    auxiliary_octets: bytes = b""
    certificates: list[Certificate] = field(default_factory=list)
    rights: Chat | None = None
    """Effective rights; set when the terminal has authenticated itself."""
    chip_authenticated: bool = False
    chosen: str = ""
    chosen_key: int = 0
