"""Mail: plain text to a server that is known, over TLS that verifies its name."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import BinaryIO

from gateway.settings.watch import SMTPSection
from gateway.watch.alerts import Notice
from gateway.watch.channels import ChannelFailed
from gateway.watch.words import Words, letter
from trust.outgoing import CIPHERS

_ANSWER_OCTETS = 65_536
"""Of one answer, which may have any number of lines (RFC 5321 §4.2.1)."""


class _Answers:
    """What the server says, up to an end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = _ANSWER_OCTETS

    def begin(self) -> None:
        """The next answer."""
        self._left = _ANSWER_OCTETS

    def readline(self, longest: int) -> bytes:
        """Raises OSError for an answer without an end."""
        line = self._file.readline(longest)
        self._left -= len(line)
        if self._left < 0:
            raise OSError("too long")
        return line

    def close(self) -> None:
        self._file.close()


class _Plain(smtplib.SMTP):
    """Reads answers that end."""

    def getreply(self) -> tuple[int, bytes]:
        return _bounded(self, super().getreply)


class _Wrapped(smtplib.SMTP_SSL):
    """The same within TLS."""

    def getreply(self) -> tuple[int, bytes]:
        return _bounded(self, super().getreply)


def _bounded(server: smtplib.SMTP, getreply: Callable[[], tuple[int, bytes]]) -> tuple[int, bytes]:
    if server.file is None and server.sock is not None:
        server.file = _Answers(server.sock.makefile("rb"))
    if isinstance(server.file, _Answers):
        server.file.begin()
    return getreply()


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
            return _Wrapped(section.host, section.port, timeout=section.timeout_seconds, context=self._tls())
        return _Plain(section.host, section.port, timeout=section.timeout_seconds)

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
