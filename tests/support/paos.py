"""What an eID-Client sends, written by hand so that a test can bend every part of it (TR-03112-7)."""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree

OK = "http://www.bsi.bund.de/ecard/api/1.1/resultmajor#ok"
ERROR = "http://www.bsi.bund.de/ecard/api/1.1/resultmajor#error"
MINOR = "http://www.bsi.bund.de/ecard/api/1.1/resultminor"
ISO = "{urn:iso:std:iso-iec:24727:tech:schema}"
DSS = "{urn:oasis:names:tc:dss:1.0:core:schema}"
WSA = "{http://www.w3.org/2005/03/addressing}"


def result(major: str = OK, minor: str | None = None) -> str:
    reason = "" if minor is None else f"<ResultMinor>{minor}</ResultMinor>"
    return (
        '<Result xmlns="urn:oasis:names:tc:dss:1.0:core:schema">'
        f"<ResultMajor>{major}</ResultMajor>{reason}</Result>"
    )


def envelope(body: str, *, message_id: str = "urn:uuid:1", relates_to: str | None = None) -> bytes:
    related = "" if relates_to is None else f"<wsa:RelatesTo>{relates_to}</wsa:RelatesTo>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        ' xmlns:wsa="http://www.w3.org/2005/03/addressing" xmlns:paos="urn:liberty:paos:2006-08"'
        ' xmlns:iso="urn:iso:std:iso-iec:24727:tech:schema"><soap:Header>'
        '<paos:PAOS soap:mustUnderstand="1" soap:actor="http://schemas.xmlsoap.org/soap/actor/next"/>'
        f"{related}<wsa:MessageID>{message_id}</wsa:MessageID></soap:Header>"
        f"<soap:Body>{body}</soap:Body></soap:Envelope>"
    ).encode()


HANDLE = (
    "<ConnectionHandle><CardApplication>e80704007f00070302</CardApplication>"
    "<SlotHandle>00</SlotHandle></ConnectionHandle>"
)
API_1_1 = (
    "<SupportedAPIVersions><Major>1</Major><Minor>1</Minor><Subminor>5</Subminor></SupportedAPIVersions>"
)


def start_paos(
    session: str, *, handles: str = HANDLE, versions: str = API_1_1, protocols: Iterable[str] = ()
) -> str:
    spoken = "".join(f"<SupportedDIDProtocols>{one}</SupportedDIDProtocols>" for one in protocols)
    return (
        '<StartPAOS xmlns="urn:iso:std:iso-iec:24727:tech:schema">'
        f"<SessionIdentifier>{session}</SessionIdentifier>{handles}"
        "<UserAgent><Name>Test</Name><VersionMajor>1</VersionMajor><VersionMinor>0</VersionMinor></UserAgent>"
        f"{versions}{spoken}</StartPAOS>"
    )


def did_response(kind: str, *fields: tuple[str, str], outcome: str | None = None) -> str:
    data = "".join(f"<{name}>{value}</{name}>" for name, value in fields)
    return (
        '<DIDAuthenticateResponse xmlns="urn:iso:std:iso-iec:24727:tech:schema">'
        f"{result() if outcome is None else outcome}"
        f'<AuthenticationProtocolData Protocol="urn:oid:1.3.162.15480.3.0.14" xsi:type="iso:{kind}">'
        f"{data}</AuthenticationProtocolData></DIDAuthenticateResponse>"
    )


def transmit_response(apdus: Iterable[str], *, outcome: str | None = None) -> str:
    outputs = "".join(f"<OutputAPDU>{one}</OutputAPDU>" for one in apdus)
    return (
        '<TransmitResponse xmlns="urn:iso:std:iso-iec:24727:tech:schema">'
        f"{result() if outcome is None else outcome}{outputs}</TransmitResponse>"
    )


def initialize_framework_response(*, outcome: str | None = None, minor: int = 1) -> str:
    return (
        '<InitializeFrameworkResponse xmlns="http://www.bsi.bund.de/ecard/api/1.1">'
        f"{result() if outcome is None else outcome}"
        f"<Version><Major>1</Major><Minor>{minor}</Minor><SubMinor>5</SubMinor></Version>"
        "</InitializeFrameworkResponse>"
    )


class Command:
    """An answer of the server, taken apart."""

    def __init__(self, octets: bytes) -> None:
        root = etree.fromstring(octets)
        self.body = root[1][0]
        self.name = etree.QName(self.body).localname
        self.message_id = root.findtext(f".//{WSA}MessageID")
        self.relates_to = root.findtext(f".//{WSA}RelatesTo")

    @property
    def kind(self) -> str:
        """Name of the message, for DIDAuthenticate the type of its data."""
        data = self.body.find(f"{ISO}AuthenticationProtocolData")
        if data is None:
            return self.name
        return data.get("{http://www.w3.org/2001/XMLSchema-instance}type").removeprefix("iso:")

    def texts(self, name: str) -> list[str]:
        return [one.text or "" for one in self.body.iter(ISO + name)]

    def octets(self, name: str) -> bytes:
        (text,) = self.texts(name)
        return bytes.fromhex(text)

    @property
    def major(self) -> str | None:
        return self.body.findtext(f"{DSS}Result/{DSS}ResultMajor")

    @property
    def minor(self) -> str | None:
        return self.body.findtext(f"{DSS}Result/{DSS}ResultMinor")
