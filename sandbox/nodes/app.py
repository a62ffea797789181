"""The node server: one Starlette application, one path per country.

``/<cc>/metadata``, ``/<cc>/sso`` (Redirect and POST), ``/<cc>/answer``; ``/national/…`` is the
national connector, which takes the country from the form parameter ``country``.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HTTPRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from sandbox.accounts.accounts import accounts
from sandbox.nodes.countries import Citizen, Country, countries, national
from sandbox.nodes.directory import LIST_PATH, QUERY_PATH
from sandbox.nodes.faults import FAULTS
from sandbox.nodes.plan import Plan, answer_plan, failure_plan
from sandbox.nodes.request import Refused, Request, take
from sandbox.nodes.response import build, refusal_response
from sandbox.nodes.rules import accept
from sandbox.nodes.world import Exchange, World
from sandbox.saml.pages import Pages, incoming
from sandbox.saml.plan import Failure
from sandbox.saml.request import Incoming

_HERE = Path(__file__).parent


class Nodes:
    """The HTTP surface over a ``World``."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pages = Pages(_HERE / "templates")

    def routes(self) -> list[Route | Mount]:
        return [
            Route("/", self.index),
            Route("/health", self.health),
            Mount("/static", StaticFiles(directory=_HERE.parent / "static")),
            Route(LIST_PATH, self.service_list),
            Route(QUERY_PATH + "/entities/{entity:path}", self.queried),
            Route("/{node}/metadata", self.metadata),
            Route("/{node}/sso", self.sso, methods=["GET", "POST"]),
            Route("/{node}/answer", self.answer, methods=["POST"]),
        ]

    async def index(self, http: HTTPRequest) -> Response:
        nodes = (*countries().values(), national())
        return self._pages.page(
            http,
            "index.html",
            nodes=nodes,
            accounts=accounts().values(),
            services=self._world.addresses.services,
        )

    async def health(self, http: HTTPRequest) -> Response:
        return JSONResponse({"status": "ok", "nodes": sorted(countries())})

    async def metadata(self, http: HTTPRequest) -> Response:
        node = self._world.node(http.path_params["node"])
        if node is None:
            return PlainTextResponse("no such node", 404)
        document = await run_in_threadpool(self._world.metadata, node)
        return Response(document, media_type="application/samlmetadata+xml")

    async def service_list(self, http: HTTPRequest) -> Response:
        return _edition(http, await run_in_threadpool(self._world.service_list), "application/xml")

    async def queried(self, http: HTTPRequest) -> Response:
        document = await run_in_threadpool(self._world.queried, http.path_params["entity"])
        if document is None:
            return PlainTextResponse("no such entity", 404)
        return _edition(http, document, "application/samlmetadata+xml")

    async def sso(self, http: HTTPRequest) -> Response:
        node = self._world.node(http.path_params["node"])
        if node is None:
            return PlainTextResponse("no such node", 404)
        message, fields = await incoming(http, f"{self._world.base(node)}/sso")
        try:
            request = await run_in_threadpool(self._accepted, node, message)
            origin = _origin(node, fields.get("country"))
        except Refused as refusal:
            return await run_in_threadpool(self._refused, http, node, refusal)
        return self._pages.page(
            http,
            "choose.html",
            speaker=node,
            origin=origin,
            asked=request,
            exchange=self._world.exchanges.open(Exchange(speaker=node, origin=origin, request=request)),
            citizens=[_listed(c) for c in _fitting(origin, request)],
            faults=[f for f in FAULTS.values() if not (f.rsa_only and node.elliptic)],
        )

    def _accepted(self, node: Country, message: Incoming) -> Request:
        element, requester = take(message, self._world.requesters)
        return accept(element, requester, message, node, is_national=node.path == "national")

    def _refused(self, http: HTTPRequest, node: Country, refusal: Refused) -> Response:
        """A page that names the rule, with the SAML error for the requester if it is known."""
        message, consumer = "", None
        if refusal.requester is not None:
            consumer = refusal.requester.consumers[0]
            issuer = f"{self._world.base(node)}/metadata"
            octets = refusal_response(node, self._world.signing[node.path], issuer, refusal, consumer)
            message = base64.b64encode(octets).decode()
        return self._pages.page(
            http,
            "answer.html",
            400,
            refusal=refusal,
            message=message,
            consumer=consumer,
            relay_state=refusal.relay_state,
            twice=False,
        )

    async def answer(self, http: HTTPRequest) -> Response:
        form = await http.form()
        exchange = self._world.exchanges.take(str(form.get("exchange", "")))
        if exchange is None or exchange.speaker.path != http.path_params["node"]:
            return PlainTextResponse("This exchange is over. Start again at the service.", 410)
        citizen = exchange.origin.citizen(str(form.get("citizen", "")))
        declined = form.get("decision") != "answer" or citizen is None
        try:
            plan = self._plan(exchange, None if declined else citizen, str(form.get("fault", "")))
        except KeyError:
            return PlainTextResponse("no such fault", 400)
        pair = self._world.signing[exchange.speaker.path]
        octets = await run_in_threadpool(build, plan, pair)
        asked = exchange.request
        return self._pages.answer(http, octets, asked.consumer, asked.relay_state, twice=plan.sent_twice)

    def _plan(self, exchange: Exchange, citizen: Citizen | None, fault: str) -> Plan:
        issuer = f"{self._world.base(exchange.speaker)}/metadata"
        now = datetime.now(UTC)
        if citizen is None or citizen.decides == "decline":
            denied = Failure(top="Requester", second="RequestDenied", message="202012 - consent not given")
            return failure_plan(exchange.speaker, issuer, exchange.request, now, denied)
        plan = answer_plan(exchange.speaker, exchange.origin, issuer, exchange.request, citizen, now)
        return FAULTS[fault].change(plan) if fault else plan


def _edition(http: HTTPRequest, document: bytes, media_type: str) -> Response:
    """The document, or 304 for whoever has it (RFC 9110 §13.1.2)."""
    tag = f'"{hashlib.sha256(document).hexdigest()[:32]}"'
    headers = {"ETag": tag}
    if http.headers.get("If-None-Match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(document, media_type=media_type, headers=headers)


def _origin(node: Country, wanted: str | None) -> Country:
    """Whose citizens are asked; raises Refused when a national connector cannot tell."""
    if node.path != "national":
        return node
    for country in countries().values():
        if wanted in (country.node_code, country.code):
            return country
    raise Refused("000005", "form parameter country is missing or names no supported country")


def _fitting(origin: Country, request: Request) -> list[Citizen]:
    """Citizens of the kind asked for; companies first where both kinds are."""
    found = [c for c in origin.citizens if c.kind in request.persons]
    return sorted(found, key=lambda c: c.kind) if len(request.persons) == 2 else found


def _listed(citizen: Citizen) -> dict[str, str]:
    """A citizen as the page shows one."""
    names = [citizen.attributes.get(key) for key in ("FirstName", "FamilyName", "LegalName")]
    shown = [n if isinstance(n, str) else n.get("latin", n["original"]) for n in names if n]
    return {"id": citizen.id, "level": citizen.level, "note": citizen.note, "title": " ".join(shown)}


def build_app(world: World, others: Sequence[Route] = ()) -> Starlette:
    """The application for one world; ``others`` are routes on the same server that come first."""
    return Starlette(routes=[*others, *Nodes(world).routes()])
