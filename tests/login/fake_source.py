"""A source of identity for tests of the journey: answers are words, nothing is signed.

``field answer`` = ``genuine`` or the name of a way to fail; everything after ``begin`` is checked as a
real connector would: the pending exchange must be the one of this answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from connectors.assurance import Assurance, LevelOfAssurance
from connectors.contract import (
    Answer,
    AuthenticationRequest,
    FormDispatch,
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
from connectors.errors import Cancelled, InvalidAnswer, LevelTooLow, PeerUnavailable
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

PEER = "https://node.example/metadata"
FAMILY_NAME = "Ωνάσης-Πρόβα"
IDENTIFIER = "GR/DE/probe-4711"


class FakeSource:
    """Implements ``connectors.contract.Connector``."""

    id = "eidas"

    def __init__(self) -> None:
        self.begun: list[AuthenticationRequest] = []
        self.finished = 0
        self.options_given: dict[str, Option] = {
            code: Option(connector="eidas", country=code, available=True, highest=LevelOfAssurance.HIGH)
            for code in ("GR", "SE")
        }
        self.form = False
        self.identity_changes: dict[str, object] = {}

    def options(self, request: AuthenticationRequest, *, now: datetime) -> Sequence[Option]:
        return tuple(self.options_given.values())

    def begin(
        self, request: AuthenticationRequest, *, relay_state: str, now: datetime, random: TokenSource
    ) -> Start:
        if request.country == "PL":
            raise PeerUnavailable("metadata.expired")
        self.begun.append(request)
        target = "https://node.example/sso"
        dispatch: RedirectDispatch | FormDispatch = RedirectDispatch(
            url=f"{target}?RelayState={quote(relay_state)}"
        )
        if self.form:
            dispatch = FormDispatch(action=target, fields=(("SAMLRequest", "x"), ("RelayState", relay_state)))
        pending = PendingExchange(
            connector=self.id,
            peer=PEER,
            message_id=f"_request-{relay_state}",
            deadline=now + timedelta(minutes=10),
            state={"relay": relay_state},
        )
        return Start(dispatch=dispatch, pending=pending)

    def relay_state(self, answer: Answer) -> str:
        states = [value for name, value in answer.fields if name == "RelayState"]
        if len(states) != 1:
            raise InvalidAnswer("relay_state.count")
        return states[0]

    def finish(self, pending: PendingExchange, answer: Answer, *, now: datetime) -> Verified:
        self.finished += 1
        fields = dict(answer.fields)
        assert pending.state["relay"] == fields["RelayState"]
        match fields.get("answer"):
            case "cancelled":
                raise Cancelled("saml.request_denied")
            case "forged":
                raise InvalidAnswer("signature.value")
            case "low":
                raise LevelTooLow(
                    "eidas.level", achieved=LevelOfAssurance.LOW, required=LevelOfAssurance.HIGH
                )
        assertion = fields.get("assertion", f"_assertion-{fields['RelayState']}")
        return Verified(
            identity=identity(now, assertion, **self.identity_changes),
            replay_keys=(ReplayKey(key=f"{PEER} {assertion}", until=now + timedelta(minutes=10)),),
        )

    def documents(self, *, now: datetime) -> Sequence[PublishedDocument]:
        return (PublishedDocument(name="metadata", content=b"<m/>", content_type="text/xml", max_age=60),)

    def refresh(self, *, now: datetime) -> Sequence[PeerStatus]:
        return self.peers(now=now)

    def peers(self, *, now: datetime) -> Sequence[PeerStatus]:
        return (PeerStatus(peer=PEER, country="GR", state="ok"),)


def identity(
    now: datetime,
    assertion: str = "_assertion",
    *,
    level: LevelOfAssurance = LevelOfAssurance.HIGH,
    notified: bool = True,
    representative: NaturalPerson | None = None,
    connector: str = "eidas",
) -> Identity:
    def attested(text: str) -> Attested[Name]:
        return Attested(value=Name(latin=text), level=level)

    return Identity(
        source=Source(
            connector=connector,
            scheme="eidas",
            issuer=PEER,
            country="GR",
            authenticated_at=now.astimezone(UTC),
            statement_id=assertion,
        ),
        assurance=Assurance(level=level, notified=notified),
        subject=NaturalPerson(
            kind=PersonKind.NATURAL,
            identifier=Identifier(value=IDENTIFIER),
            family_name=attested(FAMILY_NAME),
            given_name=attested("Alexandros"),
            date_of_birth=Attested(value=PartialDate(year=1964, month=12, day=31), level=level),
            birth_name=attested("Alexandros Probe"),
        ),
        representative=representative,
    )
