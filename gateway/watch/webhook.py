"""Webhook: JSON to a program, signed so that it can tell us from anybody else.

::

    Eid-Gateway-Signature: t=<seconds since 1970>,v1=<hex HMAC-SHA256 of "<t>." and the body under the secret>

The receiver recomputes it over the octets it got, compares in constant time, and refuses what is older than some
minutes. ``delivery`` differs in every message, so that it can remember what it had.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from gateway.watch.alerts import Notice
from gateway.watch.channels import ChannelFailed
from gateway.watch.words import Words
from trust.errors import OutgoingError
from trust.log import timestamp
from trust.outgoing import FetchPolicy, Outgoing, exchange

SIGNATURE = "Eid-Gateway-Signature"
_ANSWER_OCTETS = 16_384
_LANGUAGES = ("de", "en")


def signature(secret: bytes, body: bytes, now: datetime) -> str:
    """The header's value."""
    moment = int(now.timestamp())
    mac = hmac.new(secret, f"{moment}.".encode() + body, sha256).hexdigest()
    return f"t={moment},v1={mac}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """What one program gets."""

    url: str
    secret: bytes = field(repr=False)
    policy: FetchPolicy
    """Guards the connection: TLS, addresses, time; no redirects."""
    installation: str
    console: str | None

    def deliver(self, notices: Sequence[Notice], now: datetime) -> None:
        """Raises ChannelFailed ``fetch.*``."""
        body = json.dumps(
            {
                "version": 1,
                "installation": self.installation,
                "delivery": secrets.token_hex(16),
                "sent": timestamp(now),
                "alerts": [self._alert(notice) for notice in notices],
            },
            ensure_ascii=True,
        ).encode("ascii")
        sent = Outgoing(
            method="POST",
            headers={"Content-Type": "application/json", SIGNATURE: signature(self.secret, body, now)},
            body=body,
            accepted=frozenset({200, 201, 202, 204}),
        )
        try:
            exchange(self.url, sent, policy=self.policy, max_bytes=_ANSWER_OCTETS)
        except OutgoingError as error:
            raise ChannelFailed(error.reason) from error

    def _alert(self, notice: Notice) -> dict[str, object]:
        record, alert = notice.record, notice.record.alert
        words = [Words(language) for language in _LANGUAGES]
        return {
            "news": notice.news.value,
            "key": alert.key,
            "kind": alert.kind,
            "severity": alert.severity.value,
            "since": timestamp(record.since),
            "resolved": None if record.resolved is None else timestamp(record.resolved),
            "values": {name: value.lstrip("@") for name, value in alert.values.items()},
            "title": {one.language: one.title(record) for one in words},
            "text": {one.language: one.explanation(record) for one in words},
            "link": None if self.console is None or not alert.link else self.console + alert.link,
        }
