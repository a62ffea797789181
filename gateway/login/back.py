"""The page behind "back to the service" at a user account (BackURL).

The account sends the browser here and nothing else: no answer will come (bundid.md §1.6). What is shown then
is where the citizen can go on: another way to identify, or the service, which learns ``access_denied``.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.login.account_errors import ACCOUNT_RETURNED
from gateway.login.desk import LoginDesk
from gateway.login.journey import JOURNEY, Failure, State


async def back(desk: LoginDesk, request: Request) -> Response:
    """GET ``/login/{journey}/back``. An answer that comes all the same, from another window, still counts."""
    secret, journey = await desk.read(request)
    if journey.state is State.EXCHANGE and journey.connector in desk.accounts:
        returned = journey.failed(Failure(code=ACCOUNT_RETURNED.code))
        kept = (
            await desk.store.batch(journey.number)
            .replace(secret, JOURNEY, returned.to_record(), until=journey.deadline)
            .run()
        )[0]
        if kept is None:
            raise await desk.gone(journey.number)
    return RedirectResponse(
        desk.path(journey.number, "/failed"), status_code=303, headers={"Cache-Control": "no-store"}
    )
