"""Attribute pollution, namespace confusion and void canonicalisation (security.md A.8, "The Fragile Lock")."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import pytest
from lxml import etree

from tests.attacks.refusal import no_cryptography, refused
from tests.support import xml_signing
from tests.support.saml_peer import SAMLP, Exchange, rsa_pair
from tests.support.xml_signing import DS, EXC_C14N, SAML, XENC, Recipe

Octets = Callable[[bytes], bytes]


def in_root(addition: str) -> Octets:
    return lambda octets: octets.replace(
        b"<saml2p:Response ", b"<saml2p:Response " + addition.encode() + b" ", 1
    )


def before_signature(addition: str) -> Octets:
    return lambda octets: octets.replace(b"<ds:Signature ", addition.encode() + b"<ds:Signature ", 1)


def renamed(namespace: str, to: str) -> Octets:
    return lambda octets: octets.replace(f'"{namespace}"'.encode(), f'"{to}"'.encode(), 1)


POLLUTION = {
    "namespaced-id": in_root('saml2p:ID="_evil"'),
    "namespaced-id-of-another": in_root('xmlns:e="urn:example" e:ID="_evil"'),
    "namespaced-id-with-the-same-value": in_root('xmlns:e="urn:example" e:Id="_x"'),
    "xml-id": in_root('xml:id="_evil"'),
    "Id": in_root('Id="_evil"'),
    "id": in_root('id="_evil"'),
    "AssertionID": in_root('AssertionID="_evil"'),
    "ResponseID": in_root('ResponseID="_evil"'),
}


@pytest.mark.parametrize("name", POLLUTION)
def test_second_identifier_on_one_element_is_refused(exchange: Exchange, name: str) -> None:
    octets = POLLUTION[name](exchange.reply().octets())
    with no_cryptography():
        refused(lambda: exchange.finish(octets), "xml.id")


def test_pollution_after_the_real_identifier_is_refused(exchange: Exchange) -> None:
    """The other order of attributes."""
    octets = exchange.reply().octets().replace(b' Version="2.0"', b' saml2p:ID="_evil" Version="2.0"', 1)
    with no_cryptography():
        refused(lambda: exchange.finish(octets), "xml.id")


LOOK_ALIKES = [
    DS + " ", " " + DS, DS + "\u00a0", DS.upper(), DS.rstrip("#"), DS + "#", DS.replace("www", "WWW"),
    SAML + " ", SAML.upper(), SAML + "/", SAMLP.title(), SAMLP + "\u2003", XENC.rstrip("#"), "\t" + XENC, EXC_C14N.upper(),
]  # fmt: skip


@pytest.mark.parametrize("uri", LOOK_ALIKES)
def test_namespace_that_looks_like_another_is_refused(exchange: Exchange, uri: str) -> None:
    octets = in_root(f'xmlns:evil="{uri}"')(exchange.reply().octets())
    with no_cryptography():
        refused(lambda: exchange.finish(octets), {"xml.namespace", "xml.malformed"})


@pytest.mark.parametrize(
    "uri", ["1", "x", "./x", "#x", "/absolute/path", "//host/path", "http://[", "?", " "]
)
def test_relative_namespace_is_refused(exchange: Exchange, uri: str) -> None:
    """libxml2's canonicaliser fails on it; a careless caller hashes nothing."""
    octets = in_root(f'xmlns:evil="{uri}"')(exchange.reply().octets())
    with no_cryptography():
        refused(lambda: exchange.finish(octets), {"xml.namespace", "xml.malformed"})


def test_relative_namespace_in_signed_info_is_refused(exchange: Exchange) -> None:
    octets = exchange.reply().octets().replace(b"<ds:SignedInfo>", b'<ds:SignedInfo xmlns:v="1">')
    with no_cryptography():
        refused(lambda: exchange.finish(octets), "xml.namespace")


def test_relative_namespace_inside_the_encrypted_assertion_is_refused(exchange: Exchange) -> None:
    def change(plain: bytes) -> bytes:
        return plain.replace(b"<saml2:Subject>", b'<saml2:Subject xmlns:v="1">')

    refused(lambda: exchange.finish(exchange.reply(edit_plain=change).octets()), "xml.namespace")


SIGNATURES_OF_NO_NAMESPACE = {
    "none": '<Signature xmlns=""><SignedInfo/></Signature>',
    "other": '<Signature xmlns="urn:example"><SignedInfo/></Signature>',
    "redeclared-prefix": '<ds:Signature xmlns:ds="urn:example"><ds:SignedInfo/></ds:Signature>',
}


@pytest.mark.parametrize("name", SIGNATURES_OF_NO_NAMESPACE)
def test_signature_of_another_namespace_before_the_real_one_is_refused(exchange: Exchange, name: str) -> None:
    octets = before_signature(SIGNATURES_OF_NO_NAMESPACE[name])(exchange.reply().octets())
    with no_cryptography():
        refused(lambda: exchange.finish(octets), {"saml.structure", "xml.schema"})


@pytest.mark.parametrize("to", [DS + " ", "urn:example", ""])
def test_signature_moved_to_another_namespace_is_no_signature(exchange: Exchange, to: str) -> None:
    octets = exchange.reply(recipe=Recipe(prefix="")).octets()
    octets = renamed(DS, to)(octets)
    with no_cryptography():
        refused(lambda: exchange.finish(octets), {"xml.namespace", "xml.malformed", "xml.schema"})


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_digest_of_nothing_opens_nothing(exchange: Exchange, digest: str) -> None:
    """One genuine signature over "empty" would fit every message whose canonicalisation fails."""
    octets = exchange.reply(recipe=Recipe(digest_octets=b"", digest=digest)).octets()
    assert base64.b64encode(hashlib.new(digest, b"").digest()) in octets
    refused(
        lambda: exchange.finish(octets),
        "signature.digest" if digest == "sha256" else {"signature.digest", "signature.invalid"},
    )


def test_namespace_redeclared_inside_changes_what_is_read_and_what_is_signed(exchange: Exchange) -> None:
    """The attacker rebinds a prefix around a signed part; the digest notices."""
    octets = (
        exchange.reply()
        .octets()
        .replace(
            b"<saml2p:Status>",
            b'<saml2p:Status xmlns:saml2p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:e="urn:e">',
        )
    )
    verified = exchange.finish(octets)  # an unused declaration is not signed, and not read either
    assert verified.identity.source.country == "GR"
    octets = octets.replace(b'xmlns:e="urn:e"', b'e:x="1" xmlns:e="urn:e"')
    refused(lambda: exchange.finish(octets), {"signature.invalid", "xml.schema"})


def test_prefix_list_cannot_hide_a_declaration(exchange: Exchange) -> None:
    """InclusiveNamespaces of the genuine signer, then a declaration of such a prefix added."""
    reply = exchange.reply(recipe=Recipe(prefixes=("xs", "evil")))
    octets = in_root('xmlns:evil="urn:evil"')(reply.octets())
    refused(lambda: exchange.finish(octets), {"signature.invalid", "signature.digest"})


def test_element_signed_alone_cannot_be_moved_under_another_id(exchange: Exchange) -> None:
    """A genuine signature over an element with our Response's ID, transplanted."""
    reply = exchange.reply()
    small = etree.fromstring(f'<x ID="{reply.response_id}"/>')
    signature = xml_signing.signature(small, rsa_pair("node message"))

    def transplant(root: etree._Element) -> None:
        root.insert(1, signature)

    octets = exchange.reply(
        response_id=reply.response_id, sign_response=False, edit_signed=transplant
    ).octets()
    refused(lambda: exchange.finish(octets), "signature.invalid")
