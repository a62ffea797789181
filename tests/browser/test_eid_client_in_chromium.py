"""The pages around an eID-Client in Chromium: links to loopback, the way back, cookies, a second device.

The gateway is whole, the card is ``tests.login.fake_card``. The eID-Client is a small server on loopback
that does what a real one does for the browser (TR-03124-1 §2.2): fetch the TC token without the browser's
cookies, then answer the browser with a 303 to the refresh address. Gateway and client are on different
sites (``localhost`` and ``127.0.0.1``), so what ``SameSite`` lets through is tested in earnest.
"""

import json
import re
import socket
import ssl
import threading
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import pytest
import uvicorn
from playwright.sync_api import expect

from gateway.store import EmbeddedStore
from tests.login.fake_card import element
from tests.login.installation import authorize_path, client, install
from tests.support.loopback import Loopback, SilentHandler
from tests.support.self_signed import tls_files

PHONE = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36"
RELEASE = "Diese Daten bekommt Amt24"


class Gateway:
    """A gateway with the fake card, served to browsers."""

    def __init__(self, directory, store, tls):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        self.url = f"http{'s' if tls else ''}://localhost:{listener.getsockname()[1]}"
        self.installation = install(directory, store, client(means=("npa",)), card=True, issuer=self.url)
        chain, key = map(str, tls_files(directory, "tls")) if tls else (None, None)
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._application,
                interface="asgi3",
                lifespan="on",
                log_level="error",
                ws="none",
                ssl_certfile=chain,
                ssl_keyfile=key,
            )
        )
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]})
        self._thread.start()

    @property
    def card(self):
        return self.installation.card

    async def _application(self, scope, receive, send):
        if scope["type"] != "lifespan":
            await self.installation.application.public(scope, receive, send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.installation.application.stop()
        await send({"type": "lifespan.shutdown.complete"})

    def close(self):
        self._server.should_exit = True
        self._thread.join()


class EIDClient:
    """What listens on port 24727 of the citizen's computer; here on a free one."""

    def __init__(self, card):
        self.hint = "ResultMajor=ok"
        self.cookies = []
        outer = self

        class Handler(SilentHandler):
            def do_GET(self):
                query = parse_qs(urlsplit(self.path).query)
                if "Status" in query:
                    self.send_response(200)
                    self.send_header("Access-Control-Allow-Origin", "*")
                    self.send_header("Access-Control-Allow-Private-Network", "true")
                    self.end_headers()
                    self.wfile.write(json.dumps({"Name": "test"}).encode())
                    return
                outer.cookies.append(self.headers.get("cookie"))
                token = outer.token(query["tcTokenURL"][0])
                card.identify(element(token, "SessionIdentifier"))
                self.send_response(303)
                self.send_header("Location", f"{element(token, 'RefreshAddress')}&{outer.hint}")
                self.send_header("Content-Length", "0")
                self.end_headers()

        self._server = Loopback(Handler)
        self.origin = f"http://127.0.0.1:{self._server.port}"

    @staticmethod
    def token(url):
        trusting = ssl.create_default_context()
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        with urlopen(Request(url), context=trusting) as answer:
            return answer.read().decode()

    def close(self):
        self._server.close()


@pytest.fixture(scope="module")
def store():
    with EmbeddedStore() as running:
        yield running


@pytest.fixture(scope="module", params=[True, False], ids=["https", "http"])
def gateway(request, tmp_path_factory, store):
    running = Gateway(tmp_path_factory.mktemp("gateway"), store, request.param)
    yield running
    running.close()


@pytest.fixture
def eid_client(gateway):
    running = EIDClient(gateway.card)
    yield running
    running.close()


@pytest.fixture
def opened(browser, gateway, eid_client):
    """Opens a new browser; its port 24727 is the eID-Client's."""
    contexts = []

    def open_page(**options):
        context = browser.new_context(
            ignore_https_errors=True, locale="de-DE", base_url=gateway.url, **options
        )
        contexts.append(context)
        context.route(
            "http://127.0.0.1:24727/**",
            lambda route: route.continue_(
                url=route.request.url.replace("http://127.0.0.1:24727", eid_client.origin)
            ),
        )
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def script(request):
    return {"java_script_enabled": request.param}


def heading(page):
    return page.get_by_role("heading", level=1)


def to_the_ways(page):
    """From the service's request to the page with the three ways."""
    page.goto(authorize_path())
    expect(heading(page)).to_have_text("Mit dem Online-Ausweis anmelden")
    page.get_by_role("link", name="Weiter").click()
    expect(heading(page)).to_have_text("Das brauchen Sie")


def test_citizen_comes_back_from_the_client_identified(opened, eid_client, script):
    """npa.md §3.5: a cross-site GET of the top level brings the cookies that are needed."""
    page = opened(**script)
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    to_the_ways(page)
    page.get_by_role("link", name="Auf diesem Computer").click()
    page.get_by_role("link", name="AusweisApp öffnen").click()
    expect(heading(page)).to_have_text(RELEASE)
    expect(page.locator("main")).to_contain_text("Ωνάσης-Πρόβα")
    assert eid_client.cookies == [None]
    assert complaints == []


def test_cancelling_in_the_client_leads_to_the_ways_on(opened, eid_client, script):
    """npa.md §3.3; the same login goes on."""
    eid_client.hint = "ResultMajor=error&ResultMinor=cancellationByUser"
    page = opened(**script)
    to_the_ways(page)
    page.get_by_role("link", name="Auf diesem Computer").click()
    page.get_by_role("link", name="AusweisApp öffnen").click()
    expect(page.get_by_role("alert")).to_contain_text("Sie haben in der AusweisApp abgebrochen.")
    expect(page.get_by_role("alert")).to_contain_text("Es wurden keine Daten übermittelt.")


def test_used_ticket_is_explained_and_the_way_on_is_a_button(opened, gateway, eid_client, script):
    """Issue 4: an AusweisApp that took the ticket and went away."""
    page = opened(**script)
    to_the_ways(page)
    page.get_by_role("link", name="Auf diesem Computer").click()
    link = page.get_by_role("link", name="AusweisApp öffnen").get_attribute("href")
    eid_client.token(parse_qs(urlsplit(link).query)["tcTokenURL"][0])
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("schon geöffnet")
    page.get_by_role("button", name="AusweisApp neu beginnen").click()
    expect(heading(page)).to_have_text("Mit dem Online-Ausweis anmelden")


def test_ways_on_a_phone_begin_with_the_phone(opened):
    """ux.md §3: a guess, and every way is still there."""
    page = opened(user_agent=PHONE, viewport={"width": 320, "height": 640})
    to_the_ways(page)
    expect(page.locator(".eg-way .eg-country-name")).to_have_text(
        ["Auf diesem Telefon oder Tablet", "Auf diesem Computer", "Auf einem Telefon, mit QR-Code"]
    )
    page.get_by_role("link", name="Auf diesem Telefon oder Tablet").click()
    link = page.get_by_role("link", name="AusweisApp öffnen").get_attribute("href")
    assert link.startswith("eid://127.0.0.1:24727/eID-Client?tcTokenURL=")


def test_everything_is_reached_by_keyboard(opened):
    """WCAG 2.1.1: from the landing page to the identity without a mouse."""
    page = opened()
    page.goto(authorize_path())
    for name in ("Weiter", "Auf diesem Computer", "AusweisApp öffnen"):
        wanted = page.get_by_role("link", name=name)
        expect(wanted).to_be_visible()
        for _ in range(20):
            page.keyboard.press("Tab")
            if wanted.evaluate("element => element === document.activeElement"):
                break
        expect(wanted).to_be_focused()
        page.keyboard.press("Enter")
    expect(heading(page)).to_have_text(RELEASE)


def test_citizen_may_ask_whether_a_client_runs(opened, eid_client):
    """ux.md §3: an enhancement, on request only; the answer is spoken."""
    page = opened()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    to_the_ways(page)
    page.get_by_role("link", name="Auf diesem Computer").click()
    button = page.get_by_role("button", name="Prüfen, ob die AusweisApp läuft")
    expect(button).to_be_visible()
    assert not [url for url in asked if "24727" in url]
    button.click()
    status = page.locator("#eid-check-result")
    expect(status).to_have_text("Die AusweisApp läuft auf diesem Computer.")
    page.context.unroute_all()
    page.context.route("http://127.0.0.1:24727/**", lambda route: route.abort())
    button.click()
    expect(status).to_contain_text("Die AusweisApp antwortet nicht.")


def test_without_script_there_is_no_button_that_does_nothing(opened):
    """ux.md §9: the help is there in words."""
    page = opened(java_script_enabled=False)
    to_the_ways(page)
    page.get_by_role("link", name="Auf diesem Computer").click()
    expect(page.get_by_role("button", name="Prüfen, ob die AusweisApp läuft")).to_have_count(0)
    page.get_by_text("Der Browser meldet einen Fehler").click()
    expect(page.get_by_role("link", name="AusweisApp herunterladen")).to_be_visible()


def test_citizen_identifies_on_a_phone_and_goes_on_at_the_computer(opened, gateway, script):
    """ADR 10: QR code, warning, client, code; the computer goes on by the code alone."""
    computer = opened(**script)
    to_the_ways(computer)
    computer.get_by_role("link", name="Auf einem Telefon, mit QR-Code").click()
    expect(computer.get_by_role("img", name="QR-Code für Ihr Telefon")).to_be_visible()
    address = computer.locator(".eg-address a").get_attribute("href")
    phone = opened(user_agent=PHONE, viewport={"width": 320, "height": 640}, **script)
    phone.goto(address)
    expect(heading(phone)).to_have_text("Haben Sie diesen QR-Code selbst aufgerufen?")
    expect(phone.locator("main")).to_contain_text("Amt24")
    number = computer.locator("footer .eg-number").inner_text()
    expect(phone.locator("main")).to_contain_text(number)
    phone.get_by_role("button", name="Ja, ich habe selbst begonnen: weiter").click()
    # a test's computer has no eid: links; the phone's other link does the same
    phone.get_by_role("link", name=re.compile("Auf diesem Computer")).click()
    expect(heading(phone)).to_have_text("Ihr Code")
    code = phone.locator(".eg-code").inner_text()
    assert re.fullmatch("[A-Z]{4}-[A-Z]{4}", code)
    expect(computer.get_by_role("img", name="QR-Code für Ihr Telefon")).to_be_visible()
    field = computer.get_by_label("Code, den Ihr Telefon nach dem Ausweisen zeigt")
    field.fill("bbbbbbbb")
    field.press("Enter")
    expect(computer.get_by_role("alert")).to_contain_text("noch 2 Versuche")
    field.fill(code.lower())
    field.press("Enter")
    expect(heading(computer)).to_have_text(RELEASE)


def test_attackers_link_logs_no_victim_in(opened, gateway):
    """Issue 4, Shows 4: the victim's own AusweisApp, the attacker's token."""
    attacker, victim = opened(), opened()
    to_the_ways(attacker)
    attacker.get_by_role("link", name="Auf diesem Computer").click()
    link = attacker.get_by_role("link", name="AusweisApp öffnen").get_attribute("href")
    victim.goto(link)
    expect(victim.locator("main")).to_contain_text("in dem diese Anmeldung nicht begonnen hat")
    assert victim.context.cookies() == []
    attacker.reload()
    expect(attacker.get_by_role("alert")).to_contain_text("schon geöffnet")
    attacker.goto(attacker.url.replace("/client/computer", "/release"))
    expect(heading(attacker)).not_to_have_text(RELEASE)
