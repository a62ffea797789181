"""What a failure Response of an account means (bundid.md §1.13).

BundID says little in its status codes and more in ``akdb:StatusDetail``, a JSON text that is
sent because every request asks for it. A cancelled login and a technical failure may differ in the
message only. Order: the detail, then the second-level code, then the message.
"""

from __future__ import annotations

import json
import re

from connectors.accounts.akdb import AKDB
from connectors.errors import (
    AttributeMissing,
    AuthenticationFailed,
    Cancelled,
    ConnectorError,
    InvalidAnswer,
    PeerRefused,
)
from connectors.saml.status import Status
from trust.errors import VerificationError
from trust.xml import SAMLP, Element, optional_child, text

_SAMLP = "{" + SAMLP + "}"
_DETAIL = "{" + AKDB + "}StatusDetail"
_REQUIRED_MISSING = "IDP_REQUIRED_ATTRIBUTES_MISSING"
_SECURITY_MESSAGE = "security-msg"
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,79}")
_OID = re.compile(r"urn:oid:[0-9.]{1,80}[0-9]")
_CANCELLED = re.compile(r"\bcancel(?:l?ed|lation)?\b|\babgebrochen\b|\babbruch\b", re.IGNORECASE)
"""The production wording is unverified; this is what mocks and users report."""
_LIMIT = 4_000


def failure(response: Element, status: Status) -> ConnectorError:
    """The error behind a verified failure Response; never carries foreign text but OIDs."""
    code, names = _detail(response)
    if code == _REQUIRED_MISSING:
        return AttributeMissing("account.required-attributes", ", ".join(names))
    message = _message(response)
    if status.second == "RequestDenied" and message == _SECURITY_MESSAGE:
        return AttributeMissing("account.required-attributes")
    if status.second == "RequestDenied":
        return Cancelled("account.status.cancelled")
    if status.second == "AuthnFailed":
        if _CANCELLED.search(message):
            return Cancelled("account.status.cancelled")
        return AuthenticationFailed("account.status.authentication-failed", code or "")
    if status.second == "NoAuthnContext":
        return AuthenticationFailed("account.status.no-authn-context", code or "")
    if status.second is None and _CANCELLED.search(message):
        return Cancelled("account.status.cancelled")
    if code is not None:
        return PeerRefused("account.status.detail", code)
    return status.failure()


def _message(response: Element) -> str:
    status = response.find(_SAMLP + "Status")
    found = None if status is None else optional_child(status, _SAMLP + "StatusMessage")
    return "" if found is None else text(found)[:_LIMIT]


def _detail(response: Element) -> tuple[str | None, tuple[str, ...]]:
    """The first error code of the detail and the attributes it names; nothing if unreadable."""
    element = response.find(f"{_SAMLP}Status/{_SAMLP}StatusDetail/{_DETAIL}")
    if element is None:
        return None, ()
    try:
        content = json.loads(text(element)[:_LIMIT])
        error = content["errors"][0]
        code, message = str(error["code"]), str(error.get("message", ""))
    except (
        VerificationError,
        InvalidAnswer,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
    ):
        return None, ()  # a detail that cannot be read says no more than the codes do
    if not _CODE.fullmatch(code):
        return None, ()
    return code, tuple(dict.fromkeys(_OID.findall(message)))
