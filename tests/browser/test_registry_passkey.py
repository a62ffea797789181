"""Approvals made by a real browser with its virtual authenticator (WebAuthn-3 §11; issue 6, four eyes)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.trust.registry.passkey import ORIGIN, RP_ID, base64url
from tests.trust.registry.people import ANNA, CLARA, GREECE, People, document
from trust.log import migrate, open_database
from trust.registry import (
    Approval,
    Approver,
    ChangeClass,
    ChangeRefused,
    ObjectKey,
    ObjectKind,
    PasskeyCredential,
    enrol_passkey,
    message,
)

CREATE = """async (options) => {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return (await navigator.credentials.create({publicKey})).toJSON();
}"""
GET = """async (options) => {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return (await navigator.credentials.get({publicKey})).toJSON();
}"""

pytestmark = pytest.mark.browser


@pytest.fixture
def authenticator(browser: Browser) -> Iterator[Page]:
    """The console's origin with an authenticator that verifies its user."""
    context = browser.new_context()
    page = context.new_page()
    page.route(
        f"{ORIGIN}/**",
        lambda route: route.fulfill(body="<!doctype html><title>x</title>", content_type="text/html"),
    )
    page.goto(f"{ORIGIN}/")
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
            }
        },
    )
    yield page
    context.close()


def enrol(page: Page) -> PasskeyCredential:
    challenge = b"enrolment of c.probe"
    options: dict[str, Any] = {
        "challenge": base64url(challenge),
        "rp": {"id": RP_ID, "name": "Trust"},
        "user": {"id": base64url(b"c.probe"), "name": "c.probe", "displayName": "Clara Probe"},
        "pubKeyCredParams": [{"type": "public-key", "alg": alg} for alg in (-8, -7, -257)],
        "authenticatorSelection": {"userVerification": "required", "residentKey": "required"},
    }
    response = page.evaluate(CREATE, options)
    return enrol_passkey(response, challenge=challenge, rp_id=RP_ID, origins=(ORIGIN,))


def approve(page: Page, change: str, *, verification: str = "required") -> Approval:
    options = {"challenge": base64url(message(change)), "rpId": RP_ID, "userVerification": verification}
    return Approval(change=change, approver=CLARA, method="webauthn", assertion=page.evaluate(GET, options))


def test_passkey_of_a_browser_is_enrolled_and_is_the_second_person(
    authenticator: Page, tmp_path: Path
) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/registry.sqlite3")
    migrate(engine)
    people = People(engine)
    people.bootstrap(ANNA, "b.muster")
    clara = Approver(name="Clara Probe", credentials=(enrol(authenticator),))
    key = ObjectKey(ObjectKind.APPROVER, CLARA)
    people.in_force(people.draft([people.edit(key, clara.as_json())], ChangeClass.ENROLMENT))
    first, second = (people.draft([people.edit(GREECE, document(number=n))]) for n in (1, 2))
    people.propose(first)
    people.propose(second)
    signed = approve(authenticator, first.change_hash)
    with pytest.raises(ChangeRefused, match="challenge"):
        people.registry.approve(
            Approval(
                change=second.change_hash, approver=CLARA, method="webauthn", assertion=signed.assertion
            ),
            now=people.now,
        )
    assert people.registry.approve(signed, now=people.now).waiting is None
    assert people.node().follow().state.objects[GREECE].document == document(number=1)
    engine.dispose()
