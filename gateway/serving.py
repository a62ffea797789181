"""Serves the application: one process, or a parent that keeps several workers alive.

The parent loads the configuration, brings the database up to date, starts the embedded store if there
is one, and opens the listening sockets; workers inherit all of that. The management listener answers
in the first worker. SIGTERM and SIGINT end everything gracefully: no new connections, requests under
way are finished, then the log is closed.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
import uvloop
from starlette.types import ASGIApp

from gateway.app import Application, build
from gateway.bundle import Configuration, load
from gateway.client_certificate import CertificateProtocol
from gateway.counters import Counters
from gateway.http_protocol import BoundedProtocol
from gateway.log_lines import start_logging
from gateway.settings import ListenSection
from gateway.store import EmbeddedStore, StoreAddress
from trust.log import migrate, open_database

_log = logging.getLogger("gateway.serving")
_GRACE_SECONDS = 10
_BACKLOG = 2048
_TLS_1_2_CIPHERS = "ECDHE+AESGCM:ECDHE+AESCCM"
"""BSI TR-02102-2; uvicorn's own choice would also take CBC and ChaCha20. TLS 1.1 is off in Python."""
_COLLECT_EVERY = 20_000
"""New objects between two collections; the default of 700 collects several times in every request."""


@dataclass(frozen=True, slots=True)
class Sockets:
    """What a process listens on; the management listener answers in the first worker only."""

    public: socket.socket
    mtls: socket.socket | None
    management: socket.socket | None
    console: socket.socket | None = None
    """For security admins; in the first worker only, too."""


def serve(directory: Path) -> None:
    """Serve until told to end; raises ConfigurationError and whatever makes a start unsafe."""
    configuration = load(directory)
    start_logging()
    listen = configuration.settings.listen
    _migrate(configuration)
    with ExitStack() as stack:
        address = stack.enter_context(store_address(configuration))
        public = _listening(stack, listen.host, listen.port)
        management = _listening(stack, listen.management_host, listen.management_port)
        mtls = _listening(stack, listen.host, listen.mtls_port) if listen.mtls_port else None
        section = configuration.settings.console
        console = _listening(stack, section.host, section.port) if section else None
        sockets = Sockets(public, mtls, management, console)
        if listen.workers == 1:
            _work(configuration, address, sockets)
        else:
            counted = Path(stack.enter_context(TemporaryDirectory(prefix="eid-gateway-counters-")))
            _supervise(directory, listen.workers, address, sockets, counted)


@contextmanager
def store_address(configuration: Configuration) -> Iterator[StoreAddress]:
    """Where the store is; an embedded one lives as long as the context."""
    section = configuration.settings.store
    if section.url == "embedded":
        with EmbeddedStore(timeout_seconds=section.timeout_seconds) as address:
            yield address
        return
    yield StoreAddress(
        url=section.url,
        password=configuration.store_password,
        ca_file=configuration.path(section.ca_file) if section.ca_file else None,
        timeout_seconds=section.timeout_seconds,
    )


def _migrate(configuration: Configuration) -> None:
    engine = open_database(configuration.database_url.render_as_string(hide_password=False))
    try:
        migrate(engine)
    finally:
        engine.dispose()


def _listening(stack: ExitStack, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    listening.listen(_BACKLOG)
    listening.setblocking(False)
    return listening


def _work(
    configuration: Configuration,
    address: StoreAddress,
    sockets: Sockets,
    counters: Counters | None = None,
) -> None:
    run(configuration, build(configuration, address, counters=counters), sockets)


def run(configuration: Configuration, application: Application, sockets: Sockets) -> None:
    """Serve ``application`` in this process until it is told to end."""
    # What exists now lives as long as the process: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY, 20, 20)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(configuration, application, sockets))


class _Server(uvicorn.Server):
    """Two of them share one loop, so neither may take the signals for itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _run(
    configuration: Configuration,
    application: Application,
    sockets: Sockets,
) -> None:
    listen = configuration.settings.listen
    servers = [(_Server(_public_config(configuration, application.public)), sockets.public)]
    if sockets.mtls is not None and application.mtls is not None:
        servers.append((_Server(_mtls_config(configuration, application.mtls)), sockets.mtls))
    if sockets.management is not None:
        config = uvicorn.Config(
            application.management, lifespan="off", http=BoundedProtocol, access_log=False, log_config=None
        )
        servers.append((_Server(config), sockets.management))
    if sockets.console is not None and application.console is not None:
        servers.append((_Server(_public_config(configuration, application.console)), sockets.console))

    def end() -> None:
        for server, _ in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    application.start()
    _log.info("serving", extra={"path": f"{listen.host}:{listen.port}"})
    try:
        await asyncio.gather(*(server.serve(sockets=[socket]) for server, socket in servers))
    finally:
        await application.stop()


def _public_config(configuration: Configuration, application: ASGIApp) -> uvicorn.Config:
    listen = configuration.settings.listen
    certificate, key = _tls(configuration, listen)
    return uvicorn.Config(
        application,
        lifespan="off",
        http=BoundedProtocol,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(listen.trusted_proxies),
        forwarded_allow_ips=list(listen.trusted_proxies),
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ssl_ciphers=_TLS_1_2_CIPHERS,
    )


def _mtls_config(configuration: Configuration, application: ASGIApp) -> uvicorn.Config:
    """TLS here that asks for a client certificate, or plain behind a proxy that has asked for one.

    None is let in as well: a client with ``private_key_jwt`` may push without one where only its tokens are
    bound to a certificate. Whoever needs one is refused by the endpoint; one that is not valid by TLS.
    """
    listen = configuration.settings.listen
    if listen.mtls_client_ca is None:
        return uvicorn.Config(
            application,
            lifespan="off",
            http=BoundedProtocol,
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,  # ``FromProxy`` reads them
        )
    certificate, key = _tls(configuration, listen)
    config = uvicorn.Config(
        application,
        lifespan="off",
        http=CertificateProtocol,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # nobody stands between
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ssl_ciphers=_TLS_1_2_CIPHERS,
        ssl_cert_reqs=ssl.CERT_OPTIONAL,
        ssl_ca_certs=str(configuration.path(listen.mtls_client_ca)),
    )
    config.load()
    if config.ssl is not None:
        # A self-signed certificate that was registered is its own authority (RFC 8705 §2.2).
        config.ssl.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    return config


def _tls(configuration: Configuration, listen: ListenSection) -> tuple[str | None, str | None]:
    """Certificate and key file for TLS inside the process; the library reads files only."""
    if listen.tls_certificate is None or listen.tls_private_key is None:
        return None, None
    key = listen.tls_private_key.removeprefix("file:")
    return str(configuration.path(listen.tls_certificate)), str(configuration.path(key))


def _worker(directory: Path, address: StoreAddress, sockets: Sockets, counted: Path, number: int) -> None:
    start_logging()
    _work(load(directory), address, sockets, Counters.shared(counted, number))


def _supervise(directory: Path, count: int, address: StoreAddress, sockets: Sockets, counted: Path) -> None:
    """Start ``count`` workers; replace one that died; end all when told to. ``counted``: their counters."""
    context = multiprocessing.get_context("spawn")
    ending = False

    def end(*_: object) -> None:
        nonlocal ending
        ending = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)

    def launch(index: int) -> BaseProcess:
        its = sockets if index == 0 else replace(sockets, management=None, console=None)
        arguments = (directory, address, its, counted, index)
        process = context.Process(target=_worker, args=arguments, name=f"worker-{index}")
        process.start()
        return process

    workers = [launch(index) for index in range(count)]
    while not ending:
        time.sleep(0.2)
        for index, worker in enumerate(workers):
            if not worker.is_alive() and not ending:
                _log.error("worker died", extra={"worker": index, "code": worker.exitcode})
                # Not at once: a worker that cannot start must not burn the machine.
                time.sleep(1.0)
                workers[index] = launch(index)
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(_GRACE_SECONDS + 5)
