"""Transforms and canonicalisation outside the list are refused on the markup, before anything runs (security.md A.4)."""

from __future__ import annotations

import pytest

from tests.attacks.refusal import no_cryptography, refused
from tests.support.saml_peer import Exchange
from tests.support.xml_signing import DS, ENVELOPED, EXC_C14N, Recipe

C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
C14N11 = "http://www.w3.org/2006/12/xml-c14n11"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
FILTER2 = "http://www.w3.org/2002/06/xmldsig-filter2"


def one(algorithm: str, content: str = "") -> str:
    return f'<ds:Transform Algorithm="{algorithm}">{content}</ds:Transform>'


STYLESHEET = (
    '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">'
    '<xsl:template match="/"><x/></xsl:template></xsl:stylesheet>'
)
TRANSFORMS = {
    "xslt": one(ENVELOPED) + one(XSLT, STYLESHEET),
    "xslt-first": one(XSLT, STYLESHEET) + one(ENVELOPED),
    "xpath": one(ENVELOPED)
    + one(XPATH, "<ds:XPath>not(ancestor-or-self::*[local-name()='Subject'])</ds:XPath>"),
    "xpath-only": one(XPATH, "<ds:XPath>1</ds:XPath>"),
    "filter2": one(ENVELOPED)
    + one(FILTER2, f'<f:XPath xmlns:f="{FILTER2}" Filter="subtract">//*[local-name()="Subject"]</f:XPath>'),
    "base64": one(ENVELOPED) + one(DS + "base64"),
    "decrypt": one("http://www.w3.org/2002/07/decrypt#XML") + one(ENVELOPED),
    "inclusive": one(ENVELOPED) + one(C14N),
    "inclusive-with-comments": one(ENVELOPED) + one(C14N + "#WithComments"),
    "c14n11": one(ENVELOPED) + one(C14N11),
    "three": one(ENVELOPED) + one(EXC_C14N) + one(EXC_C14N),
    "twice-enveloped": one(ENVELOPED) + one(ENVELOPED),
    "wrong-order": one(EXC_C14N) + one(ENVELOPED),
    "c14n-only": one(EXC_C14N),
    "enveloped-only": one(ENVELOPED),
    "unknown": one(ENVELOPED) + one("urn:example:transform"),
    "empty-algorithm": one(ENVELOPED) + one(""),
    "padded-algorithm": one(ENVELOPED) + one(" " + EXC_C14N + " "),
    "xpath-inside-enveloped": one(ENVELOPED, "<ds:XPath>1</ds:XPath>") + one(EXC_C14N),
    "xpath-inside-c14n": one(ENVELOPED) + one(EXC_C14N, "<ds:XPath>1</ds:XPath>"),
    "many-prefixes": one(ENVELOPED)
    + one(EXC_C14N, f'<ec:InclusiveNamespaces xmlns:ec="{EXC_C14N}" PrefixList="{"a " * 5_000}"/>'),
    "300": one(ENVELOPED) * 300,
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_other_transform_is_refused_without_executing_it(exchange: Exchange, name: str) -> None:
    octets = exchange.reply(recipe=Recipe(transforms=TRANSFORMS[name])).octets()
    with no_cryptography():
        refused(lambda: exchange.finish(octets), {"signature.transform", "xml.schema"})


def test_20000_transforms_are_refused_by_their_number(exchange: Exchange) -> None:
    """They do not even fit the message; a smaller flood is refused by counting."""
    octets = exchange.reply(recipe=Recipe(transforms='<ds:Transform Algorithm="x"/>' * 20_000)).octets()
    with no_cryptography():
        refused(lambda: exchange.finish(octets), {"saml.binding.size", "xml.elements"})


@pytest.mark.parametrize("algorithm", [C14N, C14N + "#WithComments", C14N11, XPATH, "", " " + EXC_C14N, DS])
def test_other_canonicalisation_of_signed_info_is_refused(exchange: Exchange, algorithm: str) -> None:
    octets = exchange.reply(recipe=Recipe(canonicalization=algorithm)).octets()
    with no_cryptography():
        refused(lambda: exchange.finish(octets), {"signature.canonicalisation"})


def test_parameters_of_canonicalisation_are_refused(exchange: Exchange) -> None:
    octets = exchange.reply(recipe=Recipe(canonicalization_content="<ds:XPath>1</ds:XPath>")).octets()
    with no_cryptography():
        refused(lambda: exchange.finish(octets), {"signature.canonicalisation", "xml.schema"})
