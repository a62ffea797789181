"""Sessions of the console: who is signed in here, with which passkey.

A record in the store, sealed under a secret that only the browser's cookie holds (``gateway.store.sealing``).
It ends after a time without a page, after some hours in any case, and at once when the person or the
passkey is no longer enrolled: that is asked at every page (``gateway.admin.pages``).

| cookie | holds | sent |
|---|---|---|
| ``__Host-console`` | secret of the session | by the console's own pages only: ``SameSite=Strict`` |
| ``__Host-ceremony-<number>`` | secret of one challenge for a passkey and of what came out, for minutes | as the first |

On ``http://localhost`` without the prefix and ``Secure``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from gateway.cookie_header import cookie
from gateway.store import BearerSecret, Store, new_journey_number

_SESSION = "console-session"
_CEREMONY = "console-ceremony"
CEREMONY = timedelta(minutes=5)
_MADE = "console-made"
_KEPT = timedelta(minutes=30)
"""How long what came out of a ceremony can be looked at again."""
_RENEW = timedelta(seconds=20)
"""Not every page writes: a session lives so much shorter than promised, at most."""
_CHALLENGE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """``secret`` also seals what this person has begun, e.g. drafts."""

    secret: BearerSecret
    person: str
    credential: str
    """Fingerprint of the passkey."""
    since: datetime
    until: datetime
    """When it ends at the latest, whatever happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Opens, finds and ends them."""

    store: Store
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
    idle: timedelta
    longest: timedelta
    https: bool

    async def open(self, person: str, credential: str) -> Session:
        """A new session under a fresh secret."""
        now = self.clock()
        secret = BearerSecret.new(new_journey_number(self.random), self.random)
        session = Session(
            secret=secret, person=person, credential=credential, since=now, until=now + self.longest
        )
        await self.store.put(secret, _SESSION, _record(session, now), until=self._end(session, now))
        return session

    async def find(self, request: Request) -> Session | None:
        """The session of this browser, its idle time begun anew."""
        secret = self._secret(request, self._name("console"))
        octets = await self.store.read(secret, _SESSION) if secret else None
        if secret is None or octets is None:
            return None
        now = self.clock()
        record = json.loads(octets)
        session = Session(
            secret=secret,
            person=record["person"],
            credential=record["credential"],
            since=_time(record["since"]),
            until=_time(record["until"]),
        )
        if now - _time(record["seen"]) >= _RENEW:
            await (
                self.store.batch(secret.journey)
                .replace(secret, _SESSION, _record(session, now), until=self._end(session, now))
                .run()
            )
        return session

    async def end(self, session: Session) -> None:
        """The secret finds nothing from now on."""
        await self.store.take(session.secret, _SESSION)

    def set_cookie(self, response: Response, session: Session | None) -> None:
        """Give the browser its secret, or with None take it away."""
        text = session.secret.text if session else ""
        seconds = int(self.longest.total_seconds()) if session else 0
        self._write(response, self._name("console"), text, seconds)

    async def begin_ceremony(self) -> tuple[BearerSecret, bytes]:
        """A challenge of random octets that can be answered once; its cookie is ``keep_ceremony``'s."""
        secret = BearerSecret.new(new_journey_number(self.random), self.random)
        challenge = self.random(_CHALLENGE)
        await self.store.put(secret, _CEREMONY, challenge, until=self.clock() + CEREMONY)
        return secret, challenge

    def keep_ceremony(self, response: Response, secret: BearerSecret, *, life: timedelta = CEREMONY) -> None:
        name = self._name(f"ceremony-{secret.journey}")
        self._write(response, name, secret.text, int(life.total_seconds()))

    async def take_ceremony(self, request: Request, number: str) -> bytes | None:
        """The challenge, for the first who asks with this browser's cookie."""
        secret = self._secret(request, self._name(f"ceremony-{number}"))
        return None if secret is None else await self.store.take(secret, _CEREMONY)

    async def keep_made(self, request: Request, number: str, octets: bytes, response: Response) -> None:
        """What came out of ceremony ``number``, for its browser alone: ``response`` renews the cookie."""
        secret = self._secret(request, self._name(f"ceremony-{number}"))
        if secret is not None:
            await self.store.put(secret, _MADE, octets, until=self.clock() + _KEPT)
            self.keep_ceremony(response, secret, life=_KEPT)

    async def made(self, request: Request, number: str) -> bytes | None:
        """What ``keep_made`` has kept; None: nothing, or for another browser."""
        secret = self._secret(request, self._name(f"ceremony-{number}"))
        return None if secret is None else await self.store.read(secret, _MADE)

    def _end(self, session: Session, now: datetime) -> datetime:
        return min(now + self.idle, session.until)

    def _name(self, name: str) -> str:
        return f"__Host-{name}" if self.https else name

    @staticmethod
    def _secret(request: Request, name: str) -> BearerSecret | None:
        try:
            return BearerSecret.parse(cookie(request, name) or "")
        except ValueError:
            return None

    def _write(self, response: Response, name: str, value: str, seconds: int) -> None:
        secure = "Secure; " if self.https else ""
        response.headers.append(
            "set-cookie", f"{name}={value}; Path=/; Max-Age={seconds}; {secure}HttpOnly; SameSite=Strict"
        )


def _record(session: Session, seen: datetime) -> bytes:
    fields = asdict(session) | {"seen": seen}
    del fields["secret"]
    return json.dumps(
        {name: v.timestamp() if isinstance(v, datetime) else v for name, v in fields.items()}
    ).encode()


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
