"""A hardware module that is away in the middle of a login: a 503 with its code, nothing issued, then on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from connectors.contract import Start
from gateway.audit import LogoutTold
from gateway.jose import KeyRing, SigningKey
from gateway.oidc.backchannel_logout import BackChannel
from gateway.store import StoreAddress
from tests.login.fake_source import FakeSource
from tests.login.installation import client, install, query_of
from trust.errors import KeyUnavailable
from trust.keys import InMemoryKey, SignatureScheme

pytestmark = pytest.mark.anyio


@contextmanager
def away(target: type, name: str) -> Iterator[None]:
    """What signs or decrypts there finds no device."""

    def gone(*_: object, **__: object) -> Start:
        raise KeyUnavailable("key.device", "DeviceRemoved")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(target, name, gone)
        yield


async def test_request_that_cannot_be_signed_is_a_503_and_the_next_try_works(
    tmp_path: Path, address: StoreAddress
) -> None:
    """Catalogue 4003; it is not the country's fault, and the audit log does not say so."""
    installation = install(tmp_path, address)
    try:
        browser = installation.browser()
        journey = await browser.authorize()
        with away(FakeSource, "begin"):
            refused = await browser.post(f"{journey}/start", {"country": "GR"})
        assert refused.status_code == 503
        assert "4003" in refused.text
        assert "key.device" not in refused.text
        relay = await browser.begin(journey)
        assert (await browser.answer(relay)).status_code == 303
    finally:
        await installation.application.stop()


async def test_answer_that_cannot_be_decrypted_is_no_invalid_answer(
    tmp_path: Path, address: StoreAddress
) -> None:
    """The audit log says whose fault it was: the key's."""
    installation = install(tmp_path, address)
    try:
        browser = installation.browser()
        journey = await browser.authorize()
        relay = await browser.begin(journey)
        with away(FakeSource, "finish"):
            failed = await browser.answer(relay)
        page = await browser.get(failed.headers["location"])
        assert page.status_code == 503
        assert "4003" in page.text
        assert "key.device" in installation.log_text()
        again = await browser.authorize()
        assert (await browser.answer(await browser.begin(again))).status_code == 303
    finally:
        await installation.application.stop()


async def test_token_that_cannot_be_signed_is_a_503_without_a_token(
    tmp_path: Path, address: StoreAddress
) -> None:
    """RFC 6749 §5.2; the code is spent, so nobody redeems it twice."""
    installation = install(tmp_path, address)
    try:
        browser = installation.browser()
        journey = await browser.authorize()
        await browser.answer(await browser.begin(journey))
        code = query_of(await browser.release(journey))["code"]
        with away(InMemoryKey, "sign"):
            refused = await browser.redeem(code)
        assert refused.status_code == 503
        assert "id_token" not in refused.text
    finally:
        await installation.application.stop()


class InModule:
    """A key of a hardware module: it can be away, and its answer takes its time."""

    def __init__(self) -> None:
        self.key = InMemoryKey(ec.generate_private_key(ec.SECP256R1()))
        self.public_key, self.certificate, self.chain = self.key.public_key, None, ()
        self.threads: list[threading.Thread] = []
        self.away = False

    def check(self) -> None:
        """It is there."""

    def sign(self, data: bytes, scheme: SignatureScheme) -> bytes:
        self.threads.append(threading.current_thread())
        if self.away:
            raise KeyUnavailable("key.device", "DeviceRemoved")
        return self.key.sign(data, scheme)


async def test_waiting_for_a_module_holds_up_nobody_else() -> None:
    """A network module answers in milliseconds: not in the thread that serves everybody."""
    key = InModule()
    ring = KeyRing([SigningKey.of(key, "ES256")])
    assert await ring.while_signing(lambda: ring.active("ES256").sign({"sub": "x"}))
    assert key.threads != [threading.main_thread()]
    here = KeyRing([SigningKey.of(key.key, "ES256")])
    assert await here.while_signing(threading.current_thread) is threading.main_thread()


async def test_service_is_told_of_a_logout_when_the_key_is_back() -> None:
    """Back-Channel Logout §2.5: another attempt follows; after the last, the audit log has the reason."""
    key, told, sent = InModule(), list[LogoutTold](), list[bytes]()

    class Noted:
        async def record(self, event: LogoutTold, **_: object) -> None:
            told.append(event)

    async def pause(_: float) -> None:
        """Nobody waits in a test."""

    channel = BackChannel(
        issuer="https://id.example",
        keys=KeyRing([SigningKey.of(key, "ES256")]),
        audit=Noted(),  # type: ignore[arg-type]  # only its record is called
        post=lambda _, form: sent.append(form),
        random=bytes,
        clock=lambda: datetime.now(UTC),
        pause=pause,
    )
    service = client(backchannel_logout_uri="https://service.example/logout", session_seconds=600)
    key.away = True
    await channel.deliver(service, sub="s", sid="i")
    assert (told[-1].failure, sent) == ("key.signing", [])
    key.away = False
    await channel.deliver(service, sub="s", sid="i")
    assert (told[-1].failure, len(sent)) == (None, 1)
