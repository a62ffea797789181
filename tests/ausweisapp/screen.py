"""What AusweisApp shows the citizen, and what the citizen does: its SDK instead of its window.

The WebSocket takes the window's place (SDK documentation, "Desktop"); a workflow that a browser has
started by TR-03124-1 §2.2 appears here as it would there. Messages and commands are those of the SDK,
API level 2.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Self

from websocket import WebSocket, create_connection

from tests.ausweisapp.application import PORT

SECONDS = 30
"""A workflow takes about a second."""
READER = "Simulator"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedCard:
    """File system and keys of AusweisApp's simulator (SDK documentation, "Simulator")."""

    files: tuple[dict[str, str], ...] = ()
    """Empty: the card that AusweisApp brings along."""
    keys: tuple[dict[str, object], ...] = ()

    def put_down(self) -> dict[str, object]:
        """The command."""
        own = {"simulator": {"files": list(self.files), "keys": list(self.keys)}} if self.files else {}
        return {"cmd": "SET_CARD", "name": READER, **own}


@dataclass(frozen=True, slots=True, kw_only=True)
class Citizen:
    """Who sits in front of the screen."""

    card: SimulatedCard | None = None
    """None: never puts a card down."""
    untick: frozenset[str] = frozenset()
    """Optional rights taken away on the screen."""
    waits_at_consent: bool = False
    """Reads the screen until the test says ``go_on``."""
    refuses: bool = False
    """Cancels when asked for consent."""
    seconds_to_pin: float = 0
    """How long the PIN is looked for."""
    walks_away_at_pin: bool = False
    """Cancels when asked for the PIN."""


@dataclass(slots=True)
class Seen:
    """What was on the screen in one workflow."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    aux: dict[str, str] = field(default_factory=dict)
    transaction: str | None = None
    certificate: dict[str, Any] = field(default_factory=dict)
    result: dict[str, str] = field(default_factory=dict)
    url: str | None = None
    messages: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.result.get("major", "").endswith("#ok")

    @property
    def lost_card(self) -> bool:
        """What the simulator of 1.26 does now and then, and no citizen."""
        return self.result.get("minor", "").endswith("/al/common#unknownError")

    @property
    def reason(self) -> str | None:
        """AusweisApp's own word for what went wrong."""
        return self.result.get("reason")


class ScreenFailed(Exception):
    """AusweisApp shows what no test expects; the text says what."""


class Screen:
    """One connection; AusweisApp allows one at a time."""

    def __init__(self, *, may_lose_card: bool = False) -> None:
        self.may_lose_card = may_lose_card
        self._socket: WebSocket = create_connection(
            f"ws://127.0.0.1:{PORT}/eID-Kernel",
            timeout=SECONDS,
            header={"User-Agent": "eid-gateway tests"},
            suppress_origin=True,
        )
        self.at_consent = Event()
        self.go_on = Event()
        self._pool = ThreadPoolExecutor(1)
        self._send(cmd="SET_API_LEVEL", level=2)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()
        self._pool.shutdown()

    def _send(self, **command: object) -> None:
        self._socket.send(json.dumps(command))

    def _received(self) -> Iterator[dict[str, Any]]:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            message: dict[str, Any] = json.loads(self._socket.recv())
            yield message
        raise ScreenFailed("the workflow does not end")

    @contextmanager
    def watched_by(self, citizen: Citizen) -> Iterator[Future[Seen]]:
        """The citizen deals with the next workflow while the caller starts it in the browser."""
        future = self._pool.submit(self._workflow, citizen)
        yield future
        future.result(SECONDS)

    def _workflow(self, citizen: Citizen) -> Seen:
        seen = Seen()
        for message in self._received():
            kind = message["msg"]
            seen.messages.append(kind)
            match kind:
                case "ACCESS_RIGHTS":
                    self._consent(citizen, message, seen)
                case "CERTIFICATE":
                    seen.certificate = message["description"]
                    self._send(cmd="CANCEL" if citizen.refuses else "ACCEPT")
                case "INSERT_CARD" if citizen.card:
                    self._send(**citizen.card.put_down())
                case "INSERT_CARD":
                    self._send(cmd="CANCEL")
                case "ENTER_PIN" if "error" not in message:
                    time.sleep(citizen.seconds_to_pin)
                    # The simulated reader has a keypad of its own, so no PIN goes over this wire.
                    self._send(cmd="CANCEL" if citizen.walks_away_at_pin else "SET_PIN")
                case "AUTH" if "result" in message:
                    seen.result = message["result"]
                    seen.url = message.get("url")
                    return seen
                case "READER" | "STATUS" | "AUTH" | "API_LEVEL":
                    pass
                case _:
                    raise ScreenFailed(json.dumps(message))
        raise AssertionError

    def _consent(self, citizen: Citizen, message: dict[str, Any], seen: Seen) -> None:
        """The screen "You are about to identify yourself towards": rights, provider, buttons."""
        if "error" in message:
            raise ScreenFailed(json.dumps(message))
        chat = message["chat"]
        first = "ACCESS_RIGHTS" not in seen.messages[:-1]
        if first:
            seen.required = frozenset(chat["required"])
            seen.optional = frozenset(chat["optional"])
            seen.aux = message.get("aux", {})
            seen.transaction = message.get("transactionInfo")
        if first and citizen.untick:
            self._send(cmd="SET_ACCESS_RIGHTS", chat=sorted(seen.optional - citizen.untick))
        else:
            if citizen.waits_at_consent:
                self.at_consent.set()
                self.go_on.wait(SECONDS)
            self._send(cmd="GET_CERTIFICATE")
