"""The two keys without which no gateway starts: as they stand in ``gateway.toml``, and as files."""

from __future__ import annotations

from pathlib import Path

from gateway.own_keys import files as key_files
from gateway.settings import KeyPurpose

TWO_KEYS = """
[[keys]]
id = "oidc"
purpose = "oidc-signing"
private_key = "file:keys/oidc.key"
[[keys]]
id = "subject"
purpose = "subject"
private_key = "file:keys/subject.key"
"""


def make_two_keys(directory: Path) -> None:
    """``keys/`` in the configuration ``directory``."""
    for name, purpose in (("oidc", KeyPurpose.OIDC_SIGNING), ("subject", KeyPurpose.SUBJECT)):
        key_files.create(directory / "keys", name, purpose, algorithm="p256", days=1, subject="x")
