"""What is asked of an account, for which service (bundid.md §1.5, §1.6, §2.2, §3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connectors.accounts import akdb, presentation
from connectors.accounts.asked import Asked
from connectors.accounts.attributes import BPK2, DOCUMENT_TYPE, EVALUATED, MAILBOX, AccountAttribute, Place
from connectors.accounts.presentation import Presentation
from connectors.accounts.profile import Profile
from connectors.accounts.settings import AccountSettings
from connectors.assurance import LevelOfAssurance
from connectors.contract import AuthenticationRequest, TokenSource
from connectors.errors import RequestNotPossible
from connectors.identity import PersonKind
from connectors.saml.request import AuthnRequest, Extension, new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A request ready to be signed, and what to hold its answer against."""

    message: AuthnRequest
    asked: Asked


def build(
    request: AuthenticationRequest,
    settings: AccountSettings,
    profile: Profile,
    *,
    acs_url: str,
    now: datetime,
    random: TokenSource,
) -> Prepared:
    """The request for ``request``; raises RequestNotPossible for what the account cannot serve."""
    person = one_person(request, profile)
    shown = presentation.of(request.service, settings)
    asked = Asked(
        request_id=new_id(random),
        requested_at=now,
        person=person,
        minimum=request.minimum,
        fields=fields(request, profile),
        required=request.required,
        methods=frozenset(methods(request.minimum, shown, settings, profile)),
        all_methods=_unrestricted(shown, settings, profile),
        guest=shown.guest and settings.guest_login,
    )
    return Prepared(
        asked=asked,
        message=AuthnRequest(
            id=asked.request_id,
            issued_at=now,
            issuer=settings.entity_id,
            issuer_format=None,
            name_id_format=profile.name_id_format,
            allow_create=profile.allow_create,
            comparison="minimum",
            authn_contexts=_references(request.minimum, profile),
            extensions=[_extension(request, asked, shown, profile)] if profile.extended else [],
            acs_url=acs_url,
        ),
    )


def one_person(request: AuthenticationRequest, profile: Profile) -> PersonKind:
    """The kind of person to ask for; raises RequestNotPossible ``account.person-…``."""
    if len(request.persons) != 1:
        raise RequestNotPossible("account.person-undecided")
    person = next(iter(request.persons))
    if person not in profile.persons:
        raise RequestNotPossible("account.person-not-offered", person.value)
    return person


def fields(request: AuthenticationRequest, profile: Profile) -> frozenset[str]:
    """What the service wants and the account has.

    Raises RequestNotPossible ``account.attribute-not-offered`` for something required.
    """
    missing = request.required - profile.fields
    if missing:
        raise RequestNotPossible("account.attribute-not-offered", ", ".join(sorted(missing)))
    return (request.required | request.optional | request.account_facts) & profile.fields


def methods(
    minimum: LevelOfAssurance, shown: Presentation, settings: AccountSettings, profile: Profile
) -> tuple[str, ...]:
    """The login methods to offer, in the order of the extension: allowed here and by the service,
    and able to reach the level.

    Raises RequestNotPossible ``account.method-unknown`` and ``account.methods-empty``.
    """
    if not profile.methods:
        return ()
    known = [method.name for method in profile.methods]
    unless_said = _usual(profile) if shown.methods is None else set(known)
    allowed = unless_said if settings.methods is None else set(settings.methods)
    chosen = allowed if shown.methods is None else set(shown.methods)
    unknown = (allowed | chosen) - set(known)
    if unknown:
        raise RequestNotPossible("account.method-unknown", ", ".join(sorted(unknown)))
    found = tuple(m.name for m in profile.methods if m.name in allowed & chosen and m.highest >= minimum)
    if not found:
        raise RequestNotPossible("account.methods-empty")
    return found


def _unrestricted(shown: Presentation, settings: AccountSettings, profile: Profile) -> bool:
    usual = _usual(profile)
    return all(names is None or set(names) >= usual for names in (settings.methods, shown.methods))


def _usual(profile: Profile) -> set[str]:
    """What the account offers when nobody chooses."""
    return {method.name for method in profile.methods if not method.unlisted}


def _references(minimum: LevelOfAssurance, profile: Profile) -> tuple[str, ...]:
    if not profile.references:
        return ()
    return (profile.references[minimum],)


def requested_attributes(asked: Asked, profile: Profile) -> tuple[akdb.RequestedAttribute, ...]:
    """Everything we evaluate and everything the service may have, nothing else.

    The pseudonym is required, which hides temporary login; a service that welcomes temporary logins
    gets none, nor the mailbox, whose request hides them too (interface description 9.2.1). At
    level 1 nothing else is required but the mailbox, because self-registered citizens may leave
    anything out (9.2).
    """
    found = [] if asked.guest else [akdb.RequestedAttribute(name=BPK2.name, required=True)]
    for attribute in profile.attributes:
        if attribute.place is Place.EVIDENCE or not _is_wanted(attribute, asked):
            continue
        if asked.guest and attribute is MAILBOX:
            continue
        lenient = asked.minimum is LevelOfAssurance.BASIC and attribute is not MAILBOX
        required = attribute.indispensable and not lenient and _field(attribute) in asked.required
        found.append(akdb.RequestedAttribute(name=attribute.name, required=required))
    found += [akdb.RequestedAttribute(name=attribute.name, required=False) for attribute in EVALUATED]
    return tuple(found)


def _is_wanted(attribute: AccountAttribute, asked: Asked) -> bool:
    # an empty nationality is read together with the kind of document
    return _field(attribute) in asked.fields or (
        attribute is DOCUMENT_TYPE and "nationalities" in asked.fields
    )


def _field(attribute: AccountAttribute) -> str:
    return {Place.ADDRESS: "address", Place.FACT: "company"}.get(attribute.place, attribute.field)


def _extension(
    request: AuthenticationRequest, asked: Asked, shown: Presentation, profile: Profile
) -> Extension:
    return akdb.AuthenticationRequest(
        methods=[method.name for method in profile.methods if method.name in asked.methods],
        attributes=requested_attributes(asked, profile),
        display=akdb.DisplayInformation(
            organization_display_name=presentation.display_name(shown, request.service, request.languages),
            online_service_id=shown.online_service_id,
            language=akdb.language(request.languages),
            purpose=shown.purpose,
            back_url=shown.back_url,
        ),
    ).extension()
