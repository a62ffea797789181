"""One call of the eID-Interface, top to bottom: sign, send, verify, validate (TR-03130-1 §3.1).

An answer that is not signed by the pinned key, not fresh or not of the schema is no answer. In
particular a ``soap:Fault`` says nothing that could be believed: services sign their errors too.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connectors.errors import InvalidAnswer, PeerUnavailable
from connectors.npa.soap.names import EID, eid, schema
from connectors.npa.soap.settings import SignerPin, SOAPSection
from trust.algorithms import Deviation
from trust.errors import OutgoingError, VerificationError
from trust.keys import SignatureScheme, Signer
from trust.outgoing import FetchPolicy, Outgoing, exchange
from trust.pinned import PinnedKey
from trust.signing import scheme_for
from trust.wss import SignedMessage, sign_message, verify_message
from trust.xml import SOAP_MESSAGE, Element, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class EIDInterface:
    """The eID service's SOAP endpoint with everything needed to talk to it. Thread-safe."""

    section: SOAPSection
    signer: Signer
    pins: Sequence[tuple[SignerPin, PinnedKey]]
    """The service's signing keys, each with the days on which we believe it."""
    context: ssl.SSLContext
    policy: FetchPolicy

    def call(self, request: Element, *, now: datetime) -> SignedMessage:
        """The verified message whose content is the schema-valid response element to ``request``.

        Raises PeerUnavailable ``npa.service.unreachable``, InvalidAnswer ``npa.service.answer``.
        """
        operation = str(request.tag).removeprefix(f"{{{EID}}}").removesuffix("Request")
        octets = self._send(sign_message(request, self.signer, now=now, scheme=self._scheme(now)), operation)
        try:
            message = verify_message(
                parse(octets, SOAP_MESSAGE),
                self._keys(now),
                now=now,
                skew=timedelta(seconds=self.section.clock_skew_seconds + self.section.timeout_seconds),
                deviations=self.section.deviations(now),
            )
            schema().validate(message.content)
        except VerificationError as error:
            raise InvalidAnswer("npa.service.answer", error.reason) from error
        if message.created < now - timedelta(seconds=self.section.clock_skew_seconds):
            raise InvalidAnswer("npa.service.answer", "older than the question")
        if message.content.tag != eid(f"{operation}Response"):
            raise InvalidAnswer("npa.service.answer", "of another operation")
        return message

    def _send(self, octets: bytes, operation: str) -> bytes:
        outgoing = Outgoing(
            method="POST",
            headers={"Content-Type": "text/xml;charset=UTF-8", "SOAPAction": f'"{EID}{operation}"'},
            body=octets,
            context=self.context,
        )
        seconds = self.section.timeout_seconds
        policy = replace(
            self.policy,
            connect_seconds=min(self.policy.connect_seconds, seconds),
            total_seconds=seconds,
            content_types=frozenset({"text/xml"}),
            allow_http_loopback=False,
        )
        try:
            return exchange(self.section.address, outgoing, policy=policy, max_bytes=SOAP_MESSAGE.max_bytes)
        except OutgoingError as error:
            raise PeerUnavailable("npa.service.unreachable", error.reason) from error

    def _keys(self, now: datetime) -> list[PinnedKey]:
        return [key for pin, key in self.pins if pin.believed(now)]

    def _scheme(self, now: datetime) -> SignatureScheme:
        pkcs1 = self.section.request_signature == "pkcs1"
        allowed = Deviation.RSA_PKCS1 in self.section.deviations(now)
        return scheme_for(self.signer.public_key, pkcs1=pkcs1 and allowed)
