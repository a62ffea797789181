"""Identify on a phone, go on where the login began (docs/adr/0010-second-device.md).

A QR code opens a page on the phone, once. The phone gets a cookie of its own and carries out an
exchange of its own; it never holds the journey. What comes out waits, sealed, for a code that the
phone shows and the citizen types where the login began. So a link that was sent to somebody logs
nobody in on that somebody's phone, and on the sender's side only if the code is given away as well.
Nothing polls, nothing goes on by itself.
"""

from __future__ import annotations

from dataclasses import replace
from hmac import compare_digest

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from connectors.contract import TokenSource
from gateway.audit import SecondDeviceCodeUsed, SecondDeviceRefused
from gateway.http_errors import HTTP_NOT_FOUND
from gateway.login.accepted import go_on
from gateway.login.desk import LoginDesk, form_fields, own_form
from gateway.login.eid_pages import awaiting, keep, ways, while_awaiting
from gateway.login.eid_records import (
    LINK,
    LINK_LIFE,
    OUTCOME,
    ClientStart,
    Outcome,
    PhoneLink,
)
from gateway.login.errors import JOURNEY_BAD_FORM, JOURNEY_ENDED
from gateway.login.journey import LoginJourney, StepNotAllowed
from gateway.login.session_limits import usable_until
from gateway.store import BearerSecret
from gateway.web.eid_pages import CodeProblem, EIDQRPage, Way

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so no words; no digits, so nothing that looks like a letter (RFC 8628 §6.1)."""
CODE_LENGTH = 8
_GROUP = 4


@while_awaiting
async def qr_page(desk: LoginDesk, request: Request) -> Response:
    """GET ``/login/{journey}/client/qr``: the QR code, and the field for the code."""
    secret, journey, start = await awaiting(desk, request)
    _check_offered(desk, start)
    if start.link is None:
        start = await _new_link(desk, secret, journey, start)
    return await _show(desk, request, journey, start)


@while_awaiting
async def qr_step(desk: LoginDesk, request: Request) -> Response:
    """POST ``/login/{journey}/client/qr`` with ``code``, or with ``new`` for another QR code."""
    own_form(request)
    fields = await form_fields(request)
    if len(fields) != 1 or fields[0][0] not in {"code", "new"}:
        raise JOURNEY_BAD_FORM()
    secret, journey, start = await awaiting(desk, request)
    _check_offered(desk, start)
    name, value = fields[0]
    if name == "new":
        await _new_link(desk, secret, journey, start)
        return RedirectResponse(desk.path(journey.number, "/client/qr"), status_code=303)
    return await _code(desk, request, secret, journey, start, value)


def _check_offered(desk: LoginDesk, start: ClientStart) -> None:
    if Way.QR not in desk.eid_clients[start.ticket.connector].ways:
        raise HTTP_NOT_FOUND()


async def _new_link(
    desk: LoginDesk, secret: BearerSecret, journey: LoginJourney, start: ClientStart
) -> ClientStart:
    """A link that one phone can open. The one before, and whatever came of it, counts no more."""
    link = BearerSecret.new(journey.number, desk.random)
    waiting = BearerSecret.new(journey.number, desk.random)
    until = min(desk.clock() + LINK_LIFE, start.ticket.exchange_until)
    renewed = replace(start, link=link.text, link_until=until, waiting=waiting.text)
    if start.link is not None:
        await desk.store.take(BearerSecret.parse(start.link), LINK)
    if start.waiting is not None:
        await desk.store.take(BearerSecret.parse(start.waiting), OUTCOME)
    record = PhoneLink(journey=journey, waiting=waiting.text, until=until).to_record()
    await desk.store.put(link, LINK, record, until=until)
    await keep(desk, secret, renewed)
    return renewed


async def _show(
    desk: LoginDesk,
    request: Request,
    journey: LoginJourney,
    start: ClientStart,
    *,
    problem: CodeProblem | None = None,
    tries: int = 0,
) -> Response:
    link = BearerSecret.parse(start.link) if start.link else None
    record = await desk.store.read(link, LINK) if link else None
    unopened = record is not None and desk.clock() < PhoneLink.from_record(record).until
    secret_part = link.text.partition(".")[2] if link else ""
    page = EIDQRPage(
        frame=replace(
            desk.frame(request, journey=journey, step=2), path=desk.path(journey.number, "/client/qr")
        ),
        action=desk.path(journey.number, "/client/qr"),
        url=f"{desk.issuer}/login/{journey.number}/phone/{secret_part}" if unopened else None,
        until=start.link_until,
        problem=problem,
        tries=tries,
        others=tuple(w for w in ways(desk, request, journey, start) if w.way is not Way.QR),
        change_href=desk.path(journey.number, "?choose=1"),
        cancel_action=desk.path(journey.number, "/cancel"),
    )
    return desk.render(page, status_code=200 if problem is None else 400)


async def _code(
    desk: LoginDesk,
    request: Request,
    secret: BearerSecret,
    journey: LoginJourney,
    start: ClientStart,
    typed: str,
) -> Response:
    waiting = BearerSecret.parse(start.waiting) if start.waiting else None
    # Taken, and put back after a wrong try: of several guesses at the same instant one counts.
    record = await desk.store.take(waiting, OUTCOME) if waiting else None
    outcome = Outcome.from_record(record) if record else None
    # The store ends records to the second; the code's end is exact.
    if waiting is None or outcome is None or desk.clock() >= outcome.until:
        await refused(desk, journey, "code.none")
        return await _show(desk, request, journey, start, problem=CodeProblem.NONE)
    if not compare_digest(normalised(typed).encode(), outcome.code.encode()):
        left = outcome.tries - 1
        await refused(desk, journey, "code.wrong" if left else "code.tries")
        if not left:
            return await _show(desk, request, journey, start, problem=CodeProblem.NONE)
        again = replace(outcome, tries=left)
        await desk.store.put(waiting, OUTCOME, again.to_record(), until=outcome.until)
        return await _show(desk, request, journey, start, problem=CodeProblem.WRONG, tries=left)
    identity, now = outcome.identity, desk.clock()
    if outcome.connector != journey.connector or identity.subject.kind is not journey.person:
        await refused(desk, journey, "code.other-choice")
        return await _show(desk, request, journey, start, problem=CodeProblem.NONE)
    try:
        identified = journey.identified(identity, usable_until=usable_until(identity, now=now))
    except StepNotAllowed as error:
        raise JOURNEY_ENDED(cause=error) from error
    await desk.audit.record(
        SecondDeviceCodeUsed(
            journey=journey.number, client=journey.request.client_id, connector=outcome.connector
        ),
        now=now,
    )
    return await go_on(desk, identified, secret)


async def refused(desk: LoginDesk, journey: LoginJourney, reason: str) -> None:
    """Note a refusal."""
    event = SecondDeviceRefused(journey=journey.number, client=journey.request.client_id, reason=reason)
    await desk.audit.record(event, now=desk.clock())


def new_code(random: TokenSource) -> str:
    """Eight characters, each as likely as any other: 34 bits, for three tries in three minutes."""
    even = 256 - 256 % len(ALPHABET)
    code = ""
    while len(code) < CODE_LENGTH:
        octet = random(1)[0]
        if octet < even:
            code += ALPHABET[octet % len(ALPHABET)]
    return code


def shown_code(code: str) -> str:
    """In two groups, as it is read aloud."""
    return f"{code[:_GROUP]}-{code[_GROUP:]}"


def normalised(typed: str) -> str:
    """What was meant: hyphens, blanks and small letters do not matter."""
    return "".join(character for character in typed.upper() if character.isalnum())[: 2 * CODE_LENGTH]
