"""Mail: plain text to a server that is known, over TLS that verifies its name."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path

from gateway.settings.watch import SMTPSection
from gateway.watch.alerts import Notice
from gateway.watch.channels import ChannelFailed
from gateway.watch.words import Words, letter
from trust.outgoing import CIPHERS


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Takes one message at a time; a connection for each."""

    section: SMTPSection
    password: str | None = field(repr=False)
    ca_file: Path | None
    """PEM bundle to trust instead of the system's."""

    def send(self, message: EmailMessage) -> None:
        """Blocking; raises ChannelFailed ``mail.*``."""
        section = self.section
        try:
            with self._connected() as server:
                if section.security == "starttls":
                    server.starttls(context=self._tls())
                if section.username is not None:
                    server.login(section.username, self.password or "")
                refused = server.send_message(message)
        except smtplib.SMTPNotSupportedError as error:
            raise ChannelFailed("mail.not-offered") from error  # no STARTTLS: nothing is sent in the clear
        except smtplib.SMTPAuthenticationError as error:
            raise ChannelFailed("mail.login") from error
        except smtplib.SMTPRecipientsRefused as error:
            raise ChannelFailed("mail.recipients") from error
        except smtplib.SMTPException as error:
            raise ChannelFailed("mail.refused") from error
        except ssl.SSLError as error:
            raise ChannelFailed("mail.tls") from error
        except TimeoutError as error:
            raise ChannelFailed("mail.timeout") from error
        except (OSError, ValueError) as error:
            raise ChannelFailed("mail.connection") from error
        if refused:
            raise ChannelFailed("mail.recipients")

    def _connected(self) -> smtplib.SMTP:
        section = self.section
        if section.security == "tls":
            return smtplib.SMTP_SSL(
                section.host, section.port, timeout=section.timeout_seconds, context=self._tls()
            )
        return smtplib.SMTP(section.host, section.port, timeout=section.timeout_seconds)

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(CIPHERS)
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What one group of people gets."""

    server: MailServer
    to: tuple[str, ...]
    words: Words
    installation: str
    console: str | None
    """Base of links."""

    def deliver(self, notices: Sequence[Notice], now: datetime) -> None:
        """Raises ChannelFailed."""
        written = letter(notices, self.words, installation=self.installation, console=self.console)
        sender = self.server.section.sender
        message = EmailMessage(policy=SMTP)
        message["From"] = sender
        message["To"] = ", ".join(self.to)
        message["Subject"] = written.subject
        message["Date"] = format_datetime(now)
        message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
        # RFC 3834 §5: so that absence notes are not sent back
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(written.body)
        self.server.send(message)
