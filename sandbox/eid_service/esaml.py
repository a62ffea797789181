"""eSAML: a German eID-Server in front of the foreign citizens of the sandbox (TR-03130-1 §5).

It plays both halves, the interface to the eService and the eIDAS connector behind it, so the citizen is
chosen here and no foreign node is asked.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HTTPRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.eid_service.esaml_faults import FAULTS
from sandbox.eid_service.esaml_mapping import latin, statements
from sandbox.eid_service.saml_answer import Plan, answer_plan, by_post, failure_plan
from sandbox.eid_service.saml_request import EIDAS, Asked, Unverifiable, take
from sandbox.eid_service.saml_world import EIDAS_CONNECTOR, SAMLWorld
from sandbox.nodes.countries import Citizen, Country, countries
from sandbox.nodes.names import LEVELS, LOA_PREFIX, level_uri
from sandbox.saml.exchanges import Exchanges
from sandbox.saml.pages import Pages, incoming
from sandbox.saml.plan import Failure

_DENIED = Failure(top="Requester", second="RequestDenied")
_LEVEL = Failure(top="Responder", second="NoAuthnContext")
_NOT_ACTING_ALONE = Failure(top="Responder", second="AuthnFailed")
_KINDS = {"NaturalPerson": "natural", "LegalPerson": "legal", "LegalPersonRepresentative": "legal"}


class ESAML:
    """The HTTP surface over a ``SAMLWorld``."""

    def __init__(self, world: SAMLWorld) -> None:
        self._world = world
        self._pages = Pages(Path(__file__).parent / "templates")
        self._exchanges: Exchanges[Asked] = Exchanges()

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/esaml", self.sso, methods=["POST"]),
            Route("/esaml/answer", self.answer, methods=["POST"]),
        ]

    async def sso(self, http: HTTPRequest) -> Response:
        message, _ = await incoming(http, self._world.esaml)
        registered = self._world.registered(EIDAS_CONNECTOR)
        try:
            asked = await run_in_threadpool(take, message, registered, self._world.decryption, EIDAS)
            states, kind, level = _states(asked), _kind(asked), _minimum(asked)
        except Unverifiable as error:
            return PlainTextResponse(f"400: {error}", 400)
        return self._pages.page(
            http,
            "esaml.html",
            asked=asked,
            level=level,
            states=[country.name for country in states],
            exchange=self._exchanges.open(asked),
            citizens=[
                _listed(c, p, alone=len(states) == 1) for c in states for p in c.citizens if p.kind == kind
            ],
            faults=FAULTS.values(),
        )

    async def answer(self, http: HTTPRequest) -> Response:
        form = await http.form()
        asked = self._exchanges.take(str(form.get("exchange", "")))
        if asked is None:
            return PlainTextResponse("This exchange is over. Start again at the service.", 410)
        origin, _, name = str(form.get("citizen", "")).rpartition(":")
        states = {country.path: country for country in _states(asked)}
        country = states.get(origin) if origin else next(iter(states.values()), None)
        citizen = country.citizen(name) if country else None
        fault = str(form.get("fault", ""))
        if fault and fault not in FAULTS:
            return PlainTextResponse("no such fault", 400)
        declined = form.get("decision") != "answer"
        address = http.client.host if http.client else "127.0.0.1"
        plan = self._plan(asked, country, None if declined else citizen, address)
        if fault:
            plan = FAULTS[fault].change(plan)
        octets = await run_in_threadpool(by_post, plan, self._world.signing)
        consumer = asked.registration.consumer
        return self._pages.answer(http, octets, consumer, asked.relay_state, twice=plan.sent_twice)

    def _plan(self, asked: Asked, country: Country | None, citizen: Citizen | None, address: str) -> Plan:
        world, now = self._world, datetime.now(UTC)

        def no(failure: Failure) -> Plan:
            return failure_plan(asked, world.issuer, world.signing, now, failure)

        if country is None or citizen is None or citizen.decides == "decline":
            return no(_DENIED)
        # only notified levels exist here (TR-03130-1 §3.3.12)
        if not country.notified or LEVELS.index(citizen.level) < LEVELS.index(_minimum(asked)):
            return no(_LEVEL)
        alone = (
            asked.wanted["IdentityFlavour"].text == "LegalPerson"
            if "IdentityFlavour" in asked.wanted
            else False
        )
        if alone and citizen.representative:
            return no(_NOT_ACTING_ALONE)
        told = statements(country, citizen, asked.wanted, level_uri(citizen.level), now)
        return answer_plan(asked, world.issuer, world.signing, now, told, address)


def _kind(asked: Asked) -> str:
    """Raises Unverifiable for a flavour that does not exist."""
    word = asked.wanted["IdentityFlavour"].text if "IdentityFlavour" in asked.wanted else "NaturalPerson"
    if word not in _KINDS:
        raise Unverifiable("IdentityFlavour")
    return _KINDS[word]


def _minimum(asked: Asked) -> str:
    """Absent means the highest; raises Unverifiable for what is no level of eIDAS."""
    extension = asked.wanted.get("EidasExtension")
    uri = (extension.part("LevelOfAssurance") if extension else None) or level_uri("high")
    word = uri.removeprefix(LOA_PREFIX)
    if not uri.startswith(LOA_PREFIX) or word not in LEVELS:
        raise Unverifiable("LevelOfAssurance")
    return word


def _states(asked: Asked) -> list[Country]:
    """The sending state, or all of them to choose from. Raises Unverifiable."""
    if "UseEidas" not in asked.wanted or asked.wanted["UseEidas"].text not in {"true", "1"}:
        raise Unverifiable("UseEidas is not true")
    extension = asked.wanted.get("EidasExtension")
    code = extension.part("SendingMemberState") if extension else None
    if code is None:
        return list(countries().values())
    found = [c for c in countries().values() if code in (c.code, c.node_code)]
    if not found:
        raise Unverifiable("SendingMemberState is not connected")
    return found


def _listed(country: Country, citizen: Citizen, *, alone: bool) -> dict[str, str]:
    """A citizen as the page shows one; the state is in the value unless there is but one."""
    names = [citizen.attributes.get(key) for key in ("FirstName", "FamilyName", "LegalName")]
    return {
        "id": citizen.id if alone else f"{country.path}:{citizen.id}",
        "level": citizen.level,
        "note": citizen.note,
        "title": " ".join(latin(name) for name in names if name),
    }
