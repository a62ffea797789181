"""A neighbouring host of the site plants cookies in a citizen's browser (security.md B.3).

``__Host-`` keeps it from setting ours by their name. It can set one whose name begins with an octet that
generous readers take for a blank: browsers see another name and let it pass.
"""

from __future__ import annotations

import pytest

from tests.login.installation import Browser, Installation

pytestmark = pytest.mark.anyio

BLANKS = [b"\xa0", b"\x85", b"\x1c", b"\x0c", b"\xe2\x80\x80"]


async def with_planted(browser: Browser, path: str, blank: bytes, name: str, value: str) -> int:
    header = blank + f"{name}={value}".encode()
    response = await browser._http.request("GET", path, headers=[(b"cookie", header)])
    return response.status_code


@pytest.mark.parametrize("blank", BLANKS)
async def test_cookie_of_almost_our_name_opens_no_journey(installation: Installation, blank: bytes) -> None:
    """RFC 6265bis §4.1.3.2: else the attacker's login would go on in the victim's browser."""
    attacker, victim = installation.browser(), installation.browser()
    journey = await attacker.authorize()
    ((name, (secret, _)),) = attacker.jar.items()
    assert (await attacker.get(journey)).status_code == 200
    assert await with_planted(victim, journey, blank, name, secret) == 403
    assert await with_planted(victim, journey, b" \t", name, secret) == 200
    assert await with_planted(victim, journey, blank, name, f'"{secret}"') == 403
