"""The order of what is asked of metadata, and documents made to hurt (security.md D.2)."""

import tracemalloc
from datetime import timedelta

import pytest

from tests.trust.metadata_maker import (
    NOW,
    Node,
    aggregate,
    aggregate_policy,
    anchor,
    document,
    key_descriptor,
    policy,
    sign,
)
from trust import xml
from trust.anchors import MetadataLocation
from trust.errors import TrustError
from trust.metadata import MetadataDocument, MetadataRole
from trust.metadata_document import DocumentPolicy, verify_document

WANTED, OTHER = "https://wanted.se.example/", "https://other.se.example/"


def listed(**changes: object) -> DocumentPolicy:
    location = MetadataLocation(url="https://all.se.example/", aggregate=True, entity_ids=(WANTED,))
    return policy(anchor=anchor(metadata=location, **changes))


def broken_schema(text: str) -> str:
    return text.replace("<md:NameIDFormat>", "<md:Nonsense/><md:NameIDFormat>")


def without_role(text: str) -> str:
    return text.replace("urn:oasis:names:tc:SAML:2.0:protocol", "urn:mace:shibboleth:1.0")


def refusal(octets: bytes, rules: DocumentPolicy) -> str:
    with pytest.raises(TrustError) as caught:
        verify_document(octets, rules, now=NOW)
    return caught.value.reason


def test_signature_comes_before_everything_and_validity_before_any_entity() -> None:
    """SignatureValidation → RequiredValidUntil; then nothing of the document is looked at."""
    bad = broken_schema(Node(entity_id=OTHER).xml())
    ended = aggregate(bad, valid=timedelta(hours=-1))
    assert refusal(ended.encode(), listed()) == "signature.missing"
    assert refusal(sign(ended), listed()) == "metadata.expired"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda text: broken_schema(without_role(text)), "xml.schema"),
        (without_role, "entity.no-role"),
        (lambda text: text, "entity.not-listed"),
    ],
)
def test_entities_are_filtered_by_schema_then_role_then_whether_they_are_meant(spoil, reason: str) -> None:
    """Schema → EntityRole → Include: the first that does not fit is what is said."""
    octets = sign(
        aggregate(spoil(Node(entity_id=OTHER).xml()), Node(entity_id=WANTED, identifier="_2").xml())
    )
    found = verify_document(octets, listed(), now=NOW)
    assert [entity_id for entity_id, _ in found.peers] == [WANTED]
    assert [(dropped.entity_id, dropped.reason) for dropped in found.dropped] == [(OTHER, reason)]


def test_anchor_speaks_for_its_roles_only() -> None:
    """A source of identity providers introduces nobody who asks for logins."""
    octets = sign(document(Node(with_connector=True)))

    def roles(found: MetadataDocument) -> set[MetadataRole]:
        return {role for _, role in found.peers}

    assert roles(verify_document(octets, policy(), now=NOW)) == set(MetadataRole)
    only = policy(anchor=anchor(roles=("idp",)))
    assert roles(verify_document(octets, only, now=NOW)) == {MetadataRole.IDENTITY_PROVIDER}
    none = policy(anchor=anchor(roles=("sp",)))
    found = verify_document(sign(document()), none, now=NOW)
    assert [dropped.reason for dropped in found.dropped] == ["entity.no-role"]


POISON = {
    "no key": Node(entity_id=OTHER, keys=()).xml(),
    "key that is none": Node(entity_id=OTHER, keys=(key_descriptor(b"\x30\x80"),)).xml(),
    "other country": Node(entity_id=OTHER, country="XX").xml(),
    "ended": Node(entity_id=OTHER, valid_until=NOW).xml(),
    "unknown markup": broken_schema(Node(entity_id=OTHER).xml()),
    "thousand keys": Node(entity_id=OTHER, keys=(key_descriptor(b"x"),) * 1000).xml(),
    "script": Node(entity_id=OTHER, location="javascript:alert(1)").xml().replace("http://", "x://"),
    "long name": Node(entity_id="https://x/" + "a" * 2000).xml(),
}


@pytest.mark.parametrize("name", POISON)
def test_one_poisoned_entity_drops_alone(name: str) -> None:
    """design.md §3 invariant 10: the others of the aggregate serve logins."""
    good = [Node(entity_id=f"https://n{n}.se.example/", identifier=f"_g{n}").xml() for n in range(3)]
    octets = sign(aggregate(good[0], POISON[name], *good[1:]))
    found = verify_document(octets, aggregate_policy("SE"), now=NOW)
    assert sorted(entity_id for entity_id, _ in found.peers) == [
        f"https://n{n}.se.example/" for n in range(3)
    ]
    assert len(found.dropped) == 1


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"<x>" + b" " * 20_971_520, "xml.size"),
        (b"<" * 20_971_520, "xml.elements"),
        (b"<x>" + b"xmlns" * 4_000_000, "xml.namespaces"),
        (b"\xff" * 20_971_520, "xml.encoding"),
        (b"<!DOCTYPE x [" + b"&a;" * 6_900_000, "xml.doctype"),
    ],
    ids=["size", "elements", "namespaces", "encoding", "doctype"],
)
def test_twenty_megabytes_are_refused_before_there_is_a_tree(
    monkeypatch: pytest.MonkeyPatch, octets: bytes, reason: str
) -> None:
    """Never more than three times the document in memory, and no parser has seen it."""

    def parsed(_: bytes) -> None:
        raise AssertionError("a parser has seen it")

    monkeypatch.setattr(xml, "_parse", parsed)
    rules = aggregate_policy("SE")
    tracemalloc.start()
    try:
        assert refusal(octets, rules) == reason
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * 20_971_520
