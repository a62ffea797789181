"""What ends, how soon, and where it is shown.

>>> from datetime import UTC, datetime
>>> now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
>>> band_at(datetime(2026, 11, 23, 11, 59, tzinfo=UTC), now), band_at(datetime(2026, 12, 23, 12, 0, tzinfo=UTC), now)
(<Band.EXPIRED: 'expired'>, <Band.DAYS_30: '30'>)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Protocol
from urllib.parse import quote

from connectors.contract import Connector
from gateway.bundle import Configuration

FORGOTTEN = timedelta(days=30)
"""How long what has ended on purpose (an exception, an algorithm) is still shown."""


class Band(StrEnum):
    """How much time is left; the values are days."""

    EXPIRED = "expired"
    DAYS_1 = "1"
    DAYS_7 = "7"
    DAYS_14 = "14"
    DAYS_30 = "30"
    DAYS_90 = "90"
    LATER = "later"


_BANDS = tuple((timedelta(days=int(band)), band) for band in Band if band.isdigit())


class ExpiryKind(StrEnum):
    ANCHOR = "anchor"
    """The day until which two people believe it."""
    ANCHOR_CERTIFICATE = "anchor-certificate"
    METADATA = "metadata"
    """``validUntil`` of the copy held, of a list its ``NextUpdate``."""
    SOURCE = "source"
    """The day until which a source of metadata is believed, and its signers' certificates."""
    PEER_CERTIFICATE = "peer-certificate"
    OWN_CERTIFICATE = "own-certificate"
    OWN_KEY = "own-key"
    """A step on the calendar of an own key; happens by itself."""
    CLIENT_CERTIFICATE = "client-certificate"
    LISTENER_CERTIFICATE = "listener-certificate"
    """TLS of our own listeners, and the authorities whose clients they take."""
    EXCEPTION = "exception"
    """A peer's dated deviation."""
    ALGORITHM = "algorithm"
    """The end of an entry of ``trust.algorithms``."""
    PROPOSAL = "proposal"
    """Until when a change can be signed or put into force."""
    REVIEW = "review"
    """Of a suspension, by two people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """One thing that ends."""

    key: str
    """The same as long as it is the same thing; for metrics and for warning once."""
    kind: ExpiryKind
    subject: str
    """What it is, as people call it: an identifier, an entityID, a purpose."""
    when: datetime
    band: Band
    link: str
    """Path of its page in the console."""
    country: str | None = None
    detail: str = ""
    """Words and digits, no sentence: use, key id, fingerprint."""
    pressing: bool = True
    """Whether something stops then if nobody acts. Not so where it is fetched anew by itself, or another key of
    the same peer and use lasts longer: shown, but nothing to warn of."""


class InForce(Protocol):
    """What of ``gateway.live.Generation`` is looked at."""

    @property
    def configuration(self) -> Configuration: ...

    @property
    def connectors(self) -> Mapping[str, Connector]: ...


@dataclass(frozen=True, slots=True)
class Found:
    """Before it is put in order."""

    kind: ExpiryKind
    key: str
    subject: str
    when: datetime
    link: str
    country: str | None = None
    detail: str = ""
    pressing: bool = True


def band_at(when: datetime, now: datetime) -> Band:
    """The narrowest band that ``when`` lies in."""
    if when <= now:
        return Band.EXPIRED
    return next((band for days, band in _BANDS if when - now <= days), Band.LATER)


def end_of(day: date) -> datetime:
    """The last moment of a day on which something still counts (UTC, as ``trust.anchors``)."""
    return datetime.combine(day, time.max, UTC)


def path(*parts: str) -> str:
    """A path of the console; entityIDs and the like are quoted."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def page_of(configuration: Configuration, anchor: str) -> str:
    """Where an anchor is shown; one that follows from a source, on the source's page."""
    source = anchor.removeprefix("source/").partition(".")[0]
    if anchor not in configuration.anchors and source in configuration.sources:
        return path("sources", source)
    return path("anchors", anchor)
