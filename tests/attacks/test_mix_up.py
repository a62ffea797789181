"""The answer comes from whom we asked, for the exchange we opened (security.md A.16; eidas.md §13 number 11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.contract import Answer
from connectors.errors import PeerUnavailable
from tests.attacks.refusal import refused
from tests.support import xml_signing
from tests.support.saml_peer import (
    CITIZEN,
    Installed,
    Node,
    authentication_request,
    begin,
    install,
    natural,
    rsa_pair,
)
from tests.support.xml_signing import NOW

GREECE = Node()
SWEDEN = Node(
    country="SE", wire_code="SE", entity_id="https://eidas.se.example/metadata", signer=rsa_pair("sweden"),
    location="https://eidas.se.example/sso",
)  # fmt: skip
SWEDE = (natural("PersonIdentifier", "SE/DE/1"), *CITIZEN[1:])


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(GREECE, SWEDEN, config_dir=tmp_path_factory.mktemp("two"))


def test_each_country_is_accepted_for_itself(two: Installed) -> None:
    for country, attributes in (("GR", CITIZEN), ("SE", SWEDE)):
        exchange = begin(two, authentication_request(country=country))
        identity = exchange.finish(exchange.reply(attributes=attributes).octets()).identity
        assert (identity.source.country, identity.source.issuer) == (country, exchange.node.entity_id)


def test_answer_of_b_to_a_flow_started_with_a_is_refused(two: Installed) -> None:
    """Genuine in itself: B signs as B."""
    exchange = begin(two, authentication_request(country="GR"))
    octets = exchange.reply(node=SWEDEN, attributes=SWEDE).octets()
    refused(lambda: exchange.finish(octets), "saml.issuer")


def test_b_signing_as_a_is_refused(two: Installed) -> None:
    exchange = begin(two, authentication_request(country="GR"))
    octets = exchange.reply(signer=SWEDEN.signer).octets()
    refused(lambda: exchange.finish(octets), "signature.invalid")


def test_b_naming_a_citizen_of_a_is_refused(two: Installed) -> None:
    """A node may never assert another country's citizens."""
    exchange = begin(two, authentication_request(country="SE"))
    refused(lambda: exchange.finish(exchange.reply(attributes=CITIZEN).octets()), "eidas.identifier.country")


def test_assertion_of_b_inside_a_response_of_a_is_refused(two: Installed) -> None:
    exchange = begin(two, authentication_request(country="GR"))
    octets = exchange.reply(assertion_issuer=SWEDEN.entity_id).octets()
    refused(lambda: exchange.finish(octets), "saml.issuer")


def test_assertion_signed_by_b_inside_a_response_of_a_is_refused(two: Installed) -> None:
    exchange = begin(two, authentication_request(country="GR"))
    octets = exchange.reply(edit_assertion=lambda a: xml_signing.sign(a, SWEDEN.signer)).octets()
    refused(lambda: exchange.finish(octets), "signature.invalid")


def test_unknown_issuer_is_refused_and_never_looked_up(two: Installed) -> None:
    exchange = begin(two, authentication_request(country="GR"))
    octets = exchange.reply(issuer="https://unknown.example/metadata").octets()
    refused(lambda: exchange.finish(octets), "saml.issuer")


def test_exchange_of_another_connector_is_refused(two: Installed) -> None:
    """Two eIDAS connectors in one gateway: neither takes the other's exchanges."""
    exchange = begin(two, authentication_request(country="GR"))
    other = replace(exchange, pending=replace(exchange.pending, connector="eidas-2"))
    octets = exchange.reply().octets()
    refused(lambda: other.finish(octets), "saml.connector")


def test_country_that_got_another_node_meanwhile_is_refused(two: Installed) -> None:
    """The registration changed between question and answer: the answer must come from whom we asked."""
    exchange = begin(two, authentication_request(country="GR"))
    other = replace(exchange, pending=replace(exchange.pending, peer="https://former.el.example/metadata"))
    octets = exchange.reply().octets()
    error = refused(lambda: other.finish(octets), "saml.issuer")
    assert error.detail == "peer changed"


def test_answer_by_get_is_refused(two: Installed) -> None:
    exchange = begin(two, authentication_request(country="GR"))
    answer = replace(exchange.answer(exchange.reply().octets()), method="GET")
    refused(lambda: two.connector.finish(exchange.pending, answer, now=NOW), "saml.binding.method")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ((), "saml.binding.parameter"),
        ((("SAMLResponse", "{}"), ("SAMLResponse", "{}")), "saml.binding.parameter"),
        ((("SAMLResponse", "{}"), ("SAMLResponse", "AAAA")), "saml.binding.parameter"),
        ((("SAMLResponse", "AAAA"), ("SAMLResponse", "{}")), "saml.binding.parameter"),
        ((("SAMLResponse", "{}"), ("SAMLRequest", "{}")), "saml.binding.parameter"),
        ((("SAMLRequest", "{}"),), "saml.binding.parameter"),
        ((("samlresponse", "{}"),), "saml.binding.parameter"),
        ((("SAMLResponse", "{}"), ("RelayState", "a"), ("RelayState", "a")), "saml.binding.relay-state"),
        ((("SAMLResponse", "{}"), ("RelayState", "x" * 81)), "saml.binding.relay-state"),
        ((("SAMLResponse", "{}"), ("RelayState", "ä" * 41)), "saml.binding.relay-state"),
        ((("SAMLResponse", ""),), "xml.empty"),
        ((("SAMLResponse", "{}*"),), "saml.binding.base64"),
        ((("SAMLResponse", "{}===="),), "saml.binding.base64"),
        ((("SAMLResponse", "={}"),), "saml.binding.base64"),
        ((("SAMLResponse", "{}%3D"),), "saml.binding.base64"),
        ((("SAMLResponse", "ａ{}"),), "saml.binding.base64"),
        ((("SAMLResponse", "{}\x00"),), "saml.binding.base64"),
        ((("SAMLResponse", "A" * 393_220),), "saml.binding.size"),
    ],
)
def test_form_that_is_not_exactly_one_answer_is_refused(
    two: Installed, fields: tuple[tuple[str, str], ...], reason: str
) -> None:
    """security.md A.0 step 1 and 2."""
    exchange = begin(two, authentication_request(country="GR"))
    genuine = dict(exchange.answer(exchange.reply().octets()).fields)["SAMLResponse"]
    filled = tuple((name, text.replace("{}", genuine)) for name, text in fields)
    answer = Answer(method="POST", fields=filled)
    refused(lambda: two.connector.finish(exchange.pending, answer, now=NOW), reason)


def test_peer_that_lost_its_trust_meanwhile_is_refused(tmp_path: Path) -> None:
    """Today's trust decides, not that of the request."""
    installed = install(Node(valid=timedelta(minutes=4)), config_dir=tmp_path)
    exchange = begin(installed)
    octets = exchange.reply(now=NOW + timedelta(minutes=5)).octets()
    refused(
        lambda: exchange.finish(octets, now=NOW + timedelta(minutes=5)), "metadata.expired", PeerUnavailable
    )
