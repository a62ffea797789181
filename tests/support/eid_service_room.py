"""A card, an eID-Client, the eID service and our SOAP way in one process, over real TLS and TLS_RSA_PSK."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from connectors.assurance import LevelOfAssurance
from connectors.contract import Answer, ClientAddresses
from connectors.npa.eid_service import EIDRequest, EIDResult
from connectors.npa.operations import EIDType, Operation
from eid_server.block_list import BlockList
from eid_server.chat import SELECTOR_RIGHTS, rights_of
from eid_server.description import CertificateDescription
from eid_server.passive_authentication import CardTrust
from eid_server.pki import TrialPKI, comm_certificates
from eid_server.server import EIDServer
from sandbox.card.chip import Card
from sandbox.card.client import EIDClient, Ended
from sandbox.card.consent import Citizen
from sandbox.card.document import Document, documents
from sandbox.card.issuer import CardIssuer
from sandbox.eid_service.card_server import Cards
from sandbox.eid_service.listeners import paos_listener
from sandbox.eid_service.process import running
from tests.support.eid_service_peer import EIDServicePeer
from tests.trust.http_peer import HTTPPeer, body

READABLE = frozenset(Operation) - {
    Operation.AGE_VERIFICATION,
    Operation.PLACE_VERIFICATION,
    Operation.DATE_OF_EXPIRY,  # cards give it to nobody online (TR-03127): always PROHIBITED or unread
}
EVERYTHING = EIDRequest(
    required=frozenset({Operation.FAMILY_NAMES, Operation.RESTRICTED_ID}),
    optional=READABLE - {Operation.FAMILY_NAMES, Operation.RESTRICTED_ID},
    minimum=LevelOfAssurance.LOW,
    eid_types={EIDType.HW_KEY_STORE: False},
)


@dataclass(frozen=True, kw_only=True)
class Room:
    """Everything around one card."""

    gateway: HTTPPeer
    peer: EIDServicePeer
    server: EIDServer
    issuer: CardIssuer
    pki: TrialPKI

    def client(self, citizen: str | Document, person: Citizen | None = None, **behaviour: Any) -> EIDClient:
        document = documents()[citizen] if isinstance(citizen, str) else citizen
        card = Card(document, self.issuer, self.pki.cvca.certificate.encoded, today=today())
        return EIDClient(card, person or Citizen(**behaviour), insecure=True, today=today())

    @property
    def addresses(self) -> ClientAddresses:
        base = self.gateway.url(path="")
        return ClientAddresses(refresh=f"{base}/acs?RelayState=r", paos=f"{base}/paos")

    def log_in(
        self, citizen: str, request: EIDRequest = EVERYTHING, **behaviour: Any
    ) -> tuple[EIDResult, Ended]:
        """Through SOAP and TLS_RSA_PSK."""
        service = self.peer.service()
        opened = service.open(
            request, relay_state="r", addresses=self.addresses, now=now(), random=secrets.token_bytes
        )
        self.gateway.answer = body(opened.reply.octets, Content_Type="text/xml")
        ended = self.client(citizen, **behaviour).run(self.gateway.url(path="/tctoken"))
        query = (ended.location or "").partition("?")[2].encode()
        result = service.result(request, opened.session, Answer(method="GET", query=query), now=now())
        return result, ended


def now() -> datetime:
    return datetime.now(UTC)


def today() -> date:
    return now().date()


@contextmanager
def open_room(directory: Path, *, migrating: bool = False) -> Iterator[Room]:
    """``migrating``: the terminal has two sectors."""
    gateway, peer = HTTPPeer(), EIDServicePeer(directory)
    paos = peer.store.obtain("paos", "rsa-3072", "localhost", hosts=("localhost",))
    issuer = CardIssuer(directory / "cards")
    pki = TrialPKI.create(
        today=today(),
        description=CertificateDescription(
            issuer_name="Test",
            subject_name="Test",
            terms_of_usage="Test",
            subject_url=gateway.url(path="/"),
            comm_certificates=comm_certificates([paos.certificate.public_bytes(Encoding.DER)]),
        ),
        rights=rights_of(*SELECTOR_RIGHTS),
        migrating=migrating,
    )
    server = EIDServer(
        pki.terminal,
        CardTrust.of(
            authorities=[issuer.trust_point.read_bytes()], revocation_lists=[issuer.revocations.read_bytes()]
        ),
        block_list=BlockList.of(pki.terminal.sector),
        production=False,
        clock=now,
    )
    listener = paos_listener(
        ("127.0.0.1", 0), paos, server.psk, lambda m, identity: server.paos(m, psk_identity=identity)
    )
    peer.interface.cards = Cards(server)
    peer.interface.paos_address = f"https://localhost:{listener.server_address[1]}/paos"
    with running(listener):
        yield Room(gateway=gateway, peer=peer, server=server, issuer=issuer, pki=pki)
    peer.close()
    gateway.close()
