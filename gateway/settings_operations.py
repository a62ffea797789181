"""Sections of ``gateway.toml`` for whoever runs the installation: its own work on a schedule."""

from __future__ import annotations

from pydantic import Field

from gateway.settings_section import Section


class ProbesSection(Section):
    """Logins with a partner's test identity; what is probed stands with each country (``[probe]``)."""

    enabled: bool = True
    """Whether probes run on their schedule. Asked for in the console they run either way."""
    seconds: float = Field(default=60.0, ge=5, le=300)
    """How long a whole probe may take."""
    request_seconds: float = Field(default=10.0, gt=0, le=60)
    """How long one request of it may take."""
    page_bytes: int = Field(default=1_048_576, ge=65_536, le=4_194_304)
    """Largest page of a partner."""
    keep_days: int = Field(default=90, ge=1, le=3650)
    """How long results are kept."""
