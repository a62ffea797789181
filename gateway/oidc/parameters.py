"""Parameters as they arrived: query or form, each once, UTF-8, bounded (RFC 6749 §3.1, §3.2)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request

_COUNT = 100
RESOURCE = "resource"


class Unreadable(Exception):
    """The query or body is not what its media type promises, or is too large."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Names and values; a parameter without a value counts as not sent (RFC 6749 §3.1)."""

    values: dict[str, str]
    repeated: frozenset[str]
    resources: tuple[str, ...] = ()
    """Every ``resource``: the one parameter that may be sent more than once (RFC 8707 §2)."""

    def get(self, name: str) -> str | None:
        """The value, None if not sent. A repeated parameter has no value: nobody knows which one."""
        return None if name in self.repeated else self.values.get(name)


def parse_parameters(octets: bytes, *, limit: int) -> Parameters:
    """Take ``application/x-www-form-urlencoded`` of at most ``limit`` octets apart; raises Unreadable."""
    if len(octets) > limit:
        raise Unreadable
    try:
        pairs = parse_qsl(
            octets.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_COUNT
        )
    except ValueError as error:  # also UnicodeError: neither octets nor escapes may be broken UTF-8
        raise Unreadable from error
    counts = Counter(name for name, _ in pairs if name != RESOURCE)
    return Parameters(
        {name: value for name, value in pairs if value},
        frozenset(name for name, count in counts.items() if count > 1),
        tuple(value for name, value in pairs if name == RESOURCE),
    )


async def read_form(request: Request, *, limit: int) -> Parameters:
    """The parameters of a form body of at most ``limit`` octets; raises Unreadable."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise Unreadable
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise Unreadable
    return parse_parameters(bytes(body), limit=limit)
