"""What the eIDAS connector shows of itself: its signed metadata and the state of its peers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.contract import PeerStatus, PublishedDocument, TokenSource
from connectors.eidas.countries import Countries
from connectors.eidas.request import EIDAS
from connectors.eidas.settings import EIDASSettings, Role
from connectors.errors import PeerUnavailable
from connectors.saml import metadata
from connectors.saml.keys import SAMLKeys
from connectors.saml.request import Extension

_PROTOCOL_VERSION = "http://eidas.europa.eu/entity-attributes/protocol-version"
_APPLICATION_IDENTIFIER = "http://eidas.europa.eu/entity-attributes/application-identifier"
_RENEW = timedelta(minutes=15)


@dataclass(slots=True)
class Cache:
    """The signed document, made anew every quarter of an hour: signing costs a private operation."""

    _made: tuple[datetime, bytes] | None = None

    def document(
        self, description: metadata.ServiceProvider, keys: SAMLKeys, *, now: datetime, random: TokenSource
    ) -> PublishedDocument:
        made = self._made
        if made is None or now - made[0] > _RENEW:
            made = (now, metadata.build(description, keys, now=now, random=random))
            self._made = made
        return PublishedDocument(
            name="metadata",
            content=made[1],
            content_type=metadata.CONTENT_TYPE,
            max_age=int(_RENEW.total_seconds()),
        )


def describe(settings: EIDASSettings, *, entity_id: str, acs_url: str) -> metadata.ServiceProvider:
    """Our connector metadata as eidas.md §6.1 wants them."""
    entity_extensions = []
    if settings.sp_type != "request":
        word = settings.sp_type.removeprefix("metadata-")
        entity_extensions.append(Extension(namespace=EIDAS, tag="SPType", text=word))
    return metadata.ServiceProvider(
        entity_id=entity_id,
        acs_url=acs_url,
        valid=timedelta(hours=settings.metadata_valid_hours),
        organization_name=settings.organization_name,
        organization_url=settings.organization_url,
        contacts=[metadata.Contact(kind=c.kind, name=c.name, email=c.email) for c in settings.contacts],
        entity_attributes=[
            (_PROTOCOL_VERSION, settings.protocol_versions),
            (_APPLICATION_IDENTIFIER, (settings.application_identifier,)),
        ],
        entity_extensions=entity_extensions,
        role_extensions=[Extension(namespace=EIDAS, tag="NodeCountry", text=settings.wire_code)],
        want_assertions_signed=settings.role is Role.NATIONAL,
    )


def peers(countries: Countries, now: datetime) -> list[PeerStatus]:
    """One line per country: can it be used, until when, since when not."""
    by_anchor = {status.anchor: status for status in countries.registry.status(now)}
    found = []
    for country in countries.countries.values():
        national = countries.settings.role is Role.NATIONAL
        anchor = countries.anchor_name(country)
        # a country of a list may have no entityID before the list is there
        entity_id = (countries.settings.national_peer if national else country.entity_id) or anchor
        state, valid_until, reason = "ok", None, None
        try:
            peer = countries.peer(country, now)
        except PeerUnavailable as error:
            state, reason = "down", error.reason
        else:
            anchor, entity_id, valid_until = peer.anchor, peer.entity_id, peer.valid_until
        source = by_anchor.get(anchor)
        if source is not None and state == "ok":
            state, reason = source.state.value, source.reason
        found.append(
            PeerStatus(
                peer=entity_id,
                country=country.country,
                state=state,
                valid_until=valid_until,
                since=None if source is None else source.since,
                reason=reason,
                next_refresh=None if source is None else source.next_refresh,
            )
        )
    return found
