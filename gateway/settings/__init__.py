"""``gateway.toml``: one module of models for the installation itself, others for what runs beside logins."""

from __future__ import annotations

from gateway.settings.installation import (
    ConfigurationError,
    ConfigurationProblem,
    GatewaySection,
    KeyPurpose,
    KeySection,
    KeyState,
    LimitsSection,
    ListenSection,
    Mode,
    RateSection,
    RegistrationSection,
    Settings,
    StoreSection,
    Texts,
    resolve,
)

__all__ = [
    "ConfigurationError",
    "ConfigurationProblem",
    "GatewaySection",
    "KeyPurpose",
    "KeySection",
    "KeyState",
    "LimitsSection",
    "ListenSection",
    "Mode",
    "RateSection",
    "RegistrationSection",
    "Settings",
    "StoreSection",
    "Texts",
    "resolve",
]
