"""Viewers, operators and approvers: every node counts the signatures that their role allows (issue 6, item 6)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.trust.registry.passkey import ORIGIN, Passkey
from tests.trust.registry.people import ANNA, BERT, CLARA, GREECE, People, document
from trust.log import migrate, open_database
from trust.registry import (
    Approver,
    ChangeClass,
    ChangeRefused,
    Decision,
    ObjectKey,
    ObjectKind,
    Role,
    Status,
    may_sign,
    read_approver,
    read_key_file,
    signers,
    status,
    suspension_edits,
    verify_sign_in,
)

DORA = "d.dienst"
CHALLENGE = bytes(range(32))


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    """Anna and Bert approve, Clara's role is each test's. Nothing here depends on the database."""
    engine = open_database(f"sqlite:///{tmp_path}/registry.sqlite3")
    migrate(engine)
    yield People(engine)
    engine.dispose()


def enrolled(people: People, role: Role) -> None:
    """Three people; Clara in ``role``."""
    first = {name: people.approver(name) for name in (ANNA, BERT, CLARA)}
    first[CLARA] = replace(first[CLARA], role=role)
    people.registry.initialise(first, reason="first", evidence="", proposer="root", now=people.now)


def test_operator_is_the_proposer_and_an_approver_the_second_person(people: People) -> None:
    enrolled(people, Role.OPERATOR)
    change = people.draft([people.edit(GREECE, document(number=1))], proposer=CLARA)
    assert people.propose(change, by=CLARA).waiting is not None
    assert people.approve(change, BERT).waiting is None


def test_operator_is_never_the_second_person(people: People) -> None:
    enrolled(people, Role.OPERATOR)
    change = people.draft([people.edit(GREECE, document(number=1))], proposer=ANNA)
    people.propose(change)
    with pytest.raises(ChangeRefused, match=r"registry\.role"):
        people.approve(change, CLARA)


def test_operator_suspends_alone_and_needs_an_approver_to_end_it(people: People) -> None:
    enrolled(people, Role.OPERATOR)
    people.put(GREECE, document(number=1))
    change = people.draft(
        suspension_edits(people.state, [GREECE], suspended=True), ChangeClass.SUSPENSION, proposer=CLARA
    )
    assert people.propose(change, by=CLARA).waiting is None
    again = people.draft(
        suspension_edits(people.state, [GREECE], suspended=False), ChangeClass.REACTIVATION, proposer=CLARA
    )
    assert people.propose(again, by=CLARA).waiting is not None
    assert people.approve(again, ANNA).waiting is None


def test_two_people_can_be_told_apart(people: People) -> None:
    """Neither identifiers that differ in case alone, nor two passkeys that answer to one name."""
    enrolled(people, Role.APPROVER)
    stranger = Passkey(credential_id=b"another")
    for name, passkey in (
        ("A.Beispiel", stranger),
        (DORA, Passkey(credential_id=people.passkey.credential_id)),
    ):
        document = Approver(name=name, credentials=(passkey.credential,)).as_json()
        edit = people.edit(ObjectKey(ObjectKind.APPROVER, name), document)
        with pytest.raises(ChangeRefused, match=r"registry\.approver"):
            people.propose(people.draft([edit], ChangeClass.ENROLMENT))


@pytest.mark.parametrize("row", ["origin", "year of the row", "year of the change"])
def test_row_that_was_made_to_break_the_reader_has_no_effect(people: People, row: str) -> None:
    """Unsigned, written by whoever has the database: the next suspension must still be read."""
    enrolled(people, Role.APPROVER)
    people.put(GREECE, document())
    key = Passkey().credential.as_json() | {"origins": ["https://[x"]}
    edit = people.edit(ObjectKey(ObjectKind.APPROVER, DORA), {"name": "D", "credentials": [key]})
    change = people.draft([edit], ChangeClass.ENROLMENT)
    at = people.now
    last = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    if row == "year of the row":
        at = last
    if row == "year of the change":
        change = replace(change, proposed_at=last, expires_at=last + timedelta(seconds=59), not_before=last)
    people.force("change-proposed", {"change": change.as_json()}, at=at)
    fold = people.registry.follow()
    assert row == "origin" or len(fold.ignored) == 1
    assert all(status(one, fold, people.now) is not Status.READY for one in fold.open_proposals())
    assert people.suspend(GREECE).waiting is None
    assert GREECE in people.state.suspended


def test_operator_enrols_nobody(people: People) -> None:
    enrolled(people, Role.OPERATOR)
    edit = people.edit(ObjectKey(ObjectKind.APPROVER, CLARA), None)
    change = people.draft([edit], ChangeClass.ENROLMENT, proposer=CLARA)
    with pytest.raises(ChangeRefused, match=r"registry\.role"):
        people.propose(change, by=CLARA)


@pytest.mark.parametrize("change_class", [c for c in ChangeClass if c is not ChangeClass.BOOTSTRAP])
def test_viewer_signs_nothing(people: People, change_class: ChangeClass) -> None:
    change = replace(people_draft(people), change_class=change_class, proposer=CLARA)
    assert not may_sign(Role.VIEWER, CLARA, change)
    assert may_sign(Role.APPROVER, ANNA, change)


def people_draft(people: People):
    enrolled(people, Role.VIEWER)
    return people.draft([people.edit(GREECE, document(number=1))])


def test_viewers_signature_is_refused_and_ignored_where_it_was_forced(people: People) -> None:
    change = people_draft(people)
    people.propose(change)
    with pytest.raises(ChangeRefused, match=r"registry\.role"):
        people.approve(change, CLARA)
    people.force("approval", {"approval": people.signed(change.change_hash, CLARA).as_json()})
    fold = people.node().follow()
    assert "registry.role" in fold.ignored[0].reason
    assert signers(fold.proposals[change.change_hash], fold.state) == (ANNA,)


def test_operator_withdraws_the_own_proposal_only(people: People) -> None:
    enrolled(people, Role.OPERATOR)
    own = people.draft([people.edit(GREECE, document(number=1))], proposer=CLARA)
    other = people.draft([people.edit(GREECE, document(number=2))], proposer=ANNA)
    people.propose(own, by=CLARA)
    people.propose(other)
    refusal = people.signed(other.change_hash, CLARA, Decision.REJECT)
    with pytest.raises(ChangeRefused, match=r"registry\.role"):
        people.registry.reject(refusal, reason="no", now=people.now)
    refusal = people.signed(own.change_hash, CLARA, Decision.REJECT)
    people.registry.reject(refusal, reason="a mistake", now=people.now)


def test_signature_counts_no_longer_when_its_approver_became_an_operator(people: People) -> None:
    people.bootstrap(ANNA, BERT, CLARA)
    demoted = replace(people.approver(CLARA), role=Role.OPERATOR)
    change = people.draft([people.edit(GREECE, document(number=1))])
    people.propose(change, by=CLARA)
    enrolment = people.draft(
        [people.edit(ObjectKey(ObjectKind.APPROVER, CLARA), demoted.as_json())], ChangeClass.ENROLMENT
    )
    people.in_force(enrolment)
    assert people.approve(change, BERT).waiting is not None
    assert people.approve(change, ANNA).waiting is None


def test_two_of_role_approver_remain(people: People) -> None:
    people.bootstrap(ANNA, BERT)
    demoted = replace(people.approver(BERT), role=Role.VIEWER)
    enrolment = people.draft(
        [people.edit(ObjectKey(ObjectKind.APPROVER, BERT), demoted.as_json())], ChangeClass.ENROLMENT
    )
    with pytest.raises(ChangeRefused, match="fewer than 2"):
        people.propose(enrolment)


def test_role_is_one_of_three_and_approver_where_none_is_written(people: People) -> None:
    anna = people.approver(ANNA)
    assert "role" not in anna.as_json()
    assert read_approver(anna.as_json()).role is Role.APPROVER
    assert read_approver({**anna.as_json(), "role": "viewer"}).role is Role.VIEWER
    with pytest.raises(ChangeRefused, match="role is one of"):
        read_approver({**anna.as_json(), "role": "root"})


def test_each_role_covers_those_before_it() -> None:
    assert [Role.OPERATOR.covers(role) for role in Role] == [True, True, False]


# -------------------------------------------------------------------------------- signing in, key files


@pytest.fixture
def passkey() -> Passkey:
    return Passkey()


def signed_in(passkey: Passkey, challenge: bytes = CHALLENGE, **crafted: object):
    people = {CLARA: Approver(name="Clara", credentials=(passkey.credential,))}
    claimed = passkey.approve("", CLARA, challenge=challenge, **crafted)  # type: ignore[arg-type]  # forged fields of the passkey's answer
    return verify_sign_in(claimed.assertion, CHALLENGE, people, {}, origin=ORIGIN)


def test_passkey_signs_its_person_in(passkey: Passkey) -> None:
    signature = signed_in(passkey)
    assert (signature.approver, signature.credential) == (CLARA, passkey.credential.fingerprint)


@pytest.mark.parametrize(
    ("crafted", "said"),
    [
        ({"challenge": bytes(32)}, "challenge"),
        ({"origin": "https://trust.sachsen.example.evil.example"}, "origin"),
        ({"rp_id": "evil.example"}, "RP ID"),
        ({"flags": 0x01}, "verif"),
        ({"crossOrigin": True}, "foreign page"),
    ],
)
def test_sign_in_needs_this_challenge_site_and_a_verified_user(
    passkey: Passkey, crafted: dict[str, object], said: str
) -> None:
    with pytest.raises(ChangeRefused, match=f"(?i){said}"):
        signed_in(passkey, **crafted)  # type: ignore[arg-type]  # forged fields of the passkey's answer


def test_passkey_of_nobody_signs_nobody_in(passkey: Passkey) -> None:
    stranger = Passkey(credential_id=b"another")
    people = {CLARA: Approver(name="Clara", credentials=(passkey.credential,))}
    claimed = stranger.approve("", CLARA, challenge=CHALLENGE)
    with pytest.raises(ChangeRefused, match="not by an enrolled"):
        verify_sign_in(claimed.assertion, CHALLENGE, people, {}, origin=ORIGIN)


@pytest.mark.parametrize(
    "origins", [("https://old.sachsen.example",), ("https://old.sachsen.example", ORIGIN)]
)
def test_other_host_of_a_passkey_signs_nobody_in(origins: tuple[str, ...]) -> None:
    """Whoever has the old host of the console now hands on our challenge, and our answer."""
    passkey = Passkey(rp_id="sachsen.example", origin=origins[0])
    credential = replace(passkey.credential, origins=origins)
    people = {CLARA: Approver(name="Clara", credentials=(credential,))}
    claimed = passkey.approve("", CLARA, challenge=CHALLENGE, origin=origins[0], rp_id="sachsen.example")
    with pytest.raises(ChangeRefused, match=r"host|origin"):
        verify_sign_in(claimed.assertion, CHALLENGE, people, {}, origin=ORIGIN)


def test_key_file_is_a_public_key_or_a_passkey(passkey: Passkey) -> None:
    octets = json.dumps(passkey.credential.as_json()).encode()
    assert read_key_file(octets) == passkey.credential
    with pytest.raises(ChangeRefused, match=r"registry\.approver"):
        read_key_file(b'{"method": ')
    with pytest.raises(ChangeRefused, match=r"registry\.approver"):
        read_key_file(b"neither")
