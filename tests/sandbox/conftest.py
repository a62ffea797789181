"""A requester of our own for the sandbox's nodes: keys, signed metadata on a real port, requests."""

from __future__ import annotations

import base64
import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from lxml import etree
from starlette.testclient import TestClient

from sandbox.addresses import Addresses
from sandbox.authority import KeyPair, KeyStore, certificate_pem, certify, make_key, write_private
from sandbox.nodes.app import build_app
from sandbox.nodes.attributes import LEGAL_PERSON, NATURAL_PERSON
from sandbox.nodes.world import load_world, make_keys
from sandbox.saml.names import NAME_FORMAT_URI, NSMAP, tag
from sandbox.saml.signing import certificate_text, method_for, sign


@dataclass
class Asker:
    """A receiving connector, as far as a node can see it."""

    port: int
    signing: KeyPair
    encryption: KeyPair
    metadata_signer: KeyPair
    published: dict[str, bytes] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def entity_id(self) -> str:
        return f"{self.base}/connectors/eidas/metadata"

    @property
    def acs(self) -> str:
        return f"{self.base}/connectors/eidas/acs"

    def publish(self, *, signer: KeyPair | None = None, hours: int = 1) -> None:
        """Put signed metadata where the nodes fetch them."""
        for path in ("eidas", "eidas-national"):
            document = self._metadata(path, signer or self.metadata_signer, hours)
            self.published[f"/connectors/{path}/metadata"] = document

    def _metadata(self, path: str, signer: KeyPair, hours: int) -> bytes:
        until = (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
        root = etree.fromstring(
            f"""<md:EntityDescriptor xmlns:md="{NSMAP["md"]}" xmlns:eidas="{NSMAP["eidas"]}"
                 xmlns:ds="{NSMAP["ds"]}" ID="_{secrets.token_hex(16)}"
                 entityID="{self.base}/connectors/{path}/metadata" validUntil="{until}">
              <md:SPSSODescriptor AuthnRequestsSigned="true"
                   protocolSupportEnumeration="{NSMAP["saml2p"]}">
                <md:Extensions><eidas:NodeCountry>DE</eidas:NodeCountry></md:Extensions>
                <md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{
                certificate_text(self.signing.certificate)
            }</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
                <md:KeyDescriptor use="encryption"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{
                certificate_text(self.encryption.certificate)
            }</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
                <md:AssertionConsumerService index="0" isDefault="true"
                   Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
                   Location="{self.base}/connectors/{path}/acs"/>
              </md:SPSSODescriptor>
            </md:EntityDescriptor>"""
        )
        return etree.tostring(sign(root, signer, method="ecdsa-sha256", digest="sha256"))

    def request(self, destination: str, *, legal: bool = False, connector: str = "eidas") -> etree._Element:
        """An AuthnRequest that keeps every rule, unsigned, to be bent by a test."""
        wanted = "".join(
            f'<eidas:RequestedAttribute Name="{a.uri}" NameFormat="{NAME_FORMAT_URI}"'
            f' FriendlyName="{a.friendly}" isRequired="{str(a.mandatory).lower()}"/>'
            for a in (LEGAL_PERSON if legal else NATURAL_PERSON)
        )
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return etree.fromstring(
            f"""<saml2p:AuthnRequest xmlns:saml2p="{NSMAP["saml2p"]}" xmlns:saml2="{NSMAP["saml2"]}"
                 xmlns:eidas="{NSMAP["eidas"]}" ID="_{secrets.token_hex(16)}" Version="2.0"
                 IssueInstant="{now}" Destination="{destination}" ForceAuthn="true" IsPassive="false">
              <saml2:Issuer>{self.base}/connectors/{connector}/metadata</saml2:Issuer>
              <saml2p:Extensions><eidas:SPType>public</eidas:SPType>
                <eidas:RequestedAttributes>{wanted}</eidas:RequestedAttributes></saml2p:Extensions>
              <saml2p:NameIDPolicy AllowCreate="true"
                 Format="urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"/>
              <saml2p:RequestedAuthnContext Comparison="minimum"><saml2:AuthnContextClassRef
                 >http://eidas.europa.eu/LoA/low</saml2:AuthnContextClassRef
                 ></saml2p:RequestedAuthnContext>
            </saml2p:AuthnRequest>"""
        )

    def signed(self, request: etree._Element, *, key: KeyPair | None = None) -> str:
        """The request signed and in base64, as a form field."""
        signer = key or self.signing
        signed = sign(request, signer, method=method_for(signer), digest="sha256")
        return base64.b64encode(etree.tostring(signed)).decode()


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, KeyPair]:
    """Key pairs of the asker, made once."""
    return {kind: certify(f"asker {kind}", make_key(kind)) for kind in ("rsa-3072", "p256", "p384")}


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory, keys: dict[str, KeyPair]) -> Path:
    """A state directory with the nodes' keys and the asker's metadata signer."""
    directory = tmp_path_factory.mktemp("state")
    make_keys(KeyStore(directory / "nodes", lambda _: None))
    pem = certificate_pem(keys["p256"].certificate)
    write_private(directory / "config" / "keys" / "saml-metadata.crt", pem)
    return directory


class _Handler(BaseHTTPRequestHandler):
    published: dict[str, bytes]

    def do_GET(self) -> None:
        document = self.published.get(self.path)
        self.send_response(200 if document else 404)
        self.end_headers()
        self.wfile.write(document or b"")

    def log_message(self, *args: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def asker(keys: dict[str, KeyPair]):
    """An asker with an RSA encryption key, its metadata on a free port."""
    published: dict[str, bytes] = {}
    handler = type("Handler", (_Handler,), {"published": published})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    result = Asker(server.server_port, keys["p256"], keys["rsa-3072"], keys["p256"], published)
    result.publish()
    yield result
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def nodes(asker: Asker, state: Path):
    """The node server, told that the gateway is the asker."""
    world = load_world(Addresses(port_base=asker.port), state)
    with TestClient(build_app(world), follow_redirects=False) as client:
        client.world = world
        yield client


def element(document: bytes) -> etree._Element:
    return etree.fromstring(document)


__all__ = ["Asker", "element", "tag"]
