"""The first page: what needs somebody now, what ends soon, how the partners are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from connectors.contract import PeerStatus
from gateway.admin.desk import AdminDesk, Visit
from gateway.admin.looking import look
from gateway.admin.pages import AdminRoute, admin_page
from gateway.admin.partner_reading import overview
from gateway.admin.sign_ins import last_sign_ins
from gateway.admin.timeline import draw
from trust.registry import Fold, ObjectKey, Proposal, Status, signers, status

_FIRST = 5
"""Of what ends; the page of it has the rest."""
_SIGN_INS = 5
_OPEN = {Status.PENDING, Status.READY, Status.WAITING}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenChange:
    """A proposal that somebody can still do something about."""

    proposal: Proposal
    status: Status
    signers: tuple[str, ...]
    mine: bool
    """Whether the visitor has signed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendedObject:
    key: ObjectKey
    since: datetime
    by: tuple[str, ...]
    review_due: datetime | None
    overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """A partner as its connector sees it now."""

    connector: str
    peer: PeerStatus


def open_changes(fold: Fold, now: datetime, person: str) -> tuple[OpenChange, ...]:
    """Newest first; what has expired or lost against a newer change is not among them."""
    found = []
    for proposal in reversed(fold.open_proposals()):
        stands = status(proposal, fold, now)
        if stands in _OPEN:
            counted = signers(proposal, fold.state)
            found.append(
                OpenChange(proposal=proposal, status=stands, signers=counted, mine=person in counted)
            )
    return tuple(found)


def suspended_objects(fold: Fold, now: datetime) -> tuple[SuspendedObject, ...]:
    """What must not be used, the most urgent review first."""
    found = [
        SuspendedObject(
            key=key,
            since=suspension.since,
            by=suspension.by,
            review_due=suspension.review_due,
            overdue=suspension.review_due is not None and suspension.review_due < now,
        )
        for key, suspension in fold.suspensions.items()
    ]
    return tuple(
        sorted(found, key=lambda one: (one.review_due is None, one.review_due or one.since, one.key))
    )


def health(visit: Visit) -> tuple[Health, ...]:
    """Every partner."""
    return tuple(
        Health(connector=name, peer=peer)
        for name, connector in sorted(visit.generation.connectors.items())
        for peer in connector.peers(now=visit.now)
    )


async def dashboard(desk: AdminDesk, visit: Visit, _: Request) -> Response:
    """GET ``/``."""
    sight = await look(desk, visit)
    partners = health(visit)
    listed = overview(sight)  # says of what is suspended that it is, however well its metadata are
    return admin_page(
        desk,
        visit,
        "dashboard.html",
        line=draw(sight.ends, visit.now),
        ends=[one for one in sight.ends if one.pressing][:_FIRST],
        changes=open_changes(visit.fold, visit.now, visit.person),
        suspended=suspended_objects(visit.fold, visit.now),
        ignored=visit.fold.ignored,
        troubled=[one for one in partners if one.peer.state != "ok"],
        well=sum(row.state == "ok" for row in (*listed.countries, *listed.means)),
        sign_ins=await asyncio.to_thread(last_sign_ins, desk.engine, _SIGN_INS),
    )


ROUTES = (AdminRoute("/", dashboard, navigation="changes.dashboard"),)
