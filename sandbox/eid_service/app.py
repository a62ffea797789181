"""The pages of the eID service that browsers and eID-Clients reach: SAML processor and eSAML.

SOAP is not here: it wants a client certificate in every connection (``soap_listener``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request as HTTPRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles


def build_app(routes: Sequence[BaseRoute] = ()) -> Starlette:
    """The application over the routes of the ways that are there."""
    static = Mount("/static", StaticFiles(directory=Path(__file__).parent.parent / "static"))
    return Starlette(routes=[Route("/health", _health), static, *routes])


async def _health(_http: HTTPRequest) -> Response:
    return JSONResponse({"status": "ok"})
