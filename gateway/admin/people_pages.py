"""Who is enrolled, in which role, with which keys; and the changes that make it otherwise."""

from __future__ import annotations

import asyncio
import re

from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.desk import AdminDesk, Visit, people, person
from gateway.admin.drafts import draft
from gateway.admin.errors import CONSOLE_FORM, CONSOLE_NOT_FOUND, Explained
from gateway.admin.forms import form, form_with_files
from gateway.admin.pages import AdminRoute, admin_page
from trust.registry import (
    Approver,
    ChangeClass,
    ChangeRefused,
    Edit,
    ObjectKey,
    ObjectKind,
    PasskeyCredential,
    Role,
    read_key_file,
)
from trust.registry.approvers import Credential

_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_KEEP, _REPLACE = "keep", "replace"


async def people_page(desk: AdminDesk, visit: Visit, _: Request) -> Response:
    """GET ``/people``."""
    enrolled = await asyncio.to_thread(people, visit.fold)
    rows = [
        {
            "id": name,
            "person": approver,
            "keys": [(_method(key), key.fingerprint) for key in approver.credentials],
            "decided": visit.fold.decided.get(ObjectKey(ObjectKind.APPROVER, name)),
        }
        for name, approver in enrolled.items()
    ]
    return admin_page(desk, visit, "people.html", people=rows, bootstrap=visit.fold.bootstrap)


async def enrol_page(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/people/enrol``: a new person, or with ``?id=`` one who gets another role or another key."""
    name = request.query_params.get("id", "")
    if visit.refused is not None and "keys" in visit.refused.typed:  # the form of somebody known
        name = visit.refused.typed.get("id", "")
    known = person(visit.fold, name) if _IDENTIFIER.fullmatch(name) else None
    return admin_page(
        desk,
        visit,
        "enrol.html",
        id=name if known else "",
        name=known.name if known else "",
        role=(known.role if known else Role.VIEWER).value,
        roles=[role.value for role in Role],
        known=known is not None,
    )


async def enrol(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """POST ``/people/enrol``: a proposal; another approver decides."""
    fields, uploads = await form_with_files(request)
    name = fields.get("id", "").lower()
    if not _IDENTIFIER.fullmatch(name) or fields.get("role") not in list(Role):
        raise Explained(
            CONSOLE_FORM,
            "id: a-z 0-9 . -; role: viewer, operator, approver",
            reason="form.identifier",
            field="id",
        )
    key = ObjectKey(ObjectKind.APPROVER, name)
    known = person(visit.fold, name)
    octets = uploads.get("upload") or fields.get("file", "").encode()
    try:
        new: tuple[Credential, ...] = (read_key_file(octets),) if octets else ()
    except ChangeRefused as refused:
        raise Explained(
            CONSOLE_FORM, str(refused), reason="form.key", field="file", cause=refused
        ) from refused
    kept = known.credentials if known and fields.get("keys", _KEEP) == _KEEP else ()
    credentials = kept + tuple(one for one in new if one not in kept)
    if not credentials:
        raise Explained(
            CONSOLE_FORM, "file: a passkey or public key is needed", reason="form.key-missing", field="file"
        )
    after = Approver(name=fields.get("name") or name, credentials=credentials, role=Role(fields["role"]))
    now = visit.fold.state.objects.get(key)
    edit = Edit(key=key, before=None if now is None else now.digest, after=after.as_json())
    return await draft(desk, visit, ChangeClass.ENROLMENT, [edit], fields)


async def remove_page(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/people/{id}/remove``."""
    name = request.path_params["id"]
    known = person(visit.fold, name) if _IDENTIFIER.fullmatch(name) else None
    if known is None:
        raise CONSOLE_NOT_FOUND()
    return admin_page(desk, visit, "remove.html", id=name, person=known, action=request.url.path)


async def remove(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """POST ``/people/{id}/remove``."""
    name = request.path_params["id"]
    fields = await form(request)
    now = visit.fold.state.objects.get(ObjectKey(ObjectKind.APPROVER, name))
    if now is None:
        raise CONSOLE_NOT_FOUND()
    edit = Edit(key=now.key, before=now.digest, after=None)
    return await draft(desk, visit, ChangeClass.ENROLMENT, [edit], fields)


def _method(key: Credential) -> str:
    return "passkey" if isinstance(key, PasskeyCredential) else "ed25519"


ROUTES = (
    AdminRoute("/people", people_page, navigation="changes.people"),
    AdminRoute("/people/enrol", enrol_page, role=Role.APPROVER),
    AdminRoute("/people/enrol", enrol, method="POST", role=Role.APPROVER),
    AdminRoute("/people/{id}/remove", remove_page, role=Role.APPROVER),
    AdminRoute("/people/{id}/remove", remove, method="POST", role=Role.APPROVER),
)
