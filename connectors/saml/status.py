"""SAML status codes (saml-core §3.2.2.2) and what they mean to the gateway (eidas.md §4)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.errors import (
    AuthenticationFailed,
    Cancelled,
    ConnectorError,
    InvalidAnswer,
    LevelNotReached,
    PeerRefused,
)
from trust.xml import SAMLP, Element, only_child, optional_child

_SAMLP = "{" + SAMLP + "}"
_PREFIX = "urn:oasis:names:tc:SAML:2.0:status:"
_TOP_LEVEL = frozenset({"Success", "Requester", "Responder", "VersionMismatch"})
_KNOWN = {
    ("Requester", "RequestDenied"): Cancelled,
    ("Responder", "RequestDenied"): Cancelled,
    ("Responder", "AuthnFailed"): AuthenticationFailed,
    ("Requester", "AuthnFailed"): AuthenticationFailed,
    ("Responder", "NoAuthnContext"): LevelNotReached,
    ("Requester", "NoAuthnContext"): LevelNotReached,
}
_NODE_CODE = re.compile(r"\s*([0-9]{6})\b")
_NODE_CODES: dict[str, type[ConnectorError]] = {
    "000009": LevelNotReached,
    "003002": AuthenticationFailed,
    "202012": Cancelled,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A status, reduced to what may be logged: registered words and the node's six digits."""

    top: str
    second: str | None
    node_code: str | None

    @property
    def success(self) -> bool:
        return self.top == "Success"

    def failure(self) -> ConnectorError:
        """The error a failure response means; unknown second levels count as their top level."""
        reason = "saml.status." + ".".join(part for part in (self.top, self.second) if part)
        kind = _KNOWN.get((self.top, self.second or "")) or _NODE_CODES.get(self.node_code or "")
        return (kind or PeerRefused)(reason, f"node code {self.node_code}" if self.node_code else "")


def default_failure(response: Element, status: Status) -> ConnectorError:
    """``Status.failure``, in the form that an Expectation takes."""
    del response
    return status.failure()


def read(response: Element) -> Status:
    """The status of a verified Response; raises InvalidAnswer ``saml.status``."""
    status = only_child(response, _SAMLP + "Status")
    code = only_child(status, _SAMLP + "StatusCode")
    top = (code.get("Value") or "").strip()
    word = top.removeprefix(_PREFIX)
    if not top.startswith(_PREFIX) or word not in _TOP_LEVEL:
        raise InvalidAnswer("saml.status", "unknown top-level code")
    second = optional_child(code, _SAMLP + "StatusCode")
    message = optional_child(status, _SAMLP + "StatusMessage")
    found = None if message is None else _NODE_CODE.match("".join(map(str, message.itertext())))
    return Status(
        top=word,
        second=None if second is None else _second(second.get("Value") or ""),
        node_code=found.group(1) if found else None,
    )


def _second(value: str) -> str | None:
    """Foreign text never reaches a log: only registered-looking words survive."""
    word = value.strip().removeprefix(_PREFIX)
    return word if re.fullmatch(r"[A-Za-z]{1,40}", word) else "other"
