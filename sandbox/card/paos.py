"""PAOS as the eID-Client speaks it: StartPAOS, then an answer to each command (TR-03112-7 §2.6, §3.6)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

NS = {
    "soap": "http://schemas.xmlsoap.org/soap/envelope/",
    "paos": "urn:liberty:paos:2006-08",
    "wsa": "http://www.w3.org/2005/03/addressing",
    "iso": "urn:iso:std:iso-iec:24727:tech:schema",
    "ecard": "http://www.bsi.bund.de/ecard/api/1.1",
    "dss": "urn:oasis:names:tc:dss:1.0:core:schema",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
MAJOR = "http://www.bsi.bund.de/ecard/api/1.1/resultmajor"
MINOR = "http://www.bsi.bund.de/ecard/api/1.1/resultminor"
EID_APPLICATION = "e80704007f00070302"
EAC = "urn:oid:1.3.162.15480.3.0.14.2"
SLOT = "00"
HEADERS = {
    "PAOS": f'ver="{NS["paos"]}"',
    "Accept": "text/html; application/vnd.paos+xml",
    "Content-Type": "application/vnd.paos+xml; charset=UTF-8",
    "User-Agent": "SandboxClient/1.0 (TR-03124/1.4)",
}
ACTOR = "http://schemas.xmlsoap.org/soap/actor/next"
API = (("Major", "1"), ("Minor", "1"), ("Subminor", "5"))
SIZE_LIMIT = 1 << 20


class Maker:
    """Elements of one namespace."""

    def __init__(self, prefix: str) -> None:
        self._namespace = NS[prefix]

    def __call__(
        self, name: str, *content: etree._Element | str, attributes: Mapping[str, str] | None = None
    ) -> etree._Element:
        element = etree.Element(f"{{{self._namespace}}}{name}", dict(attributes or {}), NS)
        for part in content:
            if isinstance(part, str):
                element.text = part
            else:
                element.append(part)
        return element


_soap, _paos, _wsa, _iso, _ecard, _dss = map(Maker, ("soap", "paos", "wsa", "iso", "ecard", "dss"))


class UnreadableMessage(ValueError):
    """No XML, or not what the standard says."""


def parse(body: bytes) -> etree._Element:
    """Read a document without DTD and entities; raises UnreadableMessage."""
    if len(body) > SIZE_LIMIT:
        raise UnreadableMessage("too large")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableMessage("no XML") from error
    if b"<!DOCTYPE" in body:
        raise UnreadableMessage("a DTD")
    return root


@dataclass(frozen=True, slots=True)
class Received:
    """A message of the eID-Server."""

    body: etree._Element
    message_id: str

    @property
    def name(self) -> str:
        """Local name of what the server wants: ``DIDAuthenticate``, ``Transmit``…"""
        return etree.QName(self.body).localname

    @property
    def eac_type(self) -> str:
        """``EAC1InputType`` and so on; empty for other messages."""
        data = self.body.find("iso:AuthenticationProtocolData", NS)
        kind = "" if data is None else data.get(f"{{{NS['xsi']}}}type") or ""
        return kind.rpartition(":")[2]

    def texts(self, name: str) -> list[str]:
        """Contents of the elements with this name, at any depth."""
        return [(e.text or "").strip() for e in self.body.iter(f"{{{NS['iso']}}}{name}")]

    def octets(self, name: str) -> list[bytes]:
        """The same as octets; raises UnreadableMessage."""
        try:
            return [bytes.fromhex(text) for text in self.texts(name)]
        except ValueError:
            raise UnreadableMessage(f"{name} is not hexadecimal") from None

    def one(self, name: str) -> bytes | None:
        """The octets of an element that occurs at most once; raises UnreadableMessage."""
        found = self.octets(name)
        if len(found) > 1:
            raise UnreadableMessage(f"{name} {len(found)} times")
        return found[0] if found else None

    def needed(self, name: str) -> bytes:
        found = self.one(name)
        if found is None:
            raise UnreadableMessage(f"no {name}")
        return found

    @property
    def minor(self) -> str | None:
        """ResultMinor of an unfavourable StartPAOSResponse; None when all went well."""
        major = self.body.findtext(".//dss:ResultMajor", "", NS).strip()
        if major == f"{MAJOR}#ok":
            return None
        return self.body.findtext(".//dss:ResultMinor", "", NS).strip() or f"{MINOR}/al/common#unknownError"


def read(body: bytes) -> Received:
    """Open the envelope; raises UnreadableMessage."""
    root = parse(body)
    content = root.find("soap:Body", NS)
    if root.tag != f"{{{NS['soap']}}}Envelope" or content is None or len(content) != 1:
        raise UnreadableMessage("no envelope around one message")
    header = root.find("soap:Header", NS)
    found = None if header is None else header.findtext("wsa:MessageID", None, NS)
    return Received(content[0], (found or "").strip())


def _envelope(message: etree._Element, relates_to: str) -> bytes:
    to_the_next = {f"{{{NS['soap']}}}mustUnderstand": "1", f"{{{NS['soap']}}}actor": ACTOR}
    endpoint = _paos(
        "EndpointReference",
        _paos("Address", "http://www.projectliberty.org/2006/01/role/paos"),
        _paos("MetaData", _paos("ServiceType", f"{NS['ecard']}/PAOS/GetNextCommand")),
    )
    header = _soap(
        "Header",
        _paos("PAOS", _paos("Version", NS["paos"]), endpoint, attributes=to_the_next),
        _wsa("ReplyTo", _wsa("Address", "http://www.projectliberty.org/2006/02/role/paos")),
        *([_wsa("RelatesTo", relates_to)] if relates_to else []),
        _wsa("MessageID", uuid.uuid4().urn),
    )
    envelope = _soap("Envelope", header, _soap("Body", message))
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def start(session_identifier: str) -> bytes:
    """StartPAOS with one card in one reader."""
    version = ("VersionMajor", "1"), ("VersionMinor", "0"), ("VersionSubminor", "0")
    handle = _iso("ConnectionHandle", _iso("CardApplication", EID_APPLICATION), _iso("SlotHandle", SLOT))
    agent = _iso("UserAgent", _iso("Name", "SandboxClient"), *(_iso(name, text) for name, text in version))
    api = _iso("SupportedAPIVersions", *(_iso(name, text) for name, text in API))
    message = _iso("StartPAOS", _iso("SessionIdentifier", session_identifier), handle, agent, api)
    return _envelope(message, "")


def _result(minor: str | None, message: str = "") -> etree._Element:
    if minor is None:
        return _dss("Result", _dss("ResultMajor", f"{MAJOR}#ok"))
    language = {"{http://www.w3.org/XML/1998/namespace}lang": "en"}
    texts = [_dss("ResultMessage", message, attributes=language)] if message else []
    return _dss("Result", _dss("ResultMajor", f"{MAJOR}#error"), _dss("ResultMinor", minor), *texts)


def framework(to: Received) -> bytes:
    """InitializeFrameworkResponse."""
    version = _ecard("Version", *(_ecard(name, text) for name, text in API))
    return _envelope(_ecard("InitializeFrameworkResponse", _result(None), version), to.message_id)


def authenticated(to: Received, kind: str, content: Iterable[tuple[str, bytes]]) -> bytes:
    """DIDAuthenticateResponse with the output of one step of extended access control."""
    data = _iso(
        "AuthenticationProtocolData",
        *(_iso(name, value.hex()) for name, value in content),
        attributes={"Protocol": EAC, f"{{{NS['xsi']}}}type": f"iso:{kind}"},
    )
    return _response(to, "DIDAuthenticate", _result(None), data)


def failed(to: Received, minor: str, message: str = "") -> bytes:
    """The answer to a command that could not be carried out."""
    name = to.name if to.name == "Transmit" else "DIDAuthenticate"
    return _response(to, name, _result(minor, message))


def transmitted(to: Received, responses: Sequence[bytes]) -> bytes:
    """TransmitResponse."""
    outputs = (_iso("OutputAPDU", octets.hex()) for octets in responses)
    return _response(to, "Transmit", _result(None), *outputs)


def _response(to: Received, name: str, *content: etree._Element) -> bytes:
    profile = {"Profile": NS["ecard"]}
    return _envelope(_iso(f"{name}Response", *content, attributes=profile), to.message_id)
