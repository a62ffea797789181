"""Signatures that are missing, empty, or by a key we do not believe for this peer (security.md A.2)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree

from connectors.errors import InvalidAnswer, PeerUnavailable
from connectors.saml.response import receive
from tests.attacks.refusal import expectation, refused, reply_refused
from tests.support import xml_signing
from tests.support.saml_peer import (
    Exchange,
    Node,
    authentication_request,
    begin,
    ec_pair,
    install,
    login,
    rsa_pair,
)
from tests.support.xml_signing import DS, NOW, Pair, pair, rsa_key
from trust.pinned import PinnedKey

SIGNATURE = f"{{{DS}}}Signature"
VALUE = f"{SIGNATURE}/{{{DS}}}SignatureValue"
DIGEST = f".//{{{DS}}}DigestValue"


def remove(root: etree._Element) -> None:
    root.remove(root.find(SIGNATURE))


def childless(root: etree._Element) -> None:
    for child in list(root.find(SIGNATURE)):
        child.getparent().remove(child)


def without_value(root: etree._Element) -> None:
    root.find(SIGNATURE).remove(root.find(VALUE))


def with_value(text: str) -> Callable[[etree._Element], None]:
    def change(root: etree._Element) -> None:
        root.find(VALUE).text = text

    return change


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (remove, "signature.missing"),
        (childless, "xml.schema"),
        (without_value, "xml.schema"),
        (with_value(""), "signature.structure"),
        (with_value("====" * 4), "xml.schema"),
        (with_value(base64.b64encode(bytes(384)).decode()), "signature.invalid"),
        (with_value(base64.b64encode(bytes(1)).decode()), "signature.invalid"),
        (with_value(base64.b64encode(b"\xff" * 384).decode()), "signature.invalid"),
        (with_value(base64.b64encode(b"\x01" * 100_000).decode()), "signature.invalid"),
    ],
    ids=[
        "missing",
        "childless",
        "no-value",
        "empty",
        "padding-only",
        "zeros",
        "one-zero",
        "ones",
        "very-long",
    ],
)
def test_missing_or_empty_signature_is_refused(
    exchange: Exchange, edit: Callable[[etree._Element], None], reason: str
) -> None:
    reply_refused(
        exchange, {reason, "xml.schema"} if reason == "signature.structure" else reason, edit_signed=edit
    )


def test_unsigned_and_forged_message_look_alike_from_outside(exchange: Exchange) -> None:
    """One exception class, one page: only the log tells them apart."""
    unsigned = reply_refused(exchange, "signature.missing", sign_response=False)
    forged = reply_refused(exchange, "signature.invalid", signer=rsa_pair("stranger"))
    assert type(unsigned) is type(forged) is InvalidAnswer


@pytest.mark.parametrize(
    ("signer", "reason"),
    [
        (rsa_pair("stranger"), "signature.invalid"),
        (ec_pair("stranger"), "signature.algorithm"),
        (pair("node message 3072", rsa_key("stranger with the same name")), "signature.invalid"),
        (ec_pair("node metadata"), "signature.algorithm"),
    ],
    ids=["rsa", "ec", "same-subject", "metadata-key"],
)
def test_key_we_do_not_know_is_refused(exchange: Exchange, signer: Pair, reason: str) -> None:
    reply_refused(exchange, reason, signer=signer)


def test_former_key_is_refused_once_metadata_drop_it(tmp_path: Path) -> None:
    """Yesterday's key signs correctly; today's verified metadata decide."""
    old, new = rsa_pair("former"), rsa_pair("current")
    node = Node(signer=old, published=(old, new))
    installed = install(node, config_dir=tmp_path)
    login(installed, signer=old)
    current = Node(signer=new)
    (tmp_path / "gr.xml").write_bytes(current.metadata(NOW + timedelta(hours=1)))
    exchange = begin(installed)
    installed.connector.countries.registry.refresh(NOW + timedelta(hours=1), force=True)
    octets = exchange.reply(signer=old).octets()
    refused(lambda: exchange.finish(octets), "signature.invalid")
    assert login(installed, signer=new).identity.source.country == "GR"


def test_encryption_key_of_the_peer_signs_nothing(tmp_path: Path) -> None:
    encryption = rsa_pair("for encryption only")
    installed = install(Node(published_encryption=(encryption,)), config_dir=tmp_path)
    login(installed)
    refused(lambda: login(installed, signer=encryption), "signature.invalid")


def test_certificate_without_signing_usage_is_refused(tmp_path: Path) -> None:
    """Key usage lacks digitalSignature (security.md A.12): the node is left without a signing key."""
    signer = pair("no signatures", rsa_key("no signatures"), signing_usage=False)
    installed = install(Node(signer=signer), config_dir=tmp_path)
    refused(lambda: begin(installed), "metadata.entity-dropped", PeerUnavailable)


def test_verifier_itself_asks_what_the_certificate_is_for(exchange: Exchange) -> None:
    """Even if such a key came past the metadata."""
    signer = pair("no signatures", rsa_key("no signatures"), signing_usage=False)
    octets = exchange.reply(signer=signer).octets()
    keys = [PinnedKey.from_certificate(signer.pem)]
    refused(lambda: receive(octets, expectation(exchange, keys=keys)), "certificate.usage")


def test_no_key_at_all_verifies_nothing(exchange: Exchange) -> None:
    octets = exchange.reply().octets()
    refused(lambda: receive(octets, expectation(exchange, keys=[])), "signature.no-key")


def test_key_of_another_trusted_country_is_refused(tmp_path: Path) -> None:
    """A key trusted for B never verifies A (security.md A.16)."""
    greece, sweden = (
        Node(),
        Node(
            country="SE",
            wire_code="SE",
            entity_id="https://eidas.se.example/metadata",
            signer=rsa_pair("sweden"),
        ),
    )
    installed = install(greece, sweden, config_dir=tmp_path)
    refused(
        lambda: login(installed, request=authentication_request(country="GR"), signer=sweden.signer),
        "signature.invalid",
    )


def test_assertion_signature_that_is_present_must_be_good(exchange: Exchange) -> None:
    """eidas.md §3.1 number 11: optional, but never decoration."""
    stranger = rsa_pair("stranger")

    def forge(assertion: etree._Element) -> None:
        xml_signing.sign(assertion, stranger)

    reply_refused(exchange, "signature.invalid", edit_assertion=forge)


def test_assertion_changed_after_it_was_signed_is_refused(exchange: Exchange) -> None:
    def change(assertion: etree._Element) -> None:
        next(assertion.iter("{*}AttributeValue")).text = "EL/DE/attacker"

    reply_refused(exchange, "signature.invalid", sign_assertion=True, edit_signed_assertion=change)
