"""What we show an account: our metadata by its rules, and how it stands with the account's own.

The metadata are handed in through a portal and loaded by people (bundid.md §1.4): no ``ID``, no
``validUntil``, no signature, no algorithm hints, and the decryption key to come is in them already.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from connectors.accounts import profiles
from connectors.accounts.profile import Dialect, Profile
from connectors.accounts.settings import AccountSettings
from connectors.contract import PeerStatus, PublishedDocument
from connectors.saml import metadata
from connectors.saml.keys import SAMLKeys
from connectors.saml.request import NAME_ID_PERSISTENT, NAME_ID_TRANSIENT, Extension
from trust.errors import MetadataError
from trust.metadata_registry import MetadataRegistry
from trust.metadata_source import SourceState

_MDUI = "urn:oasis:names:tc:SAML:metadata:ui"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_MAX_AGE = 900


def document(
    settings: AccountSettings, profile: Profile, keys: SAMLKeys, *, acs_url: str, now: datetime
) -> PublishedDocument:
    """Our metadata for this account, the file that goes into its self-service portal."""
    description = describe(settings, profile, acs_url=acs_url)
    return PublishedDocument(
        name="metadata",
        content=metadata.build(description, keys, now=now, random=secrets.token_bytes),
        content_type=metadata.CONTENT_TYPE,
        max_age=_MAX_AGE,
    )


def own_metadata(settings: AccountSettings, keys: SAMLKeys, *, issuer_url: str) -> bytes:
    """The file for the account's self-service; the same octets as the published document."""
    acs_url = f"{issuer_url}/connectors/{settings.id}/acs"
    description = describe(settings, profiles.of(settings), acs_url=acs_url)
    return metadata.build(description, keys, now=datetime.now(UTC), random=secrets.token_bytes)


def describe(settings: AccountSettings, profile: Profile, *, acs_url: str) -> metadata.ServiceProvider:
    """What the document says; UIInfo and attributes only for accounts other than BundID, which
    takes both from each request."""
    name = settings.name.get("de", settings.organization_name)
    with_attributes = profile.name == "akdb"
    return metadata.ServiceProvider(
        entity_id=settings.entity_id,
        acs_url=acs_url,
        valid=timedelta(),
        organization_name=settings.organization_name,
        organization_url=settings.organization_url,
        contacts=[metadata.Contact(kind=c.kind, name=c.name, email=c.email) for c in settings.contacts],
        role_extensions=[_ui_info(settings)] if with_attributes else (),
        want_assertions_signed=profile.assertion_signature_required,
        hand_over=True,
        name_id_formats=(NAME_ID_TRANSIENT if profile.dialect is Dialect.OID else NAME_ID_PERSISTENT,),
        requested_attributes=metadata.RequestedAttributes(
            service_name=settings.organization_name,
            service_description=name,
            name_format=profile.name_format,
            attributes=[(a.name, a.friendly_name) for a in profile.attributes],
        )
        if with_attributes
        else None,
    )


def _ui_info(settings: AccountSettings) -> Extension:
    texts = (
        ("DisplayName", settings.organization_name),
        ("Description", settings.name.get("de", settings.id)),
    )
    return Extension(
        namespace=_MDUI,
        tag="UIInfo",
        children=[
            Extension(namespace=_MDUI, tag=tag, text=text, attributes={_LANG: "de"}) for tag, text in texts
        ],
    )


def peer_status(settings: AccountSettings, registry: MetadataRegistry, now: datetime) -> PeerStatus:
    """Can the account be used, until when, since when not."""
    source = next((s for s in registry.status(now) if s.anchor == settings.anchor), None)
    state = SourceState.DOWN if source is None else source.state
    reason: str | None = "metadata.unknown-anchor" if source is None else source.reason
    valid_until = None
    try:
        valid_until = registry.peer(settings.peer, now, anchor=settings.anchor).valid_until
    except MetadataError as error:
        state, reason = SourceState.DOWN, error.reason
    return PeerStatus(
        peer=settings.peer,
        country="DE",
        state=state.value,
        valid_until=valid_until,
        since=None if source is None else source.since,
        reason=reason,
        next_refresh=None if source is None else source.next_refresh,
    )
