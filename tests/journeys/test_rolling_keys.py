"""Every own key is replaced while citizens log in, by the plans of two people (security.md D.7).

The same with keys in a hardware module: test_keys_in_a_module.py.
"""

from __future__ import annotations

from pathlib import Path

from sandbox.launcher import Sandbox
from tests.journeys.rolling import roll_every_key


def test_rolling_each_kind_of_own_key_under_load_loses_no_login(sandbox: Sandbox, tmp_path: Path) -> None:
    """OIDC, SAML signing, decryption and metadata, keys of one connector only, WS-Security, mutual TLS."""
    roll_every_key(sandbox, tmp_path)
