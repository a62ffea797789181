"""Runs one of the counterpart servers in the foreground until it is told to stop."""

from __future__ import annotations

from pathlib import Path

import uvicorn

from sandbox.accounts.app import AccountPages
from sandbox.accounts.world import load_world as load_accounts
from sandbox.addresses import Addresses
from sandbox.eid_service import process as eid_service
from sandbox.nodes.app import build_app as build_nodes
from sandbox.nodes.world import load_world
from sandbox.services.app import build_app as build_services
from sandbox.state import State


def serve(part: str, directory: Path, addresses: Addresses) -> None:
    """Serve ``nodes``, ``services`` or ``eid-service`` from a prepared state directory."""
    state = State(directory)
    if part == "eid-service":
        eid_service.serve(directory, addresses, state.tls_files)
        return
    if part == "nodes":
        pages = AccountPages(load_accounts(addresses, directory)).routes()
        application = build_nodes(load_world(addresses, directory), pages)
        port = addresses.nodes_port
    else:
        application, port = build_services(state, addresses), addresses.services_port
    certificate, key = state.tls_files if addresses.tls else (None, None)
    uvicorn.run(
        application,
        host="127.0.0.1",
        port=port,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
    )
