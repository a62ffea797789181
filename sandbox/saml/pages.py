"""Pages of the counterparts: the request a browser brings, and the form that takes the answer back."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request as HTTPRequest
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from sandbox.saml.request import Incoming

NO_STORE: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class Pages:
    """Templates of one kind of counterpart, in the frame that all of them have."""

    def __init__(self, directory: Path) -> None:
        self._templates = Jinja2Templates(directory=[directory, Path(__file__).parent / "templates"])

    def page(self, http: HTTPRequest, name: str, status: int = 200, /, **context: Any) -> Response:
        """A page that nobody keeps."""
        return self._templates.TemplateResponse(http, name, context, status_code=status, headers=NO_STORE)

    def answer(
        self, http: HTTPRequest, octets: bytes, consumer: str, relay_state: str | None, *, twice: bool
    ) -> Response:
        """The form with a SAMLResponse that sends itself; ``twice`` offers two buttons instead."""
        return self.page(
            http,
            "answer.html",
            refusal=None,
            message=base64.b64encode(octets).decode(),
            consumer=consumer,
            relay_state=relay_state,
            twice=twice,
        )


async def incoming(http: HTTPRequest, destination: str) -> tuple[Incoming, dict[str, str]]:
    """The message of HTTP-POST or HTTP-Redirect sent to ``destination``, and all fields with it."""
    if http.method == "POST":
        form = await http.form()
        fields = {k: v for k, v in form.multi_items() if isinstance(v, str)}
        query = None
    else:
        fields = dict(http.query_params)
        query = http.scope["query_string"]
    message = Incoming(
        destination=destination,
        saml_request=fields.get("SAMLRequest", ""),
        relay_state=fields.get("RelayState"),
        query=query,
    )
    return message, fields
