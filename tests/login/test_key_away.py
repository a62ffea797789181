"""A hardware module that is away in the middle of a login: a 503 with its code, nothing issued, then on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connectors.contract import Start
from gateway.store import StoreAddress
from tests.login.fake_source import FakeSource
from tests.login.installation import install, query_of
from trust.errors import KeyUnavailable
from trust.keys import InMemoryKey

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
