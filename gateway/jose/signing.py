"""Signing what we issue: ES256 and RS256 with python-jose, through any ``trust.keys.Signer``.

python-jose lets a caller bring its own key object. ``_SignerKey`` is one that forwards to a
``Signer``, so a hardware module can stand behind it and no key is parsed per token.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from jose import jws
from jose.backends.base import Key
from jose.exceptions import JWSError
from pydantic import JsonValue

from gateway.jose.keys import PublicKeySet, public_jwk
from trust.errors import KeyUnavailable
from trust.keys import Probed, SignatureScheme, Signer

T = TypeVar("T")

_SCHEMES = {"ES256": SignatureScheme.ECDSA_SHA256, "RS256": SignatureScheme.RSA_PKCS1_SHA256}


class KeyStage(StrEnum):
    """Where a key is in its life (Core §10.1.1). All three stages are published."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRED = "retired"


class _SignerKey(Key):
    """python-jose's key interface in front of a ``Signer``."""

    def __init__(self, signer: Signer, scheme: SignatureScheme) -> None:
        self._signer = signer
        self._scheme = scheme

    def sign(self, msg: bytes) -> bytes:
        return self._signer.sign(msg, self._scheme)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One of our keys, for one algorithm; built once."""

    alg: str
    kid: str
    stage: KeyStage
    jwk: Mapping[str, str]
    """What is published of it."""
    _engine: _SignerKey = field(repr=False)
    in_module: bool = False
    """In a hardware module, whose answer takes its time."""

    @classmethod
    def of(cls, signer: Signer, alg: str, stage: KeyStage = KeyStage.ACTIVE) -> SigningKey:
        """Prepare ``signer`` for ``alg`` (``ES256`` or ``RS256``).

        Raises ValueError if the key does not fit: ES256 needs P-256, RS256 at least 3072 bits.
        """
        if alg not in _SCHEMES:
            raise ValueError(f"not an algorithm we issue with: {alg}")
        jwk = public_jwk(signer.public_key, alg)
        engine = _SignerKey(signer, _SCHEMES[alg])
        return cls(alg, jwk["kid"], stage, jwk, engine, isinstance(signer, Probed))

    def sign(self, claims: Mapping[str, JsonValue], *, typ: str = "JWT") -> str:
        """A JWS in compact form; raises KeyUnavailable."""
        try:
            token: str = jws.sign(
                dict(claims), self._engine, headers={"kid": self.kid, "typ": typ}, algorithm=self.alg
            )
        except JWSError as error:  # python-jose wraps whatever the signer raised
            raise KeyUnavailable("key.signing", self.alg) from error
        return token


class KeyRing:
    """All keys we sign tokens with: one active per algorithm, with its predecessors and successors."""

    def __init__(self, keys: Iterable[SigningKey]) -> None:
        """Raises ValueError when an algorithm has two active keys, or a key appears twice."""
        self._keys = tuple(keys)
        active = [key for key in self._keys if key.stage is KeyStage.ACTIVE]
        self._active = {key.alg: key for key in active}
        self._wait = any(key.in_module for key in active)
        if len(self._active) != len(active):
            raise ValueError("two active keys for one algorithm")
        if len({key.kid for key in self._keys}) != len(self._keys):
            raise ValueError("one key under two algorithms or stages")
        self.public = PublicKeySet.parse(json.dumps(self.document()).encode("ascii"))
        """The same keys, for checking what we issued earlier (``id_token_hint``)."""

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Algorithms with an active key, the default first."""
        return tuple(sorted(self._active))

    def active(self, alg: str) -> SigningKey:
        """The key that signs with ``alg`` now; raises KeyUnavailable."""
        try:
            return self._active[alg]
        except KeyError:
            raise KeyUnavailable("key.none-active", alg) from None

    async def while_signing(self, work: Callable[[], T]) -> T:
        """What ``work`` gives, which signs: in a thread where that waits for a hardware module."""
        return await asyncio.to_thread(work) if self._wait else work()

    def document(self) -> dict[str, JsonValue]:
        """The JWK Set to publish: active first, then next, then retired (Core §10.1.1)."""
        order = {KeyStage.ACTIVE: 0, KeyStage.NEXT: 1, KeyStage.RETIRED: 2}
        return {"keys": [dict(key.jwk) for key in sorted(self._keys, key=lambda key: order[key.stage])]}
