"""A source of identity without network and without SAML: it says at once who somebody is.

Only for measuring the OpenID Provider alone. Everything around it is the product: journey, pages, release.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import parse_qs, quote

from connectors.assurance import Assurance, LevelOfAssurance
from connectors.contract import (
    Answer,
    AuthenticationRequest,
    Option,
    PeerStatus,
    PendingExchange,
    PublishedDocument,
    RedirectDispatch,
    ReplayKey,
    Start,
    TokenSource,
    Verified,
)
from connectors.errors import InvalidAnswer
from connectors.identity import (
    Attested,
    Identifier,
    Identity,
    Name,
    NaturalPerson,
    PartialDate,
    PersonKind,
    Source,
)

PEER = "urn:eid-gateway:bench"
_LEVEL = LevelOfAssurance.SUBSTANTIAL
"""The highest at which a login may be used again."""


class InstantSource:
    """Implements ``connectors.contract.Connector``; its answer is our own callback's address."""

    id = "eidas"

    def __init__(self, issuer: str) -> None:
        self._callback = f"{issuer}/connectors/{self.id}/acs"

    def options(self, request: AuthenticationRequest, *, now: datetime) -> Sequence[Option]:
        del request, now
        return (Option(connector=self.id, country="EE", available=True, highest=_LEVEL),)

    def begin(
        self, request: AuthenticationRequest, *, relay_state: str, now: datetime, random: TokenSource
    ) -> Start:
        del request
        return Start(
            dispatch=RedirectDispatch(url=f"{self._callback}?RelayState={quote(relay_state)}"),
            pending=PendingExchange(
                connector=self.id,
                peer=PEER,
                message_id=f"_{random(16).hex()}",
                deadline=now + timedelta(minutes=5),
            ),
        )

    def relay_state(self, answer: Answer) -> str:
        states = parse_qs(answer.query.decode("ascii")).get("RelayState", [])
        if len(states) != 1:
            raise InvalidAnswer("relay_state.count")
        return states[0]

    def finish(self, pending: PendingExchange, answer: Answer, *, now: datetime) -> Verified:
        del answer
        return Verified(
            identity=_identity(pending, now),
            replay_keys=(ReplayKey(key=f"{PEER} {pending.message_id}", until=now + timedelta(minutes=5)),),
        )

    def documents(self, *, now: datetime) -> Sequence[PublishedDocument]:
        del now
        return ()

    def refresh(self, *, now: datetime) -> Sequence[PeerStatus]:
        del now
        return ()

    def peers(self, *, now: datetime) -> Sequence[PeerStatus]:
        del now
        return ()


def _identity(pending: PendingExchange, now: datetime) -> Identity:
    def attested(text: str) -> Attested[Name]:
        return Attested(value=Name(latin=text), level=_LEVEL)

    return Identity(
        source=Source(
            connector=pending.connector,
            scheme="eidas",
            issuer=PEER,
            country="EE",
            authenticated_at=now,
            statement_id=f"{pending.message_id}-answer",
        ),
        assurance=Assurance(level=_LEVEL, notified=True),
        subject=NaturalPerson(
            kind=PersonKind.NATURAL,
            identifier=Identifier(value="EE/DE/PROBE-1"),
            family_name=attested("Probe"),
            given_name=attested("Paula"),
            date_of_birth=Attested(value=PartialDate(year=1990, month=5, day=17), level=_LEVEL),
        ),
    )
