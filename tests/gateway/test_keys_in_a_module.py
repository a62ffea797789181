"""Keys of a hardware module in gateway.toml: found, probed, explained, watched (security.md D.9)."""

from __future__ import annotations

import itertools
import json
import shutil
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from starlette.requests import Request

from gateway.bundle.keys import load_keys
from gateway.bundle.problems import Problems
from gateway.health import Health
from gateway.own_keys import files as key_files
from gateway.own_keys.loaded import LoadedKey
from gateway.settings import KeyPurpose, Mode, Settings
from tests.support import softhsm
from tests.support.softhsm import SoftToken
from trust import pkcs11_module, pkcs11_token
from trust.keys import SignatureScheme
from trust.pkcs11_key import HardwareKey

PURPOSES = {
    KeyPurpose.OIDC_SIGNING: "p256",
    KeyPurpose.SAML_SIGNING: "rsa3072",
    KeyPurpose.SAML_DECRYPTION: "rsa3072",
    KeyPurpose.SAML_METADATA_SIGNING: "p256",
    KeyPurpose.EID_SIGNING: "rsa3072",
}
_numbers = itertools.count()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No rest between two attempts."""
    monkeypatch.setattr(pkcs11_module, "RESTART_SECONDS", 0.0)
    monkeypatch.setattr(pkcs11_token, "_PAUSE_SECONDS", 0.0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SoftToken]:
    """A key for each purpose, in a token; certificates and the subject key in files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pkcs11_module, "RESTART_SECONDS", 0.0)
        token = SoftToken.new("bundle")
    folder = tmp_path_factory.mktemp("keys")
    for number, (purpose, algorithm) in enumerate(PURPOSES.items(), 1):
        key_files.create(folder, purpose.value, purpose, algorithm=algorithm, days=30, subject="test")
        file = folder / f"{purpose.value}.key"
        key = load_pem_private_key(file.read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        token.bring_in(purpose.value, key, number)
        file.unlink()
    key_files.create(folder, "subject", KeyPurpose.SUBJECT, algorithm="p256", days=1, subject="test")
    token.bring_in("weak", rsa.generate_private_key(65537, 2048), 99)
    return folder, token


def section(purpose: KeyPurpose, reference: str) -> dict[str, object]:
    certificate = f"{purpose.value}.crt" if purpose is not KeyPurpose.OIDC_SIGNING else None
    return {"id": purpose.value, "purpose": purpose, "private_key": reference, "certificate": certificate}


def load(
    folder: Path, *sections: dict[str, object], mode: Mode = Mode.PRODUCTION
) -> tuple[dict[KeyPurpose, tuple[LoadedKey, ...]], str]:
    """The keys, and the words about what is wrong."""
    subject = {"id": "subject", "purpose": "subject", "private_key": "file:subject.key"}
    settings = Settings.model_validate(
        {
            "gateway": {
                "issuer": "https://id.example",
                "name": {"de": "x"},
                "operator": {"de": "x"},
                "mode": mode,
            },
            "keys": [*sections, subject],
        }
    )
    problems = Problems()
    keys, _ = load_keys(settings, folder, problems)
    return dict(keys), "\n".join(map(str, problems.found))


def test_every_purpose_that_signs_or_decrypts_takes_a_module(made: tuple[Path, SoftToken]) -> None:
    """design.md §2 decision 5: a hardware module serves every purpose."""
    folder, token = made
    keys, words = load(folder, *(section(purpose, token.uri(purpose.value)) for purpose in PURPOSES))
    assert words == ""
    for purpose in PURPOSES:
        (loaded,) = keys[purpose]
        assert isinstance(loaded.key, HardwareKey)
        assert (loaded.key.certificate is None) == (purpose is KeyPurpose.OIDC_SIGNING)
    signer = keys[KeyPurpose.OIDC_SIGNING][0].key
    assert len(signer.sign(b"data", SignatureScheme.ECDSA_SHA256)) == 64
    assert softhsm.PIN not in repr(keys)


@pytest.mark.parametrize(
    ("purpose", "change", "words"),
    [
        (KeyPurpose.SAML_SIGNING, ("object=saml-signing", "object=absent"), "holds no such private key"),
        (
            KeyPurpose.SAML_SIGNING,
            ("object=saml-signing", "object=saml-decryption"),
            "belongs to another key",
        ),
        (KeyPurpose.SAML_SIGNING, ("token=bundle", "token=absent"), "is the token there"),
        (KeyPurpose.SAML_SIGNING, ("pin-source=", "pin-value="), "never stands in the configuration"),
        (KeyPurpose.SAML_SIGNING, ("bundle.pin", "absent.pin"), "absent.pin cannot be read"),
        (KeyPurpose.SAML_SIGNING, (".so", ".so.absent"), "correct module-path"),
        (KeyPurpose.OIDC_SIGNING, ("object=oidc-signing", "object=weak"), "key of 2048 bits is too weak"),
        (KeyPurpose.EID_TLS, ("eid-tls", "eid-signing"), "eid-tls must be in this process"),
        (KeyPurpose.SUBJECT, ("object=subject", "object=weak"), "subject must be in this process"),
    ],
)
def test_problem_is_told_with_place_and_remedy(
    made: tuple[Path, SoftToken], purpose: KeyPurpose, change: tuple[str, str], words: str
) -> None:
    """style.md §6: check-config says what an operator can do about it, and never the PIN."""
    folder, token = made
    keys, told = load(folder, section(purpose, token.uri(purpose.value).replace(*change)))
    assert purpose not in keys
    assert words in told
    assert told.startswith("gateway.toml: keys[0]")
    assert "remedy" in told
    assert softhsm.PIN not in told


def test_pin_that_everybody_can_read_is_refused_in_production(made: tuple[Path, SoftToken]) -> None:
    """security.md D.10: as for every other secret file."""
    folder, token = made
    oidc = section(KeyPurpose.OIDC_SIGNING, token.uri("oidc-signing"))
    token.pin_file.chmod(0o604)
    assert "is open to every user" in load(folder, oidc)[1]
    assert load(folder, oidc, mode=Mode.DEVELOPMENT)[1] == ""
    token.pin_file.chmod(0o600)


def test_without_the_extra_the_remedy_is_to_install_it(
    made: tuple[Path, SoftToken], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody without a module has to have python-pkcs11."""
    folder, token = made
    monkeypatch.setitem(sys.modules, "trust.pkcs11_key", None)
    _, told = load(folder, section(KeyPurpose.OIDC_SIGNING, token.uri("oidc-signing")))
    assert "install eid-gateway[hsm]" in told


@pytest.mark.anyio
@pytest.mark.parametrize(("state", "status"), [("active", 503), ("next", 200)], ids=str)
async def test_health_names_the_key_while_its_token_is_away(
    made: tuple[Path, SoftToken], tmp_path: Path, state: str, status: int
) -> None:
    """Down without the key in use, warned without the next one; it comes back by itself, without a restart."""
    folder, token = made
    key = section(KeyPurpose.OIDC_SIGNING, token.uri("oidc-signing")) | {"state": state}
    health = Health(
        store=_Reachable(),  # type: ignore[arg-type]  # only its ping is asked
        log=_Reachable(),  # type: ignore[arg-type]  # only its check
        in_force=_InForce(load(folder, key)[0]),  # type: ignore[arg-type]  # only its keys
        refresh=_Reachable(),  # type: ignore[arg-type]  # the start is not asked about
        clock=_never,
    )
    assert await answer(health) == (200, [])
    tokens, away = softhsm.directory() / "tokens", tmp_path / "away"
    shutil.move(tokens, away)
    tokens.mkdir()
    softhsm.loaded().restart(softhsm.loaded().epoch)
    assert await answer(health) == (status, ["key.device: oidc-signing"])
    tokens.rmdir()
    shutil.move(away, tokens)
    assert await answer(health) == (200, [])


class _Reachable:
    async def ping(self) -> None:
        """The store answers."""

    def check(self) -> None:
        """The log can be written."""


class _InForce:
    """Keys; no peer, no problem."""

    problem = None
    declared_keys = ()
    suspended_keys: frozenset[str] = frozenset()

    def __init__(self, keys: dict[KeyPurpose, tuple[LoadedKey, ...]]) -> None:
        self.keys = keys
        self.key_plans: dict[str, object] = {}
        self.connectors: dict[str, object] = {}
        self.current = self.configuration = self


def _never() -> object:
    return None


async def answer(health: Health) -> tuple[int, list[str]]:
    response = await health.ready(Request({"type": "http"}))
    return response.status_code, json.loads(response.body)["reasons"]
