"""Puts the watch of one process together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import sqlalchemy as sa

from gateway.background import Task
from gateway.bundle import Configuration
from gateway.sources import fetch_policy
from gateway.store import Store
from gateway.watch.book import DatabaseBook
from gateway.watch.channels import Channel, Personal, Severe
from gateway.watch.mail import Mail, MailServer
from gateway.watch.observing import Observing
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


def assemble(
    configuration: Configuration,
    observing: Observing,
    engine: sa.Engine,
    store: Store,
    *,
    clock: Callable[[], datetime],
) -> Watch:
    """``configuration``: the one the process was started with."""
    return Watch(
        look=observing.look,
        book=DatabaseBook(engine),
        channels=channels(configuration),
        store=store,
        clock=clock,
        repeat=timedelta(hours=configuration.settings.watch.repeat_hours),
    )


def task(watch: Watch) -> Task:
    """In each process: each sees its own clock, keys and peers."""
    return Task(name="watch", seconds=SECONDS, run=watch.round, everywhere=True)
