"""Clients by identifier: the configured ones, and those that registered themselves (RFC 7591).

The latter are in the database, so that every worker sees what another one registered. Their
identifiers begin with ``PREFIX``; nothing else is ever looked up there, so a configured client costs no
more than a dictionary. A row is read for each use: what was changed or removed counts at once.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from gateway.client_settings import Client
from gateway.errors import AUDIT_UNAVAILABLE

PREFIX = "registered-"

TABLE = sa.Table(
    "registered_clients",
    sa.MetaData(),
    sa.Column("client_id", sa.Text, primary_key=True),
    sa.Column("issued_at", sa.BigInteger, nullable=False),
    sa.Column("access_token_sha256", sa.Text, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)
_PARSED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One client that registered itself."""

    client: Client
    issued_at: int
    access_token_sha256: str = field(repr=False)

    def managed_by(self, access_token: str) -> bool:
        """Whether this is the registration access token (RFC 7592 §1.2)."""
        return hmac.compare_digest(digest(access_token), self.access_token_sha256)


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return sha256(secret.encode("utf-8")).hexdigest()


class RegisteredClients(Mapping[str, Client]):
    """Raises GatewayError ``audit.unavailable`` when the database cannot be read."""

    def __init__(self, configured: Mapping[str, Client], engine: sa.Engine) -> None:
        self._configured = configured
        self._engine = engine
        self._parsed: dict[str, Client] = {}

    def __getitem__(self, client_id: str) -> Client:
        if not client_id.startswith(PREFIX):
            return self._configured[client_id]
        found = self.registration(client_id)
        if found is None:
            raise KeyError(client_id)
        return found.client

    def __iter__(self) -> Iterator[str]:
        yield from self._configured
        yield from (str(row.client_id) for row in self._run(sa.select(TABLE.c.client_id)))

    def __len__(self) -> int:
        (row,) = self._run(sa.select(sa.func.count().label("number")).select_from(TABLE))
        return len(self._configured) + int(row.number)

    def registration(self, client_id: str) -> Registration | None:
        """The registration of one client, None if there is none (any more)."""
        rows = self._run(sa.select(TABLE).where(TABLE.c.client_id == client_id))
        if not rows:
            return None
        return Registration(
            client=self._client(rows[0].document),
            issued_at=int(rows[0].issued_at),
            access_token_sha256=str(rows[0].access_token_sha256),
        )

    def add(self, registration: Registration) -> None:
        """Keep a new client."""
        values = {
            "client_id": registration.client.client_id,
            "issued_at": registration.issued_at,
            "access_token_sha256": registration.access_token_sha256,
            "document": registration.client.model_dump_json(exclude_defaults=True),
        }
        self._run(sa.insert(TABLE).values(**values))

    def replace(self, client: Client) -> None:
        """Put ``client`` in the place of the one with its identifier."""
        document = client.model_dump_json(exclude_defaults=True)
        self._run(sa.update(TABLE).where(TABLE.c.client_id == client.client_id).values(document=document))

    def remove(self, client_id: str) -> None:
        """Forget a client; its tokens open nothing any more."""
        self._run(sa.delete(TABLE).where(TABLE.c.client_id == client_id))

    def _run(self, statement: sa.Executable) -> list[sa.Row[Any]]:
        try:
            with self._engine.begin() as connection:
                result = connection.execute(statement)
                return list(result) if result.returns_rows else []
        except SQLAlchemyError as error:
            raise AUDIT_UNAVAILABLE(cause=error) from error

    def _client(self, document: str) -> Client:
        client = self._parsed.get(document)
        if client is None:
            client = Client.model_validate_json(document)
            while len(self._parsed) >= _PARSED:
                self._parsed.pop(next(iter(self._parsed)))
            self._parsed[document] = client
        return client
