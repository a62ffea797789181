"""The eID service as one process: SOAP, PAOS and pages on three ports (sandbox.addresses)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import uvicorn

from eid_server.server import EIDServer
from sandbox.addresses import Addresses
from sandbox.authority import certificates_handed_over
from sandbox.eid_service import card_server, material
from sandbox.eid_service.app import build_app
from sandbox.eid_service.esaml import ESAML
from sandbox.eid_service.interface import EIDInterface
from sandbox.eid_service.listeners import paos_listener, soap_listener
from sandbox.eid_service.saml_processor import SAMLProcessor
from sandbox.eid_service.saml_world import load_saml_world

_HOST = "127.0.0.1"


def interface(directory: Path, addresses: Addresses, server: EIDServer) -> EIDInterface:
    """The eID-Interface with the gateway as its only client."""
    handed = certificates_handed_over(directory, "eid-signing")
    clients = {f"gateway-{number}": certificate for number, certificate in enumerate(handed)}
    return EIDInterface(
        clients=clients,
        successors=dict.fromkeys(clients, "gateway"),
        signing=material.store(directory).load("signing"),
        cards=card_server.Cards(server),
        paos_address=addresses.eid_paos,
    )


def serve(directory: Path, addresses: Addresses, tls_files: tuple[Path, Path]) -> None:
    """Serve until told to end; ``tls_files`` are the pages' certificate and key with SANDBOX_TLS."""
    server = card_server.load(directory)
    soap = interface(directory, addresses, server)
    saml = load_saml_world(addresses, directory)
    processor = SAMLProcessor(saml, card_server.Cards(server), addresses.eid_paos)
    keys = material.store(directory)
    listeners = (
        soap_listener(
            (_HOST, addresses.eid_soap_port),
            (keys.path("tls", "crt"), keys.path("tls", "key")),
            keys.path("authority", "crt"),
            soap.answer,
        ),
        paos_listener(
            (_HOST, addresses.eid_paos_port),
            keys.load("paos"),
            server.psk,
            lambda message, identity: server.paos(message, psk_identity=identity),
        ),
    )
    certificate, key = tls_files if addresses.tls else (None, None)
    with ExitStack() as stack:
        for listener in listeners:
            stack.enter_context(running(listener))
        uvicorn.run(
            build_app([*processor.routes(), *ESAML(saml).routes()]),
            host=_HOST,
            port=addresses.eid_saml_port,
            ssl_certfile=certificate,
            ssl_keyfile=key,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=3,
        )


@contextmanager
def running(listener: ThreadingHTTPServer) -> Iterator[None]:
    """Serve in a thread as long as the context lives."""
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    try:
        yield
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
