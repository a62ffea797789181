"""The log: one JSON object a line on standard output, without personal data.

What an exception *says* may quote what was sent, so only its type and the places it passed are
written; ``detail`` of our own exceptions is written by whoever knows that it is harmless.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime

_LONGEST = 256
_WARNING = re.compile(r"(?:.*[/\\])?([^/\\:]+:\d+: \w+): ")
"""``/path/file.py:12: UserWarning: text``, as the library words a warning."""
_FIELDS = ("code", "cause", "path", "peer", "reason", "journey", "client", "worker", "task", "channel")


class JSONLines(logging.Formatter):
    """Formats a record; control characters are escaped by JSON, foreign values are cut."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _event(record)[:_LONGEST],
        }
        for name in _FIELDS:
            value = getattr(record, name, None)
            if value is not None:
                line[name] = str(value)[:_LONGEST]
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            line["exception"] = type(error).__name__
            line["at"] = [
                f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(error.__traceback__)[-12:]
            ]
        return json.dumps(line)


def _event(record: logging.LogRecord) -> str:
    """What happened; of a warning only kind and place, of a forgotten task not what its error says."""
    text = record.getMessage()
    if record.name == "py.warnings":
        found = _WARNING.match(text)
        return found[1] if found else "warning"
    return text.partition("\n")[0] if record.name == "asyncio" else text


def start_logging(level: int = logging.INFO) -> None:
    """Send everything to standard output; what libraries say of requests stays out."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JSONLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("uvicorn.access", "httpx", "httpcore", "asyncio", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
