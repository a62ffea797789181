"""Metadata that the onboarding would send back (bundid.md §1.4)."""

from __future__ import annotations

import pytest

NOT_ACCEPTED = {
    "id": ("<md:EntityDescriptor ID='_1' ", "neither ID nor signature"),
    "entity_id": ('entityID="http://portal.example"', "https URL without port"),
}


def refused(portal, account: str) -> str:
    page = portal.send(account, portal.request(account))
    assert page.status_code == 400
    assert page.url.params["idp.code"] == "sandbox-requester-unknown"
    return str(page.url.params["rule"])


@pytest.mark.parametrize("account", ["bundid", "bayernid"])
@pytest.mark.parametrize(("part", "bent"), NOT_ACCEPTED.items(), ids=list(NOT_ACCEPTED))
def test_metadata_against_the_rules_are_not_taken(portal, account, part, bent) -> None:
    """IF 7.2."""
    portal.hand_in(account, **{part: bent[0]})
    assert bent[1] in refused(portal, account)


def test_metadata_with_an_expiry_are_not_taken(portal) -> None:
    """IF 7.2: no validUntil."""
    portal.hand_in("bundid", id='<md:EntityDescriptor validUntil="2030-01-01T00:00:00Z" ')
    assert "validUntil" in refused(portal, "bundid")


def test_an_entity_id_with_port_is_not_taken(portal) -> None:
    """IF 7.2: https URL without port."""
    portal.hand_in("bundid", entity_id='entityID="https://portal.example:8443"')
    assert "without port" in refused(portal, "bundid")


@pytest.mark.parametrize("part", ["display_name", "service", "support"])
def test_bayernid_wants_more_in_the_metadata(portal, part) -> None:
    """bundid.md §1.4: UIInfo, AttributeConsumingService, contacts. BundID does not mind."""
    other = 'contactType="billing"' if part == "support" else ""
    portal.hand_in("bayernid", **{part: other})
    portal.hand_in("bundid", **{part: other})
    assert "missing" in refused(portal, "bayernid")
    assert portal.send("bundid", portal.request("bundid")).status_code == 200


@pytest.mark.parametrize("account", ["dataport-sh", "muk"])
def test_the_others_take_metadata_with_id_and_expiry(portal, account) -> None:
    """The rules of IF 7.2 are those of BundID."""
    portal.hand_in(account, id='<md:EntityDescriptor ID="_1" validUntil="2030-01-01T00:00:00Z" ')
    context = None if account == "muk" else "http://eidas.europa.eu/LoA/low"
    assert portal.send(account, portal.request(account, context=context)).status_code == 200


def test_a_new_key_is_known_as_soon_as_it_is_handed_in(portal, keys) -> None:
    """A signature that does not fit makes the account look for newer metadata."""
    assert portal.send("bundid", portal.request("bundid")).status_code == 200
    portal.signing = keys["p384"]
    portal.hand_in("bundid")
    assert portal.send("bundid", portal.request("bundid")).status_code == 200
