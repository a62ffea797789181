"""Builds the application of one process: what all generations share, the first of them, and who follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

from starlette.routing import Router
from starlette.types import ASGIApp

from connectors.contract import Connector
from connectors.saml.selfcheck import selfcheck
from gateway import registering
from gateway.admin.listener import build_console
from gateway.audit import Audit
from gateway.background import Background, Task
from gateway.bundle import Configuration
from gateway.bundle.objects import validator
from gateway.counters import Counters
from gateway.following import Following
from gateway.generation import Premises
from gateway.health import Health
from gateway.live import CertificateListener, Live, PublicListener
from gateway.log_keeping import LogKeeping
from gateway.metadata_refresh import MetadataRefresh
from gateway.own_keys.events import KeyEvents
from gateway.probes.assembly import probe_desk
from gateway.probes.schedule import ProbeDesk
from gateway.proposals.task import source_task
from gateway.settings import StoreSection
from gateway.sources import build_connectors
from gateway.statistics.task import statistics_task
from gateway.store import Acknowledgement, Store, StoreAddress, connect
from gateway.watch.assembly import assemble
from gateway.watch.observing import Observing
from gateway.web.render import Renderer
from gateway.web.static_files import StaticFiles
from trust.log import AppendOnlyLog, open_database
from trust.registry import EntryStore, Registry

_THREADS = 4
_WAITING_THREADS = 32
"""Each waits for an eID service and costs next to nothing meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """One process's share of the gateway; ``start`` in the event loop before the first request, ``stop`` after the last."""

    public: ASGIApp
    mtls: ASGIApp | None
    """For clients that show a TLS certificate."""
    management: ASGIApp
    console: ASGIApp | None
    """For security admins; only where it is configured."""
    live: Live
    store: Store
    log: AppendOnlyLog
    registry: Registry
    following: Following
    refresh: MetadataRefresh
    background: Background
    probes: ProbeDesk
    close: tuple[Callable[[], None], ...] = field(repr=False)
    """What else is to be given back at the end."""
    executors: tuple[Executor, ...] = field(repr=False)

    def start(self) -> None:
        self.log.start()
        self.refresh.start()
        self.following.start()
        self.background.start()

    async def stop(self) -> None:
        await self.background.stop()
        self.following.stop()
        self.refresh.stop()
        await self.live.current.back_channel.settled()
        await self.store.close()
        for executor in self.executors:
            executor.shutdown(wait=True)
        for close in self.close:
            close()
        self.log.stop()


def build(
    configuration: Configuration,
    store_address: StoreAddress,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    connectors: Mapping[str, Connector] | None = None,
    counters: Counters | None = None,
    renderer: Renderer | None = None,
) -> Application:
    """Put everything together; raises what makes a start unsafe (design.md §3 invariant 9), RegistryError too.

    ``connectors`` replaces the configured ones, for tests of the journey alone. ``counters``: those of this
    worker, if it is one of several. ``renderer``: one that was made for the same site before; making one takes
    a fifth of a second.
    """
    selfcheck()
    settings = configuration.settings
    database = configuration.database_url.render_as_string(hide_password=False)
    store = Store(
        connect(store_address),
        clock=lambda: clock().timestamp(),
        acknowledgement=_acknowledgement(settings.store),
    )
    log = AppendOnlyLog(open_database(database))
    counters = counters or Counters.alone()
    audit = Audit(log, counters)
    engine = open_database(database)
    registry = Registry(
        EntryStore(engine),
        pinned=settings.registry.bootstrap,
        validate=validator(configuration.directory),
    )
    static = StaticFiles(base_path=urlsplit(settings.gateway.issuer).path)
    premises = Premises(
        started=configuration,
        store=store,
        audit=audit,
        static=static,
        renderer=renderer or Renderer(settings.gateway, static),
        registrations=engine if registering.enabled(configuration) else None,
        executor=ThreadPoolExecutor(_THREADS, thread_name_prefix="cryptography"),
        waiting=ThreadPoolExecutor(_WAITING_THREADS, thread_name_prefix="eid-service"),
        clock=clock,
    )

    def built(in_force: Configuration) -> Mapping[str, Connector]:
        return connectors if connectors is not None else build_connectors(in_force, log, clock=clock)

    try:
        following = Following(premises, registry, built)
    except Exception:  # raised again: nothing is served, so nobody else gives the connections back
        engine.dispose()
        raise
    live = following.live
    refresh = MetadataRefresh(lambda: live.current.connectors, clock=clock)
    keeping = LogKeeping(configuration, engine, clock=clock)
    probes = probe_desk(configuration, live, store, audit, engine, clock=clock)
    tasks: list[Task] = [
        source_task(live, registry, log, clock=clock),
        KeyEvents(live, store, audit, clock=clock).task,
        *probes.tasks(scheduled=settings.probes.enabled),
        statistics_task(engine, settings.statistics, clock=clock),
        *keeping.tasks(audit),
    ]
    health = Health(
        store=store,
        log=log,
        in_force=live,
        refresh=refresh,
        clock=clock,
    )
    observing = Observing(live=live, store=store, log=log, clock=clock)
    watching = assemble(configuration, observing, engine, counters=counters, keeping=keeping, probes=probes)
    background = observing.background = Background(store, [*tasks, watching.task], clock=clock)
    console = build_console(
        live=live,
        registry=registry,
        store=store,
        audit=audit,
        settings=settings,
        directory=configuration.directory,
        engine=engine,
        clock=clock,
        background=background,
        checkpoints=keeping.checkpoints,
        probes=probes,
    )
    return Application(
        public=PublicListener(live),
        mtls=CertificateListener(live) if live.current.mtls is not None else None,
        management=Router([*health.routes(), *watching.metrics.routes()]),
        console=console,
        live=live,
        store=store,
        log=log,
        registry=registry,
        following=following,
        refresh=refresh,
        background=background,
        probes=probes,
        close=(engine.dispose,),
        executors=(premises.executor, premises.waiting),
    )


def _acknowledgement(section: StoreSection) -> Acknowledgement | None:
    if not section.replicas:
        return None
    # half the time of a command, so that its answer comes before the connection is given up
    return Acknowledgement(section.replicas, int(section.timeout_seconds * 500))
