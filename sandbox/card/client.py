"""The eID-Client from its activation to the way back (TR-03124-1 §2; npa.md §3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Protocol
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from sandbox.card import paos
from sandbox.card.authentication import INTERNAL, Authentication, ChipCard, Stopped
from sandbox.card.consent import Citizen, Shown
from sandbox.card.description import Description
from sandbox.card.document import Document
from sandbox.card.paos import UnreadableMessage
from sandbox.card.tc_token import NoToken, TCToken, parse_token
from sandbox.card.transport import (
    HOPS,
    REDIRECTS,
    Network,
    NotHTTPS,
    Origin,
    Unreachable,
    Untrusted,
    origin,
)

COMMANDS = 20
"""No server needs more; one that never ends is left."""


class Card(ChipCard, Protocol):
    @property
    def document(self) -> Document: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an activation ended, as the browser that asked for it sees it."""

    status: int
    """303 with an address; 400 and 404 without."""
    location: str | None = None
    word: str = "ok"
    """``ok``, or ResultMinor as it goes into the address: hints, never proof."""
    reason: str = ""
    """For developers; never leaves this client."""
    shown: Shown | None = None
    """What the citizen saw; None when it never came to that."""


@dataclass(slots=True)
class EIDClient:
    """One client with one card on its reader. Activations come one after the other."""

    card: Card
    citizen: Citizen = field(default_factory=Citizen)
    insecure: bool = False
    """Accept http: for a sandbox without TLS. Nothing else is relaxed."""
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    say: Callable[[str], None] = lambda _: None

    def activate(self, address: str) -> Ended:
        """Take the address of an activation link: ``http://127.0.0.1:24727/eID-Client?tcTokenURL=…``."""
        urls = parse_qs(urlsplit(address).query).get("tcTokenURL", [])
        if len(urls) != 1:
            return Ended(status=404, word="clientError", reason="no tcTokenURL")
        return self.run(urls[0])

    def run(self, token_url: str) -> Ended:
        """Fetch the token, authenticate, find the way back."""
        network = Network(insecure=self.insecure)
        try:
            return self._run(network, token_url)
        finally:
            network.close()

    def _run(self, network: Network, token_url: str) -> Ended:
        try:
            answer = network.follow(token_url)
            if answer.status != 200 or not answer.body:
                return Ended(status=404, word="clientError", reason=f"token: HTTP {answer.status}")
            token = parse_token(answer.body)
        except NotHTTPS as error:
            return Ended(status=400, word="clientError", reason=str(error))
        except (Unreachable, Untrusted) as error:
            return Ended(status=404, word="clientError", reason=str(error))
        except NoToken as error:
            if error.error_address:
                return _to_error_address(error.error_address, str(error), None)
            return Ended(status=400, word="serverError", reason=str(error))
        return _Run(self, network, token_url, token).through()


@dataclass(slots=True)
class _Run:
    client: EIDClient
    network: Network
    token_url: str
    token: TCToken
    authentication: Authentication | None = None

    @property
    def _shown(self) -> Shown | None:
        return self.authentication.shown if self.authentication else None

    @property
    def _description(self) -> Description | None:
        return self.authentication.description if self.authentication else None

    def through(self) -> Ended:
        word, reason = "ok", ""
        try:
            self._authenticate()
        except Stopped as stopped:
            word, reason = stopped.word, str(stopped)
            if stopped.to_error_address:
                return self._astray(reason)
        try:
            location = self._refresh_address()
        except (Unreachable, Untrusted) as error:
            return self._astray(f"refresh address: {error}")
        return Ended(
            status=303, location=with_result(location, word), word=word, reason=reason, shown=self._shown
        )

    def _astray(self, reason: str) -> Ended:
        address = self.token.communication_error_address
        return _to_error_address(address, reason, self._shown)

    # the way back

    def _refresh_address(self) -> str:
        """Follow redirects until the eService's own origin, whose certificate must be a known one."""
        described = self._description
        home = origin(described.subject_url if described else self.token_url)
        url = self.token.refresh_address
        for _ in range(HOPS):
            if origin(url) == home:
                self.network.meet(url)
                self._check_met(described)
                return url
            answer = self.network.get(url)
            self._check_met(described)
            if answer.status not in REDIRECTS:
                raise Untrusted("ends at another origin than the eService's")
            url = urljoin(url, answer.location)
        raise Unreachable("too many redirects")

    def _check_met(self, described: Description | None, *, besides: Origin | None = None) -> None:
        """Every certificate met must be in the description. Raises Untrusted."""
        if described is None or not self.network.met:
            return
        for where, digest in self.network.met.items():
            if where != besides and (digest not in described.certificates or where in self.network.changed):
                raise Untrusted(f"the certificate of {where[1]}:{where[2]} is not in the description")

    # the eID-Server

    def _authenticate(self) -> None:
        """Raises Stopped."""
        document = self.client.card.document
        self.authentication = Authentication(
            card=self.client.card,
            citizen=self.client.citizen,
            pin=document.pin,
            can=document.can,
            today=self.client.today,
            check=self._check,
            say=self.client.say,
        )
        server = self.token.server_address
        try:
            if self.token.psk is not None:
                self.network.use_psk(server, self.token.session_identifier, self.token.psk)
            self._converse(server, self.authentication)
        except (Unreachable, Untrusted) as error:
            raise Stopped(INTERNAL, "trustedChannelEstablishmentFailed", str(error)) from error
        except UnreadableMessage as error:
            raise Stopped(INTERNAL, "serverError", str(error)) from error
        finally:
            self.client.card.leave_field()

    def _converse(self, server: str, authentication: Authentication) -> None:
        message = paos.start(self.token.session_identifier)
        stopped: Stopped | None = None
        for _ in range(COMMANDS):
            answer = self.network.post(server, message, paos.HEADERS, same_session=self.token.attached)
            if answer.status != 200:
                raise stopped or Stopped(INTERNAL, "serverError", f"PAOS: HTTP {answer.status}")
            command = paos.read(answer.body)
            if command.name == "StartPAOSResponse":
                if stopped:
                    raise stopped
                if command.minor:
                    raise Stopped(command.minor, "serverError", f"the server ends: {command.minor}")
                return
            if stopped:
                raise stopped
            try:
                message = authentication.answer(command)
            except Stopped as error:
                stopped = error
                message = paos.failed(command, error.minor)
        raise Stopped(INTERNAL, "serverError", "the server does not come to an end")

    def _check(self, described: Description) -> None:
        """Origin and certificates, before the citizen sees who asks (npa.md §3.5). Raises Stopped."""
        try:
            same = origin(described.subject_url) == origin(self.token_url)
        except Untrusted as error:
            raise Stopped(INTERNAL, "clientError", f"subjectURL: {error}", to_error_address=True) from error
        if not same:
            reason = "the description is for another origin than the token's"
            raise Stopped(INTERNAL, "clientError", reason, to_error_address=True)
        server = origin(self.token.server_address)
        try:
            self._check_met(described, besides=server if server != origin(self.token_url) else None)
        except Untrusted as error:
            raise Stopped(INTERNAL, "clientError", str(error), to_error_address=True) from error
        try:
            self._check_met(described)
        except Untrusted as error:
            raise Stopped(INTERNAL, "trustedChannelEstablishmentFailed", str(error)) from error


def _to_error_address(address: str, reason: str, shown: Shown | None) -> Ended:
    word = "communicationError"
    if not address:
        return Ended(status=400, word=word, reason=reason, shown=shown)
    return Ended(status=303, location=with_result(address, word), word=word, reason=reason, shown=shown)


def with_result(address: str, word: str) -> str:
    """Append the outcome as TR-03124-1 §2.5.4 wants it.

    >>> with_result("https://s/r?a=1", "ok")
    'https://s/r?a=1&ResultMajor=ok'
    >>> with_result("https://s/r", "cancellationByUser")
    'https://s/r?ResultMajor=error&ResultMinor=cancellationByUser'
    """
    outcome = {"ResultMajor": "ok"} if word == "ok" else {"ResultMajor": "error", "ResultMinor": word}
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(outcome)}"
