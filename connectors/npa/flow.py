"""Identify a citizen by Online-Ausweis: what the browser, the eID-Client and the eID service each do here.

``begin`` decides what is asked and hands out a ticket; the eID-Client redeems it with ``open_client``;
the browser comes back with nothing but hints, and ``finish`` takes the result from the eID service
(npa.md §3.5: success is never read from a query parameter).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.assurance import LevelOfAssurance
from connectors.contract import (
    Answer,
    AuthenticationRequest,
    ClientAddresses,
    ClientDispatch,
    ClientOpened,
    Option,
    PeerStatus,
    PendingExchange,
    PublishedDocument,
    ReplayKey,
    Start,
    TokenSource,
    Verified,
)
from connectors.errors import ConnectorError, InvalidAnswer, PeerUnavailable, RequestNotPossible
from connectors.npa import asked, failures, mapping
from connectors.npa.eid_service import EIDRequest, EIDResult
from connectors.npa.settings import NPASettings
from connectors.npa.way import Way
from connectors.peer_facts import PeerFacts
from trust.metadata_source import SourceStatus

_REASONS = {
    "npa.person": "person",
    "npa.attribute-not-offered": "attributes",
    "npa.rights": "attributes",
}
"""Why a card cannot serve a request, in the words of ``Option.reason``; else ``service``."""
_LESS_TELLING = frozenset({failures.NO_RESULT, failures.SESSION_LOST})
"""Reasons of the service that say less than what the eID-Client reports."""


@dataclass(frozen=True, slots=True)
class NPAConnector:
    """Implements ``connectors.contract.EIDClientConnector`` and ``connectors.peer_facts.TellsPeers``."""

    settings: NPASettings
    way: Way
    test: bool = False
    """The attached eID-Server: its cards are test cards."""

    @property
    def id(self) -> str:
        return self.settings.id

    def options(self, request: AuthenticationRequest, *, now: datetime) -> Sequence[Option]:
        down = next((row for row in self.peers(now=now) if row.state == "down"), None)
        reason = "down" if down is not None else self._why_not(request)
        return [
            Option(
                connector=self.id,
                country=None,
                available=reason is None,
                reason=reason,
                down_since=down.since if down is not None else None,
                highest=LevelOfAssurance.HIGH,
                test=self.test,
            )
        ]

    def _why_not(self, request: AuthenticationRequest) -> str | None:
        try:
            asked.eid_request(request, self.settings)
        except RequestNotPossible as error:
            return _REASONS.get(error.reason, "service")
        return None

    def begin(
        self, request: AuthenticationRequest, *, relay_state: str, now: datetime, random: TokenSource
    ) -> Start:
        del relay_state  # it comes with ``open_client``
        if any(row.state == "down" for row in self.peers(now=now)):
            raise PeerUnavailable("npa.service.down")
        record = asked.to_record(asked.eid_request(request, self.settings))
        return Start(
            dispatch=ClientDispatch(ticket={"request": record}),
            pending=PendingExchange(
                connector=self.id,
                peer=self.way.peer,
                message_id=f"npa-{random(16).hex()}",
                deadline=now + timedelta(seconds=self.settings.exchange_seconds),
                state={"request": record},
            ),
        )

    def open_client(
        self,
        ticket: Mapping[str, object],
        *,
        relay_state: str,
        addresses: ClientAddresses,
        now: datetime,
        random: TokenSource,
    ) -> ClientOpened:
        request = asked.from_record(ticket.get("request"))
        return self.way.service.open(
            request, relay_state=relay_state, addresses=addresses, now=now, random=random
        )

    def paos(self, message: bytes, *, now: datetime) -> bytes:
        if self.way.paos is None:
            raise RequestNotPossible("npa.not-attached")
        return self.way.paos(message, now)

    def relay_state(self, answer: Answer) -> str:
        return failures.relay_state(answer.query)

    def finish(self, pending: PendingExchange, answer: Answer, *, now: datetime) -> Verified:
        if answer.method != "GET":
            raise InvalidAnswer("npa.method")
        if pending.connector != self.id:
            raise InvalidAnswer("npa.connector")
        if now > pending.deadline:
            raise InvalidAnswer("npa.deadline")
        request = asked.from_record(pending.state.get("request"))
        result = self._result(request, pending, answer, now)
        identity = mapping.identity(request, result, self.settings)
        keys = tuple(ReplayKey(key=key, until=until) for key, until in result.replay_keys)
        return Verified(identity=identity, replay_keys=keys)

    def _result(
        self, request: EIDRequest, pending: PendingExchange, answer: Answer, now: datetime
    ) -> EIDResult:
        """The service's result; asked for whatever the client says, because that ends the session there."""
        reported = failures.of_query(answer.query)
        if pending.session is None:  # no eID-Client has come: too old a link, or none installed
            raise reported or failures.of_minor(f"{failures.SERVER_MINOR}/getResult#invalidSession")
        try:
            result = self.way.service.result(request, pending.session, answer, now=now)
        except ConnectorError as error:
            if reported is not None and error.reason in _LESS_TELLING:
                raise reported from error
            raise
        if reported is not None:
            raise reported
        return result

    def documents(self, *, now: datetime) -> Sequence[PublishedDocument]:
        return self.way.documents(now) if self.way.documents is not None else ()

    def refresh(self, *, now: datetime) -> Sequence[PeerStatus]:
        if self.way.refresh is not None:
            self.way.refresh(now)
        return self.peers(now=now)

    def peers(self, *, now: datetime) -> Sequence[PeerStatus]:
        if self.way.peers is not None:
            return self.way.peers(now)
        return [PeerStatus(peer=self.way.peer, country="DE", state="ok")]

    def sources(self, *, now: datetime) -> Sequence[SourceStatus]:
        del now  # keys exchanged by hand: no metadata
        return ()

    def peer_facts(self) -> Sequence[PeerFacts]:
        return self.way.facts
