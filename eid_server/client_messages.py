"""What an eID-Client sends: message bodies, read strictly by the schema (TR-03112-7, ISO24727-Protocols).

Order and number of elements are the schema's; nothing unknown is skipped, since an element that
comes twice, or in another place, is how messages are made to mean two things. Values of hexBinary
may have white space around them, as one client writes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree

from eid_server.apdus import EID_APPLICATION
from eid_server.ecard import (
    DSS,
    EAC_PROTOCOL,
    ECARD,
    ISO,
    MAJOR_ERROR,
    MAJOR_OK,
    MAJOR_WARNING,
    XSI,
    known_minor,
)
from eid_server.errors import ClientReported, ProtocolViolation
from eid_server.xml import XML_WHITESPACE, Element, text_of

MAX_OUTPUT_APDUS = 64
Qualify = Callable[[str], str]
"""Local name to qualified name."""
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_INTEGER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPAOS:
    session_identifier: str
    slot_handle: str
    """Hexadecimal as the client wrote it; it must come back the same."""
    user_agent: str
    """Name and version, for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InitializeFrameworkResponse:
    version: tuple[int, int | None, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EAC1Output:
    effective_chat: bytes | None
    """``7F4C`` object; None: the citizen changed nothing."""
    certification_authority_references: tuple[str, ...]
    """Trust points of the card for which the client found no chain."""
    ef_card_access: bytes
    id_picc: bytes
    challenge: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EAC2Output:
    ef_card_security: bytes
    authentication_token: bytes
    nonce: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EAC2Challenge:
    """EAC2Output of a client that wants the signature over a challenge it sends only now."""

    challenge: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TransmitResponse:
    output_apdus: tuple[bytes, ...]


class _Children:
    """The children of one element, taken one after the other as the schema orders them."""

    def __init__(self, parent: Element) -> None:
        if any(
            text.strip(XML_WHITESPACE)
            for text in (parent.text or "", *(child.tail or "" for child in parent))
        ):
            raise ProtocolViolation(f"text between the elements of {etree.QName(parent).localname}")
        self._parent = etree.QName(parent).localname
        self._left = list(parent)

    def any_number(self, tag: str, *, at_most: int) -> list[Element]:
        taken: list[Element] = []
        while self._left and self._left[0].tag == tag:
            taken.append(self._left.pop(0))
        if len(taken) > at_most:
            raise ProtocolViolation(f"{_local(tag)} occurs too often in {self._parent}")
        return taken

    def optional(self, tag: str) -> Element | None:
        taken = self.any_number(tag, at_most=1)
        return taken[0] if taken else None

    def one(self, tag: str) -> Element:
        taken = self.optional(tag)
        if taken is None:
            raise ProtocolViolation(f"{self._parent} needs {_local(tag)} here")
        return taken

    def end(self) -> None:
        if self._left:
            raise ProtocolViolation(f"{self._parent} has more than it may have")


def read_start_paos(body: Element) -> StartPAOS:
    """TR-03112-7 §2.6. Raises ProtocolViolation; no handle for the eID application is one too."""
    _expect(body, f"{{{ISO}}}StartPAOS")
    children = _Children(body)
    session_identifier = text_of(children.one(_iso("SessionIdentifier")))
    handles = [_slot_handle(one) for one in children.any_number(_iso("ConnectionHandle"), at_most=16)]
    user_agent = _user_agent(children.one(_iso("UserAgent")))
    versions = [
        _version(one, "Subminor", _iso)
        for one in children.any_number(_iso("SupportedAPIVersions"), at_most=16)
    ]
    protocols = {text_of(one) for one in children.any_number(_iso("SupportedDIDProtocols"), at_most=32)}
    children.end()
    if not session_identifier or len(session_identifier) > 128:
        raise ProtocolViolation("SessionIdentifier is empty or too long")
    if not any(version[:2] == (1, 1) for version in versions):
        raise ProtocolViolation("the client does not speak eCard-API 1.1")
    if protocols and not any(one == EAC_PROTOCOL or one.startswith(EAC_PROTOCOL + ".") for one in protocols):
        raise ProtocolViolation("the client does not speak Extended Access Control")
    usable = [handle for handle in handles if handle is not None]
    if not usable:
        raise ProtocolViolation("no ConnectionHandle to a card with the eID application")
    return StartPAOS(session_identifier=session_identifier, slot_handle=usable[0], user_agent=user_agent)


def read_initialize_framework_response(body: Element) -> InitializeFrameworkResponse:
    """TR-03112-3 §3.1.1. Raises ClientReported, ProtocolViolation."""
    _expect(body, f"{{{ECARD}}}InitializeFrameworkResponse")
    children = _Children(body)
    _check_result(children)
    version = _version(children.one(f"{{{ECARD}}}Version"), "SubMinor", _ecard)
    children.end()
    if version[:2] != (1, 1):
        raise ProtocolViolation("the client does not speak eCard-API 1.1")
    return InitializeFrameworkResponse(version=version)


def read_eac1_output(body: Element) -> EAC1Output:
    """Raises ClientReported, ProtocolViolation."""
    children = _protocol_data(body, "EAC1OutputType")
    chat = children.optional(_iso("CertificateHolderAuthorizationTemplate"))
    references = children.any_number(_iso("CertificationAuthorityReference"), at_most=2)
    output = EAC1Output(
        effective_chat=None if chat is None else _octets(chat),
        certification_authority_references=tuple(_reference(one) for one in references),
        ef_card_access=_octets(children.one(_iso("EFCardAccess"))),
        id_picc=_octets(children.one(_iso("IDPICC"))),
        challenge=_octets(children.one(_iso("Challenge"))),
    )
    children.end()
    return output


def read_eac2_output(body: Element) -> EAC2Output | EAC2Challenge:
    """Raises ClientReported, ProtocolViolation."""
    children = _protocol_data(body, "EAC2OutputType")
    challenge = children.optional(_iso("Challenge"))
    if challenge is not None:
        children.end()
        return EAC2Challenge(challenge=_octets(challenge))
    output = EAC2Output(
        ef_card_security=_octets(children.one(_iso("EFCardSecurity"))),
        authentication_token=_octets(children.one(_iso("AuthenticationToken"))),
        nonce=_octets(children.one(_iso("Nonce"))),
    )
    children.end()
    return output


def read_transmit_response(body: Element) -> TransmitResponse:
    """Raises ClientReported, ProtocolViolation."""
    _expect(body, f"{{{ISO}}}TransmitResponse")
    children = _Children(body)
    _check_result(children)
    outputs = children.any_number(_iso("OutputAPDU"), at_most=MAX_OUTPUT_APDUS)
    children.end()
    return TransmitResponse(output_apdus=tuple(_octets(one) for one in outputs))


def _protocol_data(body: Element, kind: str) -> _Children:
    _expect(body, f"{{{ISO}}}DIDAuthenticateResponse")
    children = _Children(body)
    _check_result(children)
    data = children.one(_iso("AuthenticationProtocolData"))
    children.end()
    prefix, _, local = (data.get(f"{{{XSI}}}type") or "").rpartition(":")
    if (data.nsmap.get(prefix or None), local) != (ISO, kind):
        raise ProtocolViolation(f"AuthenticationProtocolData is not of type {kind}")
    return _Children(data)


def _check_result(children: _Children) -> None:
    """``dss:Result``; raises ClientReported for an error."""
    result = _Children(children.one(f"{{{DSS}}}Result"))
    major = text_of(result.one(f"{{{DSS}}}ResultMajor"))
    minor = result.optional(f"{{{DSS}}}ResultMinor")
    result.optional(f"{{{DSS}}}ResultMessage")
    result.end()
    if major == MAJOR_ERROR:
        raise ClientReported(known_minor(None if minor is None else text_of(minor)))
    if major not in {MAJOR_OK, MAJOR_WARNING}:
        raise ProtocolViolation("unknown ResultMajor")


def _slot_handle(handle: Element) -> str | None:
    """SlotHandle of a ConnectionHandle; None if it names another card application or no slot."""
    children = _Children(handle)
    for name in ("ChannelHandle", "ContextHandle", "IFDName", "SlotIndex"):
        children.optional(_iso(name))
    application = children.optional(_iso("CardApplication"))
    slot = children.optional(_iso("SlotHandle"))
    children.optional(_iso("RecognitionInfo"))
    children.end()
    if slot is None or (application is not None and _octets(application) != EID_APPLICATION):
        return None
    _octets(slot)
    return text_of(slot)


def _user_agent(element: Element) -> str:
    children = _Children(element)
    name = text_of(children.one(_iso("Name")))
    numbers = [children.one(_iso("VersionMajor")), children.one(_iso("VersionMinor"))]
    subminor = children.optional(_iso("VersionSubminor"))
    children.end()
    if not name.isprintable() or len(name) > 64:
        raise ProtocolViolation("UserAgent has no proper name")
    numbers += [] if subminor is None else [subminor]
    return f"{name}/" + ".".join(str(_integer(one)) for one in numbers)


def _version(element: Element, third: str, qualify: Qualify) -> tuple[int, int | None, int | None]:
    children = _Children(element)
    major = children.one(qualify("Major"))
    rest = [children.optional(qualify("Minor")), children.optional(qualify(third))]
    children.end()
    minor, subminor = (None if one is None else _integer(one) for one in rest)
    return _integer(major), minor, subminor


def _reference(element: Element) -> str:
    """Country code, mnemonic, sequence number (TR-03110-3 A.6.1)."""
    reference = text_of(element)
    if not 1 <= len(reference) <= 16 or not reference.isprintable():
        raise ProtocolViolation("CertificationAuthorityReference is none")
    return reference


def _octets(element: Element) -> bytes:
    text = text_of(element)
    if not _HEX.fullmatch(text):
        raise ProtocolViolation(f"{etree.QName(element).localname} is not hexBinary")
    return bytes.fromhex(text)


def _integer(element: Element) -> int:
    text = text_of(element)
    if not _INTEGER.fullmatch(text):
        raise ProtocolViolation(f"{etree.QName(element).localname} is no number")
    return int(text)


def _expect(body: Element, tag: str) -> None:
    if body.tag != tag:
        raise ProtocolViolation(f"{_local(tag)} was due, another message came")


def _iso(name: str) -> str:
    return f"{{{ISO}}}{name}"


def _ecard(name: str) -> str:
    return f"{{{ECARD}}}{name}"


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
