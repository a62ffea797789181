"""Keys that wait for two people (``key_changes = "propose"``), as edits of their anchor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from connectors.peer_facts import KeyUse, PeerFacts
from gateway.proposals.sources import certificate_file, certificate_text
from trust.anchors import KeyChanges
from trust.registry import Edit, ObjectKey, ObjectKind, State
from trust.registry.diff import FILES


def pin_edits(state: State, facts: Iterable[PeerFacts]) -> Iterator[tuple[PeerFacts, Edit]]:
    """For each entity with waiting keys: its anchor with these pinned beside those in force."""
    seen: set[tuple[str, str]] = set()
    for peer in facts:
        pending = any(entry.use is KeyUse.PENDING for entry in peer.keys)
        if not pending or peer.anchor is None or (peer.anchor, peer.peer) in seen:
            continue
        seen.add((peer.anchor, peer.peer))
        found = state.objects.get(ObjectKey(ObjectKind.ANCHOR, peer.anchor))
        if found is None or found.document["settings"].get("key_changes") != KeyChanges.PROPOSE:
            continue
        document = _pinned(found.key.id, found.document, peer)
        if document != found.document:
            yield peer, Edit(key=found.key, before=found.digest, after=document, suspended=found.suspended)


def _pinned(anchor: str, document: Mapping[str, Any], peer: PeerFacts) -> dict[str, Any]:
    keys = {
        entry.key.fingerprint: entry.key
        for entry in peer.keys
        if entry.use in {KeyUse.SIGNING, KeyUse.PENDING}
    }
    settings = document["settings"]
    others = [pin for pin in settings.get("pinned", ()) if pin["entity_id"] != peer.peer]
    before = {pin["sha256"]: pin for pin in settings.get("pinned", ()) if pin["entity_id"] == peer.peer}
    files = dict(document[FILES])
    own = []
    for fingerprint, key in sorted(keys.items()):
        pin = before.get(fingerprint)
        if pin is None:
            pin = {"entity_id": peer.peer, "sha256": fingerprint}
            if key.certificate is not None:
                name = certificate_file(anchor, fingerprint)
                pin["certificate"] = name
                files[name] = certificate_text(key.certificate)
        own.append(pin)
    pins = [*others, *own]
    dropped = {pin.get("certificate") for pin in before.values()} - {pin.get("certificate") for pin in pins}
    unused = dropped - {settings.get("certificate"), *settings.get("further_certificates", ())}
    return {
        **document,
        "settings": {**settings, "pinned": pins},
        FILES: {name: content for name, content in files.items() if name not in unused},
    }
