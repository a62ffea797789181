"""Everything the registry holds, one page for each object, and what can be proposed about it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from gateway.admin import documents
from gateway.admin.change_view import object_facts, raw_text
from gateway.admin.desk import AdminDesk, Visit
from gateway.admin.drafts import draft
from gateway.admin.errors import CONSOLE_FORM, CONSOLE_NOT_FOUND, Explained
from gateway.admin.forms import form_with_files
from gateway.admin.pages import AdminRoute, admin_page
from gateway.admin.protocol_order import protocol_position
from gateway.web.security_headers import api_headers
from trust.registry import ChangeClass, ChangeRefused, Edit, ObjectKey, ObjectKind, Role, suspension_edits

KINDS = tuple(kind for kind in ObjectKind if kind is not ObjectKind.APPROVER)
SUSPENDABLE = (
    ObjectKind.COUNTRY,
    ObjectKind.ANCHOR,
    ObjectKind.CONNECTOR,
    ObjectKind.CLIENT,
    ObjectKind.SOURCE,
    ObjectKind.KEY_PLAN,
)
"""In the order in which somebody in a hurry looks for them."""
_FILE = "file:"


async def objects(desk: AdminDesk, visit: Visit, _: Request) -> Response:
    """GET ``/objects``."""
    state = visit.fold.state
    groups = [(kind, [(key, state.objects[key].suspended) for key in state.keys(kind)]) for kind in KINDS]
    return admin_page(desk, visit, "objects.html", groups=groups, state_hash=state.state_hash)


async def object_page(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/objects/{kind}/{id}``."""
    key = _key(visit, request)
    found = visit.fold.state.objects[key]
    decided = visit.fold.decided.get(key)
    return admin_page(
        desk,
        visit,
        "object.html",
        key=key,
        suspended=found.suspended,
        suspension=visit.fold.suspensions.get(key),
        facts=object_facts(key, found.document, visit.words),
        raw=raw_text(key, found.document),
        decided=visit.fold.proposals.get(decided) if decided else None,
        suspendable=key.kind in SUSPENDABLE,
        digest=found.digest,
    )


async def edit_page(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/objects/{kind}/{id}/edit``: the TOML file and the files it names."""
    key = _key(visit, request)
    return admin_page(
        desk,
        visit,
        "edit.html",
        key=key,
        kind=key.kind,
        action=request.url.path,
        text=await asyncio.to_thread(documents.settings_text, visit.fold.state, key),
        files=documents.texts_of_files(visit.fold.state, key),
        certificate=key.kind is ObjectKind.ANCHOR,
    )


async def edit(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """POST ``/objects/{kind}/{id}/edit``."""
    key = _key(visit, request)
    fields, uploads = await form_with_files(request)
    files = {
        name.removeprefix(_FILE): text.encode() + b"\n"
        for name, text in fields.items()
        if name.startswith(_FILE) and _changed(visit, key, name.removeprefix(_FILE), text)
    }
    files |= {name.removeprefix(_FILE): octets for name, octets in uploads.items() if octets}
    edits = await asyncio.to_thread(
        documents.edits_of_object, visit.fold.state, key.kind, fields.get("text", "") + "\n", files, key=key
    )
    return await draft(desk, visit, ChangeClass.ORDINARY, edits, fields)


def _changed(visit: Visit, key: ObjectKey, name: str, text: str) -> bool:
    """A form changes line ends and white space around; what nobody has touched stays octet for octet."""
    before = documents.texts_of_files(visit.fold.state, key).get(name)
    return before is None or before.replace("\r\n", "\n").strip() != text


async def certificate_page(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/objects/anchor/{id}/certificate``."""
    key = _key(visit, request)
    settings = visit.fold.state.objects[key].document["settings"]
    return admin_page(
        desk,
        visit,
        "certificate.html",
        key=key,
        action=request.url.path,
        valid_from=settings.get("valid_from", ""),
        valid_until=settings.get("valid_until", ""),
    )


async def certificate(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """POST ``/objects/anchor/{id}/certificate``: a new one, pasted or uploaded, and its dates."""
    key = _key(visit, request)
    fields, uploads = await form_with_files(request)
    octets = uploads.get("upload") or fields.get("pem", "").encode()
    edits = await asyncio.to_thread(
        documents.edits_of_certificate,
        visit.fold.state,
        key,
        octets,
        valid_from=_date(fields, "valid_from"),
        valid_until=_date(fields, "valid_until"),
    )
    return await draft(desk, visit, ChangeClass.ORDINARY, edits, fields)


async def new_page(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/propose/{kind}``."""
    return admin_page(desk, visit, "new.html", kind=_kind(request), action=request.url.path)


async def new(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """POST ``/propose/{kind}``: a new object, with one file that it names if it needs one."""
    kind = _kind(request)
    fields, uploads = await form_with_files(request)
    name, octets = fields.get("name", ""), uploads.get("upload", b"")
    if bool(name) != bool(octets):
        raise Explained(
            CONSOLE_FORM, "a file needs its name, and a name its file", reason="form.named-file", field="name"
        )
    edits = await asyncio.to_thread(
        documents.edits_of_object,
        visit.fold.state,
        kind,
        fields.get("text", "") + "\n",
        {name: octets} if name else {},
    )
    return await draft(desk, visit, ChangeClass.ORDINARY, edits, fields)


async def bundle_page(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/bundle``."""
    return admin_page(desk, visit, "bundle.html", action=request.url.path)


async def bundle(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """POST ``/bundle``: the registry shall hold what a bundle directory holds."""
    fields, uploads = await form_with_files(request)
    edits = await asyncio.to_thread(documents.edits_of_bundle, visit.fold.state, uploads.get("upload", b""))
    return await draft(desk, visit, ChangeClass.ORDINARY, edits, fields)


async def bundle_download(desk: AdminDesk, visit: Visit, _: Request) -> Response:
    """GET ``/bundle/registry.zip``: what is in force, as it can be proposed here and elsewhere."""
    archive = await desk.read_much(documents.bundle_of, visit.fold.state)
    headers = api_headers(https=desk.section.url.startswith("https"))
    headers |= {"Content-Disposition": 'attachment; filename="registry.zip"'}
    return Response(archive, media_type="application/zip", headers=headers)


async def step_page(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/objects/{kind}/{id}/{step}``: re-activate, confirm a suspension, remove."""
    key = _key(visit, request)
    return admin_page(desk, visit, "step.html", key=key, step=_step(request), action=request.url.path)


async def step(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """POST ``/objects/{kind}/{id}/{step}``."""
    key = _key(visit, request)
    fields, _ = await form_with_files(request)
    state = visit.fold.state
    match _step(request):
        case "reactivate":
            edits = suspension_edits(state, [key], suspended=False)
            return await draft(desk, visit, ChangeClass.REACTIVATION, edits, fields)
        case "review":
            edits = suspension_edits(state, [key], suspended=True)
            return await draft(desk, visit, ChangeClass.ORDINARY, edits, fields)
        case _:
            edits = [Edit(key=key, before=state.objects[key].digest, after=None)]
            return await draft(desk, visit, ChangeClass.ORDINARY, edits, fields)


async def emergency_page(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/emergency``: what can be ended at once. ``?object=`` chooses one beforehand."""
    state = visit.fold.state
    groups = [
        (kind, sorted((key for key in state.keys(kind) if not state.objects[key].suspended), key=_by_country))
        for kind in SUSPENDABLE
    ]
    return admin_page(
        desk,
        visit,
        "emergency.html",
        groups=[group for group in groups if group[1]],
        chosen=request.query_params.get("object", ""),
    )


def _by_country(key: ObjectKey) -> tuple[tuple[int, str], str]:
    """All ways to one country beside each other: whoever is in a hurry must not miss one."""
    code = key.id.rpartition(".")[2].upper() if key.kind is ObjectKind.COUNTRY else ""
    return protocol_position(code), key.id


async def emergency(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """POST ``/emergency``: to the page that says what will happen and asks for the passkey."""
    fields, _ = await form_with_files(request)
    chosen = [name.removeprefix("object:") for name in fields if name.startswith("object:")]
    if not chosen:
        raise Explained(CONSOLE_FORM, "nothing is chosen", reason="form.nothing-chosen")
    keys = [ObjectKey.parse(text) for text in chosen]
    edits = suspension_edits(visit.fold.state, keys, suspended=True)
    return await draft(desk, visit, ChangeClass.SUSPENSION, edits, fields, evidence_needed=False)


def _key(visit: Visit, request: Request) -> ObjectKey:
    kind = request.path_params.get("kind", ObjectKind.ANCHOR.value)
    try:
        key = ObjectKey.parse(f"{kind}/{request.path_params['id']}")
    except ChangeRefused as refused:
        raise CONSOLE_NOT_FOUND(cause=refused) from refused
    if key not in visit.fold.state.objects or key.kind is ObjectKind.APPROVER:
        raise CONSOLE_NOT_FOUND()
    return key


def _kind(request: Request) -> ObjectKind:
    kind = request.path_params["kind"]
    if kind not in KINDS:
        raise CONSOLE_NOT_FOUND()
    return ObjectKind(kind)


def _step(request: Request) -> str:
    chosen: str = request.path_params["step"]
    if chosen not in {"reactivate", "review", "remove"}:
        raise CONSOLE_NOT_FOUND()
    return chosen


def _date(fields: dict[str, str], name: str) -> date | None:
    text = fields.get(name, "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise Explained(
            CONSOLE_FORM, f"{name}: YYYY-MM-DD", reason="form.date", field=name, cause=error
        ) from error


_Step = Callable[[AdminDesk, Visit, Request], Awaitable[Response]]


def _both(path: str, page: _Step, action: _Step, navigation: str | None = None) -> tuple[AdminRoute, ...]:
    return (
        AdminRoute(path, page, role=Role.OPERATOR, navigation=navigation),
        AdminRoute(path, action, method="POST", role=Role.OPERATOR),
    )


ROUTES = (
    AdminRoute("/objects", objects, navigation="changes.objects"),
    AdminRoute("/objects/{kind}/{id}", object_page),
    *_both("/objects/anchor/{id}/certificate", certificate_page, certificate),
    *_both("/objects/{kind}/{id}/edit", edit_page, edit),
    *_both("/objects/{kind}/{id}/{step}", step_page, step),
    *_both("/propose/{kind}", new_page, new),
    *_both("/bundle", bundle_page, bundle),
    AdminRoute("/bundle/registry.zip", bundle_download),
    *_both("/emergency", emergency_page, emergency, "changes.emergency"),
)
