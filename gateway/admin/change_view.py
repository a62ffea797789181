"""A change as people read it: meaning first, then the raw text beneath."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateway.bundle.toml_text import toml_text
from gateway.web.translations import Translations
from trust.partner_lint import Finding
from trust.registry import Change, ChangeRefused, Document, Edit, ObjectKey, ObjectKind, Role, State
from trust.registry.diff import FILES, change_diff, facts, file_content, plain

_FACTS = {
    "subject": "changes.fact_subject",
    "issuer": "changes.fact_issuer",
    "SHA-256 of the certificate": "changes.fact_certificate",
    "SHA-256 of the public key": "changes.fact_spki",
    "key": "changes.fact_key",
    "valid": "changes.fact_valid",
    "SHA-256 of the file": "changes.fact_file",
    "octets": "changes.fact_octets",
    "octets beside certificates": "changes.fact_beside",
}
"""Words of ``trust.registry.diff`` that the console says in the page's language."""
_PERSON = {"name": "changes.person_name", "role": "changes.role"}
_METHODS = {"webauthn": "changes.method_passkey", "ed25519": "changes.method_ed25519"}
_PERSON_KEY = re.compile(r"key ([0-9]+)(, for)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One field."""

    name: str
    before: str | None
    after: str | None
    digest: bool
    """A fingerprint: shown so that it can be read out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectView:
    """One object of a change."""

    key: ObjectKey
    action: str
    facts: tuple[Fact, ...]
    raw: str
    """The object afterwards, as its TOML file and its files; empty where it is removed."""
    findings: tuple[Finding, ...] | None
    """What the table of algorithms says against it; None: nothing of it can be measured."""


def object_views(
    change: Change,
    before: State,
    words: Translations,
    findings: Mapping[ObjectKey, tuple[Finding, ...]] = MappingProxyType({}),
) -> tuple[ObjectView, ...]:
    """``change`` against the state it is, or was, applied to; ``findings`` of ``proposed_lint``."""
    after = {edit.key: edit for edit in change.edits}
    return tuple(
        ObjectView(
            key=diff.key,
            action=diff.action.replace(" ", "_").replace("-", "_"),
            facts=tuple(
                Fact(
                    name=_name(diff.key, field.path, words),
                    before=_value(diff.key, field.path, field.before, words),
                    after=_value(diff.key, field.path, field.after, words),
                    digest="SHA-256" in field.path,
                )
                for field in diff.fields
            ),
            raw=_raw(after[diff.key]),
            findings=findings.get(diff.key),
        )
        for diff in change_diff(change, before)
    )


def object_facts(key: ObjectKey, document: Document, words: Translations) -> tuple[Fact, ...]:
    """One object as it is."""
    return tuple(
        Fact(name=_name(key, path, words), before=None, after=plain(value), digest="SHA-256" in path)
        for path, value in facts(key, document).items()
    )


def raw_text(key: ObjectKey, document: Document) -> str:
    """The object's TOML file, and below it its files."""
    try:
        if key.kind is ObjectKind.APPROVER:
            return toml_text(document)
        parts = [toml_text(document["settings"])]
        for name, content in document.get(FILES, {}).items():
            octets = file_content(content)
            shown = plain_lines(octets.decode("utf-8", "replace")) if len(octets) < 100_000 else "…"
            parts.append(f"# {plain(name)}\n{shown}")
    except (ChangeRefused, TypeError, KeyError, AttributeError) as error:
        return f"# {type(error).__name__}"  # a document that no bundle has made
    return "\n".join(parts)


def plain_lines(text: str) -> str:
    """``text`` without controls and bidirectional marks, its lines kept."""
    return "\n".join(plain(line) for line in text.splitlines())


def _raw(edit: Edit) -> str:
    return "" if edit.after is None else raw_text(edit.key, edit.after)


def _value(key: ObjectKey, path: str, value: str | None, words: Translations) -> str | None:
    """What stands in a document of a person as a word, in the page's language; all else as it is."""
    if key.kind is not ObjectKind.APPROVER or value is None:
        return value
    if path == "role" and value in set(Role):
        return words.text(f"frame.role_{value}")
    method, comma, rest = value.partition(", ")
    if _PERSON_KEY.fullmatch(path) and method in _METHODS:
        return f"{words.text(_METHODS[method])}{comma}{rest}"
    return value


def _name(key: ObjectKey, path: str, words: Translations) -> str:
    if key.kind is ObjectKind.APPROVER:
        if found := _PERSON_KEY.fullmatch(path):
            return words.text(f"changes.fact_person_{'site' if found[2] else 'key'}", number=found[1])
        return words.text(_PERSON[path]) if path in _PERSON else path
    head, colon, tail = path.rpartition(": ")
    prefix, comma, said = tail.rpartition(", ")
    text = _FACTS.get(said)
    if text is None or (not colon and "." in path):
        return path
    return f"{head}{colon}{prefix}{comma}{words.text(text)}"
