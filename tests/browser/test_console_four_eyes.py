"""Issue 6, Shows 1: two people change in Chromium whom a running gateway believes, and one alone does not.

Greece's node gets a new key for signing its metadata, as after a roll-over: logins stop, because the gateway
believes the old one. Anna proposes the new certificate in the console, Bert sees the difference and approves, each
with a passkey; the gateway, which is never restarted, accepts a login within ten seconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from playwright.sync_api import Browser, Page, expect

from gateway.bundle import load
from gateway.bundle.objects import read_bundle
from gateway.following import POLL_SECONDS
from sandbox.addresses import Addresses
from sandbox.authority import KeyStore
from sandbox.browser import Browser as Citizen
from sandbox.launcher import Sandbox, http_client
from sandbox.login import Wanted, log_in
from sandbox.nodes.world import make_keys
from sandbox.state import State
from tests.browser.console_site import sign_in, visitor
from tests.support.ports import free_base
from tests.support.sandbox_keys import ready_directory
from tests.trust.registry.passkey import Passkey
from trust.log import open_database
from trust.registry import Approver, ChangeClass, EntryStore, Registry, edits_towards
from trust.registry.changes import apply
from trust.registry.diff import grouped

ANNA, BERT = "a.beispiel", "b.muster"
IN_FORCE_SECONDS = 10.0


@dataclass(frozen=True)
class Land:
    """A running sandbox whose two people have passkeys, too."""

    sandbox: Sandbox
    passkeys: dict[str, Passkey]

    @property
    def console(self) -> str:
        return self.sandbox.addresses.console_url

    @property
    def certificate(self) -> Path:
        """What the node hands over: the certificate of the key that signs its metadata."""
        return self.sandbox.state.directory / "nodes" / "gr-metadata.crt"

    def greek_login(self) -> dict[str, object]:
        """A whole login of a citizen of Greece, over HTTP."""
        state, addresses = self.sandbox.state, self.sandbox.addresses
        with http_client(state, addresses) as http:
            wanted = Wanted(country="EL", service="personenstand", level="high")
            return log_in(Citizen(http), addresses, wanted, print, state.drawer)

    def greece_gets_new_keys(self) -> None:
        """Its node signs messages and metadata with other keys from now on."""
        folder = self.sandbox.state.directory / "nodes"
        for file in [*folder.glob("gr-signing.*"), *folder.glob("gr-metadata.*")]:
            file.unlink()
        make_keys(KeyStore(folder, print))
        nodes = self.sandbox._children.pop("nodes")
        nodes.terminate()
        nodes.wait(10)
        state = str(self.sandbox.state.directory)
        self.sandbox._launch("nodes", [sys.executable, "-m", "sandbox", "nodes", "--state", state])
        self.sandbox._await("nodes", f"{self.sandbox.addresses.nodes}/health")

    def force(self, change: str) -> None:
        """What somebody with access to the database can do: the row that says it is in force."""
        with _store(self.sandbox.state) as store:
            registry = Registry(store)
            after = apply(registry.follow().proposals[change].change, registry.known.state)
            row = ("change-activated", {"change": change, "state": after.state_hash})
            store.append(store.head(), [row], now=datetime.now(UTC))


class WithoutCards(Sandbox):
    """Nobody here shows an Online-Ausweis."""

    def _launch(self, name: str, command: list[str]) -> None:
        if name != "eid-service":
            super()._launch(name, command)

    def _await(self, name: str, url: str) -> None:
        if name != "eid-service":
            super()._await(name, url)


@contextmanager
def _store(state: State) -> Iterator[EntryStore]:
    url = load(state.config).database_url
    engine = open_database(url.render_as_string(hide_password=False))
    yield EntryStore(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def land(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Land]:
    addresses = Addresses(port_base=free_base(), console=True)
    state = State(ready_directory(tmp_path_factory, "sandbox"))
    passkeys = {
        name: Passkey(credential_id=name.encode(), rp_id="localhost", origin=addresses.console_url)
        for name in (ANNA, BERT)
    }
    with WithoutCards(state, addresses, print) as running:
        with _store(state) as store:
            _ceremony(Registry(store), state, passkeys)
        yield Land(running, passkeys)


def _ceremony(registry: Registry, state: State, passkeys: dict[str, Passkey]) -> None:
    """The first approvers; then the configuration becomes the first change."""
    approvers = {
        name: Approver(name=name, credentials=(passkey.credential,)) for name, passkey in passkeys.items()
    }
    why = {"reason": "what was in force", "evidence": "file 1", "proposer": ANNA, "now": datetime.now(UTC)}
    registry.initialise(approvers, **why)
    desired = read_bundle(state.config).documents
    edits = edits_towards(registry.known.state, desired)
    change = registry.draft(ChangeClass.ORDINARY, edits, **why)
    now = datetime.now(UTC)
    registry.propose(change, approval=passkeys[ANNA].signs(change.change_hash, ANNA), now=now)
    signed = passkeys[BERT].signs(change.change_hash, BERT)
    assert registry.approve(signed, now=now).waiting is None


def _fingerprint(pem: bytes) -> str:
    return grouped(x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256()).hex())


def _propose(page: Page, land: Land) -> str:
    """Anna, by the form for a new certificate; gives the hash of the change."""
    page.goto(f"{land.console}/objects")
    page.get_by_role("link", name="gr-node", exact=True).click()
    page.get_by_role("link", name="Propose a new certificate").click()
    page.get_by_label("Upload the certificate (PEM or DER)").set_input_files(land.certificate)
    page.get_by_label("Reason", exact=True).fill("Greece has rolled over the key of its metadata")
    page.get_by_label("Evidence", exact=True).fill("fingerprint compared by telephone, file 12-0241/9")
    page.get_by_role("button", name="Continue to the signature").click()
    page.get_by_role("button", name="Propose with a passkey").click()
    expect(page.get_by_role("status")).to_contain_text("1 signature is missing")
    return page.url.rpartition("/")[2]


def test_new_certificate_for_greece_counts_when_the_second_person_has_signed(
    land: Land, browser: Browser
) -> None:
    """Shows 1; security.md D.7; issue 6, item 2."""
    before = _fingerprint(land.certificate.read_bytes())
    land.greece_gets_new_keys()
    assert "id_token" not in land.greek_login()

    with visitor(browser, land.passkeys[ANNA]) as page:
        sign_in(page, land.console)
        change = _propose(page, land)
        land.force(change)
        page.goto(land.console)
        expect(page.get_by_text("The log holds entries without effect")).to_be_visible()
        time.sleep(2 * POLL_SECONDS)  # for whoever would obey the row
        assert "id_token" not in land.greek_login()

    with visitor(browser, land.passkeys[BERT]) as page:
        sign_in(page, land.console)
        page.get_by_role("link", name="Greece has rolled over the key of its metadata").click()
        for fingerprint in (before, _fingerprint(land.certificate.read_bytes())):
            expect(page.locator("main")).to_contain_text(fingerprint)
        page.get_by_role("button", name="Approve with a passkey").click()
        expect(page.get_by_role("status")).to_contain_text("in force")

    deadline = time.monotonic() + IN_FORCE_SECONDS
    while "id_token" not in (outcome := land.greek_login()):
        assert time.monotonic() < deadline, outcome
    assert land.sandbox._children["gateway"].poll() is None
