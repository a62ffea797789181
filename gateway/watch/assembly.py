"""Puts the watch of one process together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlsplit

import sqlalchemy as sa

from gateway.background import Task
from gateway.bundle import Configuration
from gateway.counters import Counters
from gateway.log_keeping import LogKeeping
from gateway.metrics import Metrics
from gateway.probes.schedule import ProbeDesk
from gateway.sources import fetch_policy
from gateway.watch.channels import Channel, Personal, Severe
from gateway.watch.database_book import DatabaseBook
from gateway.watch.mail import Mail, MailServer
from gateway.watch.observing import Observing
from gateway.watch.standings import log_samples, log_standings, probe_samples, probe_standings
from gateway.watch.watching import SECONDS, Watch
from gateway.watch.webhook import Webhook
from gateway.watch.words import Words

_WEBHOOK_SECONDS = 20.0


def installation(configuration: Configuration) -> str:
    """What messages call this installation."""
    return urlsplit(configuration.settings.gateway.issuer).netloc


def channels(configuration: Configuration) -> tuple[Channel, ...]:
    """Every way out that ``[watch]`` names."""
    watch, name = configuration.settings.watch, installation(configuration)
    console = configuration.settings.console
    link = None if console is None else console.url
    found: list[Channel] = []
    if watch.smtp is not None:
        smtp = watch.smtp
        server = MailServer(
            section=smtp,
            password=configuration.watch_secrets.smtp_password,
            ca_file=configuration.path(smtp.ca_file) if smtp.ca_file else None,
        )

        def mail(to: tuple[str, ...], language: str) -> Mail:
            return Mail(server=server, to=to, words=Words(language), installation=name, console=link)

        found += [Severe(one.id, one.minimum, mail(one.to, one.language).deliver) for one in watch.mail]
        found += [
            Personal(approver, mail((one.to,), one.language).deliver)
            for approver, one in watch.approvers.items()
        ]
    policy = fetch_policy(configuration)
    patient = replace(
        policy, content_types=frozenset(), total_seconds=min(policy.total_seconds, _WEBHOOK_SECONDS)
    )
    for hook in watch.webhooks:
        secret = configuration.watch_secrets.webhooks[hook.id]
        webhook = Webhook(url=hook.url, secret=secret, policy=patient, installation=name, console=link)
        found.append(Severe(hook.id, hook.minimum, webhook.deliver))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Watching:
    """What one process needs to look, to tell and to be asked."""

    watch: Watch
    metrics: Metrics

    @property
    def task(self) -> Task:
        """In each process: each sees its own clock, keys and peers."""
        return Task(name="watch", seconds=SECONDS, run=self.watch.round, everywhere=True)


def assemble(
    configuration: Configuration,
    observing: Observing,
    engine: sa.Engine,
    *,
    counters: Counters,
    keeping: LogKeeping,
    probes: ProbeDesk,
) -> Watching:
    """``configuration``: the one the process was started with."""
    settings = configuration.settings
    observing.log_standing = lambda now: tuple(
        log_standings(keeping.states(), now, settings.log.checkpoint_seconds)
    )
    observing.probes = lambda: tuple(probe_standings(probes))
    watch = Watch(
        look=observing.look,
        book=DatabaseBook(engine),
        channels=channels(configuration),
        store=observing.store,
        clock=observing.clock,
        repeat=timedelta(hours=settings.watch.repeat_hours),
        count=counters.message,
    )
    metrics = Metrics(
        counters=counters,
        observing=observing,
        watch=watch,
        engine=engine,
        more=(lambda: log_samples(keeping), lambda: probe_samples(probes)),
    )
    return Watching(watch, metrics)
