"""The error menu of the account systems: each entry is wrong in its own way."""

from __future__ import annotations

import pytest
import xmlsec
from lxml import etree

from sandbox.accounts.accounts import accounts
from sandbox.accounts.faults import FAULTS
from sandbox.accounts.names import AKDB, OIDS
from sandbox.saml.names import tag

from .conftest import akdb_extension, message

CITIZENS = {"bundid": "mustermann-elster", "dataport-sh": "citizen", "muk": "bohr-ag"}
CASES = [
    (account, fault.name)
    for account in CITIZENS
    for fault in FAULTS.values()
    if fault.fits(accounts()[account])
]


def described(portal, response: etree._Element, *, second: bool = False) -> dict[str, object]:
    """What a receiver could notice, without what is random in every answer."""
    key = portal.second if second else None
    plain = response.find(tag("saml2:Assertion"))
    has = plain is not None or response.find(tag("saml2:EncryptedAssertion")) is not None
    assertion = portal.assertion(response, key=key) if has else None
    found: dict[str, object] = {
        "codes": [c.get("Value") for c in response.iter(tag("saml2p:StatusCode"))],
        "message": response.findtext(f".//{tag('saml2p:StatusMessage')}"),
        "detail": response.findtext(f".//{{{AKDB}}}StatusDetail"),
        "plain": plain is not None,
        "signed": response.find(tag("ds:Signature")) is not None,
        "destination": response.get("Destination"),
        "issuer": response.findtext(tag("saml2:Issuer")),
        "solicited": response.get("InResponseTo"),
        "copies": len(response.findall(tag("saml2:EncryptedAssertion")))
        + len(response.findall(tag("saml2:Assertion"))),
        "algorithms": sorted({e.get("Algorithm") for e in response.iter("{*}SignatureMethod", "{*}DigestMethod", "{*}EncryptionMethod")}),
    }  # fmt: skip
    if assertion is not None:
        found |= {
            "inner signature": assertion.find(tag("ds:Signature")) is not None,
            "audience": assertion.findtext(f".//{tag('saml2:Audience')}"),
            "recipient": assertion.find(f".//{tag('saml2:SubjectConfirmationData')}").get("Recipient"),
            "confirmed": assertion.find(f".//{tag('saml2:SubjectConfirmationData')}").get("InResponseTo"),
            "year and hour": assertion.find(tag("saml2:Conditions")).get("NotBefore")[:13],
            "class": assertion.findtext(f".//{tag('saml2:AuthnContextClassRef')}"),
            "name id": bool(assertion.findtext(f".//{tag('saml2:NameID')}")),
            "attributes": [
                (a.get("Name"), a.get("FriendlyName"), a.get(f"{{{AKDB}}}TrustLevel"), etree.tostring(v))
                for a in assertion.iter(tag("saml2:Attribute"))
                for v in a
            ],
        }
    return found


def answered(portal, account: str, fault: str) -> tuple[str, str]:
    """Identifier of a request, and the page of its answer."""
    akdb = accounts()[account].profile == "akdb"
    usual = tuple(n for n in OIDS if n not in ("applicationId", "pseudonym", "DeMail"))
    context = {"akdb": "STORK-QAA-Level-3", "dataport": "http://eidas.europa.eu/LoA/substantial"}
    request = portal.request(
        account,
        context=context.get(accounts()[account].profile),
        extension=akdb_extension(account, usual=usual) if akdb else None,
    )
    page = portal.send(account, request)
    done = portal.decide(account, page, citizen=CITIZENS[account], fault=fault)
    assert done.status_code == 200, done.text
    return request.get("ID"), done.text


def neutral(found: dict[str, object], identifier: str) -> dict[str, object]:
    """The request's own identifier is new every time and no difference."""
    return {k: "this request" if v == identifier else v for k, v in found.items()}


def is_own(portal, account: str, response: etree._Element) -> bool:
    """Whether every signature there is verifies with the account's key, and there is one."""
    signed = [e for e in (response, response.find(tag("saml2:Assertion"))) if e is not None]
    signed = [e for e in signed if e.find(tag("ds:Signature")) is not None]
    try:
        for element in signed:
            portal.verify(element, account)
    except xmlsec.Error:
        return False
    return bool(signed)


@pytest.mark.parametrize(("account", "fault"), CASES, ids=[f"{a}-{f}" for a, f in CASES])
def test_each_fault_differs_from_the_honest_answer(portal, account, fault) -> None:
    """A fault that changes nothing would prove nothing."""
    identifier, page = answered(portal, account, "")
    honest = message(page)
    expected = neutral(described(portal, honest), identifier)
    assert is_own(portal, account, honest)
    identifier, page = answered(portal, account, fault)
    if fault == "replay":
        assert page.count('name="SAMLResponse"') == 2
        return
    if fault == "aes-cbc":
        assert "http://www.w3.org/2001/04/xmlenc#aes256-cbc" in etree.tostring(message(page)).decode()
        return
    response = message(page)
    found = neutral(described(portal, response, second=fault == "second-key"), identifier)
    if fault in ("wrong-signature", "unknown-key"):
        assert found == expected
        assert not is_own(portal, account, response)
    elif fault == "second-key":
        assert found == expected
        with pytest.raises(xmlsec.Error):
            portal.assertion(response)
    elif fault == "doctype":
        assert response.getroottree().docinfo.doctype
    else:
        assert found != expected


def test_a_fault_that_does_not_exist_is_refused(portal) -> None:
    """The menu is closed."""
    page = portal.send("bundid", portal.request("bundid"))
    assert portal.decide("bundid", page, citizen="mustermann", fault="nonsense").status_code == 400


def test_every_fault_fits_some_account() -> None:
    """No dead entries."""
    assert {fault for _, fault in CASES} == set(FAULTS)
