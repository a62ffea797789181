"""Find what an account would answer with a page of its own, before a citizen does.

BundID refuses some requests without any Response: the citizen sees an error page whose address
holds ``idp.code=…`` and the journey never comes back (interface description 9.6). So the message is
read here exactly as it leaves, with the account's own codes; ``registration`` runs the same
checks over a registration, for ``check-config``. Codes without ``documented`` are ours.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlsplit

from pydantic import ValidationError

from connectors.accounts import presentation, profiles, request
from connectors.accounts.akdb import AKDB, CLASSIC_UI, LANGUAGES
from connectors.accounts.presentation import Presentation
from connectors.accounts.profile import Profile
from connectors.accounts.settings import AccountSettings
from connectors.assurance import LevelOfAssurance
from connectors.contract import AuthenticationRequest
from connectors.errors import RequestNotPossible
from trust.xml import DS, SAML, SAMLP, XML_WHITESPACE, Element, parse

_AKDB = "{" + AKDB + "}"
_CLASSIC_UI = "{" + CLASSIC_UI + "}"
_SAMLP = "{" + SAMLP + "}"
_SAML = "{" + SAML + "}"

_OID = re.compile(r"urn:oid:(?:[0-2](?:\.(?:0|[1-9][0-9]*))+|akdb:[A-Za-z]+)")
_NCNAME = re.compile(r"[A-Za-z_][\w.-]*")
_SERVICE_IDS = {"bundid": re.compile(r"BMI-[A-Z]?[0-9]{2,12}"), "akdb": re.compile(r"[0-9]{11}-DE")}
"""Forms seen in the descriptions, so another one is only worth a warning."""
_DISCONTINUED = frozenset({"urn:oid:1.2.40.0.10.2.1.1.149", "urn:oid:1.2.40.0.10.2.1.1.552244"})
_SHOWN_CHARACTERS = 50
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing an account would refuse (``error``) or show badly (``warning``)."""

    code: str
    severity: Literal["error", "warning"]
    path: str
    """Where in the message or the registration."""
    problem: str
    remedy: str
    documented: bool = False
    """``code`` is an ``idp.code`` of the account's error page."""


DOCUMENTED = {
    "akdb-extension-missing": ("the AKDB extension is missing", "send it; without it nothing is known about the service"),
    "akdb-extension-v1-deprecated": ("the extension is not version 2", "version 2 is mandatory"),
    "saml-request-not-signed": ("the request is not signed", "sign every request"),
    "purpose-does-not-support-restricted-html": ("the purpose holds markup", "write plain text, or leave purpose out"),
    "missing-berca": (
        "no certificate for the online ID card is stored at the account",
        "have it stored, then state it as authorisation_certificate; or leave eID out of methods",
    ),
    "requested-attributes-empty": ("no attribute is requested", "list at least one attribute"),
    "requested-attributes-missing-name": ("a requested attribute has no proper name", "use urn:oid: and the number, without blanks"),
    "empty-authentication-methods": ("no login method is left", "allow a method that reaches the level"),
    "organization-display-name-missing": ("the service has no display name", "set display_name"),
}  # fmt: skip


def message(octets: bytes, settings: AccountSettings, *, signed: bool | None = None) -> tuple[Finding, ...]:
    """Everything wrong with an AuthnRequest as it leaves.

    ``signed`` overrides the look for a signature (a dry run is not signed). An account without
    the extension has only the rules of SAML. Raises VerificationError if it is no XML at all.
    """
    root = parse(octets)
    return tuple(_message(root, settings, signed=signed))


def _message(root: Element, settings: AccountSettings, *, signed: bool | None) -> Iterator[Finding]:
    if not _NCNAME.fullmatch(root.get("ID") or ""):
        yield _error(
            "id-not-ncname", "AuthnRequest/@ID", "not an xs:ID", "begin it with a letter or underscore"
        )
    if not root.get("AssertionConsumerServiceURL"):
        yield _error(
            "acs-missing", "AuthnRequest/@AssertionConsumerServiceURL", "missing", "name where to answer"
        )
    is_signed = root.find("{" + DS + "}Signature") is not None if signed is None else signed
    if not is_signed:
        yield _documented("saml-request-not-signed", "AuthnRequest/Signature")
    if settings.profile not in {"bundid", "akdb"}:
        return
    yield from _context(root)
    extension = root.find(f"{_SAMLP}Extensions/{_AKDB}AuthenticationRequest")
    if extension is None:
        yield _documented("akdb-extension-missing", "AuthnRequest/Extensions")
        return
    if extension.get("Version") != "2":
        yield _documented("akdb-extension-v1-deprecated", "AuthenticationRequest/@Version")
    yield from _methods(extension)
    yield from _attributes(extension)
    yield from _display(extension, settings)


def _context(root: Element) -> Iterator[Finding]:
    context = root.find(f"{_SAMLP}RequestedAuthnContext")
    where = "RequestedAuthnContext"
    if context is None:
        yield _error("level-missing", where, "no level is asked for", "ask for a STORK level")
        return
    if context.get("Comparison") != "minimum":
        yield _error("comparison", where, "only minimum is supported", 'use Comparison="minimum"')
    references = [_text(e) for e in context.findall(f"{_SAML}AuthnContextClassRef")]
    if len(references) != 1 or not re.fullmatch(r"STORK-QAA-Level-[1-4]", references[0]):
        yield _error("level-unknown", where, "not one STORK level", "one of STORK-QAA-Level-1, 3 and 4")


def _methods(extension: Element) -> Iterator[Finding]:
    container = extension.find(_AKDB + "AuthnMethods")
    if container is None:
        return  # the account then offers everything it has
    enabled = [method for method in container if _text(method.find(_AKDB + "Enabled")) in {"", "true"}]
    if not enabled:
        yield _documented("empty-authentication-methods", "AuthnMethods")


def _attributes(extension: Element) -> Iterator[Finding]:
    found = extension.findall(f"{_AKDB}RequestedAttributes/{_AKDB}RequestedAttribute")
    if not found:
        yield _documented("requested-attributes-empty", "RequestedAttributes")
    for attribute in found:
        name = attribute.get("Name") or ""
        if not _OID.fullmatch(name):
            yield _documented("requested-attributes-missing-name", "RequestedAttribute/@Name")
        elif name in _DISCONTINUED and attribute.get("RequiredAttribute") == "true":
            yield _error(
                "attribute-discontinued", "RequestedAttribute", "required, but no longer served", "drop it"
            )
    names = [attribute.get("Name") for attribute in found]
    if len(set(names)) != len(names):
        yield _error("attribute-twice", "RequestedAttributes", "one attribute twice", "list each once")


def _display(extension: Element, settings: AccountSettings) -> Iterator[Finding]:
    version = extension.find(f"{_AKDB}DisplayInformation/{_CLASSIC_UI}Version")
    texts = {} if version is None else {str(e.tag).removeprefix(_CLASSIC_UI): _text(e) for e in version}
    name = texts.get("OrganizationDisplayName", "")
    if not name:
        yield _documented("organization-display-name-missing", "OrganizationDisplayName")
    elif len(name) > _SHOWN_CHARACTERS:
        yield _warning(
            "display-name-long", "OrganizationDisplayName", "cut above 50 characters", "shorten display_name"
        )
    if "<" in texts.get("Purpose", "") or re.search(r"&[a-zA-Z#]", texts.get("Purpose", "")):
        yield _documented("purpose-does-not-support-restricted-html", "Purpose")
    elif "Purpose" in texts:
        yield _warning("purpose-unused", "Purpose", "accepted, but shown to nobody", "leave purpose out")
    if texts.get("Lang", "de") not in LANGUAGES:
        yield _error("language-unknown", "Lang", "not one of de, en, ru, uk", "choose one of them")
    if "BackURL" in texts and not _is_safe(texts["BackURL"]):
        yield _error("back-url", "BackURL", "not an https URL without user and fragment", "correct back_url")
    service_id = texts.get("OnlineServiceId", "")
    if not service_id:
        yield _error(
            "online-service-id-missing",
            "OnlineServiceId",
            "missing",
            "set online_service_id as the account gave it",
        )
    elif not _SERVICE_IDS[settings.profile].fullmatch(service_id):
        yield _warning(
            "online-service-id-form", "OnlineServiceId", "unusual form", "compare with the registration"
        )


def registration(
    asked: AuthenticationRequest, settings: AccountSettings, *, issuer_url: str
) -> tuple[Finding, ...]:
    """Everything wrong with a service's registration at this account, for ``check-config``.

    ``asked`` is what the gateway would ask on the service's behalf at its lowest level. Nothing is
    sent; the message is built as at the start of a journey and read by ``message``.
    """
    return tuple(_registration(asked, settings, issuer_url))


def _registration(
    asked: AuthenticationRequest, settings: AccountSettings, issuer_url: str
) -> Iterator[Finding]:
    profile = profiles.of(settings)
    try:
        shown = presentation.of(asked.service, settings)
    except RequestNotPossible as error:
        cause = error.__cause__
        causes = cause.errors() if isinstance(cause, ValidationError) else []
        where = ", ".join(".".join(map(str, row["loc"])) for row in causes)
        yield _error("presentation", where, "not understood", "correct the section of this account")
        return
    yield from _advice(asked, shown, settings, profile)
    try:
        prepared = request.build(
            asked,
            settings,
            profile,
            acs_url=f"{issuer_url}/connectors/{settings.id}/acs",
            now=datetime.now(UTC),
            random=secrets.token_bytes,
        )
    except RequestNotPossible as error:
        yield _impossible(error)
        return
    yield from message(prepared.message.octets(settings.peer), settings, signed=True)


def _advice(
    asked: AuthenticationRequest, shown: Presentation, settings: AccountSettings, profile: Profile
) -> Iterator[Finding]:
    yield from certificate(asked.minimum, shown, settings, profile)
    if not profile.extended:
        return
    if shown.guest and "mailbox_handle" in asked.required | asked.account_facts:
        yield _error(
            "guest-mailbox", "guest", "temporary logins never have a mailbox", "drop guest, or the mailbox"
        )
    if asked.minimum is LevelOfAssurance.BASIC and asked.required - {"mailbox_handle"}:
        yield _warning(
            "required-at-level-1", "required", "self-registered citizens may leave anything out",
            "require nothing at level basic",
        )  # fmt: skip


def certificate(
    minimum: LevelOfAssurance, shown: Presentation, settings: AccountSettings, profile: Profile
) -> Iterator[Finding]:
    """``missing-berca``: a card method is offered, and nobody stated where its certificate is stored."""
    if settings.authorisation_certificate:
        return
    try:
        offered = request.methods(minimum, shown, settings, profile)
    except RequestNotPossible:
        return  # reported where the request is built
    if any(m.card for m in profile.methods if m.name in offered):
        yield _documented("missing-berca", "authorisation_certificate")


def require_clean(findings: tuple[Finding, ...]) -> None:
    """Raises RequestNotPossible ``account.request`` with the code of the first error."""
    for finding in findings:
        if finding.severity == "error":
            raise RequestNotPossible("account.request", f"{finding.code} {finding.path}".strip())


def _impossible(error: RequestNotPossible) -> Finding:
    if error.reason == "account.methods-empty":
        return _documented("empty-authentication-methods", "methods")
    return _error(
        error.reason.removeprefix("account."),
        error.detail,
        "not possible at this account",
        "correct the registration",
    )


def _is_safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    return (
        secure
        and bool(host)
        and not parts.username
        and not parts.fragment
        and url.isascii()
        and url.isprintable()
    )


def _text(element: Element | None) -> str:
    return "" if element is None else (element.text or "").strip(XML_WHITESPACE)


def _documented(code: str, where: str) -> Finding:
    problem, remedy = DOCUMENTED[code]
    return Finding(code=code, severity="error", path=where, problem=problem, remedy=remedy, documented=True)


def _error(code: str, where: str, problem: str, remedy: str) -> Finding:
    return Finding(code=code, severity="error", path=where, problem=problem, remedy=remedy)


def _warning(code: str, where: str, problem: str, remedy: str) -> Finding:
    return Finding(code=code, severity="warning", path=where, problem=problem, remedy=remedy)
