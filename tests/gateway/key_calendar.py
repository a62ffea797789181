"""A configuration with a successor for each own key, and plans for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.own_keys import files as key_files
from gateway.settings import KeyPurpose

NOW = datetime.now(UTC).replace(microsecond=0)
"""What ``load`` takes for now is the clock; the dates of the tests are far enough from it."""
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def calendar(directory: Path, keys: Path) -> Path:
    """The configuration with one more key for each purpose, its successor."""
    for name, purpose in (
        ("oidc-new", KeyPurpose.OIDC_SIGNING),
        ("saml-signing-new", KeyPurpose.SAML_SIGNING),
        ("saml-decryption-new", KeyPurpose.SAML_DECRYPTION),
        ("saml-metadata-new", KeyPurpose.SAML_METADATA_SIGNING),
    ):
        if not (keys / f"{name}.key").exists():
            key_files.create(keys, name, purpose, algorithm="p256", days=100, subject="test")
        certificate = f'certificate = "keys/{name}.crt"\n' if purpose is not KeyPurpose.OIDC_SIGNING else ""
        with (directory / "gateway.toml").open("a") as file:
            file.write(
                f'\n[[keys]]\nid = "{name}"\npurpose = "{purpose}"\nstate = "next"\n'
                f'private_key = "file:keys/{name}.key"\n{certificate}'
            )
    return directory


def write(directory: Path, name: str, purpose: str, **fields: datetime | str) -> None:
    folder = directory / "registry/keys"
    folder.mkdir(exist_ok=True)
    lines = [f'id = "{name}"', f'purpose = "{purpose}"']
    for field, value in fields.items():
        lines.append(f'{field} = "{value}"' if isinstance(value, str) else f"{field} = {value.isoformat()}")
    (folder / f"{name}.toml").write_text("\n".join(lines) + "\n")
