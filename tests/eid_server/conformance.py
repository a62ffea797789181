"""Messages of the conformity suite for eID-Servers (TR-03130-4), their places filled in."""

from __future__ import annotations

import html
import re

from tests.eid_server.samples import octets


def step(name: str, **values: str) -> bytes:
    """What the suite sends in this step; places without a value get ``01``."""
    text = octets(f"tr03130-4-steps/{name}.xml").decode("utf-8")
    message = html.unescape(re.findall(r"<!\[CDATA\[(.*?)\]\]>", text, re.DOTALL)[-1]).strip()
    for place, value in values.items():
        message = re.sub(rf"\[+{place}\]+", value, message)
    return re.sub(r"\[+[A-Z_]+\]+", "01", message).encode()
