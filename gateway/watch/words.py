"""The texts of alerts: gettext catalogues of their own, because a mail is no page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from gateway.watch.alerts import News, Notice, Record
from gateway.web.translations import Translations, load

DIRECTORY = Path(__file__).parent / "locales"
_AHEAD = {News.RAISED: 0, News.LASTING: 1, News.RESOLVED: 2, News.TEST: 3}


def at(moment: datetime | None) -> str:
    """A moment as it is written in every language."""
    return "–" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


@cache
def _catalogue(language: str) -> Translations:
    return load(language, DIRECTORY)


@dataclass(frozen=True, slots=True)
class Words:
    """Texts in one language; plain text, not markup."""

    language: str

    def text(self, identifier: str, **values: str) -> str:
        """The text ``identifier``; a value that begins with ``@`` names another text."""
        known = {name: self._value(value) for name, value in values.items()}
        return _catalogue(self.language).text(identifier, **known).unescape()

    def title(self, record: Record) -> str:
        return self.text(f"{record.alert.kind}.title", **record.alert.values)

    def explanation(self, record: Record) -> str:
        """What it means and what to do."""
        return self.text(f"{record.alert.kind}.text", **record.alert.values)

    def _value(self, value: str) -> str:
        return self.text(value[1:]) if value.startswith("@") else value


@dataclass(frozen=True, slots=True)
class Letter:
    """Subject and body of one mail."""

    subject: str
    body: str


def letter(notices: Sequence[Notice], words: Words, *, installation: str, console: str | None) -> Letter:
    """One mail for all ``notices``, the new ones first."""
    ordered = sorted(notices, key=lambda notice: (_AHEAD[notice.news], notice.record.since))
    first = ordered[0]
    subject = words.text(
        "mail.subject" if len(ordered) == 1 else "mail.subject.several",
        installation=installation,
        news=words.text(f"news.{first.news}"),
        title=words.title(first.record),
        more=str(len(ordered) - 1),
    )
    parts = [_paragraph(notice, words, console) for notice in ordered]
    parts.append(words.text("mail.foot", installation=installation))
    return Letter(subject, "\n\n".join(parts) + "\n")


def _paragraph(notice: Notice, words: Words, console: str | None) -> str:
    record = notice.record
    lines = [
        f"{words.text(f'severity.{record.alert.severity.value}')} – {words.text(f'news.{notice.news}')}",
        words.title(record),
    ]
    if notice.news is not News.RESOLVED:
        lines.append(words.explanation(record))
    if notice.news is not News.TEST:
        lines.append(words.text("mail.since", since=at(record.since)))
    if console is not None and record.alert.link:
        lines.append(console + record.alert.link)
    return "\n".join(lines)
