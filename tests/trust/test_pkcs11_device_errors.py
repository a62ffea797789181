"""A token that goes away comes back by itself, and a refused PIN is not tried again (security.md D.9)."""

from __future__ import annotations

import itertools
import shutil
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pkcs11
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pkcs11 import exceptions as ck

from tests.support import softhsm
from tests.support.softhsm import SoftToken
from trust import pkcs11_module, pkcs11_token
from trust.errors import DecryptionError, KeyUnavailable
from trust.keys import SignatureScheme
from trust.pkcs11_key import HardwareKey, load_hardware_key
from trust.pkcs11_token import SESSIONS, Lease, Token
from trust.pkcs11_uri import parse
from trust.signing import scheme_for

EC = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 3072)
SCHEME = SignatureScheme.ECDSA_SHA256
_numbers = itertools.count()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No rest between two attempts."""
    monkeypatch.setattr(pkcs11_module, "RESTART_SECONDS", 0.0)
    monkeypatch.setattr(pkcs11_token, "_PAUSE_SECONDS", 0.0)


@pytest.fixture
def token() -> SoftToken:
    made = SoftToken.new(f"errors-{next(_numbers)}")
    made.bring_in("key", EC)
    return made


@pytest.fixture
def key(token: SoftToken) -> HardwareKey:
    return load_hardware_key(token.address("key"), probe=scheme_for)


@pytest.fixture
def logins(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One entry for each time that a PIN is shown to the token."""
    shown: list[None] = []
    original = Token._log_in

    class Watched:
        def __init__(self, token: pkcs11.Token) -> None:
            self.token = token

        def open(self, user_pin: str | None = None) -> pkcs11.Session:
            if user_pin is not None:
                shown.append(None)
            return self.token.open(user_pin=user_pin)

    find = pkcs11_module.Module.token

    def log_in(self: Token) -> pkcs11.Session:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                pkcs11_module.Module, "token", lambda module, address: Watched(find(module, address))
            )
            return original(self)

    monkeypatch.setattr(Token, "_log_in", log_in)
    return shown


def test_one_login_serves_every_key_and_session(token: SoftToken, logins: list[None]) -> None:
    """PKCS#11 v2.40 §5.6: the login state belongs to the application, not to a session."""
    token.bring_in("other", ec.generate_private_key(ec.SECP256R1()), 2)
    keys = [load_hardware_key(token.address(name), probe=scheme_for) for name in ("key", "other")]
    for key in keys * 3:
        key.sign(b"data", SCHEME)
    assert len(logins) == 1
    assert keys[0].token is keys[1].token


def test_closed_session_is_replaced(key: HardwareKey) -> None:
    """CKR_SESSION_HANDLE_INVALID: the sessions of a pool may be gone without a word."""
    for lease in key.token._idle:
        lease.session.close()
    assert key.sign(b"data", SCHEME)


def test_lost_login_is_renewed(key: HardwareKey, logins: list[None]) -> None:
    """CKR_USER_NOT_LOGGED_IN: somebody in this process has logged out."""
    assert key.token._anchor is not None
    key.token._anchor[0].close()
    assert key.sign(b"data", SCHEME)
    assert len(logins) == 1


def test_module_that_forgot_everything_is_initialised_anew(key: HardwareKey) -> None:
    """CKR_CRYPTOKI_NOT_INITIALIZED: as after the end of the service that a module speaks to."""
    loaded = softhsm.loaded()
    before = loaded.epoch
    loaded._functions.finalize(None)
    assert key.sign(b"data", SCHEME)
    assert loaded.epoch == before + 1


@pytest.mark.parametrize("error", [ck.DeviceError, ck.DeviceRemoved, ck.GeneralError, ck.OperationActive])
def test_passing_device_error_is_not_noticed(key: HardwareKey, error: type[Exception]) -> None:
    """The second attempt has a new session."""
    failures = [error()]

    def work(lease: Lease) -> str:
        if failures:
            raise failures.pop()
        return lease.private_key(key.address).label

    assert key.token.use(work) == "key"


def test_token_that_is_taken_out_is_unavailable_and_comes_back(
    key: HardwareKey, token: SoftToken, tmp_path: Path
) -> None:
    """No restart of the gateway is needed; meanwhile each use fails at once and with one reason."""
    tokens = softhsm.directory() / "tokens"
    away = tmp_path / "away"
    shutil.move(tokens, away)
    tokens.mkdir()
    softhsm.loaded().restart(softhsm.loaded().epoch)
    for _ in range(2):
        with pytest.raises(KeyUnavailable) as gone:
            key.check()
        assert gone.value.reason == "key.device"
    tokens.rmdir()
    shutil.move(away, tokens)
    key.check()
    assert key.sign(b"data", SCHEME)


def test_nobody_waits_for_a_device_that_failed_a_moment_ago(
    key: HardwareKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A login costs its three attempts once a second, not once a request."""
    monkeypatch.setattr(pkcs11_token, "_PAUSE_SECONDS", 60.0)
    attempts: list[None] = []

    def work(_: Lease) -> None:
        attempts.append(None)
        raise ck.DeviceError

    for _ in range(5):
        with pytest.raises(KeyUnavailable):
            key.token.use(work)
    assert len(attempts) == 3


def test_refused_pin_is_shown_once_until_the_file_changes(token: SoftToken, logins: list[None]) -> None:
    """A token locks after a few wrong PINs, and every worker and every request would try."""
    token.pin_file.write_text("wrong-8812\n")
    told = ""
    for _ in range(4):
        with pytest.raises(KeyUnavailable) as refused:
            load_hardware_key(token.address("key"), probe=scheme_for)
        assert refused.value.reason == "key.pin"
        told += "".join(traceback.format_exception(refused.value))
    assert len(logins) == 1
    assert "wrong-8812" not in told
    token.pin_file.write_text(softhsm.PIN)
    assert load_hardware_key(token.address("key"), probe=scheme_for).sign(b"data", SCHEME)


def test_changed_pin_is_read_at_the_next_login(
    key: HardwareKey, token: SoftToken, logins: list[None]
) -> None:
    """First changed in the token, then in the file: whoever is logged in stays so, and the next login has the new one."""
    address = key.token.address
    new = "pin-9035"
    with softhsm.loaded().entered():
        found = softhsm.loaded().token(address)
        with found.open(rw=True) as session:
            session.set_pin(softhsm.PIN, new)
    assert key.sign(b"data", SCHEME)
    token.pin_file.write_text(f"{new}\n")
    assert not logins
    assert key.token._anchor is not None
    key.token._anchor[0].close()  # with it every session of ours is logged out
    assert key.sign(b"data", SCHEME)
    assert len(logins) == 1


def test_broken_ciphertext_costs_no_session(token: SoftToken, logins: list[None]) -> None:
    """A stranger's broken messages look like a broken device (CKR_GENERAL_ERROR) and must not become one."""
    token.bring_in("rsa", RSA, 2)
    key = load_hardware_key(token.address("rsa"), probe=None)
    epoch = softhsm.loaded().epoch
    for number in range(5):
        for digest in ("SHA1", "SHA256"):
            with pytest.raises(DecryptionError):
                key.decrypt_oaep(bytes([number]) * 384, digest=digest, mgf1=digest)
    assert len(logins) == 1
    assert len(key.token._idle) == 1
    assert softhsm.loaded().epoch == epoch


def test_signature_of_another_key_never_leaves(token: SoftToken, key: HardwareKey) -> None:
    """A stale handle, or a fault in the module: what the public key does not verify is not used."""
    token.bring_in("other", ec.generate_private_key(ec.SECP256R1()), 2)

    def confused(lease: Lease) -> None:
        other = load_hardware_key(token.address("other"), probe=scheme_for)
        lease._keys[key.address.label, key.address.id] = lease.private_key(other.address)

    key.token.use(confused)
    assert all(lease._keys for lease in key.token._idle)
    before = list(key.token._idle)  # held, so that no new session can have the identity of an old one
    assert key.sign(b"data", SCHEME)  # by a new session: the confused one was given up
    assert not [lease for lease in key.token._idle if any(lease is old for old in before)]


def test_threads_share_a_bounded_number_of_sessions(key: HardwareKey, logins: list[None]) -> None:
    """More threads than sessions, one login, and every signature its own (each is verified inside)."""
    signatures: set[bytes] = set()

    def work() -> None:
        for _ in range(10):
            signatures.add(key.sign(b"data", SCHEME))

    threads = [threading.Thread(target=work) for _ in range(3 * SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(signatures) == 30 * SESSIONS
    assert len(key.token._idle) <= SESSIONS
    assert not logins  # it had been logged in before


def test_waiting_for_a_session_ends(key: HardwareKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that hangs keeps its sessions; whoever comes later is told instead of hanging, too."""
    monkeypatch.setattr(pkcs11_token, "_WAIT_SECONDS", 0.01)
    with _all_taken(key.token):
        with pytest.raises(KeyUnavailable) as busy:
            key.sign(b"data", SCHEME)
        assert busy.value.reason == "key.busy"
    assert key.sign(b"data", SCHEME)


class _all_taken:  # noqa: N801 - reads as what it does
    def __init__(self, token: Token) -> None:
        self._places = token._places

    def __enter__(self) -> None:
        for _ in range(SESSIONS):
            assert self._places.acquire(blocking=False)

    def __exit__(self, *_: object) -> None:
        self._places.release(SESSIONS)


def test_restart_waits_for_calls_under_way(key: HardwareKey) -> None:
    """C_Finalize during a call of another thread is undefined (PKCS#11 v2.40 §5.4)."""
    loaded = softhsm.loaded()
    inside, leave, order = threading.Event(), threading.Event(), list[str]()

    def work(_: Lease) -> None:
        inside.set()
        leave.wait(10)
        order.append("call")

    def restart() -> None:
        loaded.restart(loaded.epoch)
        order.append("restart")

    threads = [threading.Thread(target=key.token.use, args=(work,)), threading.Thread(target=restart)]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    time.sleep(0.05)  # gives a wrong restart its chance; a right one waits however long this is
    leave.set()
    for thread in threads:
        thread.join()
    assert order == ["call", "restart"]
    assert key.sign(b"data", SCHEME)


def test_call_that_hangs_keeps_the_module_as_it_is(key: HardwareKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """The restart is given up, and the next call is let in."""
    monkeypatch.setattr(pkcs11_module, "_LEAVE_SECONDS", 0.01)
    loaded = softhsm.loaded()
    before = loaded.epoch
    inside, leave = threading.Event(), threading.Event()

    def work(_: Lease) -> None:
        inside.set()
        leave.wait(10)

    hanging = threading.Thread(target=key.token.use, args=(work,))
    hanging.start()
    assert inside.wait(10)
    loaded.restart(loaded.epoch)
    assert loaded.epoch == before
    assert key.sign(b"data", SCHEME)
    leave.set()
    hanging.join()


def test_file_that_is_no_module_is_refused(token: SoftToken, tmp_path: Path) -> None:
    """``module-path`` is the operator's; whatever is there must not end the process."""
    file = tmp_path / "module.so"
    file.write_text("not a library")
    for path in (file, tmp_path / "absent.so"):
        address = token.uri("key").replace(str(softhsm.library()), str(path))
        with pytest.raises(KeyUnavailable) as refused:
            load_hardware_key(parse(address, tmp_path), probe=scheme_for)
        assert refused.value.reason == "key.module"


@pytest.fixture(scope="module", autouse=True)
def sound_module() -> Iterator[None]:
    """What comes after in this process finds the module initialised."""
    yield
    loaded = softhsm.loaded()
    loaded.restart(loaded.epoch)
