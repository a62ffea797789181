"""Everything that ends by itself: anchors, metadata, certificates of peers, clients and ours, exceptions, deadlines.

One list for whoever shows it (time line, dashboard, calendar) and whoever warns of it (mail, metrics). Nothing
is fetched; files are read, so call it in a thread.

>>> from datetime import UTC, datetime
>>> now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
>>> band_at(datetime(2026, 11, 23, 11, 59, tzinfo=UTC), now), band_at(datetime(2026, 12, 23, 12, 0, tzinfo=UTC), now)
(<Band.EXPIRED: 'expired'>, <Band.DAYS_30: '30'>)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Protocol
from urllib.parse import quote

from connectors.accounts import AccountSettings
from connectors.contract import Connector
from connectors.eidas.settings import EIDASSettings
from connectors.peer_facts import KeyUse, PeerFacts, TellsPeers
from gateway import expiry_files
from gateway.bundle import Configuration
from gateway.settings import KeyState
from trust import algorithms
from trust.anchors import AnchorState
from trust.metadata_source import SourceState
from trust.registry import Fold, Status, status

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
    """``validUntil`` of the copy held."""
    PEER_CERTIFICATE = "peer-certificate"
    OWN_CERTIFICATE = "own-certificate"
    OWN_KEY = "own-key"
    """The next step of an own key's calendar."""
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
class _Found:
    kind: ExpiryKind
    key: str
    subject: str
    when: datetime
    link: str
    country: str | None = None
    detail: str = ""
    pressing: bool = True


def expiries(generation: InForce, fold: Fold | None, now: datetime) -> tuple[Expiry, ...]:
    """Everything that ends, soonest first; each thing once."""
    configuration = generation.configuration
    found = (
        *_anchors(configuration),
        *_peers(generation.connectors, now),
        *_own(configuration),
        *_clients(configuration),
        *_listeners(configuration),
        *_exceptions(configuration, now),
        *_algorithms(now),
        *(() if fold is None else _decisions(fold, now)),
    )
    once = {f"{one.kind}/{one.key}": one for one in found}
    listed = [
        Expiry(
            key=key,
            kind=one.kind,
            subject=one.subject,
            when=one.when,
            band=band_at(one.when, now),
            link=one.link,
            country=one.country,
            detail=one.detail,
            pressing=one.pressing,
        )
        for key, one in once.items()
    ]
    return tuple(sorted(listed, key=lambda one: (one.when, one.key)))


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


def _anchors(configuration: Configuration) -> Iterator[_Found]:
    for anchor in configuration.anchors.values():
        if anchor.state not in {AnchorState.ACTIVE, AnchorState.APPROVED}:
            continue
        link, country = (
            path("anchors", anchor.id),
            anchor.countries[0] if len(anchor.countries) == 1 else None,
        )
        yield _Found(
            ExpiryKind.ANCHOR, anchor.id, anchor.id, end_of(anchor.valid_until), link, country, anchor.kind
        )
        for certificate in expiry_files.certificates(configuration, anchor.certificate):
            yield _Found(
                ExpiryKind.ANCHOR_CERTIFICATE,
                f"{anchor.id}/{certificate.short}",
                anchor.id,
                certificate.until,
                link,
                country,
                certificate.short,
            )


def _peers(connectors: Mapping[str, Connector], now: datetime) -> Iterator[_Found]:
    for name, connector in connectors.items():
        if not isinstance(connector, TellsPeers):
            continue
        for source in connector.sources(now=now):
            if source.valid_until is not None:
                yield _Found(
                    ExpiryKind.METADATA,
                    source.anchor,
                    source.anchor,
                    source.valid_until,
                    path("anchors", source.anchor),
                    detail=source.state,
                    pressing=source.state is not SourceState.OK,
                )
        for facts in connector.peer_facts():
            yield from _peer(name, facts)


def _peer(connector: str, facts: PeerFacts) -> Iterator[_Found]:
    link = path("connectors", connector) if facts.anchor is None else path("anchors", facts.anchor)
    for use in KeyUse:
        keys = [key for key in facts.keys if key.use is use]
        ends = [key.until for key in keys]
        for key in keys:
            if key.until is None:
                continue
            short = key.key.fingerprint[:16]
            yield _Found(
                ExpiryKind.PEER_CERTIFICATE,
                f"{facts.anchor or connector}/{facts.peer}/{facts.role}/{use}/{short}/{key.until:%Y%m%d}",
                facts.peer,
                key.until,
                link,
                facts.country,
                f"{use} {short}",
                pressing=not any(end is None or end > key.until for end in ends),
            )


def _own(configuration: Configuration) -> Iterator[_Found]:
    for purpose, keys in configuration.keys.items():
        for loaded in keys:
            certificate = loaded.key.certificate
            if certificate is None or loaded.state is KeyState.RETIRED:
                continue
            for one in (certificate, *loaded.key.chain):
                seen = expiry_files.Seen.of(one)
                yield _Found(
                    ExpiryKind.OWN_CERTIFICATE,
                    f"{purpose}/{loaded.id}/{seen.short}",
                    loaded.id,
                    seen.until,
                    path("keys"),
                    detail=f"{purpose} {seen.short}" if one is certificate else f"{purpose} {seen.subject}",
                )


def _clients(configuration: Configuration) -> Iterator[_Found]:
    for client in configuration.clients.values():
        for certificate in expiry_files.client_certificates(configuration, client):
            yield _Found(
                ExpiryKind.CLIENT_CERTIFICATE,
                f"{client.client_id}/{certificate.short}",
                client.client_id,
                certificate.until,
                path("clients", client.client_id),
                detail=certificate.short,
            )


def _listeners(configuration: Configuration) -> Iterator[_Found]:
    for setting, file in expiry_files.listener_files(configuration):
        for certificate in expiry_files.certificates(configuration, file):
            yield _Found(
                ExpiryKind.LISTENER_CERTIFICATE,
                f"{setting}/{certificate.short}",
                setting,
                certificate.until,
                path("keys"),
                detail=f"{certificate.subject} {certificate.short}",
            )


def _exceptions(configuration: Configuration, now: datetime) -> Iterator[_Found]:
    listed: list[tuple[str, str | None, Iterable[tuple[str, date]]]] = [
        (country.connector, country.country, [(row.kind.value, row.until) for row in country.exceptions])
        for country in configuration.countries
        if country.profile == "lenient"
    ]
    for name, connector in configuration.connectors.items():
        section = (
            connector
            if isinstance(connector, AccountSettings)
            else (
                connector.esaml if isinstance(connector, EIDASSettings) else connector.saml or connector.soap
            )
        )
        if section is not None:
            listed.append((name, None, [(row.kind.value, row.until) for row in section.exceptions]))
    for connector_id, code, rows in listed:
        for kind, until in rows:
            if now - end_of(until) > FORGOTTEN:
                continue
            parts = ("partners", connector_id, code) if code else ("connectors", connector_id)
            yield _Found(
                ExpiryKind.EXCEPTION,
                "/".join((*parts[1:], kind)),
                kind,
                end_of(until),
                path(*parts),
                code,
                connector_id,
            )


def _algorithms(now: datetime) -> Iterator[_Found]:
    for name, until in algorithms.ends():
        if now - end_of(until) <= FORGOTTEN:
            yield _Found(ExpiryKind.ALGORITHM, name, name, end_of(until), path("expiry"))


def _decisions(fold: Fold, now: datetime) -> Iterator[_Found]:
    for proposal in fold.open_proposals():
        how = status(proposal, fold, now)
        if how in {Status.PENDING, Status.READY, Status.WAITING}:
            change = proposal.change
            yield _Found(
                ExpiryKind.PROPOSAL,
                proposal.change_hash,
                proposal.change_hash[:16],
                change.expires_at if how is Status.PENDING else change.activate_until,
                path("changes", proposal.change_hash),
                detail=how,
            )
    for key, suspension in fold.suspensions.items():
        if suspension.review_due is not None:
            yield _Found(
                ExpiryKind.REVIEW,
                str(key),
                str(key),
                suspension.review_due,
                path("objects", key.kind, key.id),
            )
