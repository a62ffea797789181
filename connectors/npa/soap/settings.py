"""Section ``[soap]`` of an Online-Ausweis connector (TR-03130-1 §3)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class SOAPSection(BaseModel):
    """Where the eID service answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str
    """https URL of the eID-Interface."""
