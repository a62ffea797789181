"""SOAP envelope and PAOS header, read strictly and written (TR-03112-7 §2.6, liberty-paos).

A message belongs to a dialogue by ``RelatesTo``, which repeats the last MessageID it was sent.
"""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from eid_server.ecard import (
    ACTOR_NEXT,
    DSS,
    ECARD,
    GET_NEXT_COMMAND,
    ISO,
    PAOS,
    ROLE_PAOS,
    ROLE_REPLY,
    SB,
    SOAP,
    WSA,
    XSI,
)
from eid_server.errors import ProtocolViolation
from eid_server.xml import Element, parse, text_of

MAX_IDENTIFIER = 256
_UNDERSTOOD = frozenset({f"{{{PAOS}}}PAOS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One message from an eID-Client, its header read and its body not yet."""

    message_id: str
    relates_to: str | None
    """MessageID of ours that this answers; None in the first message."""
    body: Element
    """The one element inside ``soap:Body``."""


def read(octets: bytes) -> Envelope:
    """Parse one message; raises ProtocolViolation."""
    root = parse(octets)
    if root.tag != f"{{{SOAP}}}Envelope":
        raise ProtocolViolation("not a SOAP 1.1 envelope")
    parts = list(root)
    header = parts.pop(0) if parts and parts[0].tag == f"{{{SOAP}}}Header" else None
    if len(parts) != 1 or parts[0].tag != f"{{{SOAP}}}Body" or len(parts[0]) != 1:
        raise ProtocolViolation("an envelope has at most one header, then one body with one element")
    message_id, relates_to = _addressing(header)
    if message_id is None:
        raise ProtocolViolation("a message needs a MessageID")
    return Envelope(message_id=message_id, relates_to=relates_to, body=parts[0][0])


def write(body: Element, *, message_id: str, relates_to: str | None) -> bytes:
    """The envelope around ``body`` as UTF-8."""
    soap, paos, wsa = (f"{{{uri}}}" for uri in (SOAP, PAOS, WSA))
    names = {"soap": SOAP, "xsi": XSI, "iso": ISO, "paos": PAOS, "wsa": WSA, "ecard": ECARD, "dss": DSS}
    root = etree.Element(soap + "Envelope", nsmap=names)
    header = etree.SubElement(root, soap + "Header")
    block = etree.SubElement(
        header, paos + "PAOS", {soap + "mustUnderstand": "1", soap + "actor": ACTOR_NEXT}
    )
    etree.SubElement(block, paos + "Version").text = PAOS
    endpoint = etree.SubElement(block, paos + "EndpointReference")
    etree.SubElement(endpoint, paos + "Address").text = ROLE_PAOS
    metadata = etree.SubElement(endpoint, paos + "MetaData")
    etree.SubElement(metadata, paos + "ServiceType").text = GET_NEXT_COMMAND
    reply = etree.SubElement(header, wsa + "ReplyTo")
    etree.SubElement(reply, wsa + "Address").text = ROLE_REPLY
    if relates_to is not None:
        etree.SubElement(header, wsa + "RelatesTo").text = relates_to
    etree.SubElement(header, wsa + "MessageID").text = message_id
    etree.SubElement(root, soap + "Body").append(body)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _addressing(header: Element | None) -> tuple[str | None, str | None]:
    """MessageID and what it relates to, in either of the two styles."""
    found: dict[str, str] = {}
    for block in header if header is not None else ():
        if block.get(f"{{{SOAP}}}mustUnderstand") == "1" and block.tag not in _UNDERSTOOD:
            raise ProtocolViolation("a header block that must be understood and is not")
        if block.tag in {f"{{{WSA}}}MessageID", f"{{{WSA}}}RelatesTo"}:
            _note(found, etree.QName(block).localname, text_of(block))
        elif block.tag == f"{{{SB}}}Correlation":
            for attribute, name in (("messageID", "MessageID"), ("refToMessageID", "RelatesTo")):
                value = block.get(attribute)
                if value is not None:
                    _note(found, name, value)
    return found.get("MessageID"), found.get("RelatesTo")


def _note(found: dict[str, str], name: str, value: str) -> None:
    if name in found:
        raise ProtocolViolation(f"more than one {name}")
    if not value or len(value) > MAX_IDENTIFIER or not value.isprintable():
        raise ProtocolViolation(f"{name} is no identifier")
    found[name] = value
