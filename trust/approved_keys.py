"""Signing keys that two people have approved, against those that signed metadata name today.

With ``key_changes = "propose"`` (``trust.anchors``) new keys wait. What is in force follows from the anchor and
the metadata alone, so it is the same on every node and after every restart:

============================== ==================================================
the metadata name              in force
============================== ==================================================
approved keys, perhaps others  the approved ones among them: a key that the node
                               withdraws is gone at once, since trust only shrinks
none but others                the approved ones: running logins go on
============================== ==================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from trust.anchors import KeyChanges, TrustAnchor
from trust.errors import MetadataError
from trust.metadata import PeerMetadata
from trust.pinned import PinnedKey

PENDING = "signing:key.not-approved"
WITHDRAWN = "signing:key.none-approved"
UNPINNED = "signing:key.not-pinned"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedKey:
    """One entry of ``pinned``."""

    entity_id: str
    sha256: str
    key: PinnedKey | None = None
    """From its certificate; None: only the metadata show it."""


def approved_keys(anchor: TrustAnchor, certificates: Mapping[str, bytes]) -> tuple[ApprovedKey, ...]:
    """``pinned`` of ``anchor``; ``certificates`` by the names it uses.

    Raises MetadataError ``metadata.pinned-key`` when a certificate holds another key, VerificationError when
    it holds none.
    """
    found = []
    for pin in anchor.pinned:
        key = None if pin.certificate is None else PinnedKey.from_certificate(certificates[pin.certificate])
        if key is not None and key.fingerprint != pin.sha256:
            raise MetadataError("metadata.pinned-key", f"{pin.certificate} holds another key")
        found.append(ApprovedKey(entity_id=pin.entity_id, sha256=pin.sha256, key=key))
    return tuple(found)


def hold_back(peer: PeerMetadata, anchor: TrustAnchor, approved: Sequence[ApprovedKey]) -> PeerMetadata:
    """``peer`` with the signing keys that are in force, and the others as ``pending_keys``."""
    if anchor.key_changes is KeyChanges.AUTOMATIC:
        return peer
    own = [entry for entry in approved if entry.entity_id == peer.entity_id]
    if not own:
        return replace(peer, pending_keys=peer.signing_keys, alerts=_with(peer.alerts, UNPINNED))
    names = {entry.sha256 for entry in own}
    known = tuple(key for key in peer.signing_keys if key.fingerprint in names)
    pending = tuple(key for key in peer.signing_keys if key.fingerprint not in names)
    alerts = _with(peer.alerts, PENDING) if pending else peer.alerts
    if not known:
        known = tuple(entry.key for entry in own if entry.key is not None)
        alerts = _with(alerts, WITHDRAWN)
    if not known:
        raise MetadataError("entity.signing-key", "none of its keys is approved")
    return replace(peer, signing_keys=known, pending_keys=pending, alerts=alerts)


def _with(alerts: Iterable[str], word: str) -> tuple[str, ...]:
    return tuple(sorted({*alerts, word}))
