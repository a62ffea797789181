"""What a form has sent: its fields, each once, and its files, within bounds.

The fields are also kept with the request (``typed``), so that a refusal can give them back to whoever has typed
them (``gateway.admin.refusals``).
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from gateway.admin.errors import CONSOLE_FORM, Explained

LARGEST_FORM = 65_536
LARGEST_UPLOAD = 4 * 1024 * 1024
_FIELDS = 60
_CHOICES = 2000
"""Fields of a form in parts: whoever must end everything at once ticks every box."""


async def form(request: Request, *, files: bool = False) -> dict[str, str]:
    """The fields of the form, each once, without surrounding white space; raises ``console.form``."""
    fields, _ = await form_with_files(request) if files else (await _fields(request), {})
    return fields


async def form_with_files(request: Request) -> tuple[dict[str, str], dict[str, bytes]]:
    """Fields and uploaded files of a multipart form."""
    fields: dict[str, str] = {}
    uploads: dict[str, bytes] = {}
    try:
        async with request.form(max_files=4, max_fields=_CHOICES, max_part_size=LARGEST_UPLOAD) as sent:
            for name, value in sent.multi_items():
                if name in fields or name in uploads:
                    raise Explained(CONSOLE_FORM, f"{name}: twice", reason="form.unreadable")
                if isinstance(value, UploadFile):
                    octets = await value.read(LARGEST_UPLOAD + 1)
                    if len(octets) > LARGEST_UPLOAD:
                        raise Explained(
                            CONSOLE_FORM,
                            f"{name}: more than {LARGEST_UPLOAD} octets",
                            reason="form.too-large",
                            field=name,
                        )
                    uploads[name] = octets
                else:
                    fields[name] = _line_ends(value)
    except HTTPException as error:
        raise Explained(CONSOLE_FORM, error.detail, reason="form.unreadable", cause=error) from error
    request.state.typed, request.state.uploaded = fields, any(uploads.values())
    return fields, uploads


async def _fields(request: Request) -> dict[str, str]:
    octets = bytearray()
    async for chunk in request.stream():
        octets += chunk
        if len(octets) > LARGEST_FORM:
            raise CONSOLE_FORM()
    try:
        pairs = parse_qsl(
            octets.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS
        )
    except ValueError as error:
        raise CONSOLE_FORM(cause=error) from error
    if len({name for name, _ in pairs}) != len(pairs):
        raise CONSOLE_FORM()
    request.state.typed = {name: _line_ends(value) for name, value in pairs}
    return dict(request.state.typed)


def _line_ends(value: str) -> str:
    """A form sends CRLF (WHATWG URL, form encoding); texts here have LF."""
    return value.replace("\r\n", "\n").strip()
