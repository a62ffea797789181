"""What the citizen is shown and decides, before anything leaves the card (TR-03124-1 §3.3)."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.card.description import Description
from sandbox.card.rights import Chat


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The eID-Client's own screen: who asks, and for what."""

    description: Description
    required: tuple[str, ...]
    optional: tuple[str, ...]
    transaction_info: str | None
    age_at_latest: str | None
    """Latest date of birth for the age check, ``yyyymmdd``."""
    community: str | None
    """Digits that the community identifier must begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Citizen:
    """How the citizen behaves."""

    pins: tuple[str, ...] = ()
    """Typed one after the other; empty: the right one. After the last the citizen gives up."""
    can: str = ""
    """Typed when the card wants it; empty: the right one."""
    untick: frozenset[str] = frozenset()
    """Optional rights not given, by name; ``*`` for all of them."""
    cancels: bool = False
    knows_can: bool = True

    def allow(self, required: Chat, optional: Chat) -> Chat:
        """The rights that remain: required ones cannot be unticked."""
        bits = 0
        for bit in range(38):
            single = Chat(optional.role, optional.bits & 1 << bit)
            if single.bits and not self.untick & {"*", *single.names}:
                bits |= single.bits
        return Chat(required.role, required.bits | bits)
