"""The three requests of the eID-Interface (TR-03130-1 §3.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from connectors.assurance import LevelOfAssurance
from connectors.npa.eid_service import EIDRequest
from connectors.npa.operations import EIDType, Operation
from connectors.npa.soap.names import EID, LEVEL_URIS, eid


@dataclass(frozen=True, slots=True, kw_only=True)
class PSK:
    """Pre-shared key of one authentication: ``id`` is its identity in TLS and in the TC token."""

    id: str
    key: str = field(repr=False)
    """Hexadecimal."""


def use_id(request: EIDRequest, *, psk: PSK | None = None, level_of_assurance: bool = True) -> etree._Element:
    """``useIDRequest``; ``level_of_assurance`` False for services that know neither level nor carriers."""
    root = _root("useIDRequest")
    _operations(root, request)
    if request.age is not None:
        _leaf(_branch(root, "AgeVerificationRequest"), "Age", str(request.age))
    if request.community_id is not None:
        _leaf(_branch(root, "PlaceVerificationRequest"), "CommunityID", request.community_id)
    if request.transaction_info is not None:
        _leaf(root, "TransactionInfo", request.transaction_info)
    if level_of_assurance and request.minimum is not None:
        minimum = max(request.minimum, LevelOfAssurance.LOW)
        _leaf(root, "LevelOfAssuranceRequest", LEVEL_URIS[minimum])
    if level_of_assurance:  # also without a wish: whoever asks is told which carrier was used
        types = _branch(root, "EIDTypeRequest")
        for kind in EIDType:
            if kind in request.eid_types:
                _leaf(types, kind, "ALLOWED" if request.eid_types[kind] else "DENIED")
    if psk is not None:
        proposed = _branch(root, "PSK")
        _leaf(proposed, "ID", psk.id)
        _leaf(proposed, "Key", psk.key)
    return root


def _operations(root: etree._Element, request: EIDRequest) -> None:
    selectors = _branch(root, "UseOperations")
    for operation in Operation:
        if operation in request.required:
            _leaf(selectors, operation, "REQUIRED")
        elif operation in request.optional:
            _leaf(selectors, operation, "ALLOWED")
        elif operation is not Operation.COMMUNITY_ID:  # unknown before version 2.4.0; absent means the same
            _leaf(selectors, operation, "PROHIBITED")


def get_result(session: str, counter: int) -> etree._Element:
    """``getResultRequest``; ``counter`` rises by one with each call of an authentication."""
    root = _root("getResultRequest")
    _leaf(_branch(root, "Session"), "ID", session)
    _leaf(root, "RequestCounter", str(counter))
    return root


def get_server_info() -> etree._Element:
    """``getServerInfoRequest``, which is empty."""
    return _root("getServerInfoRequest")


def _root(name: str) -> etree._Element:
    return etree.Element(eid(name), nsmap={"eid": EID})


def _branch(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, eid(name))


def _leaf(parent: etree._Element, name: str, value: str) -> None:
    etree.SubElement(parent, eid(name)).text = value
