"""The one place of this package that turns octets into XML (security.md A.3).

No DTD, no entities, no network, no comments or processing instructions; bounded size, depth and
number of elements. Whatever cannot be read in exactly one way is refused.
"""

from __future__ import annotations

from lxml import etree

from eid_server.ecard import SB, SB_AS_WRITTEN
from eid_server.errors import ProtocolViolation

Element = etree._Element  # lxml exports no public name for its element type

MAX_OCTETS = 262_144
MAX_ELEMENTS = 1_000
MAX_DEPTH = 12
XML_WHITESPACE = " \t\r\n"


def parse(octets: bytes) -> Element:
    """The root of one message; raises ProtocolViolation."""
    if len(octets) > MAX_OCTETS:
        raise ProtocolViolation("message too long")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    try:
        # The parser refuses what is no URI as a namespace, and rightly; this one is in use.
        root = etree.fromstring(octets.replace(SB_AS_WRITTEN.encode(), SB.encode()), parser)
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise ProtocolViolation("not well-formed XML") from exc
    document = root.getroottree().docinfo
    if document.internalDTD is not None or document.externalDTD is not None:
        raise ProtocolViolation("a message has no document type")
    if (document.encoding or "UTF-8").upper() != "UTF-8":
        raise ProtocolViolation("a message is UTF-8")
    if root.getprevious() is not None or root.getnext() is not None:
        raise ProtocolViolation("nothing stands beside the envelope")
    for number, node in enumerate(root.iter(), start=1):
        if number > MAX_ELEMENTS:
            raise ProtocolViolation("too many elements")
        if not isinstance(node.tag, str):
            raise ProtocolViolation("no comments, processing instructions or entities in a message")
    _check_depth(root)
    return root


def _check_depth(root: Element) -> None:
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [child for element in level for child in element]
        if not level:
            return
    raise ProtocolViolation("nested too deeply")


def text_of(element: Element) -> str:
    """Text of an element without children, XML white space around it removed."""
    if len(element):
        raise ProtocolViolation(f"{etree.QName(element).localname} has no children")
    return (element.text or "").strip(XML_WHITESPACE)
