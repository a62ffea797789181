"""Canonical JSON (RFC 8785) of what the registry holds: strings, integers, booleans, lists, objects, null.

Numbers with a fraction are refused: nothing in a bundle needs them, and their text form is where
implementations differ. Keys are ordered by UTF-16 code units (RFC 8785 §3.2.3).

>>> canonical({"b": [1, True, None], "a": "€"}).decode()
'{"a":"€","b":[1,true,null]}'
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trust.registry.errors import ChangeRefused

Document = Mapping[str, Any]
"""The JSON value of one object; never changed in place."""

_LARGEST = 2**53 - 1
_DEEPEST = 32


def canonical(value: object) -> bytes:
    """The one octet string of ``value``; raises ChangeRefused ``registry.document``."""
    try:
        text = json.dumps(_ordered(value, 0), separators=(",", ":"), ensure_ascii=False)
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ChangeRefused("registry.document", "a text is no Unicode") from error


def _ordered(value: object, depth: int) -> object:
    if depth > _DEEPEST:
        raise ChangeRefused("registry.document", "is nested too deeply")
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise ChangeRefused("registry.document", "an integer is beyond 2^53")
        return value
    if isinstance(value, list | tuple):
        return [_ordered(item, depth + 1) for item in value]
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise ChangeRefused("registry.document", "a key is no text")
        return {key: _ordered(value[key], depth + 1) for key in sorted(value, key=_utf16)}
    raise ChangeRefused("registry.document", f"cannot hold a {type(value).__name__}")


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")
