"""``python -m bench.op_server PORT DIRECTORY STORE KEYS``: the gateway as it is served, with an instant source.

The server, its settings and its store are those of ``gateway.serving``; only the source of identity is
``bench.source``. ``KEYS`` is the file with the public key set of the ``fapi2`` client.
"""

from __future__ import annotations

import json
import socket
import sys
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec

from bench.source import InstantSource
from gateway.app import build
from gateway.bundle import Configuration
from gateway.client_settings import Client
from gateway.log_lines import start_logging
from gateway.own_keys.loaded import LoadedKey
from gateway.serving import Sockets, run
from gateway.settings import (
    GatewaySection,
    KeyPurpose,
    KeySection,
    KeyState,
    ListenSection,
    Mode,
    RateSection,
    Settings,
)
from gateway.store import StoreAddress
from trust.keys import InMemoryKey
from trust.log import migrate, open_database

REDIRECT_URI = "https://service.example/callback"
COMPAT, FAPI2 = "op-compat", "op-fapi2"
SECRET = "the-secret-of-a-benchmark"
_NO_LIMIT = 10**9
"""Counted as in life, never reached."""


def clients(keys: dict[str, object]) -> dict[str, Client]:
    """One client of each class; both may use a login again."""
    registered: dict[str, object] = {
        "name": {"de": "Amt"},
        "operator": {"de": "Stadt"},
        "purpose": {"de": "Antrag"},
        "home_url": "https://service.example/",
        "redirect_uris": (REDIRECT_URI,),
        "required": ("family_name", "given_name", "date_of_birth"),
        "session_seconds": 1800,
    }
    compat = {"client_id": COMPAT, "client_secret_sha256": sha256(SECRET.encode()).hexdigest()}
    fapi2 = {
        "client_id": FAPI2,
        "client_class": "fapi2",
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": keys,
        "dpop_bound_access_tokens": True,
    }
    return {str(own["client_id"]): Client.model_validate({**registered, **own}) for own in (compat, fapi2)}


def configuration(port: int, directory: Path, keys: dict[str, object]) -> Configuration:
    """What ``gateway.bundle.load`` would read for these two clients."""
    key = InMemoryKey(ec.generate_private_key(ec.SECP256R1()))
    section = KeySection(id="k", purpose=KeyPurpose.OIDC_SIGNING, private_key="file:k")
    loaded = LoadedKey(id=section.id, purpose=section.purpose, state=KeyState.ACTIVE, key=key)
    return Configuration(
        directory=directory,
        settings=Settings(
            gateway=GatewaySection(
                issuer=f"http://localhost:{port}",
                mode=Mode.DEVELOPMENT,
                name={"de": "eID-Gateway"},
                operator={"de": "Land"},
            ),
            listen=ListenSection(port=port),
            keys=(section,),
            rate=RateSection(authorize=_NO_LIMIT, callback=_NO_LIMIT, token=_NO_LIMIT),
        ),
        anchors={},
        connectors={},
        countries=(),
        clients=clients(keys),
        keys={KeyPurpose.OIDC_SIGNING: (loaded,)},
        subject_key=bytes(32),
        store_password=None,
        database_url=sa.make_url(f"sqlite:///{directory / 'audit.sqlite3'}"),
    )


def main(port: int, directory: Path, store: str, keys: Path) -> None:
    """Serve until told to end."""
    configured = configuration(port, directory, json.loads(keys.read_text("ascii")))
    start_logging()
    engine = open_database(configured.database_url.render_as_string(hide_password=False))
    migrate(engine)
    engine.dispose()
    source = InstantSource(configured.settings.gateway.issuer)
    application = build(configured, StoreAddress(url=store), connectors={source.id: source})
    with socket.create_server(("127.0.0.1", port), backlog=2048) as listening:
        listening.setblocking(False)
        run(configured, application, Sockets(public=listening, mtls=None, management=None))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
