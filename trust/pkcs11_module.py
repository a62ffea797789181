"""A PKCS#11 module (Cryptoki library) in this process, used by several threads.

python-pkcs11 initialises a module with ``C_Initialize(NULL)``: that promises never to call it from
two threads at once (PKCS#11 v2.40 §5.4), and its calls release the interpreter lock. So it is
initialised a second time here, with ``CKF_OS_LOCKING_OK``, through the module's own function list.
Some modules forget a device that went away until they are initialised anew: ``restart``.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pkcs11
from pkcs11.exceptions import PKCS11Error, TokenNotPresent, TokenNotRecognised

from trust.errors import KeyUnavailable
from trust.pkcs11_uri import TokenAddress

_OS_LOCKING_OK = 0x00000002
_ALREADY_INITIALIZED = 0x00000191
_NOT_INITIALIZED = 0x00000190
_LEAVE_SECONDS = 2.0
"""How long a restart waits for calls under way; one that hangs longer keeps the module as it is."""
RESTART_SECONDS = 5.0
"""Between two restarts: other tokens of the module lose their sessions by each."""


class _InitializeArguments(ctypes.Structure):
    """``CK_C_INITIALIZE_ARGS``."""

    _fields_ = (
        ("mutexes", ctypes.c_void_p * 4),
        ("flags", ctypes.c_ulong),
        ("reserved", ctypes.c_void_p),
    )


class _FunctionList(ctypes.Structure):
    """The beginning of ``CK_FUNCTION_LIST``."""

    _fields_ = (
        ("version", ctypes.c_ubyte * 2),
        ("initialize", ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_void_p)),
        ("finalize", ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_void_p)),
    )


class Module:
    """One loaded module. ``epoch`` counts initialisations: handles of an older epoch mean nothing,
    or worse, something else."""

    def __init__(self, path: str) -> None:
        """Raises KeyUnavailable when ``path`` is no module."""
        try:
            self._library = pkcs11.lib(path)
            self._functions = _functions(path)
        except (PKCS11Error, OSError, AttributeError) as error:
            raise KeyUnavailable("key.module", f"{path} cannot be loaded") from error
        self._condition = threading.Condition()
        self._inside = 0
        self._closing = False
        self._restarted = float("-inf")
        self.epoch = 0
        self._initialize()

    @contextmanager
    def entered(self) -> Iterator[int]:
        """The epoch, which stays the same until the block is left."""
        with self._condition:
            self._condition.wait_for(lambda: not self._closing, _LEAVE_SECONDS)
            self._inside += 1
            epoch = self.epoch
        try:
            yield epoch
        finally:
            with self._condition:
                self._inside -= 1
                self._condition.notify_all()

    def token(self, address: TokenAddress) -> pkcs11.Token:
        """The one token of ``address``; to be called inside. Raises TokenNotPresent, KeyUnavailable."""
        found = [token for token in self._tokens() if _fits(token, address)]
        if not found:
            raise TokenNotPresent
        if len(found) > 1:
            raise KeyUnavailable("key.token", "more than one token fits: add its serial")
        return found[0]

    def restart(self, epoch: int) -> None:
        """Initialise anew what failed in ``epoch``, unless somebody did, or did so a moment ago.

        Not to be called inside.
        """
        with self._condition:
            now = time.monotonic()
            if self._closing or self.epoch != epoch or now - self._restarted < RESTART_SECONDS:
                return
            self._restarted = now
            self._closing = True  # the traffic of other tokens would keep it from ever being empty
            try:
                if self._condition.wait_for(lambda: not self._inside, _LEAVE_SECONDS):
                    self._initialize()
            finally:
                self._closing = False
                self._condition.notify_all()

    def _initialize(self) -> None:
        self.epoch += 1
        arguments = _InitializeArguments(flags=_OS_LOCKING_OK)
        status = self._functions.finalize(None)
        if status in {0, _NOT_INITIALIZED}:
            status = self._functions.initialize(ctypes.byref(arguments))
        if status not in {0, _ALREADY_INITIALIZED}:
            raise KeyUnavailable("key.module", f"C_Initialize answers 0x{status:x}")

    def _tokens(self) -> Iterator[pkcs11.Token]:
        for slot in self._library.get_slots(token_present=True):
            try:
                yield slot.get_token()
            except (TokenNotPresent, TokenNotRecognised):  # taken out between the two calls
                continue


def _functions(path: str) -> _FunctionList:
    found = ctypes.POINTER(_FunctionList)()
    status = ctypes.CDLL(path).C_GetFunctionList(ctypes.byref(found))
    if status:
        raise OSError(f"C_GetFunctionList answers 0x{status:x}")
    return found.contents


def _fits(token: pkcs11.Token, address: TokenAddress) -> bool:
    return all(
        wanted is None or wanted == there
        for wanted, there in (
            (address.label, token.label),
            (address.serial, token.serial.decode("utf-8", "replace").strip("\0 ")),
            (address.manufacturer, token.manufacturer_id),
            (address.model, token.model),
            (address.slot, token.slot.slot_id),
        )
    )


_modules: dict[str, Module] = {}
_loading = threading.Lock()


def module(path: str) -> Module:
    """The module at ``path``; a process can load it only once. Raises KeyUnavailable."""
    with _loading:
        if path not in _modules:
            _modules[path] = Module(path)
        return _modules[path]
