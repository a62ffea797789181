"""Back-Channel Logout 1.0: tell a client that a session of its has ended.

At most three attempts within a few seconds, no redirects, no address that outgoing connections may not
reach. Whether the client heard it is in the audit log, and the citizen's logout does not wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from urllib.parse import urlencode

from pydantic import JsonValue

from connectors.contract import TokenSource
from gateway.audit import Audit, LogoutTold
from gateway.client_settings import Client
from gateway.jose import KeyRing, base64url
from trust.errors import KeyUnavailable, OutgoingError
from trust.outgoing import FetchPolicy, Outgoing, exchange

TYPE = "logout+jwt"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_SECONDS = 120
_PAUSES = (0.0, 1.0, 3.0)
_OCTETS = 16_384

Post = Callable[[str, bytes], None]
"""Send a form to a URL; blocking. Raises OutgoingError."""


def guarded_post(policy: FetchPolicy) -> Post:
    """Post under ``policy``; 200 and 204 mean that the client took it (§2.8)."""
    patient = replace(policy, content_types=frozenset(), total_seconds=min(policy.total_seconds, 5.0))

    def post(url: str, form: bytes) -> None:
        sent = Outgoing(
            method="POST",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=form,
            accepted=frozenset({200, 204}),
        )
        exchange(url, sent, policy=patient, max_bytes=_OCTETS)

    return post


def logout_token(
    issuer: str, client: Client, keys: KeyRing, *, sub: str, sid: str, random: TokenSource, now: datetime
) -> str:
    """The logout token (§2.4): who, which session, and no nonce. Raises KeyUnavailable."""
    claims: dict[str, JsonValue] = {
        "iss": issuer,
        "aud": client.client_id,
        "iat": int(now.timestamp()),
        "exp": int(now.timestamp()) + TOKEN_SECONDS,
        "jti": base64url(random(16)),
        "sub": sub,
        "sid": sid,
        "events": {EVENT: {}},
    }
    return keys.active(client.id_token_signed_response_alg).sign(claims, typ=TYPE)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackChannel:
    """Delivers logout tokens beside the citizen's way."""

    issuer: str
    keys: KeyRing
    audit: Audit
    post: Post
    random: TokenSource
    clock: Callable[[], datetime]
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    def tell(self, client: Client, *, sub: str, sid: str) -> None:
        """Begin to tell ``client``, if it wants to know."""
        if client.backchannel_logout_uri is not None:
            task = asyncio.get_running_loop().create_task(self.deliver(client, sub=sub, sid=sid))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def deliver(self, client: Client, *, sub: str, sid: str) -> None:
        """Tell ``client``; each attempt with a token of its own, because a receiver remembers ``jti``."""
        failure, attempts = None, 0
        for pause in _PAUSES:
            attempts += 1
            await self.pause(pause)
            try:
                write = partial(logout_token, self.issuer, client, self.keys, sub=sub, sid=sid)
                token = await self.keys.while_signing(partial(write, random=self.random, now=self.clock()))
                form = urlencode({"logout_token": token}).encode("ascii")
                await asyncio.to_thread(self.post, client.backchannel_logout_uri or "", form)
                failure = None
                break
            except (OutgoingError, KeyUnavailable) as error:
                failure = error.reason
        event = LogoutTold(client=client.client_id, sid=sid, attempts=attempts, failure=failure)
        await self.audit.record(event, now=self.clock())

    async def settled(self) -> None:
        """Wait until everybody was told, before the process ends."""
        await asyncio.gather(*self._running, return_exceptions=True)
