"""An eID service over SOAP: open a session, fetch its result, ask for its rights (TR-03130-1 §3.2).

The eID-Server and we share a session that dies with the first answer other than "no result yet", so
``result`` happens once. Its counter therefore starts with one and lives in that one call.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import BoundedSemaphore
from urllib.parse import urlsplit

from connectors.contract import Answer, ClientAddresses, ClientOpened, TCToken, TokenSource
from connectors.errors import InvalidAnswer, PeerRefused
from connectors.npa import failures, tc_token
from connectors.npa.eid_service import EIDRequest, EIDResult
from connectors.npa.operations import Operation
from connectors.npa.soap import personal_data, request
from connectors.npa.soap.exchange import EIDInterface
from connectors.npa.soap.names import MAJOR_OK, dss, eid
from connectors.npa.soap.request import PSK
from trust.errors import VerificationError
from trust.wss import SignedMessage
from trust.xml import Element, only_child, optional_child, text

_NO_RESULT_YET = f"{failures.SERVER_MINOR}/getResult#noResultYet"
_IDENTIFIER = re.compile(r"[0-9A-Fa-f]{32,128}", re.ASCII)
"""Session and PSK identifiers: random, 16 octets or more, hexadecimal (§3.2.1)."""
_KEY = re.compile(r"(?:[0-9A-Fa-f]{2}){16,64}", re.ASCII)
_WAITING = 2
"""Logins that may wait at the same time. The result is normally there before the browser is; whoever comes
without one must not be able to keep every thread of ours waiting."""
_REPLAY = timedelta(hours=1)
"""Longer than any session of an eID-Server lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerInfo:
    """What ``getServerInfo`` says of the eID-Server."""

    version: tuple[int, int, int]
    rights: frozenset[Operation]
    """What the terminal certificate allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SOAPService:
    """Implements ``connectors.npa.eid_service.EIDService``."""

    interface: EIDInterface
    sleep: Callable[[float], None] = time.sleep
    """Between two polls; replaced in tests, as is ``clock``."""
    clock: Callable[[], float] = time.monotonic
    waiting: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(_WAITING), compare=False)

    def open(
        self,
        request_: EIDRequest,
        *,
        relay_state: str,
        addresses: ClientAddresses,
        now: datetime,
        random: TokenSource,
    ) -> ClientOpened:
        """``useID``, and the TC token over what it returns."""
        del relay_state  # stands in the refresh address already
        section = self.interface.section
        proposed = PSK(id=random(16).hex(), key=random(32).hex()) if section.propose_psk else None
        message = request.use_id(request_, psk=proposed, level_of_assurance=section.level_of_assurance)
        response = self.interface.call(message, now=now).content
        _require_ok(response)
        session, psk = _session(response), _psk(response)
        if proposed is not None and psk != proposed:
            raise InvalidAnswer("npa.service.psk-changed")
        token = tc_token.token(
            server_address=self._server_address(response),
            session_identifier=psk.id,
            refresh_address=addresses.refresh,
            communication_error_address=addresses.refresh,
            psk=psk.key,
        )
        return ClientOpened(reply=TCToken(octets=token), session={"id": session})

    def result(
        self, request_: EIDRequest, session: Mapping[str, object], answer: Answer, *, now: datetime
    ) -> EIDResult:
        """``getResult`` until there is one, within ``wait_seconds``.

        The query of ``answer`` only decides whether waiting makes sense: after an error at the
        eID-Client there is nothing to wait for.
        """
        identifier = session.get("id")
        if not isinstance(identifier, str):
            raise InvalidAnswer("npa.state")
        message, at = self._poll(identifier, wait=failures.of_query(answer.query) is None, now=now)
        statement = hashlib.sha256(f"{self.interface.section.address} {identifier}".encode()).hexdigest()
        # getResultResponse does not name its session: so no answer counts twice, whoever repeats it
        answered = hashlib.sha256(message.signature).hexdigest()
        try:
            return personal_data.result(
                message.content,
                request_,
                carrier_asked=self.interface.section.level_of_assurance,
                level_asked=self.interface.section.level_of_assurance and request_.minimum is not None,
                authenticated_at=at,
                statement_id=statement,
                issuer=self.interface.section.address,
                replay_keys=(
                    (f"npa-soap-session:{statement}", now + _REPLAY),
                    (f"npa-soap-answer:{answered}", now + _REPLAY),
                ),
            )
        except VerificationError as error:
            raise InvalidAnswer("npa.result.structure", error.reason) from error

    def server_info(self, *, now: datetime) -> ServerInfo:
        """``getServerInfo``; raises PeerUnavailable, InvalidAnswer."""
        response = self.interface.call(request.get_server_info(), now=now).content
        version = response[0]
        numbers = {child.tag: child.text or "" for child in version}
        states = personal_data.operations(only_child(response, eid("DocumentVerificationRights")))
        return ServerInfo(
            version=(
                int(numbers[eid("Major")]),
                int(numbers[eid("Minor")]),
                int(numbers.get(eid("Bugfix"), "0")),
            ),
            rights=frozenset(operation for operation, state in states.items() if state == "ALLOWED"),
        )

    def _poll(self, session: str, *, wait: bool, now: datetime) -> tuple[SignedMessage, datetime]:
        """The first answer that is not "no result yet", and when we asked for it."""
        may_wait = wait and self.waiting.acquire(blocking=False)
        try:
            return self._repeat(session, now, self.interface.section.wait_seconds if may_wait else 0)
        finally:
            if may_wait:
                self.waiting.release()

    def _repeat(self, session: str, now: datetime, seconds: float) -> tuple[SignedMessage, datetime]:
        started, slept, counter = self.clock(), 0.0, 1
        while True:
            waited = max(slept, self.clock() - started)
            at = now + timedelta(seconds=waited)
            message = self.interface.call(request.get_result(session, counter), now=at)
            if waited >= seconds or _minor(message.content) != _NO_RESULT_YET:
                _require_ok(message.content)
                return message, at.astimezone(UTC)
            self.sleep(self.interface.section.poll_seconds)
            slept += self.interface.section.poll_seconds
            counter += 1

    def _server_address(self, response: Element) -> str:
        """``eCardServerAddress``, unchanged (§3.2.1), or the configured one where it is left out."""
        element = optional_child(response, eid("eCardServerAddress"))
        address = self.interface.section.paos_address if element is None else text(element)
        if address is None:
            raise PeerRefused("npa.service.address", "neither eCardServerAddress nor paos_address")
        try:
            parts = urlsplit(address)
        except ValueError as error:
            raise InvalidAnswer("npa.service.address") from error
        if parts.scheme != "https" or not parts.hostname or not address.isascii():
            raise InvalidAnswer("npa.service.address")
        return address


def _minor(response: Element) -> str | None:
    element = optional_child(only_child(response, dss("Result")), dss("ResultMinor"))
    return None if element is None else text(element)


def _require_ok(response: Element) -> None:
    """Raises the error of the ResultMinor unless the result is ``ok``; a warning is none."""
    major = text(only_child(only_child(response, dss("Result")), dss("ResultMajor")))
    if major != MAJOR_OK:
        raise failures.of_minor(_minor(response) or "")


def _session(response: Element) -> str:
    element = optional_child(response, eid("Session"))
    identifier = "" if element is None else text(only_child(element, eid("ID")))
    if _IDENTIFIER.fullmatch(identifier) is None:
        raise InvalidAnswer("npa.service.session")
    return identifier


def _psk(response: Element) -> PSK:
    element = optional_child(response, eid("PSK"))
    if element is None:
        raise InvalidAnswer("npa.service.psk-missing")
    psk = PSK(id=text(only_child(element, eid("ID"))), key=text(only_child(element, eid("Key"))))
    if _IDENTIFIER.fullmatch(psk.id) is None or _KEY.fullmatch(psk.key) is None:
        raise InvalidAnswer("npa.service.psk-unusable")
    return psk
