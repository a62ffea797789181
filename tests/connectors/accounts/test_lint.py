"""Every mistake that BundID answers with a page of its own is found before a citizen finds it (bundid.md §1.13)."""

import re
from dataclasses import replace

import pytest
from lxml import etree

from connectors.accounts import AccountSettings, lint
from connectors.assurance import LevelOfAssurance
from tests.support.account_peer import AKDB, ask, begin, install_account, service
from tests.support.saml_peer import ISSUER_URL
from tests.support.xml_signing import DS, NOW

UI = "https://www.akdb.de/request/2018/09/classic-ui/v1"
IDP_CODES = {  # interface description 9.6
    "akdb-extension-missing", "akdb-extension-v1-deprecated", "saml-request-not-signed",
    "purpose-does-not-support-restricted-html", "missing-berca", "requested-attributes-empty",
    "requested-attributes-missing-name", "empty-authentication-methods", "organization-display-name-missing",
}  # fmt: skip


@pytest.fixture(scope="module")
def genuine(bundid):
    """A request as it leaves, with every text."""
    full = service(purpose="Antrag", back_url="https://gateway.example/back", display_name="Amt24")
    return etree.tostring(begin(bundid, ask(service=full)).request.root)


def settings(**changes):
    values = {
        "kind": "account", "id": "bundid", "profile": "bundid", "entity_id": ISSUER_URL, "anchor": "a",
        "peer": "https://int.id.bund.de/idp", "authorisation_certificate": "stored", **changes,
    }  # fmt: skip
    return AccountSettings.model_validate(values)


def errors(octets):
    return {f.code for f in lint.message(octets, settings()) if f.severity == "error"}


def removed(path):
    def edit(root):
        for element in root.findall(path):
            element.getparent().remove(element)

    return edit


def attribute(path, name, value):
    def edit(root):
        for element in root.iter(path):
            element.set(name, value)

    return edit


def text(path, value):
    def edit(root):
        for element in root.iter(path):
            element.text = value

    return edit


MISTAKES = {
    "no extension": (
        removed("{urn:oasis:names:tc:SAML:2.0:protocol}Extensions"),
        "akdb-extension-missing",
    ),
    "version 1": (
        attribute(f"{{{AKDB}}}AuthenticationRequest", "Version", "1"),
        "akdb-extension-v1-deprecated",
    ),
    "no signature": (removed(f"{{{DS}}}Signature"), "saml-request-not-signed"),
    "markup": (text(f"{{{UI}}}Purpose", "<b>x</b>"), "purpose-does-not-support-restricted-html"),
    "entity": (text(f"{{{UI}}}Purpose", "x &amp;nbsp; y"), "purpose-does-not-support-restricted-html"),
    "no attributes": (removed(f".//{{{AKDB}}}RequestedAttribute"), "requested-attributes-empty"),
    "empty name": (
        attribute(f"{{{AKDB}}}RequestedAttribute", "Name", ""),
        "requested-attributes-missing-name",
    ),
    "blank in name": (
        attribute(f"{{{AKDB}}}RequestedAttribute", "Name", "urn:oid: 2.5.4.4"),
        "requested-attributes-missing-name",
    ),
    "friendly name": (
        attribute(f"{{{AKDB}}}RequestedAttribute", "Name", "surname"),
        "requested-attributes-missing-name",
    ),
    "all disabled": (text(f"{{{AKDB}}}Enabled", "false"), "empty-authentication-methods"),
    "no methods": (removed(f".//{{{AKDB}}}AuthnMethods/*"), "empty-authentication-methods"),
    "no display name": (
        removed(f".//{{{UI}}}OrganizationDisplayName"),
        "organization-display-name-missing",
    ),
    "blank display name": (
        text(f"{{{UI}}}OrganizationDisplayName", " \n "),
        "organization-display-name-missing",
    ),
    "no display information": (
        removed(f".//{{{AKDB}}}DisplayInformation"),
        "organization-display-name-missing",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_every_documented_mistake_in_a_message_is_found(genuine, name):
    """IF 9.6: the citizen would see a page with this code and never come back."""
    edit, code = MISTAKES[name]
    root = etree.fromstring(genuine)
    edit(root)
    findings = lint.message(etree.tostring(root), settings())
    found = next(f for f in findings if f.code == code)
    assert (found.severity, found.documented) == ("error", True)
    assert found.path
    assert found.problem
    assert found.remedy


def test_the_documented_codes_are_complete():
    found = {code for _, code in MISTAKES.values()} | {"missing-berca"}
    assert found == set(lint.DOCUMENTED) == IDP_CODES


def test_a_genuine_request_has_no_error(genuine):
    assert errors(genuine) == set()
    assert [f.code for f in lint.message(genuine, settings())] == ["purpose-unused"]


UNDOCUMENTED = {
    "id": (attribute("{urn:oasis:names:tc:SAML:2.0:protocol}AuthnRequest", "ID", "1a"), "id-not-ncname"),
    "comparison": (
        attribute("{urn:oasis:names:tc:SAML:2.0:protocol}RequestedAuthnContext", "Comparison", "exact"),
        "comparison",
    ),
    "level": (
        text(
            "{urn:oasis:names:tc:SAML:2.0:assertion}AuthnContextClassRef", "http://eidas.europa.eu/LoA/high"
        ),
        "level-unknown",
    ),
    "no level": (removed("{urn:oasis:names:tc:SAML:2.0:protocol}RequestedAuthnContext"), "level-missing"),
    "acs": (
        attribute("{urn:oasis:names:tc:SAML:2.0:protocol}AuthnRequest", "AssertionConsumerServiceURL", ""),
        "acs-missing",
    ),
    "language": (text(f"{{{UI}}}Lang", "fr"), "language-unknown"),
    "back": (text(f"{{{UI}}}BackURL", "javascript:alert(1)"), "back-url"),
    "back with user": (text(f"{{{UI}}}BackURL", "https://a@b.example/"), "back-url"),
    "back over http": (text(f"{{{UI}}}BackURL", "http://b.example/"), "back-url"),
    "service id": (removed(f".//{{{UI}}}OnlineServiceId"), "online-service-id-missing"),
    "twice": (attribute(f"{{{AKDB}}}RequestedAttribute", "Name", "urn:oid:2.5.4.4"), "attribute-twice"),
}


@pytest.mark.parametrize("name", UNDOCUMENTED)
def test_other_mistakes_are_found_too(genuine, name):
    edit, code = UNDOCUMENTED[name]
    root = etree.fromstring(genuine)
    edit(root)
    assert code in errors(etree.tostring(root))


def test_the_discontinued_pseudonym_must_not_be_required(genuine):
    """IF 6.2.1."""
    octets = re.sub(
        rb"urn:oid:1\.3\.6\.1\.4\.1\.25484\.494450\.3\"", b'urn:oid:1.2.40.0.10.2.1.1.149"', genuine
    )
    assert errors(octets) == {"attribute-discontinued"}


def registration(**changes):
    connector = changes.pop("connector", {})
    return lint.registration(ask(**changes), settings(**connector), issuer_url=ISSUER_URL)


def test_a_good_registration_has_no_finding():
    assert registration() == ()


@pytest.mark.parametrize(
    ("changes", "code", "severity"),
    [
        ({"connector": {"authorisation_certificate": ""}}, "missing-berca", "error"),
        ({"service": service(purpose="<p>x</p>")}, "purpose-does-not-support-restricted-html", "error"),
        ({"service": service(purpose="Antrag")}, "purpose-unused", "warning"),
        ({"service": service(methods="Benutzername")}, "empty-authentication-methods", "error"),
        ({"service": service(methods="Passwort")}, "method-unknown", "error"),
        ({"connector": {"methods": ["Kennwort"]}}, "method-unknown", "error"),
        ({"service": service(display_name=" ")}, "organization-display-name-missing", "error"),
        ({"service": service(display_name="x" * 51)}, "display-name-long", "warning"),
        ({"service": service(online_service_id="")}, "online-service-id-missing", "error"),
        ({"service": service(online_service_id="7")}, "online-service-id-form", "warning"),
        ({"service": service(back_url="//evil.example")}, "back-url", "error"),
        ({"service": service(guest="maybe")}, "presentation", "error"),
        ({"service": replace(service(), presentation={})}, "presentation", "error"),
        ({"service": service(guest="true"), "account_facts": frozenset({"mailbox_handle"})}, "guest-mailbox", "error"),
        ({"minimum": LevelOfAssurance.BASIC}, "required-at-level-1", "warning"),
        ({"required": frozenset({"gender"})}, "attribute-not-offered", "error"),
    ],
)  # fmt: skip
def test_check_config_finds_it_in_the_registration(changes, code, severity):
    """Issue 3 number 2: with path and remedy, before any citizen."""
    found = {f.code: f for f in registration(**changes)}
    assert code in found
    assert found[code].severity == severity
    assert found[code].remedy


def test_a_certificate_matters_only_where_a_card_is_offered():
    connector = {"authorisation_certificate": ""}
    findings = registration(connector=connector, service=service(methods="Elster eIDAS"))
    assert [f.code for f in findings] == []


def test_a_login_without_a_stored_certificate_never_starts(tmp_path):
    """The start of a journey finds it as well."""
    installed = install_account("bundid", tmp_path, authorisation_certificate="")
    option = installed.connector.options(ask(), now=NOW)[0]
    assert (option.available, option.reason) == (False, "service")


def test_accounts_without_the_extension_have_only_the_rules_of_saml(muk):
    muk_settings = muk.connector.settings
    octets = etree.tostring(begin(muk).request.root)
    assert lint.message(octets, muk_settings) == ()
    unsigned = etree.fromstring(octets)
    removed(f"{{{DS}}}Signature")(unsigned)
    assert [f.code for f in lint.message(etree.tostring(unsigned), muk_settings)] == [
        "saml-request-not-signed"
    ]
