"""A login that may be used again: one browser, one service, some minutes, if the service's policy says so.

There is no single sign-on. A session belongs to one client; another service of the same citizen in the same
browser finds nothing. It is sealed under a secret of the browser alone, as a journey is, and it exists
only where ``session_seconds`` is set, below level ``high``, and never for user accounts (oidc.md §2.1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from connectors.assurance import LevelOfAssurance
from connectors.contract import RedirectDispatch
from connectors.identity import Identity
from gateway.audit import DataReleased, SessionUsed
from gateway.client_settings import Client
from gateway.errors import GatewayError
from gateway.login.desk import LoginDesk
from gateway.login.journey import LoginJourney
from gateway.login.offer import acceptable_persons, available, check_representation, minimum_level
from gateway.login.registration_shown import fingerprint
from gateway.oidc.card_claims import AGE_OVER, CARD, PLACE_VERIFICATION, card_asked
from gateway.oidc.errors import AUTHENTICATION_TOO_OLD, CONSENT_REQUIRED, LOGIN_REQUIRED
from gateway.oidc.offers import attributes_requested, offers
from gateway.oidc.request import AuthorizationRequest
from gateway.store import BearerSecret, key_name, new_journey_number
from gateway.web.pages import HandoverPage, Target
from gateway.withdrawn import Origin, SourceSuspended

SESSION = "session"
"""Purpose of the sealed record."""
_ANEW = frozenset({"login", "select_account"})
"""Prompts that want a fresh identification, whatever there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSession:
    """See the module docstring."""

    client_id: str
    sid: str
    sub: str
    identity: Identity = field(repr=False)
    registration: str = ""
    """Of the service, as the citizen saw it (``registration_shown``)."""
    asked: tuple[str, ...]
    """What the source was asked for (``asked_for``)."""
    released: tuple[str, ...]
    """What the citizen has let go to this service (keys of ``offers.offers``)."""
    until: datetime

    def to_record(self) -> bytes:
        """UTF-8 JSON for the sealed store."""
        return _adapter().dump_json(self)

    @staticmethod
    def from_record(record: bytes) -> ProviderSession:
        """Inverse of ``to_record``; raises pydantic.ValidationError on anything else."""
        return _adapter().validate_json(record)


@cache
def _adapter() -> TypeAdapter[ProviderSession]:
    return TypeAdapter(ProviderSession)


def allowed(client: Client, identity: Identity, accounts: frozenset[str]) -> bool:
    """Whether the policy lets this login be used again."""
    return (
        client.session_seconds > 0
        and identity.assurance.level < LevelOfAssurance.HIGH
        and identity.source.connector not in accounts
        and identity.account_key is not None
    )


def asked_for(client: Client, request: AuthorizationRequest, identity: Identity) -> tuple[str, ...]:
    """Attributes that ``request`` asks of a source about such a person, and what else of a card."""
    attributes = attributes_requested(client, request, identity.subject.kind)
    of_card: list[str] = []
    if identity.card is not None:
        card = card_asked(client, request)
        of_card += [f"{CARD}{fact}" for fact in sorted(card.facts)]
        of_card += [f"{CARD}{AGE_OVER}{card.age}"] if card.age is not None else []
        of_card += [f"{CARD}{PLACE_VERIFICATION}{card.community_id}"] if card.community_id is not None else []
    return (*attributes.required, *attributes.optional, *of_card)


def new_session_id(desk: LoginDesk) -> str:
    """A ``sid`` (Back-Channel Logout §2.1): the tag under which the session lies, and randomness."""
    return f"{new_journey_number(desk.random)}-{desk.random(16).hex()}"


async def remember(desk: LoginDesk, response: Response, session: ProviderSession, *, now: datetime) -> None:
    """Seal the session for this browser; an older one of the same client is forgotten with its cookie."""
    secret = BearerSecret.new(_tag(session.sid), desk.random)
    await (
        desk.store.batch(_tag(session.sid))
        .put(secret, SESSION, session.to_record(), until=session.until)
        .mark(_mark(session.sid), key_name(secret, SESSION).encode(), until=session.until)
        .run()
    )
    seconds = int((session.until - now).total_seconds())
    desk.cookies.set_session(response, session.client_id, secret, seconds=seconds)


async def current(desk: LoginDesk, http: Request, client: Client) -> ProviderSession | None:
    """This browser's session of ``client``, if it is still good."""
    secret = desk.cookies.session(http, client.client_id)
    record = await desk.store.read(secret, SESSION) if secret else None
    session = ProviderSession.from_record(record) if record else None
    if session is None or session.client_id != client.client_id or desk.clock() >= session.until:
        return None
    try:
        desk.withdrawn.check(Origin.of(session.identity))
    except SourceSuspended:
        return None
    return session if allowed(client, session.identity, desk.accounts) else None


async def forget(desk: LoginDesk, sid: str) -> bool:
    """End the session ``sid``, wherever its browser is; False if there is none."""
    (place,) = await desk.store.batch(_tag(sid)).read_mark(_mark(sid)).run()
    if place is None:
        return False
    (gone,) = await desk.store.batch(_tag(sid)).delete(place.decode()).run()
    return gone is not None


async def resume(
    desk: LoginDesk, client: Client, request: AuthorizationRequest, *, http: Request, now: datetime
) -> Response | LoginJourney | None:
    """Answer from the session: the client's response, a journey for the release page only, or None.

    With ``prompt=none`` whatever keeps the answer from being given at once is raised as its OIDC error.
    """
    silent = request.prompt == ("none",)
    if client.session_seconds == 0 or _ANEW & set(request.prompt):
        return None
    session = await current(desk, http, client)
    if session is None:
        return None
    journey = LoginJourney.from_session(
        number=new_journey_number(desk.random),
        request=request,
        # The login may be used until then and no longer, also by a page that waits for the citizen.
        deadline=min(now + timedelta(seconds=desk.limits.journey_seconds), session.until),
        identity=session.identity,
    )
    try:
        _still_fits(desk, client, journey, session, now)
    except GatewayError:
        if silent:
            raise
        return None
    offered = offers(client, request, session.identity)
    keys = {offer.key for offer in offered}
    required = {offer.key for offer in offered if offer.required}
    changed = session.registration != fingerprint(client)
    if changed or "consent" in request.prompt or not required <= set(session.released):
        if silent:
            raise CONSENT_REQUIRED()
        return journey
    return await _answer(
        desk, client, request, session, frozenset(keys & set(session.released)), journey.number, http
    )


def _still_fits(
    desk: LoginDesk, client: Client, journey: LoginJourney, session: ProviderSession, now: datetime
) -> None:
    """Whether the login of back then answers the request of today, by the rules of today; raises GatewayError."""
    request, identity = journey.request, session.identity
    accept_non_notified = request.accept_non_notified and client.accept_non_notified
    if (
        not identity.assurance.satisfies(
            minimum_level(client, journey), accept_non_notified=accept_non_notified
        )
        or identity.subject.kind not in acceptable_persons(client, journey)
        or request.country not in {None, identity.source.country}
        or set(asked_for(client, request, identity)) - set(session.asked)
        or not _is_offered(desk, client, journey, now)
    ):
        raise LOGIN_REQUIRED()
    try:
        check_representation(client, identity)
    except GatewayError as error:
        raise LOGIN_REQUIRED(cause=error) from error
    desk.codes.check(client, request, identity, journey=session.sid)
    if request.max_age is not None:
        oldest = now - timedelta(seconds=request.max_age)
        if identity.source.authenticated_at < oldest:  # exactly: nobody's clock but ours is involved
            raise AUTHENTICATION_TOO_OLD()


def _is_offered(desk: LoginDesk, client: Client, journey: LoginJourney, now: datetime) -> bool:
    """Whether the citizen could still choose this way: its country may have been suspended meanwhile."""
    source = journey.identity.source if journey.identity else None
    if source is None or journey.person is None or source.connector not in client.means:
        return False
    choices = available(desk, client, journey, journey.person, now=now, only=source.connector)
    return any(
        option.country in {None, source.country} and (option.available or option.reason == "down")
        for choice in choices
        for option in choice.options
    )


async def _answer(
    desk: LoginDesk,
    client: Client,
    request: AuthorizationRequest,
    session: ProviderSession,
    released: frozenset[str],
    number: str,
    http: Request,
) -> Response:
    now, level = desk.clock(), session.identity.assurance.level.word
    source = session.identity.source.connector
    await desk.audit.record(
        SessionUsed(journey=number, client=client.client_id, sid=session.sid, connector=source),
        DataReleased(
            journey=number,
            client=client.client_id,
            level=level,
            attributes=tuple(sorted(released)),
            connector=source,
        ),
        now=now,
    )
    code = await desk.codes.issue(
        client, request, session.identity, released=released, journey=number, sid=session.sid, now=now
    )
    dispatch = desk.respond.success(request.return_address, code, now=now)
    if isinstance(dispatch, RedirectDispatch):
        return RedirectResponse(dispatch.url, status_code=303, headers={"Cache-Control": "no-store"})
    frame = desk.frame(http, client=client)
    return desk.render(
        HandoverPage(frame=frame, action=dispatch.action, fields=dispatch.fields, target=Target.SERVICE)
    )


def _tag(sid: str) -> str:
    return sid.partition("-")[0]


def _mark(sid: str) -> str:
    return f"sid-{sid.partition('-')[2]}"
