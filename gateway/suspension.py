"""What a suspension in the registry means for the configuration and for journeys under way.

======== ==================================================================================
object   while it is suspended
======== ==================================================================================
country  nobody comes this way; the page shows it as out of order
connector the same for all its countries, or for the account or card
anchor   not active, so its metadata are down; whom it vouched for until then goes no further
source   the same for the countries that name it, and it proposes nothing
client   unknown: no login begins, those under way end, no code is redeemed
key-plan the key is not used; the next one takes over (``gateway.own_keys.calendar``)
======== ==================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from connectors.accounts import AccountSettings
from connectors.eidas.settings import EIDASSettings
from gateway.bundle import Configuration
from gateway.withdrawn import Way, Withdrawn
from trust.anchors import AnchorState
from trust.registry import ObjectKey, ObjectKind, Suspension


def suspend(
    configuration: Configuration, suspensions: Mapping[ObjectKey, Suspension]
) -> tuple[Configuration, Withdrawn]:
    """``configuration`` without what is suspended, and the ways that are closed."""
    since = {(key.kind, key.id): found.since for key, found in suspensions.items()}
    ways: dict[Way, datetime] = {}
    vouched: dict[Way, datetime] = {}
    anchors, sources = dict(configuration.anchors), dict(configuration.sources)
    for (kind, name), moment in since.items():
        if kind is ObjectKind.CONNECTOR:
            ways[name, None] = moment
        elif kind is ObjectKind.ANCHOR and name in anchors:
            anchors[name] = anchors[name].model_copy(update={"state": AnchorState.SUSPENDED})
            for way in _through(configuration, name):
                vouched[way] = max(moment, vouched.get(way, moment))
        elif kind is ObjectKind.SOURCE and name in sources:
            sources[name] = sources[name].model_copy(update={"state": AnchorState.SUSPENDED})
            for country in configuration.countries:
                if country.source == name:
                    way = (country.connector, country.country)
                    vouched[way] = max(moment, vouched.get(way, moment))
    for country in configuration.countries:
        found = since.get((ObjectKind.COUNTRY, f"{country.connector}.{country.country}".lower()))
        if found is not None:
            ways[country.connector, country.country] = found
    clients = {
        name: client
        for name, client in configuration.clients.items()
        if (ObjectKind.CLIENT, name) not in since
    }
    keys = frozenset(name for kind, name in since if kind is ObjectKind.KEY_PLAN)
    return (
        replace(configuration, anchors=anchors, sources=sources, clients=clients, suspended_keys=keys),
        Withdrawn(ways=ways, vouched=vouched),
    )


def _through(configuration: Configuration, anchor: str) -> Iterator[Way]:
    """The ways on which ``anchor`` vouches for people."""
    for name, connector in configuration.connectors.items():
        if isinstance(connector, AccountSettings) and connector.anchor == anchor:
            yield name, None
        if isinstance(connector, EIDASSettings) and connector.national_anchor == anchor:
            yield name, None
    for country in configuration.countries:
        if country.anchor == anchor:
            yield country.connector, country.country
