"""The configuration directory: settings beside a bundle of the registry's objects, read, checked, written.

``loading`` reads it all; one module per kind of object checks it; ``objects`` turns it into objects of the registry and back.
"""

from __future__ import annotations

from gateway.bundle.loading import (
    SUSPENDED,
    Configuration,
    ConnectorSettings,
    load,
    load_installation,
)

__all__ = [
    "SUSPENDED",
    "Configuration",
    "ConnectorSettings",
    "load",
    "load_installation",
]
