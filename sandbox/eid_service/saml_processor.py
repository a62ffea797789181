"""The SAML processor: in front of the eID-Server for eServices that speak the SAML profile (TR-03130-1 §4).

The user agent is the eID-Client. It brings the request and gets a TC token for it; after the card it
asks the refresh address and is sent on to the eService with the response.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from lxml import etree
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HTTPRequest
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.eid_service.interface import CardServer
from sandbox.eid_service.names import EID_TYPES, MINOR, NO_RESULT_YET, SELECTORS, Refused
from sandbox.eid_service.reading import PSK, UseID
from sandbox.eid_service.saml_answer import (
    Part,
    Plan,
    Statement,
    answer_plan,
    by_redirect,
    document_validity,
    failure_plan,
    not_on_chip,
    verification,
)
from sandbox.eid_service.saml_request import NATIONAL, Asked, Unverifiable, Wanted, take
from sandbox.eid_service.saml_world import NATIONAL_CONNECTOR, SAMLWorld
from sandbox.eid_service.writing import Leaves, Outcome
from sandbox.saml.exchanges import Exchanges
from sandbox.saml.pages import NO_STORE, incoming
from sandbox.saml.plan import Failure

_INVALID_DOCUMENT = MINOR + "/getResult#invalidDocument"
_TYPES = {
    "DateOfExpiry": "xs:date",
    "DateOfBirth": "eid:GeneralDateType",
    "PlaceOfBirth": "eid:GeneralPlaceType",
    "PlaceOfResidence": "eid:GeneralPlaceType",
    "CommunityID": "eid:CommunityIDType",
    "RestrictedID": "eid:RestrictedIDType",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    asked: Asked
    psk: PSK


class SAMLProcessor:
    """The HTTP surface; ``change`` may make an honest answer wrong, for tests."""

    def __init__(
        self, world: SAMLWorld, cards: CardServer, paos: str, change: Callable[[Plan], Plan] = lambda p: p
    ) -> None:
        self._world = world
        self._cards = cards
        self._paos = paos
        self._change = change
        self._sessions: Exchanges[_Session] = Exchanges()

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/saml", self.token, methods=["GET"]),
            Route("/saml/return/{handle}", self.back, methods=["GET"]),
        ]

    async def token(self, http: HTTPRequest) -> Response:
        """The eID-Client comes from the eService's tcTokenURL."""
        message, _ = await incoming(http, self._world.processor)
        registered = self._world.registered(NATIONAL_CONNECTOR)
        try:
            asked = await run_in_threadpool(take, message, registered, self._world.decryption, NATIONAL)
            wanted = use_id(asked)
        except Unverifiable as error:
            return PlainTextResponse(f"400: {error}", 400)
        psk = PSK(id=secrets.token_hex(16), key=secrets.token_hex(32))
        try:
            await run_in_threadpool(self._cards.open, wanted, psk)
        except Refused as refused:
            return await run_in_threadpool(self._no, asked, refused.minor)
        handle = self._sessions.open(_Session(asked=asked, psk=psk))
        return Response(self._token(asked, psk, handle), media_type="text/xml", headers=NO_STORE)

    def _token(self, asked: Asked, psk: PSK, handle: str) -> bytes:
        root = etree.Element("TCTokenType")
        astray = asked.registration.consumer
        if asked.relay_state is not None:
            astray += "?" + urlencode({"RelayState": asked.relay_state})
        for name, text in (
            ("ServerAddress", self._paos),
            ("SessionIdentifier", psk.id),
            ("RefreshAddress", f"{self._world.processor}/return/{handle}"),
            ("CommunicationErrorAddress", astray),
            ("Binding", "urn:liberty:paos:2006-08"),
            ("PathSecurity-Protocol", "urn:ietf:rfc:4279"),
        ):
            etree.SubElement(root, name).text = text
        etree.SubElement(etree.SubElement(root, "PathSecurity-Parameters"), "PSK").text = psk.key
        return etree.tostring(root, xml_declaration=True, encoding="UTF-8")

    async def back(self, http: HTTPRequest) -> Response:
        """The eID-Client asks where to send the browser, once."""
        session = self._sessions.take(http.path_params["handle"])
        if session is None:
            return PlainTextResponse("400: no such session, or no longer", 400)
        address = http.client.host if http.client else "127.0.0.1"
        return await run_in_threadpool(self._back, session, address)

    def _back(self, session: _Session, address: str) -> Response:
        world, asked, now = self._world, session.asked, datetime.now(UTC)
        try:
            told = self._told(session, now)
        except Refused as refused:
            if refused.minor != _INVALID_DOCUMENT:
                return self._no(asked, refused.minor)
            told = [document_validity(now, "failed")]
        plan = answer_plan(asked, world.issuer, world.signing, now, told, address)
        return RedirectResponse(by_redirect(self._change(plan), world.signing), 303, headers=NO_STORE)

    def _told(self, session: _Session, now: datetime) -> list[Statement]:
        outcome = self._cards.result(session.psk.id)
        if outcome is None:
            raise Refused(NO_RESULT_YET)
        return list(statements(outcome, session.asked, now))

    def _no(self, asked: Asked, minor: str) -> Response:
        failure = Failure(top="Responder", second="AuthnFailed", message=minor)
        plan = failure_plan(asked, self._world.issuer, self._world.signing, datetime.now(UTC), failure)
        return RedirectResponse(by_redirect(self._change(plan), self._world.signing), 303, headers=NO_STORE)


def use_id(asked: Asked) -> UseID:
    """The request as the eID-Server takes it; raises Unverifiable."""
    selected = {name: one for name, one in asked.wanted.items() if name in SELECTORS}
    if not selected:
        raise Unverifiable("nothing is asked of the card")
    age, community, level = (
        asked.wanted.get(n) for n in ("AgeVerification", "PlaceVerification", "LevelOfAssurance")
    )
    age_text = None if age is None else age.part("Age")
    if age_text is not None and not age_text.isdecimal():
        raise Unverifiable("Age")
    information = asked.wanted.get("TransactionInfo")
    return UseID(
        required=frozenset(name for name, one in selected.items() if one.required),
        optional=frozenset(name for name, one in selected.items() if not one.required),
        age=None if age_text is None else int(age_text),
        community_id=None if community is None else community.part("CommunityID"),
        transaction_info=None if information is None else information.text,
        minimum=None if level is None else _level(level),
        eid_types=_eid_types(asked.wanted.get("EIDType")),
    )


def _level(wanted: Wanted) -> str:
    if wanted.text not in {
        f"http://bsi.bund.de/eID/LoA/{w}" for w in ("undefined", "normal", "substantiell", "hoch")
    }:
        raise Unverifiable("LevelOfAssurance is none of the national ones")
    return wanted.text


def _eid_types(wanted: Wanted | None) -> dict[str, bool]:
    if wanted is None or wanted.value is None:
        return {}
    words = {name: wanted.part(name) for name in EID_TYPES}
    found = {name: word for name, word in words.items() if word is not None}
    if len(found) != len(wanted.value) or not set(found.values()) <= {"ALLOWED", "DENIED"}:
        raise Unverifiable("EIDType")
    return {name: word == "ALLOWED" for name, word in found.items()}


def statements(outcome: Outcome, asked: Asked, now: datetime) -> Iterator[Statement]:
    """What the card gave; what the citizen kept back is simply not there."""
    for name in SELECTORS:
        state = outcome.operations.get(name) if name in asked.wanted else None
        if state == "NOTONCHIP":
            yield not_on_chip(name)
        elif state == "ALLOWED":
            yield _told(name, outcome, asked.wanted[name])
    yield document_validity(now)
    if "LevelOfAssurance" in asked.wanted:
        yield Statement(name="LevelOfAssurance", type="eid:LevelOfAssuranceType", text=outcome.level)
    if "EIDType" in asked.wanted and outcome.eid_type is not None:
        parts: tuple[Part, ...] = ((outcome.eid_type, "USED"),)
        yield Statement(name="EIDType", type="eid:EIDTypeResponseType", parts=parts)


def _told(name: str, outcome: Outcome, wanted: Wanted) -> Statement:
    if name == "AgeVerification":
        return verification(name, ("Age", wanted.part("Age") or ""), fulfilled=bool(outcome.fulfils_age))
    if name == "PlaceVerification":
        question: Part = ("CommunityID", wanted.part("CommunityID") or "")
        return verification(name, question, fulfilled=bool(outcome.fulfils_place))
    value = outcome.personal_data[name]
    kind = _TYPES.get(name, "xs:string")
    if isinstance(value, str):
        return Statement(name=name, type=kind, text=value)
    return Statement(name=name, type=kind, parts=_parts(value))


def _parts(leaves: Leaves) -> tuple[Part, ...]:
    return tuple((tag, text if isinstance(text, str) else _parts(text)) for tag, text in leaves.items())
