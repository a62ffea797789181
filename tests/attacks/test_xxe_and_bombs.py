"""DTDs, external entities, XInclude and bombs: refused before a parser or a key sees them (security.md A.3)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.saml.response import receive
from tests.attacks.refusal import expectation, no_cryptography, refused
from tests.support.saml_peer import SAMLP, Exchange
from trust import xml

RESPONSE = f'<p:Response xmlns:p="{SAMLP}" ID="_1">'


class Listener:
    """Counts connections to a port of this machine."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self.port = self._socket.getsockname()[1]
        self.connections = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            self.connections += 1
            connection.close()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def dtd(subset: str, body: str = "&x;") -> str:
    return f"<!DOCTYPE r [{subset}]>{RESPONSE}{body}</p:Response>"


def laughs() -> str:
    entities = '<!ENTITY a0 "lol">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    return dtd(entities, "&a9;")


DOCTYPES = {
    "file": dtd('<!ENTITY x SYSTEM "file://{file}">'),
    "http": dtd('<!ENTITY x SYSTEM "http://127.0.0.1:{port}/x">'),
    "parameter-entity": dtd('<!ENTITY % x SYSTEM "http://127.0.0.1:{port}/x"> %x;', ""),
    "external-subset": f'<!DOCTYPE r SYSTEM "http://127.0.0.1:{{port}}/x.dtd">{RESPONSE}</p:Response>',
    "public-subset": f'<!DOCTYPE r PUBLIC "-//x" "http://127.0.0.1:{{port}}/x.dtd">{RESPONSE}</p:Response>',
    "billion-laughs": laughs(),
    "quadratic": dtd('<!ENTITY x "' + "A" * 50_000 + '">', "&x;" * 5_000),
    "attlist-id": dtd("<!ATTLIST p:Response Destination ID #IMPLIED>", ""),
    "default-attribute": dtd('<!ATTLIST p:Response Version CDATA "2.0">', ""),
    "empty": f"<!DOCTYPE r>{RESPONSE}</p:Response>",
    "lower-case": f"<!doctype r>{RESPONSE}</p:Response>",
    "entity-without-doctype": f'<!ENTITY x "y">{RESPONSE}</p:Response>',
}


@pytest.mark.parametrize("name", DOCTYPES)
def test_doctype_never_reaches_the_parser(
    exchange: Exchange, name: str, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """eidas.md §13 number 10: refused on the octets, so nothing can be fetched or expanded."""
    secret = tmp_path / "secret"
    secret.write_text("content of a file")
    monkeypatch.setattr(xml, "_parse", lambda _: pytest.fail("parsed"))
    octets = DOCTYPES[name].replace("{port}", str(listener.port)).replace("{file}", str(secret)).encode()
    with no_cryptography():
        refused(lambda: exchange.finish(octets), {"xml.doctype", "saml.binding.size"})
        refused(lambda: receive(octets, expectation(exchange)), {"xml.doctype", "xml.size"})
    assert listener.connections == 0


@pytest.mark.parametrize("name", ["billion-laughs", "file", "attlist-id", "empty"])
def test_parser_alone_refuses_a_doctype_too(name: str, listener: Listener, tmp_path: Path) -> None:
    """The second fence: ``_parse`` without the look at the octets."""
    octets = (
        DOCTYPES[name].replace("{port}", str(listener.port)).replace("{file}", str(tmp_path / "x")).encode()
    )
    with pytest.raises(xml.VerificationError) as caught:
        xml._parse(octets)
    assert caught.value.reason in {"xml.doctype", "xml.malformed"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-7"])  # UTF-7: +ADwAIQ-
def test_doctype_in_another_encoding_does_not_slip_past_the_look_at_the_octets(
    exchange: Exchange, encoding: str
) -> None:
    octets = dtd('<!ENTITY x "y">').encode(encoding).replace(b"<!", b"+ADwAIQ-")
    with no_cryptography():
        refused(lambda: exchange.finish(octets), {"xml.encoding", "xml.malformed"})


BOMBS = {
    "10-MiB-text": (lambda: RESPONSE + "A" * 10_485_760 + "</p:Response>", "xml.size"),
    "10000-xmlns": (
        lambda: (
            "<p:Response"
            + "".join(f' xmlns:a{n}="u:{n}"' for n in range(10_000))
            + f' xmlns:p="{SAMLP}" ID="_1"/>'
        ),
        {"xml.size", "xml.namespaces"},
    ),
    "501-xmlns": (
        lambda: (
            "<p:Response"
            + "".join(f' xmlns:a{n}="u:{n}"' for n in range(500))
            + f' xmlns:p="{SAMLP}" ID="_1"/>'
        ),
        "xml.namespaces",
    ),
    "depth-1500": (lambda: RESPONSE + "<a>" * 1_500 + "</a>" * 1_500 + "</p:Response>", "xml.malformed"),
    "depth-41": (lambda: RESPONSE + "<a>" * 41 + "</a>" * 41 + "</p:Response>", "xml.depth"),
    "20000-elements": (lambda: RESPONSE + "<a/>" * 20_000 + "</p:Response>", "xml.elements"),
    "2001-elements": (lambda: RESPONSE + "<a/>" * 2_000 + "</p:Response>", "xml.elements"),
    "33-attributes": (
        lambda: RESPONSE + "<a " + " ".join(f'b{n}=""' for n in range(33)) + "/></p:Response>",
        "xml.attributes",
    ),
    "20000-attributes": (
        lambda: RESPONSE + "<a " + " ".join(f'b{n}=""' for n in range(20_000)) + "/></p:Response>",
        {"xml.attributes", "xml.malformed"},
    ),
    "20000-comments": (lambda: RESPONSE + "<!---->" * 20_000 + "</p:Response>", "xml.elements"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_is_refused_before_any_cryptography(exchange: Exchange, name: str) -> None:
    make, reason = BOMBS[name]
    octets = make().encode()
    with no_cryptography():
        refused(lambda: receive(octets, expectation(exchange)), reason)
        refused(
            lambda: exchange.finish(octets),
            {"saml.binding.size", *({reason} if isinstance(reason, str) else reason)},
        )


def test_octets_over_the_limit_are_not_parsed(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """security.md A.0 step 1: 256 KiB, decided before Base64 is decoded."""
    monkeypatch.setattr(xml, "_parse", lambda _: pytest.fail("parsed"))
    octets = exchange.reply().octets().replace(b"</saml2p:Response>", b" " * 262_144 + b"</saml2p:Response>")
    refused(lambda: exchange.finish(octets), "saml.binding.size")


def test_xinclude_is_not_processed(exchange: Exchange, tmp_path: Path) -> None:
    """The include stands there as an element nobody knows; the file is never read."""
    secret = tmp_path / "secret"
    secret.write_text("EL/DE/attacker")
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file://{secret}" parse="text"/>'
    octets = exchange.reply(
        edit_plain=lambda plain: plain.replace(
            "EL/DE/9f2c-Ελένη=+/7".encode("ascii", "xmlcharrefreplace"), include.encode()
        )
    ).octets()
    refused(lambda: exchange.finish(octets), "eidas.value")
