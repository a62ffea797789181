"""XML signature wrapping: a genuine signature somewhere, an evil assertion elsewhere.

security.md A.1; Somorovsky et al., "On Breaking SAML", USENIX Security 2012 (XSW 1 to 8), and the
later placements. Four kinds of message: Response signed, Assertion signed, both, and an encrypted
Assertion whose signature is inside. Each is tried twice: against the profile that would accept the
genuine message of that kind, and against the eIDAS connector itself.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest
from lxml import etree

from connectors.errors import InvalidAnswer
from connectors.saml import structure
from connectors.saml.response import receive
from connectors.saml.validation import Expectation
from tests.attacks.refusal import EVIL_IDENTIFIER, assert_says_nothing_personal, expectation, refused
from tests.support import xml_encryption, xml_signing
from tests.support.saml_peer import IDENTIFIER as IDENTIFIER_OF_CITIZEN
from tests.support.saml_peer import NATURAL, SAMLP, Exchange
from tests.support.xml_signing import DS, SAML, XENC
from trust import schemas, xml
from trust.errors import VerificationError
from trust.signatures import verify_enveloped

Element = etree._Element

ISSUER = f"{{{SAML}}}Issuer"
ASSERTION = f"{{{SAML}}}Assertion"
SIGNATURE = f"{{{DS}}}Signature"


def evil(element: Element, *, identifier: str | None = "_evil", signed: bool = False) -> Element:
    """A copy that names the attacker; without signatures unless ``signed``, with its own IDs."""
    copy = deepcopy(element)
    copy.tail = None
    for one in copy.iter():
        if identifier and one.get("ID"):
            one.set("ID", identifier + one.tag.rpartition("}")[2])
    for attribute in copy.iter(f"{{{SAML}}}Attribute"):
        if attribute.get("Name") == NATURAL + "PersonIdentifier":
            attribute[0].text = EVIL_IDENTIFIER
    if not signed:
        for signature in list(copy.iter(SIGNATURE)):
            signature.getparent().remove(signature)
    return copy


def after_issuer(parent: Element, child: Element) -> None:
    parent.insert(parent.index(parent.find(ISSUER)) + 1, child)


def take_signature(element: Element) -> Element:
    """Remove and return the signature of ``element`` or, if it has none, of its assertion."""
    signature = element.find(SIGNATURE)
    if signature is None:
        signature = element.find(f"{ASSERTION}/{SIGNATURE}")
    signature.getparent().remove(signature)
    return signature


def assertion_of(root: Element) -> Element:
    found = root.find(ASSERTION)
    assert found is not None
    return found


def own_signature(root: Element) -> Element:
    """The signature to be reused for an evil assertion: the assertion's, else the Response's."""
    assertion = assertion_of(root)
    holder = assertion if assertion.find(SIGNATURE) is not None else root
    signature = holder.find(SIGNATURE)
    holder.remove(signature)
    return signature


def xsw1(root: Element) -> Element:
    wrapper = evil(root)
    signature = take_signature(root)
    signature.append(root)
    after_issuer(wrapper, signature)
    return wrapper


def xsw2(root: Element) -> Element:
    wrapper = evil(root)
    signature = take_signature(root)
    after_issuer(wrapper, signature)
    after_issuer(wrapper, root)
    return wrapper


def xsw3(root: Element) -> Element:
    genuine = assertion_of(root)
    genuine.addprevious(evil(genuine))
    return root


def xsw4(root: Element) -> Element:
    genuine = assertion_of(root)
    wrapper = evil(genuine)
    root.replace(genuine, wrapper)
    wrapper.append(genuine)
    return root


def xsw5(root: Element) -> Element:
    genuine = assertion_of(root)
    wrapper = evil(genuine)
    after_issuer(wrapper, own_signature(root))
    root.replace(genuine, wrapper)
    root.append(genuine)
    return root


def xsw6(root: Element) -> Element:
    genuine = assertion_of(root)
    wrapper = evil(genuine)
    signature = own_signature(root)
    root.replace(genuine, wrapper)
    signature.append(genuine)
    after_issuer(wrapper, signature)
    return root


def xsw7(root: Element) -> Element:
    extensions = etree.Element(f"{{{SAMLP}}}Extensions")
    extensions.append(evil(assertion_of(root)))
    position = 2 if root.find(SIGNATURE) is not None else 1
    root.insert(position, extensions)
    return root


def xsw8(root: Element) -> Element:
    genuine = assertion_of(root)
    wrapper = evil(genuine)
    signature = own_signature(root)
    root.replace(genuine, wrapper)
    etree.SubElement(signature, f"{{{DS}}}Object").append(genuine)
    after_issuer(wrapper, signature)
    return root


def object_of_own_signature(root: Element) -> Element:
    """The enveloped transform removes the signature, and with it whatever hides inside."""
    copy = evil(assertion_of(root))
    signature = next(root.iter(SIGNATURE))
    etree.SubElement(signature, f"{{{DS}}}Object").append(copy)
    return root


def key_info_of_own_signature(root: Element) -> Element:
    copy = evil(assertion_of(root))
    next(root.iter(f"{{{DS}}}KeyInfo")).append(copy)
    return root


def advice(root: Element) -> Element:
    genuine = assertion_of(root)
    place = etree.Element(f"{{{SAML}}}Advice")
    place.append(evil(genuine))
    genuine.find(f"{{{SAML}}}Conditions").addnext(place)
    return root


def advice_around_the_genuine(root: Element) -> Element:
    genuine = assertion_of(root)
    wrapper = evil(genuine)
    root.replace(genuine, wrapper)
    place = etree.Element(f"{{{SAML}}}Advice")
    place.append(genuine)
    wrapper.find(f"{{{SAML}}}Conditions").addnext(place)
    return root


def status_detail(root: Element) -> Element:
    detail = etree.SubElement(root.find(f"{{{SAMLP}}}Status"), f"{{{SAMLP}}}StatusDetail")
    detail.append(evil(assertion_of(root)))
    return root


def attribute_value(root: Element) -> Element:
    copy = evil(assertion_of(root))
    next(root.iter(f"{{{SAML}}}AttributeValue")).append(copy)
    return root


def attribute_value_of_evil(root: Element) -> Element:
    genuine = assertion_of(root)
    wrapper = evil(genuine)
    root.replace(genuine, wrapper)
    place = next(wrapper.iter(f"{{{SAML}}}AttributeValue"))
    place.text = None
    place.append(genuine)
    return root


def subject_confirmation_data(root: Element) -> Element:
    copy = evil(assertion_of(root))
    next(root.iter(f"{{{SAML}}}SubjectConfirmationData")).append(copy)
    return root


def subject_confirmation_data_of_evil(root: Element) -> Element:
    genuine = assertion_of(root)
    wrapper = evil(genuine)
    root.replace(genuine, wrapper)
    next(wrapper.iter(f"{{{SAML}}}SubjectConfirmationData")).append(genuine)
    return root


def clear_inside_encrypted_assertion(root: Element) -> Element:
    genuine = assertion_of(root)
    place = etree.Element(f"{{{SAML}}}EncryptedAssertion")
    place.append(evil(genuine))
    genuine.addprevious(place)
    return root


def same_id_before(root: Element) -> Element:
    genuine = assertion_of(root)
    genuine.addprevious(evil(genuine, identifier=None))
    return root


def same_id_after(root: Element) -> Element:
    genuine = assertion_of(root)
    genuine.addnext(evil(genuine, identifier=None))
    return root


def same_id_on_evil_response(root: Element) -> Element:
    wrapper = evil(root, identifier=None)
    signature = take_signature(root)
    place = etree.SubElement(signature, f"{{{DS}}}Object")
    place.append(root)
    after_issuer(wrapper, signature)
    return wrapper


def foreign_root(root: Element) -> Element:
    wrapper = etree.Element("{urn:example}Envelope")
    wrapper.append(evil(root))
    wrapper.append(root)
    return wrapper


def response_in_response(root: Element) -> Element:
    wrapper = evil(root)
    wrapper.append(root)
    return wrapper


def genuine_response_in_extensions(root: Element) -> Element:
    wrapper = evil(root)
    extensions = etree.Element(f"{{{SAMLP}}}Extensions")
    extensions.append(root)
    after_issuer(wrapper, extensions)
    return wrapper


def second_signature_first(root: Element) -> Element:
    signature = next(root.iter(SIGNATURE))
    signature.addprevious(_attackers(signature.getparent()))
    return root


def second_signature_last(root: Element) -> Element:
    signature = next(root.iter(SIGNATURE))
    signature.addnext(_attackers(signature.getparent()))
    return root


def _attackers(element: Element) -> Element:
    return xml_signing.signature(evil(element, identifier=None), xml_signing.pair("attacker"))


def signature_of_another_document(root: Element) -> Element:
    """Metadata signed with the same key, embedded in full beside its signature's new place."""
    wrapper = evil(root)
    other = etree.fromstring(b'<m:Other xmlns:m="urn:example" ID="_other"/>')
    signature = xml_signing.signature(other, xml_signing.pair("node message 3072", _node_key()))
    after_issuer(wrapper, signature)
    extensions = etree.Element(f"{{{SAMLP}}}Extensions")
    extensions.append(other)
    wrapper.insert(2, extensions)
    return wrapper


def _node_key() -> xml_signing.Key:
    return xml_signing.rsa_key("node message")


def signature_elsewhere_in_response(root: Element) -> Element:
    """The signature is no child of what it signs, but its sibling at the end."""
    root.append(own_signature(root))
    return root


def evil_signed_value_around(root: Element) -> Element:
    """The evil assertion in place, the genuine one with its signature as last child of the Response."""
    genuine = assertion_of(root)
    genuine.addprevious(evil(genuine))
    root.append(genuine)
    return root


Placement = Callable[[Element], Element]

STRUCTURE, IDENTIFIER, REFERENCE = "saml.structure", "xml.id", "signature.reference"
PLACEMENTS: dict[Placement, str] = {
    xsw1: STRUCTURE,
    xsw2: STRUCTURE,
    xsw3: STRUCTURE,
    xsw4: STRUCTURE,
    xsw5: STRUCTURE,
    xsw6: STRUCTURE,
    xsw7: STRUCTURE,
    xsw8: STRUCTURE,
    object_of_own_signature: STRUCTURE,
    key_info_of_own_signature: STRUCTURE,
    advice: STRUCTURE,
    advice_around_the_genuine: STRUCTURE,
    status_detail: STRUCTURE,
    attribute_value: STRUCTURE,
    attribute_value_of_evil: STRUCTURE,
    subject_confirmation_data: STRUCTURE,
    subject_confirmation_data_of_evil: STRUCTURE,
    clear_inside_encrypted_assertion: STRUCTURE,
    same_id_before: IDENTIFIER,
    same_id_after: IDENTIFIER,
    same_id_on_evil_response: IDENTIFIER,
    foreign_root: STRUCTURE,
    response_in_response: STRUCTURE,
    genuine_response_in_extensions: STRUCTURE,
    second_signature_first: STRUCTURE,
    second_signature_last: STRUCTURE,
    signature_of_another_document: REFERENCE,
    signature_elsewhere_in_response: STRUCTURE,
    evil_signed_value_around: STRUCTURE,
}
MODES = {
    "response-signed": {"sign_response": True, "sign_assertion": False},
    "assertion-signed": {"sign_response": False, "sign_assertion": True},
    "both": {"sign_response": True, "sign_assertion": True},
    "encrypted": {"sign_response": False, "sign_assertion": True},
}
TOLERANT = {
    "response-signed": {"encryption_required": False},
    "assertion-signed": {
        "encryption_required": False, "response_signature_required": False, "assertion_signature_required": True,
    },
    "both": {"encryption_required": False, "assertion_signature_required": True},
    "encrypted": {"response_signature_required": False, "assertion_signature_required": True},
}  # fmt: skip


def message(exchange: Exchange, mode: str, placement: Placement | None) -> bytes:
    """The genuine message of ``mode`` after ``placement``."""
    reply = exchange.reply(encrypted=False, **MODES[mode])
    root = reply.response()
    if placement is not None:
        root = placement(root)
    if mode == "encrypted":
        for assertion in root.findall(f".//{{{SAMLP}}}Response/{ASSERTION}") + root.findall(ASSERTION):
            assertion.tail = None
            assertion.getparent().replace(
                assertion, xml_encryption.encrypt(etree.tostring(assertion), reply.recipient_key)
            )
    return etree.tostring(root)


def profile(exchange: Exchange, mode: str) -> Expectation:
    return expectation(exchange, **TOLERANT[mode])


@pytest.mark.parametrize("mode", MODES)
def test_genuine_message_of_each_mode_is_accepted(exchange: Exchange, mode: str) -> None:
    """Without this the refusals below would prove nothing."""
    assertion = receive(message(exchange, mode, None), profile(exchange, mode))
    assert assertion.attributes[0][0].text == IDENTIFIER_OF_CITIZEN


def expected_reasons(placement: Placement, mode: str) -> set[str]:
    """Encryption hides equal IDs, so that two assertions are found out by their number."""
    return {PLACEMENTS[placement], STRUCTURE} if mode == "encrypted" else {PLACEMENTS[placement]}


EACH = pytest.mark.parametrize("placement", PLACEMENTS, ids=lambda placement: placement.__name__)


@pytest.mark.parametrize("mode", MODES)
@EACH
def test_wrapped_message_is_refused(exchange: Exchange, placement: Placement, mode: str) -> None:
    """security.md A.1."""
    octets = message(exchange, mode, placement)
    refused(lambda: receive(octets, profile(exchange, mode)), expected_reasons(placement, mode))


@pytest.mark.parametrize("mode", MODES)
@EACH
def test_wrapped_message_is_refused_by_the_connector(
    exchange: Exchange, placement: Placement, mode: str
) -> None:
    """eidas.md §13 number 8. An unsigned Response is not even decrypted."""
    octets = message(exchange, mode, placement)
    unsigned = {"signature.missing"} if mode == "encrypted" else set()
    refused(lambda: exchange.finish(octets), expected_reasons(placement, mode) | unsigned)


@pytest.mark.parametrize("mode", MODES)
@EACH
def test_signature_layer_alone_never_yields_the_evil_person(
    exchange: Exchange, placement: Placement, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """security.md A.1 rule 3: reading only what was digested defeats wrapping without the other defences."""
    monkeypatch.setattr(structure, "require_response", lambda _: None)
    monkeypatch.setattr(structure, "require_assertion", lambda _: None)
    monkeypatch.setattr(schemas, "validate", lambda _, **__: None)
    monkeypatch.setattr(xml, "_check_tree", lambda *_: None)
    octets = message(exchange, mode, placement)
    try:
        assertion = receive(octets, profile(exchange, mode))
    except InvalidAnswer as error:
        assert_says_nothing_personal(error)
    else:
        identifiers = [
            a[0].text for a in assertion.attributes if a.get("Name") == NATURAL + "PersonIdentifier"
        ]
        assert identifiers == [IDENTIFIER_OF_CITIZEN]


@pytest.mark.parametrize("before", [True, False])
def test_verifier_itself_wants_the_id_once_in_the_document(exchange: Exchange, before: bool) -> None:
    """security.md A.1 rule 2, without the shape check that refuses equal IDs first."""
    root = exchange.reply(encrypted=False, sign_response=False, sign_assertion=True).response()
    genuine = assertion_of(root)
    (genuine.addprevious if before else genuine.addnext)(evil(genuine, identifier=None))
    with pytest.raises(VerificationError) as caught:
        verify_enveloped(genuine, profile(exchange, "both").keys, now=xml_signing.NOW)
    assert caught.value.reason == "signature.reference"


def test_encrypted_attacker_assertion_beside_the_signed_response(exchange: Exchange) -> None:
    """security.md A.11: encryption is not authentication; anybody can encrypt to us."""

    def swap(root: Element) -> None:
        reply = exchange.reply()
        wrapped = xml_encryption.encrypt(etree.tostring(evil(reply.assertion())), reply.recipient_key)
        root.replace(root.find(f"{{{SAML}}}EncryptedAssertion"), wrapped)

    octets = exchange.reply(edit_signed=swap).octets()
    refused(lambda: exchange.finish(octets), "signature.invalid")


def test_cipher_value_of_the_attacker_in_the_signed_response(exchange: Exchange) -> None:
    """The EncryptedData replaced inside the genuine EncryptedAssertion."""

    def swap(root: Element) -> None:
        reply = exchange.reply()
        wrapped = xml_encryption.encrypt(etree.tostring(evil(reply.assertion())), reply.recipient_key)
        place = root.find(f"{{{SAML}}}EncryptedAssertion")
        place.replace(place.find(f"{{{XENC}}}EncryptedData"), wrapped[0])

    octets = exchange.reply(edit_signed=swap).octets()
    refused(lambda: exchange.finish(octets), "signature.invalid")
