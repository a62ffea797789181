"""The foreign nodes: what they publish, what they refuse, what they answer.

xmlsec judges the signatures and decrypts: the nodes use signxml and cryptography for that.
"""

from __future__ import annotations

import base64
import re
import secrets
from datetime import UTC, datetime, timedelta

import pytest
import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
from lxml import etree

from sandbox.authority import certify, make_key, private_pem
from sandbox.nodes.attributes import BY_FRIENDLY, REPRESENTATIVE_URIS
from sandbox.nodes.countries import countries, national
from sandbox.nodes.faults import FAULTS
from sandbox.saml.names import NSMAP, tag

NODES = (*countries().values(), national())


def verified_by_xmlsec(root: etree._Element, certificate: x509.Certificate) -> None:
    """Raises xmlsec.Error unless the element's own signature verifies with exactly this key."""
    xmlsec.tree.add_ids(root, ["ID"])
    context = xmlsec.SignatureContext()
    pem = certificate.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem)
    signature = root.find(tag("ds:Signature"))
    assert signature is not None
    context.verify(signature)


def message(page: str) -> etree._Element:
    """The SAMLResponse in a node's page."""
    found = re.findall(r'name="SAMLResponse" value="([^"]+)"', page)
    assert found, page
    return etree.fromstring(base64.b64decode(found[-1]))


def answer(nodes, asker, node="gr", *, citizen="onasis", fault="", decision="answer", legal=False):
    """A whole exchange with one node; the page it ends on."""
    connector = "eidas-national" if node == "national" else "eidas"
    destination = f"{nodes.world.addresses.nodes}/{node}/sso"
    request = asker.request(destination, legal=legal, connector=connector)
    fields = {"SAMLRequest": "", "RelayState": "relay"}
    if node == "national":
        extensions = request.find(tag("saml2p:Extensions"))
        etree.SubElement(extensions, tag("eidas:RequesterID")).text = "https://service.example"
        fields["country"] = "EE"
    if not countries().get(node, national()).notified:
        _levels(request, "exact", ["http://eidas.europa.eu/NotNotified/LoA/low",
                                   "http://eidas.europa.eu/NotNotified/LoA/substantial"])  # fmt: skip
    fields["SAMLRequest"] = asker.signed(request)
    page = nodes.post(f"/{node}/sso", data=fields)
    assert page.status_code == 200, page.text
    handle = re.findall(r'name="exchange" value="([^"]+)"', page.text)[0]
    form = {"exchange": handle, "citizen": citizen, "fault": fault, "decision": decision}
    done = nodes.post(f"/{node}/answer", data=form)
    assert done.status_code == 200, done.text
    return request.get("ID"), done.text


def _levels(request: etree._Element, comparison: str, uris: list[str]) -> None:
    context = request.find(tag("saml2p:RequestedAuthnContext"))
    context.set("Comparison", comparison)
    for old in list(context):
        context.remove(old)
    for uri in uris:
        etree.SubElement(context, tag("saml2:AuthnContextClassRef")).text = uri


def decrypted(response: etree._Element, asker) -> etree._Element:
    """The assertion, decrypted by xmlsec with the asker's RSA key."""
    manager = xmlsec.KeysManager()
    key = xmlsec.Key.from_memory(private_pem(asker.encryption.key), xmlsec.constants.KeyDataFormatPem)
    manager.add_key(key)
    data = response.find(f"{tag('saml2:EncryptedAssertion')}/{tag('xenc:EncryptedData')}")
    assert data is not None
    return xmlsec.EncryptionContext(manager).decrypt(data)


def attribute(assertion: etree._Element, friendly: str) -> list[str]:
    """All values of one attribute, with the full text of each."""
    uri = BY_FRIENDLY[friendly].uri
    return [
        "".join(value.itertext())
        for item in assertion.iter(tag("saml2:Attribute"))
        if item.get("Name") == uri
        for value in item
    ]


@pytest.mark.parametrize("node", NODES, ids=lambda n: n.path)
def test_metadata_verify_with_the_certificate_that_is_handed_over(nodes, node) -> None:
    """eIDAS Message Format §2.1.1: signed, validUntil within a day, NodeCountry, levels."""
    root = etree.fromstring(nodes.get(f"/{node.path}/metadata").content)
    signer = nodes.world.metadata_signing[node.path]
    verified_by_xmlsec(root, signer.certificate)
    in_file = root.findall(f".//{tag('ds:Signature')}//{tag('ds:X509Certificate')}")
    assert len(in_file) == (2 if node.chained else 1)
    left = datetime.fromisoformat(root.get("validUntil")) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)
    assert root.findtext(f".//{tag('eidas:NodeCountry')}") == node.node_code
    certified = [
        value.text
        for item in root.iter(tag("saml2:Attribute"))
        if item.get("Name") == "urn:oasis:names:tc:SAML:attribute:assurance-certification"
        for value in item
    ]
    assert certified == list(node.published_levels)


def test_greece_is_el_on_the_wire() -> None:
    """eIDAS Message Format §4.2: Greece is EL, never GR."""
    assert countries()["gr"].node_code == "EL"
    assert countries()["gr"].name == "Greece"


@pytest.mark.parametrize("node", [n for n in NODES if n.path != "national"], ids=lambda n: n.path)
def test_each_country_answers_with_a_signed_response_that_decrypts(nodes, asker, node) -> None:
    """eidas.md §3.2: signed Response, one EncryptedAssertion for our certificate."""
    citizen = next(c for c in node.citizens if c.decides == "answer")
    request_id, page = answer(nodes, asker, node.path, citizen=citizen.id, legal=citizen.kind == "legal")
    response = message(page)
    verified_by_xmlsec(response, nodes.world.signing[node.path].certificate)
    assert response.get("InResponseTo") == request_id
    assert response.get("Destination") == asker.acs
    assert response.find(tag("saml2:Assertion")) is None
    assertion = decrypted(response, asker)
    assert assertion.findtext(f".//{tag('saml2:Audience')}") == asker.entity_id
    key = "PersonIdentifier" if citizen.kind == "natural" else "LegalPersonIdentifier"
    assert attribute(assertion, key)[0].startswith(f"{node.node_code}/DE/")


def test_latin_and_greek_come_as_a_pair_with_the_original_first(nodes, asker) -> None:
    """Attribute Profile §2.4: two values, the original one marked LatinScript=false."""
    _, page = answer(nodes, asker)
    assertion = decrypted(message(page), asker)
    assert attribute(assertion, "FamilyName") == ["Ωνάσης", "Onasis"]
    marked = [
        value.get(f"{{{BY_FRIENDLY['FamilyName'].namespace}}}LatinScript")
        for value in assertion.iter(tag("saml2:AttributeValue"))
        if value.text == "Ωνάσης"
    ]
    assert marked == ["false"]


def test_company_brings_its_representative_unasked(nodes, asker) -> None:
    """Attribute Profile §2.8: representative attributes are sent, never requested."""
    _, page = answer(nodes, asker, "nl", citizen="tulpen", legal=True)
    assertion = decrypted(message(page), asker)
    names = {item.get("Name") for item in assertion.iter(tag("saml2:Attribute"))}
    assert len(names & REPRESENTATIVE_URIS) == 4
    assert attribute(assertion, "LegalName") == ["Tulpen & Zonen <Import> B.V."]


def test_swedish_identifier_is_another_one_each_time(nodes, asker) -> None:
    """Attribute Profile §2.5: an identifier may change."""
    seen = set()
    for _ in range(2):
        _, page = answer(nodes, asker, "se", citizen="single")
        seen.update(attribute(decrypted(message(page), asker), "PersonIdentifier"))
    assert len(seen) == 2


@pytest.mark.parametrize(("node", "info"), [("ee", "0000"), ("gr", "00")])
def test_key_agreement_when_our_key_is_elliptic(nodes, asker, keys, node, info) -> None:
    """XML Encryption 1.1 §5.6: ECDH-ES, ConcatKDF with an empty field or one zero octet."""
    asker.encryption = keys["p384"]
    asker.publish()
    citizen = countries()[node].citizens[0].id
    response = message(answer(nodes, asker, node, citizen=citizen)[1])
    parameters = response.find(f".//{tag('xenc11:ConcatKDFParams')}")
    assert parameters.get("PartyUInfo") == info
    point = base64.b64decode(response.findtext(f".//{tag('dsig11:PublicKey')}"))
    values = [base64.b64decode(v.text) for v in response.iter(tag("xenc:CipherValue"))]
    secret = keys["p384"].key.exchange(
        ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), point)
    )
    other = b"" if info == "00" else b"\0\0\0"
    session = aes_key_unwrap(ConcatKDFHash(hashes.SHA256(), 32, other).derive(secret), values[0])
    plain = AESGCM(session).decrypt(values[1][:12], values[1][12:], None)
    assert etree.fromstring(plain).tag == tag("saml2:Assertion")


def test_national_connector_signs_response_and_assertion(nodes, asker) -> None:
    """eidas.md §10.1: country as form parameter, both signed, identifier of the citizen's country."""
    _, page = answer(nodes, asker, "national", citizen="oconnez")
    response = message(page)
    certificate = nodes.world.signing["national"].certificate
    verified_by_xmlsec(response, certificate)
    assertion = etree.fromstring(etree.tostring(decrypted(response, asker)))
    verified_by_xmlsec(assertion, certificate)
    assert attribute(assertion, "PersonIdentifier")[0].startswith("EE/DE/")


def test_citizen_below_the_requested_level_gets_no_authn_context(nodes, asker) -> None:
    """eidas.md §4: a level that cannot be met is a SAML failure, not a lower level."""
    destination = f"{nodes.world.addresses.nodes}/gr/sso"
    request = asker.request(destination)
    _levels(request, "minimum", ["http://eidas.europa.eu/LoA/high"])
    page = nodes.post("/gr/sso", data={"SAMLRequest": asker.signed(request)})
    handle = re.findall(r'name="exchange" value="([^"]+)"', page.text)[0]
    form = {"exchange": handle, "citizen": "substantial", "decision": "answer"}
    codes = _codes(message(nodes.post("/gr/answer", data=form).text))
    assert codes == ["Responder", "NoAuthnContext"]


def _codes(response: etree._Element) -> list[str]:
    return [c.get("Value").rpartition(":")[2] for c in response.iter(tag("saml2p:StatusCode"))]


def test_declining_is_request_denied_and_an_exchange_works_once(nodes, asker) -> None:
    """eidas.md §4."""
    _, page = answer(nodes, asker, "es", citizen="decline")
    assert _codes(message(page)) == ["Requester", "RequestDenied"]
    _, page = answer(nodes, asker, decision="decline")
    assert _codes(message(page)) == ["Requester", "RequestDenied"]
    again = nodes.post("/gr/answer", data={"exchange": secrets.token_urlsafe(8), "decision": "answer"})
    assert again.status_code == 410


def _set(name: str, value: str | None):
    def change(request: etree._Element) -> None:
        if value is None:
            del request.attrib[name]
        else:
            request.set(name, value)

    return change


def _drop(path: str):
    def change(request: etree._Element) -> None:
        found = next(request.iter(tag(path)))
        found.getparent().remove(found)

    return change


def _twice(path: str):
    def change(request: etree._Element) -> None:
        found = next(request.iter(tag(path)))
        found.addnext(etree.fromstring(etree.tostring(found, with_tail=False)))

    return change


def _ask_for(uri: str, *, required: str = "false"):
    def change(request: etree._Element) -> None:
        attributes = next(request.iter(tag("eidas:RequestedAttributes")))
        etree.SubElement(
            attributes,
            tag("eidas:RequestedAttribute"),
            {
                "Name": uri,
                "NameFormat": "urn:oasis:names:tc:SAML:2.0:attrname-format:uri",
                "isRequired": required,
            },
        )

    return change


def _asked(comparison: str, *words: str):
    return lambda request: _levels(request, comparison, [f"http://eidas.europa.eu/{w}" for w in words])


def _mixed(request: etree._Element) -> None:
    for friendly in ("LegalPersonIdentifier", "LegalName"):
        _ask_for(BY_FRIENDLY[friendly].uri, required="true")(request)


def _policy(request: etree._Element) -> None:
    next(request.iter(tag("saml2p:NameIDPolicy"))).set(
        "Format", "urn:oasis:names:tc:SAML:1.1:nameid-format:X"
    )


def _country(request: etree._Element) -> None:
    etree.SubElement(next(request.iter(tag("saml2p:Extensions"))), tag("eidas:NodeCountry")).text = "DE"


REFUSALS = {
    "ForceAuthn absent": (_set("ForceAuthn", None), "ForceAuthn"),
    "ForceAuthn false": (_set("ForceAuthn", "false"), "ForceAuthn"),
    "IsPassive absent": (_set("IsPassive", None), "IsPassive"),
    "IsPassive true": (_set("IsPassive", "true"), "IsPassive"),
    "Destination elsewhere": (_set("Destination", "http://localhost/else"), "Destination"),
    "ACS unknown": (
        _set("AssertionConsumerServiceURL", "http://localhost/else"),
        "AssertionConsumerServiceURL",
    ),
    "SPType absent": (_drop("eidas:SPType"), "SPType"),
    "SPType twice": (_twice("eidas:SPType"), "SPType"),
    "NodeCountry present": (_country, "NodeCountry"),
    "mandatory attribute not asked": (_drop("eidas:RequestedAttribute"), "minimum data set"),
    "attribute twice": (_twice("eidas:RequestedAttribute"), "twice"),
    "both kinds of person": (_mixed, "natural and legal"),
    "representative asked": (_ask_for(BY_FRIENDLY["FirstName"].representative_uri), "representative"),
    "two contexts": (_twice("saml2p:RequestedAuthnContext"), "exactly one RequestedAuthnContext"),
    "minimum with two levels": (_asked("minimum", "LoA/low", "LoA/high"), "Comparison=minimum"),
    "exact notified only": (_asked("exact", "LoA/high"), "use minimum"),
    "exact without higher": (_asked("exact", "LoA/substantial", "NotNotified/LoA/low"), "higher ones"),
    "better": (_asked("better", "LoA/low"), "Comparison"),
    "level in capitals": (_asked("minimum", "LoA/LOW"), "no level of assurance"),
    "level unknown": (_asked("minimum", "LoA/unknown"), "no level of assurance"),
    "format not published": (_policy, "NameIDPolicy"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_request_that_breaks_a_rule_is_refused_by_name(nodes, asker, name) -> None:
    """eidas.md §2: what a real node refuses; the page names the rule, the SAML error travels back."""
    change, words = REFUSALS[name]
    request = asker.request(f"{nodes.world.addresses.nodes}/gr/sso")
    change(request)
    page = nodes.post("/gr/sso", data={"SAMLRequest": asker.signed(request)})
    assert page.status_code == 400
    assert words in page.text
    response = message(page.text)
    verified_by_xmlsec(response, nodes.world.signing["gr"].certificate)
    assert _codes(response)[0] == "Requester"


def test_mixed_request_is_taken_by_a_node_of_format_1_2(nodes, asker) -> None:
    """eIDAS Message Format 1.4 §2.3.2 against 1.2."""
    request = asker.request(f"{nodes.world.addresses.nodes}/cz/sso")
    _mixed(request)
    assert nodes.post("/cz/sso", data={"SAMLRequest": asker.signed(request)}).status_code == 200


def test_scoping_is_refused_by_the_danish_node(nodes, asker) -> None:
    """eidas.md §2.2 number 6: the exception list exists for a reason."""
    request = asker.request(f"{nodes.world.addresses.nodes}/dk/sso")
    scoping = etree.SubElement(request, tag("saml2p:Scoping"))
    etree.SubElement(scoping, tag("saml2p:RequesterID")).text = "https://service.example"
    page = nodes.post("/dk/sso", data={"SAMLRequest": asker.signed(request)})
    assert page.status_code == 400
    assert "Scoping" in page.text


def test_private_service_without_requester_id_is_refused_where_it_is_required(nodes, asker) -> None:
    """eIDAS Message Format §2.4.1: RequesterID for private relying parties."""
    request = asker.request(f"{nodes.world.addresses.nodes}/bg/sso")
    next(request.iter(tag("eidas:SPType"))).text = "private"
    page = nodes.post("/bg/sso", data={"SAMLRequest": asker.signed(request)})
    assert page.status_code == 400
    assert "RequesterID" in page.text


def test_unsigned_strange_or_changed_request_gets_no_saml_answer(nodes, asker) -> None:
    """Interoperability Architecture §3.2.1: an unverifiable request is not answered."""
    destination = f"{nodes.world.addresses.nodes}/gr/sso"
    stranger = certify("stranger", make_key("p256"))
    signed = base64.b64decode(asker.signed(asker.request(destination)))
    for octets in (
        etree.tostring(asker.request(destination)),
        base64.b64decode(asker.signed(asker.request(destination), key=stranger)),
        signed.replace(b'ForceAuthn="true"', b'ForceAuthn="false"'),
    ):
        page = nodes.post("/gr/sso", data={"SAMLRequest": base64.b64encode(octets).decode()})
        assert page.status_code == 400
        assert "SAMLResponse" not in page.text


def test_metadata_of_the_gateway_count_only_with_the_right_signer(nodes, asker) -> None:
    """eidas.md §6.2: unverified or expired metadata are not used."""
    for bad in ({"signer": certify("stranger", make_key("p256"))}, {"hours": -1}):
        asker.publish(**bad)
        request = asker.signed(asker.request(f"{nodes.world.addresses.nodes}/gr/sso"))
        page = nodes.post("/gr/sso", data={"SAMLRequest": request})
        assert page.status_code == 400
        assert "requester not known" in page.text


PLAIN_CHECKS = {
    "wrong-destination": lambda r, a, k: r.get("Destination") != k.acs,
    "wrong-in-response-to": lambda r, a, k: r.get("InResponseTo") not in (None, k.sent),
    "unsolicited": lambda r, a, k: r.get("InResponseTo") is None,
    "wrong-issuer": lambda r, a, k: "other.example" in r.findtext(tag("saml2:Issuer")),
    "unsigned": lambda r, a, k: r.find(tag("ds:Signature")) is None,
    "plain-assertion": lambda r, a, k: r.find(tag("saml2:Assertion")) is not None,
    "two-assertions": lambda r, a, k: len(r.findall(tag("saml2:EncryptedAssertion"))) == 2,
    "pkcs1": lambda r, a, k: _method(r).endswith("more#rsa-sha256"),
    "sha1": lambda r, a, k: _method(r).endswith("#rsa-sha1"),
    "aes-cbc": lambda r, a, k: any("aes256-cbc" in (e.get("Algorithm") or "") for e in r.iter()),
    "expired": lambda r, a, k: _until(a) < datetime.now(UTC) - timedelta(hours=1),
    "not-yet-valid": lambda r, a, k: _until(a) > datetime.now(UTC) + timedelta(hours=1),
    "wrong-audience": lambda r, a, k: "other.example" in a.findtext(f".//{tag('saml2:Audience')}"),
    "wrong-recipient": lambda r, a, k: _confirmation(a).get("Recipient") != k.acs,
    "wrong-confirmation": lambda r, a, k: _confirmation(a).get("InResponseTo") != k.sent,
    "level-unpublished": lambda r, a, k: _level(a) not in countries()["gr"].published_levels,
    "level-wrong-case": lambda r, a, k: _level(a).endswith("/HIGH"),
    "level-test": lambda r, a, k: _level(a).endswith("/test"),
    "level-too-low": lambda r, a, k: _level(a) not in countries()["gr"].published_levels,
    "missing-attribute": lambda r, a, k: attribute(a, "FirstName") == [],
    "empty-attribute": lambda r, a, k: attribute(a, "FirstName") == [""],
    "foreign-identifier": lambda r, a, k: attribute(a, "PersonIdentifier")[0].startswith("IT/DE/"),
    "wrong-destination-country": lambda r, a, k: attribute(a, "PersonIdentifier")[0].startswith("EL/XX/"),
    "identifier-with-space": lambda r, a, k: " " in attribute(a, "PersonIdentifier")[0],
    "duplicate-attribute": lambda r, a, k: len(attribute(a, "PersonIdentifier")) == 2,
    "representative": lambda r, a, k: any(e.get("Name") in REPRESENTATIVE_URIS for e in a.iter()),
    "comment": lambda r, a, k: len(list(a.iter(etree.Comment))) == 1,
    "sha1-digest": lambda r, a, k: r.find(f".//{tag('ds:DigestMethod')}").get("Algorithm").endswith("#sha1"),
}  # fmt: skip


def _method(response: etree._Element) -> str:
    return response.find(f".//{tag('ds:SignatureMethod')}").get("Algorithm")


def _until(assertion: etree._Element) -> datetime:
    return datetime.fromisoformat(assertion.find(tag("saml2:Conditions")).get("NotOnOrAfter"))


def _confirmation(assertion: etree._Element) -> etree._Element:
    return next(assertion.iter(tag("saml2:SubjectConfirmationData")))


def _level(assertion: etree._Element) -> str:
    return next(assertion.iter(tag("saml2:AuthnContextClassRef"))).text


@pytest.mark.parametrize("fault", PLAIN_CHECKS)
def test_fault_is_really_in_the_message(nodes, asker, fault) -> None:
    """Each entry of the error menu does what its label says; without it the check fails."""
    sent, page = answer(nodes, asker, fault=fault)
    asker.sent = sent
    response = message(page)
    simple = fault in ("plain-assertion", "two-assertions")
    assertion = response if simple else decrypted(etree.fromstring(etree.tostring(response)), asker)
    assert PLAIN_CHECKS[fault](response, assertion, asker)
    honest_id, honest_page = answer(nodes, asker)
    asker.sent = honest_id
    honest = message(honest_page)
    plain = decrypted(etree.fromstring(etree.tostring(honest)), asker)
    assert not PLAIN_CHECKS[fault](honest, plain, asker)


@pytest.mark.parametrize("fault", ["wrong-signature", "unknown-key"])
def test_faulty_signature_does_not_verify(nodes, asker, fault) -> None:
    """The signature is there, of the right algorithm, and wrong."""
    response = message(answer(nodes, asker, fault=fault)[1])
    with pytest.raises(xmlsec.Error):
        verified_by_xmlsec(response, nodes.world.signing["gr"].certificate)


@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        ("decline", ["Requester", "RequestDenied"]),
        ("authn-failed", ["Responder", "AuthnFailed"]),
        ("no-authn-context", ["Responder", "NoAuthnContext"]),
        ("internal", ["Responder", "RequestUnsupported"]),
        ("version", ["VersionMismatch", "RequestVersionTooHigh"]),
    ],
)
def test_failure_response_carries_status_and_no_assertion(nodes, asker, fault, codes) -> None:
    """saml-core §3.2.2.2."""
    response = message(answer(nodes, asker, fault=fault)[1])
    verified_by_xmlsec(response, nodes.world.signing["gr"].certificate)
    assert _codes(response) == codes
    assert response.find(tag("saml2:EncryptedAssertion")) is None


def test_doctype_and_replay_are_as_the_menu_says(nodes, asker) -> None:
    """A DOCTYPE precedes the root; a replay page holds the same message twice."""
    page = answer(nodes, asker, fault="doctype")[1]
    octets = base64.b64decode(re.findall(r'name="SAMLResponse" value="([^"]+)"', page)[0])
    assert octets.startswith(b"<!DOCTYPE")
    page = answer(nodes, asker, fault="replay")[1]
    sent = re.findall(r'name="SAMLResponse" value="([^"]+)"', page)
    assert len(sent) == 2
    assert len(set(sent)) == 1


def test_every_fault_of_the_menu_is_tested_here() -> None:
    """No entry without a test that it is really faulty."""
    elsewhere = {"wrong-signature", "unknown-key", "decline", "authn-failed", "no-authn-context",
                 "internal", "version", "doctype", "replay"}  # fmt: skip
    assert set(PLAIN_CHECKS) | elsewhere == set(FAULTS)


def test_names_that_look_like_markup_stay_text(nodes, asker) -> None:
    """The page shows them escaped, the message carries them whole."""
    request = asker.signed(asker.request(f"{nodes.world.addresses.nodes}/es/sso"))
    page = nodes.post("/es/sso", data={"SAMLRequest": request})
    assert "<b>Peña" not in page.text
    assert "&lt;b&gt;Peña" in page.text
    assertion = decrypted(message(answer(nodes, asker, "es", citizen="markup")[1]), asker)
    assert attribute(assertion, "FamilyName") == ['<b>Peña</b> & "Hijos"']
    assert NSMAP["saml2"] in assertion.tag
