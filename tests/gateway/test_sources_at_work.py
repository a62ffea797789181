"""A running gateway proposes what a signed list says, and believes it when two people have signed (security.md D.3)."""

from __future__ import annotations

import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.bundle.objects import read_bundle
from tests.gateway.registry_bundle import keys
from tests.gateway.test_following import ANCHOR, Land, land
from tests.support.running_gateway import address, anyio_backend
from tests.trust.metadata_maker import issue, key, sign
from tests.trust.registry.people import ANNA, BERT
from tests.trust.test_servicelist import listed, location, territory
from trust.registry import ObjectKey
from trust.registry.diff import change_diff

__all__ = ["address", "anyio_backend", "keys", "land"]
pytestmark = pytest.mark.anyio

SOURCE = """
id = "nobid"
kind = "mdsl"
state = "active"
file = "var/list.xml"
certificates = ["registry/sources/nobid.crt"]
countries = ["GR"]
valid_from = 2026-01-01
valid_until = 2099-12-31
evidence = "file 1"
"""
NODE = "https://node.example/metadata"


def certificate(land: Land, name: str) -> bytes:
    now = land.clock().replace(hour=0, minute=0, second=0, microsecond=0)
    return issue(name, key(name), begin=now - timedelta(days=1), end=now + timedelta(days=30))


def publish(land: Land, *signers: str) -> None:
    """The list, issued now, with these signers of Greece's metadata."""
    now = land.clock()
    key_info = "".join(location(NODE, certificate(land, name)).partition(">")[2] for name in signers)
    place = f'<s:MetadataLocation Location="{NODE}">{key_info.replace("</s:MetadataLocation>", "")}'
    text = listed(
        territory("EL", f"{place}</s:MetadataLocation>"), issued=now, next_update=now + timedelta(days=7)
    )
    (land.directory / "var").mkdir(exist_ok=True)
    (land.directory / "var/list.xml").write_bytes(sign(text, key("lister"), (certificate(land, "lister"),)))


def put_source(land: Land) -> None:
    folder: Path = land.directory / "registry/sources"
    folder.mkdir()
    (folder / "nobid.toml").write_text(SOURCE, "utf-8")
    (folder / "nobid.crt").write_text(ssl.DER_cert_to_PEM_cert(certificate(land, "lister")), "utf-8")


async def turn(land: Land) -> None:
    """Each node's turn of the task; the lease lets only one of them work in life."""
    for node in land.nodes:
        await next(task for task in node.background.tasks if task.name == "sources").run()


async def test_new_signer_in_a_signed_list_is_believed_when_two_people_have_signed(land: Land) -> None:
    """Proposed once in the whole installation, checked as any change, in force on each node without a restart."""
    put_source(land)
    publish(land, "next")
    land.take_over()
    land.everywhere()
    await turn(land)
    fold = land.people.registry.follow()
    (proposal,) = fold.open_proposals()
    assert proposal.change.proposer == "source/nobid"
    shown = {line.path for found in change_diff(proposal.change, fold.state) for line in found.fields}
    assert any(path.endswith(": SHA-256 of the public key") for path in shown)
    land.everywhere()
    before = land.nodes[1].live.current.configuration.anchors["gr-node"].certificate
    land.people.approve(proposal.change, ANNA)
    land.everywhere()
    assert land.nodes[1].live.current.configuration.anchors["gr-node"].certificate == before
    land.people.approve(proposal.change, BERT)
    land.everywhere()
    for node in land.nodes:
        configuration = node.live.current.configuration
        named = configuration.anchors["gr-node"].certificate
        assert named is not None
        held = ssl.PEM_cert_to_DER_cert(configuration.path(named).read_text("utf-8"))
        assert held == certificate(land, "next")
    await turn(land)
    assert land.people.registry.follow().open_proposals() == ()


async def test_suspended_source_proposes_nothing(land: Land) -> None:
    """One person is enough to stop it."""
    put_source(land)
    publish(land, "next")
    land.take_over()
    land.people.suspend(ObjectKey.parse("source/nobid"))
    land.everywhere()
    await turn(land)
    assert land.people.registry.follow().open_proposals() == ()
    assert land.people.holds(ANCHOR) == read_bundle(land.directory).documents[ANCHOR]
