"""A change says who can do what next: the signatures that are missing, the review of a suspension (issue 6, items 2
and 6; ux.md §11)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.admin.console import OLGA, VERA, Console
from tests.admin.test_changes import NEW, anchor
from tests.trust.registry.people import ANNA, BERT, GREECE
from trust.registry import ChangeClass, Edit, suspension_edits

pytestmark = pytest.mark.anyio


@pytest.fixture
def greece(console: Console) -> Console:
    """With the anchor of Greece in force."""
    console.put(GREECE, anchor())
    return console


async def said(console: Console, person: str, change: str) -> str:
    return (await (await console.sign_in(person)).get(f"/changes/{change}")).text


@pytest.mark.parametrize(
    ("proposer", "reader", "sentences"),
    [
        (ANNA, ANNA, ("Who can sign: B.Muster.", "now it is the turn of another person")),
        (ANNA, BERT, ("Who can sign: B.Muster.", "You can: approve further down")),
        (ANNA, OLGA, ("Who can sign: B.Muster.", "With your role you do not sign this")),
        (ANNA, VERA, ("Who can sign: B.Muster.", "With your role you do not sign this")),
        (OLGA, OLGA, ("Who can sign: A.Beispiel, B.Muster.", "now it is the turn of another person")),
        (OLGA, ANNA, ("Who can sign: A.Beispiel, B.Muster.", "You can: approve further down")),
    ],
)
async def test_everybody_is_told_who_can_sign_next(
    greece: Console, proposer: str, reader: str, sentences: tuple[str, ...]
) -> None:
    """Also whoever is offered no button."""
    change = greece.propose(proposer, ChangeClass.ORDINARY, [greece.edit(GREECE, anchor(NEW))])
    page = await said(greece, reader, change)
    assert "1 more signature is needed. Whoever has signed already cannot give it." in page
    for sentence in sentences:
        assert sentence in page


async def test_change_that_is_signed_or_refused_waits_for_nobody(greece: Console) -> None:
    change = greece.decide(greece.edit(GREECE, anchor(NEW)))
    page = await said(greece, ANNA, change)
    assert "more signature" not in page


async def test_proposal_that_its_source_has_withdrawn_is_shown_as_overtaken(greece: Console) -> None:
    """Whoever had its page open learns it, too."""
    change = greece.registry.draft(
        ChangeClass.ORDINARY,
        [greece.edit(GREECE, anchor(NEW))],
        reason="the list differs",
        evidence="signature verified",
        proposer="source/nobid",
        now=greece.clock(),
    )
    greece.registry.propose(change, now=greece.clock())
    browser = await greece.sign_in(BERT)
    page = await browser.get(f"/changes/{change.change_hash}")
    assert "2 more signatures are needed, each from a different person." in page.text
    greece.registry.withdraw(
        change.change_hash, reason="source/nobid says something else", now=greece.clock()
    )
    late = await browser.answer(page, greece.passkeys[BERT], action=f"/changes/{change.change_hash}/approve")
    assert (late.status_code, "The proposal is overtaken" in late.text) == (409, True)
    after = (await browser.get(f"/changes/{change.change_hash}")).text
    assert "overtaken" in after
    assert "source/nobid says something else" in after
    assert "/approve" not in after
    assert change.change_hash not in (await browser.get("/")).text
    assert "overtaken" in (await browser.get("/changes")).text


async def test_after_a_suspension_its_review_is_named_with_its_day_and_its_links(greece: Console) -> None:
    """One person has acted alone: that two look at it is the other half (security.md C)."""
    edits = suspension_edits(greece.registry.follow().state, [GREECE], suspended=True)
    change = greece.propose(OLGA, ChangeClass.SUSPENSION, edits)
    due = greece.clock() + timedelta(hours=72)
    page = await said(greece, OLGA, change)
    assert "A review is due" in page
    assert f'datetime="{due:%Y-%m-%dT%H:%M:%SZ}"' in page
    for step in ("review", "reactivate"):
        assert f'href="/objects/{GREECE}/{step}"' in page
    seen = await said(greece, VERA, change)
    assert "A review is due" in seen
    assert f"/objects/{GREECE}/review" not in seen
    greece.clock.now = due + timedelta(hours=1)
    assert "overdue since" in await said(greece, ANNA, change)


async def test_review_that_has_happened_is_not_asked_for_again(greece: Console) -> None:
    state = greece.registry.follow().state
    change = greece.propose(ANNA, ChangeClass.SUSPENSION, suspension_edits(state, [GREECE], suspended=True))
    confirmed: list[Edit] = suspension_edits(greece.registry.follow().state, [GREECE], suspended=True)
    greece.decide(*confirmed)
    assert "A review is due" not in await said(greece, ANNA, change)
