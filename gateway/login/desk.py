"""Everything the steps of a login work with, put together once by ``gateway.app``, and what they share:
finding the journey of a request, the frame of a page, calling a connector in a thread."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response

from connectors.contract import Connector, EIDClientConnector, Service, TokenSource
from connectors.errors import OwnKeyUnavailable
from gateway import presentation
from gateway.audit import Audit
from gateway.client_settings import Client
from gateway.http_errors import HTTP_NOT_FOUND
from gateway.login.cookies import Cookies
from gateway.login.errors import (
    JOURNEY_BAD_FORM,
    JOURNEY_ENDED,
    JOURNEY_EXPIRED,
    JOURNEY_OTHER_BROWSER,
    JourneyGone,
)
from gateway.login.journey import JOURNEY, MARK, MARK_OUTLIVES, OVER, LoginJourney, Mark, shown
from gateway.login.way_back import WAY_BACK
from gateway.oidc.authorization_code import CodeIssuer
from gateway.oidc.request import ReturnAddress
from gateway.oidc.respond import Responder
from gateway.settings import LimitsSection
from gateway.store import BearerSecret, Store
from gateway.store.sealing import JOURNEY_NUMBER
from gateway.web.eid_pages import Way
from gateway.web.frame import Frame, ServiceView
from gateway.web.language import preferences
from gateway.web.pages import Page
from gateway.withdrawn import NOTHING, Withdrawn
from trust.errors import KeyUnavailable

T = TypeVar("T")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 100
_KEPT = ("person", "choose")
"""Parameters of the select page that a change of language must not lose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EIDMeans:
    """A connector whose citizens use an eID-Client, and on which devices they may start it."""

    connector: EIDClientConnector
    ways: tuple[Way, ...] = tuple(Way)


class Render(Protocol):
    """Makes a response of a page; ``gateway.web.render``."""

    def __call__(self, page: Page, *, status_code: int = 200) -> Response: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginDesk:
    """See the module docstring."""

    issuer: str
    clients: Mapping[str, Client]
    connectors: Mapping[str, Connector]
    """By identifier, in configuration order."""
    means_names: Mapping[str, Mapping[str, str]]
    """Display names of the connectors, by language."""
    accounts: frozenset[str] = frozenset()
    """Connectors that are user accounts."""
    eid_clients: Mapping[str, EIDMeans] = field(default_factory=dict)
    """Connectors whose citizens use an eID-Client."""
    withdrawn: Withdrawn = NOTHING
    store: Store
    audit: Audit
    render: Render
    codes: CodeIssuer
    respond: Responder
    cookies: Cookies
    limits: LimitsSection
    clock: Callable[[], datetime]
    random: TokenSource
    languages: tuple[str, ...] = ("de", "en")
    """In which the installation speaks."""
    base: str = ""
    """Path of the issuer, without trailing slash."""
    executor: Executor
    """Threads for cryptography and XML; both give up the interpreter lock."""
    waiting_executor: Executor
    """Threads that wait for an eID service, so that the others never do."""

    async def in_thread(self, work: Callable[[], T], *, waits: bool = False) -> T:
        """Run ``work`` in a thread; ``waits``: it may ask somebody over the network.

        Raises OwnKeyUnavailable when it cannot sign or decrypt, and what else ``work`` raises.
        """
        executor = self.waiting_executor if waits else self.executor
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, work)
        except KeyUnavailable as error:
            raise OwnKeyUnavailable(error.reason, error.detail) from error

    def service(self, client: Client, journey: str | None = None) -> Service:
        """The client as peers are told about it; ``journey``: for the address of our way back."""
        back = f"{self.issuer}/login/{journey}/back" if journey else None
        return presentation.service(client, self.issuer, back=back)

    def frame(
        self,
        request: Request,
        *,
        journey: LoginJourney | None = None,
        client: Client | None = None,
        number: str | None = None,
        step: int | None = None,
    ) -> Frame:
        """The frame of a page; ``client`` and ``number`` where no journey is left."""
        if journey is not None:
            client, number = self.clients[journey.request.client_id], journey.number
        return Frame(
            languages=preferences(
                chosen=chosen_language(request) or (journey.language if journey else None),
                ui_locales=journey.request.ui_locales if journey else (),
                accept_language=request.headers.get("accept-language"),
            ),
            path=own_address(request),
            journey=shown(number) if number else None,
            service=service_view(client) if client else None,
            step=step,
            now=self.clock(),
            deadline=journey.until if journey else None,
        )

    async def read(self, request: Request) -> tuple[BearerSecret, LoginJourney]:
        """The journey of the path, if this browser holds it; else raises GatewayError.

        The language that was clicked (``?lang=``) is kept for the rest of the journey.
        """
        number = journey_number(request)
        secret = self.cookies.journey(request, number)
        record = await self.store.read(secret, JOURNEY) if secret else None
        if secret is None or record is None:
            raise await self.gone(number, secret)
        journey = LoginJourney.from_record(record)
        await self.check_deadline(journey, secret)
        language = chosen_language(request)
        if language and language != journey.language:
            journey = journey.in_language(language)
            await (
                self.store.batch(number)
                .replace(secret, JOURNEY, journey.to_record(), until=journey.deadline)
                .run()
            )
        return secret, journey

    async def take(self, request: Request) -> LoginJourney:
        """The journey of the path, removed: this step ends it. Else raises GatewayError.

        Of two that ask at the same instant one gets it, and the other learns that it is over.
        """
        number = journey_number(request)
        secret = self.cookies.journey(request, number)
        if secret is None:
            raise await self.gone(number)
        until = self.clock() + timedelta(seconds=self.limits.journey_seconds) + MARK_OUTLIVES
        record, way_back, _ = await (
            self.store.batch(number)
            .take(secret, JOURNEY)
            .take(secret, WAY_BACK)
            .mark_if_taken(OVER, b"1", until=until)
            .run()
        )
        journey = LoginJourney.from_record(record) if record else None
        if way_back is not None and (journey is None or self.clock() >= journey.until):
            # Too late for this step, not for telling the service.
            await self.store.put(secret, WAY_BACK, way_back, until=until)
        if journey is None:
            raise await self.gone(number, secret)
        await self.check_deadline(journey, secret)
        return journey

    async def check_deadline(self, journey: LoginJourney, secret: BearerSecret | None = None) -> None:
        """Exact, where the store ends records to the second. A service removed meanwhile ends it, too.
        Raises GatewayError."""
        if self.clock() >= journey.until or not self.vouches(journey.request.return_address):
            raise await self.gone(journey.number, secret, expired=True)

    def vouches(self, address: ReturnAddress) -> bool:
        """Whether the registry still says that answers go there: of this service, to this redirect URI."""
        client = self.clients.get(address.client_id)
        return client is not None and address.redirect_uri in client.redirect_uris

    async def gone(
        self, number: str, secret: BearerSecret | None = None, *, expired: bool = False
    ) -> JourneyGone:
        """Why there is no journey for this browser, to be raised; ``secret`` is what it holds.

        A way back without a journey is left by a deadline only: every other end takes both.
        """
        reading = self.store.batch(number).read_mark(MARK).read_mark(OVER)
        if secret is not None:
            reading = reading.read(secret, WAY_BACK)
        record, over, *rest = await reading.run()
        way_back = bool(rest and rest[0])
        mark = Mark.from_record(record) if record else None
        client = self.clients.get(mark.client_id) if mark else None
        if over and not expired and not way_back:
            # Also after the deadline: what was released must not be said to be not transmitted.
            return JourneyGone(JOURNEY_ENDED, number, client)
        if mark is None or expired or way_back or self.clock() >= mark.deadline:
            return JourneyGone(JOURNEY_EXPIRED, number, client, way_back=way_back)
        return JourneyGone(JOURNEY_OTHER_BROWSER, number, client)

    def path(self, number: str, step: str = "") -> str:
        """The path of a page of the journey, below the issuer's own path."""
        return f"{self.base}/login/{number}{step}"


def journey_number(request: Request) -> str:
    """The journey number of the path; raises GatewayError ``http.not_found``."""
    number: str = request.path_params["journey"]
    if not JOURNEY_NUMBER.fullmatch(number):
        raise HTTP_NOT_FOUND()
    return number


def chosen_language(request: Request) -> str | None:
    """The language link that was clicked, if it is a language tag at all."""
    language = request.query_params.get("lang", "")
    return language if _LANGUAGE.fullmatch(language) else None


def own_address(request: Request) -> str | None:
    """Path and query of a page that can be asked for again, for its language links; else None.

    An authorization request and a peer's answer are messages: they are not sent a second time.
    """
    path = request.url.path
    if request.method != "GET" or path.endswith("/authorize") or "/connectors/" in path:
        return None
    kept = [(name, request.query_params[name]) for name in _KEPT if name in request.query_params]
    return f"{path}?{urlencode(kept)}" if kept else path


def service_view(client: Client) -> ServiceView:
    """What the pages say about the service."""
    return ServiceView(
        name=client.name,
        operator=client.operator,
        purpose=client.purpose,
        home_url=client.home_url,
        privacy_url=client.privacy_url,
    )


def own_form(request: Request) -> None:
    """Refuse a form that another site sent; raises GatewayError.

    The journey cookie does not travel with cross-site POSTs; this is the second fence, also against
    neighbours on the same site, for browsers that say where a request comes from (Fetch Metadata, Origin).
    Our own pages send ``Origin: null``, because they have a referrer policy of ``no-referrer``.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise JOURNEY_OTHER_BROWSER()
    origin = request.headers.get("origin", "null")
    # ``Host`` is the issuer's by now.
    if origin != "null" and origin.partition("://")[2] != request.headers["host"]:
        raise JOURNEY_OTHER_BROWSER()


async def form_fields(request: Request) -> tuple[tuple[str, str], ...]:
    """The fields of a form in their order, duplicates included; raises GatewayError.

    The body is no larger than the route's limit, which ``gateway.http`` has enforced by then.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if not body:
        return ()
    if content_type != _FORM:
        raise JOURNEY_BAD_FORM()
    try:
        return tuple(
            parse_qsl(
                body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
            )
        )
    except ValueError as error:
        raise JOURNEY_BAD_FORM(cause=error) from error
