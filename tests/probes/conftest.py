"""A whole gateway on a real port, a fake partner beside it, and a probe between them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import uvicorn

from connectors.eidas.settings import CountrySettings
from connectors.probing import ProbeSettings
from gateway.app import Application, build
from gateway.bundle import Configuration
from gateway.probes.client import ProbeKey, clients_of
from gateway.probes.result import Limits, ProbeResult, Surroundings
from gateway.probes.targets import Target, targets
from gateway.probes.walk import probe
from gateway.store import EmbeddedStore
from tests.login.installation import configuration
from tests.probes.partner import PASSWORD, USER, Partner, Source, serving
from tests.support.ports import free_base
from trust.log import migrate, open_database
from trust.outgoing import FetchPolicy

ANSWERS = {"username": USER, "password": PASSWORD, "consent": "yes"}
GREECE = CountrySettings(
    country="GR", probe=ProbeSettings(level="substantial", answers=ANSWERS), anchor="el-node"
)


@dataclass
class Field:
    """Everything that a probe goes through."""

    configuration: Configuration
    application: Application
    partner: Partner
    source: Source

    @property
    def target(self) -> Target:
        return targets(self.configuration)["eidas.gr"]

    def probe(
        self, *, seconds: float = 20.0, request: float = 10.0, octets: int = 100_000, **changes: object
    ) -> ProbeResult:
        """One probe; ``changes`` to its settings."""
        target = self.target
        if changes:
            settings = ProbeSettings.model_validate({**target.settings.model_dump(), **changes})
            target = replace(target, settings=settings)
        return probe(target, self.surroundings(seconds=seconds, request=request, octets=octets))

    def surroundings(self, *, seconds: float, request: float, octets: int) -> Surroundings:
        issuer = self.configuration.settings.gateway.issuer
        return Surroundings(
            issuer=issuer,
            key=ProbeKey.derived(self.configuration.subject_key, issuer),
            policy=FetchPolicy(
                allow_http_loopback=True,
                allow_private_addresses=True,
                total_seconds=request,
                content_types=frozenset(),
            ),
            limits=Limits(seconds=seconds, page_bytes=octets),
            directory=self.configuration.directory,
        )


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    directory = tmp_path_factory.mktemp("probes")
    port = free_base(0)
    issuer = f"http://localhost:{port}"
    configured = replace(configuration(directory, issuer=issuer), countries=(GREECE,))
    configured = replace(configured, clients=clients_of(configured))
    engine = open_database(configured.database_url.render_as_string(hide_password=False))
    migrate(engine)
    engine.dispose()
    with serving() as partner, EmbeddedStore() as address:
        partner.acs = f"{issuer}/connectors/eidas/acs"
        source = Source(partner)
        application = build(configured, address, connectors={"eidas": source})
        server = uvicorn.Server(
            uvicorn.Config(application.public, host="127.0.0.1", port=port, log_config=None, lifespan="off")
        )
        thread = threading.Thread(target=asyncio.run, args=(_serve(application, server),))
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield Field(configured, application, partner, source)
        server.should_exit = True
        thread.join()


async def _serve(application: Application, server: uvicorn.Server) -> None:
    application.log.start()
    await server.serve()
    await application.stop()


@pytest.fixture
def field(running: Field) -> Iterator[Field]:
    yield running
    running.partner.behaviour = ""
    running.partner.asked.clear()
    running.source.down, running.source.form, running.source.address = False, False, running.partner.base
    running.source.identity_changes = {}
