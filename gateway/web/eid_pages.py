"""The pages around an eID-Client, in the order of the AusweisApp's guide for web services (ux.md §3).

| dataclass | template | answer to |
|---|---|---|
| ``EIDIntroPage`` | ``eid_intro.html`` | GET ``/login/{journey}/client``: what will happen |
| ``EIDStartPage`` | ``eid_start.html`` | GET ``…/client/start``: what one needs; the ways, as equals |
| ``EIDRunPage`` | ``eid_run.html`` | GET ``…/client/computer``, ``…/client/phone``, ``/login/{journey}/phone``: while it runs |
| ``EIDQRPage`` | ``eid_qr.html`` | GET, POST ``…/client/qr``: the way to the phone, and back by a code |
| ``PhoneWarningPage`` | ``phone_warning.html`` | GET ``/login/{journey}/phone/{link}``: what a scanned QR code opens |
| ``PhoneCodePage`` | ``phone_code.html`` | GET ``/login/{journey}/phone``: the code |
| ``PhoneFailedPage`` | ``phone_failed.html`` | the same, when there is none |

The result is the release page or the error page, as for every other means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.web.frame import Frame

CLIENT_ORIGIN = "http://127.0.0.1:24727"
"""Where an eID-Client listens on the same computer (TR-03124-1 §2.2.1.1)."""


class Way(StrEnum):
    """On which device the eID-Client is started."""

    COMPUTER = "computer"
    PHONE = "phone"
    QR = "qr"
    """On a phone, the login going on where it began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WayChoice:
    way: Way
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EIDIntroPage:
    frame: Frame
    means: Mapping[str, str]
    """What the means is called, by language."""
    continue_href: str
    change_href: str
    cancel_action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EIDStartPage:
    frame: Frame
    ways: tuple[WayChoice, ...]
    """Best guess first; all that the installation offers."""
    change_href: str
    cancel_action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EIDRunPage:
    frame: Frame
    way: Way
    """``computer`` or ``phone``."""
    href: str | None
    """Starts the eID-Client; None: a client has taken the ticket already."""
    second_device: bool = False
    """On the phone that scanned a QR code."""
    others: tuple[WayChoice, ...] = ()
    restart_action: str | None = None
    """POST with ``restart_fields``: the same means once more, from the beginning."""
    restart_fields: tuple[tuple[str, str], ...] = ()
    change_href: str | None = None
    cancel_action: str | None = None


class CodeProblem(StrEnum):
    """Why a code that was typed did not count."""

    WRONG = "wrong"
    NONE = "none"
    """None is awaited: not yet, not any more, or too many tries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EIDQRPage:
    frame: Frame
    action: str
    """POST with ``code``, or with ``new`` for another QR code."""
    url: str | None
    """What the QR code says; None: a phone has opened it already."""
    until: datetime | None = None
    """Until when it can be opened."""
    problem: CodeProblem | None = None
    tries: int = 0
    """How many are left after a wrong one."""
    others: tuple[WayChoice, ...] = ()
    change_href: str
    cancel_action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneWarningPage:
    frame: Frame
    action: str
    """POST without fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneCodePage:
    frame: Frame
    code: str
    """As shown: two groups of four."""
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneFailedPage:
    frame: Frame
    code: str
    """Catalogue code, as in ``ErrorPage``."""
    number: str
    parameters: Mapping[str, str] = field(default_factory=dict)


EIDPage = (
    EIDIntroPage | EIDStartPage | EIDRunPage | EIDQRPage | PhoneWarningPage | PhoneCodePage | PhoneFailedPage
)
