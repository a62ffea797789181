"""What starts an eID-Client (TR-03124-1 §2.2): a link, on every device.

>>> client_href(Way.COMPUTER, "https://id.example/t/1")
'http://127.0.0.1:24727/eID-Client?tcTokenURL=https%3A%2F%2Fid.example%2Ft%2F1'
>>> client_href(Way.PHONE, "https://id.example/t/1")
'eid://127.0.0.1:24727/eID-Client?tcTokenURL=https%3A%2F%2Fid.example%2Ft%2F1'
"""

from __future__ import annotations

import io
from urllib.parse import quote

import segno
from markupsafe import Markup

from gateway.web.eid_pages import CLIENT_ORIGIN, Way


def client_href(way: Way, token_url: str) -> str:
    """The link for the same computer or the same phone."""
    origin = CLIENT_ORIGIN if way is Way.COMPUTER else CLIENT_ORIGIN.replace("http:", "eid:", 1)
    return f"{origin}/eID-Client?tcTokenURL={quote(token_url, safe='')}"


def qr_image(url: str) -> Markup:
    """``url`` as an SVG element with its quiet zone; black on white, whatever the page's colours."""
    out = io.BytesIO()
    segno.make(url, error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=4, light="#fff", dark="#000"
    )
    return Markup(out.getvalue().decode())  # noqa: S704  made of modules, not of text
