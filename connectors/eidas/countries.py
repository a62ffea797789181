"""Which country can serve which request, computed from verified metadata (eidas.md §9).

No answer outlives the metadata it came from: each follows from the registration files and the
metadata that are valid at the moment, so a country appears, changes and disappears with its
node's metadata.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from connectors.assurance import Assurance, LevelOfAssurance
from connectors.contract import AuthenticationRequest, Option
from connectors.eidas import levels
from connectors.eidas import request as eidas_request
from connectors.eidas.registry import person_attributes
from connectors.eidas.settings import CountrySettings, EIDASSettings, PeerExceptionKind, Role
from connectors.errors import PeerUnavailable, RequestNotPossible
from connectors.identity import PersonKind
from trust.algorithms import Deviation, Deviations
from trust.errors import MetadataError
from trust.metadata import PeerMetadata
from trust.metadata_registry import MetadataRegistry

DEVIATIONS = {
    PeerExceptionKind.RSA_PKCS1: Deviation.RSA_PKCS1,
    PeerExceptionKind.RSA_2048: Deviation.RSA_2048,
    PeerExceptionKind.OAEP_MGF1P_SHA1: Deviation.OAEP_MGF1P_SHA1,
    PeerExceptionKind.EXPIRED_CERTIFICATE: Deviation.EXPIRED_CERTIFICATE,
}


_MOST_REASONS = 10_000


@dataclass(frozen=True, slots=True)
class Countries:
    """The countries of one connector."""

    settings: EIDASSettings
    countries: Mapping[str, CountrySettings]
    """By ISO code."""
    registry: MetadataRegistry
    test_anchors: frozenset[str] = frozenset()
    """Anchors of test nodes; their countries are marked as such."""
    _reasons: dict[tuple[object, ...], tuple[PeerMetadata, str | None]] = field(default_factory=dict)
    """Answers of ``_why_not``, each good for exactly the metadata it was computed from."""
    _views: dict[str, tuple[PeerMetadata, PeerMetadata]] = field(default_factory=dict)
    """Per country: the national connector's metadata and how the country sees them."""

    def get(self, country: str | None) -> CountrySettings:
        """Settings of a country by ISO code; raises RequestNotPossible for an unknown one."""
        found = self.countries.get(country or "")
        if found is None:
            raise RequestNotPossible("eidas.country-unknown")
        return found

    def peer(self, country: CountrySettings, now: datetime) -> PeerMetadata:
        """Who answers for ``country`` at ``now``; raises PeerUnavailable."""
        try:
            if self.settings.role is Role.NATIONAL:
                return self._national(country, now)
            # by its own source or anchor only: no other may vouch for it by chance
            if country.source is not None:
                return self._versioned(
                    self.registry.listed_peer(
                        country.source, country.country, now, entity_id=country.entity_id
                    )
                )
            peer = self.registry.peer(country.entity_id or "", now, anchor=country.anchor or "")
        except MetadataError as error:
            raise PeerUnavailable(error.reason) from error
        if peer.node_country != country.country:
            raise PeerUnavailable("eidas.metadata.country")
        return self._versioned(peer)

    def _national(self, country: CountrySettings, now: datetime) -> PeerMetadata:
        """The national connector, seen as if it were ``country``'s node (eidas.md §10.1).

        What it offers per country is registration: its metadata speak for all countries at once.
        """
        peer = self.registry.peer(
            self.settings.national_peer or "", now, anchor=self.settings.national_anchor
        )
        known = self._views.get(country.country)
        if known is None or known[0] is not peer:
            known = self._views[country.country] = (peer, _as_seen_by(country, peer))
        return known[1]

    def _versioned(self, peer: PeerMetadata) -> PeerMetadata:
        """A peer that names no version is taken as interoperable, as the reference node does."""
        if peer.protocol_versions and not set(peer.protocol_versions) & set(self.settings.protocol_versions):
            raise PeerUnavailable("eidas.protocol-version")
        return peer

    def options(self, request: AuthenticationRequest, now: datetime) -> Sequence[Option]:
        """Every country that is not hidden, with whether and why not."""
        since: dict[str, datetime] | None = None
        found = []
        for country in self.countries.values():
            if country.hidden:
                continue
            reason, highest, down_since = None, None, None
            try:
                peer = self.peer(country, now)
            except PeerUnavailable:
                reason = "down"
                since = since or {status.anchor: status.since for status in self.registry.status(now)}
                down_since = since.get(self.anchor_name(country))
            else:
                if peer.hidden:
                    continue
                highest = levels.highest(peer.levels)
                reason = self._reason(request, country, peer, now)
            found.append(
                Option(
                    connector=self.settings.id,
                    country=country.country,
                    available=reason is None,
                    reason=reason,
                    down_since=down_since,
                    highest=highest,
                    scheme_names=country.schemes,
                    test=self.anchor_name(country) in self.test_anchors,
                )
            )
        return found

    def anchor_name(self, country: CountrySettings) -> str:
        """Whose status is the country's: the anchor's, or that of ``source/<id>``."""
        if self.settings.role is Role.NATIONAL:
            return self.settings.national_anchor or ""
        return f"source/{country.source}" if country.source is not None else country.anchor or ""

    def _reason(
        self, request: AuthenticationRequest, country: CountrySettings, peer: PeerMetadata, now: datetime
    ) -> str | None:
        """``_why_not``, computed once for each shape of request and each edition of the metadata."""
        shape = (
            country.country,
            request.minimum,
            request.accept_non_notified,
            request.persons,
            request.required,
            request.service.sector,
            exceptions(country, now),
        )
        known = self._reasons.get(shape)
        if known is None or known[0] is not peer:
            if len(self._reasons) > _MOST_REASONS:
                self._reasons.clear()
            known = self._reasons[shape] = (peer, self._why_not(request, country, peer, now))
        return known[1]

    def _why_not(
        self, request: AuthenticationRequest, country: CountrySettings, peer: PeerMetadata, now: datetime
    ) -> str | None:
        try:
            levels.request(
                request.minimum,
                accept_non_notified=request.accept_non_notified,
                published=peer.levels,
            )
        except RequestNotPossible:
            return "level"
        reason: str | None = "person"
        for person in request.persons:
            try:
                eidas_request.select(request, person, peer, mixed=False)
            except RequestNotPossible as error:
                if error.reason == "eidas.attribute-not-offered":
                    reason = "attributes"
            else:
                return self._why_not_service(request, country, peer, now)
        return reason

    def _why_not_service(
        self, request: AuthenticationRequest, country: CountrySettings, peer: PeerMetadata, now: datetime
    ) -> str | None:
        skip = PeerExceptionKind.SKIP_SCOPING in exceptions(country, now)
        try:
            eidas_request.require_service(request, peer, self.settings, skip_scoping=skip)
        except RequestNotPossible:
            return "service"
        return None


def _as_seen_by(country: CountrySettings, peer: PeerMetadata) -> PeerMetadata:
    offered = {levels.uri(Assurance(level=LevelOfAssurance.parse(word))) for word in country.levels}
    attributes = {
        definition.uri for person in country.persons for definition in person_attributes(PersonKind(person))
    }
    return replace(
        peer,
        levels=tuple(sorted(offered & set(peer.levels) if peer.levels else offered)),
        supported_attributes=frozenset(
            attributes & peer.supported_attributes if peer.supported_attributes else attributes
        ),
    )


def exceptions(country: CountrySettings, now: datetime) -> frozenset[PeerExceptionKind]:
    """The dated exceptions in force; none at all under the strict profile."""
    if country.profile != "lenient":
        return frozenset()
    return frozenset(e.kind for e in country.exceptions if now.date() <= e.until)


def deviations(kinds: frozenset[PeerExceptionKind]) -> Deviations:
    """The part of the exceptions that concerns algorithms and keys."""
    return frozenset(DEVIATIONS[kind] for kind in kinds if kind in DEVIATIONS)
