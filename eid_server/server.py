"""The eID-Server as a whole: sessions in memory, one dialogue with a card in each (TR-03130-1 §2, §3.2).

It serves three kinds of eService. Attached, the eService and this server are one component: no PSK,
and PAOS arrives in the TLS session in which the TC token went out. Behind the SOAP interface or a
SAML processor a session has a PSK, and PAOS is taken only from a channel that was opened with it.

A message of an eID-Client belongs to a session by what it answers: the MessageID of our last one,
122 random bits, good for one answer. So a message that comes twice, or in two places at once, is
taken once. Whatever is wrong with a message that belongs to a session ends that session.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec

from eid_server import envelope, server_messages
from eid_server.block_list import BlockList
from eid_server.card_batch import Order, mandated_order
from eid_server.chat import Right
from eid_server.dialogue import Dialogue, EphemeralKeys, today
from eid_server.ecard import (
    ISO,
    MINOR_DOCUMENT_VALIDITY,
    MINOR_INTERNAL_ERROR,
    MINOR_PARAMETER_ERROR,
    MINOR_SECURITY_CONDITION,
    MINOR_UNKNOWN_CHANNEL,
)
from eid_server.envelope import Envelope
from eid_server.errors import (
    ECARD_MINOR,
    DeniedDocument,
    EIDServerError,
    InvalidDocument,
    InvalidPSK,
    InvalidSession,
    Misconfigured,
    NoResultYet,
    ProtocolViolation,
    TooManyOpenSessions,
)
from eid_server.passive_authentication import CardTrust
from eid_server.request import SessionRequest
from eid_server.result import Result
from eid_server.session import IDENTIFIER_OCTETS, PreSharedKey, Session
from eid_server.terminal import Terminal
from eid_server.xml import Element

__all__ = ["EIDServer", "PreSharedKey", "Session"]

Clock = Callable[[], datetime]
"""The present, with a time zone; tests hold it still."""
Random = Callable[[int], bytes]
"""Octets wanted in, random octets out; ``secrets.token_bytes`` outside of tests."""

LIFETIME = timedelta(minutes=10)
"""From useID to the end, the citizen's search for card and PIN letter included."""
CAPACITY = 1_000
_START_PAOS = f"{{{ISO}}}StartPAOS"


@dataclass(slots=True, kw_only=True)
class _Entry:
    session: Session
    dialogue: Dialogue | None
    """Keys and rights of the exchange; gone with its end."""
    is_started: bool = False
    awaited: str | None = None
    """MessageID of ours that the next message must answer."""
    outcome: Result | EIDServerError | None = None


class EIDServer:
    """Thread-safe. Everything lives in this object and ends with it."""

    def __init__(
        self,
        terminal: Terminal,
        trust: CardTrust,
        *,
        block_list: BlockList,
        production: bool,
        clock: Clock,
        random: Random = secrets.token_bytes,
        ephemeral_keys: EphemeralKeys = ec.generate_private_key,
        order: Order = mandated_order,
        initialize_framework: bool = False,
        lifetime: timedelta = LIFETIME,
        capacity: int = CAPACITY,
    ) -> None:
        """``random``, ``ephemeral_keys`` and ``order`` are for replaying recorded runs.

        Raises Misconfigured: for production, or for a terminal whose parts do not fit together.
        """
        if production:
            raise Misconfigured(
                "the attached eID-Server is for test and reference and does not run in production mode: "
                "use a certified eID service (SOAP eID-Interface or SAML)"
            )
        self._terminal, self._trust, self._block_list = terminal, trust, block_list
        self._clock, self._random, self._ephemeral_keys, self._order = clock, random, ephemeral_keys, order
        self._initialize_framework = initialize_framework
        self._lifetime, self._capacity = lifetime, capacity
        self._lock = Lock()
        self._entries: dict[str, _Entry] = {}
        self._awaited: dict[str, _Entry] = {}
        terminal.chain(today(clock()))

    @property
    def rights(self) -> Right:
        """What the terminal certificate allows (getServerInfo, TR-03130-1 §3.2.3)."""
        return self._terminal.chain(today(self._clock())).rights

    def open(self, request: SessionRequest, *, psk: PreSharedKey | None = None) -> Session:
        """useID; with ``psk`` the client must come through a channel opened with it.

        Raises SchemaViolation, MissingArgument, MissingTerminalRights, InvalidPSK,
        TooManyOpenSessions, Misconfigured.
        """
        if psk is not None:
            psk.check()
        now = self._clock()
        dialogue = Dialogue(
            request,
            self._terminal,
            self._trust,
            self._block_list,
            now=now,
            ephemeral_keys=self._ephemeral_keys,
            order=self._order,
            initialize_framework=self._initialize_framework,
        )
        session = Session(
            id=self._random(IDENTIFIER_OCTETS).hex() if psk is None else psk.id,
            psk=None if psk is None else psk.key,
            expires=now + self._lifetime,
        )
        with self._lock:
            self._forget_expired(now)
            if len(self._entries) >= self._capacity:
                raise TooManyOpenSessions("as many sessions as may be open at once are open")
            if session.id in self._entries and psk is None:
                raise Misconfigured("the source of randomness repeats itself")
            if session.id in self._entries:
                raise InvalidPSK("the identity belongs to a session that is open")
            self._entries[session.id] = _Entry(session=session, dialogue=dialogue)
        return session

    def psk(self, identity: str) -> bytes | None:
        """The key with which a client may open a channel now; None: no such session awaits one."""
        with self._lock:
            self._forget_expired(self._clock())
            entry = self._entries.get(identity)
            if entry is None or entry.dialogue is None or entry.session.psk is None:
                return None
            return bytes.fromhex(entry.session.psk)

    def paos(self, message: bytes, *, psk_identity: str | None = None) -> bytes:
        """Answer one message of an eID-Client; a client's mistakes end in an error answer, not an exception.

        ``psk_identity``: what the channel was opened with, None for one without PSK.
        """
        now = self._clock()
        try:
            read = envelope.read(message)
        except ProtocolViolation as exc:
            self._end_by_channel(psk_identity, exc)
            return self._written(server_messages.start_paos_response(MINOR_PARAMETER_ERROR), None)
        entry, dialogue = self._claim(read, psk_identity, now)
        if entry is None or dialogue is None:
            return self._written(server_messages.start_paos_response(MINOR_UNKNOWN_CHANNEL), read)
        try:
            answer = dialogue.take(read.body, now)
        except EIDServerError as exc:
            self._end(entry, exc)
            return self._written(server_messages.start_paos_response(_minor(exc)), read)
        except Exception:  # a defect of ours; the session must not wait for a message that cannot come
            self._end(entry, EIDServerError("the dialogue broke off"))
            raise
        if dialogue.result is not None:
            self._end(entry, dialogue.result)
            return self._written(answer, read)
        return self._written(answer, read, awaiting=entry)

    def result(self, session_id: str) -> Result:
        """getResult; any answer but NoResultYet is the last one of this session.

        Raises NoResultYet, InvalidSession, and what ended the exchange.
        """
        with self._lock:
            self._forget_expired(self._clock())
            entry = self._entries.get(session_id)
            if entry is None:
                raise InvalidSession("no such session, or no longer")
            if entry.outcome is None:
                raise NoResultYet("the eID-Client is not done")
            del self._entries[session_id]
            outcome = entry.outcome
        if isinstance(outcome, EIDServerError):
            raise outcome
        return outcome

    def _claim(
        self, read: Envelope, psk_identity: str | None, now: datetime
    ) -> tuple[_Entry | None, Dialogue | None]:
        """The session this message belongs to, for whoever comes first with it."""
        with self._lock:
            self._forget_expired(now)
            if read.body.tag == _START_PAOS:
                entry = self._entries.get(read.body.findtext(f"{{{ISO}}}SessionIdentifier", "").strip())
            else:
                entry = self._awaited.get(read.relates_to or "")
            if entry is None or entry.dialogue is None or psk_identity != entry.session.channel:
                return None, None
            if entry.is_started and entry.awaited is None:
                return None, None  # another message of this session is being answered
            if entry.is_started and read.body.tag == _START_PAOS:
                # Two clients in one session, or one that lost its way: nobody can tell which is the citizen's.
                self._finish(entry, ProtocolViolation("a second StartPAOS for one session"))
                return None, None
            entry.is_started = True
            self._awaited.pop(entry.awaited or "", None)
            entry.awaited = None
            return entry, entry.dialogue

    def _written(self, body: Element, read: Envelope | None, *, awaiting: _Entry | None = None) -> bytes:
        message_id = UUID(bytes=self._random(IDENTIFIER_OCTETS), version=4).urn
        if awaiting is not None:
            with self._lock:
                if awaiting.dialogue is not None:
                    awaiting.awaited = message_id
                    self._awaited[message_id] = awaiting
        relates_to = None if read is None else read.message_id
        return envelope.write(body, message_id=message_id, relates_to=relates_to)

    def _end(self, entry: _Entry, outcome: Result | EIDServerError) -> None:
        with self._lock:
            self._finish(entry, outcome)

    def _end_by_channel(self, psk_identity: str | None, error: EIDServerError) -> None:
        """What cannot be read names no session; the channel's PSK may."""
        with self._lock:
            entry = self._entries.get(psk_identity or "")
            if entry is not None and entry.session.psk is not None and entry.outcome is None:
                self._finish(entry, error)

    def _finish(self, entry: _Entry, outcome: Result | EIDServerError) -> None:
        self._awaited.pop(entry.awaited or "", None)
        entry.dialogue, entry.awaited, entry.outcome = None, None, outcome

    def _forget_expired(self, now: datetime) -> None:
        for entry in [entry for entry in self._entries.values() if entry.session.expires <= now]:
            self._awaited.pop(entry.awaited or "", None)
            entry.dialogue = None
            del self._entries[entry.session.id]


def _minor(error: EIDServerError) -> str:
    """What the eID-Client is told: codes of the eCard-API only (TR-03112-1 §4)."""
    if error.minor.startswith(f"{ECARD_MINOR}/"):
        return error.minor
    for kind, minor in (
        (InvalidDocument, MINOR_DOCUMENT_VALIDITY),
        (DeniedDocument, MINOR_SECURITY_CONDITION),
        (ProtocolViolation, MINOR_PARAMETER_ERROR),
    ):
        if isinstance(error, kind):
            return minor
    return MINOR_INTERNAL_ERROR
