"""A private key of ours as it was loaded at the start."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.settings import KeyPurpose, KeyState
from trust.keys import SignerDecrypter


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedKey:
    """One of our private keys with its place in the roll-over."""

    id: str
    purpose: KeyPurpose
    state: KeyState
    key: SignerDecrypter = field(repr=False)
    connectors: tuple[str, ...] = ()
    """Who alone uses it; empty: everybody without a key of its own for this purpose."""
