"""Pushed authorization requests (RFC 9126): checked when they come, kept sealed until the browser comes.

The ``request_uri`` is a bearer secret. It may open the pages more than once, because browsers reload,
but it gives one code: when that is issued the request ends, and of two journeys begun with it the second
finds nothing (FAPI 2.0 SP §5.3.2.2, note 3).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256

from pydantic import TypeAdapter

from connectors.contract import TokenSource
from gateway.client_settings import Client
from gateway.jose import base64url
from gateway.oidc import request_object_errors
from gateway.oidc.parameters import Parameters
from gateway.store import BearerSecret, Store, key_name, new_journey_number

PREFIX = "urn:ietf:params:oauth:request_uri:"
PUSHED = "pushed"
"""Purpose of the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedRequest:
    """What the client pushed, request object already unpacked."""

    client_id: str
    secret: str = field(default="", repr=False)
    """Of its ``request_uri``; not part of the record."""
    values: dict[str, str] = field(repr=False)
    resources: tuple[str, ...] = ()
    signed: bool = False
    """It came as a request object."""
    dpop_jkt: str | None = None
    """Key of the DPoP proof that came with it."""

    @property
    def parameters(self) -> Parameters:
        return Parameters(self.values, frozenset(), self.resources)


@cache
def _adapter() -> TypeAdapter[PushedRequest]:
    return TypeAdapter(PushedRequest)


async def keep(store: Store, pushed: PushedRequest, *, random: TokenSource, until: datetime) -> str:
    """Seal ``pushed`` until then; the ``request_uri`` that opens it."""
    secret = BearerSecret.new(new_journey_number(random), random)
    await store.put(secret, PUSHED, _adapter().dump_json(pushed), until=until)
    return f"{PREFIX}{secret.text}"


async def read(store: Store, request_uri: str, client: Client) -> PushedRequest:
    """What ``client`` pushed; raises GatewayError ``authorize.request_uri_invalid``.

    The same words for unknown, expired, used and somebody else's.
    """
    try:
        secret = BearerSecret.parse(request_uri.removeprefix(PREFIX))
    except ValueError:
        raise request_object_errors.REQUEST_URI_INVALID() from None
    record = await store.read(secret, PUSHED)
    pushed = _adapter().validate_json(record) if record else None
    if pushed is None or pushed.client_id != client.client_id:
        raise request_object_errors.REQUEST_URI_INVALID()
    return replace(pushed, secret=secret.text)


async def spend(store: Store, secret_text: str, *, until: datetime) -> None:
    """The one code of a pushed request is about to be issued; raises GatewayError for the second.

    ``until``: when the last journey that may have been begun with it is over.
    """
    secret = BearerSecret.parse(secret_text)
    batch = store.batch(secret.journey).claim(_spent(secret), until=until + timedelta(seconds=1))
    first, _ = await batch.delete(key_name(secret, PUSHED)).run()
    if first is None:
        raise request_object_errors.REQUEST_URI_SPENT()


def _spent(secret: BearerSecret) -> str:
    """The mark of a request that has given its code; bound to its secret, which it does not tell."""
    return f"spent-{base64url(sha256(b'spent ' + secret.text.encode()).digest())}"
