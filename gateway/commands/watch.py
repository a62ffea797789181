"""``eid-gateway watch``: try the channels out, see what is active."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from gateway.bundle import load, load_installation
from gateway.settings.watch import Severity
from gateway.watch.alerts import Alert, News, Notice, Record
from gateway.watch.assembly import channels
from gateway.watch.channels import ChannelFailed
from gateway.watch.database_book import DatabaseBook
from gateway.watch.words import Words, at
from trust.log import LogUnavailable, open_database
from trust.registry.diff import plain

DESCRIPTION = """\
Who is told what needs a person: [watch] in gateway.toml.

  eid-gateway watch test --config CONFIG      sends a test message through every channel
  eid-gateway watch status --config CONFIG    lists what is active; exit status 1 if something is critical
"""


def add_commands(parser: argparse.ArgumentParser) -> None:
    """``test`` and ``status``."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    test = commands.add_parser("test", help="send a test message through every channel, approvers' included")
    test.set_defaults(run=_test)
    status = commands.add_parser("status", help="list active alerts as the running gateways see them")
    status.add_argument("--language", choices=["de", "en"], default="en")
    status.set_defaults(run=_status)
    for command in (test, status):
        command.add_argument(
            "--config", required=True, type=Path, metavar="DIR", help="configuration directory"
        )


def _test(options: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    alert = Alert(key="test", kind="test", severity=Severity.INFORMATION)
    notice = Notice(news=News.TEST, record=Record(alert=alert, since=now, seen=now))
    failed = 0
    found = channels(load(options.config))
    for channel in found:
        try:
            channel.send([notice], now)
        except ChannelFailed as error:
            failed += 1
            print(f"{channel.id}: {error.reason}", file=sys.stderr)
        else:
            print(f"{channel.id}: ok")
    if not found:
        print("no channel is configured: [watch] in gateway.toml", file=sys.stderr)
    return 1 if failed or not found else 0


def _status(options: argparse.Namespace) -> int:
    _, url = load_installation(options.config)
    engine = open_database(url.render_as_string(hide_password=False))
    book = DatabaseBook(engine)
    try:
        book.require_file()
        active = [record for record in book.records() if record.resolved is None]
    except SQLAlchemyError as error:
        raise LogUnavailable(type(error).__name__) from error
    finally:
        engine.dispose()
    words = Words(options.language)
    for record in active:
        alert = record.alert
        said = f"{plain(alert.key)}  {plain(words.title(record))}"
        print(f"{alert.severity.value:<11} since {at(record.since)}  {said}")
    print(f"{len(active)} active")
    return 1 if any(record.alert.severity is Severity.CRITICAL for record in active) else 0
