"""A checked authorization request becomes a journey."""

from __future__ import annotations

from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.audit import JourneyOpened
from gateway.client_settings import Client
from gateway.login.desk import LoginDesk
from gateway.login.journey import JOURNEY, MARK, MARK_OUTLIVES, LoginJourney, Mark
from gateway.login.session import resume
from gateway.login.way_back import WAY_BACK, WayBack
from gateway.oidc.errors import LOGIN_REQUIRED
from gateway.oidc.request import AuthorizationRequest
from gateway.store import BearerSecret, new_journey_number


async def open_journey(
    desk: LoginDesk, client: Client, request: AuthorizationRequest, *, http: Request, now: datetime
) -> Response:
    """303 to the first page, with the journey cookie. The seam ``gateway.oidc.request.JourneyOpener``.

    Where the client's policy allows a session and there is one, its answer comes at once.

    Raises AuditUnavailable, StoreUnavailable; with ``prompt=none`` GatewayError ``login_required`` and kin.
    """
    resumed = await resume(desk, client, request, http=http, now=now)
    if isinstance(resumed, Response):
        return resumed
    if request.prompt == ("none",):
        raise LOGIN_REQUIRED()
    journey = resumed or LoginJourney(
        number=new_journey_number(desk.random),
        request=request,
        deadline=now + timedelta(seconds=desk.limits.journey_seconds),
    )
    secret = BearerSecret.new(journey.number, desk.random)
    mark = Mark(deadline=journey.deadline, client_id=client.client_id)
    await desk.audit.note(
        JourneyOpened(journey=journey.number, client=client.client_id, minimum=request.minimum.word), now=now
    )
    await (
        desk.store.batch(journey.number)
        .put(secret, JOURNEY, journey.to_record(), until=journey.deadline)
        .put(secret, WAY_BACK, WayBack.of(journey).to_record(), until=mark.until)
        .mark(MARK, mark.to_record(), until=mark.until)
        .run()
    )
    first = desk.path(journey.number, "" if journey.identity is None else "/release")
    response = RedirectResponse(first, status_code=303, headers={"Cache-Control": "no-store"})
    # The cookie outlives the journey as the way back does.
    seconds = desk.limits.journey_seconds + int(MARK_OUTLIVES.total_seconds())
    desk.cookies.set_journey(response, secret, seconds=seconds)
    return response
