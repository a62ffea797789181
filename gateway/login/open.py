"""A checked authorization request becomes a journey."""

from __future__ import annotations

from datetime import datetime, timedelta

from starlette.responses import RedirectResponse, Response

from gateway.audit import JourneyOpened
from gateway.client_settings import Client
from gateway.login.desk import LoginDesk
from gateway.login.journey import JOURNEY, MARK, MARK_OUTLIVES, LoginJourney, Mark
from gateway.login.way_back import WAY_BACK, WayBack
from gateway.oidc.request import AuthorizationRequest
from gateway.store import BearerSecret, new_journey_number


async def open_journey(
    desk: LoginDesk, client: Client, request: AuthorizationRequest, *, now: datetime
) -> Response:
    """303 to the first page, with the journey cookie. The seam ``gateway.oidc.request.JourneyOpener``.

    Raises AuditUnavailable, StoreUnavailable.
    """
    number = new_journey_number(desk.random)
    secret = BearerSecret.new(number, desk.random)
    seconds = desk.limits.journey_seconds
    outlives = int(MARK_OUTLIVES.total_seconds())
    journey = LoginJourney(number=number, request=request, deadline=now + timedelta(seconds=seconds))
    mark = Mark(deadline=journey.deadline, client_id=client.client_id)
    await desk.audit.record(
        JourneyOpened(journey=number, client=client.client_id, minimum=request.minimum.word), now=now
    )
    await (
        desk.store.batch(number)
        .put(secret, JOURNEY, journey.to_record(), until=journey.deadline)
        .put(secret, WAY_BACK, WayBack.of(journey).to_record(), until=mark.until)
        .mark(MARK, mark.to_record(), until=mark.until)
        .run()
    )
    response = RedirectResponse(desk.path(number), status_code=303, headers={"Cache-Control": "no-store"})
    # The cookie outlives the journey as the way back does.
    desk.cookies.set_journey(response, secret, seconds=seconds + outlives)
    return response
