"""``value``, ``values`` (Core §5.5.1) and ``max_age`` (IDA §6) in requests for claims: what has another
value stays away.

With a claim goes everything that would still tell its value: the same name in another script, the full
name made of it, FIM fields, what a chip says about the same date. Therefore an attribute whose claim does
not match is taken out before any claim is made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from pydantic import JsonValue

from gateway.oidc.request import ClaimRequest

_NAME_PARTS = ("given_name", "family_name")


def refused_attributes(
    claims: Mapping[str, JsonValue],
    requests: Mapping[str, ClaimRequest],
    attribute_claims: Mapping[str, tuple[str, ...]],
    *,
    now: datetime,
) -> frozenset[str]:
    """Attributes whose own claim, the first in ``attribute_claims``, has another value than asked for."""
    refused = _refused(claims, requests, now)
    return frozenset(attribute for attribute, names in attribute_claims.items() if names[0] in refused)


def honour_values(
    claims: Mapping[str, JsonValue], requests: Mapping[str, ClaimRequest], *, now: datetime
) -> dict[str, JsonValue]:
    """``claims`` without those whose value is none of those the client asked for."""
    refused = _refused(claims, requests, now)
    for name in tuple(refused):
        base, mark, tag = name.partition("#")
        if base in _NAME_PARTS:
            refused.add(f"name{mark}{tag}")
    return {name: value for name, value in claims.items() if not {name, name.partition("#")[0]} & refused}


def younger(text: JsonValue, seconds: float, now: datetime) -> bool:
    """Whether the date or time ``text`` is certainly at most ``seconds`` ago; of a year alone, its first day."""
    if not isinstance(text, str):
        return False
    if len(text) == len("YYYY"):
        text += "-01-01"
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return False
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return (now - instant).total_seconds() <= seconds


def _refused(
    claims: Mapping[str, JsonValue], requests: Mapping[str, ClaimRequest], now: datetime
) -> set[str]:
    return {
        name
        for name, value in claims.items()
        if name in requests and not _matches(value, requests[name], now)
    }


def _matches(value: JsonValue, request: ClaimRequest, now: datetime) -> bool:
    if request.max_age is not None and not younger(value, request.max_age, now):
        return False
    return not request.values or any(_same(value, wanted) for wanted in request.values)


def _same(one: JsonValue, other: JsonValue) -> bool:
    """Equal as JSON: Python takes true for 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
