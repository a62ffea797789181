"""The official sample requests, read by the sandbox as by the real one (shared/data/bundid/INDEX.md)."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from sandbox.accounts.accounts import accounts
from sandbox.accounts.extension import Stopped, read_extension
from sandbox.accounts.names import FRIENDLY

SAMPLES = Path(__file__).parents[4] / "shared/data/bundid"


def sample(name: str) -> etree._Element:
    path = SAMPLES / name
    if not path.is_file():
        pytest.skip("no shared samples")
    text = path.read_text("utf-8")
    for placeholder, value in (("BackURL", "https://portal.example/"), ("OnlineServiceID", "BMI-X0000")):
        text = text.replace("{" + placeholder + "}", value)
    return etree.fromstring(text.encode())


def test_the_sample_with_all_methods_is_read_trimmed() -> None:
    """IF 10.1, second sample: seven methods, padded texts, a prose hint instead of a language."""
    extension = read_extension(sample("authnrequest-v2-all-methods.xml"), accounts()["bayernid"])
    assert extension.methods == ("Authega", "Benutzername", "Diia", "eID", "eIDAS", "Elster", "FINK")
    assert len(extension.attributes) == 17
    assert extension.language == "de"
    assert extension.display_name == extension.display_name.strip()
    assert extension.status_detail


def test_the_request_of_the_justice_portal_is_read() -> None:
    """A federal portal: eID only, bPK2 and mailbox required."""
    extension = read_extension(sample("authnrequest-justice-portal-eid-only.xml"), accounts()["bundid"])
    assert extension.methods == ("eID",)
    required = {FRIENDLY.get(w.name) for w in extension.attributes if w.required}
    assert {"bPK2", "legacyPostkorbHandle", "givenName", "surname"} <= required
    assert extension.back_url == "https://portal.example/"


def test_what_a_broker_sends_without_display_name_is_refused() -> None:
    """INDEX: a current production BundID would refuse it."""
    with pytest.raises(Stopped, match="organization-display-name-missing"):
        read_extension(sample("authnrequest-simulator-level3.xml"), accounts()["bundid"])
