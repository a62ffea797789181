"""Which registration of a service a citizen saw when deciding: it may change before the decision takes effect."""

from __future__ import annotations

from hashlib import sha256

from gateway.client_settings import Client


def fingerprint(client: Client) -> str:
    """What a page says of a service, and what it offers to release, hangs on nothing else but the journey.

    The client's identifier stands behind it, after a blank.
    """
    document = client.model_dump_json(exclude={"client_secret_sha256"})
    return f"{sha256(document.encode()).hexdigest()} {client.client_id}"
