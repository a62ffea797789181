"""Sections of ``gateway.toml`` for whoever runs the installation: its own work on a schedule."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator

from gateway.settings.section import Section


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


class ConsoleSection(Section):
    """The console for security admins, on a listener of its own; without this section there is none.

    TLS is that of ``[listen]``, inside the process or by a proxy in front, whose ``trusted_proxies`` count here too.
    """

    url: str
    """Its origin as browsers see it, e.g. ``https://trust.id.sachsen.example``. Passkeys are made for this host
    and origin: with another one, everybody needs a new passkey. ``http`` is possible on ``localhost`` only."""
    host: str = "127.0.0.1"
    port: int = Field(default=8402, ge=1, le=65535)
    idle_minutes: int = Field(default=15, ge=1, le=60)
    """A session ends after so long without a page."""
    session_hours: int = Field(default=8, ge=1, le=12)
    """And after so long in any case."""
    per_minute: int = Field(default=240, ge=0)
    """Requests a minute and client address; signing in and making passkeys: a tenth of it. 0 switches it off."""

    @field_validator("url")
    @classmethod
    def _url_is_an_origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if value != f"{parts.scheme}://{parts.netloc}" or parts.username or not parts.hostname:
            raise ValueError("must be an origin, without path; remedy: https://trust.example.org")
        if parts.scheme != "https" and (parts.scheme, parts.hostname) != ("http", "localhost"):
            raise ValueError("must be https; browsers offer passkeys nowhere else but on http://localhost")
        return value

    @property
    def rp_id(self) -> str:
        """The relying party of its passkeys (WebAuthn-3 §5.4.2)."""
        return urlsplit(self.url).hostname or ""


class LogSection(Section):
    """What proves that nothing was changed in the log afterwards, and how long its entries stay."""

    checkpoint_seconds: float = Field(default=60.0, ge=5, le=3600)
    """A checkpoint is signed and exported so often, if the log grew."""
    checkpoint_key: (
        Annotated[str, StringConstraints(pattern=r"^(file:.+|env:[A-Z][A-Z0-9_]*|pkcs11:.+)$")] | None
    ) = None
    """Signs checkpoints: Ed25519 in PEM (PKCS#8), or curve P-256 in PEM or in a hardware module (PKCS#11 URI).
    The same on every host. Without it one is derived from the subject key."""
    retired_keys: tuple[str, ...] = ()
    """Public keys (PEM files) that signed checkpoints before, so that those still count."""
    origin: str | None = None
    """Name of the log in its checkpoints, a URL without scheme; default: host and path of the issuer. ``/login``
    and ``/trust`` follow. Fixed once the first checkpoint is signed."""
    export: tuple[str, ...] = ()
    """Where checkpoints go, off this host: directories, or https addresses that take them by POST."""
    retention_days: int = Field(default=90, ge=0, le=3650)
    """Login events older than this are removed daily; what proves the others stays. 0: never. Entries about
    trust always stay."""

    @field_validator("origin")
    @classmethod
    def _origin_is_a_name(cls, value: str | None) -> str | None:
        if value is not None and re.fullmatch(r"[A-Za-z0-9.:_~/-]{1,200}", value) is None:
            raise ValueError("must be a URL without scheme; remedy: id.example.org")
        return value

    @field_validator("export")
    @classmethod
    def _addresses_are_https(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for target in value:
            parts = urlsplit(target)
            if "://" in target and (parts.scheme != "https" or parts.username or not parts.hostname):
                raise ValueError("must be a directory or an https address without user information")
        return value


class StatisticsSection(Section):
    """How long the counts of logins stay; they hold no journeys and no persons."""

    hours_days: int = Field(default=35, ge=31, le=1100)
    """Counts are kept by the hour for so long, then by the day: hours tell more about single people."""
    keep_days: int = Field(default=1096, ge=62, le=4000)
    """Then they are deleted."""
