"""The files that change hands with the operator of a user account: ours, and metadata made of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from connectors.accounts import imported, onboarding, publication
from connectors.errors import RequestNotPossible
from gateway.bundle import Configuration
from gateway.bundle.accounts import sample_requests
from gateway.sources import saml_keys


class UnknownAccount(Exception):
    """No user account is configured under that name."""


def write(configuration: Configuration, connector: str, folder: Path) -> tuple[Path, Path]:
    """Write both files for ``connector``; raises UnknownAccount, OSError.

    The sheet lists every client that offers the account, as it is shown and known there.
    """
    account = configuration.accounts.get(connector)
    if account is None:
        known = ", ".join(configuration.accounts) or "none is configured"
        raise UnknownAccount(f"{connector} is no user account; there are: {known}")
    issuer = configuration.settings.gateway.issuer
    keys = saml_keys(configuration, connector)
    folder.mkdir(parents=True, exist_ok=True)
    metadata = folder / f"{connector}-metadata.xml"
    metadata.write_bytes(publication.own_metadata(account, keys, issuer_url=issuer))
    sheet = folder / f"{connector}-onboarding.md"
    registered = _services(configuration, connector)
    sheet.write_text(onboarding.sheet(account, keys, issuer_url=issuer, services=registered), "utf-8")
    return metadata, sheet


def write_peer(entity_id: str, single_sign_on: str, certificates: Sequence[Path], to: Path) -> str:
    """Write metadata for an account that publishes none; gives their SHA-256 for the anchor.

    Raises OSError, VerificationError ``certificate.unreadable``.
    """
    document = imported.peer_document(entity_id, single_sign_on, [path.read_bytes() for path in certificates])
    to.write_bytes(document)
    return sha256(document).hexdigest()


def _services(configuration: Configuration, connector: str) -> list[onboarding.RegisteredService]:
    account, issuer = configuration.accounts[connector], configuration.settings.gateway.issuer
    found = []
    for client in configuration.clients.values():
        if connector not in client.means:
            continue
        for request in sample_requests(client, issuer):
            try:
                found.append(onboarding.registered(request, account, issuer_url=issuer))
            except RequestNotPossible:
                continue  # the other kind of person; check-config has found one that is served
    return found
