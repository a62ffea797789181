"""What ends, as a calendar that programs subscribe to (RFC 5545, RFC 7986): one entry a day, no session, no secret.

What refreshes itself is left out; what we do on a date ourselves (the calendar of own keys) is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import urlsplit

from icalendar import Alarm, Calendar, Event

from gateway.expiry import Expiry, ExpiryKind
from gateway.web.local_time import LAST_YEAR, ZONE

CONTENT_TYPE = "text/calendar; charset=utf-8"
_REMIND = (timedelta(days=-30), timedelta(days=-7))
_REFRESH = timedelta(hours=6)


def wanted(ends: Iterable[Expiry]) -> tuple[Expiry, ...]:
    """What belongs into a calendar."""
    return tuple(
        one for one in ends if (one.pressing or one.kind is ExpiryKind.OWN_KEY) and one.when.year < LAST_YEAR
    )


def feed(
    ends: Iterable[Expiry],
    *,
    name: str,
    url: str,
    now: datetime,
    title: Callable[[Expiry], str],
    note: Callable[[Expiry], str],
) -> bytes:
    """The calendar called ``name`` of the console at ``url``; ``title`` and ``note`` are the words of an entry."""
    calendar = Calendar()
    calendar.add("prodid", "-//eid-gateway//expiry//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("name", name)
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", _REFRESH, parameters={"VALUE": "DURATION"})
    host = urlsplit(url).hostname or "localhost"
    for one in wanted(ends):
        calendar.add_component(_entry(one, host, url, now, title(one), note(one)))
    octets: bytes = calendar.to_ical()
    return octets


def _entry(one: Expiry, host: str, url: str, now: datetime, title: str, note: str) -> Event:
    day = one.when.astimezone(ZONE).date()
    entry = Event()
    # the same thing keeps its entry; when it is renewed, the entry moves
    entry.add("uid", f"{sha256(one.key.encode()).hexdigest()[:32]}@{host}")
    entry.add("dtstamp", now)
    entry.add("dtstart", day)
    entry.add("dtend", day + timedelta(days=1))
    entry.add("summary", title)
    entry.add("description", note)
    entry.add("url", f"{url}{one.link}")
    entry.add("categories", [one.kind.value])
    entry.add("transp", "TRANSPARENT")
    for before in _REMIND:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", title)
        alarm.add("trigger", before)
        entry.add_component(alarm)
    return entry
