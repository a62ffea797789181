"""JSON objects from strangers: one meaning only.

Parsers differ on repeated members, on ``NaN`` and on numbers that overflow; whoever checks must not
read another value than whoever uses (RFC 8725 §2.4, RFC 7515 §4).
"""

from __future__ import annotations

import json
from typing import Never

from pydantic import JsonValue

_DEPTH = 16


def parse_object(text: bytes | str) -> dict[str, JsonValue]:
    """The JSON object in ``text``; raises ValueError.

    Refused: octets that are not UTF-8, repeated members, ``NaN`` and infinities, nesting deeper than
    16, lone surrogates, anything but an object at the top.

    >>> parse_object('{"a": [1, null]}')
    {'a': [1, None]}
    >>> parse_object('{"a": 1, "a": 2}')
    Traceback (most recent call last):
    ...
    ValueError: repeated member
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    try:
        value = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one kind of refusal for callers
    # Most tokens are plain and flat, which their text tells at once.
    if not text.isascii() or "\\u" in text or text.count("{") + text.count("[") >= _DEPTH:
        _check(value, _DEPTH)
    return value


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("repeated member")
    return members


def _refuse_constant(_: str) -> Never:
    raise ValueError("not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        raise ValueError("number too large")
    return value


def _check(value: JsonValue, depth: int) -> None:
    if depth == 0:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        for name, member in value.items():
            _check(name, depth)
            _check(member, depth - 1)
    elif isinstance(value, list):
        for member in value:
            _check(member, depth - 1)
    elif isinstance(value, str):
        value.encode("utf-8")  # a lone surrogate has no UTF-8 form: UnicodeEncodeError is a ValueError
