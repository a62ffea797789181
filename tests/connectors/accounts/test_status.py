"""Failure Responses of accounts and what they mean (bundid.md §1.13)."""

import json
from xml.sax.saxutils import escape

import pytest
from lxml import etree

from connectors.errors import AttributeMissing, AuthenticationFailed, Cancelled, InvalidAnswer, PeerRefused
from tests.support.account_peer import AKDB, begin
from tests.support.saml_peer import SAMLP, STATUS, rsa_pair


def detailed(text):
    """A hook that puts a StatusDetail into the Response before it is signed."""

    def edit(root):
        status = root.find(f"{{{SAMLP}}}Status")
        detail = f'<p:StatusDetail xmlns:p="{SAMLP}"><a:StatusDetail xmlns:a="{AKDB}">{escape(text)}</a:StatusDetail></p:StatusDetail>'
        status.append(etree.fromstring(detail))

    return edit


def missing(message, code="IDP_REQUIRED_ATTRIBUTES_MISSING"):
    return json.dumps({"version": "1.0", "errors": [{"code": code, "message": message}]})


def failed(installed, second, message=None, detail=None, top="Requester", **changes):
    exchange = begin(installed)
    reply = exchange.reply(
        status=STATUS + top,
        second_status=None if second is None else STATUS + second,
        status_message=message,
        edit_response=None if detail is None else detailed(detail),
        **changes,
    )
    with pytest.raises(Exception) as caught:
        exchange.finish(reply.octets())
    return caught.value


def test_missing_required_attributes_are_named_by_the_detail(bundid):
    """IF 9.7: the JSON names the OIDs; nothing else of it is taken over."""
    error = failed(
        bundid,
        "RequestDenied",
        "security-msg",
        missing("Erika Mustermann lacks urn:oid:2.5.4.42, urn:oid:2.5.4.18 and urn:oid:2.5.4.42."),
    )
    assert type(error) is AttributeMissing
    assert error.reason == "account.required-attributes"
    assert error.detail == "urn:oid:2.5.4.42, urn:oid:2.5.4.18"
    assert "Erika" not in repr(error)


@pytest.mark.parametrize(
    "detail",
    [None, "no json", "[]", '{"errors": []}', '{"errors": [{}]}', '{"errors": {"0": 1}}', "[" * 5_000,
     missing("x", code="lower case"), missing("x", code="X" * 200)],
)  # fmt: skip
def test_without_a_readable_detail_the_message_decides(bundid, detail):
    error = failed(bundid, "RequestDenied", "security-msg", detail)
    assert (type(error), error.reason, error.detail) == (AttributeMissing, "account.required-attributes", "")


@pytest.mark.parametrize(
    ("second", "message", "kind", "reason"),
    [
        ("RequestDenied", None, Cancelled, "account.status.cancelled"),
        ("RequestDenied", "whatever", Cancelled, "account.status.cancelled"),
        ("AuthnFailed", "Authentication was canceled by the user.", Cancelled, "account.status.cancelled"),
        ("AuthnFailed", "Die Anmeldung wurde abgebrochen", Cancelled, "account.status.cancelled"),
        ("AuthnFailed", "card blocked", AuthenticationFailed, "account.status.authentication-failed"),
        ("AuthnFailed", None, AuthenticationFailed, "account.status.authentication-failed"),
        ("NoAuthnContext", None, AuthenticationFailed, "account.status.no-authn-context"),
        (None, "cancelled", Cancelled, "account.status.cancelled"),
        (None, "out of order", PeerRefused, "saml.status.Requester"),
        ("UnsupportedBinding", None, PeerRefused, "saml.status.Requester.UnsupportedBinding"),
    ],
)
def test_the_second_level_decides_and_the_message_is_the_fallback(bundid, second, message, kind, reason):
    """Cancel and technical failure may differ in the text only."""
    error = failed(bundid, second, message)
    assert (type(error), error.reason) == (kind, reason)


def test_another_code_of_the_detail_is_kept_for_the_operator(bundid):
    error = failed(bundid, "RequestUnsupported", None, missing("text", code="IDP_INTERNAL"))
    assert (type(error), error.reason, error.detail) == (PeerRefused, "account.status.detail", "IDP_INTERNAL")


def test_a_cancelled_login_must_be_signed_too(bundid):
    """Otherwise anybody could end anybody's login."""
    error = failed(bundid, "RequestDenied", sign_response=False)
    assert (type(error), error.reason) == (InvalidAnswer, "signature.missing")
    error = failed(bundid, "RequestDenied", signer=rsa_pair("stranger"))
    assert type(error) is InvalidAnswer


def test_every_account_reports_a_cancelled_login(dataport, muk):
    for installed in (dataport, muk):
        assert type(failed(installed, "RequestDenied")) is Cancelled
