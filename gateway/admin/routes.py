"""Every address of the console, by area; the order of the areas is that of the menu."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.admin import (
    changes,
    clients_and_keys,
    dashboard,
    drafts,
    expiry_pages,
    objects,
    partners,
    passkeys,
    people_pages,
    probes,
    refusal_pages,
    signing_in,
)
from gateway.admin.history import routes as history
from gateway.admin.pages import AdminRoute

AREAS: Sequence[Sequence[AdminRoute]] = (
    dashboard.ROUTES,
    changes.ROUTES,
    drafts.ROUTES,
    partners.ROUTES,
    clients_and_keys.ROUTES,
    expiry_pages.ROUTES,
    probes.ROUTES,
    history.ROUTES,
    objects.ROUTES,
    people_pages.ROUTES,
    signing_in.ROUTES,
    passkeys.ROUTES,
    refusal_pages.ROUTES,
)


def navigation() -> tuple[tuple[str, str], ...]:
    """Path and text of each entry of the menu."""
    return tuple(
        (route.path, route.navigation) for area in AREAS for route in area if route.navigation is not None
    )
