"""What is around every page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceView:
    """The service as its registration names it; texts by BCP 47 tag, ``de`` always there."""

    name: Mapping[str, str]
    operator: Mapping[str, str]
    purpose: Mapping[str, str]
    home_url: str
    privacy_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What is around every page."""

    languages: tuple[str, ...]
    """BCP 47 tags, best first: the citizen's click, ``ui_locales``, ``Accept-Language``."""
    path: str | None = None
    """The page's own path and query, for ``lang=`` links; None where the page answers a POST."""
    journey: str | None = None
    """Public number as shown, ``XXXXX-XXXXX``."""
    service: ServiceView | None = None
    step: int | None = None
    """1 choose, 2 identify, 3 release."""
    now: datetime
    deadline: datetime | None = None
    extend_href: str | None = None
    """Where the deadline begins anew; None where it is the last word."""
