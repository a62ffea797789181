"""The check of the certificates that clients may show (RFC 8705): nobody's makes him somebody else.

The listener takes every certificate that leads to one in ``mtls_client_ca``, and self-signed ones of clients
stand there beside the authorities. One that could issue certificates, or has the name another client is
known by, would open that client's door.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.bundle.clients import own_keys
from gateway.bundle.problems import Located, Problems
from gateway.client_settings import Client
from gateway.oidc.certificate_names import names_client
from gateway.settings import Settings, resolve


def check_certificates(
    clients: Iterable[Located[Client]], settings: Settings, directory: Path, problems: Problems
) -> None:
    """Self-signed certificates among the authorities, where some clients are known by a name."""
    by_method: dict[str, list[Located[Client]]] = {}
    for located in clients:
        by_method.setdefault(located.model.token_endpoint_auth_method, []).append(located)
    named = [located.model for located in by_method.get("tls_client_auth", ())]
    accepted = _accepted(settings, directory) if named else []
    for located in by_method.get("self_signed_tls_client_auth", ()):
        keys = own_keys(located.file, located.model, settings, directory, problems)
        for der, can_issue in accepted:
            if keys is not None and hashlib.sha256(der).digest() in keys.certificates:
                _check(located, der, named, problems, can_issue=can_issue)


def _check(
    located: Located[Client], der: bytes, named: Iterable[Client], problems: Problems, *, can_issue: bool
) -> None:
    method = "token_endpoint_auth_method"
    if can_issue:
        problems.add(
            located.file,
            method,
            "the certificate in mtls_client_ca can issue others, with the names of other clients",
            "one with CA:FALSE in basicConstraints",
        )
    for other in named:
        if names_client(der, other):
            problems.add(
                located.file,
                method,
                f"the certificate in mtls_client_ca has the name that {other.client_id} is known by",
                "another name",
            )


def _accepted(settings: Settings, directory: Path) -> list[tuple[bytes, bool]]:
    """What the listener takes: DER, and whether it can issue certificates."""
    file = settings.listen.mtls_client_ca
    try:
        found = x509.load_pem_x509_certificates(resolve(file, directory).read_bytes()) if file else []
    except (OSError, ValueError):
        return []  # the listener does not start with such a file
    return [(certificate.public_bytes(Encoding.DER), _can_issue(certificate)) for certificate in found]


def _can_issue(certificate: x509.Certificate) -> bool:
    """Without basicConstraints it depends on who checks, so it counts as one that can (RFC 5280 §4.2.1.9)."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return True
