"""``registry/keys/<id>.toml``: when one of our own keys is published, used, kept and gone.

The private key itself stays where ``gateway.toml`` says; the plan only says when. It counts in place of the
key's ``state`` there. Two people approve it like everything else in the registry, with ``spki_sha256`` for the
very key that they mean.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from gateway.settings import KeyPurpose
from gateway.settings.section import Section


class KeyPhase(StrEnum):
    """Where a key is in its life."""

    PLANNED = "planned"
    """Nothing of it leaves the gateway yet."""
    NEXT = "next"
    """Published, not yet used; a decryption key already decrypts."""
    ACTIVE = "active"
    RETIRED = "retired"
    """No longer used to sign; still published, still decrypts."""
    GONE = "gone"
    """No longer published, decrypts no more."""


class KeyPlan(Section):
    """The calendar of one key. Times with their zone, e.g. ``2026-12-01T06:00:00Z``."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]
    """``id`` of the key among the ``[[keys]]`` of ``gateway.toml``."""
    purpose: KeyPurpose
    """As in ``gateway.toml``."""
    publish_from: datetime | None = None
    """Published as ``next``. Absent together with ``active_from`` for a key that is in use already."""
    active_from: datetime | None = None
    """Used, in place of its predecessor of the same purpose and for the same connectors."""
    retire_from: datetime | None = None
    """No longer used to sign. Absent: until a successor becomes active."""
    gone_from: datetime | None = None
    """No longer published, decrypts no more. Afterwards it can be removed from ``gateway.toml``."""
    spki_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of the key's SubjectPublicKeyInfo, hexadecimal: with another key under this ``id`` no gateway starts."""
    short_notice: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """Why peers get less time than they need to learn of the change, e.g. a stolen key. Logins may fail meanwhile."""

    @field_validator("purpose")
    @classmethod
    def _is_replaceable(cls, value: KeyPurpose) -> KeyPurpose:
        if value is KeyPurpose.SUBJECT:
            raise ValueError("a new subject key makes a stranger of every citizen; remedy: remove the plan")
        return value

    @field_validator("publish_from", "active_from", "retire_from", "gone_from")
    @classmethod
    def _has_a_zone(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("has no time zone; remedy: write it as 2026-12-01T06:00:00Z")
        return value

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if (self.publish_from is None) != (self.active_from is None):
            raise ValueError("publish_from and active_from belong together; remedy: give both, or neither")
        if not self.dates:
            raise ValueError("has no date; remedy: publish_from and active_from, or retire_from")
        if self.gone_from is not None and self.retire_from is None:
            raise ValueError("gone_from needs retire_from; remedy: retire first")
        if list(self.dates) != sorted(self.dates) or (
            self.active_from is not None and self.active_from == self.retire_from
        ):
            raise ValueError(
                "dates are not in order; remedy: publish_from, active_from, retire_from, gone_from"
            )
        return self

    @property
    def dates(self) -> tuple[datetime, ...]:
        """Those that are given."""
        given = (self.publish_from, self.active_from, self.retire_from, self.gone_from)
        return tuple(date for date in given if date is not None)

    def phase(self, at: datetime) -> KeyPhase:
        """Where the key is at ``at``, as far as the plan alone says."""
        if self.gone_from is not None and at >= self.gone_from:
            return KeyPhase.GONE
        if self.retire_from is not None and at >= self.retire_from:
            return KeyPhase.RETIRED
        if self.active_from is None or at >= self.active_from:
            return KeyPhase.ACTIVE
        if self.publish_from is not None and at >= self.publish_from:
            return KeyPhase.NEXT
        return KeyPhase.PLANNED
