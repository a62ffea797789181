"""The AKDB request extension as the IdP reads it (IF 9 to 9.6).

A request that the real one answers with an error page, and with no SAML Response at all, ends
here in ``Stopped`` with the documented ``idp.code``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

from sandbox.accounts.accounts import Account
from sandbox.accounts.names import AKDB, CLASSIC_UI, OIDS
from sandbox.saml.names import tag

_OID = re.compile(r"urn:oid:[0-9]+(\.[0-9]+)+")
_PRIVATE = re.compile(r"urn:oid:akdb:[A-Za-z]+")
_MARKUP = re.compile(r"<\s*[A-Za-z/!]|&[A-Za-z#]")
LANGUAGES = ("de", "en", "ru", "uk")
DISPLAY_NAME_SHOWN = 50


class Stopped(Exception):
    """The browser ends on a page with ``idp.code``; the requester learns nothing.

    Codes that begin with ``sandbox-`` are ours: the real code is not public.
    """

    def __init__(self, code: str, rule: str) -> None:
        super().__init__(f"{code}: {rule}")
        self.code = code
        self.rule = rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One akdb:RequestedAttribute."""

    name: str
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """An akdb:AuthenticationRequest that is in order."""

    status_detail: bool
    methods: tuple[str, ...] | None
    """Allowed methods by element name; None when the request leaves the choice to the account."""
    attributes: tuple[Wanted, ...]
    display_name: str
    language: str
    back_url: str | None
    online_service_id: str

    def asks(self, friendly: str, *, required: bool = False) -> bool:
        """Whether an attribute is asked for (at all, or as required)."""
        return any(w.name == OIDS[friendly] and (w.required or not required) for w in self.attributes)


def read_extension(request: etree._Element, account: Account) -> Extension:
    """The extension of a verified AuthnRequest; raises Stopped."""
    found = request.findall(f"{tag('saml2p:Extensions')}/{{{AKDB}}}AuthenticationRequest")
    if not found:
        raise Stopped("akdb-extension-missing", "no akdb:AuthenticationRequest in samlp:Extensions")
    element = found[0]
    if element.get("Version") != "2":
        raise Stopped("akdb-extension-v1-deprecated", 'akdb:AuthenticationRequest is not Version="2"')
    methods = _methods(element)
    attributes = _attributes(element, account)
    version = element.find(f"{{{AKDB}}}DisplayInformation/{{{CLASSIC_UI}}}Version")
    display_name = _text(version, "OrganizationDisplayName")
    if not display_name:
        raise Stopped("organization-display-name-missing", "OrganizationDisplayName missing or empty")
    _purpose(version)
    language = _text(version, "Lang")
    return Extension(
        status_detail=element.get("EnableStatusDetail") == "true",
        methods=methods,
        attributes=attributes,
        display_name=display_name,
        language=language if language in LANGUAGES else "de",
        back_url=_text(version, "BackURL") or None,
        online_service_id=_online_service_id(version, account, methods),
    )


def _methods(element: etree._Element) -> tuple[str, ...] | None:
    listed = element.find(f"{{{AKDB}}}AuthnMethods")
    if listed is None:
        return None
    enabled = tuple(
        etree.QName(method).localname
        for method in listed.iterchildren(f"{{{AKDB}}}*")
        if (method.findtext(f"{{{AKDB}}}Enabled") or "true").strip() == "true"
    )
    if not enabled:
        raise Stopped("empty-authentication-methods", "AuthnMethods without a single enabled method")
    return enabled


def _attributes(element: etree._Element, account: Account) -> tuple[Wanted, ...]:
    listed = element.findall(f"{{{AKDB}}}RequestedAttributes/{{{AKDB}}}RequestedAttribute")
    if not listed:
        raise Stopped("requested-attributes-empty", "no akdb:RequestedAttribute")
    if not all(_is_name(attribute.get("Name") or "", account) for attribute in listed):
        raise Stopped("requested-attributes-missing-name", "Name missing or not of the form urn:oid:1.2.3")
    return tuple(
        Wanted(name=attribute.get("Name") or "", required=attribute.get("RequiredAttribute") == "true")
        for attribute in listed
    )


def _is_name(name: str, account: Account) -> bool:
    return bool(_OID.fullmatch(name) or (account.private_names and _PRIVATE.fullmatch(name)))


def _purpose(version: etree._Element | None) -> None:
    """Purpose is no longer shown, but markup in it is still refused."""
    purpose = None if version is None else version.find(f"{{{CLASSIC_UI}}}Purpose")
    if purpose is None:
        return
    if len(purpose) or _MARKUP.search(purpose.text or ""):
        raise Stopped("purpose-does-not-support-restricted-html", "Purpose holds markup")


def _online_service_id(
    version: etree._Element | None, account: Account, methods: tuple[str, ...] | None
) -> str:
    found = _text(version, "OnlineServiceId")
    if not found:
        raise Stopped("sandbox-online-service-id-missing", "OnlineServiceId missing or empty")
    if found in account.without_certificate and (methods is None or "eID" in methods):
        raise Stopped("missing-berca", "no authorisation certificate is stored for this OnlineServiceId")
    return found


def _text(version: etree._Element | None, name: str) -> str:
    found = None if version is None else version.findtext(f"{{{CLASSIC_UI}}}{name}")
    return (found or "").strip()
