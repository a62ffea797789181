"""What JOSE processing can refuse.

::

    JOSEError
    ├── InvalidToken     the token must not be believed
    │   └── NoSuchKey    it names a key that the set does not hold: the set may be outdated
    └── InvalidKeySet    a published key set is unusable

``reason`` is a stable dotted word for log and audit. No exception carries a token or a claim value.
"""

from __future__ import annotations


class JOSEError(Exception):
    """Base of all."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidToken(JOSEError):
    """Malformed, outside the policy, or with a signature that does not verify."""


class NoSuchKey(InvalidToken):
    """The ``kid`` is not in the set; the caller may fetch the set once more."""


class InvalidKeySet(JOSEError):
    """Not a JWK Set, or one that publishes a private key."""
