"""Mail and webhook against real servers, good and bad ones."""

from __future__ import annotations

import hmac
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.settings.watch import Severity, SMTPSection
from gateway.watch.alerts import Alert, News, Notice, Record
from gateway.watch.channels import ChannelFailed, Personal, Severe
from gateway.watch.mail import Mail, MailServer
from gateway.watch.webhook import SIGNATURE, Webhook
from gateway.watch.words import Words
from tests.gateway.watch.receivers import (
    PASSWORD,
    USER,
    Mailbox,
    Receiver,
    mail_server,
    server_context,
)
from tests.support.self_signed import tls_files
from trust.outgoing import FetchPolicy

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ALERT = Alert(
    key="metadata/el",
    kind="metadata-down",
    severity=Severity.CRITICAL,
    values={
        "anchor": "el-node-2026",
        "reason": "metadata.expired",
        "percent": "100",
        "when": "2026-11-23 11:00 UTC",
    },
    link="/anchors/el-node-2026",
)
LATER = Alert(
    key="channel/ops",
    kind="channel",
    severity=Severity.WARNING,
    values={"channel": "ops", "reason": "r", "since": "s"},
)


def notice(alert: Alert = ALERT, news: News = News.RAISED) -> Notice:
    return Notice(news=news, record=Record(alert=alert, since=NOW - timedelta(hours=1), seen=NOW))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return tls_files(tmp_path_factory.mktemp("tls"), "localhost")


@pytest.fixture(scope="module")
def context(files: tuple[Path, Path]) -> ssl.SSLContext:
    return server_context(files)


@pytest.fixture(scope="module")
def running(context: ssl.SSLContext) -> Iterator[Mailbox]:
    with mail_server(context) as box:
        yield box


@pytest.fixture
def mailbox(running: Mailbox) -> Mailbox:
    running.mails.clear()
    running.refuse = ""
    return running


def mail(box: Mailbox, ca_file: Path | None, *, secret: str = PASSWORD, **section: object) -> Mail:
    fields: dict[str, object] = {
        "host": "localhost", "port": box.port, "sender": "eid@id.example", "username": USER,
        "password": "env:SMTP", "timeout_seconds": 2.0,
    }  # fmt: skip
    server = MailServer(
        section=SMTPSection.model_validate(fields | section), password=secret, ca_file=ca_file
    )
    return Mail(
        server=server,
        to=("ops@id.example", "b@id.example"),
        words=Words("de"),
        installation="id.example",
        console="https://console.example",
    )


def test_a_mail_goes_over_tls_with_a_login_to_all_recipients(
    mailbox: Mailbox, files: tuple[Path, Path]
) -> None:
    mail(mailbox, files[0]).deliver([notice(LATER, News.RESOLVED), notice()], NOW)
    [(recipients, message)] = mailbox.mails
    assert recipients == ["ops@id.example", "b@id.example"]
    # the new and not the old comes first
    assert message["Subject"] == "[id.example] neu: Keine gültigen Metadaten von el-node-2026 (und 1 weitere)"
    assert message["Auto-Submitted"] == "auto-generated"
    body = message.get_content()
    assert "KRITISCH – neu" in body
    assert "WARNUNG – vorbei" in body
    assert "https://console.example/anchors/el-node-2026" in body


@pytest.mark.parametrize(
    ("section", "password", "trusted", "reason"),
    [
        ({}, "wrong", True, "mail.login"),
        ({}, PASSWORD, False, "mail.tls"),
        ({"port": 1}, PASSWORD, True, "mail.connection"),
        ({"host": "127.0.0.1"}, PASSWORD, True, "mail.tls"),
        ({"security": "none", "username": None, "password": None}, "", True, "mail.refused"),
    ],
    ids=["wrong-password", "unknown-authority", "server-away", "certificate-of-another-name", "without-tls"],
)
def test_a_mail_server_that_is_away_or_not_ours_is_named(
    mailbox: Mailbox,
    files: tuple[Path, Path],
    section: dict[str, object],
    password: str,
    trusted: bool,
    reason: str,
) -> None:
    with pytest.raises(ChannelFailed, match=f"^{reason}$"):
        mail(mailbox, files[0] if trusted else None, secret=password, **section).deliver([notice()], NOW)
    assert mailbox.mails == []


def test_a_server_that_offers_no_tls_gets_neither_password_nor_mail(files: tuple[Path, Path]) -> None:
    """Stripping of STARTTLS on the way."""
    with mail_server(None) as box:
        with pytest.raises(ChannelFailed, match=r"mail\.not-offered"):
            mail(box, files[0]).deliver([notice()], NOW)
        assert box.mails == []


def test_a_mail_server_whose_answer_never_ends_is_given_up() -> None:
    """RFC 5321 §4.2.1: an answer has any number of lines; each would stay in memory."""
    listening = socket.create_server(("localhost", 0))

    def greet() -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            while True:
                connection.sendall(b"220-welcome\r\n" * 1000)

    thread = threading.Thread(target=greet, daemon=True)
    thread.start()
    port = listening.getsockname()[1]
    section = SMTPSection(host="localhost", port=port, sender="a@b.example", security="none")
    with listening, pytest.raises(ChannelFailed, match=r"mail\.refused"):
        MailServer(section=section, password=None, ca_file=None).send(EmailMessage())
    thread.join(5)
    assert not thread.is_alive()


def test_what_the_mail_server_says_is_not_repeated(mailbox: Mailbox, files: tuple[Path, Path]) -> None:
    mailbox.refuse = "554 5.7.1 <ops@id.example> is unknown here"
    with pytest.raises(ChannelFailed) as caught:
        mail(mailbox, files[0]).deliver([notice()], NOW)
    assert str(caught.value) == "mail.refused"


@pytest.fixture
def receiver(context: ssl.SSLContext) -> Iterator[Receiver]:
    started = Receiver(context)
    yield started
    started.close()


SECRET = b"s" * 32


def webhook(receiver: Receiver, files: tuple[Path, Path], **policy: object) -> Webhook:
    limits: dict[str, object] = {
        "ca_file": files[0], "allow_private_addresses": True, "content_types": frozenset(), "total_seconds": 5.0
    }  # fmt: skip
    return Webhook(
        url=f"https://localhost:{receiver.port}/hook",
        secret=SECRET,
        policy=FetchPolicy(**(limits | policy)),
        installation="id.example",
        console=None,
    )


def test_a_webhook_is_signed_over_time_and_body(receiver: Receiver, files: tuple[Path, Path]) -> None:
    webhook(receiver, files).deliver([notice()], NOW)
    [posted] = receiver.posted
    stamp, _, mac = posted.headers[SIGNATURE].partition(",v1=")
    assert stamp == f"t={int(NOW.timestamp())}"
    expected = hmac.new(SECRET, f"{stamp[2:]}.".encode() + posted.body, sha256).hexdigest()
    assert hmac.compare_digest(mac, expected)
    sent = json.loads(posted.body)
    assert (sent["version"], sent["installation"]) == (1, "id.example")
    [alert] = sent["alerts"]
    assert (alert["news"], alert["key"], alert["severity"]) == ("raised", "metadata/el", "critical")
    assert alert["title"]["en"] == "No valid metadata of el-node-2026"
    assert alert["link"] is None


def test_two_deliveries_of_the_same_can_be_told_apart(receiver: Receiver, files: tuple[Path, Path]) -> None:
    for _ in range(2):
        webhook(receiver, files).deliver([notice()], NOW)
    assert len({json.loads(posted.body)["delivery"] for posted in receiver.posted}) == 2


@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [
        (500, {}, "fetch.status"),
        (302, {"Location": "https://localhost/elsewhere"}, "fetch.redirect"),
        (307, {"Location": "http://169.254.169.254/"}, "fetch.redirect"),
    ],
)
def test_a_webhook_that_refuses_or_redirects_has_failed(
    receiver: Receiver, files: tuple[Path, Path], status: int, headers: dict[str, str], reason: str
) -> None:
    receiver.status, receiver.headers = status, headers
    with pytest.raises(ChannelFailed, match=f"^{reason}$"):
        webhook(receiver, files).deliver([notice()], NOW)
    assert len(receiver.posted) == 1


def test_a_webhook_that_never_answers_is_given_up(receiver: Receiver, files: tuple[Path, Path]) -> None:
    receiver.wait = threading.Event()
    with pytest.raises(ChannelFailed, match=r"fetch\.timeout"):
        webhook(receiver, files, total_seconds=0.3).deliver([notice()], NOW)


def test_a_webhook_leads_neither_to_strangers_nor_inside(
    receiver: Receiver, files: tuple[Path, Path]
) -> None:
    """security.md B.2."""
    for policy, reason in (
        ({"ca_file": None}, "fetch.tls"),
        ({"allow_private_addresses": False}, "fetch.address"),
    ):
        with pytest.raises(ChannelFailed, match=f"^{reason}$"):
            webhook(receiver, files, **policy).deliver([notice()], NOW)
    assert receiver.posted == []


def test_who_wants_what() -> None:
    everybody = Severe("ops", Severity.WARNING, lambda _notices, _now: None)
    assert everybody.wants(ALERT)
    assert everybody.wants(LATER)
    assert not Severe("duty", Severity.CRITICAL, lambda _notices, _now: None).wants(LATER)
    bert = Personal("b.muster", lambda _notices, _now: None)
    assert not bert.wants(ALERT)
    assert (everybody.group, bert.group) == ("ops", "approvers")  # metrics name no person
    assert bert.wants(
        Alert(key="p", kind="proposal-pending", severity=Severity.WARNING, people=("b.muster",))
    )
