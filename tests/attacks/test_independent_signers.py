"""Responses signed by libraries the product does not use for it, and the collected samples (issue 2, show 4)."""

from __future__ import annotations

import base64
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from lxml import etree
from signxml.algorithms import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConstructionMethod,
    SignatureMethod,
)
from signxml.signer import XMLSigner

from connectors.saml.response import receive
from tests.attacks.refusal import expectation, refused
from tests.support.saml_peer import Exchange, Node, begin, ec_pair, install, rsa_pair
from tests.support.xml_signing import DS, METHODS, SAML, Pair, Recipe
from trust import algorithms, schemas, xml
from trust.algorithms import Deviation
from trust.errors import VerificationError
from trust.pinned import PinnedKey
from trust.signatures import verify_enveloped

SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "eidas"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample files are not here")


def signed_by_signxml(root: etree._Element, signer: Pair, method: SignatureMethod) -> bytes:
    place = etree.Element(f"{{{DS}}}Signature", Id="placeholder", nsmap={"ds": DS})
    root.insert(1, place)
    maker = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm=method,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    made = maker.sign(
        root,
        key=signer.key,
        cert=[signer.pem.decode()],
        reference_uri=f"#{root.get('ID')}",
        id_attribute="ID",
    )
    return etree.tostring(made)


@pytest.mark.parametrize(
    ("signer", "method"),
    [
        (rsa_pair("node message"), SignatureMethod.SHA256_RSA_MGF1),
        (rsa_pair("node message"), SignatureMethod.SHA512_RSA_MGF1),
        (ec_pair("node ec"), SignatureMethod.ECDSA_SHA256),
        (ec_pair("node ec", "secp384r1"), SignatureMethod.ECDSA_SHA384),
    ],
    ids=["pss-256", "pss-512", "p256", "p384"],
)
def test_response_signed_by_signxml_is_accepted(
    tmp_path: Path, signer: Pair, method: SignatureMethod
) -> None:
    installed = install(Node(signer=signer), config_dir=tmp_path)
    exchange = begin(installed)
    octets = signed_by_signxml(exchange.reply(sign_response=False).response(), signer, method)
    assert exchange.finish(octets).identity.source.country == "GR"
    refused(
        lambda: exchange.finish(octets.replace(b"status:Success", b"status:Success ")), "signature.invalid"
    )


@pytest.mark.xmlsec1
@pytest.mark.skipif(shutil.which("xmlsec1") is None, reason="xmlsec1 is not installed")
def test_response_signed_by_debians_xmlsec1_is_accepted(tmp_path: Path) -> None:
    """ECDSA-SHA256; version 1.2.37 does not know RSASSA-PSS."""
    signer = ec_pair("node ec")
    installed = install(Node(signer=signer), config_dir=tmp_path)
    exchange = begin(installed)
    template = exchange.reply(recipe=Recipe(key_info="")).response()
    signature = template.find(f"{{{DS}}}Signature")
    for name in ("DigestValue", "SignatureValue"):
        next(signature.iter(f"{{{DS}}}{name}")).text = None
    (tmp_path / "template.xml").write_bytes(etree.tostring(template))
    (tmp_path / "key.pem").write_bytes(
        signer.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    subprocess.run(
        ["xmlsec1", "--sign", "--privkey-pem", "key.pem", "--output", "signed.xml",
         "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:Response", "template.xml"],
        cwd=tmp_path, check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    octets = (tmp_path / "signed.xml").read_bytes()
    assert METHODS["ecdsa-256"].encode() in octets
    assert exchange.finish(octets).identity.source.country == "GR"


@pytest.mark.xmlsec1
@pytest.mark.skipif(shutil.which("xmlsec1") is None, reason="xmlsec1 is not installed")
def test_our_own_metadata_verify_with_debians_xmlsec1(exchange: Exchange, tmp_path: Path) -> None:
    """The other direction: what we sign is what others accept."""
    content = exchange.installed.connector.documents(now=datetime(2026, 11, 23, 12, tzinfo=UTC))[0].content
    (tmp_path / "metadata.xml").write_bytes(content)
    certificate = exchange.installed.keys.metadata_signer.certificate
    assert certificate is not None
    (tmp_path / "key.pem").write_bytes(
        certificate.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    done = subprocess.run(
        ["xmlsec1", "--verify", "--pubkey-pem", "key.pem", "--enabled-key-data", "key-name",
         "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:metadata:EntityDescriptor", "metadata.xml"],
        cwd=tmp_path, check=False, capture_output=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


# ---- collected samples ---------------------------------------------------------------------------


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def embedded(root: etree._Element) -> PinnedKey:
    """The certificate in the sample: only here, where the sample is its own anchor."""
    text = root.findtext(f"{{{DS}}}Signature//{{{DS}}}X509Certificate") or ""
    return PinnedKey.from_certificate(base64.b64decode("".join(text.split())))


@needs_samples
@pytest.mark.parametrize(
    "name", ["eu-rsa-oaep-aes256gcm.xml", "eu-ecdh-p256-kwaes256-aes256gcm.xml", "eu-plaintext-assertion.xml"]
)
def test_collected_response_is_refused_as_its_index_says(exchange: Exchange, name: str) -> None:
    """Unsigned all three; the last one not even encrypted."""
    octets = sample(f"response/{name}")
    issuer = etree.fromstring(octets).findtext(f"{{{SAML}}}Issuer")
    refused(
        lambda: receive(octets, expectation(exchange, issuer=issuer)),
        {"signature.missing", "xml.comment", "saml.structure", "xml.schema"},
    )
    refused(lambda: exchange.finish(octets), {"saml.issuer", "xml.comment", "saml.structure", "xml.schema"})


@needs_samples
@pytest.mark.parametrize("name", ["se-example-assertion.xml", "se-example-transliteration-attribute.xml"])
def test_collected_fragment_is_no_response(exchange: Exchange, name: str) -> None:
    refused(
        lambda: exchange.finish(sample(f"response/{name}")),
        {"saml.structure", "xml.comment", "xml.malformed"},
    )


AT = datetime(2024, 1, 1, tzinfo=UTC)
TOLERANT = frozenset(Deviation)
REQUESTS: dict[str, tuple[datetime, frozenset[Deviation], str | None]] = {
    "ee-sp1-valid-request-signature.xml": (AT, algorithms.NONE, None),
    "ee-sp-valid-request-signature.xml": (AT, TOLERANT, "signature.missing"),
    "ee-sp-missing-force-authn.xml": (AT, TOLERANT, None),
    "ee-sp-unsupported-signature-method.xml": (AT, TOLERANT, "signature.algorithm"),
    "ee-sp-modified-request.xml": (AT, TOLERANT, "signature.invalid"),
    "ee-sp-non-notified-loa.xml": (AT, TOLERANT, "signature.missing"),
    "de-mw-without-nameidpolicy.xml": (AT, frozenset({Deviation.EXPIRED_CERTIFICATE}), "key.size"),
    "uk-unsigned-template.xml": (AT, TOLERANT, "signature.missing"),
}


@needs_samples
@pytest.mark.parametrize("name", REQUESTS)
def test_signature_of_a_collected_request_is_judged_as_its_index_says(name: str) -> None:
    """Requests are not ours to accept, but their signatures are material for the verifier."""
    now, deviations, reason = REQUESTS[name]
    root = xml.parse(sample(f"authnrequest/{name}"), xml.METADATA)  # licence headers are comments
    keys = [embedded(root)] if root.find(f"{{{DS}}}Signature") is not None else []
    if reason is None:
        signed = verify_enveloped(root, keys, now=now, deviations=deviations)
        assert signed.get("ID") == root.get("ID")
        return
    with pytest.raises(VerificationError) as caught:
        verify_enveloped(root, keys, now=now, deviations=deviations)
    assert caught.value.reason == reason


@needs_samples
def test_request_with_a_short_key_verifies_once_that_is_allowed() -> None:
    """So it is the size alone that refuses it."""
    root = xml.parse(sample("authnrequest/de-mw-without-nameidpolicy.xml"), xml.METADATA)
    signed = verify_enveloped(root, [embedded(root)], now=AT, deviations=TOLERANT)
    assert signed.get("ID") == root.get("ID")


@needs_samples
def test_metadata_with_a_doctype_is_refused_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "_parse", lambda _: pytest.fail("parsed"))
    with pytest.raises(VerificationError) as caught:
        xml.parse(sample("metadata/ee-idp-metadata-xxe.xml"), xml.METADATA)
    assert caught.value.reason == "xml.doctype"


@needs_samples
def test_collected_assertion_fits_the_schemas() -> None:
    """Stray spaces in xsi:type and foreign attribute types do not make a real assertion invalid."""
    schemas.validate(xml.parse(sample("response/se-example-assertion.xml"), xml.METADATA))
