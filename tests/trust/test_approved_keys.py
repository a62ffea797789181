"""Keys that two people have approved, against what signed metadata name (security.md D.1, D.7)."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from tests.trust.metadata_maker import (
    ENTITY_ID,
    NOW,
    Node,
    anchor,
    document,
    issue,
    key,
    key_descriptor,
    policy,
    sign,
)
from tests.trust.test_metadata_source import IDP, Shelf
from trust.anchors import KeyChanges, PinnedSigningKey
from trust.approved_keys import ApprovedKey, approved_keys
from trust.errors import MetadataError, VerificationError
from trust.metadata import PeerMetadata
from trust.metadata_document import DocumentPolicy
from trust.metadata_source import MetadataChange, MetadataSource
from trust.pinned import PinnedKey


def certificate(name: str) -> bytes:
    return issue(name, key(name))


def pinned(name: str) -> PinnedKey:
    return PinnedKey.from_certificate(certificate(name))


def published(*names: str) -> bytes:
    return sign(document(Node(keys=tuple(key_descriptor(certificate(name)) for name in names))))


def rules(*names: str, certificates: bool = True, **changes: object) -> DocumentPolicy:
    approved = tuple(
        ApprovedKey(
            entity_id=ENTITY_ID,
            sha256=pinned(name).fingerprint,
            key=pinned(name) if certificates else None,
        )
        for name in names
    )
    return policy(anchor=anchor(key_changes=KeyChanges.PROPOSE, **changes), approved=approved)


def peer(subject: MetadataSource) -> PeerMetadata:
    return subject.peer(ENTITY_ID, NOW, IDP)


def taken(octets: bytes, policy: DocumentPolicy) -> PeerMetadata:
    subject = MetadataSource(policy, read=Shelf(octets), started=NOW)
    subject.refresh(NOW)
    return peer(subject)


@pytest.mark.parametrize(
    ("approved", "named", "in_force", "pending", "alerts"),
    [
        (["old"], ["old"], ["old"], [], ()),
        (["old"], ["old", "new"], ["old"], ["new"], ("signing:key.not-approved",)),
        (["old"], ["new"], ["old"], ["new"], ("signing:key.none-approved", "signing:key.not-approved")),
        (["old", "new"], ["new"], ["new"], [], ()),
        (["old", "new"], ["old", "new"], ["old", "new"], [], ()),
        ([], ["old"], ["old"], ["old"], ("signing:key.not-pinned",)),
    ],
)
def test_new_keys_wait_and_running_logins_go_on(
    approved: Sequence[str],
    named: Sequence[str],
    in_force: Sequence[str],
    pending: Sequence[str],
    alerts: tuple[str, ...],
) -> None:
    """A key that the node withdraws is gone at once; one that it adds waits for two people."""
    found = taken(published(*named), rules(*approved))
    assert set(found.signing_keys) == {pinned(name) for name in in_force}
    assert set(found.pending_keys) == {pinned(name) for name in pending}
    assert found.alerts == alerts


def test_automatic_anchor_takes_new_keys_at_once() -> None:
    """The default: whoever may sign the metadata may say which keys the node has."""
    found = taken(published("new"), policy())
    assert found.signing_keys == (pinned("new"),)
    assert (found.pending_keys, found.alerts) == ((), ())


def test_without_a_certificate_only_the_metadata_show_the_key() -> None:
    """A fingerprint alone verifies nothing, so an entity that names none but others is dropped."""
    assert taken(published("old"), rules("old", certificates=False)).signing_keys == (pinned("old"),)
    subject = MetadataSource(rules("old", certificates=False), read=Shelf(published("new")), started=NOW)
    subject.refresh(NOW)
    with pytest.raises(MetadataError, match=r"entity\.signing-key"):
        peer(subject)


def test_old_keys_stay_in_force_after_a_restart(tmp_path: Path) -> None:
    """They follow from the anchor and the metadata, not from what a process remembers."""
    kept = tmp_path / "kept.xml"
    before = MetadataSource(rules("old"), read=Shelf(published("new")), kept=kept, started=NOW)
    before.refresh(NOW)
    after = MetadataSource(rules("old"), read=Shelf(), kept=kept, started=NOW)
    after.load(NOW)
    assert peer(after).signing_keys == peer(before).signing_keys == (pinned("old"),)


def test_waiting_key_is_announced() -> None:
    """The log says when a node came with other keys, whether or not they count."""
    heard: list[MetadataChange] = []
    shelf = Shelf(published("old"))
    subject = MetadataSource(rules("old"), read=shelf, announce=heard.append, started=NOW)
    subject.refresh(NOW)
    shelf.octets = published("new")
    subject.refresh(NOW + timedelta(minutes=5))
    assert [change.rekeyed for change in heard] == [(), (ENTITY_ID,)]


def test_pinned_certificate_must_hold_the_pinned_key() -> None:
    """What people compared is the fingerprint; the file beside it must be that key."""
    pin = PinnedSigningKey(
        entity_id=ENTITY_ID, sha256=pinned("old").fingerprint, certificate="registry/anchors/k.crt"
    )
    subject = anchor(key_changes=KeyChanges.PROPOSE, pinned=(pin,))
    (found,) = approved_keys(subject, {"registry/anchors/k.crt": certificate("old")})
    assert found.key == pinned("old")
    with pytest.raises(MetadataError, match="pinned-key"):
        approved_keys(subject, {"registry/anchors/k.crt": certificate("new")})
    with pytest.raises(VerificationError, match="unreadable"):
        approved_keys(subject, {"registry/anchors/k.crt": b"nothing"})


def test_another_process_of_this_host_announces_a_document_only_once(tmp_path: Path) -> None:
    """Workers share the directory of kept copies: kept means announced."""
    heard: list[MetadataChange] = []
    octets = published("old")
    workers = [
        MetadataSource(
            policy(), read=Shelf(octets), kept=tmp_path / "k.xml", announce=heard.append, started=NOW
        )
        for _ in range(3)
    ]
    for worker in workers:
        worker.refresh(NOW)
    assert len(heard) == 1
