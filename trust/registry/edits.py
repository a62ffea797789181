"""The edits that lead from a state to what somebody wants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trust.registry.canonical import Document, canonical
from trust.registry.changes import Edit
from trust.registry.errors import ChangeRefused
from trust.registry.objects import ObjectKey, ObjectKind, State


def edits_towards(
    state: State, desired: Mapping[ObjectKey, Document], *, suspended: frozenset[ObjectKey] = frozenset()
) -> list[Edit]:
    """The edits that make ``state`` hold exactly ``desired`` (approvers apart). Suspensions stay as they are;
    objects that are new come suspended if they are among ``suspended``.
    """
    edits = []
    for key in sorted({*desired, *(key for key in state.objects if key.kind is not ObjectKind.APPROVER)}):
        now, after = state.objects.get(key), desired.get(key)
        if now is not None and after is not None and canonical(now.document) == canonical(after):
            continue
        edits.append(
            Edit(
                key=key,
                before=None if now is None else now.digest,
                after=after,
                suspended=after is not None and (key in suspended if now is None else now.suspended),
            )
        )
    return edits


def suspension_edits(state: State, keys: Iterable[ObjectKey], *, suspended: bool) -> list[Edit]:
    """The edits that suspend ``keys``, end their suspension, or confirm it; raises ChangeRefused."""
    edits = []
    for key in keys:
        now = state.objects.get(key)
        if now is None:
            raise ChangeRefused("registry.object", f"there is no {key}")
        edits.append(Edit(key=key, before=now.digest, after=now.document, suspended=suspended))
    return edits
