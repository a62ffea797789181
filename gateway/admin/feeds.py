"""The addresses under which people's calendar programs fetch what ends: one a person, unguessable, renewable.

A program cannot sign in with a passkey, so the address itself is the secret. It opens nothing but the calendar;
the database has its hash alone, so the address is shown when it is made, and for some minutes.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from trust.registry import RegistryUnavailable

_OCTETS = 32

FEEDS = sa.Table(
    "console_feeds",
    sa.MetaData(),
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("token_sha256", sa.Text, nullable=False, unique=True),
    sa.Column("made", sa.Text, nullable=False),
)


class Feeds:
    """Blocking; call it in a thread. Raises RegistryUnavailable when the database does not answer."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def made(self, person: str) -> datetime | None:
        """Since when ``person`` has an address; None: there is none."""
        found = self._one(sa.select(FEEDS.c.made).where(FEEDS.c.person == person))
        return None if found is None else datetime.fromisoformat(found)

    def owner(self, token: str) -> str | None:
        """Whose address ends in ``token``."""
        return self._one(sa.select(FEEDS.c.person).where(FEEDS.c.token_sha256 == _hash(token)))

    def renew(self, person: str, random: Callable[[int], bytes], now: datetime) -> str:
        """A new token for ``person``; the one before opens nothing any more."""
        token = urlsafe_b64encode(random(_OCTETS)).rstrip(b"=").decode("ascii")
        row = {"person": person, "token_sha256": _hash(token), "made": now.astimezone(UTC).isoformat()}
        self._write(sa.delete(FEEDS).where(FEEDS.c.person == person), sa.insert(FEEDS).values(row))
        return token

    def remove(self, person: str) -> None:
        """The address opens nothing any more."""
        self._write(sa.delete(FEEDS).where(FEEDS.c.person == person))

    def _one(self, statement: sa.Select[Any]) -> str | None:
        try:
            with self._engine.connect() as connection:
                found: str | None = connection.scalar(statement)
            return found
        except SQLAlchemyError as error:
            raise RegistryUnavailable(type(error).__name__) from error

    def _write(self, *statements: sa.Delete | sa.Insert) -> None:
        try:
            with self._engine.begin() as connection:
                for statement in statements:
                    connection.execute(statement)
        except SQLAlchemyError as error:
            raise RegistryUnavailable(type(error).__name__) from error


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
