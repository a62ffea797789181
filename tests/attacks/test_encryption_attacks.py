"""Encryption: what is refused by name before a key is touched, and one face for all the rest (security.md A.11)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
from asn1crypto import keys
from cryptography.hazmat.primitives import serialization
from lxml import etree

from connectors.errors import InvalidAnswer
from tests.attacks.refusal import no_cryptography, refused
from tests.support import xml_encryption, xml_signing
from tests.support.saml_peer import (
    Exchange,
    Installed,
    Node,
    begin,
    ec_pair,
    install,
    own_key,
    own_keys,
    rsa_pair,
)
from tests.support.xml_encryption import XENC11, Envelope, ec_key_value
from tests.support.xml_signing import SAML, XENC, ec_key, encode

Element = etree._Element
ENCRYPTED_ASSERTION = f"{{{SAML}}}EncryptedAssertion"
DATA = f"{{{XENC}}}EncryptedData"
DATA_VALUE = f"{DATA}/{{{XENC}}}CipherData/{{{XENC}}}CipherValue"
KEY_VALUE = f".//{{{XENC}}}EncryptedKey/{{{XENC}}}CipherData/{{{XENC}}}CipherValue"

P256 = "1.2.840.10045.3.1.7"


@pytest.fixture(scope="module")
def elliptic(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """We publish a P-256 encryption key, so the peer does ECDH-ES."""
    keys = own_keys(decryption=(own_key("decrypt ec", ec_key("own ec decryption")),))
    return install(Node(), config_dir=tmp_path_factory.mktemp("elliptic"), keys=keys)


CONTENT = "encryption.content-algorithm"
TRANSPORT = "encryption.key-algorithm"
BY_NAME = {
    "aes128-cbc": (Envelope(content="aes128-cbc"), CONTENT),
    "aes256-cbc": (Envelope(content="aes256-cbc"), CONTENT),
    "tripledes-cbc": (Envelope(content="tripledes-cbc"), CONTENT),
    "rsa-1_5": (Envelope(transport="rsa-1_5"), TRANSPORT),
    "mgf1p": (Envelope(transport="rsa-oaep-mgf1p", oaep_digest="sha1"), TRANSPORT),
    "mgf1p-sha256": (Envelope(transport="rsa-oaep-mgf1p"), TRANSPORT),
    "oaep-sha1": (Envelope(oaep_digest="sha1"), TRANSPORT),
    "oaep-mask-sha1": (Envelope(oaep_mask="sha1"), TRANSPORT),
    "oaep-default-digest": (Envelope(oaep_digest=None), TRANSPORT),
    "oaep-default-mask": (Envelope(oaep_mask=None), TRANSPORT),
    "type-content": (Envelope(data_type=XENC + "Content"), "encryption.type"),
    "type-unknown": (Envelope(data_type="http://www.w3.org/2009/xmlenc11#EXI"), "encryption.type"),
    "type-empty": (Envelope(data_type=""), "encryption.type"),
    "5-keys": (Envelope(keys=5), "encryption.keys"),
    "300-keys": (Envelope(keys=300), {"encryption.keys", "saml.binding.size", "xml.elements"}),
}


@pytest.mark.parametrize("name", BY_NAME)
def test_refused_by_name_before_the_private_key_is_touched(exchange: Exchange, name: str) -> None:
    """eidas.md §13 number 9; Jager/Somorovsky 2011 and Bleichenbacher 1998 need a key that answers."""
    envelope, reason = BY_NAME[name]
    octets = exchange.reply(envelope=envelope, sign_response=True).octets()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trust.keys.InMemoryKey.decrypt_oaep", lambda *_, **__: pytest.fail("key was touched"))
        refused(lambda: exchange.finish(octets), reason)


AGREEMENTS = {
    "kw-aes192": (Envelope(wrap="kw-aes192"), TRANSPORT),
    "kw-tripledes": (Envelope(wrap="kw-tripledes"), TRANSPORT),
    "kdf-sha1": (Envelope(kdf_digest="sha1"), "encryption.derivation"),
    "pbkdf2": (Envelope(kdf="http://www.w3.org/2009/xmlenc11#pbkdf2"), "encryption.derivation"),
    "diffie-hellman": (Envelope(agreement=XENC + "dh"), "encryption.agreement"),
    "static": (Envelope(agreement="http://www.w3.org/2009/xmlenc11#ECDH-SS"), "encryption.agreement"),
    "padding-bits": (Envelope(party_info="0700"), "encryption.derivation"),
    "no-hexadecimal": (Envelope(originator=ec_key_value(P256, b"\x04" + bytes(64))), "decryption.failed"),
    "unknown-curve": (Envelope(originator=ec_key_value("1.3.132.0.10", b"\x04" + bytes(64))), "key.curve"),
    "no-curve": (Envelope(originator=ec_key_value("", b"\x04" + bytes(64))), "key.curve"),
    "point-zero": (Envelope(originator=ec_key_value(P256, b"\x04" + bytes(64))), "decryption.failed"),
    "point-not-on-curve": (Envelope(originator=ec_key_value(P256, b"\x04" + b"\x01" * 64)), "decryption.failed"),
    "point-at-infinity": (Envelope(originator=ec_key_value(P256, b"\x00")), "decryption.failed"),
    "point-at-infinity-long": (Envelope(originator=ec_key_value(P256, bytes(65))), "decryption.failed"),
    "point-empty": (Envelope(originator=ec_key_value(P256, b"")), "decryption.failed"),
    "point-truncated": (Envelope(originator=ec_key_value(P256, b"\x04" + bytes(63))), "decryption.failed"),
    "point-of-another-curve": (
        Envelope(
            originator=ec_key_value(
                "1.3.132.0.34",
                ec_key("other", "secp384r1").public_key().public_bytes(
                    serialization.Encoding.X962,
                    serialization.PublicFormat.UncompressedPoint,
                ),
            )
        ),
        "decryption.failed",
    ),
    "der-garbage": (
        Envelope(originator=f'<d:DEREncodedKeyValue xmlns:d="{xml_encryption.DSIG11}">AAAA</d:DEREncodedKeyValue>'),
        "decryption.failed",
    ),
    "no-originator-key": (Envelope(originator="<ds:KeyName>x</ds:KeyName>"), "xml.cardinality"),
}  # fmt: skip


def der_key_value(key: object) -> str:
    der = key.public_bytes(  # type: ignore[attr-defined]  # any public key
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return f'<d:DEREncodedKeyValue xmlns:d="{xml_encryption.DSIG11}">{encode(der)}</d:DEREncodedKeyValue>'


def explicit_curve() -> str:
    """A P-256 key whose curve is spelt out; a forger could choose the base point (CVE-2020-0601)."""
    named = keys.PublicKeyInfo.load(
        ec_key("explicit")
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    p = 2**256 - 2**224 + 2**192 + 2**96 - 1
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    point = (
        ec_key("explicit")
        .public_key()
        .public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    )
    named["algorithm"]["parameters"] = keys.ECDomainParameters(
        name="specified",
        value={
            "version": 1,
            "field_id": {"field_type": "prime_field", "parameters": p},
            "curve": {"a": (p - 3).to_bytes(32, "big"), "b": b.to_bytes(32, "big")},
            "base": point,
            "order": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
            "cofactor": 1,
        },
    )
    return f'<d:DEREncodedKeyValue xmlns:d="{xml_encryption.DSIG11}">{encode(named.dump())}</d:DEREncodedKeyValue>'


@pytest.mark.parametrize("name", AGREEMENTS)
def test_bad_agreement_is_refused(elliptic: Installed, name: str) -> None:
    """Invalid-curve points and weak derivations."""
    envelope, reason = AGREEMENTS[name]
    exchange = begin(elliptic)
    octets = exchange.reply(envelope=envelope).octets()
    refused(lambda: exchange.finish(octets), reason)


@pytest.mark.parametrize(
    ("originator", "reason"),
    [
        (der_key_value(ec_key("k1", "secp256k1").public_key()), "key.curve"),
        (der_key_value(xml_signing.rsa_key("node message").public_key()), "decryption.failed"),
        (explicit_curve(), {"decryption.failed", "key.curve"}),
    ],
    ids=["secp256k1", "rsa", "explicit-parameters"],
)
def test_bad_originator_key_is_refused(elliptic: Installed, originator: str, reason: str) -> None:
    exchange = begin(elliptic)
    octets = exchange.reply(envelope=Envelope(originator=originator)).octets()
    refused(lambda: exchange.finish(octets), reason)


def flip(path: str, position: int) -> Callable[[Element], None]:
    def change(encrypted: Element) -> None:
        value = next(iter(encrypted.findall(path)))
        octets = bytearray(base64.b64decode(value.text))
        octets[position] ^= 1
        value.text = encode(bytes(octets))

    return change


def cut(path: str, size: int) -> Callable[[Element], None]:
    def change(encrypted: Element) -> None:
        value = next(iter(encrypted.findall(path)))
        value.text = encode(base64.b64decode(value.text)[:size])

    return change


BROKEN = {
    "tag": {"edit_encrypted": flip(DATA_VALUE, -1)},
    "first-octet-of-nonce": {"edit_encrypted": flip(DATA_VALUE, 0)},
    "first-octet-of-text": {"edit_encrypted": flip(DATA_VALUE, 12)},
    "last-octet-of-text": {"edit_encrypted": flip(DATA_VALUE, -17)},
    "cut-by-one": {"edit_encrypted": cut(DATA_VALUE, -1)},
    "shorter-than-a-tag": {"edit_encrypted": cut(DATA_VALUE, 27)},
    "nonce-only": {"edit_encrypted": cut(DATA_VALUE, 12)},
    "empty": {"edit_encrypted": cut(DATA_VALUE, 0)},
    "wrapped-key-first": {"edit_encrypted": flip(KEY_VALUE, 0)},
    "wrapped-key-last": {"edit_encrypted": flip(KEY_VALUE, -1)},
    "wrapped-key-cut": {"edit_encrypted": cut(KEY_VALUE, -1)},
    "wrapped-key-empty": {"edit_encrypted": cut(KEY_VALUE, 0)},
    "for-somebody-else": {"recipient_key": rsa_pair("somebody else").certificate},
    "for-an-ec-key": {"recipient_key": ec_pair("somebody else").certificate},
}
INNER = {
    "not-xml": ({"edit_plain": lambda _: b"no assertion"}, "xml.malformed"),
    "nothing": ({"edit_plain": lambda _: b""}, "xml.empty"),
    "two-assertions": ({"edit_plain": lambda plain: plain + plain}, "xml.malformed"),
    "text-before": ({"edit_plain": lambda plain: b"x" + plain}, "xml.malformed"),
    "not-utf-8": ({"edit_plain": lambda plain: plain.decode().encode("utf-16")}, "xml.encoding"),
    "doctype": ({"edit_plain": lambda plain: b"<!DOCTYPE x>" + plain}, "xml.doctype"),
    "comment": ({"edit_plain": lambda plain: plain.replace(b"</saml2:Subject>", b"<!-- --></saml2:Subject>")}, "xml.comment"),
    "another-element": ({"edit_plain": lambda _: f'<Subject xmlns="{SAML}"/>'.encode()}, "saml.structure"),
    "a-response": ({"edit_plain": lambda plain: b"<x>" + plain + b"</x>"}, "saml.structure"),
    "attacker-signed": ({"edit_assertion": lambda a: xml_signing.sign(a, rsa_pair("attacker"))}, "signature.invalid"),
    "advice": (
        {"edit_plain": lambda plain: plain.replace(b"<saml2:AuthnStatement", b"<saml2:Advice/><saml2:AuthnStatement")},
        "saml.structure",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_everything_wrong_with_the_decryption_is_one_failure(exchange: Exchange, name: str) -> None:
    """Genuinely signed outside, so that the decryption is really reached."""
    octets = exchange.reply(**BROKEN[name]).octets()
    error = refused(lambda: exchange.finish(octets), "decryption.failed")
    assert str(error) == "decryption.failed"


@pytest.mark.parametrize("name", INNER)
def test_everything_wrong_inside_has_the_same_face_outside(exchange: Exchange, name: str) -> None:
    """The reason is for the log; the browser sees the class only, which is one for all."""
    changes, reason = INNER[name]
    octets = exchange.reply(**changes).octets()
    error = refused(lambda: exchange.finish(octets), reason)
    assert type(error) is InvalidAnswer


def test_decryption_failure_does_not_stop_before_every_key_was_tried(exchange: Exchange) -> None:
    """The same failure whichever of four EncryptedKeys is ours, and success with the fourth."""
    assert exchange.finish(exchange.reply(envelope=Envelope(keys=4)).octets()).identity.source.country == "GR"
    broken = exchange.reply(envelope=Envelope(keys=4), edit_encrypted=flip(DATA_VALUE, -1)).octets()
    refused(lambda: exchange.finish(broken), "decryption.failed")


def two_encrypted_assertions(root: Element) -> None:
    copy = deepcopy(root.find(ENCRYPTED_ASSERTION))
    for element in copy.iter():
        if element.get("Id"):
            element.set("Id", element.get("Id") + "2")
    root.append(copy)


def two_encrypted_data(root: Element) -> None:
    place = root.find(ENCRYPTED_ASSERTION)
    copy = deepcopy(place[0])
    for element in copy.iter():
        if element.get("Id"):
            element.set("Id", element.get("Id") + "2")
    place.insert(1, copy)


def data_in_extensions(root: Element) -> None:
    copy = deepcopy(root.find(ENCRYPTED_ASSERTION)[0])
    for element in copy.iter():
        element.attrib.pop("Id", None)
    extensions = etree.Element("{urn:oasis:names:tc:SAML:2.0:protocol}Extensions")
    extensions.append(copy)
    root.insert(1, extensions)


def key_outside(root: Element) -> None:
    key = next(root.iter(f"{{{XENC}}}EncryptedKey"))
    extensions = etree.Element("{urn:oasis:names:tc:SAML:2.0:protocol}Extensions")
    extensions.append(key)
    root.insert(1, extensions)


def no_key(root: Element) -> None:
    key = next(root.iter(f"{{{XENC}}}EncryptedKey"))
    key.getparent().remove(key)


PLACES = {
    two_encrypted_assertions: "saml.structure",
    two_encrypted_data: {"xml.schema", "xml.cardinality"},
    data_in_extensions: "saml.structure",
    key_outside: "saml.structure",
    no_key: {"encryption.keys", "xml.schema"},
}


@pytest.mark.parametrize("change", PLACES, ids=lambda change: change.__name__)
def test_encrypted_element_outside_its_place_is_refused(
    exchange: Exchange, change: Callable[[Element], None]
) -> None:
    """Even when the peer itself signed the message so."""
    octets = exchange.reply(edit_response=change).octets()
    refused(lambda: exchange.finish(octets), PLACES[change])


def test_plain_beside_encrypted_is_refused(exchange: Exchange) -> None:
    plain = exchange.reply(encrypted=False).assertion()
    for position in (0, 1):

        def add(root: Element, position: int = position) -> None:
            root.insert(root.index(root.find(ENCRYPTED_ASSERTION)) + position, deepcopy(plain))

        octets = exchange.reply(edit_response=add).octets()
        with no_cryptography():
            refused(lambda octets=octets: exchange.finish(octets), "saml.structure")


def test_plain_assertion_is_refused(exchange: Exchange) -> None:
    """eidas.md §13 number 9."""
    refused(lambda: exchange.finish(exchange.reply(encrypted=False).octets()), "encryption.missing")
    refused(
        lambda: exchange.finish(exchange.reply(encrypted=False, sign_assertion=True).octets()),
        "encryption.missing",
    )


@pytest.mark.parametrize("kind", ["EncryptedAssertion", "EncryptedID", "EncryptedAttribute"])
def test_encryption_inside_the_encryption_is_refused(exchange: Exchange, kind: str) -> None:
    """One decryption, no nesting: a signature that appears only after a later pass is never reached."""
    reply = exchange.reply(sign_assertion=True)

    def nest(plain: bytes) -> bytes:
        inner = xml_encryption.encrypt(plain, reply.recipient_key)
        inner.tag = f"{{{SAML}}}{kind}"
        outer = etree.fromstring(plain)
        if kind == "EncryptedAssertion":
            return etree.tostring(inner)
        place = outer.find(
            f"{{{SAML}}}AttributeStatement" if kind == "EncryptedAttribute" else f"{{{SAML}}}Subject"
        )
        if kind == "EncryptedID":
            place.remove(place[0])
        place.insert(0, inner)
        return etree.tostring(outer)

    octets = exchange.reply(sign_assertion=True, edit_plain=nest).octets()
    refused(lambda: exchange.finish(octets), "saml.structure")


def test_key_of_the_wrong_size_is_one_failure(exchange: Exchange) -> None:
    """AES-256 named, a 16-octet key wrapped."""

    def rename(encrypted: Element) -> None:
        encrypted.find(f"{DATA}/{{{XENC}}}EncryptionMethod").set("Algorithm", XENC11 + "aes256-gcm")

    octets = exchange.reply(envelope=Envelope(content="aes128-gcm"), edit_encrypted=rename).octets()
    refused(lambda: exchange.finish(octets), "decryption.failed")


def test_oaep_label_is_refused(exchange: Exchange) -> None:
    def label(encrypted: Element) -> None:
        method = next(encrypted.iter(f"{{{XENC}}}EncryptedKey"))[0]
        element = etree.Element(f"{{{XENC}}}OAEPparams")
        element.text = encode(b"label")
        method.insert(0, element)

    octets = exchange.reply(edit_encrypted=label).octets()
    refused(lambda: exchange.finish(octets), TRANSPORT)


def test_exception_for_mgf1p_is_dated_and_per_peer(tmp_path: Path) -> None:
    """eidas.md §7.2: only lenient, only until its day."""
    envelope = Envelope(transport="rsa-oaep-mgf1p", oaep_digest="sha1")
    outcome = []
    for profile, until in (("lenient", "2026-11-23"), ("lenient", "2026-11-22"), ("strict", "2026-11-23")):
        rule = {"kind": "oaep-mgf1p-sha1", "until": until, "reason": "test"}
        installed = install(Node(), config_dir=tmp_path, country={"profile": profile, "exceptions": [rule]})
        exchange = begin(installed)
        try:
            exchange.finish(exchange.reply(envelope=envelope).octets())
        except InvalidAnswer as error:
            outcome.append(error.reason)
        else:
            outcome.append("accepted")
    assert outcome == ["accepted", TRANSPORT, TRANSPORT]
