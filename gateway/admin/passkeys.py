"""Anybody who reaches the console makes a passkey here. It grants nothing.

What comes out is the public half as a file, and its fingerprint to read out. It counts from the moment at
which it is enrolled: by the ceremony (``eid-gateway registry init``), or by two approvers.
"""

from __future__ import annotations

import asyncio
import json
import re

from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.desk import AdminDesk
from gateway.admin.errors import CONSOLE_EXPIRED, CONSOLE_FORM, Explained
from gateway.admin.forms import form
from gateway.admin.pages import AdminRoute, public_page, redirect
from gateway.admin.signing_in import passkey_answer
from gateway.web.local_text import localise
from trust.registry import ChangeRefused, PasskeyCredential, enrol_passkey, read_key_file
from trust.registry.approvers import base64url

_ALGORITHMS = (-8, -7, -257)
"""EdDSA, ES256, RS256 (IANA COSE Algorithms), best first."""
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")


async def passkey_page(desk: AdminDesk, request: Request) -> Response:
    """GET ``/passkey``."""
    secret, challenge = await desk.sessions.begin_ceremony()
    options = {
        "challenge": base64url(challenge),
        "rp": {"id": desk.section.rp_id, "name": localise(desk.site.name, "de").text},
        # the name is what the person types; the handle only has to differ
        "user": {"id": base64url(desk.random(16)), "name": "", "displayName": ""},
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in _ALGORITHMS],
        "authenticatorSelection": {"userVerification": "required", "residentKey": "required"},
        "attestation": "none",
    }
    response = public_page(
        desk, request, "passkey.html", ceremony=secret.journey, options=json.dumps(options)
    )
    desk.sessions.keep_ceremony(response, secret)
    return response


async def make_passkey(desk: AdminDesk, request: Request) -> Response:
    """POST ``/passkey``: checks what the browser made; the next page shows what to hand over."""
    fields = await form(request)
    challenge = await desk.sessions.take_ceremony(request, fields.get("ceremony", ""))
    if challenge is None:
        raise CONSOLE_EXPIRED()
    name = _identifier(fields)
    try:
        credential = await asyncio.to_thread(
            enrol_passkey,
            passkey_answer(fields),
            challenge=challenge,
            rp_id=desk.section.rp_id,
            origins=(desk.section.url,),
        )
    except ChangeRefused as refused:
        raise CONSOLE_FORM(cause=refused) from refused
    number = fields["ceremony"]
    response = redirect(f"/passkey/{number}")
    made = json.dumps({"person": name, "credential": credential.as_json()})
    await desk.sessions.keep_made(request, number, made.encode(), response)
    return response


async def passkey_made(desk: AdminDesk, request: Request) -> Response:
    """GET ``/passkey/{number}``: the file and its fingerprint, in the browser that has made it."""
    octets = await desk.sessions.made(request, request.path_params["number"])
    if octets is None:
        raise CONSOLE_EXPIRED()
    made = json.loads(octets)
    file = json.dumps(made["credential"], indent=1)
    return public_page(
        desk,
        request,
        "passkey_made.html",
        person=made["person"],
        fingerprint=read_key_file(file.encode()).fingerprint,
        file=file,
    )


async def passkey_download(_: AdminDesk, request: Request) -> Response:
    """POST ``/passkey/file``: the same as a file, so that nobody has to copy."""
    fields = await form(request)
    name = _identifier(fields)
    try:
        credential = read_key_file(fields.get("file", "").encode())
    except ChangeRefused as refused:
        raise CONSOLE_FORM(cause=refused) from refused
    if not isinstance(credential, PasskeyCredential):
        raise CONSOLE_FORM()
    return Response(
        passkey_file(credential) + "\n",
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}.passkey.json"'},
    )


def passkey_file(credential: PasskeyCredential) -> str:
    """What is handed over: the credential as the registry keeps it."""
    return json.dumps(credential.as_json(), indent=1)


def _identifier(fields: dict[str, str]) -> str:
    name = fields.get("person", "").lower()
    if not _IDENTIFIER.fullmatch(name):
        raise Explained(CONSOLE_FORM, f"{name!r}: a-z 0-9 . -", reason="form.identifier", field="person")
    return name


ROUTES = (
    AdminRoute("/passkey", passkey_page, public=True),
    AdminRoute("/passkey", make_passkey, method="POST", public=True),
    AdminRoute("/passkey/{number}", passkey_made, public=True),
    AdminRoute("/passkey/file", passkey_download, method="POST", public=True),
)
