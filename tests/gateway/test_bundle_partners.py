"""eID-Servers spoken to by SAML: what is wrong with their files is told before a citizen meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.bundle import load
from gateway.settings import ConfigurationError
from tests.gateway.test_bundle import FILES, keys  # noqa: F401  a fixture
from tests.support.saml_peer import ec_pair, rsa_pair

PARTNER = """
address = "https://eid-server.example/saml"
issuer = "https://eid-server.example/saml/metadata"
signing_certificates = ["partner/signing.pem"]
encryption_certificate = "partner/encryption.pem"
"""
FOREIGN = "registry/connectors/esaml.toml"
CARD = "registry/connectors/card.toml"


@pytest.fixture
def directory(tmp_path: Path, keys: Path) -> Path:  # noqa: F811  the imported fixture
    """A good configuration: one connector of role esaml, one Online-Ausweis by SAML."""
    files = {
        **FILES,
        FOREIGN: f'kind = "eidas"\nid = "esaml"\nrole = "esaml"\n[esaml]{PARTNER}',
        CARD: 'kind = "npa"\nid = "card"\nway = "saml"\nsubject_url = "https://id.example"\n'
        f'rights = ["RestrictedID"]\n[saml]{PARTNER}',
        "registry/countries/esaml-se.toml": 'country = "SE"\nconnector = "esaml"\n',
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    (tmp_path / "keys").symlink_to(keys)
    (tmp_path / "partner").mkdir()
    (tmp_path / "partner/signing.pem").write_bytes(rsa_pair("eid server signing").pem)
    (tmp_path / "partner/encryption.pem").write_bytes(ec_pair("eid server encryption").pem)
    (tmp_path / "partner/nothing.pem").write_bytes(
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    )
    return tmp_path


def test_eid_servers_stand_beside_nodes(directory: Path) -> None:
    """A country of role esaml needs neither anchor nor entityID."""
    configuration = load(directory)
    assert {"eidas", "esaml", "card"} <= configuration.connectors.keys()
    assert ("esaml", "SE") in {(c.connector, c.country) for c in configuration.countries}


@pytest.mark.parametrize(("file", "section"), [(FOREIGN, "esaml"), (CARD, "saml")])
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("https://eid-server.example/saml\"\n", "http://eid-server.example/saml\"\n", "{}.address: is no https address"),
        ('["partner/signing.pem"]', '["partner/missing.pem"]', "{}.signing_certificates[0]: cannot be read"),
        ('["partner/signing.pem"]', '["partner/nothing.pem"]', "{}.signing_certificates[0]: is no certificate"),
        ("partner/encryption.pem", "partner/nothing.pem", "{}.encryption_certificate: is no certificate"),
        ("partner/encryption.pem", "partner/signing.pem", "{}.encryption_certificate: holds the key of a signing"),
    ],
)  # fmt: skip
def test_each_mistake_has_its_words(
    directory: Path, file: str, section: str, old: str, new: str, told: str
) -> None:
    path = directory / file
    assert old in path.read_text("utf-8")
    path.write_text(path.read_text("utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(directory)
    assert any(told.format(section) in str(problem) for problem in caught.value.problems), caught.value


def test_role_without_its_section_is_told(directory: Path) -> None:
    (directory / FOREIGN).write_text('kind = "eidas"\nid = "esaml"\nrole = "esaml"\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="role esaml"):
        load(directory)
