"""The ``claims`` parameter of the authorization request (Core §5.5)."""

from __future__ import annotations

from pydantic import JsonValue

from gateway.errors import CatalogueEntry
from gateway.oidc.request import ClaimRequest

_CLAIMS = 64
_SECONDS = 1e12
"""Longest ``max_age``: any date there is; a larger number would not survive the store as what it was."""


def claim_requests(value: JsonValue, malformed: CatalogueEntry) -> dict[str, ClaimRequest]:
    """Claim name to what is said about it; raises ``malformed``. Unknown members mean nothing.

    ``null`` in place of the whole object asks for nothing.
    """
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > _CLAIMS:
        raise malformed()
    return {name: _claim_request(entry, malformed) for name, entry in value.items()}


def _claim_request(entry: JsonValue, malformed: CatalogueEntry) -> ClaimRequest:
    if entry is None:
        return ClaimRequest()
    if not isinstance(entry, dict):
        raise malformed()
    essential = entry.get("essential", False)
    if not isinstance(essential, bool) or {"value", "values"} <= entry.keys():
        raise malformed()
    age = entry.get("max_age")
    if age is not None and (
        not isinstance(age, int | float) or isinstance(age, bool) or not 0 <= age <= _SECONDS
    ):
        raise malformed()
    if "value" in entry:
        return ClaimRequest(essential=essential, values=(entry["value"],), max_age=age)
    values = entry.get("values", [])
    if not isinstance(values, list) or ("values" in entry and not values):
        raise malformed()
    return ClaimRequest(essential=essential, values=tuple(values), max_age=age)
