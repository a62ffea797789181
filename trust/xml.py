"""The one place that turns foreign octets into an XML tree (security.md A.0 steps 3 to 5, A.3).

Every refusal here happens before any cryptography. The parser resolves nothing, fetches
nothing, expands nothing and changes nothing: the tree that is verified is the tree that came.

The shapes are a *message* (SAML protocol, SOAP) and *metadata*. They differ in their limits
and in what may stand inside: comments are harmless in metadata, since nobody reads text there
before the canonical re-parse, but a message has no business carrying any.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from lxml import etree

from trust.errors import VerificationError

Element = etree._Element  # lxml exports no public name for its element type

DS = "http://www.w3.org/2000/09/xmldsig#"
DSIG11 = "http://www.w3.org/2009/xmldsig11#"
EC14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
XENC = "http://www.w3.org/2001/04/xmlenc#"
XENC11 = "http://www.w3.org/2009/xmlenc11#"
SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
MD = "urn:oasis:names:tc:SAML:2.0:metadata"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"

_GUARDED = (DS, DSIG11, EC14N, XENC, XENC11, SAMLP, SAML, MD, SOAP, WSSE, WSU)
_GUARDED_FOLDED = {uri.lower(): uri for uri in _GUARDED}
_ENCRYPTION_OR_SIGNATURE = tuple("{" + uri + "}" for uri in (DS, DSIG11, XENC, XENC11))
_WSU_ID = "{" + WSU + "}Id"
_FOREIGN_ID_NAMES = frozenset({"Id", "id", "iD", "AssertionID", "RequestID", "ResponseID"})
_ENCODING = re.compile(rb"""encoding\s*=\s*["']([^"']*)["']""")

XML_WHITESPACE = " \t\r\n"
"""What XML calls white space. A no-break space is content: ``str.strip()`` would take it away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Limits of one kind of document."""

    max_bytes: int
    max_elements: int
    max_depth: int
    max_attributes: int = 32
    max_namespaces: int = 500
    """Declarations in all; canonicalisation takes their number times that of names (a node writes some 60)."""
    comments: bool = False
    """Whether comments and processing instructions inside the root are tolerated."""
    security_ids: bool = False
    """Whether elements may carry ``wsu:Id``, which WS-Security signatures refer to."""


SOAP_MESSAGE = Shape(max_bytes=262_144, max_elements=1_000, max_depth=30, security_ids=True)
MESSAGE = Shape(max_bytes=262_144, max_elements=2_000, max_depth=40)
METADATA = Shape(
    max_bytes=5_242_880, max_elements=50_000, max_depth=60, max_namespaces=100_000, comments=True
)
AGGREGATE = Shape(
    max_bytes=20_971_520, max_elements=400_000, max_depth=60, max_namespaces=800_000, comments=True
)


def parse(octets: bytes, shape: Shape = MESSAGE) -> Element:
    """Parse ``octets`` once, hardened, and check the shape of the whole tree.

    Raises VerificationError with a reason ``xml.*``.
    """
    _check_octets(octets, shape)
    root = _parse(octets)
    _check_tree(root, shape)
    return root


def parse_canonical(octets: bytes) -> Element:
    """Re-parse octets that this process canonicalised and verified itself.

    Same parser; the shape was checked before, on the tree these octets came from.
    """
    if not octets:
        raise VerificationError("xml.empty")
    return _parse(octets)


def canonicalise(element: Element, *, inclusive_prefixes: tuple[str, ...] = ()) -> bytes:
    """Exclusive canonical form of ``element`` in its context (xml-exc-c14n).

    Raises VerificationError for anything that canonicalisation cannot represent, such as a
    relative namespace URI, and for an empty result (security.md A.8). ``#default`` in
    ``inclusive_prefixes`` counts for declarations inside ``element`` only; a message that leans
    on an outer default namespace there fails its digest, which is the safe side.
    """
    try:
        octets: bytes = etree.tostring(
            element,
            method="c14n",
            exclusive=True,
            with_comments=False,  # a reference by ID never covers comments (xmldsig-core1 §4.4.3.3)
            inclusive_ns_prefixes=list(inclusive_prefixes) or None,
            with_tail=False,
        )
    except (etree.C14NError, ValueError) as error:
        raise VerificationError("xml.canonicalisation") from error
    if not octets:
        raise VerificationError("xml.canonicalisation", "empty result")
    return octets


def text(element: Element) -> str:
    """The full string value of a simple-typed element, outer XML white space stripped.

    Raises VerificationError when it has element children: a reader that takes the first text
    node would see something else than the signature covers (security.md A.7).
    """
    if len(element):
        raise VerificationError("xml.mixed-content", etree.QName(element).localname)
    return (element.text or "").strip(XML_WHITESPACE)


def only_child(parent: Element, name: str) -> Element:
    """The one direct child called ``name``; raises VerificationError for none or several."""
    found = parent.findall(name)
    if len(found) != 1:
        raise VerificationError("xml.cardinality", f"{len(found)} x {etree.QName(name).localname}")
    return found[0]


def optional_child(parent: Element, name: str) -> Element | None:
    """The direct child called ``name`` or None; raises VerificationError for several."""
    found = parent.findall(name)
    if len(found) > 1:
        raise VerificationError("xml.cardinality", f"{len(found)} x {etree.QName(name).localname}")
    return found[0] if found else None


def _check_octets(octets: bytes, shape: Shape) -> None:
    if not octets:
        raise VerificationError("xml.empty")
    if len(octets) > shape.max_bytes:
        raise VerificationError("xml.size")
    if octets.startswith((b"\xfe\xff", b"\xff\xfe", b"\x00\x00\xfe\xff", b"+/v")):
        raise VerificationError("xml.encoding")
    if b"\x00" in octets:
        raise VerificationError("xml.encoding")
    if not _is_utf8(octets):
        raise VerificationError("xml.encoding")
    if octets.removeprefix(b"\xef\xbb\xbf").startswith(b"<?xml"):
        stated = _ENCODING.findall(octets[: octets.find(b"?>") + 2])
        if any(name.lower() != b"utf-8" for name in stated):
            raise VerificationError("xml.encoding")
    upper = octets.upper()
    if b"<!DOCTYPE" in upper or b"<!ENTITY" in upper or b"<!ATTLIST" in upper:
        raise VerificationError("xml.doctype")
    # bounds that hold before a tree exists: every element has a "<", most have two
    if octets.count(b"<") > 2 * shape.max_elements + 16:
        raise VerificationError("xml.elements")
    if octets.count(b"xmlns") > shape.max_namespaces:
        raise VerificationError("xml.namespaces")


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:  # holds the octets, so it must not become anybody's __context__
        return False
    return True


def _parse(octets: bytes) -> Element:
    # a parser per call: libxml2 parser contexts must not be shared between threads
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=False,
        remove_pis=False,
        recover=False,
    )
    root = None
    with suppress(
        etree.XMLSyntaxError, ValueError
    ):  # refused below without their text: it quotes the message
        root = etree.fromstring(octets, parser)
    if root is None:
        raise VerificationError("xml.malformed")
    information = root.getroottree().docinfo
    if information.internalDTD is not None or information.doctype:
        raise VerificationError("xml.doctype")
    return root


def _check_tree(root: Element, shape: Shape) -> None:
    if not shape.comments and (root.getprevious() is not None or root.getnext() is not None):
        raise VerificationError("xml.comment", "outside the root")
    elements = depth = 0
    seen: set[str] = set()
    for event, item in etree.iterwalk(root, events=("start", "end", "start-ns", "comment", "pi")):
        if event == "start":
            elements += 1
            depth += 1
            if elements > shape.max_elements:
                raise VerificationError("xml.elements")
            if depth > shape.max_depth:
                raise VerificationError("xml.depth")
            _check_element(item, shape, seen)
        elif event == "end":
            depth -= 1
        elif event == "start-ns":
            _check_namespace(item[1])
        elif not shape.comments:
            raise VerificationError("xml.comment", "comment or processing instruction")


def _check_element(element: Element, shape: Shape, seen: set[str]) -> None:
    tag = element.tag
    if not isinstance(tag, str):  # an entity reference node
        raise VerificationError("xml.entity")
    attributes = element.attrib
    if not attributes:
        return
    if len(attributes) > shape.max_attributes:
        raise VerificationError("xml.attributes")
    for name in map(str, attributes):
        if name in {"ID", "Id"} or (name == _WSU_ID and shape.security_ids):
            if name == "Id" and not tag.startswith(_ENCRYPTION_OR_SIGNATURE):
                raise VerificationError("xml.id", "Id outside ds and xenc")
            value = str(attributes[name])
            if value in seen:
                raise VerificationError("xml.id", "duplicate")
            seen.add(value)
        elif name in _FOREIGN_ID_NAMES:
            raise VerificationError("xml.id", name)
        elif name[0] == "{" and name.rpartition("}")[2].lower() == "id":
            raise VerificationError("xml.id", "namespaced")


def _check_namespace(uri: str) -> None:
    """Refuse relative namespace URIs and look-alikes of the ones that carry meaning (A.8)."""
    if not uri or uri in _GUARDED:
        return
    try:
        relative = not urlsplit(uri).scheme
    except ValueError:  # such as an unclosed IPv6 bracket
        relative = True
    if relative:
        raise VerificationError("xml.namespace", "relative")
    folded = uri.strip().lower()
    if folded in _GUARDED_FOLDED or folded.rstrip("#/") in {u.rstrip("#/") for u in _GUARDED_FOLDED}:
        raise VerificationError("xml.namespace", "look-alike")
