"""Host, size, rate, headers and the last catch (security.md B.2 to B.5)."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from connectors.contract import PeerStatus
from connectors.saml.selfcheck import SelfCheckFailed
from gateway.errors import GatewayError
from gateway.http import Guard, network_of
from gateway.log_lines import JSONLines
from gateway.store import StoreAddress
from tests.login.fake_source import FakeSource
from tests.login.installation import Installation, authorize_path, install

pytestmark = pytest.mark.anyio


async def test_another_host_is_refused(installation: Installation) -> None:
    """security.md B.5: exact names; absolute URLs come from configuration."""
    browser = installation.browser()
    for host in ("evil.example", "id.example.evil.example", "id.example:8443", ""):
        response = await browser.get("/countries", headers={"host": host})
        assert response.status_code == 400
        assert "5004" in response.text
        assert "evil" not in response.text


async def test_a_form_of_ten_megabytes_is_refused_unread(installation: Installation) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 10_000_000:
            sent += 65_536
            yield b"a" * 65_536

    transport = httpx.ASGITransport(app=installation.application.public)
    async with httpx.AsyncClient(transport=transport, base_url=installation.issuer) as http:
        announced = await http.post(
            "/connectors/eidas/acs", content=body(), headers={"content-length": "10000000"}
        )
        assert (announced.status_code, sent) == (413, 0)
        assert announced.headers["connection"] == "close"
        chunked = await http.post(
            "/connectors/eidas/acs",
            content=body(),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
    assert chunked.status_code == 413
    assert "5003" in chunked.text
    assert sent <= 700_000


async def reading(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that wants the whole body before it answers."""
    await Request(scope, receive).body()
    await PlainTextResponse("read")(scope, receive, send)


def guard(**options: Any) -> Guard:
    def refuse(_: Request, error: GatewayError) -> Response:
        return PlainTextResponse(error.entry.code, status_code=error.entry.http_status)

    return Guard(app=reading, issuer="https://id.example", body_bytes=1000, refuse=refuse, **options)


async def ask(app: Guard, *messages: Message) -> list[Message]:
    """What ``app`` sends while these messages arrive, and then nothing ever again."""
    arriving, sent = list(messages), []

    async def receive() -> Message:
        if not arriving:
            await anyio.sleep_forever()
        return arriving.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/token", "query_string": b"",
        "headers": [(b"host", b"id.example")],
    }  # fmt: skip
    await app(scope, receive, send)
    return sent


async def test_a_body_that_never_ends_is_not_waited_for() -> None:
    """security.md B.5: a sender of one octet now and then must not hold a connection for ever."""
    begun = {"type": "http.request", "body": b"a", "more_body": True}
    head, _ = await ask(guard(body_seconds=0.05), begun)
    assert head["status"] == 400
    assert (b"connection", b"close") in head["headers"]


async def test_a_browser_that_goes_away_is_no_defect(caplog: pytest.LogCaptureFixture) -> None:
    """A closed connection in the middle of a body is everyday life: no answer, no alarm in the log."""
    begun = {"type": "http.request", "body": b"a", "more_body": True}
    assert await ask(guard(), begun, {"type": "http.disconnect"}) == []
    assert caplog.records == []


async def test_small_routes_have_small_limits(installation: Installation) -> None:
    form = {"decision": "release" + "a" * 70_000}
    response = await installation.browser().post("/login/0123456789/release", form)
    assert response.status_code == 413


async def test_a_form_with_a_thousand_fields_is_refused(installation: Installation) -> None:
    browser = installation.browser()
    journey = await browser.authorize()
    response = await browser.request("POST", f"{journey}/start", data=[(f"f{i}", "") for i in range(1000)])
    assert response.status_code == 400


async def test_repeated_and_unknown_fields_are_refused(installation: Installation) -> None:
    browser = installation.browser()
    journey = await browser.authorize()
    for data in (
        [("country", "GR"), ("country", "SE")],
        [("country", "GR"), ("next", "https://evil.example")],
    ):
        response = await browser.request("POST", f"{journey}/start", data=data)
        assert response.status_code == 400
        assert "2007" in response.text


@pytest.mark.parametrize(
    "content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain"]
)
async def test_other_content_types_are_no_forms(installation: Installation, content_type: str) -> None:
    response = await installation.browser().post(
        "/connectors/eidas/acs", {"RelayState": "x"}, headers={"content-type": content_type}
    )
    assert response.status_code == 400


async def test_too_many_requests_of_one_address_wait(limited_installation: Installation) -> None:
    """security.md B.5: 429 with Retry-After; other routes are not locked, and a minute later it goes on."""
    browser = limited_installation.browser()
    assert [(await browser.get(authorize_path())).status_code for _ in range(4)] == [303, 303, 303, 429]
    page = await browser.get(authorize_path())
    assert (page.status_code, page.headers["retry-after"]) == (429, "30")
    assert "5005" in page.text
    assert (await browser.get("/countries")).status_code == 200
    program = [await browser.post("/token", {}) for _ in range(4)][-1]
    assert (program.status_code, program.json()["error"]) == (429, "temporarily_unavailable")
    limited_installation.clock.forward(seconds=30)
    assert (await browser.get(authorize_path())).status_code == 303


async def test_one_login_does_not_begin_exchanges_without_end(limited_installation: Installation) -> None:
    """security.md B.5: each is a record in the store."""
    limited_installation.clock.forward(seconds=180)  # the test above has used up its minutes
    browser = limited_installation.browser()
    journey = await browser.authorize()
    form = {"country": "GR"}
    answers = [(await browser.post(f"{journey}/start", form)).status_code for _ in range(4)]
    assert answers[-1] == 429
    assert 429 not in answers[:-1]
    assert (await browser.get(journey)).status_code == 200


async def test_page_that_begins_the_only_exchange_there_is_counts_with_the_others(
    limited_installation: Installation,
) -> None:
    """A country in the request skips the choice; reloading must not be a way around the limit."""
    limited_installation.clock.forward(seconds=360)  # as above
    browser = limited_installation.browser()
    journey = await browser.authorize(login_hint="country:GR")
    answers = [(await browser.get(journey)).status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]
    assert len(limited_installation.source.begun) == 3
    assert (await browser.get(f"{journey}?choose=1")).status_code == 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", "unknown"),
    ],
)
def test_an_address_counts_as_its_network(host: str, expected: str) -> None:
    assert network_of(Request({"type": "http", "client": (host, 1)})) == expected


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/login/short", 404),
        ("GET", "/login/0123456789/start", 405),
        ("DELETE", "/authorize", 405),
        ("GET", "/connectors/other/metadata", 404),
        ("GET", "/connectors/eidas/other", 404),
        ("GET", "/error/no.such.code", 404),
        ("GET", "/countries/", 404),
    ],
)
async def test_unknown_addresses_and_methods_are_pages(
    installation: Installation, method: str, path: str, status: int
) -> None:
    response = await installation.browser().request(method, path)
    assert response.status_code == status
    assert "text/html" in response.headers["content-type"]


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/",
        "/%2Fevil.example/",
        "/%5Cevil.example/",
        "/%09/evil.example/",
        "/%0a%5cevil.example",
    ],
)
async def test_page_for_an_unknown_address_links_to_no_other_host(
    installation: Installation, path: str
) -> None:
    """Its language links would be ``//evil.example/?lang=en``: our page would send citizens there."""
    response = await installation.browser().get(f"https://id.example{path}")
    assert response.status_code == 404
    assert "//evil.example" not in response.text


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/countries",
        "/jwks",
        "/.well-known/openid-configuration",
        "/connectors/eidas/metadata",
        "/error/journey.expired",
        "/nothing",
        "/login/0123456789",
        "/userinfo",
    ],
)
async def test_every_answer_carries_the_protective_headers(installation: Installation, path: str) -> None:
    """security.md B.4."""
    headers = (await installation.browser().get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["strict-transport-security"].startswith("max-age=31536000")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "cache-control" in headers
    assert "server" not in headers


async def test_pages_of_a_journey_are_stored_nowhere(installation: Installation) -> None:
    browser = installation.browser()
    journey = await browser.identified()
    for response in (await browser.get(f"{journey}/release"), await browser.release(journey)):
        assert response.headers["cache-control"] == "no-store"


async def test_a_defect_is_a_page_with_a_number_and_a_log_line_without_what_was_sent(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def defect(*_: object, **__: object) -> None:
        raise RuntimeError("Ωνάσης 1964-12-31")

    monkeypatch.setattr(installation.source, "options", defect)
    browser = installation.browser()
    journey = await browser.authorize()
    response = await browser.get(journey)
    assert response.status_code == 500
    assert "4004" in response.text
    assert "Ωνάσης" not in response.text
    (record,) = [record for record in caplog.records if record.message == "unexpected"]
    line = json.loads(JSONLines().format(record))
    assert line["exception"] == "RuntimeError"
    assert line["path"] == "/login/{journey}"
    assert "Ωνάσης" not in json.dumps(line, ensure_ascii=False)


def test_a_foreign_value_cannot_begin_a_log_line() -> None:
    """security.md B.5: log injection."""
    record = logging.LogRecord("x", logging.WARNING, "f", 1, "refused", None, None)
    record.code = 'a\nb\r\n{"event": "forged"}\u2028\x1b[31m' + "x" * 1000
    line = JSONLines().format(record)
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line
    assert len(json.loads(line)["code"]) == 256


@pytest.mark.parametrize(
    ("name", "message", "event"),
    [
        ("py.warnings", "/x/main.py:464: UserWarning: unexpected [input_value='Ωνάσης']\n  return x\n", "main.py:464: UserWarning"),
        ("py.warnings", "Ωνάσης", "warning"),
        ("asyncio", "Task exception was never retrieved\nfuture: <Task exception=ValueError('Ωνάσης')>", "Task exception was never retrieved"),
    ],
)  # fmt: skip
def test_what_libraries_warn_of_is_logged_without_what_they_quote(
    name: str, message: str, event: str
) -> None:
    """design.md §3 invariant 4: a warning of pydantic quotes the value that surprised it."""
    record = logging.LogRecord(name, logging.WARNING, "f", 1, message, None, None)
    assert json.loads(JSONLines().format(record))["event"] == event


async def test_countries_are_public_and_readable_by_other_origins(installation: Installation) -> None:
    response = await installation.browser().get("/countries")
    assert response.headers["access-control-allow-origin"] == "*"
    first = response.json()["countries"][0]
    assert first["code"] == "GR"
    assert first["names"]["de"] == "Griechenland"
    assert first["levels"] == ["low", "substantial", "high"]
    assert first["available"] is True


async def test_health_tells_what_is_down(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """design.md §5; ux.md §13."""
    transport = httpx.ASGITransport(app=installation.application.management)
    async with httpx.AsyncClient(transport=transport, base_url="http://management") as http:
        assert (await http.get("/health/live")).json() == {"status": "ok", "reasons": []}
        assert (await http.get("/health/ready")).json() == {"status": "ok", "reasons": []}
        assert (await http.get("/health/started")).status_code == 503
        await installation.application.store.close()
        monkeypatch.setattr(installation.application.log, "check", _unavailable)
        down = await http.get("/health/ready")
        assert (down.status_code, down.json()["status"]) == (503, "down")
        assert "audit.unavailable" in down.json()["reasons"]


async def test_health_names_a_peer_of_many_countries_once(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def peers(_: FakeSource, *, now: datetime) -> tuple[PeerStatus, ...]:
        del now
        return tuple(PeerStatus(peer="https://n.example", country=c, state="stale") for c in ("GR", "SE"))

    monkeypatch.setattr(FakeSource, "peers", peers)
    transport = httpx.ASGITransport(app=installation.application.management)
    async with httpx.AsyncClient(transport=transport, base_url="http://management") as http:
        answer = await http.get("/health/ready")
    assert answer.json() == {"status": "degraded", "reasons": ["peer.stale: https://n.example"]}


def _unavailable() -> None:
    from trust.log import LogUnavailable

    raise LogUnavailable("OperationalError")


async def test_a_verifier_that_accepts_a_forgery_prevents_the_start(
    tmp_path: Path, address: StoreAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """design.md §3 invariant 9."""

    def failing() -> None:
        raise SelfCheckFailed("a tampered message was accepted")

    monkeypatch.setattr("gateway.app.selfcheck", failing)
    with pytest.raises(SelfCheckFailed):
        install(tmp_path, address)
