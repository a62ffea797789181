"""What the eIDAS profile puts into an AuthnRequest (message format 1.4 §2.3, §2.4; eidas.md §2)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from connectors.contract import AuthenticationRequest, TokenSource
from connectors.eidas import levels
from connectors.eidas.registry import NAME_FORMAT, SECTOR_ATTRIBUTES, Requestable, person_attributes
from connectors.eidas.settings import EIDASSettings, Role
from connectors.errors import RequestNotPossible
from connectors.identity import PersonKind
from connectors.saml.request import (
    NAME_ID_PERSISTENT,
    NAME_ID_TRANSIENT,
    NAME_ID_UNSPECIFIED,
    AuthnRequest,
    Extension,
    new_id,
)
from trust.metadata import PeerMetadata

EIDAS = "http://eidas.europa.eu/saml-extensions"
_NAME_ID_FORMATS = (NAME_ID_PERSISTENT, NAME_ID_UNSPECIFIED, NAME_ID_TRANSIENT)


def build(
    request: AuthenticationRequest,
    peer: PeerMetadata,
    settings: EIDASSettings,
    *,
    entity_id: str,
    attributes: tuple[Requestable, ...],
    skip_scoping: bool,
    now: datetime,
    random: TokenSource,
) -> AuthnRequest:
    """The request to ``peer``; raises RequestNotPossible for what the peer would refuse."""
    context = levels.request(
        request.minimum, accept_non_notified=request.accept_non_notified, published=peer.levels
    )
    require_service(request, peer, settings, skip_scoping=skip_scoping)
    in_extension = _in_extension(settings)
    extensions: list[Extension] = []
    if settings.sp_type == "request":
        extensions.append(Extension(namespace=EIDAS, tag="SPType", text=request.service.sector))
    if in_extension:
        extensions.append(_requester_id(request.service.requester_id))
    extensions.append(_requested(attributes))
    return AuthnRequest(
        id=new_id(random),
        issued_at=now,
        issuer=entity_id,
        name_id_format=_name_id_format(peer),
        comparison=context.comparison,
        authn_contexts=context.references,
        extensions=extensions,
        requester_id=None if skip_scoping or in_extension else request.service.requester_id,
    )


def require_service(
    request: AuthenticationRequest, peer: PeerMetadata, settings: EIDASSettings, *, skip_scoping: bool
) -> None:
    """Whether this service can be named to this peer; raises RequestNotPossible.

    SPType in our metadata speaks for every request, so only services of that sector may use it
    (message format §4.1); a private service must be named where the peer asks for it (§2.4.1).
    """
    sector = request.service.sector
    if settings.sp_type not in {"request", f"metadata-{sector}"}:
        raise RequestNotPossible("eidas.sp-type")
    if sector == "private" and peer.requester_id_required and skip_scoping and not _in_extension(settings):
        raise RequestNotPossible("eidas.requester-id")


def may_mix(peer: PeerMetadata) -> bool:
    """Whether natural- and legal-person attributes may stand in one request (message format §2.3.2).

    Format 1.4 forbids it; the editions before allowed it.
    """
    return not any(_edition(version) >= (1, 4) for version in peer.protocol_versions)


def _edition(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    return tuple(map(int, parts)) if all(p.isascii() and p.isdigit() for p in parts) else (1, 4)


def _in_extension(settings: EIDASSettings) -> bool:
    return settings.role is Role.NATIONAL and settings.national_requester_id == "extension"


def select(
    request: AuthenticationRequest, person: PersonKind, peer: PeerMetadata, *, mixed: bool
) -> tuple[Requestable, ...]:
    """The attributes to ask for: the whole minimum data set, and of the rest what is both wanted
    and published. Representative attributes are never requested (attribute profile §2.8).

    Raises RequestNotPossible when the peer does not publish something indispensable.
    """
    kinds = (person, *(k for k in PersonKind if mixed and k is not person))
    wanted = request.required | request.optional
    chosen: list[Requestable] = []
    unknown = request.required - {d.field for d in person_attributes(person)} - SECTOR_ATTRIBUTES.keys()
    if unknown:  # no node of any country has these
        raise RequestNotPossible("eidas.attribute-not-offered", ", ".join(sorted(unknown)))
    for definition in (d for kind in kinds for d in person_attributes(kind)):
        published = definition.uri in peer.supported_attributes
        own = definition.person is person
        if definition.mandatory:
            if not published and own:
                raise RequestNotPossible("eidas.person-not-offered", person.value)
            if published:
                chosen.append(definition)
        elif own and definition.field in wanted:
            if published:
                chosen.append(definition)
            elif definition.field in request.required:
                raise RequestNotPossible("eidas.attribute-not-offered", definition.friendly_name)
    for sector in SECTOR_ATTRIBUTES.values():
        if sector.uri in wanted and person in sector.persons and sector.uri in peer.supported_attributes:
            chosen.append(sector)
        elif sector.uri in request.required:
            raise RequestNotPossible("eidas.attribute-not-offered", sector.friendly_name)
    return tuple(chosen)


def _requested(attributes: Iterable[Requestable]) -> Extension:
    return Extension(
        namespace=EIDAS,
        tag="RequestedAttributes",
        children=[
            Extension(
                namespace=EIDAS,
                tag="RequestedAttribute",
                attributes={
                    "Name": definition.uri,
                    "NameFormat": NAME_FORMAT,
                    "FriendlyName": definition.friendly_name,
                    "isRequired": "true" if definition.mandatory else "false",
                },
            )
            for definition in attributes
        ],
    )


def _requester_id(value: str) -> Extension:
    return Extension(namespace=EIDAS, tag="RequesterID", text=value)


def _name_id_format(peer: PeerMetadata) -> str:
    for name_id_format in _NAME_ID_FORMATS:
        if name_id_format in peer.name_id_formats:
            return name_id_format
    # a peer that publishes none must support all three (message format §2.2)
    return _NAME_ID_FORMATS[1] if peer.name_id_formats else _NAME_ID_FORMATS[0]
