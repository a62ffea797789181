"""A sandbox whose gateway has every own key in a hardware module: SoftHSM 2 (security.md D.9)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sandbox.addresses import Addresses
from sandbox.browser import Browser
from sandbox.launcher import Sandbox, http_client
from sandbox.login import Wanted, log_in
from sandbox.state import State
from tests.journeys.rolling import add_next_keys, roll_every_key
from tests.support.ports import free_base
from tests.support.sandbox_keys import ready_directory
from tests.support.softhsm import SoftToken

OUTSIDE = {"subject", "eid-tls"}
"""An HMAC key, and the key of mutual TLS, which Python's ``ssl`` needs itself."""


@dataclass(frozen=True, slots=True)
class StateWithToken(State):
    """Brings the gateway's keys into a token and deletes their files."""

    def prepare(self, addresses: Addresses, say: object) -> None:
        State.prepare(self, addresses, say)  # type: ignore[arg-type]  # handed through
        if addresses.profile == "rsa":
            add_next_keys(self)
        token = SoftToken.new(f"sandbox-{addresses.profile}")
        settings = self.config / "gateway.toml"
        text = settings.read_text("utf-8")
        moved = 0

        def move(found: re.Match[str]) -> str:
            nonlocal moved
            name = found["name"]
            if name.removesuffix("-next") in OUTSIDE:
                return found[0]
            file = self.config / "keys" / f"{name}.key"
            key = load_pem_private_key(file.read_bytes(), None)
            assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
            moved += 1
            if isinstance(key, ec.EllipticCurvePrivateKey) and "decryption" in name:
                token.bring_in_for_agreement(name, key)
            else:
                token.bring_in(name, key, moved)
            file.unlink()
            return f'private_key = "{token.uri(name)}"'

        text = re.sub(r'private_key = "file:keys/(?P<name>[a-z0-9-]+)\.key"', move, text)
        assert moved >= (15 if addresses.profile == "rsa" else 8)
        settings.write_text(text, "utf-8")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    state = StateWithToken(ready_directory(tmp_path_factory, "sandbox"))
    with Sandbox(state, Addresses(port_base=free_base(), metadata_seconds=1), print) as running:
        yield running


@pytest.mark.parametrize(
    "wanted",
    [
        {"country": "EL", "service": "personenstand", "level": "high"},
        {"eid": "bundid", "method": "Elster", "service": "feuerwehr"},
        {"eid": "npa-soap", "citizen": "year-only", "service": "personenstand"},
        {"eid": "npa-saml", "citizen": "year-only", "service": "personenstand"},
    ],
    ids=lambda wanted: wanted.get("eid", "eidas"),
)
def test_login_passes_with_every_own_key_in_a_module(sandbox: Sandbox, wanted: dict[str, str]) -> None:
    """SAML signing, SAML decryption, metadata, WS-Security and ID token: as with keys in the process."""
    left = {path.stem.removesuffix("-next") for path in Path(sandbox.state.config, "keys").glob("*.key")}
    assert left <= OUTSIDE
    with http_client(sandbox.state, sandbox.addresses) as http:
        result = log_in(Browser(http), sandbox.addresses, Wanted(**wanted), print, sandbox.state.drawer)
    assert result["id_token"]["iss"] == sandbox.addresses.gateway
    assert "error" not in result


def test_login_passes_with_curves_in_a_module(tmp_path_factory: pytest.TempPathFactory) -> None:
    """ECDSA, and ECDH-ES with a key that the module derives from (xmlenc-core1 §5.6.4)."""
    addresses = Addresses(port_base=free_base(), profile="ec")
    state = StateWithToken(ready_directory(tmp_path_factory, "sandbox", profile="ec"))
    with Sandbox(state, addresses, print), http_client(state, addresses) as http:
        wanted = Wanted(country="EE", service="personenstand", level="high")
        result = log_in(Browser(http), addresses, wanted, print, state.drawer)
    assert result["country"] == "EE"
    assert "error" not in result


def test_rolling_each_kind_of_own_key_under_load_loses_no_login(sandbox: Sandbox, tmp_path: Path) -> None:
    """As with keys in the process (test_rolling_keys.py): old and new keys are in the same token."""
    roll_every_key(sandbox, tmp_path)


def test_health_says_that_the_keys_can_be_used(sandbox: Sandbox) -> None:
    """/health/ready signs and decrypts a probe with each active key."""
    with http_client(sandbox.state, sandbox.addresses) as http:
        answer = http.get(f"{sandbox.addresses.management}/health/ready")
    assert answer.status_code == 200, answer.text
    assert not [reason for reason in answer.json()["reasons"] if reason.startswith("key.")]
