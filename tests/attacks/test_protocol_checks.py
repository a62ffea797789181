"""Web Browser SSO checks, one test per cell, each message genuinely signed (security.md A.14; eidas.md §3.1, §13 number 7)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from lxml import etree

from connectors.errors import (
    AuthenticationFailed,
    Cancelled,
    ConnectorError,
    InvalidAnswer,
    LevelNotReached,
    PeerRefused,
)
from tests.attacks.refusal import refused, reply_refused
from tests.support.saml_peer import (
    BEARER,
    ENTITY,
    STATUS,
    Exchange,
    audience_restriction,
    begin,
    confirmation,
    login,
    stamp,
)
from tests.support.xml_signing import NOW, SAML

ACS = "https://gateway.example/connectors/eidas/acs"
US = "https://gateway.example/connectors/eidas/metadata"
PEER = "https://eidas.el.example/metadata"


def at(**shift: float) -> str:
    return stamp(NOW + timedelta(**shift))


CELLS: dict[str, tuple[dict[str, object], str | set[str]]] = {
    # Version
    "response-version-missing": ({"response_version": None}, "xml.schema"),
    "response-version-1.1": ({"response_version": "1.1"}, "saml.version"),
    "response-version-2": ({"response_version": "2"}, "saml.version"),
    "assertion-version-1.1": ({"assertion_version": "1.1"}, "saml.version"),
    "assertion-version-missing": ({"assertion_version": None}, "xml.schema"),
    # ID
    "response-id-missing": ({"response_id": None}, {"xml.schema", "signature.reference"}),
    "response-id-empty": ({"response_id": ""}, {"xml.schema", "signature.reference"}),
    "response-id-no-name": ({"response_id": "1 2"}, "xml.schema"),
    "assertion-id-missing": ({"assertion_id": None}, "xml.schema"),
    "assertion-id-empty": ({"assertion_id": ""}, "xml.schema"),
    "ids-equal": ({"response_id": "_same", "assertion_id": "_same"}, "saml.id"),
    # Destination
    "destination-missing": ({"destination": None}, "saml.destination"),
    "destination-other": ({"destination": "https://other.example/acs"}, "saml.destination"),
    "destination-longer": ({"destination": ACS + "/x"}, "saml.destination"),
    "destination-query": ({"destination": ACS + "?x"}, "saml.destination"),
    "destination-prefix": ({"destination": ACS[:-1]}, "saml.destination"),
    "destination-case": ({"destination": ACS.replace("gateway", "GATEWAY")}, "saml.destination"),
    "destination-port": ({"destination": ACS.replace(".example", ".example:443")}, "saml.destination"),
    "destination-blank": ({"destination": " " + ACS}, "saml.destination"),
    "destination-entity": ({"destination": US}, "saml.destination"),
    # InResponseTo
    "unsolicited": ({"in_response_to": None}, "saml.in-response-to"),
    "unsolicited-everywhere": ({"in_response_to": None, "confirmation_in_response_to": None}, "saml.in-response-to"),
    "in-response-to-other": ({"in_response_to": "_other"}, "saml.in-response-to"),
    "confirmation-unsolicited": (
        {"confirmation_in_response_to": None}, "saml.subject-confirmation.in-response-to",
    ),
    "confirmation-in-response-to-other": (
        {"confirmation_in_response_to": "_other"}, "saml.subject-confirmation.in-response-to",
    ),
    # IssueInstant
    "issue-instant-missing": ({"issue_instant": None}, "xml.schema"),
    "issue-instant-old": ({"issue_instant": at(minutes=-5, seconds=-1)}, "saml.issue-instant"),
    "issue-instant-day-old": ({"issue_instant": at(days=-1)}, "saml.issue-instant"),
    "issue-instant-future": ({"issue_instant": at(minutes=5, seconds=1)}, "saml.issue-instant"),
    "assertion-issue-instant-old": ({"assertion_issue_instant": at(minutes=-6)}, "saml.issue-instant"),
    "assertion-issue-instant-future": ({"assertion_issue_instant": at(minutes=6)}, "saml.issue-instant"),
    # Conditions
    "conditions-missing": ({"conditions": " "}, "xml.cardinality"),
    "conditions-twice": (
        {"conditions": f'<saml2:Conditions NotBefore="{at()}" NotOnOrAfter="{at(minutes=5)}"/>' * 2}, "xml.schema",
    ),
    "not-before-missing": ({"not_before": None}, "saml.conditions.not-before"),
    "not-on-or-after-missing": ({"not_on_or_after": None}, "saml.conditions.not-on-or-after"),
    "not-yet-valid": ({"not_before": at(seconds=61), "not_on_or_after": at(minutes=5)}, "saml.conditions.not-yet-valid"),
    "expired": ({"not_before": at(minutes=-5), "not_on_or_after": at(seconds=-60)}, "saml.conditions.expired"),
    "window-inverted": ({"not_before": at(minutes=1), "not_on_or_after": at()}, "saml.conditions.window"),
    "window-empty": ({"not_before": at(), "not_on_or_after": at()}, "saml.conditions.window"),
    "window-too-long": ({"not_on_or_after": at(minutes=15, milliseconds=1)}, "saml.conditions.window"),
    # AudienceRestriction
    "audience-missing": ({"audience": None}, "saml.audience"),
    "audience-other": ({"audience": "https://other.example"}, "saml.audience"),
    "audience-acs": ({"audience": ACS}, "saml.audience"),
    "audience-empty": ({"audience": " "}, "saml.audience"),
    "audience-longer": ({"audience": US + "/"}, "saml.audience"),
    "audience-no-break-space": ({"audience": US + "\u00a0"}, "saml.audience"),
    "audience-case": ({"audience": US.upper()}, "saml.audience"),
    "second-restriction-other": ({"more_conditions": audience_restriction("https://other.example")}, "saml.audience"),
    "restriction-without-audience": ({"audience": None, "more_conditions": "<saml2:AudienceRestriction/>"}, "xml.schema"),
    # other conditions
    "unknown-condition": (
        {"more_conditions": '<saml2:Condition xsi:type="x:y" xmlns:x="urn:x"/>'},
        {"xml.schema", "saml.conditions.unknown"},
    ),
    "foreign-condition": ({"more_conditions": '<x:Condition xmlns:x="urn:x"/>'}, {"xml.schema", "saml.conditions.unknown"}),
    "proxy-count-zero": ({"more_conditions": '<saml2:ProxyRestriction Count="0"/>'}, "saml.conditions.proxy"),
    "proxy-count-zero-spelt": ({"more_conditions": '<saml2:ProxyRestriction Count=" +00 "/>'}, "saml.conditions.proxy"),
    "proxy-audience": (
        {"more_conditions": "<saml2:ProxyRestriction><saml2:Audience>urn:x</saml2:Audience></saml2:ProxyRestriction>"},
        "saml.conditions.proxy",
    ),
    # SubjectConfirmation
    "no-confirmation": ({"subject_confirmation": " "}, "saml.subject-confirmation"),
    "sender-vouches": ({"method": "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"}, "saml.subject-confirmation"),
    "holder-of-key": ({"method": "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"}, "saml.subject-confirmation"),
    "method-case": ({"method": BEARER.upper()}, "saml.subject-confirmation"),
    "method-missing": ({"method": None}, "xml.schema"),
    "no-data": ({"subject_confirmation": f'<saml2:SubjectConfirmation Method="{BEARER}"/>'}, "saml.recipient"),
    "empty-data": ({"subject_confirmation": confirmation()}, "saml.recipient"),
    "recipient-missing": ({"recipient": None}, "saml.recipient"),
    "recipient-other": ({"recipient": "https://other.example/acs"}, "saml.recipient"),
    "recipient-contains-ours": ({"recipient": f"https://evil.example/?{ACS}"}, "saml.recipient"),
    "recipient-blank": ({"recipient": ACS + " "}, "saml.recipient"),
    "confirmation-not-before": (
        {"confirmation_not_before": at(minutes=-1)}, "saml.subject-confirmation.not-before",
    ),
    "confirmation-end-missing": (
        {"confirmation_not_on_or_after": None}, "saml.subject-confirmation.not-on-or-after",
    ),
    "confirmation-expired": (
        {"confirmation_not_on_or_after": at(seconds=-60)}, "saml.subject-confirmation.expired",
    ),
    # AuthnStatement
    "no-authn-statement": ({"authn_statement": " "}, "xml.cardinality"),
    "authn-instant-missing": ({"authn_instant": None}, "xml.schema"),
    "authn-instant-future": ({"authn_instant": at(seconds=61)}, "saml.authn-instant"),
    "authn-instant-before-request": ({"authn_instant": at(seconds=-61)}, "saml.authn-instant"),
    "session-over": ({"session_not_on_or_after": at(seconds=-60)}, "saml.session-not-on-or-after"),
    "no-context": ({"authn_context": None}, {"xml.schema", "xml.cardinality"}),
    # Issuer
    "issuer-missing": ({"issuer": None}, "saml.structure"),
    "issuer-empty": ({"issuer": " "}, "saml.issuer"),
    "issuer-blank": ({"issuer": PEER + " "}, "saml.issuer"),
    "issuer-no-break-space": ({"issuer": PEER + "\u00a0"}, "saml.issuer"),
    "issuer-line-break": ({"issuer": "\n" + PEER}, "saml.issuer"),
    "issuer-case": ({"issuer": PEER.upper()}, "saml.issuer"),
    "issuer-homoglyph": ({"issuer": PEER.replace("e", "\u0435")}, "saml.issuer"),
    "issuer-other": ({"issuer": "https://eidas.se.example/metadata"}, "saml.issuer"),
    "issuer-format": ({"issuer_attributes": ' Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"'}, "saml.issuer"),
    "assertion-issuer-missing": ({"assertion_issuer": None}, {"xml.schema", "xml.cardinality"}),
    "assertion-issuer-other": ({"assertion_issuer": "https://eidas.se.example/metadata"}, "saml.issuer"),
    "assertion-issuer-blank": ({"assertion_issuer": PEER + " "}, "saml.issuer"),
    # Subject
    "no-name-id": ({"name_id": " "}, {"saml.subject", "xml.schema"}),
    "two-name-ids": ({"name_id": "<saml2:NameID>a</saml2:NameID>" * 2}, "xml.schema"),
    # Statements
    "two-authn-statements": ({"more_statements": f'<saml2:AuthnStatement AuthnInstant="{at()}"><saml2:AuthnContext>'
        "<saml2:AuthnContextClassRef>http://eidas.europa.eu/LoA/high</saml2:AuthnContextClassRef>"
        "</saml2:AuthnContext></saml2:AuthnStatement>"}, "xml.cardinality"),
    "two-attribute-statements": (
        {"more_statements": '<saml2:AttributeStatement><saml2:Attribute Name="x"/></saml2:AttributeStatement>'},
        "xml.cardinality",
    ),
    "no-attribute-statement": ({"attribute_statement": " "}, "xml.cardinality"),
    "empty-attribute-statement": ({"attribute_statement": "<saml2:AttributeStatement/>"}, "xml.schema"),
    "authz-statement": (
        {"more_statements": '<saml2:AuthzDecisionStatement Resource="x" Decision="Permit">'
         '<saml2:Action Namespace="urn:x">x</saml2:Action></saml2:AuthzDecisionStatement>'},
        "saml.statement",
    ),
    # Status
    "status-missing": ({"status": None}, "xml.schema"),
    "status-unknown": ({"status": "urn:example:status"}, "saml.status"),
    "status-second-level-on-top": ({"status": STATUS + "AuthnFailed"}, "saml.status"),
    "status-case": ({"status": STATUS + "success"}, "saml.status"),
    "status-empty": ({"status": ""}, "saml.status"),
}  # fmt: skip


@pytest.mark.parametrize("name", CELLS)
def test_genuinely_signed_answer_that_breaks_one_rule_is_refused(exchange: Exchange, name: str) -> None:
    changes, reason = CELLS[name]
    reply_refused(exchange, reason, **changes)


@pytest.mark.parametrize(
    "name", [name for name in CELLS if name.startswith(("assertion", "audience", "confirm", "not"))]
)
def test_signed_assertion_changes_nothing_about_it(exchange: Exchange, name: str) -> None:
    changes, reason = CELLS[name]
    reasons = {reason} if isinstance(reason, str) else reason
    if "issuer" in name:
        reasons |= {"saml.structure"}  # the signature has no Issuer to stand behind
    reply_refused(exchange, reasons, sign_assertion=True, **changes)


EDGES: dict[str, dict[str, object]] = {
    "issue-instant-just-old-enough": {"issue_instant": at(minutes=-5)},
    "issue-instant-just-early": {"issue_instant": at(minutes=5)},
    "not-before-within-skew": {"not_before": at(seconds=60)},
    "expired-within-skew": {"not_before": at(minutes=-5), "not_on_or_after": at(seconds=-59)},
    "window-of-15-minutes": {"not_on_or_after": at(minutes=15)},
    "authn-instant-within-skew": {"authn_instant": at(seconds=-60)},
    "session-still-on": {"session_not_on_or_after": at(minutes=30)},
    "two-restrictions-both-ours": {"more_conditions": audience_restriction("https://other.example", US)},
    "one-time-use": {"more_conditions": "<saml2:OneTimeUse/>"},
    "proxy-restriction-that-allows": {"more_conditions": '<saml2:ProxyRestriction Count="2"/>'},
    "proxy-restriction-huge": {"more_conditions": f'<saml2:ProxyRestriction Count="{"9" * 6_000}"/>'},
    "proxy-restriction-without-count": {"more_conditions": "<saml2:ProxyRestriction/>"},
    "address-of-the-browser": {"confirmation_address": "192.0.2.1"},
    "issuer-without-format": {"issuer_attributes": ""},
    "pretty-audience": {"audience": f"\n   {US}\n  "},
    "pretty-level": {"authn_context": "\n http://eidas.europa.eu/LoA/high\n"},
}


@pytest.mark.parametrize("name", EDGES)
def test_answer_on_the_right_side_of_the_edge_is_accepted(exchange: Exchange, name: str) -> None:
    assert exchange.finish(exchange.reply(**EDGES[name]).octets()).identity.source.country == "GR"


def test_one_good_bearer_among_others_is_enough(exchange: Exchange) -> None:
    """saml-profiles §4.1.4.2: at least one."""
    good = confirmation(Recipient=ACS, InResponseTo=exchange.request.id, NotOnOrAfter=at(minutes=5))
    bad = [
        confirmation(method="urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"),
        confirmation(Recipient="https://other.example", NotOnOrAfter=at(minutes=5)),
        f'<saml2:SubjectConfirmation Method="{BEARER}"/>',
    ]
    octets = exchange.reply(subject_confirmation="".join(bad) + good).octets()
    assert exchange.finish(octets).identity.source.country == "GR"


def test_two_half_good_bearers_do_not_add_up(exchange: Exchange) -> None:
    halves = confirmation(Recipient=ACS, NotOnOrAfter=at(minutes=5)) + confirmation(
        InResponseTo=exchange.request.id, NotOnOrAfter=at(minutes=5)
    )
    reply_refused(
        exchange, {"saml.recipient", "saml.subject-confirmation.in-response-to"}, subject_confirmation=halves
    )


FAILURES: list[tuple[str, str | None, type[ConnectorError], str]] = [
    ("Requester", "RequestDenied", Cancelled, "saml.status.Requester.RequestDenied"),
    ("Responder", "AuthnFailed", AuthenticationFailed, "saml.status.Responder.AuthnFailed"),
    ("Responder", "NoAuthnContext", LevelNotReached, "saml.status.Responder.NoAuthnContext"),
    ("Responder", "InvalidNameIDPolicy", PeerRefused, "saml.status.Responder.InvalidNameIDPolicy"),
    ("VersionMismatch", None, PeerRefused, "saml.status.VersionMismatch"),
    ("Responder", "not a word <", PeerRefused, "saml.status.Responder.other"),
]


@pytest.mark.parametrize(("top", "second", "kind", "reason"), FAILURES)
@pytest.mark.parametrize("enclosed", ["nothing", "plain", "encrypted"])
def test_failure_is_reported_and_its_content_unused(
    exchange: Exchange, top: str, second: str | None, kind: type[ConnectorError], reason: str, enclosed: str
) -> None:
    """eidas.md §3.1 number 8, §13 number 15: nodes do send assertions with failures."""

    def enclose(root: etree._Element) -> None:
        if enclosed != "nothing":
            root.append(exchange.reply(encrypted=enclosed == "encrypted").enclosed())

    octets = exchange.reply(
        status=STATUS + top,
        second_status=None if second is None else (STATUS + second).replace("<", "&lt;"),
        status_message="Papadopoulou said no",
        edit_response=enclose,
    ).octets()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trust.keys.InMemoryKey.decrypt_oaep", lambda *_, **__: pytest.fail("content was used"))
        refused(lambda: exchange.finish(octets), reason, kind)


def test_failure_must_be_signed_too(exchange: Exchange) -> None:
    """Otherwise anybody could end a login in the citizen's name."""
    reply_refused(exchange, "signature.missing", status=STATUS + "Responder", sign_response=False)


def test_failure_for_another_request_is_refused(exchange: Exchange) -> None:
    reply_refused(exchange, "saml.in-response-to", status=STATUS + "Responder", in_response_to="_other")


DATES = [
    "2026-11-23", "2026-11-23T12:00", "2026-11-23 12:00:00Z", "20261123T120000Z", "2026-W48-1T12:00:00Z",
    "2026-11-23T12:00:00+0000", "2026-11-23T12:00:00z", "10000-11-23T12:00:00Z", "-2026-11-23T12:00:00Z",
    "2026-11-23T25:00:00Z", "2026-02-30T12:00:00Z", "2026-11-23T12:00:60Z", "now", "0", "\u0662\u0660\u0662\u0666-11-23T12:00:00Z",
    "2026-11-23T12:00:00+99:00", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00",
    "2026-11-23T12:00:00,5Z", "2026-11-23T12:00:00." + "0" * 400 + "Z",
]  # fmt: skip


@pytest.mark.parametrize("text", DATES)
@pytest.mark.parametrize("field", ["issue_instant", "not_before", "not_on_or_after", "authn_instant", "confirmation_not_on_or_after"])  # fmt: skip
def test_time_that_is_no_usable_date_time_is_refused(exchange: Exchange, field: str, text: str) -> None:
    """Lexical forms that Python or libxml2 know and the other does not; years beyond our calendar."""
    octets = exchange.reply(**{field: text}).octets()
    with pytest.raises(InvalidAnswer) as caught:
        exchange.finish(octets)
    assert re.fullmatch(r"xml\.schema|saml\.[a-z.-]+", caught.value.reason)


SAME_MOMENT = [
    "2026-11-23T12:00:00Z", "2026-11-23T12:00:00", "2026-11-23T14:00:00+02:00", "2026-11-23T12:00:00.000000001Z",
    "2026-11-22T22:00:00-14:00", "2026-11-24T02:00:00+14:00", "2026-11-23T12:00:00.1234567Z",
]  # fmt: skip


@pytest.mark.parametrize("text", SAME_MOMENT)
def test_every_spelling_of_the_same_moment_is_accepted(exchange: Exchange, text: str) -> None:
    """saml-core §1.3.3: without a zone it is UTC."""
    octets = exchange.reply(issue_instant=text, not_before=text, authn_instant=text).octets()
    assert exchange.finish(octets).identity.source.authenticated_at.replace(microsecond=0) == NOW


def test_answer_after_the_deadline_is_refused(exchange: Exchange) -> None:
    late = exchange.pending.deadline + timedelta(seconds=1)
    octets = exchange.reply(now=late).octets()
    refused(lambda: exchange.finish(octets, now=late), "saml.deadline")


def test_answer_of_another_citizens_exchange_is_refused(exchange: Exchange) -> None:
    """security.md A.14: InResponseTo is compared with THIS browser's request."""
    other = begin(exchange.installed)
    octets = other.reply().octets()
    refused(lambda: exchange.finish(octets), "saml.in-response-to")
    assert other.finish(octets).identity.source.country == "GR"


def test_format_entity_is_the_only_issuer_format(exchange: Exchange) -> None:
    assert login(exchange.installed, issuer_attributes=f' Format="{ENTITY}"').identity.source.issuer == PEER
    assert exchange.request.root.findtext(f"{{{SAML}}}Issuer") == US
