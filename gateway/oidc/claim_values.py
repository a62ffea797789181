"""``value`` and ``values`` of the ``claims`` parameter (Core §5.5.1): what has another value stays away.

With a claim goes everything that would still tell its value: the same name in another script, the full
name made of it, FIM fields, what a chip says about the same date. Therefore an attribute whose claim does
not match is taken out before any claim is made of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from gateway.oidc.request import ClaimRequest

_NAME_PARTS = ("given_name", "family_name")


def refused_attributes(
    claims: Mapping[str, JsonValue],
    requests: Mapping[str, ClaimRequest],
    attribute_claims: Mapping[str, tuple[str, ...]],
) -> frozenset[str]:
    """Attributes whose own claim, the first in ``attribute_claims``, has another value than asked for."""
    refused = {name for name in claims if not _matches(name, claims[name], requests)}
    return frozenset(attribute for attribute, names in attribute_claims.items() if names[0] in refused)


def honour_values(
    claims: Mapping[str, JsonValue], requests: Mapping[str, ClaimRequest]
) -> dict[str, JsonValue]:
    """``claims`` without those whose value is none of those the client asked for."""
    refused = {name for name, value in claims.items() if not _matches(name, value, requests)}
    for name in tuple(refused):
        base, mark, tag = name.partition("#")
        if base in _NAME_PARTS:
            refused.add(f"name{mark}{tag}")
    return {name: value for name, value in claims.items() if not {name, name.partition("#")[0]} & refused}


def _matches(name: str, value: JsonValue, requests: Mapping[str, ClaimRequest]) -> bool:
    if name not in requests or not requests[name].values:
        return True
    return any(_same(value, wanted) for wanted in requests[name].values)


def _same(one: JsonValue, other: JsonValue) -> bool:
    """Equal as JSON: Python takes true for 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
