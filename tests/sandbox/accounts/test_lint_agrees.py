"""What the sandbox refuses, the product's lint finds first, with the same code (IF 9.6)."""

from __future__ import annotations

import pytest
from lxml import etree

from connectors.accounts import lint
from connectors.accounts.settings import AccountSettings
from connectors.assurance import LevelOfAssurance
from connectors.contract import AuthenticationRequest, Service
from connectors.identity import PersonKind
from sandbox.accounts.names import AKDB
from sandbox.saml.signing import sign

from .conftest import MALFORMED, SERVICE_IDS, akdb_extension

PROFILES = {"bundid": "bundid", "bayernid": "akdb"}
IN_THE_MESSAGE = (
    *MALFORMED,
    "akdb-extension-missing",
    "requested-attributes-empty",
    "saml-request-not-signed",
)


def settings(account: str) -> AccountSettings:
    return AccountSettings(
        kind="account",
        id=account,
        profile=PROFILES[account],
        entity_id="https://portal.example",
        peer="https://account.example/idp",
        anchor=account,
    )


def bent(portal, account: str, code: str) -> etree._Element:
    """A request with exactly the mistake ``code`` stands for."""
    if code == "akdb-extension-missing":
        return portal.request(account, extension=None)
    request = portal.request(account, extension=akdb_extension(account, **MALFORMED.get(code, {})))
    if code == "requested-attributes-empty":
        for attribute in request.findall(f".//{{{AKDB}}}RequestedAttribute"):
            attribute.getparent().remove(attribute)
    return request


@pytest.mark.parametrize("account", PROFILES)
@pytest.mark.parametrize("code", IN_THE_MESSAGE)
def test_lint_and_account_name_the_same_mistake(portal, account, code) -> None:
    """Issue "German accounts", show 3."""
    request = bent(portal, account, code)
    if code != "saml-request-not-signed":
        request = sign(request, portal.signing, method="ecdsa-sha256", digest="sha256")
    octets = etree.tostring(request)
    found = {f.code for f in lint.message(octets, settings(account)) if f.severity == "error"}
    page = portal.send_as_it_is(account, request)
    assert page.url.params["idp.code"] == code
    assert found == {code}


def test_the_certificate_is_a_matter_of_the_registration() -> None:
    """IF 9.6: missing-berca cannot be seen in a message; the configuration has to state it."""
    asked = AuthenticationRequest(
        service=Service(
            client_id="test",
            names={"de": "Testdienst"},
            sector="public",
            requester_id="https://service.example/test",
            presentation={"bundid": {"display_name": "Test", "online_service_id": SERVICE_IDS["bundid"]}},
        ),
        minimum=LevelOfAssurance.HIGH,
        persons=frozenset({PersonKind.NATURAL}),
        required=frozenset({"family_name"}),
    )
    found = lint.registration(asked, settings("bundid"), issuer_url="https://gateway.example")
    assert {f.code for f in found if f.severity == "error"} == {"missing-berca"}


def test_nothing_documented_is_left_out() -> None:
    """bundid.md §1.13 lists nine codes."""
    assert set(IN_THE_MESSAGE) | {"missing-berca"} == set(lint.DOCUMENTED)
    assert len(lint.DOCUMENTED) == 9


@pytest.mark.parametrize("account", PROFILES)
def test_a_request_in_order_pleases_both(portal, account) -> None:
    """The counter-check."""
    request = sign(portal.request(account), portal.signing, method="ecdsa-sha256", digest="sha256")
    assert not [f for f in lint.message(etree.tostring(request), settings(account)) if f.severity == "error"]
    assert portal.send_as_it_is(account, request).status_code == 200
