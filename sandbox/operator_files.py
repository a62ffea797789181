"""What the operator writes the same way about every partner: anchors, dated exceptions, contacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from sandbox.toml_text import document

_ANCHOR_DAYS = 365
_EXCEPTION_DAYS = 90

CONTACTS: Final = [
    {"kind": "technical", "name": "Sandbox", "email": "technical@example.org"},
    {"kind": "support", "name": "Sandbox", "email": "support@example.org"},
]


def anchor(
    name: str,
    kind: str,
    countries: list[str],
    believed_by: Mapping[str, object],
    metadata: Mapping[str, object],
) -> str:
    """The text of an anchor file. ``believed_by`` is the certificate or the digest that counts."""
    today = datetime.now(UTC).date()
    return document(
        {
            "id": name,
            "kind": kind,
            "state": "active",
            "countries": countries,
            **believed_by,
            "valid_from": today - timedelta(days=1),
            "valid_until": today + timedelta(days=_ANCHOR_DAYS),
            "test": True,
            "source": "made by the sandbox on this machine",
            "evidence": "none: a sandbox needs none",
            "approved_by": ["sandbox"],
        },
        {"metadata": metadata},
    )


def source(
    name: str,
    kind: str,
    countries: list[str],
    believed_by: Mapping[str, object],
    entities: list[dict[str, str]],
) -> str:
    """The text of a file of a source that the gateway follows by itself."""
    today = datetime.now(UTC).date()
    return document(
        {
            "id": name,
            "kind": kind,
            "state": "active",
            "activation": "automatic",
            "countries": countries,
            **believed_by,
            "valid_from": today - timedelta(days=1),
            "valid_until": today + timedelta(days=_ANCHOR_DAYS),
            "test": True,
            "evidence": "none: a sandbox needs none",
        },
        None,
        {"entities": entities},
    )


def exceptions(kinds: Iterable[str]) -> list[dict[str, object]]:
    """One dated exception for each kind."""
    until = datetime.now(UTC).date() + timedelta(days=_EXCEPTION_DAYS)
    return [{"kind": kind, "until": until, "reason": "sandbox: shows a dated exception"} for kind in kinds]
