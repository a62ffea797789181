"""WS-Security, both directions, against libxmlsec as the other side (WSS SOAP Message Security 1.1, security.md A)."""

from datetime import UTC, datetime, timedelta

import pytest
import xmlsec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree

from sandbox.authority import KeyPair, certify, make_key
from trust.algorithms import Deviation
from trust.errors import KeyUnavailable, VerificationError
from trust.keys import InMemoryKey
from trust.pinned import PinnedKey
from trust.wss import BODY, sign_message, verify_message
from trust.xml import DS, SOAP, SOAP_MESSAGE, WSSE, WSU, parse

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SKEW = timedelta(seconds=60)
PKCS1 = frozenset({Deviation.RSA_PKCS1})
EC14N = "http://www.w3.org/2001/10/xml-exc-c14n#"


@pytest.fixture(scope="module")
def rsa() -> KeyPair:
    return certify("service", make_key("rsa-3072"))


@pytest.fixture(scope="module")
def curve() -> KeyPair:
    return certify("service", make_key("p256"))


def pinned(pair):
    return PinnedKey.from_public_key(pair.certificate.public_key())


def content(name="ERIKA"):
    root = etree.Element("{urn:of:test}answer", nsmap={"t": "urn:of:test"})
    etree.SubElement(root, "{urn:of:test}name").text = name
    return root


def verified(octets, pair, deviations=frozenset(), now=NOW):
    return verify_message(
        parse(octets, SOAP_MESSAGE), [pinned(pair)], now=now, skew=SKEW, deviations=deviations
    )


TOKEN = f'<wsse:BinarySecurityToken wsu:Id="X509-1" xmlns:wsse="{WSSE}">AAAA</wsse:BinarySecurityToken>'


def by_libxmlsec(
    pair,
    *,
    method=xmlsec.Transform.RSA_SHA256,
    prefixes=None,
    signed=("TS-1", "id-1"),
    token=False,
    body="<t:answer><t:name>ERIKA</t:name></t:answer>",
):
    """A message in the manner of Java services: prefixes declared far above, lists of inclusive ones."""
    inclusive = f'<ec:InclusiveNamespaces xmlns:ec="{EC14N}" PrefixList="{prefixes}"/>' if prefixes else ""
    references = "".join(
        f'<ds:Reference URI="#{name}"><ds:Transforms><ds:Transform Algorithm="{EC14N}">{inclusive}</ds:Transform>'
        '</ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
        "<ds:DigestValue/></ds:Reference>"
        for name in (*signed, *(("X509-1",) if token else ()))
    )
    text = (
        f'<soap:Envelope xmlns:soap="{SOAP}" xmlns:wsu="{WSU}" xmlns:t="urn:of:test" xmlns:unused="urn:unused">'
        f'<soap:Header><wsse:Security xmlns:wsse="{WSSE}" soap:mustUnderstand="1">{TOKEN if token else ""}'
        f'<wsu:Timestamp wsu:Id="TS-1"><wsu:Created>2026-11-23T12:00:00.000Z</wsu:Created>'
        "<wsu:Expires>2026-11-23T12:05:00.000Z</wsu:Expires></wsu:Timestamp>"
        f'<ds:Signature xmlns:ds="{DS}" Id="SIG-1"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{EC14N}">'
        f'{inclusive}</ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="{_uri(method)}"/>{references}'
        '</ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo Id="KI-1"><wsse:SecurityTokenReference wsu:Id="STR-1"/>'
        "</ds:KeyInfo></ds:Signature></wsse:Security></soap:Header>"
        f'<soap:Body wsu:Id="id-1">{body}</soap:Body></soap:Envelope>'
    )
    root = etree.fromstring(text)
    context = xmlsec.SignatureContext()
    pem = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    context.key = xmlsec.Key.from_memory(pem, xmlsec.KeyFormat.PEM)
    for element in root.iter():
        if element.get(f"{{{WSU}}}Id") is not None:
            context.register_id(element, "Id", WSU)
    context.sign(root.find(f".//{{{DS}}}Signature"))
    return etree.tostring(root)


def _uri(method):
    more = "http://www.w3.org/2001/04/xmldsig-more#"
    return {
        xmlsec.Transform.RSA_SHA256: more + "rsa-sha256",
        xmlsec.Transform.ECDSA_SHA256: more + "ecdsa-sha256",
        xmlsec.Transform.RSA_SHA1: "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
    }[method]


@pytest.mark.parametrize("prefixes", [None, "soap", "soap wsu t", "soap unused nowhere"])
@pytest.mark.parametrize("token", [False, True])
def test_message_of_another_implementation_is_verified(rsa, prefixes, token):
    """xml-exc-c14n §3: inclusive prefixes count in the signature and in each reference."""
    message = verified(by_libxmlsec(rsa, prefixes=prefixes, token=token), rsa, PKCS1)
    assert message.content[0].text == "ERIKA"
    assert message.created == NOW


def test_our_message_is_verified_by_another_implementation(rsa, curve):
    """XML-DSig §3.2, with libxmlsec as verifier."""
    for pair in (rsa, curve):
        octets = sign_message(content("ÄÖÜ <&>"), InMemoryKey(pair.key, pair.certificate), now=NOW)
        root = etree.fromstring(octets)
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(
            pair.certificate.public_bytes(Encoding.PEM), xmlsec.KeyFormat.CERT_PEM
        )
        for element in root.iter():
            if element.get(f"{{{WSU}}}Id") is not None:
                context.register_id(element, "Id", WSU)
        context.verify(root.find(f".//{{{DS}}}Signature"))
        assert root.find(BODY)[0][0].text == "ÄÖÜ <&>"


def test_our_message_names_the_certificate_and_does_not_bring_it(curve):
    """TR-03130-1 §3.1: IncludeToken/Never, RequireIssuerSerialReference."""
    octets = sign_message(content(), InMemoryKey(curve.key, curve.certificate), now=NOW)
    assert b"X509Certificate" not in octets
    assert b"BinarySecurityToken" not in octets
    assert str(curve.certificate.serial_number).encode() in octets
    assert curve.certificate.issuer.rfc4514_string().encode() in octets


def test_message_cannot_be_signed_without_a_certificate(curve):
    """There would be nothing to name the key by."""
    with pytest.raises(KeyUnavailable):
        sign_message(content(), InMemoryKey(curve.key), now=NOW)


@pytest.mark.parametrize("signed", [("TS-1",), ("id-1",)])
def test_part_of_a_message_is_not_enough(rsa, signed):
    """Body and Timestamp, both."""
    with pytest.raises(VerificationError) as caught:
        verified(by_libxmlsec(rsa, signed=signed), rsa, PKCS1)
    assert caught.value.reason == "signature.reference"


def test_body_does_not_hide_behind_the_name_of_the_timestamp(rsa):
    """One wsu:Id for both: the parser of every message refuses that."""
    shared = by_libxmlsec(rsa, signed=("TS-1",)).replace(b"id-1", b"TS-1")
    with pytest.raises(VerificationError) as caught:
        verified(shared, rsa, PKCS1)
    assert caught.value.reason == "xml.id"


def test_sha1_is_refused_before_anything_is_computed(rsa):
    """security.md A.12."""
    with pytest.raises(VerificationError) as caught:
        verified(by_libxmlsec(rsa, method=xmlsec.Transform.RSA_SHA1), rsa, PKCS1)
    assert caught.value.reason == "signature.algorithm"


@pytest.mark.parametrize("body", ["", "<t:answer/><t:answer/>", "text"])
def test_body_with_other_than_one_element_is_refused(rsa, body):
    """A document/literal message has one."""
    with pytest.raises(VerificationError) as caught:
        verified(by_libxmlsec(rsa, body=body), rsa, PKCS1)
    assert caught.value.reason == "soap.body"


def test_times_are_held_to_the_second(curve):
    """WSS 1.1 §10: from a minute before to a minute after its five minutes, with a skew of one."""
    octets = sign_message(content(), InMemoryKey(curve.key, curve.certificate), now=NOW)
    for offset in (timedelta(seconds=-60), timedelta(0), timedelta(minutes=6)):
        assert verified(octets, curve, now=NOW + offset).created == NOW
    for offset in (timedelta(seconds=-61), timedelta(minutes=6, seconds=1)):
        with pytest.raises(VerificationError, match=r"soap\.timestamp"):
            verified(octets, curve, now=NOW + offset)


def test_key_of_another_kind_is_refused(rsa, curve):
    """security.md A.12: the algorithm follows from the pinned key."""
    octets = sign_message(content(), InMemoryKey(curve.key, curve.certificate), now=NOW)
    with pytest.raises(VerificationError, match="signature"):
        verified(octets, rsa)


def test_signature_value_is_new_for_every_message(curve):
    """What the replay key of an answer rests on."""
    key = InMemoryKey(curve.key, curve.certificate)
    first, second = (verified(sign_message(content(), key, now=NOW), curve) for _ in range(2))
    assert first.signature != second.signature


def test_flipped_bits_never_change_what_is_read(curve):
    """security.md A.5: whatever bit of a message changes, the content is the signed one or nothing."""
    octets = sign_message(content(), InMemoryKey(curve.key, curve.certificate), now=NOW)
    survived = 0
    for position in range(0, len(octets), 3):
        changed = bytearray(octets)
        changed[position] ^= 1 << position % 8
        try:
            message = verified(bytes(changed), curve)
        except VerificationError:
            continue
        survived += 1
        assert message.content[0].text == "ERIKA"
        assert message.created == NOW
    # what is not signed and not looked at: KeyInfo, the names of unused things
    assert survived < len(octets) // 20
