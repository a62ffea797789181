"""Metadata query services, and asking only for what has changed (draft-young-md-query, RFC 9110 §13.1.2)."""

from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.trust.http_peer import HTTPPeer, body
from tests.trust.metadata_maker import ENTITY_ID, NOW, Node, anchor, document, policy, sign
from tests.trust.test_metadata_source import IDP, refusal
from trust.anchors import MetadataLocation
from trust.errors import MetadataError
from trust.fetch import FetchPolicy
from trust.metadata_source import MetadataSource, SourceState, source_for

MINUTES = timedelta(minutes=1)


@pytest.fixture
def peer() -> Iterator[HTTPPeer]:
    server = HTTPPeer()
    yield server
    server.close()


def made(peer: HTTPPeer, tmp_path: Path, **location: object) -> MetadataSource:
    where = {"mdq": peer.url(host="127.0.0.1", path="/q/"), "entity_ids": (ENTITY_ID,), **location}
    return source_for(
        policy(anchor=anchor(metadata=MetadataLocation.model_validate(where))),
        config_dir=tmp_path,
        keep_dir=tmp_path / "kept",
        fetch_policy=FetchPolicy(allow_http_loopback=True),
        started=NOW,
    )


class Tagged:
    """A service that knows entity tags, and remembers what it was told."""

    def __init__(self, octets: bytes, tag: str = '"1"') -> None:
        self.octets, self.tag = octets, tag
        self.told: list[str | None] = []

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        self.told.append(handler.headers["If-None-Match"])
        current = self.told[-1] == self.tag
        body(b"" if current else self.octets, status=304 if current else 200, ETag=self.tag)(handler)


@pytest.mark.parametrize(
    ("sha1", "path"),
    [
        (False, "/q/entities/https%3A%2F%2Fnode.eidas.se.example%2Fmetadata"),
        (True, "/q/entities/%7Bsha1%7D10823f821b2a7c74f4d94487581c045839d54a8e"),
    ],
)
def test_service_is_asked_for_one_entity(peer: HTTPPeer, tmp_path: Path, sha1: bool, path: str) -> None:
    """The identifier is percent-encoded in full; its hash for services that know nothing else."""
    peer.answer = body(sign(document()))
    subject = made(peer, tmp_path, mdq_sha1=sha1)
    subject.refresh(NOW)
    assert peer.asked == [path]
    assert subject.peer(ENTITY_ID, NOW, IDP).node_country == "SE"


def test_other_entity_than_asked_for_is_refused(peer: HTTPPeer, tmp_path: Path) -> None:
    """The service signs everybody's metadata: its signature alone says nothing about whose these are."""
    peer.answer = body(sign(document(Node(entity_id="https://other.se.example/metadata"))))
    assert refusal(made(peer, tmp_path), NOW) == "metadata.entity-id"


@pytest.mark.parametrize(
    "changes", [{"entity_ids": ()}, {"entity_ids": (ENTITY_ID, "urn:b")}, {"url": ENTITY_ID}]
)
def test_query_is_for_exactly_one_entity(peer: HTTPPeer, tmp_path: Path, changes: dict[str, object]) -> None:
    """Anything else is a mistake of the configuration."""
    with pytest.raises(MetadataError):
        made(peer, tmp_path, **changes)


def test_unchanged_metadata_are_not_sent_again(peer: HTTPPeer, tmp_path: Path) -> None:
    """The copy held is current and fresh; it lives no longer for that."""
    peer.answer = answer = Tagged(sign(document()))
    subject = made(peer, tmp_path)
    subject.refresh(NOW)
    until = subject.document(NOW).valid_until
    subject.refresh(NOW + 10 * MINUTES)
    assert answer.told == [None, '"1"']
    status = subject.status(NOW + 10 * MINUTES)
    assert (status.state, status.refreshed_at, status.valid_until) == (
        SourceState.OK,
        NOW + 10 * MINUTES,
        until,
    )
    assert refusal(subject, until) == "metadata.expired"


def test_refused_document_is_asked_for_again_in_full(peer: HTTPPeer, tmp_path: Path) -> None:
    """Else a peer that says *not modified* of a forgery would make the copy held look current."""
    good = sign(document())
    peer.answer = answer = Tagged(good)
    subject = made(peer, tmp_path)
    subject.refresh(NOW)
    answer.octets, answer.tag = good.replace(b"SE:node", b"SE:evil"), '"2"'
    assert refusal(subject, NOW) == "signature.invalid"
    assert refusal(subject, NOW) == "signature.invalid"
    assert answer.told == [None, '"1"', None]
    assert subject.status(NOW).state is SourceState.STALE


def test_nobody_who_holds_nothing_is_told_that_nothing_changed(peer: HTTPPeer, tmp_path: Path) -> None:
    """A 304 to a question without condition is no answer; neither are tags that could be more than tags."""
    peer.answer = body(b"", status=304)
    assert refusal(made(peer, tmp_path), NOW) == "fetch.redirect"
    for tag in ("unquoted", '"' + "x" * 600 + '"', '"a'):
        peer.answer = answer = Tagged(sign(document()), tag)
        subject = made(peer, tmp_path)
        subject.refresh(NOW)
        subject.refresh(NOW)
        assert answer.told == [None, None]
