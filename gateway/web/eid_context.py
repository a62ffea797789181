"""What the templates around an eID-Client need besides the page itself."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from gateway.web import choices
from gateway.web.eid_links import qr_image
from gateway.web.eid_pages import (
    CLIENT_ORIGIN,
    CodeProblem,
    EIDIntroPage,
    EIDQRPage,
    EIDRunPage,
    EIDStartPage,
    PhoneCodePage,
    PhoneFailedPage,
    PhoneWarningPage,
    Way,
)
from gateway.web.local_text import localise
from gateway.web.pages import Page
from gateway.web.translations import Translations

DOWNLOAD = "https://www.ausweisapp.bund.de/download"
PORTAL = "https://www.personalausweisportal.de/"
STATUS = f"{CLIENT_ORIGIN}/eID-Client?Status=json"

TEMPLATE_NAMES: Mapping[type, str] = {
    EIDIntroPage: "eid_intro.html",
    EIDStartPage: "eid_start.html",
    EIDRunPage: "eid_run.html",
    EIDQRPage: "eid_qr.html",
    PhoneWarningPage: "phone_warning.html",
    PhoneCodePage: "phone_code.html",
    PhoneFailedPage: "phone_failed.html",
}


def context(page: Page, words: Translations, service_name: object, zone: ZoneInfo) -> dict[str, object]:
    """The values of one page."""
    found: dict[str, object] = {"download": DOWNLOAD, "portal": PORTAL}
    match page:
        case EIDIntroPage():
            known = localise(page.means, words.language) if page.means else words.text("eid.name")
            found["means"] = known
        case EIDRunPage():
            found["status"] = STATUS if connect(page) else None
            found["heading"] = words.text(f"eid.way.{page.way.value}.heading")
        case EIDQRPage():
            found["image"] = qr_image(page.url) if page.url else None
            found["until"] = choices.clock(page.until, zone) if page.until else ""
            found["problem"] = _problem(page, words)
        case PhoneCodePage():
            found["until"] = choices.clock(page.until, zone)
            found["confirm"] = words.text("phone.code_warning", service=service_name)
        case _:
            pass
    return found


def _problem(page: EIDQRPage, words: Translations) -> str | None:
    if page.problem is CodeProblem.WRONG:
        return words.count("eid.code_wrong", page.tries)
    return words.text("eid.code_none") if page.problem is CodeProblem.NONE else None


def connect(page: Page) -> str | None:
    """Origin that the page's script may ask whether an eID-Client runs: on the same computer only."""
    asks = isinstance(page, EIDRunPage) and page.way is Way.COMPUTER and page.href is not None
    return CLIENT_ORIGIN if asks else None


def has_form(page: Page) -> bool:
    """Whether the page sends a form to us."""
    if isinstance(page, EIDRunPage):
        return page.cancel_action is not None or page.restart_action is not None
    return isinstance(page, EIDIntroPage | EIDStartPage | EIDQRPage | PhoneWarningPage)
