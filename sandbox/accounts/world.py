"""Everything the account systems know: keys, the metadata handed in, logins under way."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sandbox.accounts.accounts import Account, accounts
from sandbox.accounts.extension import Stopped
from sandbox.accounts.metadata import account_metadata, entity_id
from sandbox.accounts.request import Request
from sandbox.accounts.requester import Providers
from sandbox.addresses import Addresses
from sandbox.authority import KeyPair, KeyStore
from sandbox.saml.exchanges import Exchanges

REQUESTS_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request accepted, the citizen still deciding."""

    account: Account
    request: Request


@dataclass(slots=True)
class World:
    """State of the account systems; thread-safe."""

    addresses: Addresses
    signing: dict[str, KeyPair]
    """Signing keys by path."""
    providers: Providers
    exchanges: Exchanges[Exchange] = field(default_factory=Exchanges)
    _seen: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def base(self, account: Account) -> str:
        return f"{self.addresses.nodes}/{account.path}"

    def issuer(self, account: Account) -> str:
        return entity_id(account, self.addresses.nodes)

    def metadata(self, account: Account) -> bytes:
        return account_metadata(account, self.addresses.nodes, self.signing[account.path])

    def open(self, account: Account, request: Request) -> str:
        """Remember an exchange; returns its handle. Raises Stopped for a request seen before.

        The browser's back button may send an AuthnRequest again: that is a replay (IF 8.2).
        """
        with self._lock:
            once = f"{account.path}/{request.id}"
            if once in self._seen:
                raise Stopped("sandbox-replay", "this AuthnRequest was here before")
            self._seen[once] = None
            while len(self._seen) > REQUESTS_REMEMBERED:
                self._seen.popitem(last=False)
        return self.exchanges.open(Exchange(account=account, request=request))


def handed_in(addresses: Addresses) -> dict[str, str]:
    """Where each account system's copy of our metadata is taken from."""
    return {path: f"{addresses.gateway}/connectors/{path}/metadata" for path in accounts()}


def load_world(addresses: Addresses, state: Path) -> World:
    """Read what ``sandbox.state`` has prepared; raises FileNotFoundError when it has not."""
    store = KeyStore(state / "accounts", lambda _: None)
    return World(
        addresses,
        {path: store.load(path) for path in accounts()},
        Providers(
            handed_in(addresses),
            state / "ca.pem" if addresses.tls else None,
            kept=timedelta(seconds=addresses.metadata_seconds),
        ),
    )
