"""A partner with a login form on a real port, and a source of identity that leads there."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlsplit

from connectors.contract import AuthenticationRequest, FormDispatch, RedirectDispatch, Start, TokenSource
from connectors.errors import PeerUnavailable
from tests.login.fake_source import FakeSource

USER, PASSWORD = "probe-de", "correct horse"
TITLE = "Welcome, Alexandros Onasis"


@dataclass
class Partner:
    """``behaviour`` is a word that the handler below knows; empty: as it should be."""

    port: int
    behaviour: str = ""
    acs: str = ""
    asked: list[str] = field(default_factory=list)
    """Paths that were asked for, in their order."""
    elsewhere: str = "http://localhost:1/away"

    @property
    def base(self) -> str:
        return f"http://localhost:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    partner: Partner

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.partner.asked.append(parts.path)
        relay = parse_qs(parts.query).get("RelayState", [""])[0]
        if parts.path == "/sso":
            self._sso(relay)
        elif parts.path == "/login":
            self._login(relay)
        else:
            self._page("<p>nothing here</p>", 404)

    def do_POST(self) -> None:
        self.partner.asked.append(self.path)
        length = int(self.headers.get("Content-Length", "0"))
        form = dict(parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True))
        relay = form.get("RelayState", "")
        if self.path == "/sso":
            self._sso(relay)
        elif "pid=1" not in (self.headers.get("Cookie") or ""):
            self._page("<p>no cookie</p>", 403)
        elif form.get("username") == USER and form.get("password") == PASSWORD and form["kind"] == "b":
            self._consent(relay)
        elif form.get("consent") == "yes":
            self._answer(relay)
        else:
            self._login(relay)

    def _sso(self, relay: str) -> None:
        match self.partner.behaviour:
            case "status":
                self._page("<p>Internal Server Error</p>", 500)
            case "slow":
                time.sleep(2)
                self._login(relay)
            case "away":
                self._redirect(self.partner.elsewhere)
            case "large":
                self._page("x" * 200_000)
            case "survey":
                self._page('<form method="post" action="/survey"><input name="mood"></form>')
            case "loop":
                self._page(f'<meta http-equiv="refresh" content="0; url=/sso?RelayState={relay}">')
            case "ring":
                self._redirect(f"/sso?RelayState={relay}")
            case _:
                # as some do: a page that goes on by itself, with a cookie
                self.send_response(200)
                self.send_header("Set-Cookie", "pid=1; Path=/; HttpOnly")
                self._finish(f'<meta http-equiv="refresh" content="0; url=/login?RelayState={relay}">')

    def _login(self, relay: str) -> None:
        self._page(
            '<form action="/search"><input type="search" name="q"></form>'
            f'<form method="post" action="/login"><input type="hidden" name="RelayState" value="{relay}">'
            '<input name="username"><input type="password" name="password">'
            '<select name="kind"><option>a<option value="b" selected>B</select>'
            '<input type="checkbox" name="stay" value="1"><button>Log in</button></form>'
        )

    def _consent(self, relay: str) -> None:
        self._page(
            f'<form method="post" action="/consent"><input type="hidden" name="RelayState" value="{relay}">'
            '<button name="consent" value="no">No</button><button name="consent" value="yes">Yes</button></form>'
        )

    def _answer(self, relay: str) -> None:
        answer = {"cancelled": "cancelled", "forged": "forged", "low": "low"}.get(
            self.partner.behaviour, "genuine"
        )
        self._page(
            f'<form method="post" action="{self.partner.acs}"><input type="hidden" name="RelayState" value="{relay}">'
            f'<input type="hidden" name="answer" value="{answer}"><noscript><input type="submit"></noscript></form>'
        )

    def _redirect(self, location: str) -> None:
        self.send_response(302)
        self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _page(self, content: str, status: int = 200) -> None:
        self.send_response(status)
        self._finish(content)

    def _finish(self, content: str) -> None:
        octets = f"<!doctype html><title>{TITLE}</title>{content}".encode()
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        try:
            self.wfile.write(octets)
        except OSError:
            return  # who asked has gone: that is what the test is about

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def serving() -> Iterator[Partner]:
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    partner = handler.partner = Partner(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield partner
    server.shutdown()
    server.server_close()
    thread.join()


class Source(FakeSource):
    """Leads to the partner; ``down``: its metadata are gone."""

    def __init__(self, partner: Partner) -> None:
        super().__init__()
        self.partner = partner
        self.address = partner.base
        self.down = False

    def begin(
        self, request: AuthenticationRequest, *, relay_state: str, now: datetime, random: TokenSource
    ) -> Start:
        if self.down:
            raise PeerUnavailable("metadata.expired")
        start = super().begin(request, relay_state=relay_state, now=now, random=random)
        there = f"{self.address}/sso"
        dispatch: RedirectDispatch | FormDispatch = RedirectDispatch(url=f"{there}?RelayState={relay_state}")
        if self.form:
            dispatch = FormDispatch(action=there, fields=(("SAMLRequest", "x"), ("RelayState", relay_state)))
        return replace(start, dispatch=dispatch)
