"""One parser, one tree: octets that two readers could read differently are refused (security.md A.6)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.attacks.refusal import no_cryptography, refused
from tests.support.saml_peer import Exchange

DECLARATION = b"<?xml version='1.0' encoding='UTF-8'?>"
END = b"</saml2p:Response>"


def declared(encoding: bytes) -> Callable[[bytes], bytes]:
    return lambda octets: octets.replace(b"UTF-8", encoding, 1)


def before_end(addition: bytes) -> Callable[[bytes], bytes]:
    return lambda octets: octets.replace(END, addition + END)


CASES: dict[str, tuple[Callable[[bytes], bytes], str | set[str]]] = {
    "two-documents": (lambda o: o + o.removeprefix(DECLARATION), "xml.malformed"),
    "text-after-the-root": (lambda o: o + b"x", "xml.malformed"),
    "nul-after-the-root": (lambda o: o + b"\x00", "xml.encoding"),
    "comment-after-the-root": (lambda o: o + b"<!-- x -->", "xml.comment"),
    "instruction-after-the-root": (lambda o: o + b"<?x y?>", "xml.comment"),
    "comment-before-the-root": (lambda o: o.replace(DECLARATION, DECLARATION + b"<!-- x -->"), "xml.comment"),
    "stylesheet-before-the-root": (
        lambda o: o.replace(DECLARATION, DECLARATION + b'<?xml-stylesheet href="file:///x"?>'), "xml.comment",
    ),
    "utf-16-declared-utf-8": (lambda o: o.decode().encode("utf-16-le"), "xml.encoding"),
    "utf-16-with-mark": (lambda o: o.decode().encode("utf-16"), "xml.encoding"),
    "utf-7": (lambda o: o.replace(b"<", b"+ADw-"), "xml.malformed"),
    "utf-7-mark": (lambda o: b"+/v8-" + o, "xml.encoding"),
    "invalid-utf-8": (before_end(b"\xc3\x28"), "xml.encoding"),
    "overlong-utf-8": (before_end(b"\xc0\xbc"), "xml.encoding"),
    "surrogate-utf-8": (before_end(b"\xed\xa0\x80"), "xml.encoding"),
    "declared-latin-1": (declared(b"ISO-8859-1"), "xml.encoding"),
    "declared-utf-16": (declared(b"UTF-16"), "xml.encoding"),
    "declared-utf-7": (declared(b"UTF-7"), "xml.encoding"),
    "declared-ebcdic": (declared(b"IBM037"), "xml.encoding"),
    "declared-utf-8-and-more": (declared(b"x-utf-8"), "xml.encoding"),
    "declared-twice": (declared(b"UTF-8' encoding='ISO-8859-1"), {"xml.encoding", "xml.malformed"}),
    "utf-8-in-a-comment": (
        lambda o: o.replace(b"'UTF-8'?>", b"'ISO-8859-1'?><!-- utf-8 -->"), "xml.encoding",
    ),
    "two-byte-order-marks": (lambda o: b"\xef\xbb\xbf\xef\xbb\xbf" + o, "xml.malformed"),
    "blank-before-the-declaration": (lambda o: b" " + o, "xml.malformed"),
    "duplicate-attribute": (lambda o: o.replace(b' Version="2.0"', b' Version="2.0" Version="2.0"', 1), "xml.malformed"),
    "unbound-prefix": (before_end(b"<x:y/>"), "xml.malformed"),
    "empty": (lambda _: b"", "xml.empty"),
    "blanks": (lambda _: b"  \n", "xml.malformed"),
    "not-xml": (lambda _: b"SAMLResponse=x", "xml.malformed"),
    "html-entity": (before_end(b"&nbsp;"), "xml.malformed"),
    "control-character": (before_end(b"\x01"), "xml.malformed"),
    "control-character-reference": (before_end(b"&#1;"), "xml.malformed"),
    "noncharacter-reference": (before_end(b"&#xFFFE;"), "xml.malformed"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_ambiguous_octets_are_refused(exchange: Exchange, name: str) -> None:
    change, reason = CASES[name]
    octets = change(exchange.reply().octets())
    with no_cryptography():
        refused(lambda: exchange.finish(octets), reason)


def test_xml_1_1_gives_no_other_person(exchange: Exchange) -> None:
    """XML 1.1 knows more line ends and controls; the signed octets decide all the same."""
    genuine = exchange.reply().octets()
    other = genuine.replace(b"version='1.0'", b"version='1.1'")
    assert other != genuine
    assert exchange.finish(other) == exchange.finish(genuine)
