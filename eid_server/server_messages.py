"""What the eID-Server sends: message bodies for the envelope (TR-03112-7 §2.6, §3.6, TR-03112-6 §3.2.7).

Each answer to an eID-Client carries the next command; ``StartPAOSResponse`` is the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    PROFILE,
    XSI,
)
from eid_server.xml import Element


@dataclass(frozen=True, slots=True, kw_only=True)
class EAC1Input:
    certificates: Sequence[bytes]
    """Exactly one terminal certificate, that of its document verifier, and links in any number."""
    certificate_description: bytes
    required_chat: bytes
    """``7F4C`` objects, also without any right in them."""
    optional_chat: bytes
    auxiliary_data: bytes | None
    """The whole ``67`` object."""
    transaction_info: str | None = None
    accepted_eid_types: Sequence[str] = ()
    """Empty: the client assumes CardCertified, SECertified and SEEndorsed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EAC2Input:
    certificates: Sequence[bytes] = ()
    """Links to a trust point that the card named and the document verifier's; never the terminal's."""
    ephemeral_public_key: bytes
    """Uncompressed point."""
    signature: bytes


def initialize_framework() -> Element:
    return etree.Element(f"{{{ECARD}}}InitializeFramework")


def eac1_input(slot_handle: str, content: EAC1Input) -> Element:
    body, data = _did_authenticate(slot_handle, "EAC1InputType")
    for eid_type in content.accepted_eid_types:
        _child(data, "AcceptedEIDType", eid_type)
    _hex_children(data, "Certificate", content.certificates)
    _child(data, "CertificateDescription", content.certificate_description.hex())
    _child(data, "RequiredCHAT", content.required_chat.hex())
    _child(data, "OptionalCHAT", content.optional_chat.hex())
    if content.auxiliary_data is not None:
        _child(data, "AuthenticatedAuxiliaryData", content.auxiliary_data.hex())
    if content.transaction_info is not None:
        _child(data, "TransactionInfo", content.transaction_info)
    return body


def eac2_input(slot_handle: str, content: EAC2Input) -> Element:
    body, data = _did_authenticate(slot_handle, "EAC2InputType")
    _hex_children(data, "Certificate", content.certificates)
    _child(data, "EphemeralPublicKey", content.ephemeral_public_key.hex())
    _child(data, "Signature", content.signature.hex())
    return body


def eac_additional_input(slot_handle: str, signature: bytes) -> Element:
    body, data = _did_authenticate(slot_handle, "EACAdditionalInputType")
    _child(data, "Signature", signature.hex())
    return body


def transmit(slot_handle: str, apdus: Iterable[bytes]) -> Element:
    """Every status word is acceptable: what it means is read inside secure messaging only."""
    body = etree.Element(_iso("Transmit"))
    _child(body, "SlotHandle", slot_handle)
    for apdu in apdus:
        _child(_child(body, "InputAPDUInfo"), "InputAPDU", apdu.hex().upper())
    return body


def start_paos_response(minor: str | None = None) -> Element:
    """The end; ``minor`` is the eCard-API's code of an error, None: everything went well."""
    body = etree.Element(_iso("StartPAOSResponse"), Profile=PROFILE)
    result = etree.SubElement(body, f"{{{DSS}}}Result")
    etree.SubElement(result, f"{{{DSS}}}ResultMajor").text = MAJOR_OK if minor is None else MAJOR_ERROR
    if minor is not None:
        etree.SubElement(result, f"{{{DSS}}}ResultMinor").text = minor
    return body


def _did_authenticate(slot_handle: str, kind: str) -> tuple[Element, Element]:
    # The prefix inside xsi:type is text to a parser; the element that carries it must declare it.
    body = etree.Element(_iso("DIDAuthenticate"), nsmap={"iso": ISO, "xsi": XSI})
    handle = _child(body, "ConnectionHandle")
    handle.set(f"{{{XSI}}}type", "iso:ConnectionHandleType")
    _child(handle, "CardApplication", EID_APPLICATION.hex())
    _child(handle, "SlotHandle", slot_handle)
    _child(body, "DIDName", "PIN")
    data = _child(body, "AuthenticationProtocolData")
    data.set(f"{{{XSI}}}type", f"iso:{kind}")
    data.set("Protocol", EAC_PROTOCOL)
    return body, data


def _hex_children(parent: Element, name: str, values: Iterable[bytes]) -> None:
    for value in values:
        _child(parent, name, value.hex())


def _child(parent: Element, name: str, text: str | None = None) -> Element:
    child = etree.SubElement(parent, _iso(name))
    child.text = text
    return child


def _iso(name: str) -> str:
    return f"{{{ISO}}}{name}"
