"""Whom a suspended anchor or source has vouched for goes no further (security.md D.7; ADR 16)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.bundle import Configuration, load
from gateway.suspension import suspend
from gateway.withdrawn import Origin, SourceSuspended, Withdrawn
from tests.gateway.registry_bundle import directory, keys
from trust.registry import ObjectKey, ObjectKind, Suspension

__all__ = ["directory", "keys"]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def withdrawn(configuration: Configuration, kind: ObjectKind, name: str) -> Withdrawn:
    suspension = Suspension(change_hash="0" * 64, by=("anna",), since=NOW, review_due=None)
    return suspend(configuration, {ObjectKey(kind, name): suspension})[1]


def greek(at: datetime) -> Origin:
    return Origin(connector="eidas", country="GR", at=at)


@pytest.mark.parametrize("seconds", [-3600, 0, 9, 190], ids=["before", "then", "not yet told", "clock ahead"])
def test_whoever_was_identified_until_every_node_knew_goes_no_further(directory: Path, seconds: int) -> None:
    """Nodes follow within ten seconds, and it is the other side's clock that says when a person was identified."""
    found = withdrawn(load(directory), ObjectKind.ANCHOR, "gr-node")
    with pytest.raises(SourceSuspended):
        found.check(greek(NOW + timedelta(seconds=seconds)))


def test_whoever_is_identified_through_another_anchor_later_goes_on(directory: Path) -> None:
    withdrawn(load(directory), ObjectKind.ANCHOR, "gr-node").check(greek(NOW + timedelta(minutes=6)))


def test_a_new_anchor_for_the_country_brings_nobody_back_whom_the_old_one_vouched_for(
    directory: Path,
) -> None:
    """The country is given to another anchor while sessions through the suspended one are still kept."""
    before = load(directory)
    old = before.anchors["gr-node"]
    changed = replace(
        before,
        anchors={**before.anchors, "gr-new": old.model_copy(update={"id": "gr-new"})},
        countries=tuple(country.model_copy(update={"anchor": "gr-new"}) for country in before.countries),
    )
    found = withdrawn(changed, ObjectKind.ANCHOR, "gr-node")
    with pytest.raises(SourceSuspended):
        found.check(greek(NOW - timedelta(minutes=30)))
    found.check(Origin(connector="eidas", country="PL", at=NOW - timedelta(minutes=30)))
