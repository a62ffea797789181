"""The registrations in docs/certification.md are registrations."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from gateway.client_settings import Client

TEXT = (Path(__file__).parents[2] / "docs" / "certification.md").read_text("utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=["basic", "fapi2"])
def test_registration_of_the_guide_is_read(block: str) -> None:
    """docs/certification.md: two blocks, each a whole file."""
    client = Client.model_validate(tomllib.loads(block), strict=False)
    assert client.redirect_uris == ("https://suite.example/test/a/gateway/callback",)
    assert client.require_pkce is client.fapi is client.pushes
