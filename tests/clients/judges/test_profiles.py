"""Two client libraries that we did not write complete every profile against a running gateway (issue 5).

``openid-client`` and ``oauth4webapi`` discover, sign, prove, decrypt and check by themselves; the tests are
only the citizen between. What the libraries are lenient about is in ``tests/certification``.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.browser import Browser
from sandbox.launcher import Sandbox, http_client
from tests.clients.judges.conftest import LOGGED_OUT, Registrations
from tests.clients.judges.receiver import Receiver

HERE = Path(__file__).parent
ELSEWHERE = "https://judge.example/"
BOTH = pytest.mark.parametrize("library", ["openid_client", "oauth4webapi"])


@dataclass
class Citizen:
    """Walks from an address through all pages to the client, with one browser."""

    browser: Browser
    arrived: list[httpx.Request] = field(default_factory=list)

    def walk(self, address: str, country: str) -> dict[str, Any]:
        """Where the browser ended, as the client sees it."""
        self.arrived.clear()
        self.browser.get(address)
        for _ in range(8):
            if self.arrived:
                request = self.arrived[-1]
                body = request.content.decode()
                return {"url": str(request.url), "form": dict(httpx.QueryParams(body)) if body else None}
            self._step(country)
        raise AssertionError(f"the journey ends at {self.browser.page.url}: {self.browser.page.text}")

    def _step(self, country: str) -> None:
        for form in self.browser.page.forms:
            if "country" in form.choices:
                self.browser.submit(form, {"country": country})
                return
            if "decision" in form.choices:
                decision = "answer" if form.action.endswith("/answer") else "release"
                self.browser.submit(form, {"decision": decision})
                return
        assert self.browser.page.forms, self.browser.page.text
        self.browser.submit(self.browser.page.forms[0], {})


@pytest.fixture
def citizen(judged: Sandbox) -> Iterator[Citizen]:
    arrived: list[httpx.Request] = []

    def callback(request: httpx.Request) -> httpx.Response:
        arrived.append(request)
        return httpx.Response(200, text="arrived")

    with (
        http_client(judged.state, judged.addresses) as plain,
        httpx.Client(
            transport=plain._transport,
            mounts={"all://judge.example": httpx.MockTransport(callback)},
            trust_env=False,
        ) as http,
    ):
        yield Citizen(Browser(http), arrived)


@dataclass
class Bench:
    """Runs one judge and is its citizen."""

    node: list[str]
    sandbox: Sandbox
    registrations: Registrations
    citizen: Citizen

    def judge(
        self,
        library: str,
        profile: str,
        client_id: str,
        *countries: str,
        receiver: Receiver | None = None,
    ) -> dict[str, Any]:
        """What the client learned; ``countries``: chosen in this order, the last one from then on."""
        settings = {**self.registrations.settings[client_id], "issuer": self.sandbox.addresses.gateway}
        left = list(countries or ("GR",))
        with self._started([*self.node, str(HERE / f"{library}.mjs"), profile]) as process:
            _tell(process, settings)
            assert process.stdout is not None
            for line in process.stdout:
                said = json.loads(line)
                if "go" in said:
                    country = left.pop(0) if len(left) > 1 else left[0]
                    _tell(process, self.citizen.walk(said["go"], country))
                elif "logout_token" in said:
                    assert receiver is not None
                    _tell(process, {"logout_token": receiver.token()})
                else:
                    assert "done" in said, said
                    done: dict[str, Any] = said["done"]
                    return done
        raise AssertionError("the judge said nothing")

    @contextmanager
    def _started(self, command: list[str]) -> Iterator[subprocess.Popen[str]]:
        environment = {**os.environ, "NODE_EXTRA_CA_CERTS": str(self.sandbox.state.authority)}
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        with process:
            try:
                yield process
            finally:
                process.kill()


def _tell(process: subprocess.Popen[str], what: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(what) + "\n")
    process.stdin.flush()


@pytest.fixture
def bench(node_command: list[str], judged: Sandbox, registrations: Registrations, citizen: Citizen) -> Bench:
    return Bench(node_command, judged, registrations, citizen)


def _is_the_person(found: dict[str, Any]) -> None:
    assert found["userinfo"]["sub"] == found["claims"]["sub"]
    assert found["userinfo"]["family_name"] == "Onasis"


@BOTH
def test_basic(bench: Bench, library: str) -> None:
    """OpenID Connect Core §3.1 with a secret; oauth4webapi also revokes the token (RFC 7009)."""
    found = bench.judge(library, "basic", "judge-basic")
    _is_the_person(found)
    if library == "oauth4webapi":
        assert found["refused"] == "invalid_token"


def test_answer_by_form(bench: Bench) -> None:
    """Form Post Response Mode, read by the library from the request itself."""
    _is_the_person(bench.judge("openid_client", "form-post", "judge-basic"))


@BOTH
def test_pushed_request_with_private_key_jwt_and_dpop(bench: Bench, library: str) -> None:
    """FAPI 2.0 Security Profile: PAR, PKCE, private_key_jwt, DPoP at all three endpoints."""
    found = bench.judge(library, "fapi2", "judge-fapi")
    _is_the_person(found)
    assert found["token_type"] == "dpop"


@BOTH
@pytest.mark.parametrize("client_id", ["judge-self-signed", "judge-pki"])
def test_client_certificate(bench: Bench, library: str, client_id: str) -> None:
    """RFC 8705 in a real TLS handshake: by ``mtls_endpoint_aliases``, tokens bound to the certificate."""
    _is_the_person(bench.judge(library, "mtls", client_id))


@BOTH
def test_signed_request_and_signed_answer(bench: Bench, library: str) -> None:
    """FAPI 2.0 Message Signing: JAR by PAR, JARM."""
    _is_the_person(bench.judge(library, "message-signing", "judge-signing"))


@pytest.mark.parametrize("client_id", ["judge-ecdh", "judge-ecdh-direct", "judge-rsa"])
def test_encrypted_id_token_and_userinfo(bench: Bench, client_id: str) -> None:
    """OpenID Connect Core §10.2: signed, then encrypted to the client's key."""
    found = bench.judge("openid_client", "encrypted", client_id)
    _is_the_person(found)
    assert found["parts"] == 5


def test_logout_and_back_channel_logout(bench: Bench, receiver: Receiver) -> None:
    """RP-Initiated Logout §2, §3 and Back-Channel Logout §2.4 to §2.6."""
    found = bench.judge("openid_client", "logout", "judge-logout", "SE", receiver=receiver)
    assert found["again"]["auth_time"] == found["claims"]["auth_time"]
    assert found["landed"] == LOGGED_OUT
    assert found["afterwards"] == "login_required"
    told = found["told"]
    assert (told["sub"], told["sid"]) == (found["claims"]["sub"], found["claims"]["sid"])
    assert told["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert "nonce" not in told


def test_step_up(bench: Bench) -> None:
    """RFC 9470 §3, §4: the payment component wants level high, and gets it in a second login."""
    found = bench.judge("openid_client", "step-up", "judge-payer", "SE", "GR")
    assert found["error"] == "insufficient_user_authentication"
    assert found["acr_values"] == "http://eidas.europa.eu/LoA/high"
    assert found["receipt"]["amount"] == 25_000
    assert "family_name" not in found["receipt"]["learned"]


def test_access_token_for_a_resource_server(bench: Bench) -> None:
    """RFC 9068 §4, by the library's own validation: issuer, audience, type, signature, required claims."""
    found = bench.judge("oauth4webapi", "access-token", "judge-payer")
    token = found["access_token"]
    assert token["client_id"] == "judge-payer"
    assert not {"family_name", "given_name", "birthdate"} & token.keys()
