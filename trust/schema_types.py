"""The few XML Schema types that signed documents use: dateTime, duration, boolean.

Strict on purpose: what the pattern does not know is refused, never guessed.

>>> instant("2026-11-23T04:21:56.5Z").isoformat()
'2026-11-23T04:21:56.500000+00:00'
>>> duration("P1DT2H").total_seconds()
93600.0
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from trust.errors import VerificationError

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_DURATION = re.compile(
    r"P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,5})D)?"
    r"(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,9})(?:\.\d{1,9})?S)?)?",
    re.ASCII,
)
_YEAR, _MONTH = timedelta(days=365), timedelta(days=30)


def instant(value: str) -> datetime:
    """An ``xs:dateTime`` as an aware UTC datetime; without a zone it is UTC (saml-core §1.3.3).

    Raises VerificationError ``xml.datetime``.
    """
    if _INSTANT.fullmatch(value) is None:
        raise VerificationError("xml.datetime")
    try:
        parsed = datetime.fromisoformat(value)
        return (parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise VerificationError("xml.datetime") from error


def duration(value: str) -> timedelta:
    """A positive ``xs:duration``; a year counts 365 days and a month 30.

    Raises VerificationError ``xml.duration``.
    """
    match = _DURATION.fullmatch(value)
    if match is None or not any(match.groups()):
        raise VerificationError("xml.duration")
    years, months, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return (
        years * _YEAR + months * _MONTH + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    )


def boolean(value: str | None) -> bool | None:
    """An ``xs:boolean``; None for an absent attribute.

    Raises VerificationError ``xml.boolean``.
    """
    if value is None:
        return None
    try:
        return {"true": True, "1": True, "false": False, "0": False}[value.strip()]
    except KeyError:
        raise VerificationError("xml.boolean") from None
