"""The product's account connector against the sandbox's account systems, over real HTTP.

Two readings of the same documents meet here, without gateway and store. The connectors are put
together from the files that the sandbox generates for the operator.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette

from connectors.accounts.assembly import assemble
from connectors.accounts.flow import AccountConnector
from connectors.accounts.settings import AccountSettings
from connectors.assurance import LevelOfAssurance
from connectors.contract import Answer, AuthenticationRequest, Service
from connectors.errors import (
    AttributeMissing,
    AuthenticationFailed,
    Cancelled,
    ConnectorError,
    InvalidAnswer,
    LevelTooLow,
    PeerRefused,
    RequestNotPossible,
)
from connectors.identity import Absent, Attested, Identity, PersonKind
from connectors.saml.keys import OwnKey, SAMLKeys
from connectors.saml.surroundings import Surroundings
from sandbox.accounts.accounts import accounts
from sandbox.accounts.app import AccountPages
from sandbox.accounts.configuration import write_accounts
from sandbox.accounts.driver import offers
from sandbox.accounts.faults import FAULTS
from sandbox.accounts.keys import make_keys
from sandbox.accounts.world import load_world
from sandbox.addresses import Addresses
from sandbox.authority import KeyStore, certify, make_key
from sandbox.browser import Browser, Page
from tests.support.ports import free_base
from trust.anchors import TrustAnchor
from trust.fetch import FetchPolicy
from trust.keys import InMemoryKey

pytestmark = pytest.mark.journey

SERVICE_IDS = {"bundid": "BMI-1234", "bayernid": "12345678901-DE"}
FACTS = frozenset(
    {"mailbox_handle", "application_id", "pseudonym", "document_type", "acting_person", "company"}
)


class NotAnswered(Exception):
    """The account system ended on a page of its own; the text is its code."""


@dataclass
class Field:
    """Both sides, ready to exchange messages."""

    connectors: dict[str, AccountConnector]
    browser: Browser

    def ask(self, account: str, *, minimum: LevelOfAssurance, person: PersonKind | None = None, **shown: str):
        kind = person or PersonKind(accounts()[account].person_kind)
        natural = kind is PersonKind.NATURAL
        presentation = {"display_name": "Amt24: Antrag", **shown}
        if account in SERVICE_IDS:
            presentation.setdefault("online_service_id", SERVICE_IDS[account])
        return AuthenticationRequest(
            service=Service(
                client_id="test",
                names={"de": "Testdienst"},
                sector="public",
                requester_id="https://service.example/test",
                presentation={account: presentation},
            ),
            minimum=minimum,
            persons=frozenset({kind}),
            required=frozenset({"family_name"} if natural else {"legal_name"}),
            optional=frozenset(
                {"given_name", "date_of_birth", "address", "nationalities", "birth_family_name", "place_of_birth"}
                if natural
                else {"legal_address"}
            ),
            account_facts=FACTS,
        )  # fmt: skip

    def exchange(
        self,
        account: str,
        citizen: str,
        *,
        fault: str = "",
        decision: str = "answer",
        minimum: LevelOfAssurance | None = None,
        person: PersonKind | None = None,
        **shown: str,
    ) -> Identity:
        """One exchange from request to identity; raises ConnectorError, NotAnswered."""
        side = self.connectors[account]
        request = self.ask(account, minimum=minimum or lowest(account), person=person, **shown)
        start = side.begin(request, relay_state="relay", now=datetime.now(UTC), random=secrets.token_bytes)
        page = self.send(start.dispatch.action, start.dispatch.fields)
        choose = {"fault": fault, "decision": decision, "citizen": citizen}
        if citizen not in {o.id for o in offers(page.text)}:
            raise NotAnswered(f"{citizen} is not offered")
        text = self.browser.submit(page.form("/answer"), choose).text
        message = unescape(re.findall(r'name="SAMLResponse" value="([^"]+)"', text)[-1])
        answer = Answer(method="POST", fields=(("SAMLResponse", message), ("RelayState", "relay")))
        return side.finish(start.pending, answer, now=datetime.now(UTC)).identity

    def send(self, action: str, fields) -> Page:
        page = self.browser._go("POST", action, list(fields), initiator=action)
        if page.status != 200:
            raise NotAnswered(page.url.partition("idp.code=")[2])
        return page


def lowest(account: str) -> LevelOfAssurance:
    wanted = {"akdb": LevelOfAssurance.BASIC, "dataport": LevelOfAssurance.LOW}
    return wanted.get(accounts()[account].profile, LevelOfAssurance.SUBSTANTIAL)


class Metadata(BaseHTTPRequestHandler):
    connectors: dict[str, AccountConnector]

    def do_GET(self) -> None:
        name = self.path.split("/")[2]
        document = self.connectors[name].documents(now=datetime.now(UTC))[0]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(document.content)

    def log_message(self, *args: object) -> None:
        """Nobody reads it."""


def own_keys(kind: str) -> SAMLKeys:
    def own(name: str, state: str) -> OwnKey:
        pair = certify(name, make_key(kind))
        return OwnKey(id=name, state=state, key=InMemoryKey(pair.key, pair.certificate))

    return SAMLKeys(
        signing=[own("signing", "active")],
        decryption=[own("decryption", "active"), own("decryption-next", "next")],
        metadata=[own("metadata", "active")],
    )


@pytest.fixture(scope="module", params=["rsa-3072", "p256"])
def field(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """Account systems on a real port, our connectors assembled from the generated files."""
    state = tmp_path_factory.mktemp(f"accounts-{request.param}")
    addresses = Addresses(port_base=free_base())
    make_keys(KeyStore(state / "accounts", lambda _: None))
    config = state / "config"
    for folder in ("anchors", "connectors"):
        (config / "registry" / folder).mkdir(parents=True)
    write_accounts(state, config / "registry", addresses)
    anchors = {
        path.stem: TrustAnchor(**tomllib.loads(path.read_text("utf-8")))
        for path in (config / "registry" / "anchors").glob("*.toml")
    }
    surroundings = Surroundings(
        issuer_url=addresses.gateway,
        config_dir=config,
        state_dir=None,
        fetch_policy=FetchPolicy(allow_private_addresses=True, allow_http_loopback=True),
        development=True,
    )
    keys, now = own_keys(request.param), datetime.now(UTC)
    connectors = {
        path.stem: assemble(
            AccountSettings(**tomllib.loads(path.read_text("utf-8"))), anchors, keys, surroundings, now=now
        )
        for path in (config / "registry" / "connectors").glob("*.toml")
    }
    application = Starlette(routes=AccountPages(load_world(addresses, state)).routes())
    server = uvicorn.Server(
        uvicorn.Config(application, host="127.0.0.1", port=addresses.nodes_port, log_config=None)
    )
    serving = threading.Thread(target=server.run)
    serving.start()
    while not server.started:
        time.sleep(0.01)
    handler = type("Handler", (Metadata,), {"connectors": connectors})
    own = ThreadingHTTPServer(("127.0.0.1", addresses.gateway_port), handler)
    publishing = threading.Thread(target=own.serve_forever, args=(0.05,))
    publishing.start()
    for connector in connectors.values():
        connector.refresh(now=now)
    with httpx.Client(trust_env=False, timeout=10) as http:
        yield Field(connectors, Browser(http))
    server.should_exit = True
    own.shutdown()
    own.server_close()
    serving.join()
    publishing.join()


REFUSED = {"walks-away": Cancelled, "private": InvalidAnswer, "test-account": InvalidAnswer}
HONEST = [
    (account.path, person.id)
    for account in accounts().values()
    for person in account.people
    if person.id not in REFUSED and not person.guest
]


@pytest.mark.parametrize(("account", "citizen"), HONEST)
def test_each_login_is_understood(field, account, citizen) -> None:
    """bundid.md §1.7 to §1.11, §2.2, §3.2: level, key and names of one login of each habit."""
    person = accounts()[account].person(citizen)
    legal = accounts()[account].person_kind == "legal" or "LegalEntity" in person.values
    kind = PersonKind.LEGAL if legal else PersonKind.NATURAL
    identity = field.exchange(account, citizen, person=kind)
    assert identity.assurance.level == LevelOfAssurance(person.level)
    assert identity.subject.kind is kind
    assert identity.account_key is not None
    if kind is PersonKind.NATURAL:
        name = person.values.get("surname", person.values.get("FamilyNames"))
        assert identity.subject.family_name.value.latin == name
        assert isinstance(identity.subject.date_of_birth, Attested) is (
            "birthdate" in person.values or "DateOfBirth" in person.values
        )
    else:
        name = person.values.get("Firmenname") or person.values["LegalEntity"]["OrganizationName"]
        assert identity.subject.legal_name.value.latin == name


@pytest.mark.parametrize("citizen", REFUSED)
def test_a_login_that_means_no_is_no_identity(field, citizen) -> None:
    """Back; at MUK the data set of a natural person, and an account for tests."""
    account = "bundid" if citizen == "walks-away" else "muk"
    with pytest.raises(REFUSED[citizen]):
        field.exchange(account, citizen)


def test_guests_are_offered_only_to_services_that_welcome_them(field) -> None:
    """IF 9.2.1: asking for bPK2 hides temporary logins."""
    with pytest.raises(NotAnswered):
        field.exchange("bundid", "guest-eid")
    for citizen in ("guest-eid", "guest-elster"):
        identity = field.exchange("bundid", citizen, guest="true")
        assert identity.account_key is None
        assert identity.account.guest
        assert identity.account.mailbox_handle is None


@pytest.mark.parametrize("minimum", [LevelOfAssurance.SUBSTANTIAL, LevelOfAssurance.HIGH])
def test_nobody_below_the_minimum_is_even_offered(field, minimum) -> None:
    """The account hides what cannot reach the level."""
    for person in accounts()["bundid"].people:
        if person.level < minimum:
            with pytest.raises(NotAnswered):
                field.exchange("bundid", person.id, minimum=minimum)


def test_the_methods_of_a_service_are_the_only_ones_offered(field) -> None:
    """IF 9.1."""
    assert field.exchange("bundid", "elster", methods="Elster eIDAS").account.proved_by == "Elster"
    with pytest.raises(NotAnswered):
        field.exchange("bundid", "mustermann", methods="Elster eIDAS")


def test_one_account_keeps_its_key_whatever_the_method(field) -> None:
    """IF 6.2.2."""
    logins = ("mustermann", "mustermann-elster", "mustermann-name")
    keys = {field.exchange("bundid", citizen).account_key for citizen in logins}
    assert len(keys) == 1
    assert field.exchange("bundid", "mustermann", fault="new-account").account_key not in keys


def test_the_three_ways_of_missing_are_kept_apart(field) -> None:
    """bundid.md §4.1."""
    day = field.exchange("bundid", "unknown-day").subject
    assert day.date_of_birth.value.openid() == "1957"
    assert day.birth_family_name is Absent.DELIVERED_EMPTY
    mononym = field.exchange("bundid", "mononym").subject
    assert mononym.given_name is Absent.NOT_DELIVERED
    assert mononym.address is Absent.NOT_DELIVERED


def test_the_acting_person_of_a_company_is_named_and_not_identified(field) -> None:
    """bundid.md §3.2."""
    identity = field.exchange("muk", "bohr-ag")
    assert identity.representative is None
    acting = identity.account.acting_person
    assert acting.identifier is None
    assert "Weißbach" in acting.family_name.value.latin
    assert acting.family_name.level is None
    assert identity.account.company["Rechtsform"] == "310"
    assert field.exchange("muk", "association").account.acting_person is None


def test_cancelling_without_back_url_is_told(field) -> None:
    """IF 9.5."""
    with pytest.raises(Cancelled):
        field.exchange("bundid", "mustermann", decision="back")


@pytest.mark.parametrize(
    ("account", "shown"),
    [("bundid", {"online_service_id": "BMI-9999"}), ("bayernid", {"online_service_id": "99999999999-DE"})],
)
def test_a_certificate_only_the_account_knows_about_ends_on_its_page(field, account, shown) -> None:
    """IF 9.6: missing-berca; the connector cannot know, so the journey has to end by itself."""
    with pytest.raises(NotAnswered, match="missing-berca"):
        field.exchange(account, next(iter(accounts()[account].people)).id, **shown)


def test_markup_in_the_purpose_never_leaves_the_house(field) -> None:
    """Our lint is first."""
    with pytest.raises(RequestNotPossible, match=r"account\.request"):
        field.exchange("bundid", "mustermann", purpose="Antrag <b>stellen</b>")


HARMLESS = {"second-key", "trust-missing", "trust-higher", "friendly-name", "friendly-key", "unrequested",
            "replay", "new-account", "test-account-unsaid"}  # fmt: skip
"""What the connector may take: odd, but not wrong, or for somebody else to notice."""
OTHERWISE: dict[str, type[ConnectorError]] = {
    "cancelled": Cancelled,
    "request-denied": AttributeMissing,
    "no-authn-context": AuthenticationFailed,
    "internal": PeerRefused,
    "detail-broken": AttributeMissing,
    "missing-attribute": AttributeMissing,
    "empty-attribute": AttributeMissing,
    "level-too-low": LevelTooLow,
}
LOGINS = {"bundid": "mustermann-elster", "bayernid": "elster", "dataport-sh": "citizen", "muk": "bohr-ag"}
CASES = [(a, f.name) for a in LOGINS for f in FAULTS.values() if f.fits(accounts()[a])]


@pytest.mark.parametrize(("account", "fault"), CASES)
def test_each_entry_of_the_error_menu_ends_as_it_should(field, account, fault) -> None:
    """Issue "Bad input" and security.md A: harmless ones give an identity, all others none."""
    minimum = LevelOfAssurance.SUBSTANTIAL
    elliptic = isinstance(field.connectors[account].keys.signer.public_key, ec.EllipticCurvePublicKey)
    if fault in HARMLESS or (fault == "oaep-sha1" and elliptic):  # key agreement has no OAEP
        identity = field.exchange(account, LOGINS[account], fault=fault, minimum=minimum)
        assert identity.assurance.level is LevelOfAssurance.SUBSTANTIAL
        return
    with pytest.raises(ConnectorError) as refused:
        field.exchange(account, LOGINS[account], fault=fault, minimum=minimum)
    assert isinstance(refused.value, OTHERWISE.get(fault, ConnectorError)), refused.value
