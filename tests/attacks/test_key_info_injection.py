"""KeyInfo is never a source of trust, and nothing in a message is ever fetched (security.md A.9)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.attacks.refusal import no_cryptography, refused
from tests.support.saml_peer import Exchange, rsa_pair
from tests.support.xml_encryption import XENC11, Envelope
from tests.support.xml_signing import DS, XENC, Pair, Recipe, encode

DSIG11 = "http://www.w3.org/2009/xmldsig11#"


def integer(value: int) -> str:
    return encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def key_value(pair: Pair) -> str:
    public = pair.key.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    numbers = public.public_numbers()
    return (
        f"<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>{integer(numbers.n)}</ds:Modulus>"
        f"<ds:Exponent>{integer(numbers.e)}</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>"
    )


def der_value(pair: Pair) -> str:
    der = pair.key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return f'<d:DEREncodedKeyValue xmlns:d="{DSIG11}">{encode(der)}</d:DEREncodedKeyValue>'


def x509(*pairs: Pair) -> str:
    inner = "".join(f"<ds:X509Certificate>{p.text}</ds:X509Certificate>" for p in pairs)
    return f"<ds:X509Data>{inner}</ds:X509Data>"


def key_info(inner: str) -> Recipe:
    return Recipe(key_info=f"<ds:KeyInfo>{inner}</ds:KeyInfo>")


ATTACKER, GENUINE = "attacker", "node message"


@pytest.mark.parametrize(
    "shape", ["key-value", "der", "x509", "x509-beside-genuine", "x509-after-genuine", "both", "name"]
)
def test_attackers_key_in_key_info_is_not_believed(exchange: Exchange, shape: str) -> None:
    """eidas.md §13 number 8: key only in KeyInfo."""
    attacker, genuine = rsa_pair(ATTACKER), rsa_pair(GENUINE)
    inner = {
        "key-value": key_value(attacker),
        "der": der_value(attacker),
        "x509": x509(attacker),
        "x509-beside-genuine": x509(attacker, genuine),
        "x509-after-genuine": x509(genuine, attacker),
        "both": key_value(attacker) + x509(attacker),
        "name": f"<ds:KeyName>{ATTACKER}</ds:KeyName>",
    }[shape]
    octets = exchange.reply(signer=attacker, recipe=key_info(inner)).octets()
    refused(lambda: exchange.finish(octets), "signature.invalid")


@pytest.mark.parametrize("shape", ["key-value", "x509", "none", "name"])
def test_genuine_signature_needs_no_key_info_and_is_not_misled_by_one(exchange: Exchange, shape: str) -> None:
    attacker = rsa_pair(ATTACKER)
    recipe = {
        "key-value": key_info(key_value(attacker)),
        "x509": key_info(x509(attacker)),
        "none": Recipe(key_info=""),
        "name": key_info("<ds:KeyName>x</ds:KeyName>"),
    }[shape]
    assert exchange.finish(exchange.reply(recipe=recipe).octets()).identity.source.country == "GR"


@pytest.fixture
def port() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server
        with pytest.raises(BlockingIOError):  # nobody ever called
            server.accept()


@pytest.fixture(params=["http", "file", "relative"])
def location(request: pytest.FixtureRequest, port: socket.socket, tmp_path: Path) -> str:
    (tmp_path / "key").write_bytes(rsa_pair(ATTACKER).pem)
    return {
        "http": f"http://127.0.0.1:{port.getsockname()[1]}/key",
        "file": f"file://{tmp_path / 'key'}",
        "relative": "key",
    }[request.param]


def test_retrieval_method_of_a_signature_is_refused(exchange: Exchange, location: str) -> None:
    inner = f'<ds:RetrievalMethod URI="{location}" Type="{DS}rawX509Certificate"/>'
    octets = exchange.reply(signer=rsa_pair(ATTACKER), recipe=key_info(inner)).octets()
    with no_cryptography():
        refused(lambda: exchange.finish(octets), "saml.structure")


def test_key_info_reference_is_refused(exchange: Exchange, location: str) -> None:
    inner = f'<d:KeyInfoReference xmlns:d="{DSIG11}" URI="{location}"/>'
    octets = exchange.reply(signer=rsa_pair(ATTACKER), recipe=key_info(inner)).octets()
    with no_cryptography():
        refused(lambda: exchange.finish(octets), "saml.structure")


def test_reference_out_of_the_message_is_refused(exchange: Exchange, location: str) -> None:
    octets = exchange.reply(recipe=Recipe(uri=location)).octets()
    with no_cryptography():
        refused(lambda: exchange.finish(octets), "saml.structure")


def test_retrieval_method_of_the_encryption_is_refused(exchange: Exchange, location: str) -> None:
    octets = exchange.reply(envelope=Envelope(retrieval=location)).octets()
    with no_cryptography():
        refused(lambda: exchange.finish(octets), "saml.structure")


@pytest.mark.parametrize("which", ["EncryptedData", "EncryptedKey"])
def test_cipher_reference_is_refused(exchange: Exchange, location: str, which: str) -> None:
    def swap(encrypted: object) -> None:
        data = next(encrypted.iter(f"{{{XENC}}}{which}")).find(f"{{{XENC}}}CipherData")  # type: ignore[attr-defined]  # an lxml element
        data.remove(data[0])
        data.append(data.makeelement(f"{{{XENC}}}CipherReference", {"URI": location}))

    octets = exchange.reply(edit_encrypted=swap).octets()
    with no_cryptography():
        refused(lambda: exchange.finish(octets), "saml.structure")


def test_cipher_reference_into_the_message_is_refused(exchange: Exchange) -> None:
    def swap(encrypted: object) -> None:
        data = encrypted.find(f"{{{XENC}}}EncryptedData/{{{XENC}}}CipherData")  # type: ignore[attr-defined]  # an lxml element
        data.remove(data[0])
        data.append(data.makeelement(f"{{{XENC}}}CipherReference", {"URI": "#_x"}))

    octets = exchange.reply(edit_encrypted=swap).octets()
    refused(lambda: exchange.finish(octets), "xml.cardinality")


def test_schema_location_is_not_followed(exchange: Exchange, port: socket.socket) -> None:
    """The validator knows our schemas only."""
    number = port.getsockname()[1]
    hint = (
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f' xsi:schemaLocation="urn:example http://127.0.0.1:{number}/x.xsd {XENC11} http://127.0.0.1:{number}/y.xsd"'
    )

    def add(octets: bytes) -> bytes:
        return octets.replace(b"<saml2p:Response ", b"<saml2p:Response" + hint.encode() + b" ", 1)

    octets = add(exchange.reply().octets())
    refused(lambda: exchange.finish(octets), {"signature.invalid"})
    inside = exchange.reply(
        edit_plain=lambda plain: plain.replace(b"<saml2:Subject>", f"<saml2:Subject{hint}>".encode())
    ).octets()
    assert exchange.finish(inside).identity.source.country == "GR"
