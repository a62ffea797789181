"""The time of this country, in which pages tell moments."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")
LAST_YEAR = 9999
"""What ends at its end does not end: 99991231235959Z of certificates (RFC 5280 §4.1.2.5)."""


def zone_at(moment: datetime) -> tzinfo:
    """In which ``moment`` is told: the last hours that a calendar has are there in UTC only."""
    return UTC if moment.year >= LAST_YEAR else ZONE
