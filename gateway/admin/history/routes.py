"""Every address of this area, in the order of the menu."""

from __future__ import annotations

from gateway.admin.history import figures_page, health_page, journeys_page, log_page

ROUTES = (*figures_page.ROUTES, *journeys_page.ROUTES, *log_page.ROUTES, *health_page.ROUTES)
