"""A value split by something canonicalisation drops is refused, never shortened (security.md A.7; CVE-2017-11427)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.identity import NaturalPerson
from tests.attacks.refusal import refused
from tests.support.saml_peer import CITIZEN, Exchange, natural

FULL = "EL/DE/victim.attacker"
SPLIT = "EL/DE/victim"
NAME_ID = '<saml2:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">{}</saml2:NameID>'


def splitter(node: bytes) -> Callable[[bytes], bytes]:
    return lambda plain: plain.replace(b"EL/DE/victim", b"EL/DE/victim" + node, 1)


REFUSED = {
    "comment": (b"<!---->", "xml.comment"),
    "comment-with-text": (b"<!-- x -->", "xml.comment"),
    "instruction": (b"<?x y?>", "xml.comment"),
    "child": (b"<x/>", "eidas.value"),
    "child-of-the-same-name": (b"<saml2:AttributeValue/>", "eidas.value"),
}


@pytest.mark.parametrize("node", REFUSED)
@pytest.mark.parametrize("signed", [False, True])
def test_identifier_split_inside_the_assertion_is_refused(
    exchange: Exchange, node: str, signed: bool
) -> None:
    markup, reason = REFUSED[node]
    attributes = (natural("PersonIdentifier", FULL), *CITIZEN[1:])
    octets = exchange.reply(
        attributes=attributes, sign_assertion=signed, edit_plain=splitter(markup)
    ).octets()
    refused(lambda: exchange.finish(octets), {reason, "signature.invalid"} if signed else reason)


@pytest.mark.parametrize("node", ["<!---->", "<?x y?>", "<saml2:x/>"])
def test_name_id_split_inside_the_assertion_is_refused(exchange: Exchange, node: str) -> None:
    octets = exchange.reply(name_id=NAME_ID.format(f"victim{node}.attacker")).octets()
    refused(lambda: exchange.finish(octets), {"xml.comment", "xml.schema"})


@pytest.mark.parametrize("node", [b"<!---->", b"<?x y?>"])
@pytest.mark.parametrize("name", [b"Issuer", b"StatusMessage"])
def test_comment_outside_the_assertion_is_refused(exchange: Exchange, name: bytes, node: bytes) -> None:
    octets = exchange.reply(status_message="some words").octets()
    octets = octets.replace(b"</saml2:" + name, node + b"</saml2:" + name)
    octets = octets.replace(b"</saml2p:" + name, node + b"</saml2p:" + name)
    refused(lambda: exchange.finish(octets), "xml.comment")


def test_cdata_keeps_the_whole_value(exchange: Exchange) -> None:
    """CDATA is only another spelling of text."""

    def cdata(plain: bytes) -> bytes:
        return plain.replace(FULL.encode(), b"EL/DE/victim<![CDATA[.attacker]]>")

    attributes = (natural("PersonIdentifier", FULL), *CITIZEN[1:])
    subject = exchange.finish(
        exchange.reply(attributes=attributes, edit_plain=cdata).octets()
    ).identity.subject
    assert isinstance(subject, NaturalPerson)
    assert subject.identifier is not None
    assert subject.identifier.value == FULL


def test_character_references_keep_the_whole_value(exchange: Exchange) -> None:
    def spell(plain: bytes) -> bytes:
        return plain.replace(FULL.encode(), b"EL/DE/victim&#46;attacker")

    attributes = (natural("PersonIdentifier", FULL), *CITIZEN[1:])
    subject = exchange.finish(
        exchange.reply(attributes=attributes, edit_plain=spell).octets()
    ).identity.subject
    assert subject.identifier is not None
    assert subject.identifier.value == FULL


def test_empty_cdata_in_a_digest_changes_nothing(exchange: Exchange) -> None:
    """Joined or not, Base64 text has one value; the message stays genuine."""

    def cdata(octets: bytes) -> bytes:
        return octets.replace(b"<ds:DigestValue>", b"<ds:DigestValue><![CDATA[]]>")

    octets = cdata(exchange.reply().octets())
    assert exchange.finish(octets).identity.source.country == "GR"
