"""The eIDAS metadata service list, MDSL (Message Format Appendix A; eidas.md §6.3).

A signed list of where each territory's node metadata are and with which keys to verify them, within the
countries of the source it comes from (security.md D.3). ``NextUpdate`` must be there and bounds how long an
old list can be passed off as current. ``IssueDate``, and ``SequenceNumber`` where a list carries one, never run
back. Lists in use are signed with ``rsa-sha256``, which takes a dated exception.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from trust import xml
from trust.anchors import MetadataRoleName
from trust.errors import MetadataError, TrustError
from trust.metadata import DatedDeviation, DroppedEntity, deviations_at
from trust.metadata_entity import embedded_certificates
from trust.pinned import PinnedKey
from trust.schema_types import boolean, instant
from trust.signatures import verify_enveloped
from trust.xml import DS, Element

PROXY_SERVICE = "http://eidas.europa.eu/metadata/ept/ProxyService"
CONNECTOR = "http://eidas.europa.eu/metadata/ept/Connector"
_ROLES: dict[str, MetadataRoleName] = {PROXY_SERVICE: "idp", CONNECTOR: "sp"}

_SER = "{http://eidas.europa.eu/metadata/servicelist}"
_KEY_INFO = "{" + DS + "}KeyInfo"
_SEQUENCE_DIGITS = 18
_LONGEST = 1024
_PRINTABLE = re.compile(r"[!-~]+")
# a list that was signed while it was asked for, by a clock slightly ahead of ours
_CLOCK_TOLERANCE = timedelta(minutes=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEndpoint:
    role: MetadataRoleName
    entity_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedLocation:
    """One place with metadata."""

    country: str
    """ISO 3166-1 alpha-2."""
    location: str
    endpoints: tuple[ListedEndpoint, ...]
    """Empty: the list does not name who is there."""
    keys: tuple[PinnedKey, ...]
    """What verifies the metadata found there; each has its certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPolicy:
    """Whose list is believed, and for what."""

    certificates: tuple[bytes, ...]
    """PEM or DER of those who may sign it."""
    countries: frozenset[str]
    deviations: Sequence[DatedDeviation] = ()
    max_valid: timedelta = timedelta(days=14)
    allow_http_loopback: bool = False
    """Development: metadata on ``http://localhost``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataServiceList:
    sha256: str
    """Of the octets as they came."""
    issuer_name: str
    scheme_identifier: str
    issued: datetime
    sequence: int | None
    next_update: datetime
    locations: tuple[ListedLocation, ...]
    dropped: tuple[DroppedEntity, ...]
    """Territories and locations left out, by name, with the reason."""

    def older_than(self, held: MetadataServiceList) -> bool:
        """Whether taking this list after ``held`` would be a step back."""
        if self.sequence is not None and held.sequence is not None and self.sequence < held.sequence:
            return True
        # whoever has numbered his lists does not stop doing so
        return self.issued < held.issued or (self.sequence is None and held.sequence is not None)

    def require_current(self, now: datetime) -> None:
        """Raises MetadataError ``servicelist.outdated`` after ``NextUpdate``."""
        if self.next_update <= now:
            raise MetadataError("servicelist.outdated")


def verify_service_list(octets: bytes, policy: ListPolicy, *, now: datetime) -> MetadataServiceList:
    """Verify a list and read what its source may speak for; it may be outdated, see ``require_current``.

    Raises MetadataError ``servicelist.*`` and VerificationError.
    """
    root = verify_enveloped(
        xml.parse(octets, xml.METADATA),
        [PinnedKey.from_certificate(certificate) for certificate in policy.certificates],
        now=now,
        allow_empty_uri=True,
        deviations=deviations_at(tuple(policy.deviations), now),
    )
    if root.tag != _SER + "MetadataServiceList" or not root.get("Version"):
        raise MetadataError("servicelist.root")
    issued = instant(root.get("IssueDate") or "")
    if issued > now + _CLOCK_TOLERANCE:
        raise MetadataError("servicelist.issue-date", "in the future")
    update = root.get("NextUpdate")
    if update is None:
        raise MetadataError("servicelist.next-update", "missing")
    next_update = instant(update)
    if next_update > now + policy.max_valid + _CLOCK_TOLERANCE:
        raise MetadataError("servicelist.next-update", f"more than {policy.max_valid.days} days ahead")
    scheme = xml.only_child(root, _SER + "SchemeInformation")
    locations, dropped = _territories(root, policy)
    return MetadataServiceList(
        sha256=hashlib.sha256(octets).hexdigest(),
        issuer_name=xml.text(xml.only_child(scheme, _SER + "IssuerName")),
        scheme_identifier=xml.text(xml.only_child(scheme, _SER + "SchemeIdentifier")),
        issued=issued,
        sequence=_sequence(root.get("SequenceNumber")),
        next_update=next_update,
        locations=tuple(locations),
        dropped=tuple(dropped),
    )


def _sequence(value: str | None) -> int | None:
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= _SEQUENCE_DIGITS):
        raise MetadataError("servicelist.sequence-number")
    return int(value)


def _territories(root: Element, policy: ListPolicy) -> tuple[list[ListedLocation], list[DroppedEntity]]:
    locations: list[ListedLocation] = []
    dropped: list[DroppedEntity] = []
    for territory in root.findall(_SER + "MetadataList"):
        code = territory.get("Territory") or ""
        country = "GR" if code == "EL" else code
        try:
            if country not in policy.countries:
                raise MetadataError("entity.country-not-covered")
            if boolean(territory.get("Suspend")):
                raise MetadataError("servicelist.suspended")
        except TrustError as error:
            dropped.append(DroppedEntity(entity_id=code[:64], reason=error.reason))
            continue
        for element in territory.findall(_SER + "MetadataLocation"):
            try:
                locations.append(_location(element, country, policy))
            except TrustError as error:
                name = (element.get("Location") or "")[:1024]
                dropped.append(DroppedEntity(entity_id=name, reason=error.reason))
    return locations, dropped


def _location(element: Element, country: str, policy: ListPolicy) -> ListedLocation:
    location = element.get("Location") or ""
    require_location(location, allow_http_loopback=policy.allow_http_loopback)
    certificates = [der for info in element.findall(_KEY_INFO) for der in embedded_certificates(info)]
    if not certificates:
        raise MetadataError("servicelist.key", "none")
    listed = element.findall(_SER + "Endpoint")
    endpoints = tuple(
        ListedEndpoint(role=_ROLES[kind], entity_id=endpoint.get("EntityID") or "")
        for endpoint in listed
        if (kind := endpoint.get("EndpointType") or "") in _ROLES
        and 0 < len(endpoint.get("EntityID") or "") <= _LONGEST
        and not boolean(endpoint.get("Suspend"))
    )
    if listed and not endpoints:
        raise MetadataError("servicelist.endpoint", "none usable")
    return ListedLocation(
        country=country,
        location=location,
        endpoints=endpoints,
        keys=tuple(dict.fromkeys(PinnedKey.from_certificate(der) for der in certificates)),
    )


def require_location(location: str, *, allow_http_loopback: bool) -> None:
    """An address that metadata may be fetched from; raises MetadataError ``servicelist.location``."""
    try:
        parts = urlsplit(location)
        host = parts.hostname or ""
        plain = not (parts.username or parts.password or parts.fragment) and parts.port != 0
    except ValueError as error:
        raise MetadataError("servicelist.location") from error
    if not plain or len(location) > _LONGEST or not _PRINTABLE.fullmatch(location):
        raise MetadataError("servicelist.location", "no plain address")
    local = parts.scheme == "http" and allow_http_loopback and _is_loopback(host)
    if not host or not (local or parts.scheme == "https"):
        raise MetadataError("servicelist.location", "https only")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
