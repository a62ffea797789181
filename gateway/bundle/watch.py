"""Checks ``[watch]`` and reads its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from gateway.bundle.keys import read_secret
from gateway.bundle.problems import Problems
from gateway.settings import Mode, Settings, resolve

_LEAST_SECRET = 32


@dataclass(frozen=True, slots=True)
class WatchSecrets:
    """What the channels need and TOML must not hold."""

    smtp_password: str | None = field(default=None, repr=False)
    webhooks: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """By the webhook's id."""


def check_watch(settings: Settings, directory: Path, problems: Problems) -> WatchSecrets:
    """All problems of the section are noted; gives the secrets that could be read."""
    watch, mode = settings.watch, settings.gateway.mode
    password: bytes | None = None
    if watch.smtp is not None:
        smtp = watch.smtp
        if smtp.security == "none" and mode is Mode.PRODUCTION:
            problems.add("gateway.toml", "watch.smtp.security", "mail would leave unprotected", '"starttls"')
        if smtp.ca_file is not None and not resolve(smtp.ca_file, directory).is_file():
            problems.add("gateway.toml", "watch.smtp.ca_file", "does not exist", "correct the path")
        password = read_secret(smtp.password, directory, mode, problems, "watch.smtp.password")
    webhooks = {}
    for number, webhook in enumerate(watch.webhooks):
        place = f"watch.webhooks[{number}]"
        if not webhook.url.startswith("https:") and mode is Mode.PRODUCTION:
            problems.add("gateway.toml", f"{place}.url", "is not https", "use an https address")
        secret = (read_secret(webhook.secret, directory, mode, problems, f"{place}.secret") or b"").rstrip(
            b"\r\n"
        )
        if secret and len(secret) < _LEAST_SECRET:
            problems.add(
                "gateway.toml", f"{place}.secret", "is too short", f"at least {_LEAST_SECRET} characters"
            )
        webhooks[webhook.id] = secret
    return WatchSecrets(
        password.decode(errors="replace").rstrip("\r\n") if password else None, MappingProxyType(webhooks)
    )
