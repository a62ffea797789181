"""What docs/certification.md says: registrations that are read, and controls that are on the pages."""

from __future__ import annotations

import json
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import urlencode

import pytest
from lxml import html

from gateway.client_settings import Client
from tests.certification.judge import Judge
from tests.login.installation import ISSUER

TEXT = (Path(__file__).parents[2] / "docs" / "certification.md").read_text("utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=["basic", "fapi2"])
def test_registration_of_the_guide_is_read(block: str) -> None:
    """docs/certification.md: two blocks, each a whole file."""
    client = Client.model_validate(tomllib.loads(block), strict=False)
    assert client.redirect_uris == ("https://suite.example/test/a/gateway/callback",)
    assert client.require_pkce is client.fapi is client.pushes


@pytest.mark.anyio
async def test_suites_browser_finds_the_controls_of_the_guide(judge: Judge) -> None:
    """BrowserControl of the suite: at each page the task that fits its address, and its selector hits once."""
    block = re.search(r"```json\n(.*?)```", TEXT, re.DOTALL)
    assert block is not None
    tasks = {task["task"]: task for task in json.loads(block[1])["browser"][0]["tasks"]}
    path = f"/authorize?{urlencode(judge.request())}"
    first = await judge.browser.get(path)
    for name, end in (("Country", first.headers["location"].rpartition("/")[2]), ("Release", "/release")):
        landed = await judge.walk(first.headers["location"], until=end)
        assert landed.page is not None
        address = landed.page.url.replace(ISSUER, "https://localhost:8400")
        assert fnmatch(address, tasks[name]["match"])
        click, how, selector = tasks[name]["commands"][0]
        assert (click, how) == ("click", "xpath")
        assert len(html.document_fromstring(landed.page.text).xpath(selector)) == 1
