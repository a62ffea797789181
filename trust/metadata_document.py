"""From octets to a verified ``MetadataDocument``: all of it, or a refusal (security.md D.2).

The order is part of the requirement: anchor active → octets parsed once, hardened → signature of
the document element by the anchor or by a signer with a path to it → only the canonical octets
that were signed are read on → ``validUntil`` → each entity for itself: schema → role → whether it is
one of those meant → whether its keys are approved. A document of one entity must be that of the
entity meant before anything else in it is looked at. The signature may name its parent by ``URI=""``, which the reference node writes, because it must be a direct
child of the document element.

A pinned file (eIDAS middleware) carries no signature: its SHA-256 is the trust, and its anchor's
dates bound it where it states no ``validUntil``.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import product
from types import MappingProxyType

from trust import xml
from trust.anchors import AnchorKind, TrustAnchor
from trust.approved_keys import ApprovedKey, hold_back
from trust.certificates import ChainMode, require_path
from trust.errors import MetadataError, TrustError, VerificationError
from trust.metadata import (
    DatedDeviation,
    DroppedEntity,
    MetadataDocument,
    MetadataRole,
    PeerMetadata,
    deviations_at,
)
from trust.metadata_entity import (
    ENTITIES_DESCRIPTOR,
    ENTITY_DESCRIPTOR,
    EntityPolicy,
    embedded_certificates,
    narrowed,
    read_entity,
)
from trust.schema_types import duration, instant
from trust.signatures import PinnedKey, verify_enveloped
from trust.xml import DS, MD, Element

_SIGNATURE = "{" + DS + "}Signature"
_KEY_INFO = "{" + DS + "}KeyInfo"
_PUBLICATION = "{" + MD + "}Extensions/{urn:oasis:names:tc:SAML:metadata:rpi}PublicationInfo"
_MAXIMUM_NESTING = 4
_OTHER_SIGNER = frozenset({"signature.invalid", "signature.algorithm", "certificate.usage"})
# a peer that states exactly the longest validity, with a clock slightly ahead of ours
_CLOCK_TOLERANCE = timedelta(minutes=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPolicy:
    """How one anchor's documents are believed."""

    anchor: TrustAnchor
    certificate: bytes | None = None
    """PEM or DER of the anchor, for kind ``metadata-signer``."""
    further: tuple[bytes, ...] = ()
    """Further signers, for a roll-over."""
    approved: tuple[ApprovedKey, ...] = ()
    """What the anchor pins, for ``key_changes = "propose"``."""
    deviations: tuple[DatedDeviation, ...] = ()
    """For the signature of the document only, never for messages of its entities."""
    chain_mode: ChainMode = ChainMode.DEFAULT
    country_required: bool = True
    """False for a national connector, whose metadata need not name a country."""
    allow_http_loopback: bool = False
    """Development: endpoints on ``http://localhost``."""
    maximum_bytes: int | None = None
    """Instead of 5 MiB for one entity and 20 MiB for an aggregate."""

    def __post_init__(self) -> None:
        location = self.anchor.metadata
        if self.anchor.kind is AnchorKind.METADATA_SIGNER and self.certificate is None:
            raise MetadataError("metadata.anchor-certificate", f"{self.anchor.id} has none")
        if self.anchor.kind is AnchorKind.PINNED_METADATA and self.anchor.metadata_sha256 is None:
            raise MetadataError("metadata.anchor-sha256", f"{self.anchor.id} has none")
        if not location.aggregate and not location.entity_ids:
            raise MetadataError("metadata.entity-ids", f"{self.anchor.id}: none, and no aggregate")

    @property
    def signers(self) -> tuple[bytes, ...]:
        """Certificates that sign documents, or stand above what signs them."""
        return (() if self.certificate is None else (self.certificate,)) + self.further

    @property
    def shape(self) -> xml.Shape:
        shape = xml.AGGREGATE if self.anchor.metadata.aggregate else xml.METADATA
        return shape if self.maximum_bytes is None else replace(shape, max_bytes=self.maximum_bytes)


def verify_document(octets: bytes, policy: DocumentPolicy, *, now: datetime) -> MetadataDocument:
    """Verify ``octets`` under ``policy`` and read every usable entity.

    Raises MetadataError ``metadata.*`` and VerificationError ``xml.*``, ``signature.*``,
    ``certificate.*``, ``key.*``; then nothing of the document may be used.
    """
    require_active(policy.anchor, now)
    root = _believe(octets, policy, now=now)
    _require_root(root, policy)
    stated = _require_validity(root, policy, now=now)
    end = anchor_end(policy.anchor)
    valid_until = end if stated is None else min(stated, end)
    peers, dropped = _read_all(root, policy, valid_until, now)
    return MetadataDocument(
        anchor=policy.anchor.id,
        sha256=hashlib.sha256(octets).hexdigest(),
        stated_valid_until=stated,
        valid_until=valid_until,
        created=_creation(root),
        cache_duration=_cache_duration(root),
        peers=MappingProxyType({(peer.entity_id, peer.role): peer for peer in peers}),
        dropped=tuple(dropped),
    )


def require_active(anchor: TrustAnchor, now: datetime) -> None:
    """Raises MetadataError ``metadata.anchor-inactive`` unless the anchor may verify at ``now``."""
    if not anchor.active_at(now):
        raise MetadataError("metadata.anchor-inactive", f"{anchor.id} is {anchor.state} or out of its dates")


def anchor_end(anchor: TrustAnchor) -> datetime:
    """The last instant at which the anchor verifies anything."""
    return datetime.combine(anchor.valid_until, time.max, UTC)


def _believe(octets: bytes, policy: DocumentPolicy, *, now: datetime) -> Element:
    """The root of the tree that may be read: canonical octets, re-parsed."""
    shape = policy.shape
    if policy.anchor.kind is AnchorKind.PINNED_METADATA:
        if len(octets) > shape.max_bytes:
            raise VerificationError("xml.size")
        digest = hashlib.sha256(octets).hexdigest()
        if not hmac.compare_digest(digest, policy.anchor.metadata_sha256 or ""):
            raise MetadataError("metadata.pinned-sha256", "the file is not the one that was approved")
        return xml.parse_canonical(xml.canonicalise(xml.parse(octets, shape)))
    return _verify(xml.parse(octets, shape), policy, now=now)


def _verify(root: Element, policy: DocumentPolicy, *, now: datetime) -> Element:
    deviations = deviations_at(policy.deviations, now)
    keys = own = [PinnedKey.from_certificate(certificate) for certificate in policy.signers]
    no_path: VerificationError | None = None
    hints = _embedded(root)
    # the order inside X509Data is free (xmldsig §4.4.4): each may be the signer's, below each anchor
    for hint, certificate in product(hints, policy.signers):
        try:
            key = PinnedKey.from_certificate(hint)
            if key in keys:
                continue
            require_path(hint, hints, certificate, now=now, mode=policy.chain_mode, deviations=deviations)
            keys = [*keys, key]
        except VerificationError as error:
            no_path = no_path or error
    try:
        return verify_enveloped(root, keys, now=now, allow_empty_uri=True, deviations=deviations)
    except VerificationError as error:
        if no_path is not None and keys is own and error.reason in _OTHER_SIGNER:
            raise no_path from error  # the better explanation: signed below the anchor, but no path
        raise


def _embedded(root: Element) -> tuple[bytes, ...]:
    """Certificates beside the signature: hints for a path, never trusted by themselves (A.9)."""
    signature = xml.optional_child(root, _SIGNATURE)
    return embedded_certificates(None if signature is None else xml.optional_child(signature, _KEY_INFO))


def _require_root(root: Element, policy: DocumentPolicy) -> None:
    location = policy.anchor.metadata
    if root.tag != (ENTITIES_DESCRIPTOR if location.aggregate else ENTITY_DESCRIPTOR):
        raise MetadataError("metadata.root", "not the kind of document this anchor is for")
    if not location.aggregate and root.get("entityID") not in location.entity_ids:
        raise MetadataError("metadata.entity-id", "not the configured one")


def _require_validity(root: Element, policy: DocumentPolicy, *, now: datetime) -> datetime | None:
    value = root.get("validUntil")
    pinned = policy.anchor.kind is AnchorKind.PINNED_METADATA
    if value is None:
        if pinned:
            return None
        raise MetadataError("metadata.valid-until", "missing")
    valid_until = instant(value)
    if valid_until <= now:
        raise MetadataError("metadata.expired")
    longest = timedelta(days=policy.anchor.metadata.max_valid_days)
    if not pinned and valid_until > now + longest + _CLOCK_TOLERANCE:
        raise MetadataError("metadata.valid-until", f"more than {longest.days} days ahead")
    return valid_until


def _creation(root: Element) -> datetime | None:
    value = root.find(_PUBLICATION)
    created = None if value is None else value.get("creationInstant")
    return None if created is None else instant(created)


def _cache_duration(root: Element) -> timedelta | None:
    """Only a hint about when to come back: unreadable counts as absent."""
    try:
        return duration(root.get("cacheDuration") or "")
    except VerificationError:
        return None


def _read_all(
    root: Element, policy: DocumentPolicy, valid_until: datetime, now: datetime
) -> tuple[list[PeerMetadata], list[DroppedEntity]]:
    entity_policy = EntityPolicy(
        anchor=policy.anchor.id,
        countries=frozenset("GR" if c == "EL" else c for c in policy.anchor.countries),
        country_required=policy.country_required,
        allow_http_loopback=policy.allow_http_loopback,
        now=now,
        roles=frozenset(MetadataRole(role) for role in policy.anchor.roles),
    )
    wanted = frozenset(policy.anchor.metadata.entity_ids)
    peers: list[PeerMetadata] = []
    dropped: list[DroppedEntity] = []
    for entity, until in _entities(root, valid_until, now, dropped):
        entity_id = entity.get("entityID") or ""
        good, bad = read_entity(entity, entity_policy, valid_until=until)
        dropped.extend(bad)
        if wanted and entity_id not in wanted:
            if good:
                dropped.append(DroppedEntity(entity_id=entity_id[:1024], reason="entity.not-listed"))
            continue
        for peer in good:
            try:
                peers.append(hold_back(peer, policy.anchor, policy.approved))
            except MetadataError as error:
                dropped.append(
                    DroppedEntity(entity_id=peer.entity_id, reason=error.reason, detail=error.detail)
                )
    counts = Counter((peer.entity_id, peer.role) for peer in peers)
    for (entity_id, role), count in counts.items():
        if count > 1:  # which of them is meant cannot be known, so none is
            dropped.append(DroppedEntity(entity_id=entity_id, reason="entity.duplicate", detail=role))
    return [peer for peer in peers if counts[peer.entity_id, peer.role] == 1], dropped


def _entities(
    root: Element, valid_until: datetime, now: datetime, dropped: list[DroppedEntity], depth: int = 0
) -> Iterator[tuple[Element, datetime]]:
    """Every EntityDescriptor with the validity its surroundings leave it."""
    if root.tag == ENTITY_DESCRIPTOR:
        yield root, valid_until
        return
    for group in root.findall(ENTITIES_DESCRIPTOR):
        try:
            if depth + 1 >= _MAXIMUM_NESTING:
                raise MetadataError("entity.nesting")
            until = narrowed(group, valid_until, now)
        except TrustError as error:
            dropped.append(
                DroppedEntity(entity_id=group.get("Name") or "", reason=error.reason, detail=error.detail)
            )
            continue
        yield from _entities(group, until, now, dropped, depth + 1)
    for entity in root.findall(ENTITY_DESCRIPTOR):
        yield entity, valid_until
