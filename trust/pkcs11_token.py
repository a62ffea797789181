"""Sessions with a token of a hardware module: one login, a bounded pool, renewal after device errors.

A login holds for all sessions of a process (PKCS#11 v2.40 §5.6): one session logs in and stays, the
others are opened without PIN and lent out one at a time. A device that went away comes back by
itself; a PIN that was refused is not tried again until its file says something else, because a token
locks after a few wrong ones.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pkcs11
from pkcs11 import exceptions as ck

from trust.errors import DecryptionError, KeyUnavailable
from trust.pkcs11_module import Module, module
from trust.pkcs11_uri import KeyAddress, TokenAddress

T = TypeVar("T")

SESSIONS = 8
"""Sessions lent out at a time; the gateway signs in four threads."""
_WAIT_SECONDS = 5.0
_PAUSE_SECONDS = 1.0
"""After a device failed for good: nobody waits for it again so soon."""


class Unreliable(Exception):
    """The device answered, but with something that is not true."""


DEVICE_ERRORS = (
    ck.DeviceError,
    ck.DeviceMemory,
    ck.DeviceRemoved,
    ck.FunctionFailed,
    ck.GeneralError,
    ck.KeyHandleInvalid,
    ck.NoSuchToken,
    ck.ObjectHandleInvalid,
    ck.OperationActive,
    ck.OperationNotInitialized,
    ck.SessionClosed,
    ck.SessionCount,
    ck.SessionHandleInvalid,
    ck.SlotIDInvalid,
    ck.TokenNotPresent,
    ck.TokenNotRecognised,
    ck.UserNotLoggedIn,
)
"""After these, and after a code that has no name, a fresh session, login or module may help."""


@dataclass(slots=True)
class Lease:
    """A session in the hands of one thread."""

    session: pkcs11.Session
    epoch: int
    generation: int
    _keys: dict[tuple[str | None, bytes | None], pkcs11.PrivateKey] = field(default_factory=dict, repr=False)

    def private_key(self, address: KeyAddress) -> pkcs11.PrivateKey:
        """The one private key of ``address``. Raises KeyUnavailable."""
        name = (address.label, address.id)
        if name not in self._keys:
            wanted: dict[pkcs11.Attribute, object] = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY}
            if address.label is not None:
                wanted[pkcs11.Attribute.LABEL] = address.label
            if address.id is not None:
                wanted[pkcs11.Attribute.ID] = address.id
            found = list(self.session.get_objects(wanted))  # to the end, which ends the search in the token
            if not found:
                raise KeyUnavailable("key.missing", "the token holds no such private key")
            if len(found) > 1:
                raise KeyUnavailable("key.ambiguous", "several keys fit: give object and id")
            if not isinstance(found[0], pkcs11.PrivateKey):
                raise KeyUnavailable("key.type", "not a private key")
            self._keys[name] = found[0]
        return self._keys[name]


class Token:
    """See the module docstring."""

    def __init__(self, address: TokenAddress, loaded: Module) -> None:
        self.address = address
        self._module = loaded
        self._places = threading.BoundedSemaphore(SESSIONS)
        self._lock = threading.Lock()
        self._idle: list[Lease] = []
        self._anchor: tuple[pkcs11.Session, int] | None = None
        self._generation = 0
        self._refused_pin = b""
        self._pause_until = float("-inf")

    def __repr__(self) -> str:
        return f"Token({self.address.label or self.address.serial or self.address.slot!r})"

    def use(self, work: Callable[[Lease], T]) -> T:
        """What ``work`` gives with a session that is logged in.

        It is called again, with a new session, after an error of the device, so it must be free of
        effects. Raises KeyUnavailable, and whatever else ``work`` raises.
        """
        if time.monotonic() < self._pause_until:
            raise KeyUnavailable("key.device", "failed a moment ago")
        if not self._places.acquire(timeout=_WAIT_SECONDS):
            raise KeyUnavailable("key.busy", "all sessions are in use")
        try:
            return self._attempts(work)
        finally:
            self._places.release()

    def _attempts(self, work: Callable[[Lease], T]) -> T:
        failure: Exception | None = None
        for restart in (False, True, None):
            generation, epoch = self._generation, self._module.epoch
            try:
                return self._once(work)
            except Unreliable as error:
                if isinstance(failure, Unreliable):
                    raise KeyUnavailable("key.unreliable", str(error)) from error
                failure = error
            except ck.PKCS11Error as error:
                if not isinstance(error, DEVICE_ERRORS) and type(error) is not ck.PKCS11Error:
                    raise KeyUnavailable("key.refused", type(error).__name__) from error
                failure = error
            self._forget(generation)
            if restart and not isinstance(failure, Unreliable):
                self._module.restart(epoch)
        self._pause_until = time.monotonic() + _PAUSE_SECONDS
        raise KeyUnavailable("key.device", type(failure).__name__) from failure

    def _once(self, work: Callable[[Lease], T]) -> T:
        with self._module.entered() as epoch:
            lease = self._take(epoch)
            try:
                result = work(lease)
            except DecryptionError:
                self._give(lease)
                raise
            except BaseException:
                # Whatever happened, this session may be in the middle of something.
                _close(lease.session)
                raise
            self._give(lease)
            return result

    def _take(self, epoch: int) -> Lease:
        with self._lock:
            if self._anchor is None or self._anchor[1] != epoch:
                self._idle.clear()
                self._anchor = None
                self._generation += 1
                self._anchor = (self._log_in(), epoch)
            while self._idle:
                lease = self._idle.pop()
                if (lease.epoch, lease.generation) == (epoch, self._generation):
                    return lease
            return Lease(self._anchor[0].token.open(), epoch, self._generation)

    def _give(self, lease: Lease) -> None:
        with self._lock:
            if lease.generation == self._generation:
                self._idle.append(lease)
                return
        _close(lease.session)

    def _forget(self, generation: int) -> None:
        """Give up all sessions, and with them the login, of the generation that failed."""
        with self._module.entered() as epoch, self._lock:
            if self._generation != generation and self._anchor is not None:
                return  # another thread saw the same and has logged in again
            sessions = [lease.session for lease in self._idle if lease.epoch == epoch]
            if self._anchor is not None and self._anchor[1] == epoch:
                sessions.append(self._anchor[0])
            self._idle.clear()
            self._anchor = None
            for session in sessions:
                _close(session)

    def _log_in(self) -> pkcs11.Session:
        token = self._module.token(self.address)
        pin = _read_pin(self.address.pin_file)
        digest = hashlib.sha256(pin.encode()).digest()
        if digest == self._refused_pin:
            raise KeyUnavailable("key.pin", "was refused; not tried again until the file changes")
        try:
            return token.open(user_pin=pin)
        except ck.UserAlreadyLoggedIn:  # through another address of the same token
            return token.open()
        except (ck.PinIncorrect, ck.PinInvalid, ck.PinLenRange):
            self._refused_pin = digest
            # Without the cause: its traceback holds the call, and the call holds the PIN.
            raise KeyUnavailable("key.pin", "refused by the token") from None
        except (ck.PinLocked, ck.PinExpired, ck.UserPinNotInitialized) as error:
            raise KeyUnavailable("key.pin", type(error).__name__) from None


def _read_pin(file: Path) -> str:
    try:
        pin = file.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyUnavailable("key.pin", f"{file.name} cannot be read") from error
    if not pin:
        raise KeyUnavailable("key.pin", f"{file.name} is empty")
    return pin


def _close(session: pkcs11.Session) -> None:
    with suppress(ck.PKCS11Error):  # it is gone already, which is what was wanted
        session.close()


_tokens: dict[TokenAddress, Token] = {}
_opening = threading.Lock()


def token(address: TokenAddress) -> Token:
    """The token of ``address``: one pool and one login for all its keys. Raises KeyUnavailable."""
    with _opening:
        if address not in _tokens:
            _tokens[address] = Token(address, module(address.module))
        return _tokens[address]
