"""Show what goes to whom and for what; release or refuse (ux.md §5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from connectors.assurance import LevelOfAssurance
from connectors.errors import PeerUnavailable
from connectors.identity import Identity, PersonKind
from gateway.audit import DataReleased
from gateway.client_settings import Client, ReleaseMode
from gateway.errors import GatewayError
from gateway.login.desk import LoginDesk, form_fields, journey_number, own_form
from gateway.login.errors import JOURNEY_BAD_FORM, JOURNEY_ENDED, JOURNEY_REFUSED
from gateway.login.journey import JOURNEY, LoginJourney, StepNotAllowed
from gateway.login.leave import end, journey_error, to_client
from gateway.login.offer import check_representation, minimum_level
from gateway.login.peer_errors import not_enough, of_connector, suspended
from gateway.login.registration_shown import fingerprint
from gateway.login.session import ProviderSession, allowed, asked_for, new_session_id, remember
from gateway.login.session_limits import usable_until
from gateway.oidc.offers import Offer, offers
from gateway.web.pages import PersonView, ReleaseItem, ReleasePage
from gateway.withdrawn import Origin, SourceSuspended


async def show(desk: LoginDesk, request: Request) -> Response:
    """GET ``/login/{journey}/release``."""
    secret, journey = await desk.read(request)
    identity = journey.identity
    if identity is None:
        return RedirectResponse(desk.path(journey.number), status_code=303)
    try:
        desk.withdrawn.check(Origin.of(identity))
    except SourceSuspended as error:
        return journey_error(desk, request, journey, suspended(desk, identity.source.connector, error))
    if journey.usable_until is not None:
        journey = journey.active(usable_until(identity, now=desk.clock()))
        renewed = desk.store.batch(journey.number).replace(
            secret, JOURNEY, journey.to_record(), until=journey.deadline
        )
        if (await renewed.run())[0] is None:
            raise await desk.gone(journey.number)
    client = desk.clients[journey.request.client_id]
    confirm = client.release is ReleaseMode.CONFIRM or "consent" in journey.request.prompt
    return desk.render(
        ReleasePage(
            registration=fingerprint(client),
            frame=replace(
                desk.frame(request, journey=journey, step=3),
                # WCAG 2.2.1: looking again is activity, until the journey itself ends.
                extend_href=desk.path(journey.number, "/release")
                if journey.until < journey.deadline
                else None,
            ),
            action=desk.path(journey.number, "/release"),
            mode=(ReleaseMode.CONFIRM if confirm else ReleaseMode.INFORM).value,
            persons=person_views(journey, client, identity),
            country=identity.source.country,
            level=identity.assurance.level,
            notified=identity.assurance.notified,
            means=identity.source.connector,
            means_name=desk.means_names.get(identity.source.connector, {}),
            account=identity.account is not None,
            card=identity.source.connector in desk.eid_clients,
            recognised=identity.account_key is not None,
        )
    )


async def decide(desk: LoginDesk, request: Request) -> Response:
    """POST ``/login/{journey}/release`` with ``decision`` and any number of ``optional``.

    ``registration``: of the service as the page showed it. If that has changed meanwhile, the citizen looks again.
    """
    own_form(request)
    fields = await form_fields(request)
    decisions = [value for name, value in fields if name == "decision"]
    ticked = frozenset(value for name, value in fields if name == "optional")
    if len(decisions) != 1 or decisions[0] not in {"release", "refuse"}:
        raise JOURNEY_BAD_FORM()
    if any(name not in {"decision", "optional", "registration"} for name, _ in fields):
        raise JOURNEY_BAD_FORM()
    if decisions[0] == "release" and any(
        name == "registration" and _has_changed(desk, value) for name, value in fields
    ):
        return RedirectResponse(desk.path(journey_number(request), "/release"), status_code=303)
    journey = await desk.take(request)
    if decisions[0] == "refuse":
        return await end(desk, request, journey, JOURNEY_REFUSED())
    try:
        return await _release(desk, request, journey, ticked)
    except StepNotAllowed as error:
        raise JOURNEY_ENDED(cause=error) from error


async def _release(
    desk: LoginDesk, request: Request, journey: LoginJourney, ticked: frozenset[str]
) -> Response:
    released_journey = journey.released()
    identity = journey.identity
    if identity is None:
        raise StepNotAllowed("no identity")
    try:
        desk.withdrawn.check(Origin.of(identity))
    except SourceSuspended as error:
        return await end(desk, request, journey, suspended(desk, identity.source.connector, error))
    client = desk.clients[journey.request.client_id]
    try:
        _check_again(desk, client, journey, identity)
    except GatewayError as error:
        return await end(desk, request, journey, error)
    released = frozenset(
        offer.key
        for offer in offers(client, journey.request, identity)
        if offer.required or offer.key in ticked
    )
    now = desk.clock()
    await desk.audit.record(
        DataReleased(
            journey=journey.number,
            client=client.client_id,
            level=identity.assurance.level.word,
            attributes=tuple(sorted(released)),
            connector=identity.source.connector,
            seconds=journey.age(now, desk.limits.journey_seconds),
        ),
        now=now,
    )
    # Counted from the identification, so that a session never prolongs itself.
    until = identity.source.authenticated_at + timedelta(seconds=client.session_seconds)
    kept = now < until and allowed(client, identity, desk.accounts)
    sid = new_session_id(desk) if kept else None
    try:
        code = await desk.codes.issue(
            client, journey.request, identity, released=released, journey=journey.number, sid=sid, now=now
        )
    except GatewayError as error:
        # Checked when the answer came; between then and now only a deadline can have passed.
        if not error.entry.to_client:
            raise
        return await end(desk, request, journey, error)
    dispatch = desk.respond.success(journey.request.return_address, code, now=now)
    response = to_client(desk, request, released_journey, dispatch)
    if sid is not None:
        session = ProviderSession(
            client_id=client.client_id,
            sid=sid,
            sub=desk.codes.subject(client, identity, journey.number),
            identity=identity,
            registration=fingerprint(client),
            asked=asked_for(client, journey.request, identity),
            released=tuple(sorted(released)),
            until=until,
        )
        await remember(desk, response, session, now=now)
    return response


def _check_again(desk: LoginDesk, client: Client, journey: LoginJourney, identity: Identity) -> None:
    """What the registration says now, which may be stricter than when the answer came; raises GatewayError."""
    connector, minimum = identity.source.connector, minimum_level(client, journey)
    if connector not in client.means or identity.subject.kind.value not in client.persons:
        raise of_connector(desk, connector, PeerUnavailable("registration.changed"))
    accept_non_notified = journey.request.accept_non_notified and client.accept_non_notified
    if not identity.assurance.satisfies(minimum, accept_non_notified=accept_non_notified):
        raise not_enough(desk, connector, identity.assurance.level, minimum)
    check_representation(client, identity)


def _has_changed(desk: LoginDesk, registration: str) -> bool:
    client = desk.clients.get(registration.partition(" ")[2])
    return client is not None and fingerprint(client) != registration


def person_views(journey: LoginJourney, client: Client, identity: Identity) -> tuple[PersonView, ...]:
    """What would be transmitted: of the subject, of whoever acts for it, and of who operated its account."""
    offered = offers(client, journey.request, identity)
    mine = [o for o in offered if not o.of_representative and not o.of_acting_person]
    # An account knows some things better than others; a node vouches for all it is asked to vouch for.
    reached = identity.assurance.level if identity.account is not None else None
    views = [_view("subject", identity.subject.kind, mine, reached)]
    if identity.representative is not None:
        representative = [o for o in offered if o.of_representative]
        views.append(_view("representative", identity.representative.kind, representative))
    acting = [o for o in offered if o.of_acting_person]
    if acting:
        views.append(_view("acting", PersonKind.NATURAL, acting))
    return tuple(views)


def _view(
    role: str, kind: PersonKind, offered: Sequence[Offer], reached: LevelOfAssurance | None = None
) -> PersonView:
    items = [
        (
            offer.required,
            ReleaseItem(
                attribute=offer.attribute,
                value=offer.value.value,
                field=offer.key,
                below=reached is not None and (offer.value.level or 0) < reached,
                level=offer.value.level,
            ),
        )
        for offer in offered
    ]
    return PersonView(
        role=role,
        kind=kind,
        required=tuple(item for required, item in items if required),
        optional=tuple(item for required, item in items if not required),
    )
