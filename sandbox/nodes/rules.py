"""The rules a node holds a verified AuthnRequest against (eidas.md §2, as the reference node
does). One function per rule, in the order of the message."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from lxml import etree

from sandbox.nodes import names as eidas
from sandbox.nodes.attributes import BY_URI, LEGAL_PERSON, NATURAL_PERSON, REPRESENTATIVE_URIS, AttributeName
from sandbox.nodes.countries import Country
from sandbox.nodes.request import Refused, Request
from sandbox.nodes.requester import Requester
from sandbox.saml import names as n
from sandbox.saml.names import tag
from sandbox.saml.request import Incoming

_NCNAME = re.compile(r"[A-Za-z_][A-Za-z0-9._-]{15,}")
_CONSENTS = frozenset(
    n.CONSENT + word
    for word in (
        "obtained", "prior", "current-implicit", "current-explicit", "unspecified", "unavailable",
        "inapplicable",
    )
)  # fmt: skip


def accept(
    element: etree._Element, requester: Requester, incoming: Incoming, node: Country, *, is_national: bool
) -> Request:
    """Apply every rule; raises Refused with the requester, so that the node can answer it."""
    try:
        return _accept(element, requester, incoming, node, is_national=is_national)
    except Refused as refusal:
        refusal.requester = requester
        refusal.in_response_to = element.get("ID")
        refusal.relay_state = incoming.relay_state
        raise


def _accept(
    element: etree._Element, requester: Requester, incoming: Incoming, node: Country, *, is_national: bool
) -> Request:
    _header(element, requester, incoming)
    sp_type = _sp_type(element, requester)
    attributes = _attributes(element, requester, node)
    requester_id = _requester_id(element, sp_type, node, is_national=is_national)
    comparison, levels = _levels(element, node)
    return Request(
        id=element.get("ID") or "",
        requester=requester,
        consumer=_consumer(element, requester),
        relay_state=incoming.relay_state,
        comparison=comparison,
        levels=levels,
        name_id_format=_name_id_format(element, node),
        attributes=attributes,
        requester_id=requester_id,
        provider_name=element.get("ProviderName"),
        sp_type=sp_type,
    )


def _refuse(number: str, rule: str, second: str | None = None) -> NoReturn:
    raise Refused(number, rule, second=second)


def _header(element: etree._Element, requester: Requester, incoming: Incoming) -> None:
    if not _NCNAME.fullmatch(element.get("ID") or ""):
        _refuse("203007", "ID must be an xs:ID that cannot be guessed")
    if element.get("Version") != "2.0":
        _refuse("203007", 'Version must be "2.0"')
    if element.get("Destination") != incoming.destination:
        _refuse("202002", "Destination must be the SingleSignOnService address of this node")
    if element.get("ForceAuthn") != "true":
        _refuse("202002", 'ForceAuthn must be "true" (MF 2.4.1)')
    if element.get("IsPassive") != "false":
        _refuse("202002", 'IsPassive must be present and "false"')
    consent = element.get("Consent")
    if consent is not None and consent not in _CONSENTS:
        _refuse("202002", "Consent is none of the SAML consent identifiers")
    if len(element.get("ProviderName") or "") > 128:
        _refuse("202002", "ProviderName longer than 128 characters")
    issuer = element.find(tag("saml2:Issuer"))
    if issuer is None or (issuer.text or "").strip() != requester.entity_id:
        _refuse("203007", "Issuer must be the metadata URL of the connector")
    if issuer.get("Format") not in (None, n.FORMAT_ENTITY):
        _refuse("203007", "Issuer Format must be entity")
    try:
        issued = datetime.fromisoformat(element.get("IssueInstant") or "")
    except ValueError:
        _refuse("203007", "IssueInstant must be xs:dateTime")
    if issued.tzinfo is None or abs(datetime.now(UTC) - issued) > timedelta(minutes=5):
        _refuse("202002", "IssueInstant must be UTC and not older than five minutes")


def _consumer(element: etree._Element, requester: Requester) -> str:
    named = element.get("AssertionConsumerServiceURL")
    if named is None:
        return requester.consumers[0]
    if named not in requester.consumers:
        _refuse("202002", "AssertionConsumerServiceURL is not in the connector's metadata")
    return named


def _sp_type(element: etree._Element, requester: Requester) -> str:
    found = [e.text or "" for e in element.iterfind(f"{tag('saml2p:Extensions')}/{tag('eidas:SPType')}")]
    if requester.sp_type is not None:
        if found:
            _refuse("202016", "SPType both in metadata and in the request")
        return requester.sp_type
    if not found:
        _refuse("202017", "SPType neither in metadata nor in the request")
    if len(found) > 1:
        _refuse("202016", "SPType more than once")
    if found[0] not in ("public", "private"):
        _refuse("000010", "SPType must be public or private")
    return found[0]


def _attributes(element: etree._Element, requester: Requester, node: Country) -> tuple[AttributeName, ...]:
    extensions = element.find(tag("saml2p:Extensions"))
    if extensions is None:
        _refuse("203007", "Extensions missing")
    if extensions.find(tag("eidas:NodeCountry")) is not None:
        _refuse("203007", "NodeCountry must not be in a request (MF 4.2)")
    asked = extensions.findall(f"{tag('eidas:RequestedAttributes')}/{tag('eidas:RequestedAttribute')}")
    if not asked:
        _refuse("202005", "no RequestedAttribute")
    uris = [a.get("Name") or "" for a in asked]
    for attribute in asked:
        if attribute.get("NameFormat") != n.NAME_FORMAT_URI:
            _refuse("202005", "RequestedAttribute NameFormat must be uri")
        known = BY_URI.get(attribute.get("Name") or "")
        required = attribute.get("isRequired")
        if required not in ("true", "false"):
            _refuse("202005", "RequestedAttribute without isRequired (MF 5.4)")
        if known is not None and known.mandatory != (required == "true"):
            _refuse("202005", f"isRequired wrong for {known.friendly} (MF 2.3.2)")
        friendly = attribute.get("FriendlyName")
        if known is not None and friendly is not None and friendly != known.friendly:
            _refuse("202005", f"FriendlyName does not belong to {known.uri}")
    if any(count > 1 for count in Counter(uris).values()):
        _refuse("202005", "an attribute is requested twice")
    if REPRESENTATIVE_URIS.intersection(uris):
        _refuse("203024", "representative attributes must not be requested (AP 2.8)")
    wanted = tuple(BY_URI[uri] for uri in uris if uri in BY_URI)
    persons = {a.person for a in wanted}
    mixing_allowed = node.mixed_requests or (
        bool(requester.protocol_versions) and max(requester.protocol_versions) < "1.4"
    )
    if len(persons) == 2 and not mixing_allowed:
        _refuse("202005", "natural and legal person attributes in one request (MF 1.4)")
    for person, table in (("natural", NATURAL_PERSON), ("legal", LEGAL_PERSON)):
        missing = {a.friendly for a in table if a.mandatory} - {a.friendly for a in wanted}
        if person in persons and missing:
            _refuse("000007", f"minimum data set incomplete: {', '.join(sorted(missing))}")
    if not persons.intersection(node.persons):
        _refuse("202005", "this node does not serve the requested kind of person")
    return wanted


def _requester_id(element: etree._Element, sp_type: str, node: Country, *, is_national: bool) -> str | None:
    scoping = element.find(tag("saml2p:Scoping"))
    if scoping is not None and node.refuses_scoping:
        _refuse("203001", "this node cannot process Scoping")
    found = [] if scoping is None else [e.text or "" for e in scoping.findall(tag("saml2p:RequesterID"))]
    if is_national:
        path = f"{tag('saml2p:Extensions')}/{tag('eidas:RequesterID')}"
        found += [e.text or "" for e in element.iterfind(path)]
        if not found:
            _refuse("202020", "RequesterID missing")
    if len(found) > 1:
        _refuse("200016", "more than one RequesterID")
    if not found:
        if node.requester_id_required and sp_type == "private":
            _refuse("202020", "RequesterID is required here for private services")
        return None
    if ":" not in found[0] or len(found[0]) > 1024:
        _refuse("200016", "RequesterID must be a URI of at most 1024 characters")
    return found[0]


def _name_id_format(element: etree._Element, node: Country) -> str | None:
    policy = element.find(tag("saml2p:NameIDPolicy"))
    if policy is None:
        return None
    if policy.get("AllowCreate") != "true":
        _refuse("202022", 'NameIDPolicy AllowCreate must be "true"', "InvalidNameIDPolicy")
    wanted = policy.get("Format")
    if wanted is not None and wanted not in node.formats:
        _refuse("202022", "NameIDPolicy Format is not published by this node", "InvalidNameIDPolicy")
    return wanted


def _levels(element: etree._Element, node: Country) -> tuple[str, tuple[str, ...]]:
    contexts = element.findall(tag("saml2p:RequestedAuthnContext"))
    if len(contexts) != 1:
        _refuse("202015", "exactly one RequestedAuthnContext")
    comparison = contexts[0].get("Comparison") or "exact"
    levels = tuple((r.text or "").strip() for r in contexts[0].findall(tag("saml2:AuthnContextClassRef")))
    notified = [eidas.level_uri(word) for word in eidas.LEVELS]
    if not levels or len(set(levels)) != len(levels):
        _refuse("202015", "AuthnContextClassRef missing or given twice")
    for level in levels:
        if level.lower().startswith(eidas.LOA_PREFIX.lower()) and level not in notified:
            _refuse("202015", "AuthnContextClassRef is no level of assurance (MF 3.1)")
    if comparison == "minimum":
        if len(levels) != 1 or levels[0] not in notified:
            _refuse("202015", "Comparison=minimum takes exactly one notified level")
        reachable = any(p in notified[notified.index(levels[0]) :] for p in node.published_levels)
    elif comparison == "exact":
        lowest = min((notified.index(x) for x in levels if x in notified), default=len(notified))
        if all(x in notified for x in levels):
            _refuse("202015", "Comparison=exact with notified levels only; use minimum")
        if set(notified[lowest:]) - set(levels):
            _refuse("202015", "a listed notified level needs all higher ones listed too")
        reachable = any(p in levels for p in node.published_levels)
    else:
        _refuse("202015", "Comparison must be minimum or exact")
    if not reachable:
        _refuse("000009", "this node does not offer the requested level", "NoAuthnContext")
    return comparison, levels
