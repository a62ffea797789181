"""``[watch]`` of ``gateway.toml``: who is told when something needs a person, and how."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator, model_validator

from gateway.settings.section import SecretReference, Section

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
Address = Annotated[str, StringConstraints(pattern=r"^[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,190}$")]
"""A mail address, plain ASCII, without a name beside it."""


class Severity(StrEnum):
    INFORMATION = "information"
    """Something to plan for."""
    WARNING = "warning"
    """Somebody should act within days."""
    CRITICAL = "critical"
    """Logins or trust are at stake now."""


class SMTPSection(Section):
    """The mail server that takes what the gateway sends."""

    host: Annotated[str, StringConstraints(min_length=1)]
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    """``starttls`` and ``tls`` verify the server's certificate for ``host``. ``none``: development mode only."""
    sender: Address
    username: str | None = None
    password: SecretReference | None = None
    ca_file: str | None = None
    """PEM bundle to trust instead of the system's."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)

    @model_validator(mode="after")
    def _login_is_complete(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        if self.username is not None and self.security == "none":
            raise ValueError('a password is not sent in the clear; remedy: security = "starttls"')
        return self


class MailSection(Section):
    """A group of people who get the same mails."""

    id: Identifier
    to: Annotated[tuple[Address, ...], Field(min_length=1)]
    minimum: Severity = Severity.WARNING
    """Least severity that is sent."""
    language: Literal["de", "en"] = "de"


class WebhookSection(Section):
    """A program that gets every alert as JSON."""

    id: Identifier
    url: str
    """https; redirects are not followed, private addresses only with ``[http] allow_private_addresses``."""
    secret: SecretReference
    """At least 32 characters; key of the HMAC-SHA256 in the header ``Eid-Gateway-Signature``."""
    minimum: Severity = Severity.INFORMATION

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username or parts.fragment:
            raise ValueError("must be an absolute https URL without user information and fragment")
        return value


class ApproverMail(Section):
    """Where an approver is told of a change that waits for a signature."""

    to: Address
    language: Literal["de", "en"] = "de"


class WatchSection(Section):
    """Who is told when something needs a person. Without mail and webhooks: metrics and the log only."""

    repeat_hours: int = Field(default=24, ge=1, le=168)
    """While an alert of severity ``warning`` or ``critical`` lasts, it is sent again after this time."""
    smtp: SMTPSection | None = None
    """Needed for ``mail`` and ``approvers``."""
    mail: tuple[MailSection, ...] = ()
    webhooks: tuple[WebhookSection, ...] = ()
    approvers: dict[str, ApproverMail] = Field(default_factory=dict)
    """By the approver's identifier in the registry."""

    @model_validator(mode="after")
    def _channels_are_complete(self) -> Self:
        if (self.mail or self.approvers) and self.smtp is None:
            raise ValueError("mail needs [watch.smtp]")
        names = [mail.id for mail in self.mail] + [webhook.id for webhook in self.webhooks]
        if len(names) != len(set(names)):
            raise ValueError("two channels have the same id")
        return self
