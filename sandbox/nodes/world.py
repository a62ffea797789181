"""Everything the node server knows: keys, the requester's metadata, exchanges under way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sandbox.addresses import Addresses
from sandbox.authority import KeyPair, KeyStore, certificates_handed_over
from sandbox.nodes.countries import Country, countries, national
from sandbox.nodes.directory import KEY, service_list
from sandbox.nodes.metadata import node_metadata
from sandbox.nodes.request import Request
from sandbox.nodes.requester import Requesters
from sandbox.saml.exchanges import Exchanges

METADATA_KEPT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request accepted, the citizen still deciding."""

    speaker: Country
    origin: Country
    request: Request


@dataclass(slots=True)
class World:
    """State of the node server; thread-safe."""

    addresses: Addresses
    signing: dict[str, KeyPair]
    """Message signing keys by node path."""
    metadata_signing: dict[str, KeyPair]
    requesters: Requesters
    directory: KeyPair
    """Signs the list of all nodes, and what the query service hands out."""
    exchanges: Exchanges[Exchange] = field(default_factory=Exchanges)
    _metadata: dict[str, tuple[datetime, bytes]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def node(self, path: str) -> Country | None:
        """The node at ``/<path>/``."""
        return national() if path == "national" else countries().get(path)

    def base(self, node: Country) -> str:
        return f"{self.addresses.nodes}/{node.path}"

    def metadata(self, node: Country) -> bytes:
        """The node's metadata, signed anew every ten minutes."""
        return self._kept(node.path, partial(self._described, node, self.metadata_signing[node.path]))

    def service_list(self) -> bytes:
        """Where the metadata of every country's node are, signed anew every ten minutes."""
        listed = {
            f"{self.base(node)}/metadata": (node, self.metadata_signing[node.path].certificate)
            for node in countries().values()
        }
        return self._kept("list", partial(service_list, listed, self.directory))

    def queried(self, entity_id: str) -> bytes | None:
        """The metadata of one node as the query service hands them out; None: it knows no such node."""
        for node in countries().values():
            if entity_id == f"{self.base(node)}/metadata":
                return self._kept(f"query {node.path}", partial(self._described, node, self.directory))
        return None

    def _kept(self, name: str, make: Callable[[datetime], bytes]) -> bytes:
        now = datetime.now(UTC)
        with self._lock:
            kept = self._metadata.get(name)
        if kept and now - kept[0] < METADATA_KEPT:
            return kept[1]
        document = make(now)
        with self._lock:
            self._metadata[name] = (now, document)
        return document

    def _described(self, node: Country, signer: KeyPair, now: datetime) -> bytes:
        states = [c.node_code for c in countries().values()] if node.path == "national" else []
        return node_metadata(
            node, self.base(node), self.signing[node.path], signer, now, member_states=states
        )


def key_names(node: Country) -> tuple[str, str, str]:
    """File stems of a node's keys: message signing, metadata signing, the authority above it."""
    return f"{node.path}-signing", f"{node.path}-metadata", f"{node.path}-authority"


def make_keys(store: KeyStore) -> None:
    """Create whatever keys the nodes still lack."""
    for node in (*countries().values(), national()):
        signing, metadata, authority = key_names(node)
        issuer = None
        if node.chained:
            issuer = store.obtain(authority, "p256", f"{node.name} metadata authority", authority=True)
        store.obtain(metadata, node.metadata_key, f"{node.name} metadata signer", issuer)
        store.obtain(signing, node.key, f"{node.name} node")
    store.obtain(KEY, "p256", "directory of nodes")


def anchor_file(node: Country) -> str:
    """File name of the certificate that a receiving state takes as its anchor."""
    _, metadata, authority = key_names(node)
    return (authority if node.chained else metadata) + ".crt"


def load_world(addresses: Addresses, state: Path) -> World:
    """Read what ``sandbox.state`` has prepared; raises FileNotFoundError when it has not."""
    store = KeyStore(state / "nodes", lambda _: None)
    nodes = (*countries().values(), national())
    allowed = tuple(
        f"{addresses.gateway}/connectors/{connector}/metadata" for connector in ("eidas", "eidas-national")
    )
    return World(
        addresses,
        {node.path: store.load(key_names(node)[0]) for node in nodes},
        {node.path: store.load(key_names(node)[1]) for node in nodes},
        Requesters(
            allowed,
            certificates_handed_over(state, "saml-metadata"),
            state / "ca.pem" if addresses.tls else None,
            kept=timedelta(seconds=addresses.metadata_seconds),
        ),
        store.load(KEY),
    )
