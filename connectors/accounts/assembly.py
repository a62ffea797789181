"""Put an account connector together from its registration file, anchors and keys."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from connectors.accounts import profiles
from connectors.accounts.flow import AccountConnector
from connectors.accounts.settings import AccountSettings
from connectors.saml.keys import SAMLKeys
from connectors.saml.surroundings import Surroundings, metadata_source
from trust.anchors import TrustAnchor
from trust.metadata import DatedDeviation
from trust.metadata_registry import MetadataRegistry


def assemble(
    settings: AccountSettings,
    anchors: Mapping[str, TrustAnchor],
    keys: SAMLKeys,
    surroundings: Surroundings,
    *,
    now: datetime,
) -> AccountConnector:
    """The connector, with kept metadata loaded; the network is first touched by ``refresh``.

    An anchor that is not there leaves the account down. Raises MetadataError when an anchor
    cannot be used at all.
    """
    anchor = anchors.get(settings.anchor)
    sources = []
    if anchor is not None:
        deviations = tuple(DatedDeviation(kind=e.kind, until=e.until) for e in settings.exceptions)
        sources.append(
            metadata_source(anchor, surroundings, deviations=deviations, country_required=False, now=now)
        )
    registry = MetadataRegistry(sources)
    registry.load(now)
    return AccountConnector(
        settings=settings,
        profile=profiles.of(settings),
        registry=registry,
        keys=keys,
        issuer_url=surroundings.issuer_url,
        development=surroundings.development,
        test_anchor=anchor is not None and anchor.test,
    )
