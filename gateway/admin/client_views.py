"""A service as the security admin asks about it: who gets what, for what, by which keys, and who approved it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gateway.admin.certificates import CertificateView
from gateway.admin.decisions import Standing, standing
from gateway.admin.sight import Sight
from gateway.client_settings import Client
from gateway.expiry import Expiry, files, path
from trust.registry import ObjectKey, ObjectKind
from trust.registry.diff import key_set_facts, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientView:
    client: Client
    standing: Standing
    keys: tuple[str, ...]
    """Each key of the set that is here: kind, use and thumbprint (RFC 7638); those of ``jwks_uri`` are not here."""
    certificates: tuple[CertificateView, ...]
    requester_id: str
    """How eIDAS nodes are told of it."""
    ends: tuple[Expiry, ...]
    last_login: datetime | None

    @property
    def suspended(self) -> bool:
        return self.standing.suspended


def client_views(sight: Sight) -> tuple[ClientView, ...]:
    """All, by identifier."""
    return tuple(client_view(sight, client) for _, client in sorted(sight.configuration.clients.items()))


def client_view(sight: Sight, client: Client) -> ClientView:
    """One of them."""
    issuer = sight.configuration.settings.gateway.issuer
    return ClientView(
        client=client,
        standing=standing(sight.fold, ObjectKey(ObjectKind.CLIENT, client.client_id), sight.now),
        keys=tuple(_keys(sight, client)),
        certificates=tuple(
            CertificateView.of(seen.certificate, sight.now)
            for seen in files.client_certificates(sight.configuration, client)
        ),
        requester_id=client.requester_id or f"{issuer}/clients/{client.client_id}",
        ends=sight.ends_of(frozenset({path("clients", client.client_id)})),
        last_login=sight.last_by_client.get(client.client_id),
    )


def suspended_clients(sight: Sight) -> tuple[Standing, ...]:
    """Those that are unknown to the gateway as long as they are suspended."""
    keys = () if sight.fold is None else sorted(sight.fold.suspensions)
    return tuple(standing(sight.fold, key, sight.now) for key in keys if key.kind is ObjectKind.CLIENT)


def _keys(sight: Sight, client: Client) -> Iterator[str]:
    try:
        octets = json.dumps(client.jwks).encode() if client.jwks is not None else b""
        if client.jwks_file is not None:
            octets = sight.configuration.path(client.jwks_file).read_bytes()
    except OSError:
        return  # the file is gone; the node works on with what it read
    for _, said in key_set_facts(octets):
        yield plain(said)
