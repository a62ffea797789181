"""Writes JSON values as TOML 1.0: the same value is always the same text.

Keys are in the order of their code points, plain values before tables; tables are ``[a.b]``, lists of tables
``[[a]]``. There is no null in TOML, so none is accepted.

>>> print(toml_text({"name": {"de": "Amt"}, "id": "x", "uris": ["https://x.example"]}), end="")
id = "x"
uris = ["https://x.example"]
<BLANKLINE>
[name]
de = "Amt"
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(document: Mapping[str, object]) -> str:
    """The text of one file; raises TypeError for what TOML cannot hold."""
    return "\n".join(_table(document, ())).lstrip("\n") + "\n"


def _table(table: Mapping[str, object], path: tuple[str, ...]) -> Iterator[str]:
    inner: list[tuple[str, object]] = []
    for name in sorted(table):
        value = table[name]
        if (isinstance(value, Mapping) and value) or _is_tables(value):
            inner.append((name, value))
        else:
            yield f"{_key(name)} = {_value(value)}"
    for name, value in inner:
        heading = ".".join(_key(part) for part in (*path, name))
        if isinstance(value, Mapping):
            yield ""
            yield f"[{heading}]"
            yield from _table(value, (*path, name))
        elif isinstance(value, Sequence):
            for item in value:
                yield ""
                yield f"[[{heading}]]"
                yield from _table(item, (*path, name))


def _is_tables(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _string(name)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(name)} = {_value(value[name])}" for name in sorted(value))
        return f"{{{pairs}}}"
    raise TypeError(f"TOML has no {type(value).__name__}")


def _string(text: str) -> str:
    # JSON escapes what TOML's basic strings escape, save DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
