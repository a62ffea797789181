"""One citizen's attempt, from the authorization request to the answer for the client.

::

        open ──begin──▶ exchange ──identify──▶ identified ──release──▶ released
         ▲                 │  ▲│                   │
         └──────fail───────┘  └┘ begin             │
         │                 │                       │
         └────end──────────┴──────────end──────────┴──▶ ended

The record is sealed under the secret in the journey cookie; ``released`` and ``ended`` are never
stored, because the record is taken out by the step that leads there. ``begin`` during an exchange
is the citizen's second choice: the newest exchange counts; ``fail`` without one is a choice that
cannot be gone. The deadline is fixed at the opening.

Beside the record lie two *marks* in the clear: ``mark`` = ``<deadline> <client_id>`` from the opening,
and ``over`` from the step that took the record out. They outlive it for an hour, so that a late or
repeated step gets an honest page with the way back to the service.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache

from pydantic import TypeAdapter

from connectors.contract import PendingExchange
from connectors.identity import Identity, PersonKind
from gateway.oidc.request import AuthorizationRequest

JOURNEY = "journey"
"""Purpose of the sealed record."""
MARK = "mark"
OVER = "over"
MARK_OUTLIVES = timedelta(hours=1)


class State(StrEnum):
    OPEN = "open"
    EXCHANGE = "exchange"
    IDENTIFIED = "identified"
    RELEASED = "released"
    ENDED = "ended"


class Step(StrEnum):
    BEGIN = "begin"
    FAIL = "fail"
    IDENTIFY = "identify"
    RELEASE = "release"
    END = "end"


TRANSITIONS: dict[tuple[State, Step], State] = {
    (State.OPEN, Step.BEGIN): State.EXCHANGE,
    (State.OPEN, Step.FAIL): State.OPEN,
    (State.EXCHANGE, Step.BEGIN): State.EXCHANGE,
    (State.EXCHANGE, Step.FAIL): State.OPEN,
    (State.EXCHANGE, Step.IDENTIFY): State.IDENTIFIED,
    (State.IDENTIFIED, Step.RELEASE): State.RELEASED,
    (State.OPEN, Step.END): State.ENDED,
    (State.EXCHANGE, Step.END): State.ENDED,
    (State.IDENTIFIED, Step.END): State.ENDED,
}
"""The one door: whatever is not here does not happen."""


class StepNotAllowed(Exception):
    """The journey is not in a state from which this step leads anywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why the last exchange gave no identity: what the error page shows and the client is told."""

    code: str
    """Entry of the error catalogue."""
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginJourney:
    """See the module docstring."""

    number: str
    """Public: in the address, on the page, in the audit log."""
    request: AuthorizationRequest
    deadline: datetime
    state: State = State.OPEN
    language: str | None = None
    """The citizen's own choice of language."""
    person: PersonKind | None = None
    connector: str | None = None
    country: str | None = None
    failure: Failure | None = None
    identity: Identity | None = None
    usable_until: datetime | None = None
    """Until when ``identity`` may wait for the citizen; None: until the deadline."""

    @property
    def until(self) -> datetime:
        """When the journey ends unless something happens."""
        return min(self.deadline, self.usable_until or self.deadline)

    def age(self, now: datetime, lifetime: int) -> int:
        """Seconds since the opening; ``lifetime``: of every journey."""
        return max(0, round(lifetime - (self.deadline - now).total_seconds()))

    @property
    def shown(self) -> str:
        """The number as citizens read it out: ``XXXXX-XXXXX``."""
        return shown(self.number)

    def begun(self, *, person: PersonKind, connector: str, country: str | None) -> LoginJourney:
        """An exchange has begun; raises StepNotAllowed."""
        state = self._after(Step.BEGIN)
        return replace(self, state=state, person=person, connector=connector, country=country, failure=None)

    @staticmethod
    def from_session(
        *, number: str, request: AuthorizationRequest, deadline: datetime, identity: Identity
    ) -> LoginJourney:
        """A journey that begins at the release: a session knows who it is (``login.session``)."""
        return LoginJourney(
            number=number,
            request=request,
            deadline=deadline,
            state=State.IDENTIFIED,
            person=identity.subject.kind,
            connector=identity.source.connector,
            country=identity.source.country,
            identity=identity,
        )

    def failed(self, failure: Failure) -> LoginJourney:
        """The exchange gave no identity, or the choice cannot be gone; another may. Raises StepNotAllowed."""
        return replace(self, state=self._after(Step.FAIL), failure=failure)

    def identified(self, identity: Identity, *, usable_until: datetime | None = None) -> LoginJourney:
        """The answer was verified; raises StepNotAllowed."""
        state = self._after(Step.IDENTIFY)
        return replace(self, state=state, identity=identity, usable_until=usable_until)

    def active(self, usable_until: datetime | None) -> LoginJourney:
        """The citizen did something: the identity may wait anew."""
        return replace(self, usable_until=usable_until)

    def released(self) -> LoginJourney:
        """The citizen lets the data go; raises StepNotAllowed."""
        return replace(self, state=self._after(Step.RELEASE))

    def ended(self) -> LoginJourney:
        """The journey ends without data for the client; raises StepNotAllowed."""
        return replace(self, state=self._after(Step.END))

    def in_language(self, language: str) -> LoginJourney:
        return replace(self, language=language)

    def _after(self, step: Step) -> State:
        try:
            return TRANSITIONS[self.state, step]
        except KeyError:
            raise StepNotAllowed(f"{step} in state {self.state}") from None

    def to_record(self) -> bytes:
        """UTF-8 JSON for the sealed store."""
        return _journeys().dump_json(self)

    @staticmethod
    def from_record(record: bytes) -> LoginJourney:
        """Inverse of ``to_record``; raises pydantic.ValidationError on anything else."""
        return _journeys().validate_json(record)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondDevice:
    """The exchange runs on a phone that scanned a QR code (``gateway.login.second_device``)."""

    waiting: str = field(repr=False)
    """Secret under which the first device finds the outcome, if it knows the code too."""
    visit: str = field(repr=False)
    """Secret in the phone's own cookie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What waits for a peer's answer, sealed under the secret of the flow cookie.

    It holds the journey as it was when the request left, so that the answer needs no second look,
    and the journey's secret, because the journey cookie does not come along with a cross-site POST.
    """

    journey: LoginJourney
    journey_secret: str | None = field(repr=False)
    """None on a second device, which never holds it."""
    pending: PendingExchange
    client_session: str | None = field(default=None, repr=False)
    """Secret of what the eID-Client's own request leaves behind (``gateway.login.eid_client``)."""
    second_device: SecondDevice | None = None

    def to_record(self) -> bytes:
        """UTF-8 JSON for the sealed store."""
        return _exchanges().dump_json(self)

    @staticmethod
    def from_record(record: bytes) -> Exchange:
        """Inverse of ``to_record``; raises pydantic.ValidationError on anything else."""
        return _exchanges().validate_json(record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What is known of a journey without its secret."""

    deadline: datetime
    client_id: str

    @property
    def until(self) -> datetime:
        return self.deadline + MARK_OUTLIVES

    def to_record(self) -> bytes:
        return f"{int(self.deadline.timestamp())} {self.client_id}".encode()

    @staticmethod
    def from_record(record: bytes) -> Mark:
        deadline, _, client_id = record.decode().partition(" ")
        return Mark(deadline=datetime.fromtimestamp(int(deadline), UTC), client_id=client_id)


def shown(number: str) -> str:
    """A journey number as citizens read it out."""
    return f"{number[:5]}-{number[5:]}"


@cache
def _journeys() -> TypeAdapter[LoginJourney]:
    return TypeAdapter(LoginJourney)


@cache
def _exchanges() -> TypeAdapter[Exchange]:
    return TypeAdapter(Exchange)
