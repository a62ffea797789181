"""A client as the sources of identity are told about it."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.contract import Service
from gateway.client_settings import BACK_THROUGH_GATEWAY, AccountPresentation, Client


def service(client: Client, issuer: str, *, back: str | None = None) -> Service:
    """The service behind ``client``; ``back``: address of our own page for ``back_url = "gateway"``."""
    return Service(
        client_id=client.client_id,
        names=client.name,
        sector=client.sector,
        requester_id=client.requester_id or f"{issuer}/clients/{client.client_id}",
        presentation={name: _words(section, back) for name, section in client.accounts.items()},
    )


def _words(section: AccountPresentation, back: str | None) -> Mapping[str, str]:
    """The section in the words of ``connectors.contract.Service.presentation``; nothing that is not set."""
    words = {
        "display_name": section.display_name,
        "online_service_id": section.online_service_id,
        "purpose": section.purpose,
        "back_url": back if section.back_url == BACK_THROUGH_GATEWAY else section.back_url,
        "methods": " ".join(section.methods),
        "guest": "true" if section.guest else None,
    }
    return {name: text for name, text in words.items() if text}
