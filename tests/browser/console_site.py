"""The console on a real socket, and Chromium with authenticators that hold the keys of its people.

Chromium takes the private keys of ``tests.trust.registry.passkey`` (WebAuthn.addCredential), so the same people
act here and in the tests without a browser.
"""

from __future__ import annotations

import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from cryptography.hazmat.primitives import serialization
from playwright.sync_api import Browser, Page
from starlette.types import Receive, Scope, Send

from tests.admin.console import Console
from tests.trust.registry.passkey import Passkey

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@contextmanager
def served(console: Console, listener: socket.socket) -> Iterator[None]:
    """Its application on ``listener`` until the context ends; the store is closed in the loop that used it."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await console.application(scope, receive, send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await console.store.close()
        await send({"type": "lifespan.shutdown.complete"})

    config = uvicorn.Config(
        application, log_level="error", ws="none", lifespan="on", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def authenticator(page: Page, *passkeys: Passkey) -> None:
    """Plug one into ``page`` that holds ``passkeys`` for ``localhost``."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    for passkey in passkeys:
        key = passkey.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        session.send(
            "WebAuthn.addCredential",
            {
                "authenticatorId": made["authenticatorId"],
                "credential": {
                    "credentialId": b64encode(passkey.credential_id).decode(),
                    "isResidentCredential": True,
                    "rpId": passkey.rp_id,
                    "privateKey": b64encode(key).decode(),
                    "userHandle": b64encode(passkey.credential_id).decode(),
                    "signCount": passkey.counter,
                },
            },
        )


@contextmanager
def visitor(browser: Browser, passkey: Passkey, **options: Any) -> Iterator[Page]:
    """A person at a browser of their own."""
    context = browser.new_context(locale="en-GB", **options)
    context.set_default_timeout(10_000)
    page = context.new_page()
    authenticator(page, passkey)
    try:
        yield page
    finally:
        context.close()


def sign_in(page: Page, console: str) -> None:
    """With the keyboard alone: the button is the form's only control."""
    page.goto(f"{console}/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{console}/")


def free_listener() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener
