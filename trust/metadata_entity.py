"""One ``md:EntityDescriptor`` of a verified document, read into ``PeerMetadata``.

Each entity and each role stands alone: what is wrong with it drops it with a reason and touches
nothing else (design.md §3 invariant 10). Reasons are ``entity.*``; a certificate that cannot be
used costs the key, and the role only when no signing key is left.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from trust.algorithms import Deviation, require_key
from trust.errors import MetadataError, TrustError, VerificationError
from trust.metadata import (
    DroppedEntity,
    EncryptionKey,
    Endpoint,
    MetadataRole,
    PeerMetadata,
)
from trust.pinned import PinnedKey
from trust.schema_types import boolean, instant
from trust.schemas import validate
from trust.xml import DS, MD, SAML, SAMLP, Element, optional_child, text

_MD = "{" + MD + "}"
_DS = "{" + DS + "}"
_SAML = "{" + SAML + "}"
_ALG = "{urn:oasis:names:tc:SAML:metadata:algsupport}"
_MDATTR = "{urn:oasis:names:tc:SAML:metadata:attribute}"
_EIDAS = "{http://eidas.europa.eu/saml-extensions}"

ENTITY_DESCRIPTOR = _MD + "EntityDescriptor"
ENTITIES_DESCRIPTOR = _MD + "EntitiesDescriptor"

_PROTOCOL_VERSION = "http://eidas.europa.eu/entity-attributes/protocol-version"
_APPLICATION_IDENTIFIER = "http://eidas.europa.eu/entity-attributes/application-identifier"
_ASSURANCE = "urn:oasis:names:tc:SAML:attribute:assurance-certification"
_ENTITY_CATEGORY = "http://macedir.org/entity-category"

_ROLES = {
    MetadataRole.IDENTITY_PROVIDER: _MD + "IDPSSODescriptor",
    MetadataRole.SERVICE_PROVIDER: _MD + "SPSSODescriptor",
}
_LOCATION = re.compile(r"[!-\[\]-~]+")
"""Printable ASCII but for the backslash: of line breaks, tabs and backslashes browsers make another address."""
_ABSOLUTE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_MAXIMUM_KEYS = 20
# A key below the strict policy but within a possible dated exception is kept, and refused or
# accepted at the time of use; below that it is not even kept.
_KEY_FLOOR = frozenset({Deviation.RSA_2048})


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityPolicy:
    """What the anchor allows its entities."""

    anchor: str
    countries: frozenset[str]
    country_required: bool
    allow_http_loopback: bool
    now: datetime
    roles: frozenset[MetadataRole] = frozenset(MetadataRole)


def read_entity(
    entity: Element, policy: EntityPolicy, *, valid_until: datetime
) -> tuple[tuple[PeerMetadata, ...], tuple[DroppedEntity, ...]]:
    """Every usable role of ``entity``, and what was dropped.

    ``valid_until`` is the bound that the enclosing elements set. Raises nothing about content.
    """
    entity_id = entity.get("entityID") or ""
    try:
        # Never trimmed: a padded name is somebody else's, and whoever has registered it knows that (A.16).
        if not entity_id.strip() or entity_id != entity_id.strip() or len(entity_id) > 1024:
            raise MetadataError("entity.entity-id")
        validate(entity)
        until = narrowed(entity, valid_until, policy.now)
        attributes = _entity_attributes(entity)
    except (TrustError, ValueError) as error:
        return (), (_dropped(entity_id, error),)
    peers: list[PeerMetadata] = []
    dropped: list[DroppedEntity] = []
    for role, tag in _ROLES.items():
        if role not in policy.roles:
            continue
        descriptors = [
            e for e in entity.findall(tag) if SAMLP in (e.get("protocolSupportEnumeration") or "").split()
        ]
        if not descriptors:
            continue
        try:
            if len(descriptors) > 1:
                raise MetadataError("entity.role-ambiguous", role)
            peers.append(_read_role(entity, descriptors[0], role, attributes, policy, entity_id, until))
        except (TrustError, ValueError) as error:
            dropped.append(_dropped(entity_id, error))
    if not peers and not dropped:
        dropped.append(DroppedEntity(entity_id=entity_id, reason="entity.no-role"))
    return tuple(peers), tuple(dropped)


def narrowed(element: Element, valid_until: datetime, now: datetime) -> datetime:
    """The earlier of ``valid_until`` and the element's own ``validUntil``.

    Raises MetadataError ``entity.expired`` and VerificationError ``xml.datetime``.
    """
    stated = element.get("validUntil")
    if stated is None:
        return valid_until
    until = min(valid_until, instant(stated))
    if until <= now:
        raise MetadataError("entity.expired")
    return until


def _dropped(entity_id: str, error: TrustError | ValueError) -> DroppedEntity:
    if not isinstance(error, TrustError):  # from a parser of some value; its text would quote the value
        return DroppedEntity(entity_id=entity_id[:1024], reason="entity.malformed")
    return DroppedEntity(entity_id=entity_id[:1024], reason=error.reason, detail=error.detail)


def _read_role(
    entity: Element,
    descriptor: Element,
    role: MetadataRole,
    attributes: dict[str, tuple[str, ...]],
    policy: EntityPolicy,
    entity_id: str,
    valid_until: datetime,
) -> PeerMetadata:
    until = narrowed(descriptor, valid_until, policy.now)
    code = _node_code(descriptor)
    country = _require_country(code, policy)
    keys = _Keys(descriptor, policy.now)
    if not keys.signing:
        raise MetadataError("entity.signing-key", ", ".join(sorted(keys.alerts)))
    single_sign_on = _endpoints(descriptor, "SingleSignOnService", policy)
    consumers = _endpoints(descriptor, "AssertionConsumerService", policy)
    if not (single_sign_on if role is MetadataRole.IDENTITY_PROVIDER else consumers):
        raise MetadataError("entity.endpoint", "none usable")
    entity_extensions = optional_child(entity, _MD + "Extensions")
    sp_type = None
    if entity_extensions is not None:
        found = optional_child(entity_extensions, _EIDAS + "SPType")
        sp_type = text(found) if found is not None else None
    return PeerMetadata(
        entity_id=entity_id,
        role=role,
        anchor=policy.anchor,
        valid_until=until,
        node_country=country,
        node_code=code,
        protocol_versions=_split(attributes.get(_PROTOCOL_VERSION, ())),
        application_identifier=next(iter(attributes.get(_APPLICATION_IDENTIFIER, ())), None),
        levels=tuple(v for v in attributes.get(_ASSURANCE, ()) if _ABSOLUTE_URI.match(v)),
        entity_categories=attributes.get(_ENTITY_CATEGORY, ()),
        sp_type=sp_type,
        supported_attributes=frozenset(
            name for a in descriptor.findall(_SAML + "Attribute") if (name := a.get("Name"))
        ),
        name_id_formats=tuple(text(e) for e in descriptor.findall(_MD + "NameIDFormat")),
        single_sign_on=single_sign_on,
        assertion_consumers=consumers,
        want_authn_requests_signed=boolean(descriptor.get("WantAuthnRequestsSigned")) or False,
        signing_algorithms=_signing_algorithms(entity, descriptor),
        signing_keys=tuple(keys.signing),
        encryption_keys=tuple(keys.encryption),
        alerts=tuple(sorted(keys.alerts)),
    )


def _node_code(descriptor: Element) -> str | None:
    extensions = optional_child(descriptor, _MD + "Extensions")
    found = None if extensions is None else optional_child(extensions, _EIDAS + "NodeCountry")
    return None if found is None else text(found)


def _require_country(code: str | None, policy: EntityPolicy) -> str | None:
    """The ISO code, if the anchor may speak for it (Message Format §4.2: Greece writes ``EL``)."""
    if code is None:
        if policy.country_required:
            raise MetadataError("entity.country-missing")
        return None
    if len(code) != 2 or not code.isascii() or not code.isalpha() or not code.isupper():
        raise MetadataError("entity.country-malformed")
    country = "GR" if code == "EL" else code
    if country not in policy.countries:
        raise MetadataError("entity.country-not-covered", country)
    return country


def _endpoints(descriptor: Element, name: str, policy: EntityPolicy) -> tuple[Endpoint, ...]:
    """Endpoints with a location a browser may be sent to; others are left out."""
    found = []
    for element in descriptor.findall(_MD + name):
        binding, location = element.get("Binding"), (element.get("Location") or "").strip()
        if not binding or not _is_safe_location(location, policy):
            continue
        found.append(
            Endpoint(
                binding=binding,
                location=location,
                index=_index(element),
                is_default=boolean(element.get("isDefault")) or False,
            )
        )
    return tuple(found)


def _index(endpoint: Element) -> int | None:
    value = endpoint.get("index") or ""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else None


def _is_safe_location(location: str, policy: EntityPolicy) -> bool:
    try:
        parts = urlsplit(location)
        host = parts.hostname
    except ValueError:
        return False
    if not host or parts.username or parts.fragment or _LOCATION.fullmatch(location) is None:
        return False
    if parts.scheme == "http":
        return policy.allow_http_loopback and host in _LOOPBACK
    return parts.scheme == "https"


class _Keys:
    """The usable keys of one role descriptor, and the alerts about the others."""

    def __init__(self, descriptor: Element, now: datetime) -> None:
        self.signing: list[PinnedKey] = []
        self.encryption: list[EncryptionKey] = []
        self.alerts: set[str] = set()
        for element in descriptor.findall(_MD + "KeyDescriptor")[:_MAXIMUM_KEYS]:
            # Message Format §2.1.1 wants ``use``; a key for everything would defeat the
            # separation of signing and encryption (Cryptographic Requirements §3.5.2)
            use = element.get("use")
            if use not in {"signing", "encryption"}:
                self.alerts.add("key.use")
                continue
            try:
                self._add(element, use, now)
            except VerificationError as error:
                self.alerts.add(f"{use}:{error.reason}")
            except Exception:  # noqa: BLE001  whatever two ASN.1 parsers may throw costs this key only
                self.alerts.add(f"{use}:certificate.unreadable")

    def _add(self, element: Element, use: str, now: datetime) -> None:
        key = _key(element)
        require_key(key.public_key, deviations=_KEY_FLOOR)
        if use == "signing":
            key.require_may_sign()
        try:
            key.require_usable(now=now, deviations=frozenset())
        except VerificationError as error:
            self.alerts.add(f"{use}:{error.reason}")
        if use == "signing":
            if key not in self.signing:
                self.signing.append(key)
            return
        methods = (e.get("Algorithm") for e in element.findall(_MD + "EncryptionMethod"))
        self.encryption.append(EncryptionKey(key=key, methods=tuple(m for m in methods if m)))


def _key(descriptor: Element) -> PinnedKey:
    """The one key of a KeyDescriptor; several certificates must hold the same (metadata-iop §2.5.1)."""
    octets = embedded_certificates(optional_child(descriptor, _DS + "KeyInfo"))
    if not octets:
        raise VerificationError("certificate.missing")
    keys = [PinnedKey.from_certificate(der) for der in octets]
    if any(key != keys[0] for key in keys):
        raise VerificationError("key.ambiguous")
    return keys[0]


def embedded_certificates(key_info: Element | None) -> tuple[bytes, ...]:
    """DER of every ``X509Data/X509Certificate``, at most 16.

    Raises VerificationError ``certificate.unreadable`` for something that is not base64 of DER: a text that one
    parser takes for this certificate and another for that one is none.
    """
    if key_info is None:
        return ()
    found = []
    for element in key_info.findall(f"{_DS}X509Data/{_DS}X509Certificate")[:16]:
        try:
            octets = base64.b64decode("".join(text(element).split()), validate=True)
        except ValueError as error:
            raise VerificationError("certificate.unreadable") from error
        if octets[:1] != b"\x30":
            raise VerificationError("certificate.unreadable")
        found.append(octets)
    return tuple(found)


def _entity_attributes(entity: Element) -> dict[str, tuple[str, ...]]:
    extensions = optional_child(entity, _MD + "Extensions")
    if extensions is None:
        return {}
    collected: dict[str, list[str]] = {}
    for attribute in extensions.findall(f"{_MDATTR}EntityAttributes/{_SAML}Attribute"):
        values = collected.setdefault(attribute.get("Name") or "", [])
        for element in attribute.findall(_SAML + "AttributeValue"):
            value = text(element)
            if value and value not in values:
                values.append(value)
    return {name: tuple(values) for name, values in collected.items()}


def _split(values: tuple[str, ...]) -> tuple[str, ...]:
    """Protocol versions stand one per value, or joined by semicolons as node settings write them."""
    return tuple(part.strip() for value in values for part in value.split(";") if part.strip())


def _signing_algorithms(entity: Element, descriptor: Element) -> tuple[str, ...]:
    found: list[str] = []
    for parent in (descriptor, entity):
        for element in parent.findall(f"{_MD}Extensions/{_ALG}SigningMethod"):
            algorithm = element.get("Algorithm")
            if algorithm and algorithm not in found:
                found.append(algorithm)
    return tuple(found)
