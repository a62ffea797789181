"""The operator's files about account systems: anchor, metadata handed over, connector.

An account system has no signed metadata. Its file is handed over once, two people compare it, and
from then on it is believed by its SHA-256 (anchor kind ``pinned-metadata``).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from sandbox.accounts.accounts import Account, accounts
from sandbox.accounts.metadata import account_metadata, entity_id
from sandbox.addresses import Addresses
from sandbox.authority import KeyStore
from sandbox.operator_files import CONTACTS, anchor, exceptions
from sandbox.toml_text import document


def write_accounts(state: Path, registry: Path, addresses: Addresses) -> None:
    """One anchor and one connector for each account system; the keys must be there."""
    store = KeyStore(state / "accounts", lambda _: None)
    for account in accounts().values():
        metadata = account_metadata(account, addresses.nodes, store.load(account.path))
        (registry / "anchors" / f"{account.path}.xml").write_bytes(metadata)
        text = _anchor(account, addresses, hashlib.sha256(metadata).hexdigest())
        (registry / "anchors" / f"{account.path}.toml").write_text(text, encoding="utf-8")
        connector = _connector(account, addresses)
        (registry / "connectors" / f"{account.path}.toml").write_text(connector, encoding="utf-8")


def _anchor(account: Account, addresses: Addresses, digest: str) -> str:
    return anchor(
        account.path,
        "pinned-metadata",
        ["DE"],
        {"metadata_sha256": digest},
        {
            "file": f"registry/anchors/{account.path}.xml",
            "entity_ids": [entity_id(account, addresses.nodes)],
        },
    )


def _connector(account: Account, addresses: Addresses) -> str:
    facts = dict(account.gateway)
    more = facts.pop("more_methods", [])
    dated = exceptions(facts.pop("lenient", ()))
    fields = {
        "kind": "account",
        "id": account.path,
        "name": {"de": account.name, "en": account.name},
        "peer": entity_id(account, addresses.nodes),
        "anchor": account.path,
        "organization_name": "eID-Gateway (Sandbox)",
        "contacts": CONTACTS,
        **facts,
    }
    return document(fields, _probe(account), {"more_methods": more, "exceptions": dated})


def _probe(account: Account) -> dict[str, dict[str, object]]:
    """The sections of a probe login with the first who answers at substantial or high."""
    usual = {method.name for method in account.methods if not method.second_hand}
    person = next(
        p
        for p in account.people
        if p.level >= 3 and not p.guest and p.decides == "answer" and p.method in (usual or {""})
    )
    probe: dict[str, object] = {
        "every_seconds": 900,
        "level": "substantial",
        "expected": "high" if person.level == 4 else "substantial",
        "person": account.person_kind,
        "online_service_id": "BMI-0000",
    }
    return {
        "probe": probe,
        "probe.answers": {"citizen": person.id, "fault": "", "decision": "answer"},
    }
