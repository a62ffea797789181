"""config/ is an example that teaches: complete, except for what nobody may put into a repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.bundle import load
from gateway.settings import ConfigurationError

CONFIG = Path(__file__).parents[2] / "config"


def test_example_lacks_only_keys_certificates_and_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """design.md §4: check-config explains what is missing, with file, path and remedy."""
    monkeypatch.delenv("EID_GATEWAY_STORE_PASSWORD", raising=False)
    with pytest.raises(ConfigurationError) as refused:
        load(CONFIG)
    secret = ("keys", "certificate", "store.password", "soap.")
    for problem in refused.value.problems:
        assert problem.path.startswith(secret), problem
        assert problem.remedy, problem


def test_every_example_file_begins_with_an_explanation() -> None:
    """An example without a word why is a riddle."""
    files = sorted(CONFIG.rglob("*.toml"))
    assert {f.parent.name for f in files} == {"config", "anchors", "connectors", "countries", "clients"}
    for path in files:
        assert path.read_text(encoding="utf-8").startswith("# "), path
