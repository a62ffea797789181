"""Of what is true, what was asked for (IDA §6.3 to §6.5).

``wanted`` is the request, ``said`` the whole truth in the form of the response. Only what is named in the
request is taken, plus the members without which their parent is not valid (``type``, ``check_method``).
What is missing is left out, and with it a parent that needs it; a constraint that is not met raises
``Unmet``, and whoever can do without the part catches it: one of several evidence filters, or the element.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue

from gateway.oidc.assurance.request import constrained
from gateway.oidc.claim_values import younger

_NEEDED: Mapping[str, tuple[str, ...]] = {
    "verification": ("trust_framework",),
    "evidence": ("type",),
    "check_details": ("check_method",),
    "document_details": ("type",),
    "record": ("type",),
}
"""REQUIRED members by the name of their parent (VC §5.4)."""


class Unmet(Exception):
    """A constraint of the request is not met."""


def chosen(
    wanted: Mapping[str, JsonValue], said: Mapping[str, JsonValue], *, now: datetime
) -> dict[str, JsonValue]:
    """The ``verification`` object; raises Unmet."""
    found = _object("verification", wanted, said, now)
    if found is None:
        raise Unmet
    return found


def _object(
    name: str, wanted: Mapping[str, JsonValue], said: Mapping[str, JsonValue], now: datetime
) -> dict[str, JsonValue] | None:
    needed = _NEEDED.get(name, ())
    if any(member not in said for member in needed):
        _bearable(dict(wanted))
        return None
    found: dict[str, JsonValue] = {member: said[member] for member in needed}
    for member, request in wanted.items():
        value = _element(member, request, said.get(member), now)
        if value is not None:
            found[member] = value
    return found or None


def _element(name: str, wanted: JsonValue, said: JsonValue, now: datetime) -> JsonValue:
    if said is None:
        _bearable(wanted)
        return None
    if isinstance(said, list):
        return _several(name, wanted, said, now)
    if isinstance(said, dict):
        return _object(name, wanted if isinstance(wanted, dict) else {}, said, now)
    limits = wanted if isinstance(wanted, dict) else {}
    if "value" in limits and said != limits["value"]:
        raise Unmet
    values = limits.get("values")
    if isinstance(values, list) and said not in values:
        raise Unmet
    age = limits.get("max_age")
    if isinstance(age, int | float) and not younger(said, age, now):
        raise Unmet
    return said


def _several(name: str, wanted: JsonValue, said: list[JsonValue], now: datetime) -> JsonValue:
    """Filters are alternatives: each entry is given as the first filter that it passes asks for."""
    filters = wanted if isinstance(wanted, list) else [{}]
    found: list[JsonValue] = []
    for entry in said:
        for one in filters:
            try:
                passed = _element(name, one, entry, now)
            except Unmet:
                continue
            if passed is not None:
                found.append(passed)
            break
    if not found:
        _bearable(wanted)
        return None
    return found


def _bearable(wanted: JsonValue) -> None:
    """That there is nothing to give; raises Unmet if it was constrained."""
    if constrained(wanted):
        raise Unmet
