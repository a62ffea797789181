"""The public keys of clients: from a file of the registry, or from ``jwks_uri`` with a cache.

A set from ``jwks_uri`` is kept as long as its ``Cache-Control`` says, between one minute and a day. An
unknown ``kid`` has it fetched again, at most once a minute per client; a set that was good stays in
use for up to a day when it cannot be fetched (oidc.md §15).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from gateway.jose import InvalidKeySet, PublicKeySet
from gateway.oidc.errors import CLIENT_KEYS_UNAVAILABLE
from gateway.oidc.outbound import Fetched, FetchFailed
from gateway.settings import Client

_OCTETS = 65_536
_SHORTEST = timedelta(seconds=60)
_LONGEST = timedelta(days=1)
_DEFAULT = 600


class Fetch(Protocol):
    """``outbound.Outbound.get``."""

    async def __call__(self, url: str, *, limit: int) -> Fetched: ...


@dataclass(slots=True)
class _Entry:
    keys: PublicKeySet | None = None
    loaded_at: datetime | None = None
    fresh_until: datetime | None = None
    tried_at: datetime | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class ClientKeys:
    """Key sets by client; the one mutable thing in the provider, and only a cache."""

    def __init__(self, files: Mapping[str, PublicKeySet], fetch: Fetch) -> None:
        """``files``: what ``jwks_file`` holds, by client_id, parsed once at start-up."""
        self._files = dict(files)
        self._fetch = fetch
        self._entries: dict[str, _Entry] = {}

    async def of(self, client: Client, *, now: datetime, renew: bool = False) -> PublicKeySet:
        """The keys of ``client``; raises GatewayError ``client.keys_unavailable``.

        ``renew``: a ``kid`` was not found, look again if the last look is at least a minute ago.
        """
        if client.client_id in self._files:
            return self._files[client.client_id]
        if client.jwks_uri is None:
            raise CLIENT_KEYS_UNAVAILABLE()
        entry = self._entries.setdefault(client.client_id, _Entry())
        if self._due(entry, now, renew=renew):
            async with entry.lock:
                if self._due(entry, now, renew=renew):
                    await self._load(entry, client.jwks_uri, now)
        if entry.keys is None or entry.loaded_at is None or now - entry.loaded_at > _LONGEST:
            raise CLIENT_KEYS_UNAVAILABLE()
        return entry.keys

    @staticmethod
    def _due(entry: _Entry, now: datetime, *, renew: bool) -> bool:
        if entry.tried_at is not None and now - entry.tried_at < _SHORTEST:
            return False  # also after a failure: nobody makes us hammer a client's server
        return renew or entry.fresh_until is None or now >= entry.fresh_until

    async def _load(self, entry: _Entry, url: str, now: datetime) -> None:
        entry.tried_at = now
        try:
            fetched = await self._fetch(url, limit=_OCTETS)
            entry.keys = PublicKeySet.parse(fetched.content)
        except (FetchFailed, InvalidKeySet) as error:
            if entry.keys is None:
                raise CLIENT_KEYS_UNAVAILABLE(cause=error) from error
            return
        age = timedelta(seconds=_DEFAULT if fetched.max_age is None else fetched.max_age)
        entry.loaded_at = now
        entry.fresh_until = now + min(max(age, _SHORTEST), _LONGEST)
