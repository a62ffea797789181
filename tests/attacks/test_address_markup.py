"""An address is Base64 of XML without a root: a second door to the parser, with the same lock (eidas.md §5.6)."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from connectors.identity import Address, Attested, NaturalPerson
from tests.support.saml_peer import CITIZEN, Exchange, Installed, authentication_request, begin, natural


@pytest.fixture
def asked(greece: Installed) -> Exchange:
    return begin(greece, authentication_request(optional=frozenset({"address"})))


def delivered(exchange: Exchange, content: bytes) -> Address:
    address = natural("CurrentAddress", base64.b64encode(content).decode())
    subject = exchange.finish(exchange.reply(attributes=(*CITIZEN, address)).octets()).identity.subject
    assert isinstance(subject, NaturalPerson)
    assert isinstance(subject.address, Attested)
    return subject.address.value


def test_genuine_address_for_comparison(asked: Exchange) -> None:
    content = b"<eidas:Thoroughfare>Odos 1</eidas:Thoroughfare><eidas:PostCode>10000</eidas:PostCode>"
    assert delivered(asked, content) == Address(thoroughfare="Odos 1", post_code="10000")


@pytest.mark.parametrize(
    "content",
    [
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file://{file}">]><PostCode>&e;</PostCode>',
        '<PostCode><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file://{file}" parse="text"/></PostCode>',
        '</address><!DOCTYPE x [<!ENTITY e SYSTEM "file://{file}">]><address>&e;',
    ],
)
def test_address_never_reads_a_file(asked: Exchange, tmp_path: Path, content: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("content of a file")
    assert "content of a file" not in repr(delivered(asked, content.replace("{file}", str(secret)).encode()))


@pytest.mark.parametrize(
    "content",
    [
        b"<a>" * 3_000,
        b"<PostCode>1</PostCode>" * 500,
        b"<x:a/>" * 900,
        b"".join(f"<a{n}:b/>".encode() for n in range(900)),
        b"<" * 9_000,
        b"<PostCode",
        b"</address>",
        b"<!---->" * 900,
        b"\xff\xfe<\x00a\x00/\x00>\x00",
        bytes(range(256)),
        "\x1b[31m\u202eevil\u2066\x9b".encode(),
        b"<PostCode>\xc2\x9b31m\xe2\x80\xaeevil</PostCode>",
    ],
)
def test_hostile_address_costs_the_address_only(asked: Exchange, content: bytes) -> None:
    """It is optional, so the login goes on; what is kept can be shown without harm."""
    kept = delivered(asked, content)
    for text in (kept.full, kept.post_code):
        assert text is None or (len(text) <= 1_000 and text.isprintable())
