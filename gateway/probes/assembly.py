"""Puts the probes of one process together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from gateway.audit import Audit
from gateway.bundle import Configuration
from gateway.live import Live
from gateway.probes.client import ProbeKey, token_algorithm
from gateway.probes.history import ProbeHistory
from gateway.probes.result import Limits, Surroundings
from gateway.probes.schedule import ProbeDesk
from gateway.sources import fetch_policy
from gateway.store import Store


def probe_desk(
    configuration: Configuration,
    live: Live,
    store: Store,
    audit: Audit,
    engine: sa.Engine,
    *,
    clock: Callable[[], datetime],
) -> ProbeDesk:
    """``configuration``: what the process was started with; its settings and keys are those of every generation."""
    return ProbeDesk(
        live=live,
        history=ProbeHistory(engine),
        store=store,
        audit=audit,
        surroundings=surroundings(configuration, clock=clock),
        keep=timedelta(days=configuration.settings.probes.keep_days),
        clock=clock,
    )


def surroundings(configuration: Configuration, *, clock: Callable[[], datetime]) -> Surroundings:
    """What each probe of this installation works with."""
    section = configuration.settings.probes
    issuer = configuration.settings.gateway.issuer
    policy = fetch_policy(configuration)
    return Surroundings(
        issuer=issuer,
        key=ProbeKey.derived(configuration.subject_key, issuer),
        policy=replace(policy, total_seconds=section.request_seconds, content_types=frozenset()),
        limits=Limits(seconds=section.seconds, page_bytes=section.page_bytes),
        directory=configuration.directory,
        signing_alg=token_algorithm(configuration),
        clock=clock,
    )
