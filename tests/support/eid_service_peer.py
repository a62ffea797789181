"""The SOAP way wired to the sandbox's eID service over real mutual TLS, without a card behind it.

``Cards`` plays what the eID-Server would find out::

    peer = EIDServicePeer(tmp_path)
    peer.cards.outcome = erika()
    opened = peer.service.open(asked, ...)
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from connectors.contract import Answer, ClientAddresses
from connectors.npa.eid_service import EIDRequest
from connectors.npa.operations import Operation
from connectors.npa.soap.assembly import assemble
from connectors.npa.soap.service import SOAPService
from connectors.npa.soap.settings import SignerPin, SOAPSection
from connectors.npa.way import ServiceKeys, Surroundings, Way
from connectors.saml.keys import OwnKey
from sandbox.authority import KeyPair, KeyStore
from sandbox.eid_service import envelope
from sandbox.eid_service.interface import EIDInterface
from sandbox.eid_service.listeners import soap_listener
from sandbox.eid_service.names import SELECTORS, Refused
from sandbox.eid_service.reading import PSK, UseID
from sandbox.eid_service.writing import Outcome
from trust.fetch import FetchPolicy
from trust.keys import InMemoryKey

PAOS = "https://eid.example:8431/paos"
ADDRESSES = ClientAddresses(
    refresh="https://gateway.example/connectors/npa/acs?RelayState=r", paos="https://gateway.example/paos"
)
REFRESH = Answer(method="GET", query=b"RelayState=r&ResultMajor=ok")
POLICY = FetchPolicy(allow_private_addresses=True)


@dataclass
class Cards:
    """Stands for the eID-Server: ``outcome`` is what it will say, None for "not yet"."""

    outcome: Outcome | Refused | None = None
    allowed: frozenset[str] = frozenset(SELECTORS)
    opened: list[tuple[UseID, PSK]] = field(default_factory=list)
    asked: int = 0

    def rights(self) -> frozenset[str]:
        return self.allowed

    def open(self, asked: UseID, psk: PSK) -> None:
        self.opened.append((asked, psk))

    def result(self, identity: str) -> Outcome | None:
        self.asked += 1
        if isinstance(self.outcome, Refused):
            raise self.outcome
        return self.outcome


class EIDServicePeer:
    """One eID service on a free port and our SOAP way to it; ``close`` ends it."""

    def __init__(self, directory: Path, *, kind: str = "p256", service_kind: str = "p256") -> None:
        self.directory = directory
        self.store = KeyStore(directory, lambda _: None)
        self.authority = self.store.obtain("authority", "p256", "eID service authority", authority=True)
        self.store.obtain("server", "p256", "localhost", self.authority, hosts=("localhost",))
        self.tls = self.store.obtain("eid-tls", "p256", "Gateway", self.authority)
        self.signing = self.store.obtain("eid-signing", kind, "Gateway signing")
        self.other = self.store.obtain("other", "p256", "Another eService")
        self.answering = self.store.obtain("service", service_kind, "eID service signing")
        self.cards = Cards()
        self.interface = EIDInterface(
            clients={"gateway": self.signing.certificate, "other": self.other.certificate},
            signing=self.answering,
            cards=self.cards,
            paos_address=PAOS,
        )
        self.asked: list[bytes] = []
        self.change: Any = None
        """Function over the octets of each answer."""
        self.listener: ThreadingHTTPServer = soap_listener(
            ("127.0.0.1", 0),
            (self.store.path("server", "crt"), self.store.path("server", "key")),
            self.store.path("authority", "crt"),
            self._answer,
        )
        self.thread = threading.Thread(target=self.listener.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        self.waits: list[float] = []

    def _answer(self, octets: bytes, operation: str) -> bytes:
        self.asked.append(octets)
        answer = self.interface.answer(octets, operation)
        return self.change(answer) if self.change else answer

    def write_anew(self, pair: KeyPair | None = None, *, at: datetime | None = None, **options: Any) -> None:
        """From now on answers are written with another key, time, algorithm or extent of the signature."""

        def anew(octets: bytes) -> bytes:
            content = envelope.parse(octets)[1][0]
            return envelope.write(content, pair or self.answering, now=at or now(), **options)

        self.change = anew

    @property
    def address(self) -> str:
        return f"https://localhost:{self.listener.server_address[1]}/eID"

    def section(self, **changes: Any) -> SOAPSection:
        values: dict[str, Any] = {
            "address": self.address,
            "server_ca": "authority.crt",
            "signers": (SignerPin(certificate="service.crt"),),
            **changes,
        }
        return SOAPSection(**values)

    def way(
        self,
        section: SOAPSection | None = None,
        *,
        signing: KeyPair | None = None,
        tls: KeyPair | None = None,
        rights: frozenset[Operation] = frozenset(Operation),
    ) -> Way:
        surroundings = Surroundings(
            issuer_url="https://gateway.example",
            config_dir=self.directory,
            state_dir=None,
            fetch_policy=POLICY,
            development=True,
        )
        keys = ServiceKeys(signing=[own(signing or self.signing)], tls=[own(tls or self.tls)])
        way = assemble(section or self.section(), tuple(rights), keys, surroundings)
        assert isinstance(way.service, SOAPService)
        return replace(way, service=replace(way.service, sleep=self.waits.append))

    def service(self, section: SOAPSection | None = None, **keys: KeyPair) -> SOAPService:
        service = self.way(section, **keys).service
        assert isinstance(service, SOAPService)
        return service

    def close(self) -> None:
        self.listener.shutdown()
        self.listener.server_close()
        self.thread.join()


def own(pair: KeyPair) -> OwnKey:
    """A key of the sandbox as one of ours."""
    return OwnKey(id="k", state="active", key=InMemoryKey(pair.key, pair.certificate, pair.issuers))


def now() -> datetime:
    return datetime.now(UTC)


def asked(*required: Operation, **more: Any) -> EIDRequest:
    return EIDRequest(required=frozenset(required), **more)


def erika() -> Outcome:
    """Names, an incomplete date of birth, a residence; no title on the chip."""
    return Outcome(
        operations={
            "GivenNames": "ALLOWED",
            "FamilyNames": "ALLOWED",
            "AcademicTitle": "NOTONCHIP",
            "DateOfBirth": "ALLOWED",
            "PlaceOfResidence": "ALLOWED",
            "RestrictedID": "ALLOWED",
        },
        personal_data={
            "GivenNames": "ERIKA",
            "FamilyNames": "MUSTERMANN",
            "DateOfBirth": {"DateString": "196408  "},
            "PlaceOfResidence": {
                "StructuredPlace": {
                    "Street": "HEIDESTRAẞE 17",
                    "City": "KÖLN",
                    "Country": "D",
                    "ZipCode": "51147",
                }
            },
            "RestrictedID": {"ID": "50" * 32},
        },
        level="http://bsi.bund.de/eID/LoA/hoch",
        eid_type="CardCertified",
    )


ERIKA = (
    Operation.GIVEN_NAMES,
    Operation.FAMILY_NAMES,
    Operation.ACADEMIC_TITLE,
    Operation.DATE_OF_BIRTH,
    Operation.PLACE_OF_RESIDENCE,
    Operation.RESTRICTED_ID,
)
