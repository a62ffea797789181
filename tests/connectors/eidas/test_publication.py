"""Our own metadata (message format 1.4 §2.1.1, §3.3, §4; eidas.md §6.1), read as a node reads it."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from lxml import etree
from signxml import DigestAlgorithm, SignatureConfiguration, SignatureMethod, XMLVerifier
from signxml.exceptions import InvalidSignature

from connectors.saml.keys import SAMLKeys
from tests.connectors.eidas.saml_schemas import saml_schema
from tests.connectors.national_peer import install_national
from tests.support.saml_peer import EIDAS, MD, SAML, install, own_key
from tests.support.xml_signing import NOW, ec_key, rsa_key
from trust.keys import spki

DS = "http://www.w3.org/2000/09/xmldsig#"
ALG = "urn:oasis:names:tc:SAML:metadata:algsupport"
XENC = "http://www.w3.org/2001/04/xmlenc#"
XENC11 = "http://www.w3.org/2009/xmlenc11#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
MORE2007 = "http://www.w3.org/2007/05/xmldsig-more#"
PROTOCOL_VERSION = "http://eidas.europa.eu/entity-attributes/protocol-version"
APPLICATION = "http://eidas.europa.eu/entity-attributes/application-identifier"
SETTINGS = {
    "organization_name": "Musterverwaltung",
    "organization_url": "https://verwaltung.example",
    "contacts": [
        {"kind": "technical", "name": "Technik", "email": "technik@verwaltung.example"},
        {"kind": "support", "name": "Hilfe", "email": "hilfe@verwaltung.example"},
    ],
}


def publish(installed, now=NOW):
    (document,) = installed.connector.documents(now=now)
    return document


def tree(installed, now=NOW):
    return etree.fromstring(publish(installed, now).content)


@pytest.fixture
def installed(tmp_path):
    return install(config_dir=tmp_path, settings=SETTINGS)


def keys_of(root, use):
    return [
        spki(x509.load_der_x509_certificate(base64.b64decode(e.text)).public_key())
        for d in root.iter(f"{{{MD}}}KeyDescriptor")
        if d.get("use") == use
        for e in d.iter(f"{{{DS}}}X509Certificate")
    ]


def entity_attribute(root, name):
    return [
        v.text
        for a in root.findall(f"{{{MD}}}Extensions//{{{SAML}}}Attribute")
        if a.get("Name") == name
        for v in a
    ]


def test_the_document_is_published_where_its_entity_id_points(installed):
    """Interoperability architecture §6.4: entityID is the URL of the metadata."""
    document = publish(installed)
    assert (document.name, document.content_type) == ("metadata", "application/samlmetadata+xml")
    assert 0 < document.max_age <= 3_600
    root = etree.fromstring(document.content)
    assert root.tag == f"{{{MD}}}EntityDescriptor"
    assert root.get("entityID") == "https://gateway.example/connectors/eidas/metadata"
    assert root.get("entityID").endswith(f"/connectors/{installed.connector.id}/{document.name}")


def test_another_library_verifies_the_signature_with_the_metadata_key(installed):
    """Interoperability architecture §3.2; signxml, over the document element as a whole."""
    octets = publish(installed).content
    pem = installed.keys.metadata_signer.certificate.public_bytes(serialization.Encoding.PEM).decode()
    configuration = SignatureConfiguration(
        location="./",
        signature_methods=frozenset({SignatureMethod.ECDSA_SHA256}),
        digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
    )
    verified = XMLVerifier().verify(octets, x509_cert=pem, id_attribute="ID", expect_config=configuration)
    assert verified.signed_xml.get("entityID") == installed.connector.entity_id
    changed = octets.replace(
        b"https://gateway.example/connectors/eidas/acs", b"https://gateway.example/connectors/eidas/ac2"
    )
    assert changed != octets
    with pytest.raises(InvalidSignature):
        XMLVerifier().verify(changed, x509_cert=pem, id_attribute="ID", expect_config=configuration)


def test_metadata_are_signed_by_none_of_the_message_keys(installed):
    """security.md D: one key, one purpose."""
    root = tree(installed)
    used = base64.b64decode(root.findtext(f"{{{DS}}}Signature//{{{DS}}}X509Certificate"))
    key = spki(x509.load_der_x509_certificate(used).public_key())
    assert key not in {*keys_of(root, "signing"), *keys_of(root, "encryption")}
    assert not set(keys_of(root, "signing")) & set(keys_of(root, "encryption"))


@pytest.mark.parametrize("hours", [1, 24, 336])
def test_validity_is_stated(tmp_path, hours):
    """Message format §2.1.1: validUntil MUST be there; 24 hours unless configured otherwise."""
    root = tree(install(config_dir=tmp_path, settings={"metadata_valid_hours": hours}))
    until = datetime.fromisoformat(root.get("validUntil"))
    assert until == NOW + timedelta(hours=hours)


def test_the_document_is_made_anew_before_it_ages(installed):
    """One private operation per quarter of an hour, and always nearly the whole validity ahead."""
    first = publish(installed).content
    assert publish(installed, NOW + timedelta(minutes=10)).content == first
    later = NOW + timedelta(minutes=16)
    root = tree(installed, later)
    assert datetime.fromisoformat(root.get("validUntil")) == later + timedelta(hours=24)
    assert root.get("ID") != etree.fromstring(first).get("ID")
    assert datetime.fromisoformat(root.get("validUntil")).tzinfo == UTC


def test_the_role_is_that_of_a_connector(installed):
    """eidas.md §6.1: SPSSODescriptor, requests signed, NodeCountry in the role's extensions."""
    root = tree(installed)
    (role,) = [child for child in root if child.tag.endswith("SSODescriptor")]
    assert role.tag == f"{{{MD}}}SPSSODescriptor"
    assert role.get("AuthnRequestsSigned") == "true"
    assert role.get("WantAssertionsSigned") == "false"
    assert role.get("protocolSupportEnumeration") == "urn:oasis:names:tc:SAML:2.0:protocol"
    assert role.findtext(f"{{{MD}}}Extensions/{{{EIDAS}}}NodeCountry") == "DE"
    assert len(list(root.iter(f"{{{EIDAS}}}NodeCountry"))) == 1


def test_a_greek_connector_calls_itself_el(tmp_path):
    """Message format §4.2."""
    root = tree(install(config_dir=tmp_path, settings={"node_country": "GR"}))
    assert root.findtext(f".//{{{EIDAS}}}NodeCountry") == "EL"


def test_the_national_service_provider_wants_signed_assertions(tmp_path):
    """eidas.md §10.1: both Response and assertion are signed there."""
    root = tree(install_national(tmp_path))
    assert root.find(f"{{{MD}}}SPSSODescriptor").get("WantAssertionsSigned") == "true"


def test_answers_are_taken_by_post_at_one_place(installed):
    """eidas.md §2.6, §6.1: one AssertionConsumerService, HTTP-POST, default, with an index."""
    (consumer,) = tree(installed).iter(f"{{{MD}}}AssertionConsumerService")
    assert dict(consumer.attrib) == {
        "Binding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
        "Location": "https://gateway.example/connectors/eidas/acs",
        "index": "0",
        "isDefault": "true",
    }


@pytest.mark.parametrize(
    "forbidden", ["SingleLogoutService", "ArtifactResolutionService", "ManageNameIDService"]
)
def test_no_service_is_announced_that_eidas_does_not_use(installed, forbidden):
    """Message format §2.1.1."""
    assert tree(installed).find(f".//{{{MD}}}{forbidden}") is None


def test_all_three_name_id_formats_are_listed(installed):
    """Message format §2.2."""
    assert [e.text for e in tree(installed).iter(f"{{{MD}}}NameIDFormat")] == [
        "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
        "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
        "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
    ]


def test_versions_and_software_are_entity_attributes(installed):
    """Message format §3.3, §3.4: the number of the set; vendor:software:version."""
    root = tree(installed)
    assert entity_attribute(root, PROTOCOL_VERSION) == ["1.4", "1.3", "1.2"]
    (software,) = entity_attribute(root, APPLICATION)
    assert len(software.split(":")) == 3
    assert entity_attribute(root, "urn:oasis:names:tc:SAML:attribute:assurance-certification") == []


def test_algorithms_are_published_with_their_key_sizes(installed):
    """eidas.md §6.1, §7.1: exactly what is accepted without an exception; no PKCS#1 v1.5, no SHA-1."""
    extensions = tree(installed).find(f"{{{MD}}}Extensions")
    digests = {e.get("Algorithm") for e in extensions.iter(f"{{{ALG}}}DigestMethod")}
    assert digests == {XENC + "sha256", MORE + "sha384", XENC + "sha512"}
    methods = {e.get("Algorithm"): e.get("MinKeySize") for e in extensions.iter(f"{{{ALG}}}SigningMethod")}
    assert methods == {
        **{f"{MORE2007}sha{bits}-rsa-MGF1": "3072" for bits in (256, 384, 512)},
        **{f"{MORE}ecdsa-sha{bits}": "256" for bits in (256, 384, 512)},
    }


def encryption_methods(root):
    (descriptor,) = [d for d in root.iter(f"{{{MD}}}KeyDescriptor") if d.get("use") == "encryption"]
    return {e.get("Algorithm"): e for e in descriptor.iter(f"{{{MD}}}EncryptionMethod")}


def test_an_rsa_key_announces_gcm_and_oaep_without_sha_1(installed):
    """eidas.md §7.2: no CBC, no rsa-1_5; the default digest of OAEP would be SHA-1, so it is named."""
    methods = encryption_methods(tree(installed))
    assert set(methods) == {XENC11 + "aes128-gcm", XENC11 + "aes256-gcm", XENC11 + "rsa-oaep"}
    oaep = methods[XENC11 + "rsa-oaep"]
    assert oaep.find(f"{{{DS}}}DigestMethod").get("Algorithm") == XENC + "sha256"
    assert oaep.find(f"{{{XENC11}}}MGF").get("Algorithm") == XENC11 + "mgf1sha256"


def test_an_ec_key_announces_key_agreement(tmp_path):
    """eidas.md §7.2: ECDH-ES with AES key wrap."""
    keys = SAMLKeys(
        signing=(own_key("sign", ec_key("own signing")),),
        decryption=(own_key("decrypt", ec_key("own ec decryption")),),
        metadata=(own_key("metadata", ec_key("own metadata")),),
    )
    methods = encryption_methods(tree(install(config_dir=tmp_path, keys=keys)))
    assert set(methods) == {
        XENC11 + "aes128-gcm",
        XENC11 + "aes256-gcm",
        XENC11 + "ECDH-ES",
        XENC + "kw-aes128",
        XENC + "kw-aes256",
    }


def test_organisation_and_contacts_are_named(installed):
    """Message format §2.1.1: technical and support, with mail."""
    root = tree(installed)
    assert root.findtext(f"{{{MD}}}Organization/{{{MD}}}OrganizationName") == "Musterverwaltung"
    assert root.findtext(f"{{{MD}}}Organization/{{{MD}}}OrganizationURL") == "https://verwaltung.example"
    assert [
        (c.get("contactType"), c.findtext(f"{{{MD}}}EmailAddress"))
        for c in root.iter(f"{{{MD}}}ContactPerson")
    ] == [
        ("technical", "mailto:technik@verwaltung.example"),
        ("support", "mailto:hilfe@verwaltung.example"),
    ]


def test_all_signing_keys_of_a_roll_over_are_published_but_only_the_active_decryption_key(tmp_path):
    """security.md D.7: the next and the retired signing key beside the active one, which comes first."""
    signing = {
        state: own_key(f"sign {state}", rsa_key(f"own {state}"), state)
        for state in ("next", "active", "retired")
    }
    keys = SAMLKeys(
        signing=tuple(signing.values()),
        decryption=(
            own_key("old", rsa_key("own old decryption"), "retired"),
            own_key("decrypt", rsa_key("own decryption")),
        ),
        metadata=(own_key("metadata", ec_key("own metadata")),),
    )
    root = tree(install(config_dir=tmp_path, keys=keys))
    assert keys_of(root, "signing") == [
        spki(signing[state].key.public_key) for state in ("active", "next", "retired")
    ]
    assert keys_of(root, "encryption") == [spki(rsa_key("own decryption").public_key())]


def test_every_certificate_stands_in_a_key_descriptor_with_a_use(installed):
    """Message format §2.1.1: ``use`` MUST, X509Certificate MUST."""
    descriptors = list(tree(installed).iter(f"{{{MD}}}KeyDescriptor"))
    assert [d.get("use") for d in descriptors] == ["signing", "encryption"]
    assert all(d.find(f".//{{{DS}}}X509Certificate") is not None for d in descriptors)


def test_the_document_is_valid_against_the_schemas(installed):
    """saml-metadata-2.0; saml-metadata-algsupport §2.4 for what stands in EncryptionMethod."""
    saml_schema().assertValid(tree(installed))


def test_no_key_material_but_certificates_is_published(installed):
    """Obvious, and checked."""
    assert b"PRIVATE" not in publish(installed).content
