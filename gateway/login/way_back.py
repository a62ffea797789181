"""The way back to the service that outlives a journey.

An account whose "back" sends no answer leaves the journey to its deadline, and a citizen who returns after
that must still be able to tell the service (issue 3). So beside the journey lies a second record, sealed
under the same secret and without anything about the person: where the answer goes. It lives as long as the
marks, is taken by whatever ends the journey in time, and gives ``access_denied`` once after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from pydantic import TypeAdapter

from gateway.login.journey import LoginJourney
from gateway.oidc.request import ReturnAddress

WAY_BACK = "way-back"
"""Purpose of the sealed record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WayBack:
    """See the module docstring."""

    client_id: str
    address: ReturnAddress

    @classmethod
    def of(cls, journey: LoginJourney) -> WayBack:
        return cls(client_id=journey.request.client_id, address=journey.request.return_address)

    def to_record(self) -> bytes:
        """UTF-8 JSON for the sealed store."""
        return _adapter().dump_json(self)

    @staticmethod
    def from_record(record: bytes) -> WayBack:
        """Inverse of ``to_record``; raises pydantic.ValidationError on anything else."""
        return _adapter().validate_json(record)


@cache
def _adapter() -> TypeAdapter[WayBack]:
    return TypeAdapter(WayBack)
