"""The three responses (TR-03130-1 §3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

from sandbox.eid_service.names import DSS, EID, MAJOR, SELECTORS, eid
from sandbox.eid_service.reading import PSK

Leaves = Mapping[str, "str | Leaves"]
"""Element names to text, or to what stands inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a card has given."""

    operations: Mapping[str, str] = field(default_factory=dict)
    """Selector to ``ALLOWED``, ``PROHIBITED`` or ``NOTONCHIP``."""
    personal_data: Leaves = field(default_factory=dict)
    fulfils_age: bool | None = None
    fulfils_place: bool | None = None
    level: str | None = None
    """URI."""
    eid_type: str | None = None


def use_id_response(session: str, address: str, psk: PSK) -> etree._Element:
    root = _root("useIDResponse")
    _write(root, {"Session": {"ID": session}, "eCardServerAddress": address})
    _write(root, {"PSK": {"ID": psk.id, "Key": psk.key}})
    _result(root)
    return root


def get_result_response(outcome: Outcome, *, level_asked: bool, types_asked: bool) -> etree._Element:
    root = _root("getResultResponse")
    data = outcome.personal_data
    _write(root, {"PersonalData": {name: data[name] for name in SELECTORS if name in data}})
    for name, value in (("Age", outcome.fulfils_age), ("Place", outcome.fulfils_place)):
        if value is not None:
            _write(root, {f"Fulfils{name}Verification": {"FulfilsRequest": str(value).lower()}})
    _write(root, {"OperationsAllowedByUser": _selectors(outcome.operations)})
    if level_asked and outcome.level is not None:
        _write(root, {"LevelOfAssuranceResult": outcome.level})
    if types_asked and outcome.eid_type is not None:
        _write(root, {"EIDTypeResponse": {outcome.eid_type: "USED"}})
    _result(root)
    return root


def get_server_info_response(rights: frozenset[str]) -> etree._Element:
    root = _root("getServerInfoResponse")
    version = {"VersionString": "Sandbox 2.4.0", "Major": "2", "Minor": "4", "Bugfix": "0"}
    _write(root, {"ServerVersion": version})
    words = dict.fromkeys(rights, "ALLOWED")
    _write(root, {"DocumentVerificationRights": _selectors(words)})
    return root


def error_response(operation: str, minor: str) -> etree._Element:
    root = _root(f"{operation}Response")
    _result(root, minor)
    return root


def _selectors(words: Mapping[str, str]) -> dict[str, str]:
    return {name: words.get(name, "PROHIBITED") for name in SELECTORS}


def _root(name: str) -> etree._Element:
    return etree.Element(eid(name), nsmap={"eid": EID, "dss": DSS})


def _write(parent: etree._Element, leaves: Leaves) -> None:
    for name, value in leaves.items():
        element = etree.SubElement(parent, eid(name))
        if isinstance(value, str):
            element.text = value
        else:
            _write(element, value)


def _result(root: etree._Element, minor: str | None = None) -> None:
    result = etree.SubElement(root, f"{{{DSS}}}Result")
    major = "#ok" if minor is None else "#error"
    etree.SubElement(result, f"{{{DSS}}}ResultMajor").text = MAJOR + major
    if minor is not None:
        etree.SubElement(result, f"{{{DSS}}}ResultMinor").text = minor
