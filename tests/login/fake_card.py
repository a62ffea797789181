"""An online ID card for tests of the journey: TC token, eID-Server and card are words, nothing is encrypted.

``FakeCard.identify`` is what the eID-Client and the card do between TC token and refresh. What the refresh
says (``ResultMajor``) is never more than a hint here either (TR-03130-1, npa.md §3.3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape
from urllib.parse import parse_qsl

from connectors.assurance import Assurance, LevelOfAssurance
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
    RedirectDispatch,
    ReplayKey,
    Start,
    TCToken,
    TokenSource,
    Verified,
)
from connectors.errors import (
    AuthenticationFailed,
    Cancelled,
    ConnectorError,
    InvalidAnswer,
    RequestNotPossible,
)
from connectors.npa import NPASettings
from tests.login.fake_source import identity

CARD_PEER = "https://eid-service.example"
FAILURES: dict[str, ConnectorError] = {
    "cancellationByUser": Cancelled("npa.cancelled"),
    "clientError": AuthenticationFailed("npa.client-error"),
    "communicationError": AuthenticationFailed("npa.communication"),
    "trustedChannelEstablishmentFailed": AuthenticationFailed("npa.channel"),
}


class FakeCard:
    """Implements ``connectors.contract.EIDClientConnector``."""

    id = "npa"

    def __init__(self) -> None:
        self.begun: list[AuthenticationRequest] = []
        self.opened: list[Mapping[str, object]] = []
        self.finished: list[PendingExchange] = []
        self.identified: set[str] = set()
        self.messages: list[bytes] = []
        self.attached = True
        self.redirect: str | None = None
        """If set, the eID-Client is sent here instead of getting a TC token (TR-03130-1 §4)."""
        self.refuse: ConnectorError | None = None
        self.level = LevelOfAssurance.HIGH
        self.notified = True

    def identify(self, session: str) -> None:
        """PIN entered, card read, the eID-Server has a result."""
        self.identified.add(session)

    def options(self, request: AuthenticationRequest, *, now: datetime) -> Sequence[Option]:
        return (Option(connector=self.id, country=None, available=True, highest=LevelOfAssurance.HIGH),)

    def begin(
        self, request: AuthenticationRequest, *, relay_state: str, now: datetime, random: TokenSource
    ) -> Start:
        self.begun.append(request)
        pending = PendingExchange(
            connector=self.id,
            peer=CARD_PEER,
            message_id=f"_session-{len(self.begun)}",
            deadline=now + timedelta(minutes=10),
            state={"relay": relay_state},
        )
        return Start(dispatch=ClientDispatch(ticket={"wanted": sorted(request.required)}), pending=pending)

    def open_client(
        self,
        ticket: Mapping[str, object],
        *,
        relay_state: str,
        addresses: ClientAddresses,
        now: datetime,
        random: TokenSource,
    ) -> ClientOpened:
        if self.refuse is not None:
            raise self.refuse
        self.opened.append(ticket)
        session = f"s{len(self.opened)}"
        token = (
            f"<TCTokenType><ServerAddress>{addresses.paos}</ServerAddress>"
            f"<SessionIdentifier>{session}</SessionIdentifier>"
            f"<RefreshAddress>{addresses.refresh}</RefreshAddress></TCTokenType>"
        )
        reply = RedirectDispatch(url=self.redirect) if self.redirect else TCToken(octets=token.encode())
        return ClientOpened(reply=reply, session={"id": session})

    def paos(self, message: bytes, *, now: datetime) -> bytes:
        if not self.attached:
            raise RequestNotPossible("npa.not-attached")
        self.messages.append(message)
        return b"<answer/>"

    def relay_state(self, answer: Answer) -> str:
        states = [value for name, value in _pairs(answer) if name == "RelayState"]
        if len(states) != 1:
            raise InvalidAnswer("npa.relay-state")
        return states[0]

    def finish(self, pending: PendingExchange, answer: Answer, *, now: datetime) -> Verified:
        self.finished.append(pending)
        assert pending.session is not None
        assert pending.state["relay"] == self.relay_state(answer)
        words = dict(_pairs(answer))
        if words.get("ResultMajor") == "error":
            raise FAILURES[words["ResultMinor"]]
        session = str(pending.session["id"])
        if session not in self.identified:
            raise AuthenticationFailed("npa.no-result")
        made = identity(now, f"_card-{session}", connector=self.id, level=self.level)
        return Verified(
            identity=replace(
                made,
                source=replace(made.source, scheme="de_eid", country="DE", issuer=CARD_PEER),
                assurance=Assurance(level=self.level, notified=self.notified),
            ),
            replay_keys=(
                ReplayKey(key=f"{CARD_PEER} {pending.state['relay']}", until=now + timedelta(hours=1)),
            ),
        )

    def documents(self, *, now: datetime) -> Sequence[PublishedDocument]:
        return ()

    def refresh(self, *, now: datetime) -> Sequence[PeerStatus]:
        return self.peers(now=now)

    def peers(self, *, now: datetime) -> Sequence[PeerStatus]:
        return (PeerStatus(peer=CARD_PEER, country="DE", state="ok"),)


def card_settings(start_on: Sequence[str]) -> NPASettings:
    """An Online-Ausweis as an operator configures it."""
    return NPASettings.model_validate(
        {
            "kind": "npa",
            "id": "npa",
            "name": {"de": "Online-Ausweis", "en": "Online ID card"},
            "way": "attached",
            "rights": ["GivenNames", "FamilyNames", "RestrictedID"],
            "attached": {"pki": "pki"},
            "start_on": list(start_on),
        }
    )


def element(token: str, name: str) -> str:
    """The text of one element of a TC token."""
    found = re.search(f"<{name}>([^<]*)</{name}>", token)
    assert found, token
    return unescape(found[1])


def _pairs(answer: Answer) -> list[tuple[str, str]]:
    return parse_qsl(answer.query.decode(), keep_blank_values=True)
