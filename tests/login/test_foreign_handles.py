"""A RelayState that is none of ours becomes no name in the store and no entry of a journey in the log."""

from __future__ import annotations

import pytest

from tests.login.installation import Installation

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "number",
    ["}123456789", "\0" * 10, "0123}:mark", "01234\r\n678", "０" * 10, "0123456789\n", "OIL0123456", ""],
    ids=repr,
)
@pytest.mark.parametrize("relay", ["r" * 22, "}:code:" + "r" * 15])
async def test_handle_of_another_form_is_refused_before_anything_is_looked_up(
    installation: Installation, number: str, relay: str
) -> None:
    """saml-bindings §3.5.3: whoever sends it, it names nothing here; in a cluster it could name two slots."""
    browser = installation.browser()
    response = await browser.answer(f"{number}.{relay}")
    assert response.status_code == 400
    installation.application.log.flush()
    (refused,) = [entry.body for entry in installation.application.log.entries() if "Refused" in entry.event]
    assert '"reason":"relay_state"' in refused.replace(" ", "")
    assert relay not in refused
    assert "journey" not in refused or '"journey":null' in refused.replace(" ", "")
