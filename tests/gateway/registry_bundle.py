"""A configuration whose files all lie below ``registry/``, as the registry takes it over."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.own_keys import files as key_files
from gateway.settings import KeyPurpose
from tests.gateway.test_bundle import FILES

CERTIFICATE = "registry/anchors/gr-node.crt"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_keys(tmp_path_factory.mktemp("keys"))


def make_keys(folder: Path) -> Path:
    for purpose in (
        KeyPurpose.OIDC_SIGNING,
        KeyPurpose.SUBJECT,
        KeyPurpose.SAML_SIGNING,
        KeyPurpose.SAML_DECRYPTION,
        KeyPurpose.SAML_METADATA_SIGNING,
    ):
        name = {"oidc-signing": "oidc", "saml-metadata-signing": "saml-metadata"}.get(purpose, purpose.value)
        key_files.create(folder, name, purpose, algorithm="p256", days=30, subject="test")
    return folder


@pytest.fixture
def directory(tmp_path: Path, keys: Path) -> Path:
    return write(tmp_path / "gateway", keys)


def write(directory: Path, keys: Path, *, registry: bool = True) -> Path:
    """The configuration in ``directory``; without ``registry``, an empty gateway."""
    directory.mkdir()
    (directory / "keys").symlink_to(keys)
    for name, text in FILES.items():
        if name != "gateway.toml" and not registry:
            continue
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("keys/saml-metadata.crt", CERTIFICATE) if "anchors" in name else text)
    if registry:
        shutil.copy(keys / "saml-metadata.crt", directory / CERTIFICATE)
    return directory
