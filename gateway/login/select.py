"""Choose the kind of person, the means of identification and the country (ux.md §4).

The page is skipped when there is nothing to choose: one way only, or a country in the request that
can be reached. ``?choose=1``, the *change* link of the page after, always shows it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from connectors.contract import Option
from gateway.login.desk import LoginDesk
from gateway.login.errors import CHOICE_NOTHING_AVAILABLE
from gateway.login.journey import LoginJourney, State
from gateway.login.leave import journey_error
from gateway.login.offer import Choice, acceptable_persons, available, minimum_level
from gateway.login.start import begin, noted
from gateway.web.pages import CountryChoice, MeansChoice, PersonChoice, SelectPage

_GERMANY = "DE"


Admit = Callable[[Request], Awaitable[None]]
"""Counts an exchange that begins; raises GatewayError for one too many."""


async def select(desk: LoginDesk, request: Request, *, admit: Admit) -> Response:
    """GET ``/login/{journey}``."""
    secret, journey = await desk.read(request)
    if journey.state is State.IDENTIFIED:
        return RedirectResponse(desk.path(journey.number, "/release"), status_code=303)
    client = desk.clients[journey.request.client_id]
    now = desk.clock()
    persons = acceptable_persons(client, journey)
    wanted = request.query_params.get("person", "")
    person = next((kind for kind in persons if kind.value == wanted), persons[0])
    choices = available(desk, client, journey, person, now=now)
    if len(persons) == 1 and "choose" not in request.query_params:
        only = _only_way(journey, choices)
        if only is not None:
            await admit(request)
            return await begin(desk, request, secret, journey, only, person)
    if not _any(choices) and not any(
        _any(available(desk, client, journey, other, now=now)) for other in persons
    ):
        error = CHOICE_NOTHING_AVAILABLE()
        return journey_error(desk, request, await noted(desk, secret, journey, error), error)
    page = SelectPage(
        frame=desk.frame(request, journey=journey, step=1),
        action=desk.path(journey.number, "/start"),
        cancel_action=desk.path(journey.number, "/cancel"),
        person=person,
        persons=tuple(
            PersonChoice(
                kind=kind,
                selected=kind is person,
                href=desk.path(journey.number, f"?person={kind.value}&choose=1"),
            )
            for kind in (persons if len(persons) > 1 else ())
        ),
        means=tuple(_means(desk, choice) for choice in choices if _is_for(choice)),
        minimum=minimum_level(client, journey),
        test=any(option.test for choice in choices for option in choice.options),
    )
    return desk.render(page)


def _only_way(journey: LoginJourney, choices: Sequence[Choice]) -> Option | None:
    if "select_account" in journey.request.prompt or journey.failure is not None:
        return None
    ways = [option for choice in choices for option in choice.options if option.available]
    if journey.request.country is not None:
        # Germany has accounts where other states have a node (ux.md §4.8).
        wanted = None if journey.request.country == _GERMANY else journey.request.country
        ways = [option for option in ways if option.country == wanted]
    return ways[0] if len(ways) == 1 else None


def _is_for(choice: Choice) -> bool:
    """Whether the page shows ``choice``: not an account that knows only the other kind of person."""
    return any(option.country is not None or option.reason != "person" for option in choice.options)


def _any(choices: Sequence[Choice]) -> bool:
    return any(option.available for choice in choices for option in choice.options)


def _means(desk: LoginDesk, choice: Choice) -> MeansChoice:
    return MeansChoice(
        means=choice.connector,
        name=desk.means_names.get(choice.connector, {}),
        countries=tuple(
            CountryChoice(
                means=option.connector,
                country=option.country,
                available=option.available,
                reason=option.reason,
                down_since=option.down_since,
                scheme_names=option.scheme_names,
                test=option.test,
            )
            for option in choice.options
        ),
    )
