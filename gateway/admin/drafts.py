"""Drafts: a change that somebody has put together here and not yet signed.

It lies in the store, sealed under the secret of that person's session, for half an hour. Signing it proposes
it; a suspension is in force with that.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.aside import Aside
from gateway.admin.change_view import object_views
from gateway.admin.desk import AdminDesk, Visit, person
from gateway.admin.errors import CONSOLE_EXPIRED, CONSOLE_FORM, CONSOLE_ROLE, Explained
from gateway.admin.forms import LARGEST_UPLOAD, form
from gateway.admin.pages import AdminRoute, admin_page, redirect
from gateway.admin.proposed_lint import proposed_findings
from gateway.admin.render import change_href
from gateway.admin.signing_in import passkey_answer
from trust.registry import (
    Approval,
    Change,
    ChangeClass,
    Decision,
    Edit,
    PasskeyCredential,
    Role,
    may_sign,
    message,
)
from trust.registry.approvers import base64url
from trust.registry.canonical import canonical
from trust.registry.changes import read_change

_DRAFTS = Aside(kind="console-draft", life=timedelta(minutes=30))
_PATIENCE = 120_000
_TEXT = 4000


async def draft(
    desk: AdminDesk,
    visit: Visit,
    change_class: ChangeClass,
    edits: Iterable[Edit],
    fields: dict[str, str],
    *,
    evidence_needed: bool = True,
) -> Response:
    """Put a change together from ``edits`` and the form's reason and evidence, and show it for signing."""
    reason, evidence = fields.get("reason", ""), fields.get("evidence", "")
    for name, text, needed in (("reason", reason, True), ("evidence", evidence, evidence_needed)):
        if (needed and not text) or len(text) > _TEXT:
            raise Explained(CONSOLE_FORM, f"{name}: 1 to {_TEXT} characters", reason="form.text", field=name)
    change = await asyncio.to_thread(
        _drafted, desk, visit, change_class, tuple(edits), reason, evidence, _day(fields)
    )
    octets = zlib.compress(canonical(change.as_json()))
    if len(octets) > LARGEST_UPLOAD:
        raise Explained(
            CONSOLE_FORM, "too large for the console: eid-gateway registry propose", reason="form.too-much"
        )
    number = await _DRAFTS.keep(desk.store, visit.session, octets, random=desk.random, now=visit.now)
    return redirect(f"/drafts/{number}")


def _day(fields: dict[str, str]) -> datetime | None:
    """The form's ``not_before``, which says UTC; raises ``console.form``."""
    text = fields.get("not_before", "")
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC, microsecond=0) if text else None
    except ValueError as error:
        raise Explained(
            CONSOLE_FORM,
            "not_before: YYYY-MM-DDTHH:MM",
            reason="form.time",
            field="not_before",
            cause=error,
        ) from error


def _drafted(
    desk: AdminDesk,
    visit: Visit,
    change_class: ChangeClass,
    edits: tuple[Edit, ...],
    reason: str,
    evidence: str,
    not_before: datetime | None,
) -> Change:
    desk.registry.follow()
    change = desk.registry.draft(
        change_class,
        edits,
        reason=reason,
        evidence=evidence,
        proposer=visit.person,
        now=desk.clock(),
        not_before=not_before,
    )
    if not may_sign(visit.role, visit.person, change):
        raise CONSOLE_ROLE()
    desk.registry.check(change)
    return change


async def draft_page(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/drafts/{number}``: what it does, and the passkey."""
    change = await _read(desk, visit, request.path_params["number"])
    findings = await desk.read_much(proposed_findings, change, visit)
    return admin_page(
        desk,
        visit,
        "draft.html",
        change=change,
        change_hash=change.change_hash,
        objects=object_views(change, visit.fold.state, visit.words, findings),
        action=request.url.path,
        options=signing_options(desk, visit, change.change_hash, Decision.APPROVE),
    )


async def sign_draft(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """POST ``/drafts/{number}``: the proposer's signature; from here on everybody sees the change."""
    fields = await form(request)
    number = request.path_params["number"]
    change = await _read(desk, visit, number)
    approval = signature(visit, change.change_hash, Decision.APPROVE, fields)
    outcome = await asyncio.to_thread(desk.registry.propose, change, approval=approval, now=desk.clock())
    await _DRAFTS.drop(desk.store, visit.session, number)
    return redirect(change_href(outcome.proposal.change_hash))


async def discard_draft(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """POST ``/drafts/{number}/discard``."""
    number = request.path_params["number"]
    await _read(desk, visit, number)
    await _DRAFTS.drop(desk.store, visit.session, number)
    return redirect("/changes")


def signing_options(desk: AdminDesk, visit: Visit, change_hash: str, decision: Decision) -> str:
    """PublicKeyCredentialRequestOptionsJSON (WebAuthn-3 §5.5): the challenge names the change."""
    who = person(visit.fold, visit.person)
    keys = [key for key in who.credentials if isinstance(key, PasskeyCredential)] if who else []
    return json.dumps(
        {
            "challenge": base64url(message(change_hash, decision.prefix)),
            "rpId": desk.section.rp_id,
            "allowCredentials": [
                {"type": "public-key", "id": base64url(key.credential_id)}
                for key in keys
                if key.rp_id == desk.section.rp_id
            ],
            "userVerification": "required",
            "timeout": _PATIENCE,
        }
    )


def signature(visit: Visit, change_hash: str, decision: Decision, fields: dict[str, str]) -> Approval:
    """What the visitor's passkey said of the change; the registry verifies it."""
    return Approval(
        change=change_hash,
        approver=visit.person,
        method="webauthn",
        assertion=passkey_answer(fields),
        decision=decision,
    )


async def _read(desk: AdminDesk, visit: Visit, number: str) -> Change:
    octets = await _DRAFTS.read(desk.store, visit.session, number)
    if octets is None:
        raise CONSOLE_EXPIRED()
    return read_change(json.loads(zlib.decompress(octets)))


ROUTES = (
    AdminRoute("/drafts/{number}", draft_page, role=Role.OPERATOR),
    AdminRoute("/drafts/{number}", sign_draft, method="POST", role=Role.OPERATOR),
    AdminRoute("/drafts/{number}/discard", discard_draft, method="POST", role=Role.OPERATOR),
)
