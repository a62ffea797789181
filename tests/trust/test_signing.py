"""Our own signatures carry the path a peer needs (eIDAS interoperability architecture §6.3)."""

from datetime import UTC, datetime, timedelta
from weakref import ref

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree
from signxml import XMLVerifier

from trust.errors import KeyUnavailable
from trust.keys import load_private_key
from trust.signing import sign_enveloped

DS = "{http://www.w3.org/2000/09/xmldsig#}"


def certificate(key, subject, issuer, issuer_key, *, authority):
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


@pytest.fixture(scope="module")
def material():
    root, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    anchor = certificate(root, "Anchor", "Anchor", root, authority=True)
    leaf = certificate(own, "MetadataSigner", "Anchor", root, authority=False)
    pem = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem, leaf, anchor


def test_signature_carries_the_certificate_and_then_its_issuers(material):
    pem, leaf, anchor = material
    key = load_private_key(pem, leaf.public_bytes(Encoding.PEM) + anchor.public_bytes(Encoding.PEM))
    root = etree.fromstring(b'<md xmlns="urn:test" ID="_1"><a/></md>')
    sign_enveloped(root, key, position=0)
    shown = [
        x509.load_pem_x509_certificate(
            f"-----BEGIN CERTIFICATE-----\n{node.text}\n-----END CERTIFICATE-----\n".encode()
        )
        for node in root.iter(f"{DS}X509Certificate")
    ]
    assert shown == [leaf, anchor]
    signed = XMLVerifier().verify(etree.tostring(root), x509_cert=leaf, id_attribute="ID").signed_xml
    assert signed.get("ID") == "_1"


def test_a_chain_in_the_wrong_order_is_refused(material):
    """The first certificate must be the key's own."""
    pem, leaf, anchor = material
    with pytest.raises(KeyUnavailable, match="another key"):
        load_private_key(pem, anchor.public_bytes(Encoding.PEM) + leaf.public_bytes(Encoding.PEM))


def test_key_is_parsed_once_while_somebody_uses_it_and_is_not_kept_after_that(material):
    """Every proposal is tried out on the whole configuration; a check of an RSA key takes 90 ms."""
    pem, leaf, _ = material
    key = load_private_key(pem, leaf.public_bytes(Encoding.PEM))
    assert load_private_key(pem, leaf.public_bytes(Encoding.PEM)) is key
    assert load_private_key(pem) is not key
    gone = ref(key)
    del key
    assert gone() is None
