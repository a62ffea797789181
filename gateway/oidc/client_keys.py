"""The public keys of clients: from a file of the registry, or from ``jwks_uri`` with a cache.

A set from ``jwks_uri`` is used for ten minutes. An unknown ``kid`` has it fetched again, at most once a
minute per client; a set that was good stays in use for up to a day when it cannot be fetched
(oidc.md §15). The fetching itself, with its fences against SSRF, is ``trust.fetch``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gateway.client_settings import Client
from gateway.jose import InvalidKeySet, PublicKeySet
from gateway.jose.strength import RSA_BITS
from gateway.oidc.token_errors import CLIENT_KEYS_UNAVAILABLE
from trust.errors import MetadataError
from trust.fetch import FetchPolicy, fetch

_OCTETS = 65_536
_SHORTEST = timedelta(minutes=1)
_FRESH = timedelta(minutes=10)
_LONGEST = timedelta(days=1)

Get = Callable[[str], bytes]
"""The body behind a URL; blocking. Raises MetadataError."""


def guarded_get(policy: FetchPolicy) -> Get:
    """Fetch key sets under ``policy``; https only, whatever it says about development."""
    types = frozenset({"application/jwk-set+json", "application/json"})
    strict = replace(policy, content_types=types, allow_http_loopback=False)

    def get(url: str) -> bytes:
        return fetch(url, policy=strict, max_bytes=_OCTETS)

    return get


@dataclass(slots=True)
class _Entry:
    keys: PublicKeySet | None = None
    loaded_at: datetime | None = None
    fresh_until: datetime | None = None
    tried_at: datetime | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class ClientKeys:
    """Key sets by client; the one mutable thing in the provider, and only a cache."""

    def __init__(self, files: Mapping[str, PublicKeySet], get: Get, *, rsa_bits: int = RSA_BITS) -> None:
        """``files``: what ``jwks_file`` holds, by client_id, parsed once at start-up."""
        self._rsa_bits = rsa_bits
        self._files = dict(files)
        self._get = get
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._inline: dict[str, tuple[object, PublicKeySet]] = {}

    async def of(self, client: Client, *, now: datetime, renew: bool = False) -> PublicKeySet:
        """The keys of ``client``; raises GatewayError ``client.keys_unavailable``.

        ``renew``: a ``kid`` was not found, look again if the last look is at least a minute ago.
        """
        if client.client_id in self._files:
            return self._files[client.client_id]
        if client.jwks is not None:
            return self._parsed(client)
        if client.jwks_uri is None:
            raise CLIENT_KEYS_UNAVAILABLE()
        entry = self._entries.setdefault((client.client_id, client.jwks_uri), _Entry())
        if self._due(entry, now, renew=renew):
            async with entry.lock:
                if self._due(entry, now, renew=renew):
                    await self._load(entry, client.jwks_uri, now)
        if entry.keys is None or entry.loaded_at is None or now - entry.loaded_at > _LONGEST:
            raise CLIENT_KEYS_UNAVAILABLE()
        return entry.keys

    def _parsed(self, client: Client) -> PublicKeySet:
        """The set in the registration itself, parsed once; it was read when the client was registered."""
        known = self._inline.get(client.client_id)
        if known is None or known[0] is not client.jwks:
            known = client.jwks, PublicKeySet.parse(json.dumps(client.jwks).encode(), rsa_bits=self._rsa_bits)
            self._inline[client.client_id] = known
        return known[1]

    @staticmethod
    def _due(entry: _Entry, now: datetime, *, renew: bool) -> bool:
        if entry.tried_at is not None and now - entry.tried_at < _SHORTEST:
            return False  # also after a failure: nobody makes us hammer a client's server
        return renew or entry.fresh_until is None or now >= entry.fresh_until

    async def _load(self, entry: _Entry, url: str, now: datetime) -> None:
        entry.tried_at = now
        try:
            entry.keys = PublicKeySet.parse(await asyncio.to_thread(self._get, url), rsa_bits=self._rsa_bits)
        except (MetadataError, InvalidKeySet) as error:
            if entry.keys is None:
                raise CLIENT_KEYS_UNAVAILABLE(cause=error) from error
            return
        entry.loaded_at = now
        entry.fresh_until = now + _FRESH
