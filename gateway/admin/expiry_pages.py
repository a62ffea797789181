"""The page of what ends, and the calendar that programs fetch it as."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.aside import Aside
from gateway.admin.calendar_feed import CONTENT_TYPE, feed
from gateway.admin.certificates import days_left
from gateway.admin.desk import AdminDesk, Visit
from gateway.admin.errors import CONSOLE_EXPIRED, CONSOLE_NOT_FOUND
from gateway.admin.feeds import Feeds, Owner, owner_now
from gateway.admin.looking import look, page
from gateway.admin.pages import AdminRoute, redirect, words_of
from gateway.admin.timeline import LANES, draw, of_lane
from gateway.audit.operations import CalendarAddressChanged
from gateway.expiry import Expiry, expiries
from gateway.web import countries
from gateway.web.local_text import localise
from gateway.web.translations import Translations
from trust.registry.diff import plain

_ADDRESSES = Aside(kind="console-address", life=timedelta(minutes=10))


async def expiry(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/expiry``: everything that ends, drawn and listed. ``lane`` leaves the list with one sort."""
    sight = await look(desk, visit)
    lane = request.query_params.get("lane")
    shown = lane if lane in LANES else None
    return page(
        desk,
        visit,
        "expiry.html",
        line=draw(sight.ends, visit.now),
        lane=shown,
        ends=[(one, days_left(one.when, visit.now)) for one in of_lane(sight.ends, shown)],
        made=await asyncio.to_thread(Feeds(desk.engine).made, _owner(visit)),
    )


async def renew(desk: AdminDesk, visit: Visit, _: Request) -> Response:
    """POST ``/expiry/address``: a new address for the visitor's calendar program; the old one is dead."""
    token = await asyncio.to_thread(Feeds(desk.engine).renew, _owner(visit), desk.random, visit.now)
    await desk.audit.record(CalendarAddressChanged(person=visit.person, removed=False), now=visit.now)
    octets = token.encode()
    number = await _ADDRESSES.keep(desk.store, visit.session, octets, random=desk.random, now=visit.now)
    return redirect(f"/expiry/address/{number}")


async def address(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/expiry/address/{number}``: the new address, for some minutes; a reload makes no other one."""
    token = await _ADDRESSES.read(desk.store, visit.session, request.path_params["number"])
    if token is None:
        raise CONSOLE_EXPIRED()
    url = f"{desk.section.url}/calendar/{token.decode()}.ics?lang={visit.language}"
    return page(desk, visit, "calendar_address.html", address=url)


async def remove(desk: AdminDesk, visit: Visit, _: Request) -> Response:
    """POST ``/expiry/address/remove``."""
    await asyncio.to_thread(Feeds(desk.engine).remove, visit.person)
    await desk.audit.record(CalendarAddressChanged(person=visit.person, removed=True), now=visit.now)
    return redirect("/expiry")


async def calendar(desk: AdminDesk, request: Request) -> Response:
    """GET ``/calendar/<token>.ics``: for a calendar program, as long as the enrolment lasts in which it was made."""
    owner = await asyncio.to_thread(Feeds(desk.engine).owner, request.path_params["token"])
    fold = await asyncio.to_thread(desk.fold)
    if owner is None or owner != owner_now(fold, owner.person):
        raise CONSOLE_NOT_FOUND()
    now, words = desk.clock(), words_of(desk, request)
    ends = await asyncio.to_thread(expiries, desk.live.current, fold, now)
    name = localise(desk.site.name, words.language).text
    octets = feed(
        ends,
        name=str(words.text("partners.calendar_name", site=plain(name)).unescape()),
        url=desk.section.url,
        now=now,
        title=lambda one: f"{name}: {sentence(words)(one)}",
        note=lambda one: f"{sentence(words)(one)}\n{one.detail}\n{desk.section.url}{one.link}",
    )
    return Response(octets, headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})


def _owner(visit: Visit) -> Owner:
    found = owner_now(visit.fold, visit.person)
    if found is None:  # whoever visits is enrolled
        raise CONSOLE_NOT_FOUND()
    return found


def sentence(words: Translations) -> Callable[[Expiry], str]:
    """What ends, in one line without markup."""

    def said(one: Expiry) -> str:
        what = words.text(f"partners.kind_{one.kind}").unescape()
        where = f" ({countries.name(one.country, words.language)})" if one.country else ""
        return f"{what}: {plain(one.subject)}{where}"

    return said


ROUTES = (
    AdminRoute("/expiry", expiry, navigation="partners.expiry"),
    AdminRoute("/expiry/address", renew, method="POST"),
    AdminRoute("/expiry/address/{number}", address),
    AdminRoute("/expiry/address/remove", remove, method="POST"),
    AdminRoute("/calendar/{token}.ics", calendar, public=True),
)
