"""Why trust was not given.

::

    TrustError
    ├── VerificationError     a signature, certificate or structure that must not be believed
    ├── DecryptionError       one uniform failure for everything about decryption
    ├── MetadataError         a metadata document that must not be used
    ├── OutgoingError         a request of ours that brought no usable answer
    └── KeyUnavailable        our own key cannot be used now

LogUnavailable and LogBroken stand alone: they are about our own log, not about somebody's trust.

``reason`` is a stable dotted word (``signature.algorithm``); texts never hold message content.
"""

from __future__ import annotations


class TrustError(Exception):
    """Base of all; ``reason`` goes to audit and log."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class VerificationError(TrustError):
    """Not verified; nothing of the message may be used."""


class DecryptionError(TrustError):
    """Not decrypted; deliberately without detail for the outside (security.md A.11)."""


class MetadataError(TrustError):
    """The document is refused; the copy held before stays in use until its own validUntil."""


class OutgoingError(TrustError):
    """The peer cannot be reached, is not who it should be, or answers otherwise than with one body."""


class KeyUnavailable(TrustError):
    """An own key is missing, locked or unfit for the purpose."""


class LogUnavailable(Exception):
    """The entry is not durable, so what it describes must not happen."""


class LogBroken(Exception):
    """The log does not fit; ``seq`` is the first entry that cannot be believed.

    ``last``: if it cannot be told apart, one of the entries from ``seq`` to ``last``.
    """

    def __init__(
        self, seq: int, problem: str = "does not follow from the one before", *, last: int | None = None
    ) -> None:
        which = f"entry {seq}" if last in (None, seq) else f"one of the entries {seq} to {last}"
        super().__init__(f"{which} {problem}")
        self.seq = seq
        self.last = last
        self.problem = problem
