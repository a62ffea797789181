"""What the AKDB accounts refuse with a page and without any Response (bundid.md §1.13, IF 9.6)."""

from __future__ import annotations

import base64
import zlib
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from lxml import etree

from sandbox.accounts.names import AKDB
from sandbox.authority import certify, make_key
from sandbox.saml.names import signature_uri, tag

from .conftest import MALFORMED, akdb_extension

ACCOUNTS = ("bundid", "bayernid")


def stopped_with(page) -> str:
    """The code in the address of the error page; nothing leads back to the requester."""
    assert page.status_code == 400, page.text
    assert "SAMLResponse" not in page.text
    return str(page.url.params["idp.code"])


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize(("code", "bent"), MALFORMED.items(), ids=list(MALFORMED))
def test_each_documented_mistake_ends_on_a_page_with_its_code(portal, account, code, bent) -> None:
    """IF 9.6: the code stands in the address of the page as idp.code."""
    request = portal.request(account, extension=akdb_extension(account, **bent))
    assert stopped_with(portal.send(account, request)) == code


@pytest.mark.parametrize("account", ACCOUNTS)
def test_a_request_without_signature_is_refused(portal, account) -> None:
    """IF 9: without a signature the extension is not evaluated."""
    page = portal.send_as_it_is(account, portal.request(account))
    assert stopped_with(page) == "saml-request-not-signed"


@pytest.mark.parametrize("account", ACCOUNTS)
def test_a_request_without_extension_is_refused(portal, account) -> None:
    """IF 9: the extension is mandatory."""
    page = portal.send(account, portal.request(account, extension=None))
    assert stopped_with(page) == "akdb-extension-missing"


def test_an_extension_without_version_counts_as_the_old_one(portal) -> None:
    """IF 9: Version is mandatory."""
    page = portal.send("bundid", portal.request("bundid", extension=akdb_extension("bundid", version="")))
    assert stopped_with(page) == "akdb-extension-v1-deprecated"


def test_no_requested_attribute_at_all_is_refused(portal) -> None:
    """IF 9.2: at least one RequestedAttribute."""
    request = portal.request("bundid")
    for attribute in request.findall(f".//{{{AKDB}}}RequestedAttribute"):
        attribute.getparent().remove(attribute)
    assert stopped_with(portal.send("bundid", request)) == "requested-attributes-empty"


@pytest.mark.parametrize("name", ["surname", "urn:oid:", "urn:oid: 2.5.4.4", "URN:OID:2.5.4.4", "2.5.4.4"])
def test_a_wrongly_formatted_attribute_name_is_refused(portal, name) -> None:
    """IF 9.2: Name is urn:oid and an OID; the blank printed in the document is not on the wire."""
    bent = akdb_extension("bundid", attributes=f'<akdb:RequestedAttribute Name="{name}"/>')
    page = portal.send("bundid", portal.request("bundid", extension=bent))
    assert stopped_with(page) == "requested-attributes-missing-name"


def test_only_bayernid_knows_private_names(portal) -> None:
    """bundid.md §2.1: urn:oid:akdb:… is no OID."""
    listed = '<akdb:RequestedAttribute Name="urn:oid:akdb:registerNumber"/>'
    for account, status in (("bayernid", 200), ("bundid", 400)):
        inner = akdb_extension(account, attributes=listed)
        assert portal.send(account, portal.request(account, extension=inner)).status_code == status


def test_markup_as_elements_in_the_purpose_is_refused(portal) -> None:
    """IF 9.4: Purpose holds text."""
    bent = akdb_extension("bundid", more="<cui:Purpose>Ein <b>Antrag</b></cui:Purpose>")
    page = portal.send("bundid", portal.request("bundid", extension=bent))
    assert stopped_with(page) == "purpose-does-not-support-restricted-html"


def test_a_plain_purpose_is_accepted_and_not_shown(portal) -> None:
    """IF 9.4: ignored since the redesign."""
    fine = akdb_extension("bundid", more="<cui:Purpose>Antrag auf Wohngeld &amp; mehr</cui:Purpose>")
    page = portal.send("bundid", portal.request("bundid", extension=fine))
    assert page.status_code == 200
    assert "Wohngeld" not in page.text


@pytest.mark.parametrize(("account", "service_id"), [("bundid", "BMI-9999"), ("bayernid", "99999999999-DE")])
def test_a_certificate_that_is_not_stored_is_refused(portal, account, service_id) -> None:
    """IF 9.6: missing-berca."""
    bent = akdb_extension(account, service_id=service_id)
    assert stopped_with(portal.send(account, portal.request(account, extension=bent))) == "missing-berca"


def test_the_certificate_does_not_matter_where_the_card_is_not_allowed(portal) -> None:
    """The authorisation certificate is for reading the card."""
    methods = "<akdb:AuthnMethods><akdb:Elster/></akdb:AuthnMethods>"
    fine = akdb_extension("bundid", service_id="BMI-9999", methods=methods)
    assert portal.send("bundid", portal.request("bundid", extension=fine)).status_code == 200


def test_the_service_number_is_mandatory(portal) -> None:
    """IF 9.5. The code is the sandbox's own: none is documented."""
    bent = akdb_extension("bundid", service_id=" ")
    page = portal.send("bundid", portal.request("bundid", extension=bent))
    assert stopped_with(page) == "sandbox-online-service-id-missing"


@pytest.mark.parametrize("account", ["bundid", "bayernid", "dataport-sh", "muk"])
def test_a_signature_of_another_key_is_refused(portal, account) -> None:
    """IF 9: the signature is checked against the metadata that were handed in."""
    request = portal.request(account, context=None if account == "muk" else "http://eidas.europa.eu/LoA/low")
    page = portal.send(account, request, key=certify("another", make_key("p256")))
    assert stopped_with(page) == "sandbox-bad-signature"


@pytest.mark.parametrize("account", ["bundid", "bayernid", "dataport-sh", "muk"])
def test_an_unknown_requester_is_refused(portal, account) -> None:
    """Only the entityID that was handed in."""
    request = portal.request(account)
    request.find(tag("saml2:Issuer")).text = "https://stranger.example"
    assert stopped_with(portal.send(account, request)) == "sandbox-requester-unknown"


def test_the_same_request_twice_is_a_replay(portal) -> None:
    """IF 8.2: the back button sends the request again; the IdP treats it as replay."""
    request = portal.request("bundid")
    again = etree.fromstring(etree.tostring(request))
    assert portal.send("bundid", request).status_code == 200
    assert stopped_with(portal.send("bundid", again)) == "sandbox-replay"


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("Destination", "https://int.id.bund.de/idp/profile/SAML2/POST/SSO"),
        ("IssueInstant", "2020-01-01T00:00:00Z"),
        ("IssueInstant", "yesterday"),
        ("AssertionConsumerServiceURL", "https://elsewhere.example/acs"),
        ("ProtocolBinding", "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact"),
        ("Version", "1.1"),
    ],
)
def test_a_wrong_header_is_refused(portal, attribute, value) -> None:
    """saml-core §3.2.1 and §3.4.1."""
    request = portal.request("bundid")
    request.set(attribute, value)
    assert stopped_with(portal.send("bundid", request)) == "sandbox-request"


def test_only_the_comparison_minimum_is_supported(portal) -> None:
    """IF 5.1."""
    request = portal.request("bundid")
    request.find(tag("saml2p:RequestedAuthnContext")).set("Comparison", "exact")
    assert stopped_with(portal.send("bundid", request)) == "sandbox-request"


@pytest.mark.parametrize("content", ["", "!!!", "bm8gWE1M", "PGEvPg=="])
def test_what_is_no_request_is_refused(portal, content) -> None:
    """Not base64, not XML, not an AuthnRequest."""
    page = portal.client.post("/bundid/idp/profile/SAML2/POST/SSO", data={"SAMLRequest": content})
    assert page.headers["location"].startswith("/bundid/error?idp.code=sandbox-unreadable")


@pytest.mark.parametrize("method", ["sha256-rsa-MGF1", "sha512-rsa-MGF1", "rsa-sha256"])
def test_both_rsa_signatures_are_accepted_in_requests(portal, keys, method) -> None:
    """FAQ 10.9.2: the switch to RSASSA-PSS concerned the Response."""
    portal.signing = keys["rsa-3072"]
    portal.hand_in("bundid")
    assert portal.send("bundid", portal.request("bundid"), method=method).status_code == 200


def test_an_official_sample_in_spirit_is_accepted_with_padded_texts(portal) -> None:
    """bundid.md §1.6: the samples pad their texts with line breaks; readers trim."""
    methods = (
        "<akdb:AuthnMethods><akdb:eID><akdb:Enabled>\n true\n </akdb:Enabled></akdb:eID></akdb:AuthnMethods>"
    )
    fine = akdb_extension(
        "bundid", methods=methods, display="\n Onlinedienste der Justiz\n ", service_id="\n BMI-X0000\n "
    )
    page = portal.send("bundid", portal.request("bundid", extension=fine))
    assert "<strong>Onlinedienste der Justiz</strong>” (BMI-X0000)" in page.text


def redirected(portal, *, fragment: str, hash_class, padding) -> str:
    """The query of an HTTP-Redirect request, signed with the RSA key."""
    portal.signing = portal.encryption
    portal.hand_in("bundid")
    request = portal.request("bundid")
    request.set("Destination", f"{portal.world.addresses.nodes}/bundid/idp/profile/SAML2/Redirect/SSO")
    engine = zlib.compressobj(wbits=-15)
    deflated = engine.compress(etree.tostring(request)) + engine.flush()
    fields = {
        "SAMLRequest": base64.b64encode(deflated).decode(),
        "RelayState": "relay",
        "SigAlg": signature_uri(fragment),
    }
    signed = urlencode(fields)
    value = portal.signing.key.sign(signed.encode(), padding, hash_class)
    return f"{signed}&{urlencode({'Signature': base64.b64encode(value).decode()})}"


@pytest.mark.parametrize("scheme", ["pss", "pkcs1"])
def test_requests_come_by_redirect_as_well(portal, scheme) -> None:
    """IF 4 and 8.1: HTTP-POST or HTTP-Redirect."""
    chosen = hashes.SHA256()
    padding, fragment = {
        "pss": (PSS(MGF1(chosen), 32), "sha256-rsa-MGF1"),
        "pkcs1": (PKCS1v15(), "rsa-sha256"),
    }[scheme]
    query = redirected(portal, fragment=fragment, hash_class=chosen, padding=padding)
    page = portal.client.get(f"/bundid/idp/profile/SAML2/Redirect/SSO?{query}")
    assert page.status_code == 200, page.headers
    unsigned = query.partition("&SigAlg")[0]
    page = portal.client.get(f"/bundid/idp/profile/SAML2/Redirect/SSO?{unsigned}")
    assert "idp.code=saml-request-not-signed" in page.headers["location"]
