"""Take a peer's answer: once, from the browser that waits for it, and believe nothing before ``finish``.

Order, each step before anything of the next becomes visible (security.md A.13, A.18, invariant 6):

1. the RelayState names an exchange, the flow cookie of this browser opens it; else nothing is consumed;
2. the exchange is taken from the store: of two simultaneous posts one goes on;
3. the connector verifies the answer; the gateway checks level, kind of person and representation again;
4. the replay keys are claimed;
5. the audit entry is durable;
6. the journey is taken and written anew under a fresh secret, in one transaction;
7. the browser gets the fresh secret and a 303.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from connectors.contract import Answer, Connector, Verified
from connectors.errors import ConnectorError, InvalidAnswer
from gateway.audit import AnswerRefused, ExchangeFailed, IdentityAccepted
from gateway.errors import GatewayError
from gateway.http_errors import HTTP_NOT_FOUND
from gateway.login import phone
from gateway.login.accepted import go_on, see_other
from gateway.login.account_errors import ACCOUNT_GUEST
from gateway.login.desk import LoginDesk, form_fields
from gateway.login.eid_client import SessionMissing, for_the_browser, with_session
from gateway.login.eid_errors import EID_OTHER_BROWSER
from gateway.login.errors import (
    JOURNEY_BAD_FORM,
    JOURNEY_ENDED,
    JOURNEY_FOREIGN_ANSWER,
    JOURNEY_OTHER_BROWSER,
    JourneyGone,
)
from gateway.login.journey import JOURNEY, Exchange, Failure, LoginJourney
from gateway.login.offer import check_representation, minimum_level
from gateway.login.peer_errors import invalid_answer, not_enough, of_connector, suspended
from gateway.login.session_limits import usable_until
from gateway.login.start import exchange_purpose, split_handle
from gateway.store import AlreadyClaimed, BearerSecret
from gateway.withdrawn import Origin, SourceSuspended


async def callback(desk: LoginDesk, request: Request) -> Response:
    """POST (or GET) ``/connectors/{connector}/acs``."""
    connector = desk.connectors.get(request.path_params["connector"])
    if connector is None:
        raise HTTP_NOT_FOUND()
    if connector.id in desk.eid_clients and (passed := for_the_browser(desk, request)) is not None:
        return passed
    answer = await _answer(request)
    exchange = await _take_exchange(desk, request, connector, answer)
    journey = exchange.journey
    now = desk.clock()
    try:
        desk.withdrawn.check_way(connector.id, journey.country)
        pending = await with_session(desk, exchange)
        verified = await desk.in_thread(
            lambda: connector.finish(pending, answer, now=now), waits=connector.id in desk.eid_clients
        )
        _check(desk, journey, verified)
        await desk.store.claim((key.key, key.until) for key in verified.replay_keys)
    except ConnectorError as error:
        return await _fail(desk, exchange, of_connector(desk, connector.id, error), error.reason)
    except SourceSuspended as error:
        return await _fail(desk, exchange, suspended(desk, connector.id, error), str(error))
    except SessionMissing as error:
        return await _fail(desk, exchange, error.error, error.reason)
    except AlreadyClaimed as error:
        return await _fail(desk, exchange, invalid_answer(desk, connector.id)(cause=error), "replay")
    except _CheckFailed as error:
        return await _fail(desk, exchange, error.error, error.error.entry.code)
    return await _identified(desk, exchange, verified)


class _CheckFailed(Exception):
    def __init__(self, error: GatewayError) -> None:
        super().__init__(error.entry.code)
        self.error = error


async def _answer(request: Request) -> Answer:
    if request.method == "POST":
        fields = await form_fields(request)
        if not fields:
            raise JOURNEY_BAD_FORM()
        return Answer(method="POST", fields=fields, query=request.scope["query_string"])
    return Answer(method="GET", query=request.scope["query_string"])


async def _take_exchange(desk: LoginDesk, request: Request, connector: Connector, answer: Answer) -> Exchange:
    try:
        number, relay = split_handle(connector.relay_state(answer))
    except (InvalidAnswer, ValueError) as error:
        reason = error.reason if isinstance(error, InvalidAnswer) else "relay_state"
        entry = invalid_answer(desk, connector.id)
        await _refused(desk, connector, None, entry.code, reason)
        raise entry(cause=error) from error
    flow = desk.cookies.flow(request, number)
    if flow is None:
        # Without the cookie the answer may be stolen or forced upon this browser. A journey that is
        # over gets its own page: that is only the reload of an answer that was taken.
        gone = await desk.gone(number)
        foreign = EID_OTHER_BROWSER if connector.id in desk.eid_clients else JOURNEY_FOREIGN_ANSWER
        entry = foreign if gone.entry is JOURNEY_OTHER_BROWSER else gone.entry
        await _refused(desk, connector, number, entry.code, "flow_cookie")
        raise JourneyGone(entry, number, gone.client)
    record = await desk.store.take(flow, exchange_purpose(relay))
    if record is None:
        gone = await desk.gone(number)
        await _refused(desk, connector, number, gone.entry.code, "exchange_taken")
        raise JourneyGone(
            JOURNEY_ENDED if gone.entry is JOURNEY_OTHER_BROWSER else gone.entry, number, gone.client
        )
    exchange = Exchange.from_record(record)
    if exchange.pending.connector != connector.id:
        entry = invalid_answer(desk, connector.id)
        await _refused(desk, connector, number, entry.code, "connector")
        raise entry()
    secret = exchange.journey_secret
    await desk.check_deadline(exchange.journey, BearerSecret.parse(secret) if secret else None)
    return exchange


async def _refused(desk: LoginDesk, connector: Connector, number: str | None, code: str, reason: str) -> None:
    event = AnswerRefused(connector=connector.id, journey=number, code=code, reason=reason)
    await desk.audit.record(event, now=desk.clock())


def _check(desk: LoginDesk, journey: LoginJourney, verified: Verified) -> None:
    """What the connector has checked is checked again here (invariant 2); raises _CheckFailed, SourceSuspended."""
    identity = verified.identity
    desk.withdrawn.check(Origin.of(identity))
    client = desk.clients[journey.request.client_id]
    minimum = minimum_level(client, journey)
    accept_non_notified = journey.request.accept_non_notified and client.accept_non_notified
    if not identity.assurance.satisfies(minimum, accept_non_notified=accept_non_notified):
        raise _CheckFailed(not_enough(desk, journey.connector or "", identity.assurance.level, minimum))
    connector = identity.source.connector
    if identity.subject.kind is not journey.person or connector != journey.connector:
        raise _CheckFailed(invalid_answer(desk, journey.connector or "")())
    account, shown = identity.account, client.accounts.get(connector)
    if account is not None and account.guest and not (shown is not None and shown.guest):
        raise _CheckFailed(ACCOUNT_GUEST())
    try:
        check_representation(client, identity)
        desk.codes.check(client, journey.request, identity, journey=journey.number)
    except GatewayError as error:
        raise _CheckFailed(error) from error


async def _identified(desk: LoginDesk, exchange: Exchange, verified: Verified) -> Response:
    before, identity, now = exchange.journey, verified.identity, desk.clock()
    journey = before.identified(identity, usable_until=usable_until(identity, now=now))
    await desk.audit.record(
        IdentityAccepted(
            journey=journey.number,
            client=journey.request.client_id,
            connector=identity.source.connector,
            peer=identity.source.issuer,
            country=identity.source.country,
            request_id=exchange.pending.message_id,
            message_id=identity.source.statement_id,
            level=identity.assurance.level.word,
            notified=identity.assurance.notified,
            person=identity.subject.kind.value,
            represented=identity.representative is not None,
            proved_by=identity.account.proved_by if identity.account else None,
            guest=identity.account.guest if identity.account else None,
            eid_type=identity.card.eid_type if identity.card else None,
        ),
        now=now,
    )
    if exchange.second_device is not None:
        return await phone.hand_code(desk, exchange, exchange.second_device, verified)
    return await go_on(desk, journey, _journey_secret(exchange))


def _journey_secret(exchange: Exchange) -> BearerSecret:
    """The journey's secret; only an exchange on a second device is without, and never comes here."""
    return BearerSecret.parse(exchange.journey_secret or "")


async def _fail(desk: LoginDesk, exchange: Exchange, error: GatewayError, reason: str) -> Response:
    failure = Failure(code=error.entry.code, parameters=error.parameters)
    journey = exchange.journey.failed(failure)
    pending = exchange.pending
    await desk.audit.record(
        ExchangeFailed(
            journey=journey.number,
            client=journey.request.client_id,
            connector=pending.connector,
            peer=pending.peer,
            country=journey.country,
            request_id=pending.message_id,
            code=error.entry.code,
            reason=reason,
        ),
        now=desk.clock(),
    )
    if exchange.second_device is not None:
        return await phone.failed(desk, exchange, exchange.second_device, failure)
    secret = _journey_secret(exchange)
    kept = (
        await desk.store.batch(journey.number)
        .replace(secret, JOURNEY, journey.to_record(), until=journey.deadline)
        .run()
    )[0]
    if kept is None:
        raise await desk.gone(journey.number)
    response = see_other(desk.path(journey.number, "/failed"))
    desk.cookies.delete_flow(response, journey.number)
    return response
