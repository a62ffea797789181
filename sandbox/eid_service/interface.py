"""useID, getResult, getServerInfo over octets (TR-03130-1 §3.2): who asks, what is due, what is refused.

A session belongs to the client whose key signed its useID, and it dies with the first answer to
getResult that is not "no result yet", an error included. The counter rises by exactly one
(conformity cases A1_3_06 and A1_4_08 to A1_4_17).
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from cryptography import x509
from lxml import etree

from sandbox.authority import KeyPair
from sandbox.eid_service import reading, writing
from sandbox.eid_service.envelope import Unverified, parse, verify, write
from sandbox.eid_service.names import (
    EID,
    INTERNAL_ERROR,
    INVALID_COUNTER,
    INVALID_PSK,
    INVALID_SESSION,
    MISSING_ARGUMENT,
    MISSING_RIGHTS,
    NO_RESULT_YET,
    SCHEMA_VIOLATION,
    TOO_MANY_SESSIONS,
    Refused,
)
from sandbox.eid_service.reading import PSK, UseID
from sandbox.eid_service.writing import Outcome

CAPACITY = 1_000
LIFETIME = timedelta(minutes=10)
"""From useID to the last getResult; what is older is gone, whether anybody asked or not (§3.2.2)."""
_OPERATIONS = ("useID", "getResult", "getServerInfo")


class CardServer(Protocol):
    """What stands behind the interface and talks to cards."""

    def rights(self) -> frozenset[str]:
        """Selectors that the terminal certificate allows."""
        ...

    def open(self, asked: UseID, psk: PSK) -> None:
        """Await a client that names ``psk.id``. Raises Refused."""
        ...

    def result(self, identity: str) -> Outcome | None:
        """What came of it, once; None: not yet. Raises Refused with any minor."""
        ...


@dataclass(slots=True)
class _Session:
    client: str
    psk: PSK
    asked: UseID
    expires: datetime
    counter: int | None = None


@dataclass(slots=True, kw_only=True)
class EIDInterface:
    """The eID-Interface of one eID-Server; thread-safe."""

    clients: Mapping[str, x509.Certificate]
    """Who may ask, by the certificate that signs (§3.1)."""
    signing: KeyPair
    cards: CardServer
    paos_address: str
    successors: Mapping[str, str] = field(default_factory=dict)
    """Which of ``clients`` are the next keys of another one: a session goes on with either."""
    capacity: int = CAPACITY
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _sessions: OrderedDict[str, _Session] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, octets: bytes, operation: str) -> bytes:
        """The signed response to one message; ``operation`` from SOAPAction, for errors only."""
        operation = operation if operation in _OPERATIONS else "useID"
        try:
            signer, root = verify(parse(octets), self.clients, now=self.clock())
            client = self.successors.get(signer, signer)
        except Unverified:
            # nothing about why: §3.1
            return self._written(writing.error_response(operation, INTERNAL_ERROR))
        named = str(root.tag).removeprefix(f"{{{EID}}}").removesuffix("Request")
        steps = {"useID": self._use_id, "getResult": self._get_result, "getServerInfo": self._server_info}
        if root.tag != f"{{{EID}}}{named}Request" or named not in steps:
            return self._written(writing.error_response(operation, SCHEMA_VIOLATION))
        try:
            return self._written(steps[named](client, root))
        except Refused as refused:
            return self._written(writing.error_response(named, refused.minor))

    def _written(self, content: etree._Element) -> bytes:
        return write(content, self.signing, now=self.clock())

    def _use_id(self, client: str, root: etree._Element) -> etree._Element:
        asked = reading.use_id(root)
        wanted = asked.required | asked.optional
        if "AgeVerification" in wanted and asked.age is None:
            raise Refused(MISSING_ARGUMENT)
        if "PlaceVerification" in wanted and asked.community_id is None:
            raise Refused(MISSING_ARGUMENT)
        if not wanted <= self.cards.rights():
            raise Refused(MISSING_RIGHTS)
        psk = asked.psk or PSK(id=secrets.token_hex(16), key=secrets.token_hex(32))
        handle = secrets.token_hex(16)
        now = self.clock()
        with self._lock:
            self._forget_expired(now)
            if len(self._sessions) >= self.capacity:
                raise Refused(TOO_MANY_SESSIONS)
            if any(session.psk.id == psk.id for session in self._sessions.values()):
                raise Refused(INVALID_PSK)
            self._sessions[handle] = _Session(client, psk, asked, now + LIFETIME)
        try:
            self.cards.open(replace(asked, psk=None), psk)
        except Refused:
            self._end(handle)
            raise
        return writing.use_id_response(handle, self.paos_address, psk)

    def _get_result(self, client: str, root: etree._Element) -> etree._Element:
        try:
            asked = reading.get_result(root)
        except Refused:
            self._end(reading.session_named(root), client)
            raise
        session = self._counted(client, asked)
        try:
            outcome = self.cards.result(session.psk.id)
        except Refused as refused:
            if refused.minor != NO_RESULT_YET:
                self._end(asked.session)
            raise
        if outcome is None:
            raise Refused(NO_RESULT_YET)
        self._end(asked.session)
        return writing.get_result_response(
            outcome,
            level_asked=session.asked.minimum is not None,
            types_asked=session.asked.eid_types is not None,
        )

    def _counted(self, client: str, asked: reading.GetResult) -> _Session:
        now = self.clock()
        with self._lock:
            self._forget_expired(now)
            session = self._sessions.get(asked.session)
            if session is None or session.client != client:  # another client's session is no session
                raise Refused(INVALID_SESSION)
            if session.counter is not None and asked.counter != session.counter + 1:
                del self._sessions[asked.session]
                raise Refused(INVALID_COUNTER)
            session.counter = asked.counter
            return session

    def _server_info(self, _client: str, root: etree._Element) -> etree._Element:
        reading.get_server_info(root)
        return writing.get_server_info_response(self.cards.rights())

    def _forget_expired(self, now: datetime) -> None:
        for handle in [handle for handle, session in self._sessions.items() if session.expires <= now]:
            del self._sessions[handle]

    def _end(self, handle: str | None, client: str | None = None) -> None:
        with self._lock:
            session = self._sessions.get(handle or "")
            if session is not None and client in {None, session.client}:
                del self._sessions[handle or ""]
