"""HTTP/1.1 on a connection, with bounds on what comes before the gateway is asked.

The server library reads the head of a request to its end, however long that is and however long it takes. Once
there is a request, ``gateway.http`` bounds its body.
"""

from __future__ import annotations

from asyncio import BaseTransport, TimerHandle

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_OCTETS = 131_072
"""Longest stretch without a piece of a body or the end of a request: a head, trailers, blank lines, extensions
of chunks. An authorization request of 64 KiB and the cookies of many journeys fit."""
HEAD_SECONDS = 30.0
"""How long a head may take, from the connection or from the end of the answer before."""


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a head that is too long, and closes a connection that brings none."""

    _octets = 0
    _unanswered = 0
    """Requests whose heads have come."""
    _patience: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type] # a stream's, as every server's
        self._be_patient()

    def connection_lost(self, exc: Exception | None) -> None:
        self._has_come()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._unanswered == 0:
            self._be_patient()
        self._octets += len(data)
        super().data_received(data)
        if self._octets > HEAD_OCTETS and not self.transport.is_closing():
            self.send_400_response("Request head too large.")

    def on_headers_complete(self) -> None:
        self._has_come()
        self._octets = 0
        self._unanswered += 1
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._octets = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._octets = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._unanswered -= 1
        super().on_response_complete()

    def _be_patient(self) -> None:
        if self._patience is None:
            self._patience = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _has_come(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        self.transport.close()
