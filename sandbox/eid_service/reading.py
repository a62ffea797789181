"""The three requests, read strictly (TR-03130-1 §3.2): known elements in their order, or schemaViolation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from sandbox.eid_service.names import EID_TYPES, INVALID_PSK, SCHEMA_VIOLATION, SELECTORS, Refused, eid

_LEVELS = frozenset(
    f"http://bsi.bund.de/eID/LoA/{word}" for word in ("undefined", "normal", "substantiell", "hoch")
)
_HEXADECIMAL = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,9}\s*")
_USE_ID = (
    "UseOperations", "AgeVerificationRequest", "PlaceVerificationRequest", "TransactionInfo",
    "TransactionAttestationRequest", "LevelOfAssuranceRequest", "EIDTypeRequest", "PSK",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PSK:
    id: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UseID:
    required: frozenset[str]
    optional: frozenset[str]
    age: int | None = None
    community_id: str | None = None
    transaction_info: str | None = None
    minimum: str | None = None
    eid_types: Mapping[str, bool] | None = None
    """None: not even asked which one was used."""
    psk: PSK | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetResult:
    session: str
    counter: int


def use_id(root: etree._Element) -> UseID:
    """Raises Refused."""
    parts = _children(root, _USE_ID, required=("UseOperations",))
    selected = {
        name: _word(element, ("ALLOWED", "REQUIRED", "PROHIBITED", ""))
        for name, element in _children(parts["UseOperations"], SELECTORS).items()
    }
    minimum = _text(parts["LevelOfAssuranceRequest"]) if "LevelOfAssuranceRequest" in parts else None
    if minimum is not None and minimum not in _LEVELS:
        raise Refused(SCHEMA_VIOLATION)
    return UseID(
        required=frozenset(name for name, word in selected.items() if word == "REQUIRED"),
        optional=frozenset(name for name, word in selected.items() if word == "ALLOWED"),
        age=_age(parts.get("AgeVerificationRequest")),
        community_id=_community(parts.get("PlaceVerificationRequest")),
        transaction_info=_text(parts["TransactionInfo"]) if "TransactionInfo" in parts else None,
        minimum=minimum,
        eid_types=_eid_types(parts.get("EIDTypeRequest")),
        psk=_psk(parts.get("PSK")),
    )


def get_result(root: etree._Element) -> GetResult:
    """Raises Refused."""
    parts = _children(root, ("Session", "RequestCounter"), required=("Session", "RequestCounter"))
    session = _children(parts["Session"], ("ID",), required=("ID",))
    return GetResult(session=_text(session["ID"]), counter=_integer(parts["RequestCounter"]))


def get_server_info(root: etree._Element) -> None:
    """Raises Refused."""
    _children(root, ())


def session_named(root: etree._Element) -> str | None:
    """The session that even a broken getResult names: it ends all the same (A1_4_11)."""
    return root.findtext(f"./{eid('Session')}/{eid('ID')}")


def _age(element: etree._Element | None) -> int | None:
    return None if element is None else _integer(_children(element, ("Age",), required=("Age",))["Age"])


def _community(element: etree._Element | None) -> str | None:
    if element is None:
        return None
    digits = _text(_children(element, ("CommunityID",), required=("CommunityID",))["CommunityID"])
    if not re.fullmatch(r"[0-9]{4,14}", digits, re.ASCII):
        raise Refused(SCHEMA_VIOLATION)
    return digits


def _eid_types(element: etree._Element | None) -> dict[str, bool] | None:
    if element is None:
        return None
    return {
        name: _word(child, ("ALLOWED", "DENIED")) == "ALLOWED"
        for name, child in _children(element, EID_TYPES).items()
    }


def _psk(element: etree._Element | None) -> PSK | None:
    """A key that cannot be used has a code of its own: odd length, not hexadecimal, too short (A1_4_04…06)."""
    if element is None:
        return None
    parts = _children(element, ("ID", "Key"), required=("ID", "Key"))
    psk = PSK(id=_text(parts["ID"]), key=_text(parts["Key"]))
    for value in (psk.id, psk.key):
        if not _HEXADECIMAL.fullmatch(value) or len(value) < 32:
            raise Refused(INVALID_PSK)
    return psk


def _children(
    parent: etree._Element, allowed: tuple[str, ...], required: tuple[str, ...] = ()
) -> dict[str, etree._Element]:
    """Children by name: each at most once, in the order of ``allowed``, nothing between them."""
    names = {eid(name): name for name in allowed}
    found: dict[str, etree._Element] = {}
    last = -1
    if (parent.text or "").strip() or any((child.tail or "").strip() for child in parent):
        raise Refused(SCHEMA_VIOLATION)
    for child in parent:
        name = names.get(str(child.tag))
        if name is None or allowed.index(name) <= last:
            raise Refused(SCHEMA_VIOLATION)
        last = allowed.index(name)
        found[name] = child
    if any(name not in found for name in required):
        raise Refused(SCHEMA_VIOLATION)
    return found


def _text(element: etree._Element) -> str:
    if len(element):
        raise Refused(SCHEMA_VIOLATION)
    return element.text or ""


def _word(element: etree._Element, allowed: tuple[str, ...]) -> str:
    text = _text(element)
    if text not in allowed:
        raise Refused(SCHEMA_VIOLATION)
    return text


def _integer(element: etree._Element) -> int:
    text = _text(element)
    if not _INTEGER.fullmatch(text):
        raise Refused(SCHEMA_VIOLATION)
    return int(text)
