"""The identifiers that account systems make up: stable where the real ones are, and different for
each service provider where the real ones are."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid

from sandbox.accounts.accounts import Account, Person

_SECRET = b"sandbox: not a secret"
_NAMESPACE = uuid.UUID("5b0f4a1e-6a5e-5f5b-9b0a-3f8f1d1f0c11")


def _digest(*parts: str) -> bytes:
    return hmac.digest(_SECRET, "\0".join(parts).encode(), hashlib.sha256)


def bpk2(account: Account, person: Person, host: str, *, generation: int = 1) -> str:
    """43 characters base64url; another host of the entityID gives another value (IF 6.2.2).

    An account that was deleted and opened again is another ``generation``. A FINK login passes
    the identifier of the other account with prefixes; the form of those is not public.
    """
    octets = _digest("bPK2", account.path, person.account, host, str(generation))
    text = base64.urlsafe_b64encode(octets).decode().rstrip("=")
    return f"FINK::HH::{text}" if person.method == "FINK" else text


def mailbox(account: Account, person: Person, *, generation: int = 1) -> str:
    """legacyPostkorbHandle: a UUID, the same for every service."""
    return str(uuid.uuid5(_NAMESPACE, f"{account.path}/{person.account}/{generation}"))


def card(person: Person, host: str) -> str:
    """The card's service-specific pseudonym (DKK), 64 hexadecimal characters."""
    return _digest("card", person.id, host).hex()


def persistent(account: Account, person: Person, entity_id: str) -> str:
    """A persistent NameID, pairwise for the service provider (saml-core §8.3.7)."""
    return _digest("nameid", account.path, person.account, entity_id).hex()[:40]


def organisation(account: Account, person: Person, entity_id: str) -> str:
    """MUK's DatenuebermittlerPseudonymId: ``du-`` and 40 hexadecimal characters, per provider."""
    return "du-" + _digest("organisation", account.path, person.account, entity_id).hex()[:40]
