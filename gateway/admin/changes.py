"""Proposals: all of them, one of them with everything to decide on it, and the decision."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.change_view import object_views
from gateway.admin.desk import AdminDesk, Visit
from gateway.admin.drafts import signature, signing_options
from gateway.admin.errors import CONSOLE_FORM, CONSOLE_NOT_FOUND, Explained
from gateway.admin.forms import form
from gateway.admin.next_steps import missing, reviews
from gateway.admin.pages import AdminRoute, admin_page, redirect
from gateway.admin.proposed_lint import proposed_findings
from gateway.admin.render import change_href
from gateway.statistics import Affected, Statistics, StatisticsUnavailable
from trust.registry import (
    ChangeRefused,
    Decision,
    Fold,
    Proposal,
    Role,
    Signature,
    State,
    Status,
    may_sign,
    signers,
    status,
)

_SIGNED_WHILE = {Status.PENDING}
_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the list."""

    proposal: Proposal
    status: Status
    signers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A signature, and whether it counts."""

    signature: Signature
    counts: bool


def rows(fold: Fold, visit: Visit) -> tuple[Row, ...]:
    """The newest changes first."""
    newest = list(fold.proposals.values())[: -_SHOWN - 1 : -1]
    return tuple(
        Row(proposal=p, status=status(p, fold, visit.now), signers=tuple(sorted(p.signatures)))
        for p in newest
    )


async def changes(desk: AdminDesk, visit: Visit, _: Request) -> Response:
    """GET ``/changes``."""
    found = await asyncio.to_thread(rows, visit.fold, visit)
    return admin_page(desk, visit, "changes.html", rows=found, total=len(visit.fold.proposals))


async def change_page(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/changes/{hash}``: ``?check=1`` also asks whether the configuration it leads to is sound."""
    proposal = _proposal(visit.fold, request)
    change, fold = proposal.change, visit.fold
    before = await desk.read_much(_before, desk, proposal, fold)
    findings = await desk.read_much(proposed_findings, change, visit) if proposal.open else {}
    stands = status(proposal, fold, visit.now)
    counted = signers(proposal, before if proposal.activated_at else fold.state)
    may_approve = (
        stands in _SIGNED_WHILE
        and visit.person not in counted
        and may_sign(visit.role, visit.person, change)
        and visit.now <= change.expires_at
    )
    may_reject = proposal.open and (
        visit.role is Role.APPROVER or (visit.role is Role.OPERATOR and change.proposer == visit.person)
    )
    return admin_page(
        desk,
        visit,
        "change.html",
        proposal=proposal,
        change=change,
        change_hash=proposal.change_hash,
        status_word=stands.value,
        missing=missing(proposal, stands, counted, visit),
        reviews=reviews(proposal, visit),
        signed=tuple(
            Signed(signature=found, counts=name in counted)
            for name, found in sorted(proposal.signatures.items())
        ),
        objects=object_views(change, before, visit.words, findings),
        affected=await asyncio.to_thread(_affected, desk, visit, proposal, before),
        checked=await _checked(desk, proposal) if "check" in request.query_params else None,
        approve_options=signing_options(desk, visit, proposal.change_hash, Decision.APPROVE)
        if may_approve
        else None,
        reject_options=signing_options(desk, visit, proposal.change_hash, Decision.REJECT)
        if may_reject
        else None,
        may_activate=stands is Status.READY and visit.role.covers(Role.OPERATOR),
    )


async def approve(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """POST ``/changes/{hash}/approve``: the last signature that is needed puts it into force."""
    proposal = _proposal(visit.fold, request)
    approval = signature(visit, proposal.change_hash, Decision.APPROVE, await form(request))
    await asyncio.to_thread(desk.registry.approve, approval, now=desk.clock())
    return redirect(change_href(proposal.change_hash))


async def reject(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """POST ``/changes/{hash}/reject``."""
    proposal = _proposal(visit.fold, request)
    fields = await form(request)
    reason = fields.get("reason", "")
    if not reason or len(reason) > 4000:
        raise Explained(CONSOLE_FORM, "reason: 1 to 4000 characters", reason="form.text", field="reason")
    approval = signature(visit, proposal.change_hash, Decision.REJECT, fields)
    await asyncio.to_thread(desk.registry.reject, approval, reason=reason, now=desk.clock())
    return redirect(change_href(proposal.change_hash))


async def activate(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """POST ``/changes/{hash}/activate``: what is signed and due, and waited because something was not sound."""
    proposal = _proposal(visit.fold, request)
    await form(request)
    await asyncio.to_thread(desk.registry.activate, proposal.change_hash, now=desk.clock())
    return redirect(change_href(proposal.change_hash))


def _proposal(fold: Fold, request: Request) -> Proposal:
    found = fold.proposals.get(request.path_params["change"])
    if found is None:
        raise CONSOLE_NOT_FOUND()
    return found


def _before(desk: AdminDesk, proposal: Proposal, fold: Fold) -> State:
    """What the change is, or was, applied to."""
    return desk.registry.state_before(proposal.change_hash) if proposal.activated_at else fold.state


def _affected(
    desk: AdminDesk, visit: Visit, proposal: Proposal, before: State
) -> tuple[Affected, ...] | None:
    """None: the statistics cannot be read."""
    try:
        return Statistics(desk.engine).affected(
            [edit.key for edit in proposal.change.edits], before, now=visit.now
        )
    except StatisticsUnavailable:
        return None


async def _checked(desk: AdminDesk, proposal: Proposal) -> str:
    """What is wrong with the configuration it leads to; empty: nothing."""
    try:
        await desk.read_much(desk.registry.check, proposal.change)
    except ChangeRefused as refused:
        return str(refused)
    return ""


ROUTES = (
    AdminRoute("/changes", changes, navigation="changes.changes"),
    AdminRoute("/changes/{change}", change_page),
    AdminRoute("/changes/{change}/approve", approve, method="POST", role=Role.OPERATOR),
    AdminRoute("/changes/{change}/reject", reject, method="POST", role=Role.OPERATOR),
    AdminRoute("/changes/{change}/activate", activate, method="POST", role=Role.OPERATOR),
)
