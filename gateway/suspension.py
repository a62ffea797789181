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
from trust.sources import Activation


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
            for way in _through(configuration, name):
                vouched[way] = max(moment, vouched.get(way, moment))
            anchors[name] = anchors[name].model_copy(update={"state": AnchorState.SUSPENDED})
        elif kind is ObjectKind.SOURCE and name in sources:
            source = sources[name]
            sources[name] = source.model_copy(update={"state": AnchorState.SUSPENDED})
            automatic = source.activation is Activation.AUTOMATIC and source.state is AnchorState.ACTIVE
            for country in configuration.countries:
                if country.source == name or (automatic and country.country in source.countries):
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
    """The ways on which ``anchor`` vouches for people, or did before its country was given to another one."""
    found = configuration.anchors[anchor]
    spoke_for = found.countries if found.state is AnchorState.ACTIVE else ()
    for name, connector in configuration.connectors.items():
        if isinstance(connector, AccountSettings) and connector.anchor == anchor:
            yield name, None
        if isinstance(connector, EIDASSettings) and connector.national_anchor == anchor:
            yield name, None
    for country in configuration.countries:
        if country.anchor == anchor or country.country in spoke_for:
            yield country.connector, country.country
