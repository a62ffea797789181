"""Messages that look strange and are legal: all accepted, with the same person.

Strictness that refuses these locks out citizens of whole countries.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import xmlsec
from lxml import etree

from connectors.contract import Answer
from connectors.identity import NaturalPerson
from connectors.saml.response import receive
from tests.attacks.refusal import expectation
from tests.support.saml_peer import (
    CITIZEN,
    IDENTIFIER,
    Attribute,
    Exchange,
    Installed,
    Node,
    begin,
    ec_pair,
    install,
    login,
    natural,
    own_key,
    own_keys,
    rsa_pair,
    value,
)
from tests.support.xml_encryption import Envelope
from tests.support.xml_signing import (
    DS,
    ENVELOPED,
    EXC_C14N,
    NOW,
    SAML,
    XENC,
    Pair,
    Recipe,
    ec_key,
    pair,
    rsa_key,
    sign,
)

Element = etree._Element


def identified(installed: Installed, **changes: object) -> str:
    """The identifier that came out of a login."""
    subject = login(installed, **changes).identity.subject
    assert isinstance(subject, NaturalPerson)
    assert subject.identifier is not None
    return subject.identifier.value


# ---- signatures ----------------------------------------------------------------------------------


RECIPES = {
    "no-key-info": Recipe(key_info=""),
    "key-name": Recipe(key_info="<ds:KeyInfo><ds:KeyName>any</ds:KeyName></ds:KeyInfo>"),
    "pss-384": Recipe(method="pss-384", digest="sha384"),
    "pss-512": Recipe(method="pss-512", digest="sha512"),
    "pss-256-over-sha512": Recipe(method="pss-256", digest="sha512"),
    "prefix-dsig": Recipe(prefix="dsig"),
    "prefix-of-another": Recipe(prefix="saml2"),
    "default-namespace": Recipe(prefix=""),
    "wrapped-base64": Recipe(wrap=76),
    "wrapped-short": Recipe(wrap=4),
    "prefix-list-xs": Recipe(prefixes=("xs",)),
    "prefix-list-many": Recipe(prefixes=("xs", "xsi", "saml2", "saml2p", "nobody")),
    "prefix-list-in-signed-info": Recipe(canonicalization_prefixes=("xs", "ds")),
    "comments-in-signed-info": Recipe(canonicalization=EXC_C14N + "WithComments"),
    "comments-in-transform": Recipe(
        transforms=f'<ds:Transform Algorithm="{ENVELOPED}"/><ds:Transform Algorithm="{EXC_C14N}WithComments"/>'
    ),
}


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("where", ["response", "assertion"])
def test_signature_written_another_way_is_accepted(greece: Installed, name: str, where: str) -> None:
    """saml-core §5.4; eidas.md §7.1."""
    recipe = RECIPES[name]
    changes = (
        {"recipe": recipe} if where == "response" else {"assertion_recipe": recipe, "sign_assertion": True}
    )
    assert identified(greece, **changes) == IDENTIFIER


SIGNERS: dict[str, tuple[Pair, str]] = {
    "rsa-4096": (rsa_pair("large", 4096), "pss-256"),
    "p256": (ec_pair("node ec"), "ecdsa-256"),
    "p256-sha512": (ec_pair("node ec"), "ecdsa-512"),
    "p384": (ec_pair("node ec", "secp384r1"), "ecdsa-384"),
    "p521": (ec_pair("node ec", "secp521r1"), "ecdsa-512"),
    "brainpool-256": (ec_pair("node ec", "brainpoolP256r1"), "ecdsa-256"),
    "brainpool-384": (ec_pair("node ec", "brainpoolP384r1"), "ecdsa-384"),
    "brainpool-512": (ec_pair("node ec", "brainpoolP512r1"), "ecdsa-512"),
}


@pytest.mark.parametrize("name", SIGNERS)
def test_every_allowed_key_is_accepted(tmp_path: Path, name: str) -> None:
    """eidas.md §7.1, §7.3."""
    signer, method = SIGNERS[name]
    installed = install(Node(signer=signer), config_dir=tmp_path)
    assert identified(installed, recipe=Recipe(method=method), sign_assertion=True) == IDENTIFIER


@pytest.mark.parametrize("position", [0, 1, 2])
def test_several_signing_keys_during_a_roll_over(tmp_path: Path, position: int) -> None:
    """eidas.md §6.1: all ``use="signing"`` keys are tried, of whatever kind."""
    keys = [rsa_pair("one"), ec_pair("two"), rsa_pair("node message")]
    installed = install(Node(signer=keys[position], published=tuple(keys)), config_dir=tmp_path)
    assert identified(installed, sign_assertion=True) == IDENTIFIER


def test_assertion_signed_by_another_key_of_the_peer_than_the_response(tmp_path: Path) -> None:
    one, two = rsa_pair("node message"), ec_pair("two")
    installed = install(Node(signer=one, published=(one, two)), config_dir=tmp_path)
    assert identified(installed, edit_assertion=lambda a: sign(a, two)) == IDENTIFIER


def test_renewed_certificate_on_the_same_key_is_the_same_key(tmp_path: Path) -> None:
    """security.md D.1: key equality is SPKI."""
    old, new = (
        pair("old certificate", rsa_key("node message")),
        pair("new certificate", rsa_key("node message")),
    )
    installed = install(Node(signer=new, published=(old, new)), config_dir=tmp_path)
    assert identified(installed) == IDENTIFIER


def test_independent_library_agrees_that_our_test_peer_is_genuine(greece: Installed) -> None:
    """libxmlsec by itself, so that the peer of these tests is not only consistent with the product."""
    root = begin(greece).reply(recipe=Recipe(prefixes=("xs",))).response()
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(rsa_pair("node message").pem, xmlsec.KeyFormat.CERT_PEM)  # type: ignore[attr-defined]  # missing in the stubs
    context.register_id(root, "ID")
    context.verify(root.find(f"{{{DS}}}Signature"))


# ---- encryption ----------------------------------------------------------------------------------

TRANSPORTS = {
    "aes128": Envelope(content="aes128-gcm"),
    "aes192": Envelope(content="aes192-gcm"),
    "sha384": Envelope(oaep_digest="sha384"),
    "sha512-and-mask": Envelope(oaep_digest="sha512", oaep_mask="sha512"),
    "key-beside": Envelope(beside=True),
    "no-type": Envelope(data_type=None),
    "four-recipients": Envelope(keys=4),
    "retrieval-method-with-key-inside": Envelope(retrieval="#_anything"),
}


@pytest.mark.parametrize("name", TRANSPORTS)
def test_every_allowed_transport_is_accepted(greece: Installed, name: str) -> None:
    """eidas.md §7.2."""
    assert identified(greece, envelope=TRANSPORTS[name]) == IDENTIFIER


AGREEMENTS = {
    "00": Envelope(),
    "0000": Envelope(party_info="0000"),
    "absent": Envelope(party_info=None),
    "long": Envelope(party_info="00DEADBEEF"),
    "lower-case": Envelope(party_info="00deadbeef"),
    "kw-aes128": Envelope(wrap="kw-aes128", content="aes128-gcm"),
    "sha512": Envelope(kdf_digest="sha512"),
    "der": Envelope(originator="der"),
    "beside": Envelope(beside=True),
}


@pytest.mark.parametrize("curve", ["secp256r1", "secp384r1", "secp521r1", "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1"])  # fmt: skip
@pytest.mark.parametrize("name", AGREEMENTS)
def test_every_allowed_agreement_is_accepted(tmp_path: Path, curve: str, name: str) -> None:
    """eidas.md §7.2: ``00`` and ``0000`` give different keys, both occur."""
    keys = own_keys(decryption=(own_key("ec", ec_key("own ec", curve)),))
    installed = install(Node(), config_dir=tmp_path, keys=keys)
    assert identified(installed, envelope=AGREEMENTS[name]) == IDENTIFIER


@pytest.mark.parametrize("state", ["retired", "next"])
def test_decryption_key_of_a_roll_over_still_decrypts(tmp_path: Path, state: str) -> None:
    """A peer that has not fetched our metadata encrypts to yesterday's key."""
    old, new = own_key("old", rsa_key("old decryption"), state), own_key("new", rsa_key("own decryption"))
    installed = install(Node(), config_dir=tmp_path, keys=own_keys(decryption=(old, new)))
    assert identified(installed) == IDENTIFIER
    assert identified(installed, recipient_key=old.key.certificate) == IDENTIFIER


def test_rsa_and_ec_decryption_key_side_by_side(tmp_path: Path) -> None:
    rsa, ec = own_key("rsa", rsa_key("own decryption")), own_key("ec", ec_key("own ec"))
    installed = install(Node(), config_dir=tmp_path, keys=own_keys(decryption=(rsa, ec)))
    for key in (rsa, ec):
        assert identified(installed, recipient_key=key.key.certificate) == IDENTIFIER


def test_recipient_hints_are_ignored(greece: Installed) -> None:
    def hints(encrypted: Element) -> None:
        key = next(encrypted.iter(f"{{{XENC}}}EncryptedKey"))
        key.set("Recipient", "https://somebody.example")
        name = etree.SubElement(key, f"{{{XENC}}}CarriedKeyName")
        name.text = "any"

    assert identified(greece, edit_encrypted=hints) == IDENTIFIER


# ---- markup --------------------------------------------------------------------------------------


def prefixed(octets: bytes, old: str, new: str) -> bytes:
    """Another prefix for the same namespace; empty: the default namespace."""
    colon = f"{new}:" if new else ""
    text = octets.decode()
    text = re.sub(rf"(</?){old}:", rf"\g<1>{colon}", text)
    return text.replace(f"xmlns:{old}=", f"xmlns:{new}=" if new else "xmlns=").encode()


def pretty(element: Element) -> None:
    etree.indent(element, space="\t")


@pytest.mark.parametrize("new", ["", "s", "saml", "ns0", "Ω", "ds", "xenc", "_x-1.y"])
def test_any_prefix_inside_the_assertion(greece: Installed, new: str) -> None:
    assert identified(greece, edit_plain=lambda plain: prefixed(plain, "saml2", new)) == IDENTIFIER


@pytest.mark.parametrize(
    ("old", "new"), [("saml2p", ""), ("saml2p", "Q"), ("saml2", "saml"), ("saml2", "a.b")]
)
def test_any_prefix_outside(exchange: Exchange, old: str, new: str) -> None:
    """The node chose the prefixes before it signed."""
    reply = exchange.reply(sign_response=False)
    root = etree.fromstring(prefixed(reply.octets(), old, new))
    sign(root, exchange.node.signer)
    assert exchange.finish(etree.tostring(root)).identity.source.country == "GR"


def test_pretty_printed_message(greece: Installed) -> None:
    assert identified(greece, edit_assertion=pretty, edit_response=pretty) == IDENTIFIER


def test_pretty_printed_and_signed_assertion(greece: Installed) -> None:
    assert identified(greece, edit_assertion=pretty, sign_assertion=True) == IDENTIFIER


def test_pretty_printed_encryption(greece: Installed) -> None:
    def lines(encrypted: Element) -> None:
        pretty(encrypted)
        for cipher in encrypted.iter(f"{{{XENC}}}CipherValue"):
            text = cipher.text or ""
            cipher.text = "\r\n  " + "\r\n  ".join(text[i : i + 64] for i in range(0, len(text), 64)) + "\r\n"

    assert identified(greece, edit_encrypted=lines) == IDENTIFIER


@pytest.mark.parametrize("width", [64, 76])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_form_value_with_line_breaks(exchange: Exchange, width: int, end: str) -> None:
    """saml-bindings §3.5.4 leaves line breaks open."""
    text = base64.b64encode(exchange.reply().octets()).decode()
    wrapped = end.join(text[i : i + width] for i in range(0, len(text), width)) + end
    answer = Answer(method="POST", fields=(("RelayState", "x"), ("SAMLResponse", wrapped)))
    assert (
        exchange.installed.connector.finish(exchange.pending, answer, now=NOW).identity.source.country == "GR"
    )


OCTETS: dict[str, Callable[[bytes], bytes]] = {
    "byte-order-mark": lambda o: b"\xef\xbb\xbf" + o,
    "no-declaration": lambda o: o.partition(b"?>")[2].lstrip(),
    "double-quotes": lambda o: o.replace(b"version='1.0' encoding='UTF-8'", b'version="1.0" encoding="utf-8"'),
    "standalone": lambda o: o.replace(b"encoding='UTF-8'", b"encoding='UTF-8' standalone='yes'"),
    "declaration-without-encoding": lambda o: o.replace(b" encoding='UTF-8'", b""),
    "line-break-at-the-end": lambda o: o + b"\n\n",
    "line-breaks-in-a-tag": lambda o: o.replace(b' Version="2.0"', b'\n\tVersion = "2.0"', 1),
    "single-quoted-attribute": lambda o: o.replace(b' Version="2.0"', b" Version='2.0'", 1),
    "attributes-in-another-order": lambda o: re.sub(rb'( ID="[^"]*")( Version="2.0")', rb"\2\1", o, count=1),
    "empty-element-spelt-out": lambda o: re.sub(rb"<saml2p:StatusCode ([^>]*)/>", rb"<saml2p:StatusCode \1></saml2p:StatusCode>", o),
    "character-references": lambda o: o.replace(b"Destination=\"https", b"Destination=\"&#104;ttps").replace(b"LoA", b"L&#x6f;A"),
    "unused-namespace": lambda o: o.replace(b"<saml2p:Response ", b'<saml2p:Response xmlns:unused="urn:unused" ', 1),
}  # fmt: skip


@pytest.mark.parametrize("name", OCTETS)
@pytest.mark.parametrize("where", ["outside", "inside"])
def test_spelling_that_canonicalisation_takes_back(greece: Installed, name: str, where: str) -> None:
    """After signing: exclusive c14n makes these the same octets again."""
    change = OCTETS[name]
    if where == "outside":
        assert identified(greece, edit_octets=change) == IDENTIFIER
        return
    declared = b"<?xml version='1.0' encoding='UTF-8'?>"
    assert (
        identified(greece, sign_assertion=True, edit_plain=lambda plain: change(declared + plain))
        == IDENTIFIER
    )


NAMES = [
    "Ångström-Ñúñez", "O'Brien", "d’Este", "Łukasiewicz", "Ștefănescu", "Þórbjörg", "Müller & Söhne", "<script>",
    "Null", "van der Berg", "Nguyễn", "A\u030angstro\u0308m", "ﬀ", "Ğ", "ẞ", "İ", "X Æ A-12", "von  Doppelt", "Ĳ",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_name_arrives_as_it_was_sent(greece: Installed, name: str) -> None:
    """UTF-8 throughout; no normalisation of what is handed on."""
    attributes = (CITIZEN[0], natural("CurrentFamilyName", name), *CITIZEN[2:])
    subject = login(greece, attributes=attributes).identity.subject
    assert subject.family_name.value.latin == name


def test_attributes_in_any_order_with_unknown_ones_between(greece: Installed) -> None:
    unknown = Attribute(name="urn:example:unknown", values=("1", "2"), name_format=None)
    assert identified(greece, attributes=(unknown, *reversed(CITIZEN))) == IDENTIFIER


def test_attributes_without_friendly_names(greece: Installed) -> None:
    """It is optional (eidas.md §5)."""
    bare = tuple(Attribute(name=a.name, values=a.values) for a in CITIZEN)
    assert identified(greece, attributes=bare) == IDENTIFIER


def test_typed_values_with_the_type_declared_far_outside(greece: Installed) -> None:
    """The prefix of xsi:type is bound on the Assertion, and the encrypted octets carry it."""
    attributes = (
        natural("PersonIdentifier", value(IDENTIFIER, xsi_type="np:PersonIdentifierType")),
        *CITIZEN[1:],
    )
    assert identified(greece, attributes=attributes, sign_assertion=True) == IDENTIFIER


def test_plain_signed_assertion_with_prefixes_of_the_response(exchange: Exchange) -> None:
    """For profiles without encryption: InclusiveNamespaces names a prefix that only the Response declares."""
    declaration = ' xmlns:xs="http://www.w3.org/2001/XMLSchema"'
    text = exchange.reply(encrypted=False, sign_response=False).octets().decode().replace(declaration, "")
    root = etree.fromstring(text.replace("<saml2p:Response ", f"<saml2p:Response{declaration} ").encode())
    sign(root.find(f"{{{SAML}}}Assertion"), exchange.node.signer, Recipe(prefixes=("xs",)))
    looser = expectation(
        exchange,
        encryption_required=False,
        response_signature_required=False,
        assertion_signature_required=True,
    )
    assert receive(etree.tostring(root), looser).issuer == exchange.node.entity_id
