"""Writes TOML: just enough for the configuration that the sandbox generates.

>>> print(document({"a": 1, "b": ["x"], "t": {"de": "ü"}}), end="")
a = 1
b = ["x"]
t = { de = "ü" }
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date


def value(item: object) -> str:
    """One TOML value; tables inline. Raises TypeError for anything TOML does not have."""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, int):
        return str(item)
    if isinstance(item, str):
        return json.dumps(item, ensure_ascii=False)
    if isinstance(item, date):
        return item.isoformat()
    if isinstance(item, Mapping):
        return "{ " + ", ".join(f"{key} = {value(v)}" for key, v in item.items()) + " }"
    if isinstance(item, Sequence):
        return "[" + ", ".join(value(v) for v in item) + "]"
    raise TypeError(f"TOML has no {type(item).__name__}")


def table(fields: Mapping[str, object]) -> str:
    """Lines ``key = value``; None is left out."""
    return "".join(f"{key} = {value(v)}\n" for key, v in fields.items() if v is not None)


def document(
    fields: Mapping[str, object],
    tables: Mapping[str, Mapping[str, object]] | None = None,
    arrays: Mapping[str, Sequence[Mapping[str, object]]] | None = None,
) -> str:
    """A document: top-level fields, then ``[tables]``, then ``[[arrays]]``."""
    parts = [table(fields)] if fields else []
    parts += [f"[{name}]\n{table(t)}" for name, t in (tables or {}).items()]
    parts += [f"[[{name}]]\n{table(t)}" for name, items in (arrays or {}).items() for t in items]
    return "\n".join(parts)
