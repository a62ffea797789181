"""What is in force, put together without a process: a configuration from files, and a partner with metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from connectors.contract import PeerStatus, PublishedDocument
from connectors.peer_facts import PeerFacts
from gateway.bundle import Configuration, load
from gateway.live import Generation
from tests.gateway.registry_bundle import CERTIFICATE, write
from tests.trust.metadata_maker import ENTITY_ID, NOW, Node, anchor, document, policy, sign
from trust.metadata_registry import MetadataRegistry
from trust.metadata_source import MetadataSource, SourceStatus

SE_ANCHOR = f"""
id = "se-node"
kind = "metadata-signer"
state = "active"
countries = ["SE"]
certificate = "{CERTIFICATE}"
valid_from = 2026-01-01
valid_until = 2027-12-31
source = "handed over on paper"
evidence = "file 4712"
[metadata]
url = "https://node.eidas.se.example/metadata"
entity_ids = ["https://node.eidas.se.example/metadata"]
"""
SE_COUNTRY = f'country = "SE"\nanchor = "se-node"\nentity_id = "{ENTITY_ID}"\n'
NORDIC = f"""
id = "nordic"
kind = "mdsl"
state = "active"
url = "https://list.example/mdsl.xml"
certificates = ["{CERTIFICATE}"]
countries = ["SE"]
activation = "automatic"
valid_from = 2026-01-01
valid_until = 2027-12-31
evidence = "file 9"
"""
SWEDEN = {"registry/anchors/se-node.toml": SE_ANCHOR, "registry/countries/se.toml": SE_COUNTRY}
"""Beside the Greece of ``tests.gateway.test_bundle``."""


class Partner:
    """A connector with the metadata of one node; ``octets`` is what the node publishes."""

    def __init__(self, node: Node, *, name: str = "se-node") -> None:
        self.octets = sign(document(node))
        self.source = MetadataSource(
            policy(anchor=anchor(id=name)), read=lambda **_: self.octets, started=NOW
        )
        self.source.refresh(NOW)
        self.registry = MetadataRegistry([self.source])

    def peers(self, *, now: datetime) -> Sequence[PeerStatus]:
        status = self.source.status(now)
        return [
            PeerStatus(
                peer=ENTITY_ID,
                country="SE",
                state=status.state.value,
                valid_until=status.valid_until,
                since=status.since,
                reason=status.reason,
                next_refresh=status.next_refresh,
            ),
            PeerStatus(
                peer="https://node.example/metadata", country="GR", state="down", reason="fetch.connection"
            ),
        ]

    def documents(self, *, now: datetime) -> Sequence[PublishedDocument]:
        return [
            PublishedDocument(name="metadata", content=b"", content_type="text/xml", max_age=int(now.year))
        ]

    def sources(self, *, now: datetime) -> Sequence[SourceStatus]:
        return self.registry.status(now)

    def peer_facts(self) -> Sequence[PeerFacts]:
        return [PeerFacts.of_metadata(peer) for peer in self.registry.held()]


@dataclass
class InForce:
    """As much of ``gateway.live.Generation`` as is looked at."""

    configuration: Configuration
    connectors: Mapping[str, Any] = field(default_factory=dict)


def in_force(current: Generation, folder: Path, keys: Path) -> Generation:
    """``current`` with Greece, Sweden that has metadata, a source and a service; their files in ``folder``."""
    directory = write(folder, keys)
    for name, text in {**SWEDEN, "registry/sources/nordic.toml": NORDIC}.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    connectors: dict[str, Any] = {"eidas": Partner(Node())}
    return replace(current, configuration=load(directory), connectors=connectors)
