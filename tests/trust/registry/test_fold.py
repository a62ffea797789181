"""What counts as in force (security.md D.7; issue 6, four eyes that cannot be bypassed from inside)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.trust.registry.people import ANNA, BERT, CLARA, CZECHIA, GREECE, NOW, People, document
from trust.log import migrate, open_database
from trust.registry import (
    Approver,
    ChangeClass,
    ChangeRefused,
    Decision,
    Ed25519Credential,
    Edit,
    EntryStore,
    ObjectKey,
    ObjectKind,
    Registry,
    RegistryBroken,
    RegistryRolledBack,
    RegistryUnavailable,
    Status,
    status,
)
from trust.registry.entries import TABLE, HeadMoved, _hash
from trust.registry.standing import Fold


def refused(reason: str):
    return pytest.raises(ChangeRefused, match=rf"^registry\.{reason}\b")


# -------------------------------------------------------------------------------- two people


def test_change_is_in_force_with_the_second_person(people: People) -> None:
    """D.7: the proposer's signature and another person's."""
    change = people.draft([people.edit(GREECE, document(state="active"))])
    assert people.propose(change).waiting is not None
    assert people.holds(GREECE) is None
    assert people.approve(change, BERT).waiting is None
    assert people.holds(GREECE) == document(state="active")


def test_proposer_cannot_be_the_second_person(people: People) -> None:
    change = people.draft([people.edit(GREECE, document())])
    people.propose(change)
    with refused("same-person"):
        people.approve(change, ANNA)
    assert people.holds(GREECE) is None


def test_name_of_a_proposer_without_signature_counts_for_nobody(people: People) -> None:
    """Whoever writes rows can write any name: with Anna named and not signed, Bert is one person."""
    change = people.draft([people.edit(GREECE, document())], proposer=ANNA)
    people.propose(change, by=None)
    assert people.approve(change, BERT).waiting is not None
    assert people.approve(change, CLARA).waiting is None


def test_signature_of_another_change_is_refused(people: People) -> None:
    """What was approved is octet for octet what is activated."""
    change = people.draft([people.edit(GREECE, document(state="active"))])
    other = people.draft([people.edit(GREECE, document(state="revoked"))])
    people.propose(change)
    people.propose(other)
    swapped = replace(people.signed(other.change_hash, BERT), change=change.change_hash)
    with refused("signature"):
        people.registry.approve(swapped, now=people.now)


def test_signature_by_a_stranger_is_refused(people: People) -> None:
    change = people.draft([people.edit(GREECE, document())])
    people.propose(change)
    people.keys["m.fremd"] = Ed25519PrivateKey.generate()
    with refused("approver"):
        people.approve(change, "m.fremd")
    people.keys[BERT] = people.keys["m.fremd"]
    with refused("signature"):
        people.approve(change, BERT)


def test_rejection_ends_a_proposal_and_is_no_approval(people: People) -> None:
    change = people.draft([people.edit(GREECE, document())])
    people.propose(change)
    with refused("unknown"):
        people.registry.approve(people.signed(change.change_hash, BERT, Decision.REJECT), now=people.now)
    rejection = people.signed(change.change_hash, BERT, Decision.REJECT)
    with refused("signature"):  # an approval cannot be relabelled either
        people.registry.reject(
            replace(people.signed(change.change_hash, BERT), decision=Decision.REJECT),
            reason="no", now=people.now,
        )  # fmt: skip
    people.registry.reject(rejection, reason="fingerprint differs", now=people.now)
    with refused("rejected"):
        people.approve(change, CLARA)
    proposal = people.registry.known.proposals[change.change_hash]
    assert (proposal.rejected_by, proposal.closed_at) == (BERT, people.now)
    assert proposal.signed_at == {ANNA: people.now}


def test_two_people_approve_at_once(people: People) -> None:
    """Both on nodes of their own: the change is activated once, and nobody's node ignores an entry."""
    change = people.draft([people.edit(GREECE, document())])
    people.propose(change, by=None)
    start = Barrier(3)

    def approve(name: str) -> str:
        node = people.node()
        approval = people.signed(change.change_hash, name)
        start.wait()
        try:
            node.approve(approval, now=people.now)
        except ChangeRefused as late:
            return late.reason
        return "signed"

    with ThreadPoolExecutor() as pool:
        results = list(pool.map(approve, (ANNA, BERT, CLARA)))
    fold = people.registry.follow()
    assert sorted(results) == ["registry.activated", "signed", "signed"]
    assert fold.ignored == ()
    assert people.holds(GREECE) == document()
    with people.engine.connect() as connection:
        count = sa.select(sa.func.count()).where(TABLE.c.type == "change-activated")
        assert connection.execute(count).scalar_one() == 2  # bootstrap and this one


def test_many_nodes_write_at_once(people: People) -> None:
    """Nothing is lost, nothing is ignored, and each ends with the same state."""
    nodes = [people.node() for _ in range(6)]
    start = Barrier(len(nodes))

    def work(number: int) -> None:
        node = nodes[number]
        node.follow()
        edit = Edit(
            key=ObjectKey(ObjectKind.CLIENT, f"c{number}"), before=None, after=document(number=number)
        )
        change = node.draft(
            ChangeClass.ORDINARY, [edit], reason="because", evidence="", proposer=ANNA, now=people.now
        )
        start.wait()
        node.propose(change, approval=people.signed(change.change_hash, ANNA), now=people.now)
        assert node.approve(people.signed(change.change_hash, BERT), now=people.now).waiting is None

    with ThreadPoolExecutor(len(nodes)) as pool:
        list(pool.map(work, range(len(nodes))))
    folds = [node.follow() for node in nodes]
    assert {fold.state.state_hash for fold in folds} == {people.state.state_hash}
    assert len(people.state.keys(ObjectKind.CLIENT)) == len(nodes)
    assert people.registry.known.ignored == ()


# -------------------------------------------------------------------------------- classes


def test_one_person_suspends_and_a_review_is_due(people: People) -> None:
    """D.7: takes one person, in force at once."""
    people.put(GREECE, document())
    assert people.suspend(GREECE).waiting is None
    fold = people.registry.follow()
    assert fold.state.suspended == {GREECE}
    suspension = fold.suspensions[GREECE]
    assert (suspension.by, suspension.review_due) == ((ANNA,), people.now + timedelta(hours=72))


def test_suspension_needs_its_person(people: People) -> None:
    people.put(GREECE, document())
    assert people.suspend(GREECE, by=None).waiting is not None
    assert people.state.suspended == frozenset()


def test_suspension_waits_for_no_sound_configuration(people: People) -> None:
    people.put(GREECE, document())
    people.invalid = ["country GR has no anchor"]
    assert people.suspend(GREECE).waiting is None


def test_two_people_end_a_suspension(people: People) -> None:
    people.put(GREECE, document())
    people.suspend(GREECE)
    change = people.toggle(ChangeClass.REACTIVATION, GREECE, suspended=False)
    people.propose(change)
    assert people.state.suspended == {GREECE}
    people.approve(change, BERT)
    assert people.state.suspended == frozenset()
    assert people.registry.follow().suspensions == {}


def test_two_people_confirm_a_suspension(people: People) -> None:
    people.put(GREECE, document())
    people.suspend(GREECE)
    people.in_force(people.toggle(ChangeClass.ORDINARY, GREECE, suspended=True))
    suspension = people.registry.follow().suspensions[GREECE]
    assert suspension.review_due is None
    assert suspension.by == (ANNA,)


@pytest.mark.parametrize("smuggled", ["document", "removal", "new object", "approver"])
def test_suspension_adds_and_changes_nothing(people: People, smuggled: str) -> None:
    """The class that needs one person must not do what needs two."""
    people.put(GREECE, document(key="old"))
    clara = ObjectKey(ObjectKind.APPROVER, CLARA)
    edit = {
        "document": people.edit(GREECE, document(key="mine"), suspended=True),
        "removal": people.edit(GREECE, None),
        "new object": people.edit(CZECHIA, document(), suspended=True),
        "approver": people.edit(clara, people.state.objects[clara].document, suspended=True),
    }[smuggled]
    with refused("class"):
        people.propose(people.draft([edit], ChangeClass.SUSPENSION))


def test_suspension_and_reactivation_do_what_their_names_say(people: People) -> None:
    people.put(GREECE, document())
    with refused("class"):
        people.propose(people.toggle(ChangeClass.SUSPENSION, GREECE, suspended=False))
    with refused("class"):
        people.propose(people.toggle(ChangeClass.REACTIVATION, GREECE, suspended=False))
    people.suspend(GREECE)
    with refused("class"):
        people.propose(people.toggle(ChangeClass.SUSPENSION, GREECE, suspended=True))
    with refused("class"):
        people.propose(people.toggle(ChangeClass.REACTIVATION, GREECE, suspended=True))


def test_ordinary_change_ends_no_suspension(people: People) -> None:
    people.put(GREECE, document(key="old"))
    people.suspend(GREECE)
    with refused("class"):
        people.propose(people.draft([people.edit(GREECE, document(key="new"))]))
    people.in_force(people.draft([people.edit(GREECE, document(key="new"), suspended=True)]))
    assert people.state.suspended == {GREECE}


def test_approvers_are_changed_by_enrolment_only(people: People) -> None:
    key = ObjectKey(ObjectKind.APPROVER, "d.neu")
    person = people.approver(ANNA).as_json()
    for change_class in (ChangeClass.ORDINARY, ChangeClass.REACTIVATION):
        with refused("class"):
            people.propose(people.draft([people.edit(key, person)], change_class))
    with refused("class"):
        people.propose(people.draft([people.edit(GREECE, document())], ChangeClass.ENROLMENT))


def test_two_people_enrol_a_third_who_then_counts(people: People) -> None:
    people.keys["d.neu"] = Ed25519PrivateKey.generate()
    enrolment = people.draft(
        [people.edit(ObjectKey(ObjectKind.APPROVER, "d.neu"), people.approver("d.neu").as_json())],
        ChangeClass.ENROLMENT,
    )
    people.propose(enrolment)
    change = people.draft([people.edit(GREECE, document())])
    people.propose(change)
    with refused("approver"):
        people.approve(change, "d.neu")
    people.approve(enrolment, BERT)
    assert people.approve(change, "d.neu").waiting is None


def test_one_key_is_not_two_people(people: People) -> None:
    key = ObjectKey(ObjectKind.APPROVER, "d.neu")
    twin = Approver(name="d.neu", credentials=people.approver(ANNA).credentials)
    with refused("approver"):
        people.propose(people.draft([people.edit(key, twin.as_json())], ChangeClass.ENROLMENT))


def test_two_approvers_remain(people: People) -> None:
    keys = [ObjectKey(ObjectKind.APPROVER, name) for name in (BERT, CLARA)]
    with refused("approver"):
        people.propose(people.draft([people.edit(key, None) for key in keys], ChangeClass.ENROLMENT))


# -------------------------------------------------------------------------------- bootstrap


def test_bootstrap_is_for_an_empty_log_and_two_people(people: People) -> None:
    with refused("bootstrap"):
        people.bootstrap()
    with people.engine.begin() as connection:
        connection.execute(sa.delete(TABLE))
    people.registry = people.node()
    with refused("approver"):
        people.bootstrap(ANNA)
    assert people.registry.follow() == Fold()
    assert people.bootstrap(ANNA, BERT).waiting is None


def test_only_the_pinned_ceremony_is_believed(people: People) -> None:
    """A database replaced as a whole, with approvers of the attacker's own."""
    pinned = people.registry.follow().bootstrap
    assert people.node(pinned=pinned).follow().bootstrap == pinned
    stranger = people.node(pinned="0" * 64)
    assert stranger.follow().state.objects == {}
    assert "registry.bootstrap" in stranger.known.ignored[0].reason


def test_second_bootstrap_row_changes_nothing(people: People) -> None:
    people.keys["m.fremd"] = Ed25519PrivateKey.generate()
    before = people.state
    change = people.draft(
        [people.edit(ObjectKey(ObjectKind.APPROVER, "m.fremd"), people.approver("m.fremd").as_json())],
        ChangeClass.BOOTSTRAP,
    )
    with refused("bootstrap"):
        people.propose(change)
    people.force("change-proposed", {"change": change.as_json()})
    people.force("change-activated", {"change": change.change_hash, "state": before.state_hash})
    assert people.state.objects == before.objects
    assert len(people.registry.known.ignored) == 2


def test_what_was_signed_for_one_installation_counts_in_no_other(people: People, tmp_path) -> None:
    """The same people look after a test installation, and somebody copies rows from there."""
    engine = open_database(f"sqlite:///{tmp_path}/other.sqlite3")
    migrate(engine)
    test = People(engine, keys=people.keys, passkey=people.passkey)
    test.bootstrap()
    change = test.put(GREECE, document(test=True))
    approvals = [test.signed(change.change_hash, name) for name in (ANNA, BERT)]
    after = test.state.state_hash
    engine.dispose()
    with refused("foreign"):
        people.registry.propose(change, now=people.now)
    people.force("change-proposed", {"change": change.as_json()})
    for approval in approvals:
        people.force("approval", {"approval": approval.as_json()})
    people.force("change-activated", {"change": change.change_hash, "state": after})
    assert people.holds(GREECE) is None
    assert len(people.registry.known.ignored) == 4


# -------------------------------------------------------------------------------- time


def test_signatures_expire_after_72_hours(people: People) -> None:
    """D.7."""
    change = people.draft([people.edit(GREECE, document())])
    people.propose(change)
    people.later(hours=72, seconds=1)
    with refused("expired"):
        people.approve(change, BERT)
    fold = people.registry.follow()
    assert status(fold.proposals[change.change_hash], fold, people.now) is Status.EXPIRED


def test_nobody_gives_himself_more_time(people: People) -> None:
    change = people.draft([people.edit(GREECE, document())])
    with refused("form"):
        people.propose(replace(change, expires_at=change.proposed_at + timedelta(hours=73)))
    future = people.now + timedelta(days=30)
    with refused("clock"):
        people.propose(replace(change, proposed_at=future, expires_at=future + timedelta(hours=72)))


def test_change_has_bounds(people: People) -> None:
    """Whoever may propose must not be able to fill every node's memory, or to have something wait for years."""
    large = people.draft([people.edit(GREECE, document(text="x" * 16 * 1024 * 1024))])
    with refused("size"):
        people.propose(large)
    change = people.draft([people.edit(GREECE, document())])
    for wrong in (
        replace(change, not_before=NOW + timedelta(days=367)),
        replace(change, reason=" "),
        replace(change, proposer=""),
        replace(change, evidence="x" * 4001),
        replace(change, expires_at=change.proposed_at),
    ):
        with refused("form"):
            people.propose(wrong)
    with refused("empty"):
        people.propose(people.draft([]))


def test_change_for_a_later_day_waits_for_it(people: People) -> None:
    change = people.draft([people.edit(GREECE, document())], not_before=NOW + timedelta(days=8))
    people.propose(change)
    waiting = people.approve(change, BERT).waiting
    assert waiting is not None
    assert waiting.reason == "registry.not-before"
    assert people.registry.activate_due(now=people.now) == ()
    fold = people.registry.known
    assert status(fold.proposals[change.change_hash], fold, people.now) is Status.WAITING
    assert status(fold.proposals[change.change_hash], fold, change.not_before) is Status.READY
    people.later(days=8)
    (outcome,) = people.registry.activate_due(now=people.now)
    assert outcome.waiting is None
    assert people.holds(GREECE) == document()


def test_change_for_a_later_day_does_not_wait_for_ever(people: People) -> None:
    change = people.draft([people.edit(GREECE, document())], not_before=NOW + timedelta(days=8))
    people.propose(change)
    people.approve(change, BERT)
    people.later(days=11, seconds=1)
    assert people.registry.activate_due(now=people.now) == ()
    with refused("expired"):
        people.registry.activate(change.change_hash, now=people.now)


def test_clock_that_jumped_back_revives_nothing_and_suspensions_go_on(people: People) -> None:
    """Ordinary changes wait until the clocks agree; the emergency does not."""
    people.put(GREECE, document())
    people.later(days=10)
    people.put(CZECHIA, document())
    change = people.draft([people.edit(GREECE, document(key="new"))])
    people.propose(change)
    people.later(days=-9)
    with refused("clock"):
        people.approve(change, BERT)
    assert people.suspend(GREECE).waiting is None
    assert people.registry.follow().ignored == ()
    people.later(days=9)
    with refused("conflict"):  # with the suspension
        people.approve(change, BERT)


def test_clock_of_the_database_is_asked(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose clock runs ahead would end everybody's open changes."""
    monkeypatch.setattr("trust.registry.entries.EntryStore.clock", lambda _: NOW)
    people.put(GREECE, document())
    people.later(days=365)
    with refused("clock"):
        people.draft([people.edit(CZECHIA, document())])
    assert people.suspend(GREECE).waiting is None
    assert people.registry.follow().time == NOW


def test_database_says_what_time_it_is(engine: sa.Engine) -> None:
    """PostgreSQL has a clock of its own; SQLite has this machine's."""
    clock = EntryStore(engine).clock()
    if engine.name == "sqlite":
        assert clock is None
    else:
        assert clock is not None
        assert clock.tzinfo is not None
        later = EntryStore(engine).clock()
        assert later is not None
        assert later >= clock


def test_dated_back_row_changes_nothing(people: People) -> None:
    """A change that was signed and rejected by time, activated by hand."""
    change = people.draft([people.edit(GREECE, document())], not_before=NOW + timedelta(hours=1))
    people.propose(change)
    people.approve(change, BERT)
    people.later(days=30)
    people.put(CZECHIA, document())
    after = people.state.with_objects([])
    people.force("change-activated", {"change": change.change_hash, "state": after.state_hash}, at=NOW)
    assert people.holds(GREECE) is None
    assert people.registry.known.ignored[-1].reason.startswith("registry.time")


# -------------------------------------------------------------------------------- conflicts


def test_newer_change_wins_and_the_other_conflicts(people: People) -> None:
    people.put(GREECE, document(key="old"))
    slow = people.draft([people.edit(GREECE, document(key="slow"))])
    people.propose(slow)
    people.put(GREECE, document(key="quick"))
    with refused("conflict"):
        people.approve(slow, BERT)
    fold = people.registry.follow()
    assert status(fold.proposals[slow.change_hash], fold, people.now) is Status.CONFLICT
    assert people.holds(GREECE) == document(key="quick")


def test_changes_of_different_objects_do_not_conflict(people: People) -> None:
    changes = [people.draft([people.edit(key, document())]) for key in (GREECE, CZECHIA)]
    for change in changes:
        people.propose(change)
    for change in changes:
        assert people.approve(change, BERT).waiting is None


def test_approver_revoked_between_approval_and_activation_does_not_count(people: People) -> None:
    change = people.draft([people.edit(GREECE, document())], not_before=NOW + timedelta(hours=2))
    people.propose(change)
    people.approve(change, CLARA)
    removal = people.draft([people.edit(ObjectKey(ObjectKind.APPROVER, CLARA), None)], ChangeClass.ENROLMENT)
    people.in_force(removal)
    people.later(hours=3)
    with refused("people"):
        people.registry.activate(change.change_hash, now=people.now)
    assert people.approve(change, BERT).waiting is None


def test_approver_with_a_new_key_signs_again(people: People) -> None:
    """A stolen key does not count through what it signed before it was replaced."""
    change = people.draft([people.edit(GREECE, document())], not_before=NOW + timedelta(hours=2))
    people.propose(change)
    people.approve(change, CLARA)
    people.keys[CLARA] = Ed25519PrivateKey.generate()
    key = ObjectKey(ObjectKind.APPROVER, CLARA)
    people.in_force(people.draft([people.edit(key, people.approver(CLARA).as_json())], ChangeClass.ENROLMENT))
    people.later(hours=3)
    with refused("people"):
        people.registry.activate(change.change_hash, now=people.now)
    assert people.approve(change, CLARA).waiting is None


def test_unsound_configuration_is_refused_when_proposed_and_when_activated(people: People) -> None:
    people.invalid = ["registry/countries/gr.toml: anchor: names no anchor"]
    change = people.draft([people.edit(GREECE, document())])
    with refused("invalid"):
        people.propose(change)
    people.invalid = ()
    people.propose(change)
    people.invalid = ["registry/anchors/x.toml: valid_until: lies before valid_from"]
    waiting = people.approve(change, BERT).waiting
    assert waiting is not None
    assert "valid_until" in waiting.detail
    assert people.holds(GREECE) is None
    people.invalid = ()
    assert people.registry.activate(change.change_hash, now=people.now).waiting is None


# -------------------------------------------------------------------------------- database


def test_forced_activation_row_changes_nothing(people: People) -> None:
    """Shows 1: without the second person the change is not in force, also when the row is forced."""
    change = people.draft([people.edit(GREECE, document())])
    outcome = people.propose(change)
    wanted = outcome.fold.state.with_objects([])
    people.force("change-activated", {"change": change.change_hash, "state": wanted.state_hash})
    assert people.holds(GREECE) is None
    (ignored,) = people.registry.known.ignored
    assert "1 of 2 people" in ignored.reason
    assert people.node().follow().state.objects == people.state.objects
    assert people.approve(change, BERT).waiting is None  # the proper way is still open


@pytest.mark.parametrize(
    "body",
    [
        {"approval": {"change": "00", "approver": ANNA}},
        {"approval": {"change": "x", "approver": ANNA, "method": "none", "assertion": {}, "decision": "approve"}},
        {"unknown": 1},
    ],
)  # fmt: skip
def test_forced_approval_row_changes_nothing(people: People, body: dict[str, object]) -> None:
    people.force("approval", body)
    assert len(people.registry.follow().ignored) == 1


def test_forged_signature_row_does_not_count(people: People) -> None:
    change = people.draft([people.edit(GREECE, document())])
    people.propose(change)
    people.keys[BERT] = Ed25519PrivateKey.generate()
    forged = people.signed(change.change_hash, BERT)
    people.force("approval", {"approval": forged.as_json()})
    people.force("change-activated", {"change": change.change_hash, "state": people.state.state_hash})
    assert people.holds(GREECE) is None
    assert len(people.registry.known.ignored) == 2


def test_change_in_another_than_its_one_form_is_ignored(people: People) -> None:
    """Two texts with one hash, or one change with two, would be a way to show another than what counts."""
    change = people.draft([people.edit(GREECE, document())]).as_json()
    for body in (
        {"change": {**change, "extra": 1}},
        {"change": {**change, "not_before": "2026-11-23T09:00:00+00:00"}},
        {"change": {**change, "edits": [*change["edits"], *change["edits"]]}},
        {"change": {**change, "version": 2}},
        {"change": {**change, "class": "unknown"}},
        {"change": {**change, "edits": [{**change["edits"][0], "suspended": 0}]}},
    ):
        people.force("change-proposed", body)
    fold = people.registry.follow()
    assert len(fold.ignored) == 6
    assert fold.open_proposals() == ()


def test_rejected_change_does_not_come_back_as_a_new_row(people: People) -> None:
    change = people.draft([people.edit(GREECE, document())])
    people.propose(change)
    rejection = people.signed(change.change_hash, BERT, Decision.REJECT)
    people.registry.reject(rejection, reason="no", now=people.now)
    people.force("change-proposed", {"change": change.as_json()})
    with refused("rejected"):
        people.approve(change, CLARA)
    assert people.registry.known.ignored[0].reason.startswith("registry.repeated")


def test_change_that_comes_into_the_log_too_late_is_ignored(people: People) -> None:
    """Signed in private and kept for a better moment."""
    change = people.draft([people.edit(GREECE, document())])
    people.later(hours=72, seconds=1)
    people.force("change-proposed", {"change": change.as_json()})
    with refused("unknown"):
        people.approve(change, BERT)
    assert people.registry.known.ignored[0].reason.startswith("registry.expired")


def test_activation_row_must_name_the_state_it_leads_to(people: People) -> None:
    change = people.draft([people.edit(GREECE, document())], not_before=NOW + timedelta(hours=1))
    people.propose(change)
    people.approve(change, BERT)
    people.later(hours=1)
    people.force("change-activated", {"change": change.change_hash, "state": people.state.state_hash})
    assert people.holds(GREECE) is None
    assert people.registry.known.ignored[0].reason.startswith("registry.state")
    assert people.registry.activate(change.change_hash, now=people.now).waiting is None


def test_edit_without_effect_or_sense_is_refused(people: People) -> None:
    people.put(GREECE, document())
    person = ObjectKey(ObjectKind.APPROVER, "d.neu")
    for reason, change_class, edit in (
        ("empty", ChangeClass.ORDINARY, people.edit(GREECE, document())),
        ("empty", ChangeClass.ORDINARY, people.edit(CZECHIA, None)),
        ("empty", ChangeClass.ENROLMENT, people.edit(person, None)),
        (
            "class",
            ChangeClass.ENROLMENT,
            people.edit(person, people.approver(ANNA).as_json(), suspended=True),
        ),
    ):
        with refused(reason):
            people.propose(people.draft([edit], change_class))
    people.suspend(GREECE)
    with refused("form"):
        people.propose(people.draft([people.edit(GREECE, None, suspended=True)]))
    with refused("object"):
        people.toggle(ChangeClass.SUSPENSION, CZECHIA, suspended=True)


def test_withdrawal_undoes_nothing_that_people_have_said(people: People) -> None:
    """Nobody signs it, so whoever writes rows can write one: it ends what a machine has proposed, and that only."""
    own = people.draft([people.edit(GREECE, document())])
    people.propose(own)
    machine = people.draft([people.edit(CZECHIA, document(id="x"))], proposer="source/x")
    people.propose(machine, by=None)
    people.approve(machine, ANNA)
    for change, reason in ((own, "role"), (own.change_hash[:8], "unknown")):
        identifier = change if isinstance(change, str) else change.change_hash
        people.force("change-withdrawn", {"change": identifier, "reason": "gone"})
        assert f"registry.{reason}" in people.registry.follow().ignored[-1].reason
    with refused("role"):
        people.registry.withdraw(own.change_hash, reason="gone", now=people.now)
    fold = people.registry.withdraw(machine.change_hash, reason="gone", now=people.now)
    found = fold.proposals[machine.change_hash]
    assert (found.open, found.withdrawn, status(found, fold, people.now)) == (False, "gone", Status.WITHDRAWN)
    with refused("withdrawn"):
        people.approve(machine, BERT)
    with refused("withdrawn"):
        people.registry.withdraw(machine.change_hash, reason="gone", now=people.now)
    assert people.approve(own, BERT).waiting is None


def test_what_enough_people_have_signed_cannot_be_withdrawn(people: People) -> None:
    machine = people.draft(
        [people.edit(GREECE, document())], proposer="source/x", not_before=people.now + timedelta(days=1)
    )
    people.propose(machine, by=None)
    people.approve(machine, ANNA)
    people.approve(machine, BERT)
    people.force("change-withdrawn", {"change": machine.change_hash, "reason": "gone"})
    assert "registry.role" in people.registry.follow().ignored[-1].reason
    people.later(days=1)
    people.registry.activate(machine.change_hash, now=people.now)
    assert people.holds(GREECE) == document()


def test_rows_that_are_nothing_are_ignored_and_named(people: People) -> None:
    change = people.draft([people.edit(GREECE, document())]).as_json()
    edit = change["edits"][0]
    for kind, body in (
        ("unknown", {}),
        ("change-activated", {"change": "0" * 64, "state": ""}),
        ("change-proposed", {"change": {**change, "proposed_at": "yesterday"}}),
        ("change-proposed", {"change": {**change, "proposed_at": 1}}),
        ("change-proposed", {"change": {**change, "reason": 1}}),
        ("change-proposed", {"change": {**change, "edits": [{**edit, "after": "text"}]}}),
        ("change-proposed", {"change": {**change, "edits": [{**edit, "id": "../x"}]}}),
        ("change-proposed", {"change": []}),
        ("change-rejected", {"approval": {}, "reason": ""}),
    ):
        people.force(kind, body)
    assert [ignored.seq for ignored in people.registry.follow().ignored] == list(range(3, 12))
    assert people.registry.known.open_proposals() == ()


def test_row_that_is_no_object_is_named(people: People) -> None:
    """Properly chained all the same."""
    head = EntryStore(people.engine).head()
    for body in ("[]", "{"):
        row = {"seq": head.seq + 1, "time": "2026-11-23T08:00:00.000000Z", "type": "approval", "body": body}
        row["hash"] = _hash(head.hash, row["seq"], row["time"], row["type"], row["body"])
        with people.engine.begin() as connection:
            connection.execute(sa.insert(TABLE), [row])
        with pytest.raises(RegistryBroken, match="not in its form") as broken:
            people.node().follow()
        assert broken.value.seq == head.seq + 1
        with people.engine.begin() as connection:
            connection.execute(sa.delete(TABLE).where(TABLE.c.seq > head.seq))


@pytest.mark.parametrize("column", ["time", "type", "body"])
def test_edited_row_is_named(people: People, column: str) -> None:
    people.put(GREECE, document())
    with people.engine.begin() as connection:
        connection.execute(sa.update(TABLE).where(TABLE.c.seq == 4).values({column: "{}"}))
    with pytest.raises(RegistryBroken) as broken:
        people.node().follow()
    assert broken.value.seq == 4


class _AsItIs(sa.types.UserDefinedType[object]):
    """No conversion on the way to the driver."""

    cache_ok = True


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)  # others refuse it themselves
@pytest.mark.parametrize(
    ("column", "value"),
    [("hash", 10**15), ("hash", "text"), ("time", 5), ("time", b"x"), ("type", 1.5), ("body", b"{}")],
)
def test_row_of_another_kind_than_its_column_is_named(people: People, column: str, value: object) -> None:
    """SQLite keeps a value of any type in any column; a number as a hash would ask for as many octets."""
    people.put(GREECE, document())
    with people.engine.begin() as connection:
        connection.execute(
            sa.update(TABLE).where(TABLE.c.seq == 4).values({column: sa.literal(value, _AsItIs())})
        )
    with pytest.raises(RegistryBroken) as broken:
        people.node().follow()
    assert broken.value.seq == 4


def test_missing_row_is_named(people: People) -> None:
    people.put(GREECE, document())
    with people.engine.begin() as connection:
        connection.execute(sa.delete(TABLE).where(TABLE.c.seq == 3))
    with pytest.raises(RegistryBroken) as broken:
        people.node().follow()
    assert broken.value.seq == 3


def test_truncated_log_is_refused_by_who_has_seen_more(people: People) -> None:
    """A backup put back would bring a suspended country back: what is known stays."""
    people.put(GREECE, document())
    people.suspend(GREECE)
    known = people.registry.follow()
    with people.engine.begin() as connection:
        connection.execute(sa.delete(TABLE).where(TABLE.c.seq > known.head.seq - 3))
    with pytest.raises(RegistryRolledBack):
        people.registry.follow()
    with pytest.raises(RegistryRolledBack):
        EntryStore(people.engine).append(known.head, [("approval", {})], now=people.now)
    assert people.registry.known is known
    assert people.registry.known.state.suspended == {GREECE}


def test_node_with_an_old_fold_catches_up_and_decides_on_what_is_new(people: People) -> None:
    old = people.node()
    old.follow()
    people.put(GREECE, document(key="new"))
    stale = Edit(key=GREECE, before=None, after=document(key="stale"))
    change = old.draft(
        ChangeClass.ORDINARY, [stale], reason="because", evidence="", proposer=BERT, now=people.now
    )
    with refused("conflict"):
        old.propose(change, now=people.now)
    assert old.head() == people.registry.head() == old.known.head
    assert old.known.state.state_hash == people.state.state_hash


def test_writer_with_an_old_head_writes_nothing(people: People) -> None:
    store = EntryStore(people.engine)
    head = store.head()
    people.put(GREECE, document())
    with pytest.raises(HeadMoved):
        store.append(head, [("approval", {})], now=people.now)
    assert people.registry.follow().ignored == ()


def test_fold_in_steps_is_the_fold_at_once(people: People) -> None:
    """A start from the log reproduces what a node that followed has."""
    follower = people.node()
    people.put(GREECE, document(key="old"))
    follower.follow()
    people.suspend(GREECE)
    follower.follow()
    people.put(CZECHIA, document())
    assert follower.follow() == people.node().follow()


def test_known_trust_outlives_the_database(people: People, tmp_path) -> None:
    """Changes wait; what was read still answers."""
    people.put(GREECE, document())
    known = people.registry.follow()
    gone = Registry(EntryStore(sa.create_engine(f"sqlite:///{tmp_path}/missing/none.sqlite3")))
    with pytest.raises(RegistryUnavailable):
        gone.follow()
    with pytest.raises(RegistryUnavailable):
        gone.head()
    people.registry._store = gone._store
    with pytest.raises(RegistryUnavailable):
        people.suspend(GREECE)
    assert people.registry.known is known


def test_state_before_a_change_is_found_again(people: People) -> None:
    """Who looks at a change in force sees what it changed."""
    people.put(GREECE, document(key="old"))
    change = people.put(GREECE, document(key="new"))
    people.put(GREECE, document(key="newest"))
    before = people.registry.state_before(change.change_hash)
    assert before.objects[GREECE].document == document(key="old")
    assert people.registry.known.decided[GREECE] != change.change_hash


def test_a_suspension_does_not_hide_who_decided(people: People) -> None:
    """Who looks at a suspended country still finds the two who let it in, and on what evidence."""
    change = people.put(GREECE, document())
    suspension = people.suspend(GREECE)
    known = people.registry.known
    assert known.decided[GREECE] == change.change_hash
    assert known.suspensions[GREECE].change_hash == suspension.proposal.change_hash


def test_approver_document_is_exact(people: People) -> None:
    key = ObjectKey(ObjectKind.APPROVER, "d.neu")
    good = Ed25519Credential(public_key=bytes(32)).as_json()
    passkey = people.passkey.credential.as_json()
    for wrong in (
        {"name": "d.neu"},
        {"name": "d.neu", "credentials": []},
        {"name": "d.neu", "credentials": [{**good, "public_key": "AAAA"}]},
        {"name": "d.neu", "credentials": [{**good, "extra": True}]},
        {"name": "d.neu", "credentials": [{**passkey, "origins": ["https://evil.example"]}]},
        {"name": "d.neu", "credentials": [{**passkey, "origins": ["http://trust.sachsen.example"]}]},
        {"name": "d.neu", "credentials": [{**passkey, "origins": []}]},
        {"name": "d.neu", "credentials": [{**passkey, "origins": [1]}]},
        {"name": "d.neu", "credentials": [{**good, "public_key": "%"}]},
        {"name": "d.neu", "credentials": [{**good, "public_key": "A"}]},
        {"name": "d.neu", "credentials": ["ed25519"]},
    ):
        with refused("(approver|form)"):
            people.propose(people.draft([people.edit(key, wrong)], ChangeClass.ENROLMENT))
