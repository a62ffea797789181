"""An eID service that says what a test tells it to, and a connector in front of it."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from connectors.assurance import LevelOfAssurance
from connectors.contract import Answer, AuthenticationRequest, ClientAddresses, ClientOpened, Service, TCToken
from connectors.identity import PersonKind
from connectors.npa.eid_service import EIDResult, RestrictedID
from connectors.npa.flow import NPAConnector
from connectors.npa.operations import EIDType, Operation
from connectors.npa.settings import NPASettings
from connectors.npa.way import Way
from connectors.places import FreetextPlace, StructuredPlace

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
RELAY = "0123456789.abcdefghijklmnopqrstuv"
REFRESH = f"https://id.example/connectors/npa/acs?RelayState={RELAY}"
ADDRESSES = ClientAddresses(refresh=REFRESH, paos="https://id.example/connectors/npa/paos")
PSEUDONYM = bytes(range(32))
SERVICE = Service(
    client_id="amt24",
    names={"de": "Amt24", "en": "Saxony's services"},
    sector="public",
    requester_id="https://id.example/clients/amt24",
)
EVERYTHING = {
    "document_type": "ID",
    "issuing_state": "D",
    "date_of_expiry": date(2031, 10, 31),
    "given_names": "ERIKA",
    "family_names": "MUSTERMANN",
    "artistic_name": "",
    "academic_title": "DR.",
    "date_of_birth": "19640812",
    "place_of_birth": FreetextPlace(text="BERLIN"),
    "nationality": "D",
    "birth_name": "GABLER",
    "place_of_residence": StructuredPlace(
        street="HEIDESTRAẞE 17", city="KÖLN", zip_code="51147", country="D"
    ),
    "community_id": "02760503150000",
    "residence_permit_i": "",
    "restricted_id": RestrictedID(first=PSEUDONYM),
    "age_fulfilled": True,
    "place_fulfilled": True,
}
"""A card with something in every place, whatever was asked for."""


def result(**changes):
    values = EVERYTHING | {
        "level": LevelOfAssurance.HIGH,
        "eid_type": EIDType.CARD_CERTIFIED,
        "authenticated_at": NOW,
        "statement_id": "session-digest",
        "issuer": "https://eid-service.example",
        "replay_keys": (("npa:session-digest", NOW + timedelta(minutes=15)),),
    }
    return EIDResult(**(values | changes))


def settings(**changes):
    values = {
        "kind": "npa",
        "id": "npa",
        "way": "attached",
        "rights": [operation.value for operation in Operation],
        "attached": {"pki": "pki"},
    }
    return NPASettings.model_validate(values | changes)


def wanted(**changes):
    values = {
        "service": SERVICE,
        "minimum": LevelOfAssurance.SUBSTANTIAL,
        "persons": frozenset({PersonKind.NATURAL}),
    }
    return AuthenticationRequest(**(values | changes))


def refreshed(more=""):
    return Answer(method="GET", query=f"RelayState={RELAY}{more}".encode())


@dataclass(slots=True)
class SaidService:
    """Answers ``outcome``: a result, or an error to raise; remembers what it was asked."""

    outcome: object
    asked: list = field(default_factory=list)

    def open(self, request, *, relay_state, addresses, now, random):
        del relay_state, addresses, now, random
        self.asked.append(request)
        return ClientOpened(reply=TCToken(octets=b"<TCTokenType/>"), session={"id": "abc"})

    def result(self, request, session, answer, *, now):
        del answer, now
        assert session == {"id": "abc"}
        self.asked.append(request)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def connector(outcome=None, *, way=None, **changes):
    service = SaidService(result() if outcome is None else outcome)
    way = Way(service=service, peer="https://eid-service.example", **(way or {}))
    return NPAConnector(settings=settings(**changes), way=way)


def random(count):
    return b"\x07" * count
