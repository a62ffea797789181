"""One SignedInfo, one Reference, one digest, each where it belongs (security.md A.5)."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest
from lxml import etree

from connectors.errors import InvalidAnswer
from connectors.saml.response import receive
from tests.attacks.refusal import expectation, no_cryptography, refused
from tests.support import xml_signing
from tests.support.saml_peer import SAMLP, Exchange, rsa_pair
from tests.support.xml_signing import DS, Recipe
from tests.trust.metadata_maker import NOW, document, policy, sign
from trust import schemas
from trust.errors import VerificationError
from trust.metadata_document import verify_document
from trust.pinned import PinnedKey

Element = etree._Element
SIGNATURE = f"{{{DS}}}Signature"
SIGNED_INFO = f"{SIGNATURE}/{{{DS}}}SignedInfo"
REFERENCE = f"{SIGNED_INFO}/{{{DS}}}Reference"
DIGEST = f"{REFERENCE}/{{{DS}}}DigestValue"


def resign(root: Element) -> Element:
    """SignatureValue made genuine again, by the peer's own key."""
    xml_signing.seal(root.find(SIGNATURE), rsa_pair("node message"))
    return root


def attackers_signed_info(root: Element) -> Element:
    copy = deepcopy(root.find(SIGNED_INFO))
    copy.find(f".//{{{DS}}}DigestValue").text = xml_signing.encode(b"\x02" * 32)
    return copy


def second_signed_info_first(root: Element) -> None:
    root.find(SIGNED_INFO).addprevious(attackers_signed_info(root))


def second_signed_info_last(root: Element) -> None:
    root.find(SIGNED_INFO).addnext(attackers_signed_info(root))


def second_signed_info_at_the_end(root: Element) -> None:
    root.find(SIGNATURE).append(attackers_signed_info(root))


def nested_signed_info(root: Element) -> None:
    root.find(SIGNED_INFO).append(attackers_signed_info(root))


def signed_info_in_key_info(root: Element) -> None:
    etree.SubElement(root.find(SIGNATURE), f"{{{DS}}}KeyInfo").append(attackers_signed_info(root))


def two_digests(root: Element) -> None:
    digest = root.find(DIGEST)
    digest.addnext(deepcopy(digest))
    resign(root)


def two_digest_methods(root: Element) -> None:
    method = root.find(f"{REFERENCE}/{{{DS}}}DigestMethod")
    method.addnext(deepcopy(method))
    resign(root)


def child_in_digest(root: Element) -> None:
    digest = root.find(DIGEST)
    etree.SubElement(digest, f"{{{DS}}}DigestValue").text = digest.text
    digest.text = None
    resign(root)


def no_reference(root: Element) -> None:
    root.find(SIGNED_INFO).remove(root.find(REFERENCE))
    resign(root)


def two_references(root: Element) -> None:
    root.find(REFERENCE).addnext(deepcopy(root.find(REFERENCE)))
    resign(root)


def two_references_the_other_for_a_part(root: Element) -> None:
    other = deepcopy(root.find(REFERENCE))
    other.set("URI", "#_part")
    root.find(REFERENCE).addprevious(other)
    resign(root)


def many_references(root: Element) -> None:
    reference = root.find(REFERENCE)
    for _ in range(150):
        reference.addnext(deepcopy(reference))


def no_transforms(root: Element) -> None:
    root.find(REFERENCE).remove(root.find(f"{REFERENCE}/{{{DS}}}Transforms"))
    resign(root)


def two_signature_values(root: Element) -> None:
    value = root.find(f"{SIGNATURE}/{{{DS}}}SignatureValue")
    value.addnext(deepcopy(value))


def two_key_infos(root: Element) -> None:
    info = root.find(f"{SIGNATURE}/{{{DS}}}KeyInfo")
    info.addnext(deepcopy(info))


def signed_info_last(root: Element) -> None:
    root.find(SIGNATURE).append(root.find(SIGNED_INFO))


def an_object(root: Element) -> None:
    etree.SubElement(root.find(SIGNATURE), f"{{{DS}}}Object").text = "x"


def a_manifest(root: Element) -> None:
    place = etree.SubElement(root.find(SIGNATURE), f"{{{DS}}}Object")
    etree.SubElement(place, f"{{{DS}}}Manifest").append(deepcopy(root.find(REFERENCE)))


CHANGES = [
    second_signed_info_first, second_signed_info_last, second_signed_info_at_the_end, nested_signed_info,
    signed_info_in_key_info, two_digests, two_digest_methods, child_in_digest, no_reference, two_references,
    two_references_the_other_for_a_part, many_references, no_transforms, two_signature_values, two_key_infos,
    signed_info_last, an_object, a_manifest,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_other_structure_is_refused_before_any_cryptography(
    exchange: Exchange, change: Callable[[Element], None]
) -> None:
    octets = exchange.reply(
        edit_signed=change, recipe=Recipe(key_info="") if "in_key" in change.__name__ else Recipe()
    )
    message = octets.octets()
    with no_cryptography():
        refused(lambda: exchange.finish(message), {"xml.schema", "signature.structure", "saml.structure"})


@pytest.mark.parametrize(
    "change", [c for c in CHANGES if c is not signed_info_in_key_info], ids=lambda change: change.__name__
)
def test_verifier_does_not_lean_on_the_schema(
    exchange: Exchange, change: Callable[[Element], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The walk over direct children refuses the same messages by itself."""
    monkeypatch.setattr(schemas, "validate", lambda _, **__: None)
    octets = exchange.reply(edit_signed=change).octets()
    with no_cryptography():
        refused(lambda: exchange.finish(octets), {"signature.structure", "saml.structure"})


def test_5000_references_are_refused_by_their_number(exchange: Exchange) -> None:
    """security.md A.5: nothing of them is looked at."""

    def flood(octets: bytes) -> bytes:
        return octets.replace(b"</ds:SignedInfo>", b'<ds:Reference URI="#a"/>' * 5_000 + b"</ds:SignedInfo>")

    octets = exchange.reply(edit_octets=flood).octets()
    with no_cryptography():
        refused(lambda: exchange.finish(octets), "xml.elements")


@pytest.mark.parametrize(
    "uri",
    ["", "#", "#_other", "#xpointer(/)", "#xpointer(id('_x'))", "_x", "http://127.0.0.1:9/", "file:///etc/hostname",
     "https://eidas.el.example/metadata"],
)  # fmt: skip
def test_reference_that_does_not_name_its_parent_is_refused(exchange: Exchange, uri: str) -> None:
    """``URI=""`` is for metadata only (eidas.md §6.2)."""
    octets = exchange.reply(recipe=Recipe(uri=uri)).octets()
    with no_cryptography():
        refused(lambda: exchange.finish(octets), {"signature.reference", "saml.structure"})


@pytest.mark.parametrize(
    "expression", ["x')|//*[count(//*)>0]|id('x", "xpointer(//*[count(//*)>0])", "x:y", "xmlns(a=b)", "a b"]
)
def test_id_that_is_an_expression_is_never_evaluated(expression: str) -> None:
    """Metadata are validated after their signature: some kilobytes of them kept a thread busy for minutes."""
    octets = sign(document())
    for name in (b'ID="', b'URI="#'):
        assert octets.count(name + b"_d1") == 1
        octets = octets.replace(name + b"_d1", name + expression.encode())
    with no_cryptography(), pytest.raises(VerificationError) as caught:
        verify_document(octets, policy(), now=NOW)
    assert caught.value.reason == "signature.reference"


def test_reference_without_uri_is_refused(exchange: Exchange) -> None:
    def drop(root: Element) -> None:
        del root.find(REFERENCE).attrib["URI"]
        resign(root)

    octets = exchange.reply(edit_signed=drop).octets()
    with no_cryptography():
        refused(lambda: exchange.finish(octets), "signature.reference")


@pytest.mark.parametrize("place", ["before", "after", "inside"])
@pytest.mark.parametrize("node", ["<!-- x -->", "<?x y?>"])
def test_comment_in_the_digest_is_refused(exchange: Exchange, node: str, place: str) -> None:
    """CVE-2025-29775: a comment that splits what one reader joins and the other does not."""

    def split(octets: bytes) -> bytes:
        start = octets.index(b"<ds:DigestValue>") + len(b"<ds:DigestValue>")
        end = octets.index(b"</ds:DigestValue>")
        position = {"before": start, "after": end, "inside": start + 8}[place]
        return octets[:position] + node.encode() + octets[position:]

    octets = split(exchange.reply().octets())
    with no_cryptography():
        refused(lambda: exchange.finish(octets), "xml.comment")


def test_digest_smuggled_elsewhere_is_not_found(exchange: Exchange) -> None:
    """CVE-2024-45409: a DigestValue in StatusDetail, found by ``//ds:DigestValue``."""

    def smuggle(root: Element) -> None:
        genuine = root.find(DIGEST)
        status = root.find(f"{{{SAMLP}}}Status")
        detail = etree.SubElement(status, f"{{{SAMLP}}}StatusDetail")
        etree.SubElement(detail, f"{{{DS}}}DigestValue").text = genuine.text

    octets = exchange.reply(edit_signed=smuggle).octets()
    refused(lambda: exchange.finish(octets), {"signature.invalid", "signature.digest", "xml.schema"})


def test_digest_is_checked_by_us_even_if_the_library_does_not(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever libxmlsec says, the octets we read are those whose digest is in SignedInfo."""

    class Yes:
        def __getattr__(self, _: str) -> Callable[..., None]:
            return lambda *_: None

    monkeypatch.setattr("xmlsec.SignatureContext", Yes)
    octets = exchange.reply().octets().replace(b"status:Success", b"status:Success ")
    with pytest.raises(InvalidAnswer) as caught:
        receive(octets, expectation(exchange))
    assert caught.value.reason == "signature.digest"


def test_ids_stay_unique_through_many_keys(exchange: Exchange) -> None:
    """Several keys are tried on one tree; the ID registered for the first does not disturb the second."""
    strangers = [PinnedKey.from_certificate(rsa_pair(name).pem) for name in ("stranger", "former")]
    octets = exchange.reply().octets()
    keys = [*strangers, *expectation(exchange).keys]
    assert receive(octets, expectation(exchange, keys=keys)).issuer == exchange.node.entity_id
    refused(lambda: receive(octets, expectation(exchange, keys=strangers)), "signature.invalid")
