"""Section ``[saml]`` of an Online-Ausweis connector (TR-03130-1 §4)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class SAMLSection(BaseModel):
    """Which SAML processor answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    peer: str
    """entityID of the SAML processor."""
