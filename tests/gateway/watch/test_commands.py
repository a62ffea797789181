"""``[watch]`` in gateway.toml and ``eid-gateway watch``: what an operator tries out first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.bundle import load
from gateway.cli import main
from gateway.settings import ConfigurationError
from gateway.settings.watch import Severity
from gateway.watch.alerts import Alert
from gateway.watch.assembly import channels
from gateway.watch.database_book import DatabaseBook
from tests.gateway.two_keys import TWO_KEYS, make_two_keys
from tests.gateway.watch.receivers import (
    PASSWORD,
    USER,
    Mailbox,
    Receiver,
    mail_server,
    server_context,
)
from tests.support.self_signed import tls_files
from trust.log import migrate, open_database

BASE = """
[gateway]
issuer = "http://localhost:1"
mode = "{mode}"
name.de = "Ausweis-Dienst"
operator.de = "Sachsen"
[http]
ca_file = "localhost.crt"
allow_private_addresses = true
"""
SMTP = """
[watch.smtp]
host = "localhost"
port = {port}
sender = "eid@id.example"
username = "{user}"
password = "env:WATCH_SMTP_PASSWORD"
ca_file = "localhost.crt"
timeout_seconds = 2
"""
MAIL = """
[[watch.mail]]
id = "ops"
to = ["ops@id.example"]
[watch.approvers]
"b.muster" = {to = "b.muster@id.example", language = "en"}
"""
HOOK = """
[[watch.webhooks]]
id = "duty"
url = "https://localhost:{port}/hook"
secret = "file:hook.secret"
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("configuration")
    make_two_keys(directory)
    tls_files(directory, "localhost")
    (directory / "hook.secret").write_text("s" * 40 + "\n", "utf-8")
    return directory


@pytest.fixture(scope="module")
def mailbox(home: Path) -> Iterator[Mailbox]:
    with mail_server(server_context((home / "localhost.crt", home / "localhost.key"))) as box:
        yield box


@pytest.fixture
def receiver(home: Path) -> Iterator[Receiver]:
    started = Receiver(server_context((home / "localhost.crt", home / "localhost.key")))
    yield started
    started.close()


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCH_SMTP_PASSWORD", PASSWORD)


def configure(home: Path, *sections: str, mode: str = "development") -> Path:
    (home / "gateway.toml").write_text(BASE.format(mode=mode) + TWO_KEYS + "".join(sections), "utf-8")
    return home


def test_a_test_message_goes_through_every_channel(
    home: Path, mailbox: Mailbox, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    mailbox.mails.clear()
    configure(home, SMTP.format(port=mailbox.port, user=USER), MAIL, HOOK.format(port=receiver.port))
    assert main(["watch", "test", "--config", str(home)]) == 0
    assert capsys.readouterr().out.splitlines() == ["ops: ok", "approver:b.muster: ok", "duty: ok"]
    subjects = [message["Subject"] for _, message in mailbox.mails]
    assert subjects == [
        "[localhost:1] Probe: Probe der Benachrichtigung",
        "[localhost:1] test: Test of the notification",
    ]
    assert len(receiver.posted) == 1


def test_a_channel_that_fails_is_named_and_the_others_are_tried(
    home: Path, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(home, SMTP.format(port=1, user=USER), MAIL, HOOK.format(port=receiver.port))
    assert main(["watch", "test", "--config", str(home)]) == 1
    shown = capsys.readouterr()
    assert shown.out == "duty: ok\n"
    assert shown.err.splitlines() == ["ops: mail.connection", "approver:b.muster: mail.connection"]


def test_without_any_channel_the_test_says_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(home)
    assert main(["watch", "test", "--config", str(home)]) == 1
    assert "no channel" in capsys.readouterr().err


def test_status_lists_what_is_active_and_tells_critical_by_its_exit_status(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(home)
    engine = open_database(load(home).database_url.render_as_string(hide_password=False))
    migrate(engine)
    warning = Alert(
        key="channel/duty",
        kind="channel",
        severity=Severity.WARNING,
        values={"channel": "duty", "reason": "r", "since": "s"},
    )
    now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    DatabaseBook(engine).observe([warning], now)
    assert main(["watch", "status", "--config", str(home)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "warning     since 2026-11-23 12:00 UTC  channel/duty  Channel duty takes no messages",
        "1 active",
    ]
    DatabaseBook(engine).observe([replace(warning, severity=Severity.CRITICAL)], now)
    engine.dispose()
    assert main(["watch", "status", "--config", str(home), "--language", "de"]) == 1


def test_status_without_a_database_makes_none(home: Path, tmp_path: Path) -> None:
    configure(home, f'\n[database]\nurl = "sqlite:///{tmp_path}/none.sqlite3"\n')
    assert main(["watch", "status", "--config", str(home)]) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("section", "place"),
    [
        ('[watch.smtp]\nhost = "h"\nsender = "a@b.example"\nsecurity = "none"\n', "watch.smtp.security"),
        ('[watch.smtp]\nhost = "h"\nsender = "a@b.example"\nca_file = "gone.pem"\n', "watch.smtp.ca_file"),
        (HOOK.format(port=1).replace("https:", "http:"), "watch.webhooks[0].url"),
        (HOOK.format(port=1).replace("hook.secret", "short.secret"), "watch.webhooks[0].secret"),
        (HOOK.format(port=1).replace("hook.secret", "gone.secret"), "watch.webhooks[0].secret"),
        (MAIL, "watch"),
        (HOOK.format(port=1) * 2, "watch"),
        (
            SMTP.format(port=1, user=USER).replace('sender = "eid@', 'sender = "eid@\\nBcc: '),
            "watch.smtp.sender",
        ),
        (
            '[watch.smtp]\nhost = "h"\nsender = "a@b.example"\nusername = "u"\n',
            "watch.smtp",
        ),
    ],
    ids=["unprotected", "authority", "http", "short", "gone", "no-server", "twice", "header", "half-a-login"],
)
def test_a_channel_that_could_not_work_safely_prevents_the_start(
    home: Path, section: str, place: str
) -> None:
    (home / "short.secret").write_text("short", "utf-8")
    configure(home, section, mode="production")
    with pytest.raises(ConfigurationError) as caught:
        load(home)
    assert place in {problem.path for problem in caught.value.problems}


def test_secrets_are_not_in_what_is_printed_of_a_configuration(home: Path, mailbox: Mailbox) -> None:
    configure(home, SMTP.format(port=mailbox.port, user=USER), MAIL, HOOK.format(port=1))
    loaded = load(home)
    shown = repr(loaded) + repr(loaded.watch_secrets) + repr(channels(loaded))
    assert PASSWORD not in shown
    assert "s" * 40 not in shown
