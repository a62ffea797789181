"""The TC token (TR-03124-1 §2.5)."""

import pytest
from lxml import etree

from connectors.npa import tc_token
from gateway.login.eid_client import error_form


@pytest.mark.parametrize("psk", ["abc", "xy" * 16, "ab" * 15, ""])
def test_token_with_an_unusable_key_is_not_written(psk):
    """npa.md §3.2: hexBinary, even length."""
    with pytest.raises(ValueError, match="PSK"):
        tc_token.token(
            server_address="https://g.example/paos",
            session_identifier="1a" * 16,
            refresh_address="https://g.example/r",
            communication_error_address="https://g.example/r",
            psk=psk,
        )


def test_addresses_are_written_as_text():
    """A refresh address has an ampersand; whatever stands in it stays text."""
    address = "https://g.example/r?a=1&b=<x>"
    root = etree.fromstring(
        tc_token.token(
            server_address="https://g.example/paos",
            session_identifier="1a" * 16,
            refresh_address=address,
            communication_error_address=address,
        )
    )
    assert root.tag == "TCTokenType"
    assert root.findtext("RefreshAddress") == address
    assert root.find("PathSecurity-Parameters") is None


def test_error_form_holds_the_one_address_only():
    """TR-03124-2, A2_05: every other element is there and empty."""
    root = etree.fromstring(error_form("https://g.example/e"))
    assert {child.tag: child.text for child in root if child.text} == {
        "CommunicationErrorAddress": "https://g.example/e"
    }
    assert [child.tag for child in root] == [
        "ServerAddress", "SessionIdentifier", "RefreshAddress", "CommunicationErrorAddress", "Binding",
    ]  # fmt: skip
