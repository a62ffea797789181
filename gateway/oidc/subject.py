"""Pairwise subject identifiers (Core §8.1, oidc.md §11).

``sub`` = BASE64URL(HMAC-SHA256(key, sector ∥ 0x00 ∥ account key)). The account key begins with the
connector, so two sources never meet in one ``sub``; the sector keeps two services apart. Nobody
without the key can go back, or test a guess.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from connectors.identity import Identity
from gateway.client_settings import Client
from gateway.jose import base64url


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """The long-lived HMAC key; another one changes every ``sub``."""

    octets: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.octets) < 32:
            raise ValueError("subject key needs at least 32 octets")


def sector(client: Client) -> str:
    """The sector of a client: registered, else the one host of its redirect URIs (Core §8.1).

    Raises ValueError when there are several hosts and no registered sector.
    """
    if client.sector_identifier is not None:
        return client.sector_identifier.lower()
    hosts = {urlsplit(uri).hostname or "" for uri in client.redirect_uris}
    if len(hosts) != 1:
        raise ValueError(f"{client.client_id}: several redirect hosts need a sector_identifier")
    return hosts.pop()


def pairwise(key: SubjectKey, client: Client, identity: Identity, journey: str) -> str:
    """The ``sub`` of ``identity`` for ``client``.

    A source that names nobody (age verification only) gives a ``sub`` of this journey alone.
    """
    account = identity.account_key
    if account is None:
        account = f"{identity.source.connector}\0\0{journey}"
    return _derived(key, client, account)


def second_pairwise(key: SubjectKey, client: Client, identity: Identity) -> str | None:
    """The ``sub`` under the source's second identifier, while a card reader's sector migrates (npa.md §5.3).

    A service may know the person under either, and keeps the account by storing the other.
    """
    account = identity.second_account_key
    return None if account is None else _derived(key, client, account)


def transient(key: SubjectKey, client: Client, resource: str, journey: str) -> str:
    """A word for the citizen in the tokens of one login for one resource server, and nowhere else."""
    return base64url(
        hmac.digest(key.octets, f"{resource}\0\0{client.client_id}\0{journey}".encode(), hashlib.sha256)
    )


def _derived(key: SubjectKey, client: Client, account: str) -> str:
    message = f"{sector(client)}\0{account}".encode()
    return base64url(hmac.digest(key.octets, message, hashlib.sha256))
