"""Everything that ends by itself: anchors, metadata, certificates of peers, clients and ours, exceptions, deadlines.

One list for whoever shows it (time line, dashboard, calendar) and whoever warns of it (mail, metrics). Nothing
is fetched; files are read, so call it in a thread.
"""

from __future__ import annotations

from datetime import datetime

from gateway.expiry import own, partners
from gateway.expiry.kinds import Expiry, InForce, band_at
from trust.registry import Fold


def expiries(generation: InForce, fold: Fold | None, now: datetime) -> tuple[Expiry, ...]:
    """Everything that ends, soonest first; each thing once."""
    configuration = generation.configuration
    found = (
        *partners.anchors(configuration),
        *partners.sources(configuration),
        *partners.peers(generation, now),
        *own.own_keys(configuration, now),
        *own.clients(configuration),
        *own.listeners(configuration),
        *partners.exceptions(configuration, now),
        *own.algorithms(now),
        *(() if fold is None else own.decisions(fold, now)),
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
