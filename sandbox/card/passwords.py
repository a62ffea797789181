"""PIN and CAN of one card, and how often the PIN may still be tried (TR-03110-2 §3.5.1)."""

from __future__ import annotations

from sandbox.card import status
from sandbox.card.document import Document
from sandbox.card.pace import Pace
from sandbox.card.status import Refused

PIN, CAN = 3, 2
"""References of the passwords (TR-03110-3 B.1.1)."""
ATTEMPTS = 3


class Passwords:
    """At one attempt left the PIN is suspended until the CAN is given; at none it is blocked."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.attempts = {"pin-suspended": 1, "pin-blocked": 0}.get(document.state, ATTEMPTS)
        self._can_given = False

    def leave_field(self) -> None:
        """The CAN counts for one session only."""
        self._can_given = False

    def start(self, reference: int) -> Pace:
        """A run of PACE with this password; raises Refused when it cannot be used."""
        if reference == CAN:
            return Pace(self._document.can)
        if reference != PIN:
            raise Refused(status.NO_REFERENCE, "only PIN and CAN")
        if self._document.state == "deactivated":
            raise Refused(status.DEACTIVATED, "the eID function is switched off")
        if self.attempts == 0 or (self.attempts == 1 and not self._can_given):
            raise Refused(status.ATTEMPTS | self.attempts, "the PIN is blocked or suspended")
        return Pace(self._document.pin)

    def right(self, reference: int) -> None:
        """It was the right one."""
        if reference == PIN:
            self.attempts = ATTEMPTS
        self._can_given = reference == CAN

    def wrong(self, reference: int, reason: str) -> Refused:
        """It was not: what to answer."""
        if reference != PIN:
            return Refused(status.FAILED, reason)
        self.attempts -= 1
        return Refused(status.ATTEMPTS | self.attempts, reason)
