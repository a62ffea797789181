"""User accounts in the configuration: what BundID would answer with a page of its own is found here first."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from lxml import etree

from gateway import cli
from gateway.bundle import load
from gateway.own_keys import files as key_files
from gateway.settings import ConfigurationError, KeyPurpose
from gateway.sources import saml_keys
from tests.gateway.test_bundle import FILES, GATEWAY, edit, problems
from trust.keys import load_private_key

METADATA = b"<m/>"
ANCHOR = f"""
id = "bundid-2026"
kind = "pinned-metadata"
state = "active"
countries = ["DE"]
metadata_sha256 = "{sha256(METADATA).hexdigest()}"
valid_from = 2026-01-01
valid_until = 2027-01-01
source = "self-service portal"
evidence = "file 4712"
[metadata]
file = "registry/anchors/bundid.xml"
entity_ids = ["https://int.id.bund.de/idp"]
"""
BUNDID = """
kind = "account"
id = "bundid"
profile = "bundid"
name.de = "BundID"
entity_id = "https://id.sachsen.example"
peer = "https://int.id.bund.de/idp"
anchor = "bundid-2026"
authorisation_certificate = "Land Sachsen, stored 2026-05-04"
organization_name = "Staatskanzlei"
organization_url = "https://www.sachsen.example"
contacts = [{ kind = "technical", name = "Betrieb", email = "betrieb@sachsen.example" }]
"""
CLIENT = FILES["registry/clients/amt24.toml"]
SECTION = """
[accounts.bundid]
display_name = "Amt24: Bohranzeige"
online_service_id = "BMI-X0815"
"""
RSA_KEYS = """
[[keys]]
id = "account-signing"
purpose = "saml-signing"
private_key = "file:rsa/signing.key"
certificate = "rsa/signing.crt"
connectors = ["bundid"]

[[keys]]
id = "account-decryption-2026"
purpose = "saml-decryption"
private_key = "file:rsa/decryption-1.key"
certificate = "rsa/decryption-1.crt"
connectors = ["bundid"]

[[keys]]
id = "account-decryption-2027"
purpose = "saml-decryption"
state = "next"
private_key = "file:rsa/decryption-2.key"
certificate = "rsa/decryption-2.crt"
connectors = ["bundid"]
"""
CLIENT_FILE = "registry/clients/amt24.toml"
BUNDID_FILE = "registry/connectors/bundid.toml"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("oidc", "saml-signing", "saml-decryption", "saml-metadata"):
        key_files.create(folder, name, KeyPurpose.SAML_SIGNING, algorithm="p256", days=30, subject="test")
    key_files.create(folder, "subject", KeyPurpose.SUBJECT, algorithm="p256", days=30, subject="test")
    return folder


@pytest.fixture(scope="module")
def rsa_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rsa")
    for name in ("signing", "decryption-1", "decryption-2"):
        key_files.create(folder, name, KeyPurpose.SAML_DECRYPTION, algorithm="rsa3072", days=30, subject=name)
    return folder


@pytest.fixture(scope="module", autouse=True)
def primes_tested_once() -> Iterator[None]:
    """Reading an RSA key tests its primes, which would be half of the time of this file."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("gateway.bundle.keys.load_private_key", cache(load_private_key))
        yield


@pytest.fixture
def directory(tmp_path: Path, keys: Path, rsa_keys: Path) -> Path:
    (tmp_path / "keys").symlink_to(keys)
    (tmp_path / "rsa").symlink_to(rsa_keys)
    files = {
        **FILES,
        "gateway.toml": GATEWAY + RSA_KEYS,
        "registry/anchors/bundid.toml": ANCHOR,
        BUNDID_FILE: BUNDID,
        CLIENT_FILE: 'means = ["bundid", "eidas"]\n' + CLIENT + SECTION,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "registry/anchors/bundid.xml").write_bytes(METADATA)
    return tmp_path


def warnings(directory: Path) -> str:
    """Those about accounts; how checkpoints of the log are kept is another matter."""
    found = load(directory).warnings
    return "\n".join(str(warning) for warning in found if not warning.path.startswith("log."))


def test_accounts_stand_beside_eidas(directory: Path) -> None:
    """Issue 3: one registry, told apart by ``kind``."""
    configuration = load(directory)
    assert set(configuration.connectors) == {"bundid", "eidas"}
    assert set(configuration.accounts) == {"bundid"}
    assert configuration.clients["amt24"].accounts["bundid"].display_name == "Amt24: Bohranzeige"
    assert warnings(directory) == ""


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        (BUNDID_FILE, '"account"', '"acount"', "bundid.toml: kind: is no kind of connector"),
        (BUNDID_FILE, 'peer = "https://int.', 'peer = "https://', "peer: is not one of anchor bundid-2026"),
        (BUNDID_FILE, 'kind = "account"', 'test_accounts = true\nkind = "account"', "test accounts in production"),
        (BUNDID_FILE, "https://id.sachsen.example", "https://id.sachsen.example:8443", "without port"),
        (BUNDID_FILE, "authorisation_certificate", "#", "idp.code missing-berca"),
        (CLIENT_FILE, SECTION, "", "accounts.bundid: is missing"),
        (CLIENT_FILE, "[accounts.bundid]", "[accounts.eidas]", "accounts.eidas: is no user account"),
        (CLIENT_FILE, 'online_service_id = "BMI-X0815"', "", "online-service-id-missing"),
        (CLIENT_FILE, "display_name", 'methods = ["Wunsch"]\ndisplay_name', "method-unknown"),
        (CLIENT_FILE, "display_name", 'methods = ["Benutzername"]\ndisplay_name', "empty-authentication-methods"),
        (CLIENT_FILE, "display_name", 'purpose = "<b>x</b>"\ndisplay_name', "purpose-does-not-support-restricted-html"),
        (CLIENT_FILE, "display_name", 'back_url = "http://evil.example"\ndisplay_name', "is no plain https address"),
        (CLIENT_FILE, "display_name", 'back = "x"\ndisplay_name', "accounts.bundid.back: unknown setting"),
        (CLIENT_FILE, 'means = ["bundid", "eidas"]', 'means = ["bundid"]\npersons = ["legal"]', "none of the persons"),
        (CLIENT_FILE, '["family_name"]', '["family_name", "gender"]', "attribute-not-offered"),
        (CLIENT_FILE, 'means = ["bundid", "eidas"]', 'means = ["eidas"]\naccount_facts = ["company"]', "no user account is among"),
        (CLIENT_FILE, "home_url", 'account_facts = ["bpk2"]\nhome_url', "account_facts"),
        ("gateway.toml", RSA_KEYS, "", "saml-decryption is no RSA key, which bundid needs"),
        ("gateway.toml", 'connectors = ["bundid"]', 'connectors = ["bundidd"]', "bundidd, which is not configured"),
        ("gateway.toml", '-2026"\npurpose', '-2026"\nstate = "retired"\npurpose', "no active key of purpose saml-decryption for bundid"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_words(directory: Path, name: str, old: str, new: str, told: str) -> None:
    """bundid.md §1.13: each documented ``idp.code`` a registration can cause, and our own."""
    edit(directory, name, old, new)
    assert told in problems(directory)


def test_long_display_name_is_a_warning_and_no_problem(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """bundid.md §1.6: cut above 50 characters."""
    edit(directory, CLIENT_FILE, "Amt24: Bohranzeige", "x" * 51)
    assert "cut above 50 characters" in warnings(directory)
    assert cli.main(["check-config", "--config", str(directory)]) == 0
    assert (
        "warning: registry/clients/amt24.toml: accounts.bundid: OrganizationDisplayName"
        in capsys.readouterr().err
    )


def test_back_address_of_the_service_is_a_warning(directory: Path) -> None:
    """bundid.md §1.6: from there no Response ever comes; the gateway's own page ends the login."""
    edit(directory, CLIENT_FILE, "display_name", 'back_url = "https://service.example/"\ndisplay_name')
    assert "not told of a cancellation" in warnings(directory)
    edit(directory, CLIENT_FILE, '"https://service.example/"\ndisplay', '"gateway"\ndisplay')
    assert warnings(directory) == ""


def test_account_without_anchor_is_unavailable_and_can_already_be_handed_in(
    directory: Path, tmp_path: Path
) -> None:
    """bundid.md §1.1: BundID hands out its metadata after it has ours."""
    (directory / "registry/anchors/bundid.toml").unlink()
    assert "anchor: names no anchor: unavailable until it is there" in warnings(directory)
    command = ["onboarding", "--config", str(directory), "--connector", "bundid", "--to", str(tmp_path)]
    assert cli.main(command) == 0


def test_test_accounts_are_for_development(directory: Path) -> None:
    """bundid.md §3.2: ``IstTestkonto``."""
    edit(directory, BUNDID_FILE, 'kind = "account"', 'test_accounts = true\nkind = "account"')
    edit(directory, "gateway.toml", "[gateway]", '[gateway]\nmode = "development"')
    assert load(directory).accounts["bundid"].test_accounts


def test_connector_uses_its_own_keys_and_others_the_common_ones(directory: Path) -> None:
    configuration = load(directory)
    assert [key.id for key in saml_keys(configuration, "bundid").decryption] == [
        "account-decryption-2026",
        "account-decryption-2027",
    ]
    assert [key.id for key in saml_keys(configuration, "eidas").decryption] == ["saml-decryption"]
    assert [key.id for key in saml_keys(configuration, "bundid").signing] == ["account-signing"]
    assert [key.id for key in saml_keys(configuration, "bundid").metadata] == ["saml-metadata"]


def test_signing_with_a_curve_is_worth_a_question(directory: Path) -> None:
    """bundid.md §1.3: in the field requests are signed with RSA."""
    edit(
        directory,
        "gateway.toml",
        'rsa/signing.crt"\nconnectors = ["bundid"]',
        'rsa/signing.crt"\nconnectors = ["eidas"]',
    )
    assert "saml-signing signs for bundid and is no RSA key" in warnings(directory)


def test_service_that_offers_two_kinds_of_person_needs_an_account_for_one(directory: Path) -> None:
    """BundID knows natural persons only; companies then come another way."""
    edit(directory, CLIENT_FILE, 'means = ["bundid"', 'persons = ["natural", "legal"]\nmeans = ["bundid"')
    assert warnings(directory) == ""


def test_onboarding_writes_what_the_self_service_wants(
    directory: Path, tmp_path: Path, rsa_keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Issue 3, Shows 5; bundid.md §1.4: no ID, no validUntil, unsigned, two decryption keys, the services."""
    out = tmp_path / "hand-over"
    command = ["onboarding", "--config", str(directory), "--connector", "bundid", "--to", str(out)]
    assert cli.main(command) == 0
    assert capsys.readouterr().out.split() == [
        str(out / "bundid-metadata.xml"),
        str(out / "bundid-onboarding.md"),
    ]
    root = etree.fromstring((out / "bundid-metadata.xml").read_bytes())
    assert root.get("entityID") == "https://id.sachsen.example"
    assert not {"ID", "validUntil"} & set(root.attrib)
    assert not [element for element in root.iter() if str(element.tag).endswith("}Signature")]
    encryption = [e for e in root.iter() if e.get("use") == "encryption"]
    assert len(encryption) == 2
    sheet = (out / "bundid-onboarding.md").read_text("utf-8")
    fingerprint = sha256(
        load_pem_x509_certificate((rsa_keys / "decryption-2.crt").read_bytes()).public_bytes(Encoding.DER)
    ).hexdigest()
    assert fingerprint in sheet.replace(" ", "")
    for part in ("amt24", "Amt24: Bohranzeige", "BMI-X0815", "betrieb@sachsen.example", "eID", "surname*"):
        assert part in sheet, part


@pytest.mark.parametrize("connector", ["eidas", "gone"])
def test_onboarding_is_for_accounts(
    directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], connector: str
) -> None:
    command = ["onboarding", "--config", str(directory), "--connector", connector, "--to", str(tmp_path)]
    assert cli.main(command) == 1
    assert "there are: bundid" in capsys.readouterr().err


def test_client_that_reaches_no_method_is_told_before_a_citizen_is(directory: Path) -> None:
    """A service that demands ``high`` never offers a method below it."""
    edit(directory, CLIENT_FILE, "display_name", 'methods = ["Elster"]\ndisplay_name')
    edit(directory, CLIENT_FILE, "home_url", 'minimum_level = "high"\nhome_url')
    with pytest.raises(ConfigurationError, match="empty-authentication-methods"):
        load(directory)


def test_account_without_metadata_becomes_a_pinned_file(
    tmp_path: Path, rsa_keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """bundid.md §3.1: Mein Unternehmenskonto hands over a certificate and no metadata."""
    document = tmp_path / "muk.xml"
    command = [
        "peer-metadata",
        "--entity-id",
        "https://www.elster.de",
        "--sso",
        "https://www.elster.de/ekona/sso",
    ]
    certificate = rsa_keys / "signing.crt"
    assert cli.main([*command, "--certificate", str(certificate), "--to", str(document)]) == 0
    digest = sha256(document.read_bytes()).hexdigest()
    assert capsys.readouterr().out == f'metadata_sha256 = "{digest}"\n'
    root = etree.fromstring(document.read_bytes())
    assert root.get("entityID") == "https://www.elster.de"
    (told,) = [e.text for e in root.iter() if str(e.tag).endswith("}X509Certificate")]
    der = load_pem_x509_certificate(certificate.read_bytes()).public_bytes(Encoding.DER)
    assert b64decode(told or "") == der
    assert cli.main([*command, "--certificate", str(rsa_keys / "signing.key"), "--to", str(document)]) == 1
    assert "certificate.unreadable" in capsys.readouterr().err
