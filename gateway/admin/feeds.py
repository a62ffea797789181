"""The addresses under which people's calendar programs fetch what ends: one a person, unguessable, renewable.

A program cannot sign in with a passkey, so the address itself is the secret. It opens nothing but the calendar;
the database has its hash alone, so the address is shown when it is made, and for some minutes.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from trust.registry import ChangeClass, Fold, ObjectKey, ObjectKind, RegistryUnavailable

_OCTETS = 32
_ENROL = frozenset({ChangeClass.BOOTSTRAP, ChangeClass.ENROLMENT})

FEEDS = sa.Table(
    "console_feeds",
    sa.MetaData(),
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("token_sha256", sa.Text, nullable=False, unique=True),
    sa.Column("made", sa.Text, nullable=False),
    sa.Column("enrolment", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Somebody who is enrolled, and by which change: who is removed and enrolled again begins without an address."""

    person: str
    enrolment: str
    """Hash of the change."""


def owner_now(fold: Fold, person: str) -> Owner | None:
    """None: nobody of that identifier is enrolled. Another role or a further key is the same enrolment."""
    key = ObjectKey(ObjectKind.APPROVER, person)
    if key not in fold.state.objects:
        return None
    begun = [
        (proposal.activated_at, proposal.seq, proposal.change_hash)
        for proposal in fold.proposals.values()
        if proposal.activated_at is not None
        and proposal.change.change_class in _ENROL
        and any(edit.key == key and edit.before is None for edit in proposal.change.edits)
    ]
    return Owner(person=person, enrolment=max(begun)[-1]) if begun else None


class Feeds:
    """Blocking; call it in a thread. Raises RegistryUnavailable when the database does not answer."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def made(self, owner: Owner) -> datetime | None:
        """Since when ``owner`` has an address; None: there is none."""
        of_owner = (FEEDS.c.person == owner.person) & (FEEDS.c.enrolment == owner.enrolment)
        found = self._row(sa.select(FEEDS.c.made).where(of_owner))
        return None if found is None else datetime.fromisoformat(found.made)

    def owner(self, token: str) -> Owner | None:
        """Whose address ends in ``token``."""
        whose = sa.select(FEEDS.c.person, FEEDS.c.enrolment).where(FEEDS.c.token_sha256 == _hash(token))
        found = self._row(whose)
        return None if found is None else Owner(person=found.person, enrolment=found.enrolment)

    def renew(self, owner: Owner, random: Callable[[int], bytes], now: datetime) -> str:
        """A new token for ``owner``; the one before opens nothing any more."""
        token = urlsafe_b64encode(random(_OCTETS)).rstrip(b"=").decode("ascii")
        row = {
            "person": owner.person,
            "token_sha256": _hash(token),
            "made": now.astimezone(UTC).isoformat(),
            "enrolment": owner.enrolment,
        }
        self._write(sa.delete(FEEDS).where(FEEDS.c.person == owner.person), sa.insert(FEEDS).values(row))
        return token

    def remove(self, person: str) -> None:
        """The address opens nothing any more."""
        self._write(sa.delete(FEEDS).where(FEEDS.c.person == person))

    def _row(self, statement: sa.Select[Any]) -> sa.Row[Any] | None:
        try:
            with self._engine.connect() as connection:
                return connection.execute(statement).first()
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
