"""The product's eIDAS connector against the sandbox's nodes, message by message over real HTTP.

Two readings of the same specifications meet here: the product builds with pysaml2 and verifies with
xmlsec, the nodes verify and sign with signxml. No gateway and no store: those have their own tests.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import uvicorn

from connectors.assurance import LevelOfAssurance
from connectors.contract import Answer, AuthenticationRequest, FormDispatch, RedirectDispatch, Service
from connectors.eidas.assembly import Surroundings, assemble
from connectors.eidas.flow import EIDASConnector
from connectors.eidas.settings import EIDASSettings
from connectors.errors import (
    AttributeMissing,
    AuthenticationFailed,
    Cancelled,
    ConnectorError,
    InvalidAnswer,
    LevelNotReached,
    RepresentationRefused,
)
from connectors.identity import Attested, Identity, LegalPerson, PersonKind
from connectors.saml.keys import OwnKey, SAMLKeys
from gateway.bundle import load
from gateway.settings import KeyPurpose
from sandbox.addresses import Addresses
from sandbox.browser import Browser
from sandbox.nodes.app import build_app
from sandbox.nodes.countries import countries
from sandbox.nodes.faults import FAULTS
from sandbox.nodes.world import load_world
from sandbox.saml.signing import verify
from sandbox.state import State
from tests.support.ports import free_base
from tests.support.sandbox_keys import ready_directory
from trust.fetch import FetchPolicy

pytestmark = pytest.mark.journey


@dataclass
class Field:
    """Both sides, ready to exchange messages."""

    connectors: dict[str, EIDASConnector]
    browser: Browser

    def exchange(
        self,
        country: str,
        *,
        connector: str = "eidas",
        citizen: str = "",
        fault: str = "",
        person: PersonKind = PersonKind.NATURAL,
        minimum: LevelOfAssurance = LevelOfAssurance.LOW,
        non_notified: bool = False,
        representation: bool = False,
    ) -> Identity:
        """One exchange from request to identity; raises ConnectorError like the connector."""
        side = self.connectors[connector]
        natural = person is PersonKind.NATURAL
        request = AuthenticationRequest(
            service=Service(
                client_id="test",
                names={"de": "Testdienst"},
                sector="public",
                requester_id="https://service.example/test",
            ),
            minimum=minimum,
            persons=frozenset({person}),
            accept_non_notified=non_notified,
            accept_representation=representation,
            country=country,
            required=frozenset({"family_name", "given_name", "date_of_birth"} if natural else {"legal_name"}),
            optional=frozenset({"address", "birth_name"} if natural else {"legal_address", "lei"}),
        )
        start = side.begin(request, relay_state="relay", now=datetime.now(UTC), random=secrets.token_bytes)
        page = self._send(start.dispatch)
        assert page.status == 200, page.text
        form = page.form("/answer")
        choose = {"fault": fault, "decision": "answer"} | ({"citizen": citizen} if citizen else {})
        self.browser.submit(form, choose)
        text = self.browser.page.text
        message = unescape(re.findall(r'name="SAMLResponse" value="([^"]+)"', text)[-1])
        fields = (("SAMLResponse", message), ("RelayState", "relay"))
        answer = Answer(method="POST", fields=fields)
        assert side.relay_state(answer) == "relay"
        return side.finish(start.pending, answer, now=datetime.now(UTC)).identity

    def _send(self, dispatch: FormDispatch | RedirectDispatch):
        if isinstance(dispatch, RedirectDispatch):
            return self.browser.get(dispatch.url)
        return self.browser._go("POST", dispatch.action, list(dispatch.fields), initiator=dispatch.action)


class Metadata(BaseHTTPRequestHandler):
    connectors: dict[str, EIDASConnector]

    def do_GET(self) -> None:
        name = self.path.split("/")[2]
        document = self.connectors[name].documents(now=datetime.now(UTC))[0]
        self.send_response(200)
        self.send_header("Content-Type", document.content_type)
        self.end_headers()
        self.wfile.write(document.content)

    def log_message(self, *args: object) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module", params=["rsa", "ec"])
def field(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """Nodes on a real port, our connectors assembled from the generated configuration."""
    state = State(ready_directory(tmp_path_factory, "sandbox", profile=request.param))
    addresses = Addresses(port_base=free_base(), profile=request.param)
    state.prepare(addresses, lambda _: None)
    server = uvicorn.Server(
        uvicorn.Config(
            build_app(load_world(addresses, state.directory)),
            host="127.0.0.1", port=addresses.nodes_port, log_config=None,
        )
    )  # fmt: skip
    serving = threading.Thread(target=server.run)
    serving.start()
    while not server.started:
        time.sleep(0.01)
    connectors = assembled(state)
    handler = type("Handler", (Metadata,), {"connectors": connectors})
    own = ThreadingHTTPServer(("127.0.0.1", addresses.gateway_port), handler)
    publishing = threading.Thread(target=own.serve_forever, args=(0.05,))
    publishing.start()
    for connector in connectors.values():
        connector.refresh(now=datetime.now(UTC))
    with httpx.Client(trust_env=False, timeout=10) as http:
        yield Field(connectors, Browser(http))
    server.should_exit = True
    own.shutdown()
    own.server_close()
    serving.join()
    publishing.join()


def assembled(state: State) -> dict[str, EIDASConnector]:
    """The connectors of the generated configuration, as the gateway puts them together."""
    configuration = load(Path(state.config))

    def own(purpose: KeyPurpose) -> tuple[OwnKey, ...]:
        return tuple(
            OwnKey(id=k.id, state=k.state.value, key=k.key)
            for k in configuration.keys[purpose]
            if not k.connectors
        )

    keys = SAMLKeys(
        signing=own(KeyPurpose.SAML_SIGNING),
        decryption=own(KeyPurpose.SAML_DECRYPTION),
        metadata=own(KeyPurpose.SAML_METADATA_SIGNING),
    )
    surroundings = Surroundings(
        issuer_url=configuration.settings.gateway.issuer,
        config_dir=state.config,
        state_dir=None,
        fetch_policy=FetchPolicy(allow_private_addresses=True, allow_http_loopback=True),
        development=True,
    )
    return {
        name: assemble(
            settings, configuration.countries, configuration.anchors, keys, surroundings,
            now=datetime.now(UTC), sources=configuration.sources,
        )
        for name, settings in configuration.connectors.items()
        if isinstance(settings, EIDASSettings)
    }  # fmt: skip


HONEST = [
    (country.code, citizen.id)
    for country in countries().values()
    for citizen in country.citizens
    if citizen.decides == "answer" and citizen.id != "onlycyrillic"
]


@pytest.mark.parametrize(("country", "citizen"), HONEST)
def test_citizen_is_identified(field, country, citizen) -> None:
    """The whole of eidas.md §2 to §7 for one citizen of each habit."""
    node = countries()[country.lower()]
    person = node.citizen(citizen)
    identity = field.exchange(
        country,
        citizen=citizen,
        person=PersonKind(person.kind),
        non_notified=not node.notified,
        representation=True,
    )
    assert identity.assurance.level.word == person.level
    assert identity.assurance.notified is node.notified
    assert identity.source.country == country
    assert identity.subject.identifier.value.startswith(f"{node.node_code}/DE/")
    name = identity.subject.legal_name if person.kind == "legal" else identity.subject.family_name
    assert isinstance(name, Attested)
    expected = person.attributes["LegalName" if person.kind == "legal" else "FamilyName"]
    if isinstance(expected, str):
        assert name.value.latin == expected
    else:
        assert name.value.original == expected["original"]
        assert name.value.latin == expected["latin"]
    assert (identity.representative is not None) is bool(person.representative)


@pytest.mark.parametrize("country", [c.code for c in countries().values() if c.notified])
def test_national_connector_leads_to_every_country(field, country) -> None:
    """eidas.md §10.1."""
    node = countries()[country.lower()]
    person = next(c for c in node.citizens if c.decides == "answer")
    identity = field.exchange(
        country,
        connector="eidas-national",
        citizen=person.id,
        person=PersonKind(person.kind),
        representation=True,
    )
    assert identity.subject.identifier.value.startswith(f"{node.node_code}/DE/")


BELIEVED = {"comment"}
"""Legal oddities: the value is read whole (security.md A.7)."""
OTHERWISE = {
    "decline": Cancelled,
    "authn-failed": AuthenticationFailed,
    "no-authn-context": LevelNotReached,
    "internal": ConnectorError,
    "version": ConnectorError,
    "missing-attribute": AttributeMissing,
    "empty-attribute": AttributeMissing,
    "representative": RepresentationRefused,
}


@pytest.mark.parametrize("fault", [f for f in FAULTS if f not in {"replay", *BELIEVED}])
def test_faulty_answer_yields_no_identity(field, fault) -> None:
    """security.md A and eidas.md §13: nothing of the error menu gets through."""
    with pytest.raises(ConnectorError) as caught:
        field.exchange("GR", citizen="onasis", fault=fault, minimum=LevelOfAssurance.SUBSTANTIAL)
    expected = OTHERWISE.get(fault, InvalidAnswer)
    if not fault.startswith(("level-", "no-authn", "missing", "empty")):
        assert isinstance(caught.value, expected), caught.value


@pytest.mark.parametrize("country", ["GR", "EE"])
def test_comment_does_not_cut_the_identifier(field, country) -> None:
    """security.md A.7: refused, or read whole; never cut."""
    node = countries()[country.lower()]
    person = node.citizens[0]
    try:
        identity = field.exchange(country, citizen=person.id, fault="comment")
    except InvalidAnswer:
        return
    assert identity.subject.identifier.value == f"{node.node_code}/DE/{person.identifier}"


def test_company_is_refused_with_representative_where_nobody_may_act(field) -> None:
    """Attribute Profile §2.8."""
    with pytest.raises(RepresentationRefused):
        field.exchange("NL", citizen="tulpen", person=PersonKind.LEGAL)
    identity = field.exchange("NL", citizen="tulpen", person=PersonKind.LEGAL, representation=True)
    assert isinstance(identity.subject, LegalPerson)
    assert identity.representative.family_name.value.latin == "van 't Hooft-de Wit"


def test_name_without_latin_form_is_derived_or_refused_never_taken_for_latin(field) -> None:
    """Attribute Profile §2.4, eidas.md §5.4: transliterate and say so, otherwise fail."""
    try:
        identity = field.exchange("BG", citizen="onlycyrillic")
    except InvalidAnswer:
        return
    name = identity.subject.family_name.value
    assert name.derived
    assert name.latin.isascii()
    assert name.original == "Желязков"


def test_our_metadata_verify_with_a_foreign_library(field) -> None:
    """saml-metadata §3.1: the signature stands inside a document that already binds the ds namespace."""
    for connector in field.connectors.values():
        document = connector.documents(now=datetime.now(UTC))[0].content
        certificate = connector.keys.metadata_signer.certificate
        assert verify(document, (certificate,)).get("entityID") == connector.entity_id


def test_spanish_citizen_declines(field) -> None:
    """eidas.md §4: Requester/RequestDenied."""
    with pytest.raises(Cancelled):
        field.exchange("ES", citizen="decline")
