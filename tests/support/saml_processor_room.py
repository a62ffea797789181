"""A card, an eID-Client, the SAML processor and our SAML way in one process (TR-03130-1 §4)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from connectors.contract import Answer
from connectors.npa.eid_service import EIDRequest, EIDResult
from connectors.npa.saml.service import SAMLService
from connectors.saml.keys import OwnKey, SAMLKeys
from connectors.saml.tr03130.partner import PartnerSection, load
from sandbox.authority import KeyStore, certificate_pem
from sandbox.card.client import Ended
from sandbox.eid_service.app import build_app
from sandbox.eid_service.card_server import Cards
from sandbox.eid_service.saml_processor import SAMLProcessor
from sandbox.eid_service.saml_request import Registration
from sandbox.eid_service.saml_world import EIDAS_CONNECTOR, NATIONAL_CONNECTOR, SAMLWorld
from tests.support.eid_service_room import Room, now, open_room
from tests.support.saml_peer import own_keys
from tests.trust.http_peer import HTTPPeer
from trust.keys import InMemoryKey


def saml_world(directory: Path, base: str, gateway: str, keys: SAMLKeys) -> SAMLWorld:
    """The eID service's two key pairs, fresh, and our connectors registered with it."""
    store = KeyStore(directory / "saml-service", lambda _: None)
    signing, encryption = keys.signing[0].key.certificate, keys.decryption[0].key.certificate
    return SAMLWorld(
        base=base,
        signing=store.obtain("signing", "rsa-3072", "signing"),
        decryption=store.obtain("encryption", "brainpoolP256r1", "encryption"),
        registrations={
            connector: Registration(
                issuer=f"{gateway}/connectors/{connector}/metadata",
                consumer=f"{gateway}/connectors/{connector}/acs",
                signing=signing,
                encryption=encryption,
            )
            for connector in (NATIONAL_CONNECTOR, EIDAS_CONNECTOR)
        },
    )


def partner_files(world: SAMLWorld, directory: Path, path: str) -> dict[str, object]:
    """The section about ``world``, its certificates beside it."""
    (directory / "signing.pem").write_bytes(certificate_pem(world.signing.certificate))
    (directory / "encryption.pem").write_bytes(certificate_pem(world.decryption.certificate))
    return {
        "address": f"{world.base}/{path}",
        "issuer": world.issuer,
        "signing_certificates": ["signing.pem"],
        "encryption_certificate": "encryption.pem",
    }


def current_keys(directory: Path) -> SAMLKeys:
    """Our keys with certificates that are valid today."""
    store = KeyStore(directory / "own", lambda _: None)

    def own(name: str, kind: str) -> OwnKey:
        pair = store.obtain(name, kind, name)
        return OwnKey(id=name, state="active", key=InMemoryKey(pair.key, pair.certificate))

    return SAMLKeys(
        signing=(own("sign", "p256"),),
        decryption=(own("decrypt", "rsa-3072"),),
        metadata=own_keys().metadata,
    )


@dataclass(frozen=True, kw_only=True)
class SAMLRoom:
    """A ``Room`` whose eID-Server stands behind a SAML processor as well."""

    room: Room
    processor: HTTPPeer
    pages: TestClient
    service: SAMLService

    def log_in(self, citizen: str, request: EIDRequest, **behaviour: Any) -> tuple[EIDResult, Ended]:
        """From tcTokenURL to the result, by redirects alone."""
        room = self.room
        opened = self.service.open(
            request, relay_state="r", addresses=room.addresses, now=now(), random=secrets.token_bytes
        )
        room.gateway.answer = redirect(opened.reply.url)
        ended = room.client(citizen, **behaviour).run(room.gateway.url(path="/tctoken"))
        query = (ended.location or "").partition("?")[2].encode()
        result = self.service.result(request, opened.session, Answer(method="GET", query=query), now=now())
        return result, ended


def redirect(url: str):
    def answer(handler):
        handler.send_response(303)
        handler.send_header("Location", url)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def relay(pages: TestClient):
    """Answer as the application does."""

    def answer(handler):
        found = pages.get(handler.path, follow_redirects=False)
        handler.send_response(found.status_code)
        for name in ("Content-Type", "Location"):
            if name in found.headers:
                handler.send_header(name, found.headers[name])
        handler.send_header("Content-Length", str(len(found.content)))
        handler.end_headers()
        handler.wfile.write(found.content)

    return answer


@contextmanager
def open_saml_room(directory: Path) -> Iterator[SAMLRoom]:
    with open_room(directory) as room:
        processor = HTTPPeer()
        try:
            base, gateway = processor.url(path=""), room.gateway.url(path="")
            keys = current_keys(directory)
            world = saml_world(directory, base, gateway, keys)
            paos = room.peer.interface.paos_address
            routes = SAMLProcessor(world, Cards(room.server), paos).routes()
            pages = TestClient(build_app(routes), base_url=base, client=("127.0.0.1", 50_000))
            processor.answer = relay(pages)
            section = PartnerSection.model_validate(partner_files(world, directory, "saml"))
            service = SAMLService(
                partner=load(section, directory),
                keys=keys,
                entity_id=f"{gateway}/connectors/{NATIONAL_CONNECTOR}/metadata",
                acs_url=f"{gateway}/connectors/{NATIONAL_CONNECTOR}/acs",
            )
            yield SAMLRoom(room=room, processor=processor, pages=pages, service=service)
        finally:
            processor.close()
