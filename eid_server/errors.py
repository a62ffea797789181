"""What can go wrong between eID-Server, eID-Client and card, with the code of the TR for it.

::

    EIDServerError
    ├── Misconfigured            our own keys, certificates or lists; nothing a client can cause
    │   └── MissingTerminalRights
    ├── ProtocolViolation        a message, APDU or encoding outside the standard
    │   └── Malformed            octets that are not what they should be
    ├── InvalidDocument          passive or chip authentication, validity, block list
    ├── DeniedDocument           a genuine card of a type or level that was not asked for
    ├── NoCertificatePath        no link certificates lead on from the card's trust points
    ├── ClientReported           the eID-Client ended it, with its own reason
    └── SessionError             what the eService asked for cannot be had
        ├── SchemaViolation, MissingArgument, InvalidPSK     the request itself
        ├── TooManyOpenSessions
        └── NoResultYet, InvalidSession

The texts are for a log: they never hold a value read from a card.
"""

from __future__ import annotations

SERVER_MINOR = "http://www.bsi.bund.de/eid/server/2.0/resultminor"
"""Prefix of the eID-Interface's codes (TR-03130-1 §3.5)."""
ECARD_MINOR = "http://www.bsi.bund.de/ecard/api/1.1/resultminor"
"""Prefix of the eCard-API's codes (TR-03112-1 §4)."""
INTERNAL_ERROR = f"{SERVER_MINOR}/common#internalError"


class EIDServerError(Exception):
    """``minor`` is what ``getResult`` answers: a complete ResultMinor URI."""

    minor = INTERNAL_ERROR


class Misconfigured(EIDServerError):
    """The operator's material does not fit together."""


class MissingTerminalRights(Misconfigured):
    """More was asked for than the terminal certificate allows."""

    minor = f"{SERVER_MINOR}/useID#missingTerminalRights"


class ProtocolViolation(EIDServerError):
    """The other side does not keep to the protocol."""


class Malformed(ProtocolViolation):
    """Octets that cannot be decoded, or not in exactly one way."""


class InvalidDocument(EIDServerError):
    """The chip is not genuine, no longer valid, or blocked."""

    minor = f"{SERVER_MINOR}/getResult#invalidDocument"


class DeniedDocument(EIDServerError):
    """The chip is genuine, but its type or level is refused."""

    minor = f"{SERVER_MINOR}/getResult#deniedDocument"


class NoCertificatePath(EIDServerError):
    """The card named its trust points, and none of our certificates continues them."""

    minor = f"{ECARD_MINOR}/il/signature#invalidCertificatePath"


class SessionError(EIDServerError):
    """An answer of useID or getResult other than success, before or after the card."""


class SchemaViolation(SessionError):
    minor = f"{SERVER_MINOR}/common#schemaViolation"


class MissingArgument(SessionError):
    """Age or place is to be verified, and against what is not said."""

    minor = f"{SERVER_MINOR}/useID#missingArgument"


class InvalidPSK(SessionError):
    """The PSK proposed by the eService cannot be used."""

    minor = f"{SERVER_MINOR}/useID#invalidPSK"


class TooManyOpenSessions(SessionError):
    minor = f"{SERVER_MINOR}/useID#tooManyOpenSessions"


class NoResultYet(SessionError):
    """The only answer of getResult after which the session lives on (TR-03130-1 §3.2.2)."""

    minor = f"{SERVER_MINOR}/getResult#noResultYet"


class InvalidSession(SessionError):
    """Unknown, expired, or answered already."""

    minor = f"{SERVER_MINOR}/getResult#invalidSession"


class ClientReported(EIDServerError):
    """``dss:Result`` of the eID-Client was an error.

    Whatever the client writes into ResultMinor is kept only if it is one of the TR's own codes, so
    that nothing foreign travels on in it.
    """

    def __init__(self, minor: str) -> None:
        known = minor.startswith((f"{ECARD_MINOR}/", f"{SERVER_MINOR}/")) and len(minor) <= 160
        self.minor = minor if known and minor.isascii() and minor.isprintable() else INTERNAL_ERROR
        super().__init__(f"the eID-Client reported {self.minor}")
