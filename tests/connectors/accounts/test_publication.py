"""What an operator hands in, and metadata for an account that publishes none (bundid.md §1.4, §3.1)."""

import base64
from datetime import timedelta

import pytest
from cryptography import x509
from lxml import etree
from pydantic import ValidationError

from connectors.accounts import AccountSettings, onboarding, publication
from connectors.accounts.imported import peer_document
from connectors.errors import RequestNotPossible
from connectors.saml.keys import SAMLKeys
from tests.support.account_peer import accounts, ask, install_account, login, service
from tests.support.saml_peer import ISSUER_URL, MD, ec_key, own_key, rsa_key, rsa_pair
from tests.support.xml_signing import DS, NOW
from trust import schemas
from trust.errors import VerificationError
from trust.xml import METADATA, parse


def keys(*states):
    """Decryption keys in these states."""
    return SAMLKeys(
        signing=(own_key("sign", rsa_key("own signing")),),
        decryption=tuple(own_key(f"decrypt-{s}", rsa_key(f"own decryption {s}"), s) for s in states),
        metadata=(own_key("metadata", ec_key("own metadata")),),
    )


def document(installed):
    return etree.fromstring(installed.connector.documents(now=NOW)[0].content)


def certificates(root, use):
    found = root.iterfind(f".//{{{MD}}}KeyDescriptor[@use='{use}']//{{{DS}}}X509Certificate")
    return [x509.load_der_x509_certificate(base64.b64decode(e.text)) for e in found]


@pytest.mark.parametrize("profile", ["bundid", "akdb", "dataport", "muk"])
def test_our_metadata_are_schema_valid_and_name_their_account(profile, tmp_path):
    installed = install_account(profile, tmp_path)
    octets = installed.connector.documents(now=NOW)[0].content
    schemas.validate(parse(octets, METADATA))
    root = etree.fromstring(octets)
    assert root.get("entityID") == installed.connector.entity_id
    consumer = root.find(f".//{{{MD}}}AssertionConsumerService")
    assert consumer.get("Location") == f"{ISSUER_URL}/connectors/{profile}/acs"
    assert consumer.get("Binding").endswith(":HTTP-POST")


def test_the_document_keeps_the_rules_of_the_self_service(bundid):
    """IF 7.2, 5.4: no ID, no validUntil, not signed, no algorithm hints."""
    root = document(bundid)
    assert root.get("ID") is None
    assert root.get("validUntil") is None
    names = {etree.QName(e).localname for e in root.iter()}
    assert not names & {"Signature", "EncryptionMethod", "DigestMethod", "SigningMethod", "UIInfo"}
    assert root.find(f"{{{MD}}}SPSSODescriptor").get("AuthnRequestsSigned") == "true"


def test_both_decryption_keys_of_a_roll_over_are_in_it(tmp_path):
    """bundid.md §1.4: loaded by hand on a Tuesday, so old and new stand side by side."""
    own = keys("next", "active", "retired")
    installed = install_account("bundid", tmp_path, keys=own)
    found = certificates(document(installed), "encryption")
    assert [c.subject.rfc4514_string() for c in found] == ["CN=own decrypt-active", "CN=own decrypt-next"]


@pytest.mark.parametrize("state", ["next", "active", "retired"])
def test_every_key_of_a_roll_over_decrypts(tmp_path, state):
    own = keys("active", "next", "retired")
    installed = install_account("bundid", tmp_path, keys=own)
    key = next(k for k in own.decryption if k.state == state)
    assert login(installed, recipient_key=key.key.certificate).identity.account_key


def test_contacts_and_organisation_are_in_it(tmp_path):
    installed = install_account(
        "bundid",
        tmp_path,
        organization_name="Sächsische Staatskanzlei",
        organization_url="https://www.sachsen.example",
        contacts=[{"kind": "technical", "name": "Betrieb", "email": "b@sachsen.example"}],
    )
    root = document(installed)
    assert root.findtext(f".//{{{MD}}}OrganizationName") == "Sächsische Staatskanzlei"
    contact = root.find(f".//{{{MD}}}ContactPerson")
    assert contact.get("contactType") == "technical"
    assert contact.findtext(f"{{{MD}}}EmailAddress") == "mailto:b@sachsen.example"


def test_an_akdb_account_gets_user_interface_texts_and_attributes(akdb):
    """bundid.md §1.4: what its metadata generator writes."""
    root = document(akdb)
    ui = root.find(".//{urn:oasis:names:tc:SAML:metadata:ui}UIInfo")
    assert {etree.QName(e).localname for e in ui} == {"DisplayName", "Description"}
    assert {e.get("{http://www.w3.org/XML/1998/namespace}lang") for e in ui} == {"de"}
    consuming = root.find(f".//{{{MD}}}AttributeConsumingService")
    assert (consuming.get("index"), consuming.get("isDefault")) == ("0", "true")
    names = {e.get("Name") for e in consuming.iter(f"{{{MD}}}RequestedAttribute")}
    assert "urn:oid:1.3.6.1.4.1.25484.494450.3" in names


def test_the_file_of_the_command_is_the_published_document(bundid):
    made = publication.own_metadata(bundid.connector.settings, bundid.keys, issuer_url=ISSUER_URL)
    assert made == bundid.connector.documents(now=NOW)[0].content


def test_the_onboarding_sheet_holds_everything_the_portal_asks_for(tmp_path):
    """Issue 3, Shows 5."""
    own = keys("active", "next")
    installed = install_account(
        "bundid",
        tmp_path,
        keys=own,
        contacts=[{"kind": "technical", "name": "Betrieb | A", "email": "b@s.example"}],
    )
    settings = installed.connector.settings
    row = onboarding.registered(
        ask(service=service(methods="eID", display_name="Amt24"), optional=frozenset({"address"})),
        settings,
        issuer_url=ISSUER_URL,
    )
    sheet = onboarding.sheet(settings, own, issuer_url=ISSUER_URL, services=[row])
    for part in (
        settings.entity_id, f"{ISSUER_URL}/connectors/bundid/acs", settings.peer, "stored 2026-05-04", "BMI-X0000",
        "| amt24 | Amt24 |", "surname*", "localityName", "bPK2*", "TR-03172-3", "b@s.example", "Betrieb \\| A", "eID |",
    ):  # fmt: skip
        assert part in sheet, part
    for key in (own.signing[0], *own.decryption):
        assert f"{key.key.certificate.not_valid_after_utc:%Y-%m-%d}" in sheet
    assert sheet.count("| Entschlüsselung |") == 2
    assert "PRIVATE" not in sheet


@pytest.mark.parametrize("profile", ["akdb", "dataport", "muk"])
def test_every_profile_has_a_sheet(profile, tmp_path):
    installed = install_account(profile, tmp_path)
    sheet = onboarding.sheet(installed.connector.settings, installed.keys, issuer_url=ISSUER_URL)
    assert sheet.startswith("# Anbindung an ")
    assert "\n1. " in sheet


def test_a_service_that_does_not_fit_is_not_on_the_sheet(bundid):
    with pytest.raises(RequestNotPossible):
        onboarding.registered(
            ask(service=service(methods="Passwort")), bundid.connector.settings, issuer_url=ISSUER_URL
        )


def test_imported_metadata_are_deterministic_and_pinned(tmp_path):
    """security.md D.1: the SHA-256 is what people compare; other octets are not believed."""
    pem = rsa_pair("elster").pem
    first, second = (peer_document("https://a.example", "https://a.example/sso", [pem]) for _ in range(2))
    assert first == second
    schemas.validate(parse(first, METADATA))
    installed = install_account("muk", tmp_path)
    (tmp_path / "muk.xml").write_bytes(first)
    later = NOW + timedelta(days=2)
    status = installed.connector.refresh(now=later)[0]
    assert (status.state, status.reason) == ("stale", "metadata.pinned-sha256")


def test_imported_metadata_need_a_readable_certificate():
    with pytest.raises(ValueError, match="certificate"):
        peer_document("https://a.example", "https://a.example/sso", [])
    with pytest.raises(VerificationError, match="certificate"):
        peer_document("https://a.example", "https://a.example/sso", [b"no certificate"])


@pytest.mark.parametrize(
    "entity_id",
    ["http://gateway.example", "https://gateway.example:443", "https://u@gateway.example", "https://GATEWAY.example",
     "https://gateway.example/", "https://gateway.example?x", "https://gateway.example#x", "urn:x", ""],
)  # fmt: skip
def test_an_entity_id_that_could_change_is_refused(entity_id):
    """bundid.md §1.4: https, no port; its host is an input of every citizen's pseudonym."""
    values = {"kind": "account", "id": "b", "profile": "bundid", "peer": "p", "anchor": "a"}
    with pytest.raises(ValidationError):
        AccountSettings.model_validate({**values, "entity_id": entity_id})
    assert AccountSettings.model_validate({**values, "entity_id": "https://gateway.example/sp"})


@pytest.mark.parametrize(
    "changes",
    [
        {"request_signature": "pkcs1"},
        {"response_signature_required": False, "assertion_signature_required": False},
        {"profile": "other"},
        {"colour": "red"},
        {"id": "Großes B"},
        {"clock_skew_seconds": 181},
        {"exceptions": [{"kind": "sha1", "until": "2027-01-01", "reason": "x"}]},
        {"more_methods": [{"name": "a b", "highest": "high"}]},
    ],
)
def test_unsafe_settings_are_refused(changes):
    account = accounts()["bundid"]
    values = {
        "kind": "account",
        "id": "bundid",
        "profile": "bundid",
        "peer": account.entity_id,
        "anchor": "a",
    }
    with pytest.raises(ValidationError):
        AccountSettings.model_validate({**values, **account.settings, **changes})
