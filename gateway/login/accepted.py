"""An identity was accepted: the journey goes on under a fresh secret, in one transaction."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from gateway.login.desk import LoginDesk
from gateway.login.journey import JOURNEY, MARK_OUTLIVES, LoginJourney
from gateway.login.way_back import WAY_BACK, WayBack
from gateway.store import BearerSecret


async def go_on(desk: LoginDesk, journey: LoginJourney, old: BearerSecret) -> Response:
    """303 to the release page with the fresh cookie; raises JourneyGone if ``old`` is no more."""
    way_back_until = journey.deadline + MARK_OUTLIVES
    fresh = BearerSecret.new(journey.number, desk.random)
    taken, *_ = await (
        desk.store.batch(journey.number)
        .take(old, JOURNEY)
        .take(old, WAY_BACK)
        .put(fresh, JOURNEY, journey.to_record(), until=journey.deadline)
        .put(fresh, WAY_BACK, WayBack.of(journey).to_record(), until=way_back_until)
        .run()
    )
    if taken is None:
        # Cancelled or finished meanwhile. What was just written stays unreadable: its secret ends here.
        raise await desk.gone(journey.number)
    response = see_other(desk.path(journey.number, "/release"))
    desk.cookies.delete_flow(response, journey.number)
    seconds = max(1, int((way_back_until - desk.clock()).total_seconds()))
    desk.cookies.set_journey(response, fresh, seconds=seconds)
    return response


def see_other(path: str) -> Response:
    """On to a page of ours."""
    return RedirectResponse(path, status_code=303, headers={"Cache-Control": "no-store"})
