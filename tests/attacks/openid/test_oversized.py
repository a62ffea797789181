"""Too much of everything: ``state``, JOSE headers, key sets, and servers that hold them."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.errors import GatewayError
from gateway.jose import InvalidKeySet, InvalidToken, PublicKeySet, TokenPolicy, parse
from gateway.oidc.client_keys import ClientKeys, guarded_get
from sandbox.authority import KeyStore
from tests.certification.conftest import fapi
from tests.certification.judge import ASSERTION_TYPE, Judge
from tests.certification.profiles import DPoP
from tests.oidc.tokens import compact, jwk, signer
from tests.trust.http_peer import Answer, HTTPPeer, body
from trust.fetch import FetchPolicy

pytestmark = pytest.mark.anyio

KEY = ec.generate_private_key(ec.SECP256R1())
NOW = datetime.now(UTC)


async def test_state_of_64_kilobytes_is_refused_and_not_sent_back(judge: Judge) -> None:
    """oidc.md §2 (``state`` can exceed 1000 characters): 4096 at most, and never a shortened one."""
    form = await judge.walk("/authorize", form=judge.request(state="s" * 65_536))
    assert form.page is not None
    assert form.page.status in {400, 413}
    assert "ssss" not in form.page.text
    # httpx itself sends no longer address
    query = await judge.walk(f"/authorize?{urlencode(judge.request(state='s' * 65_000))}")
    assert query.parameters["error"] == "invalid_request"
    assert "state" not in query.parameters


async def test_state_of_5000_characters_is_refused_without_echo(judge: Judge) -> None:
    """RFC 6749 §4.1.2.1: the client learns why; what is too long to keep is not returned."""
    asked = judge.request(state="s" * 5000)
    landed = await judge.walk(f"/authorize?{urlencode(asked)}")
    assert landed.parameters["error"] == "invalid_request"
    assert "state" not in landed.parameters


async def test_pushed_request_of_64_kilobytes_is_refused(dpop: DPoP) -> None:
    """RFC 9126 §2.3."""
    response = await dpop.push(dpop.request(state="s" * 65_536))
    assert response.status_code in {400, 413}


async def test_assertion_with_a_huge_header_is_refused(dpop: DPoP) -> None:
    """RFC 8725 §3.11: size before anything is decoded."""
    claims = {"iss": "client", "sub": "client", "aud": "https://id.example", "jti": "j", "exp": 1}
    for header in (
        {"alg": "ES256", "kid": "k" * 30_000},
        {"alg": "ES256", "kid": "client", **{f"member-{number}": "x" for number in range(1000)}},
        {"alg": "ES256", "kid": "client", "x5c": ["A" * 1000] * 20},
    ):
        text = compact(header, claims, signer(KEY, "ES256"))
        form = {**dpop.request(), "client_assertion_type": ASSERTION_TYPE, "client_assertion": text}
        dpop.judge.refused(await dpop.judge.http.post("/par", data=form), "invalid_client")


async def test_proof_with_a_huge_header_is_refused(dpop: DPoP) -> None:
    """RFC 9449 §4.3; a key with a thousand members, a proof of 100 kB."""
    landed = await dpop.landed(dpop.request())
    for extra in ({"header": {"jwk": {**jwk(KEY), "x5c": ["A" * 100_000]}}}, {"jti": "j" * 100_000}):
        proof = dpop.judge.proof("POST", "/token", key=KEY, **extra)
        form = {
            "grant_type": "authorization_code",
            "code": landed.code,
            "redirect_uri": dpop.request()["redirect_uri"],
            "code_verifier": dpop.pair.verifier,
        }
        response = await dpop.send("/token", form, "client", {"dpop": proof})
        assert response.status_code in {400, 401, 431}


def _set(count: int, **members: Any) -> bytes:
    keys = [{**jwk(KEY), "kid": f"key-{number}", **members} for number in range(count)]
    return json.dumps({"keys": keys}).encode()


@pytest.mark.parametrize("count", [33, 300, 1000])
def test_set_of_more_than_32_keys_is_refused_as_a_whole(count: int) -> None:
    """RFC 8725 §2.9: nobody makes us read keys for a living."""
    with pytest.raises(InvalidKeySet):
        PublicKeySet.parse(_set(count))


def test_no_key_of_many_is_tried_without_a_name() -> None:
    """RFC 7517 §4.5: a token without ``kid`` and a set in which every key would fit."""
    keys = PublicKeySet.parse(_set(32))
    token = compact({"alg": "ES256"}, {"iss": "i", "aud": "a"}, signer(KEY, "ES256"))
    policy = TokenPolicy(
        algorithms=frozenset({"ES256"}),
        types=frozenset({None}),
        issuer="i",
        audience="a",
        required=frozenset({"iss"}),
        skew=0,
    )
    with pytest.raises(InvalidToken):
        parse(token).verify(keys, policy, now=NOW)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> KeyStore:
    store = KeyStore(tmp_path_factory.mktemp("tls"), lambda _: None)
    authority = store.obtain("authority", "p256", "Authority", authority=True)
    store.obtain("server", "p256", "localhost", authority, hosts=("localhost", "127.0.0.1"))
    return store


@pytest.fixture
def portal(tls: KeyStore) -> Iterator[HTTPPeer]:
    """The server behind a client's ``jwks_uri``."""
    running = HTTPPeer((tls.path("server", "crt"), tls.path("server", "key")))
    yield running
    running.close()


def _policy(authority: Path, **changes: Any) -> FetchPolicy:
    values = {"ca_file": authority, "allow_private_addresses": True, "total_seconds": 5.0, **changes}
    return FetchPolicy(**values)


async def _keys(portal: HTTPPeer, policy: FetchPolicy, url: str | None = None) -> PublicKeySet:
    client = fapi("client", "client", jwks=None, jwks_uri=url or portal.url(path="/jwks"))
    return await ClientKeys({}, guarded_get(policy)).of(client, now=NOW)


def _json(octets: bytes, **options: Any) -> Answer:
    return body(octets, Content_Type="application/json", **options)


async def test_key_set_behind_jwks_uri_is_taken(portal: HTTPPeer, tls: KeyStore) -> None:
    """Reg §2; what follows differs in one point each."""
    portal.answer = _json(_set(1))
    await _keys(portal, _policy(tls.path("authority", "crt")))
    assert portal.asked == ["/jwks"]


@pytest.mark.parametrize("case", ["thousand keys", "redirect", "loop", "text", "error", "endless"])
async def test_hostile_key_set_is_refused(portal: HTTPPeer, tls: KeyStore, case: str) -> None:
    """oidc.md §15: 64 KiB, no redirects, JSON only; each asks exactly once."""
    portal.answer = {
        "thousand keys": _json(_set(1000)),
        "redirect": body(b"", status=302, Location="https://elsewhere.example/jwks"),
        "loop": body(b"", status=307, Location=portal.url(path="/jwks")),
        "text": body(_set(1), Content_Type="text/html"),
        "error": _json(_set(1), status=500),
        "endless": _json(b"", Content_Length=str(10**12)),
    }[case]
    with pytest.raises(GatewayError) as refusal:
        await _keys(portal, _policy(tls.path("authority", "crt")))
    assert refusal.value.entry.code == "client.keys_unavailable"
    assert portal.asked == ["/jwks"]


async def test_slow_key_set_meets_the_deadline_and_nobody_else_waits(portal: HTTPPeer, tls: KeyStore) -> None:
    """One octet at a time; meanwhile the event loop goes on."""
    over = threading.Event()

    def drip(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.end_headers()
        while not over.wait(0.02):
            handler.wfile.write(b" ")

    portal.answer = drip
    waiting = asyncio.create_task(_keys(portal, _policy(tls.path("authority", "crt"), total_seconds=0.4)))
    turns = 0
    while not waiting.done():
        await asyncio.sleep(0)
        turns += 1
    over.set()
    with pytest.raises(GatewayError):
        await waiting
    assert turns > 10


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "[::1]", "0.0.0.0", "169.254.169.254", "10.0.0.1", "[::ffff:127.0.0.1]"],
)
async def test_jwks_uri_at_an_internal_address_is_never_connected_to(
    portal: HTTPPeer, tls: KeyStore, host: str
) -> None:
    """Issue 5: no request leaves for an address class that the operator did not allow."""
    url = f"https://{host}:{portal.port}/jwks"
    with pytest.raises(GatewayError):
        await _keys(portal, _policy(tls.path("authority", "crt"), allow_private_addresses=False), url)
    assert portal.asked == []


async def test_jwks_uri_without_tls_is_never_connected_to(tls: KeyStore) -> None:
    """FAPI 2.0 SP §5.4.2: also on this machine, also in development."""
    plain = HTTPPeer()
    try:
        policy = _policy(tls.path("authority", "crt"), allow_http_loopback=True)
        with pytest.raises(GatewayError):
            await _keys(plain, policy)
        assert plain.asked == []
    finally:
        plain.close()


def test_header_is_measured_before_it_is_decoded() -> None:
    """64 KiB of base64 that would be a header."""
    header = base64.urlsafe_b64encode(json.dumps({"alg": "ES256", "x": "y" * 60_000}).encode()).decode()
    with pytest.raises(InvalidToken):
        parse(f"{header.rstrip('=')}.e30.AA")
