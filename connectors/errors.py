"""What can end an exchange with a source of identity, seen from the gateway.

::

    ConnectorError
    ├── RequestNotPossible    the request cannot be sent: nothing left the house
    ├── PeerUnavailable       the peer, or our trust in it, is down at the moment
    ├── Cancelled             the citizen gave up at the source
    ├── AuthenticationFailed  the source could not authenticate the citizen
    ├── PeerRefused           the source refuses the request: a matter between operators
    ├── LevelTooLow           genuine answer, level below the request
    ├── LevelNotReached       the source reports that it cannot reach the level
    ├── AttributeMissing      genuine answer, a mandatory attribute is not in it
    ├── RepresentationRefused genuine answer, somebody acts for somebody, the service forbids it
    ├── OwnKeyUnavailable     a key of ours cannot be used now: nobody else's fault
    └── InvalidAnswer         the answer must not be believed; ``reason`` goes to the log only

No exception here ever carries personal data: neither in its arguments nor in its text.
"""

from __future__ import annotations

from connectors.assurance import LevelOfAssurance


class ConnectorError(Exception):
    """Base of all; ``reason`` is a stable dotted word for audit and log, never shown to a browser."""

    reason: str

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class RequestNotPossible(ConnectorError):
    """The peer cannot serve this request (country unknown, level or person kind not offered)."""


class PeerUnavailable(ConnectorError):
    """No valid metadata, suspended anchor, or the peer reports that it is out of order."""


class Cancelled(ConnectorError):
    """The citizen cancelled (SAML ``Requester/RequestDenied``)."""


class AuthenticationFailed(ConnectorError):
    """The source reports that authentication failed (SAML ``Responder/AuthnFailed``)."""


class PeerRefused(ConnectorError):
    """The source rejects our request for a technical reason, a matter of configuration."""


class LevelTooLow(ConnectorError):
    """The verified answer is below what was asked."""

    def __init__(self, reason: str, *, achieved: LevelOfAssurance, required: LevelOfAssurance) -> None:
        super().__init__(reason, f"{achieved.word} below {required.word}")
        self.achieved = achieved
        self.required = required


class LevelNotReached(ConnectorError):
    """The source says itself that the citizen's means does not reach the level (``NoAuthnContext``)."""


class AttributeMissing(ConnectorError):
    """A mandatory attribute is missing; ``detail`` names the attribute, never a value."""


class RepresentationRefused(ConnectorError):
    """The answer names a representative although the service does not accept representation."""


class OwnKeyUnavailable(ConnectorError):
    """The module that holds our key does not sign or decrypt now; says nothing about the peer."""


class InvalidAnswer(ConnectorError):
    """Anything about the answer that must not be believed. One face to the browser for all."""
