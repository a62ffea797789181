"""Trees, checkpoints and verification on both databases (security.md D.8, RFC 9162 §2.1, issue: Shows 4)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ed25519

from tests.support.postgresql import postgresql
from trust.checkpoint import CheckpointRefused, Opened, open_note, public_of
from trust.checkpoint_export import AddressTarget, DirectoryTarget, export, note_failure, note_success, states
from trust.checkpoints import CHECKPOINTS, JOURNEYS, Checkpoints
from trust.errors import LogBroken, OutgoingError
from trust.log import LOG, AppendOnlyLog, migrate, open_database
from trust.log_journeys import of_journey
from trust.log_proofs import consistency, inclusion, verify_proof
from trust.log_pruning import plan, remove
from trust.log_verification import (
    Run,
    Verified,
    export_lines,
    tree_of_lines,
    verify_database,
    verify_lines,
)
from trust.merkle import Frontier
from trust.registry.entries import TABLE as REGISTRY
from trust.registry.entries import EntryStore, Head
from trust.trees import GENESIS, LOGIN, TREES, TRUST, Tree

NOW = datetime(2026, 11, 23, tzinfo=UTC)
KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))


@pytest.fixture(scope="module")
def postgresql_url() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('log')}/log.sqlite3"
    else:
        url = request.getfixturevalue("postgresql_url")
    opened = open_database(url)
    migrate(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def engine(database: sa.Engine) -> Iterator[sa.Engine]:
    """Empty again for each test."""
    yield database
    with database.begin() as connection:
        for table in (LOG, REGISTRY, CHECKPOINTS, JOURNEYS, sa.table("log_export")):
            connection.execute(sa.delete(table))


@pytest.fixture(params=sorted(TREES))
def tree(request: pytest.FixtureRequest) -> Tree:
    return TREES[request.param]


def made(engine: sa.Engine, tree: Tree) -> Checkpoints:
    return Checkpoints(engine, tree, origin="id.example", keys=[KEY])


def write(engine: sa.Engine, tree: Tree, count: int, *, word: str = "a", at: datetime = NOW) -> None:
    """``count`` more entries by the product's own writers."""
    if tree is LOGIN:
        log = AppendOnlyLog(engine)
        log.start()
        for number in range(count):
            log.append("Example", {"journey": f"J{number}", "word": word}, now=at)
        log.stop()
        return
    store = EntryStore(engine)
    if not count:
        return
    store.append(store.head(), [("approval", {"number": n, "word": word}) for n in range(count)], now=NOW)


def rows(engine: sa.Engine, tree: Tree) -> list[dict[str, object]]:
    with engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(sa.select(tree.table).order_by("seq"))]


def replace(engine: sa.Engine, tree: Tree, wanted: list[dict[str, object]], *, anew: bool) -> None:
    """What an attacker with all rights in the database does; ``anew``: numbers and running hashes, too."""
    previous = GENESIS
    with engine.begin() as connection:
        connection.execute(sa.delete(tree.table))
        for number, row in enumerate(wanted, 1):
            connection.execute(sa.insert(tree.table), {**row, "seq": number} if anew else row)
            if anew:
                (found,) = tree.rows(connection, after=number - 1)
                previous = tree.chained(previous, tree.data(found))
                own = tree.table.c.seq == number
                connection.execute(sa.update(tree.table).where(own).values(hash=previous))


def verified(
    engine: sa.Engine, tree: Tree, copies: list[Opened] | None = None, runs: list[Run] | None = None
) -> Verified:
    return verify_database(engine, made(engine, tree), copies or [], runs or [])


def first_bad(
    engine: sa.Engine, tree: Tree, copies: list[Opened] | None = None, runs: list[Run] | None = None
) -> int:
    with pytest.raises(LogBroken) as caught:
        verified(engine, tree, copies, runs)
    assert caught.value.last is None
    return caught.value.seq


def test_an_untouched_log_is_verified(engine: sa.Engine, tree: Tree) -> None:
    write(engine, tree, 5)
    made(engine, tree).make(NOW)
    write(engine, tree, 4)
    second = made(engine, tree).make(NOW + timedelta(minutes=1))
    write(engine, tree, 2)
    found = verified(engine, tree)
    assert (found.size, found.pruned, found.checkpoints) == (11, 0, 2)
    assert found.newest is not None
    assert second is not None
    assert found.newest.note == second.note
    assert found.newest.time == NOW + timedelta(minutes=1)


def test_no_checkpoint_is_made_of_a_log_that_did_not_grow(engine: sa.Engine, tree: Tree) -> None:
    assert made(engine, tree).make(NOW) is None
    assert verified(engine, tree).size == 0
    write(engine, tree, 3)
    assert made(engine, tree).make(NOW) is not None
    assert made(engine, tree).make(NOW) is None


EDITS = {
    "edited": lambda rows: [*rows[:3], {**rows[3], "body": '{"forged":1}'}, *rows[4:]],
    "moved in time": lambda rows: [*rows[:3], {**rows[3], "time": "2020-01-01T00:00:00.000000Z"}, *rows[4:]],
    "reordered": lambda rows: [*rows[:3], {**rows[4], "seq": 4}, {**rows[3], "seq": 5}, *rows[5:]],
    "removed": lambda rows: [*rows[:3], *rows[4:]],
    "inserted": lambda rows: [
        *rows[:3],
        {**rows[0], "seq": 4, "body": '{"forged":1}'},
        *({**row, "seq": row["seq"] + 1} for row in rows[3:]),
    ],
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("anew", [False, True], ids=["as it was", "hashes computed anew"])
@pytest.mark.parametrize("size", [3, 6, 9], ids=["before the checkpoint", "inside", "several"])
def test_the_first_entry_that_was_touched_is_named(
    engine: sa.Engine, tree: Tree, edit: str, anew: bool, size: int
) -> None:
    """security.md D.8, T: change, delete, reorder. Also where every hash after it was computed anew."""
    write(engine, tree, size)
    made(engine, tree).make(NOW)
    write(engine, tree, 9 - size)
    made(engine, tree).make(NOW)
    replace(engine, tree, EDITS[edit](rows(engine, tree)), anew=anew)
    assert first_bad(engine, tree) == 4


def test_after_the_newest_checkpoint_the_running_hash_shows_it(engine: sa.Engine, tree: Tree) -> None:
    write(engine, tree, 2)
    made(engine, tree).make(NOW)
    write(engine, tree, 4)
    replace(engine, tree, EDITS["edited"](rows(engine, tree)), anew=False)
    assert first_bad(engine, tree) == 4
    with pytest.raises(LogBroken) as caught:
        made(engine, tree).make(NOW)
    assert caught.value.seq == 4


def test_no_checkpoint_is_made_of_a_log_that_lost_entries(engine: sa.Engine, tree: Tree) -> None:
    write(engine, tree, 6)
    made(engine, tree).make(NOW)
    replace(engine, tree, rows(engine, tree)[:4], anew=False)
    with pytest.raises(LogBroken) as caught:
        made(engine, tree).make(NOW)
    assert caught.value.seq == 5
    write(engine, tree, 2, word="b")
    with pytest.raises(LogBroken) as caught:
        made(engine, tree).make(NOW)
    assert caught.value.seq == 6, "the number is there again, another entry"


def test_a_truncated_log_is_exposed_by_the_checkpoint_that_somebody_else_has(
    engine: sa.Engine, tree: Tree
) -> None:
    """Shows 4: whoever cuts off the end cuts off the checkpoints as well, and cannot reach the exported one."""
    write(engine, tree, 4)
    made(engine, tree).make(NOW)
    write(engine, tree, 3)
    exported = made(engine, tree).make(NOW)
    assert exported is not None
    replace(engine, tree, rows(engine, tree)[:5], anew=False)
    with engine.begin() as connection:
        connection.execute(sa.delete(CHECKPOINTS).where(CHECKPOINTS.c.size > 4))
    assert verified(engine, tree).size == 5, "nothing in the database tells"
    assert first_bad(engine, tree, [exported]) == 6


def test_a_log_from_a_backup_that_went_on_is_exposed(engine: sa.Engine, tree: Tree) -> None:
    """Entry 5 onwards is other than it was; the gateway itself has signed the new course since."""
    write(engine, tree, 4)
    made(engine, tree).make(NOW)
    backup = rows(engine, tree)
    write(engine, tree, 3)
    exported = made(engine, tree).make(NOW)
    assert exported is not None
    (*_, newest) = made(engine, tree).kept()
    replace(engine, tree, backup, anew=False)
    with engine.begin() as connection:
        connection.execute(sa.delete(CHECKPOINTS).where(CHECKPOINTS.c.size > 4))
        connection.execute(sa.delete(JOURNEYS))
    write(engine, tree, 3, word="b")
    made(engine, tree).make(NOW)
    assert verified(engine, tree).size == 7
    assert first_bad(engine, tree, [exported], [Run(newest.start, newest.leaves)]) == 5
    with pytest.raises(LogBroken, match="one of the entries 5 to 7"):
        verified(engine, tree, [exported])


def test_checkpoints_in_the_database_cannot_be_forged(engine: sa.Engine, tree: Tree) -> None:
    """Whoever rewrites log and checkpoints has no key of ours."""
    write(engine, tree, 4)
    made(engine, tree).make(NOW)
    with engine.begin() as connection:
        connection.execute(sa.delete(CHECKPOINTS))
        connection.execute(sa.delete(JOURNEYS))
    Checkpoints(engine, tree, origin="id.example", keys=[OTHER]).make(NOW)
    with pytest.raises(CheckpointRefused, match="not signed by a key"):
        verified(engine, tree)
    with pytest.raises(CheckpointRefused, match="not signed by a key"):
        made(engine, tree).make(NOW)


@pytest.mark.parametrize("column", ["peaks", "leaves", "chain"])
def test_a_checkpoint_whose_row_was_changed_misleads_nobody(
    engine: sa.Engine, tree: Tree, column: str
) -> None:
    """Forged leaf hashes count for nothing: what is signed is their root."""
    write(engine, tree, 4)
    made(engine, tree).make(NOW)
    with engine.begin() as connection:
        connection.execute(sa.update(CHECKPOINTS).values({column: bytes(32)}))
    if column == "peaks":
        with pytest.raises(CheckpointRefused, match="something else than was signed"):
            verified(engine, tree)
        return
    assert verified(engine, tree).size == 4
    write(engine, tree, 1)
    if column == "chain":
        with pytest.raises(LogBroken, match="not what the checkpoint was made of"):
            made(engine, tree).make(NOW)
    replace(engine, tree, EDITS["edited"]([*rows(engine, tree), *rows(engine, tree)][:5]), anew=True)
    with pytest.raises(LogBroken) as caught:
        verified(engine, tree)
    named = (4, None) if column == "chain" else (1, 4)
    assert (caught.value.seq, caught.value.last) == named


def test_a_key_that_was_replaced_still_speaks_for_its_time(engine: sa.Engine, tree: Tree) -> None:
    write(engine, tree, 4)
    made(engine, tree).make(NOW)
    write(engine, tree, 2)
    later = Checkpoints(engine, tree, origin="id.example", keys=[OTHER], believed=[public_of(KEY)])
    assert later.make(NOW) is not None
    assert verify_database(engine, later).checkpoints == 2


def test_several_processes_make_checkpoints_at_once(engine: sa.Engine) -> None:
    """Whoever is second makes none; none is lost and the log goes on meanwhile."""
    write(engine, LOGIN, 20)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: made(engine, LOGIN).make(NOW), range(3)))
    assert sum(opened is not None for opened in found) == 1
    assert verified(engine, LOGIN).checkpoints == 1


def test_an_auditor_verifies_a_copy_without_the_database(
    engine: sa.Engine, tree: Tree, tmp_path: Path
) -> None:
    """Lines are the data of the leaves; the key's public half and a checkpoint are all that is needed."""
    write(engine, tree, 7)
    note = made(engine, tree).make(NOW)
    assert note is not None
    file = tmp_path / "entries"
    file.write_bytes(b"".join(export_lines(engine, made(engine, tree))))

    def read() -> Verified:
        with file.open("rb") as lines:
            name, begin = tree_of_lines(next(lines))
            assert name == tree.name
            return verify_lines(lines, begin, [open_note(note.note, [public_of(KEY)])])

    assert (read().size, read().checkpoints) == (7, 1)
    shutil.copy(file, whole := tmp_path / "whole")
    lines = whole.read_bytes().splitlines(keepends=True)
    for changed, first, last in (
        ([*lines[:3], lines[3].replace(b'"word":"a"', b'"word":"b"'), *lines[4:]], 1, 7),
        ([*lines[:3], *lines[4:]], 3, None),
        ([*lines[:3], lines[4], lines[3], *lines[5:]], 3, None),
        (lines[:6], 6, None),
        ([*lines[:3], b"no JSON\n", *lines[4:]], 3, None),
    ):
        file.write_bytes(b"".join(changed))
        with pytest.raises(LogBroken) as caught:
            read()
        assert (caught.value.seq, caught.value.last) == (first, last)


@pytest.mark.parametrize("header", [b"", b"{}", b"[]", b'{"tree":"login","size":1,"frontier":[]}', b"\xff"])
def test_a_file_that_holds_no_entries_is_refused(header: bytes) -> None:
    with pytest.raises(CheckpointRefused, match="first line"):
        tree_of_lines(header)


def test_what_was_removed_is_still_proven_by_its_hashes(engine: sa.Engine) -> None:
    """Also a change to what remains is still named."""
    for minutes in (0, 1, 60):
        write(engine, LOGIN, 4, at=NOW + timedelta(minutes=minutes))
        made(engine, LOGIN).make(NOW + timedelta(minutes=minutes))
    oldest = next(made(engine, LOGIN).kept())
    opened = made(engine, LOGIN).opened(oldest)
    planned = plan(engine, made(engine, LOGIN), before=NOW + timedelta(minutes=30))
    assert planned is not None
    assert (planned.size, planned.removed) == (8, 8)
    log = AppendOnlyLog(engine)
    log.start()
    told = {"size": 8, "root": planned.root.hex()}
    log.append("LogPruned", told, now=NOW + timedelta(minutes=60)).result()
    log.stop()
    remove(engine, made(engine, LOGIN), planned)
    assert plan(engine, made(engine, LOGIN), before=NOW + timedelta(minutes=30)) is None
    found = verified(engine, LOGIN, [opened])
    assert (found.size, found.pruned, found.checkpoints) == (13, 8, 3)
    assert found.pruned_until == NOW + timedelta(minutes=1)
    proof = consistency(made(engine, LOGIN), opened)
    assert "the first 4 of 12 entries" in verify_proof(json.dumps(proof), [public_of(KEY)])
    assert made(engine, LOGIN).make(NOW) is not None
    with engine.begin() as connection:
        connection.execute(sa.update(LOG).where(LOG.c.seq == 10).values(body="{}"))
    assert first_bad(engine, LOGIN) == 10
    with pytest.raises(ValueError, match="only the tree of logins"):
        plan(engine, made(engine, TRUST), before=NOW)


def test_where_copies_stand_is_known_to_every_node(engine: sa.Engine) -> None:
    note_failure(engine, "here", "login", "away", now=NOW)
    note_failure(engine, "here", "login", "still away", now=NOW + timedelta(minutes=1))
    (state,) = states(engine)
    assert (state.size, state.failing_since, state.problem) == (0, NOW, "still away")
    note_success(engine, "here", "login", 7, now=NOW + timedelta(minutes=2))
    (state,) = states(engine)
    assert (state.size, state.time, state.problem) == (7, NOW + timedelta(minutes=2), None)


def test_an_address_gets_each_checkpoint_once_and_in_order(engine: sa.Engine) -> None:
    """A receiver that is away gets them later."""
    posted: list[dict[str, object]] = []
    away = True

    def post(url: str, body: bytes) -> None:
        if away:
            raise OutgoingError("fetch.status", "status 503")
        posted.append({"url": url, **json.loads(body)})

    target = AddressTarget("https://archive.example/", post)
    for count in (2, 3):
        write(engine, LOGIN, count)
        made(engine, LOGIN).make(NOW)
        assert not export(engine, made(engine, LOGIN), target, now=NOW)
    assert [state.problem for state in states(engine)] == ["fetch.status: status 503"]
    away = False
    for _ in range(2):
        assert export(engine, made(engine, LOGIN), target, now=NOW)
    assert [(message["tree"], message["start"]) for message in posted] == [("login", 0), ("login", 2)]
    sizes = [open_note(str(message["checkpoint"]), [public_of(KEY)]).checkpoint.size for message in posted]
    assert sizes == [2, 5]


def test_proofs_of_another_entry_or_log_are_refused(engine: sa.Engine, tree: Tree) -> None:
    """RFC 9162 §2.1.3, §2.1.4: what is shown is what was signed."""
    write(engine, tree, 3)
    first = made(engine, tree).make(NOW)
    assert first is not None
    write(engine, tree, 3)
    made(engine, tree).make(NOW)
    proof = inclusion(engine, made(engine, tree), 4)
    assert "entry 4 of 6" in verify_proof(json.dumps(proof), [public_of(KEY)])
    growth = consistency(made(engine, tree), first)
    for wrong in (
        {**proof, "seq": 5},
        {**proof, "entry": str(proof["entry"]).replace("a", "b")},
        {**proof, "proof": []},
        {**growth, "older": growth["checkpoint"]},
        {**growth, "proof": []},
        {},
        {"checkpoint": first.note},
    ):
        with pytest.raises(CheckpointRefused):
            verify_proof(json.dumps(wrong), [public_of(KEY)])
    with pytest.raises(CheckpointRefused, match="not there"):
        inclusion(engine, made(engine, tree), 7)
    write(engine, tree, 1)
    with pytest.raises(CheckpointRefused, match="newer than the newest checkpoint"):
        inclusion(engine, made(engine, tree), 7)
    replace(engine, tree, EDITS["edited"](rows(engine, tree)), anew=True)
    with pytest.raises(CheckpointRefused, match="not the one"):
        inclusion(engine, made(engine, tree), 4)


def test_entries_of_a_journey_are_found_before_and_after_a_checkpoint(engine: sa.Engine) -> None:
    """ux.md: a support number leads to its entries; asked often, so not by reading the whole log."""
    write(engine, LOGIN, 4)
    made(engine, LOGIN).make(NOW)
    write(engine, LOGIN, 4)
    assert [entry.seq for entry in of_journey(engine, "J2")] == [3, 7]
    assert of_journey(engine, "J") == ()
    assert of_journey(engine, "%") == ()
    with engine.begin() as connection:
        connection.execute(sa.insert(JOURNEYS), {"journey": "J2", "seq": 1})
    assert [entry.seq for entry in of_journey(engine, "J2")] == [3, 7], "a forged index shows nothing else"


def test_rows_of_the_trust_tree_are_hashed_as_the_registry_does(engine: sa.Engine) -> None:
    """One canonical form for the running hash and the leaf."""
    write(engine, TRUST, 2)
    assert [entry.seq for entry in EntryStore(engine).entries(Head())] == [1, 2]
    assert verified(engine, TRUST).size == 2


def removed(engine: sa.Engine, tree: Tree, body: dict[str, object] | None) -> None:
    """Somebody with all rights takes the first four of eight entries away, and tells of it, or not."""
    write(engine, tree, 4)
    made(engine, tree).make(NOW)
    write(engine, tree, 4)
    made(engine, tree).make(NOW)
    if body is not None:
        found = rows(engine, tree)
        last = {
            **found[-1],
            "seq": 9,
            tree.kind: "LogPruned",
            "body": json.dumps(body, separators=(",", ":")),
        }
        replace(engine, tree, [*found, last], anew=True)
    with engine.begin() as connection:
        connection.execute(sa.delete(tree.table).where(tree.table.c.seq <= 4))


@pytest.mark.parametrize(
    "body",
    [None, {}, {"size": 4}, {"size": "4", "root": "00"}, {"size": 4, "root": "00"}, {"size": 10**9, "root": "00"}],
    ids=["nothing", "nothing in it", "no root", "no number", "another root", "all that will ever be"],
)  # fmt: skip
def test_an_entry_that_tells_of_no_such_removal_hides_none(
    engine: sa.Engine, body: dict[str, object] | None
) -> None:
    """One that names just any size would be good for everything that somebody removes later."""
    removed(engine, LOGIN, body)
    with pytest.raises(LogBroken, match="entries 1 to 4 is missing, and no entry tells"):
        verified(engine, LOGIN)
    header, *lines = export_lines(engine, made(engine, LOGIN))
    note = made(engine, LOGIN).newest()
    assert note is not None
    with pytest.raises(LogBroken, match="entries 1 to 4 is missing, and no entry tells"):
        verify_lines(iter(lines), tree_of_lines(header)[1], [made(engine, LOGIN).opened(note)])


def test_nothing_is_ever_removed_from_the_tree_of_trust(engine: sa.Engine) -> None:
    """Also not where an entry of the name of those of the other tree says so, with the right root."""
    write(engine, TRUST, 4)
    made(engine, TRUST).make(NOW)
    kept = made(engine, TRUST).newest()
    assert kept is not None
    with engine.begin() as connection:
        connection.execute(sa.delete(CHECKPOINTS))
        connection.execute(sa.delete(REGISTRY))
    removed(engine, TRUST, {"size": 4, "root": kept.frontier.root.hex()})
    with pytest.raises(LogBroken) as caught:
        verified(engine, TRUST)
    assert caught.value.seq == 1
    with engine.begin() as connection:
        connection.execute(sa.delete(REGISTRY).where(REGISTRY.c.seq <= 8))
    with pytest.raises(LogBroken, match="is missing"):
        made(engine, TRUST).make(NOW)


def test_a_file_that_begins_behind_what_the_checkpoints_tell_of_proves_nothing(engine: sa.Engine) -> None:
    """Whoever exports it also writes its first line."""
    write(engine, LOGIN, 5)
    note = made(engine, LOGIN).make(NOW)
    assert note is not None
    opened = open_note(note.note, [public_of(KEY)])
    with pytest.raises(LogBroken, match="entries 1 to 5 is not the one"):
        verify_lines(iter(()), Frontier().extended([bytes(32)] * 5), [opened])
    with pytest.raises(CheckpointRefused, match="none of these checkpoints"):
        verify_lines(iter(()), Frontier().extended([bytes(32)] * 6), [opened])


@pytest.mark.parametrize(
    "forged",
    ["hash = 'text'", "hash = 7", "body = CAST(x'ff' AS TEXT)", "body = x'00'", "time = 7", "event = CAST(x'ff' AS TEXT)"],
)  # fmt: skip
def test_values_that_no_column_should_hold_are_named_as_well(tmp_path: Path, forged: str) -> None:
    """SQLite takes any value anywhere; verification must not stumble over it."""
    engine = open_database(f"sqlite:///{tmp_path}/log.sqlite3")
    migrate(engine)
    write(engine, LOGIN, 4)
    made(engine, LOGIN).make(NOW)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE log SET {forged} WHERE seq = 3")  # noqa: S608 - constants of this test
    assert first_bad(engine, LOGIN) == 3
    engine.dispose()


def test_a_writer_whose_clock_was_wrong_has_nothing_younger_removed(engine: sa.Engine) -> None:
    """One entry of 1970 among those of today."""
    for minutes in (0, 60):
        write(engine, LOGIN, 3, at=NOW + timedelta(minutes=minutes))
        made(engine, LOGIN).make(NOW)
    for _ in range(3):
        write(engine, LOGIN, 1, at=datetime(1970, 1, 1, tzinfo=UTC))
        made(engine, LOGIN).make(NOW)
    planned = plan(engine, made(engine, LOGIN), before=NOW + timedelta(minutes=30))
    assert planned is not None
    assert planned.size == 3


def test_a_directory_that_ends_before_what_went_there_is_an_alarm(engine: sa.Engine, tmp_path: Path) -> None:
    """The state of the copies is in the database: whoever replaced that wrote it as well."""
    target = DirectoryTarget(tmp_path)
    write(engine, LOGIN, 3)
    made(engine, LOGIN).make(NOW)
    assert export(engine, made(engine, LOGIN), target, now=NOW)
    with engine.begin() as connection:
        connection.execute(sa.delete(CHECKPOINTS))
        connection.execute(sa.delete(JOURNEYS))
        connection.execute(sa.delete(LOG))
    write(engine, LOGIN, 5, word="b")
    made(engine, LOGIN).make(NOW)
    note_success(engine, target.name, "login", 5, now=NOW)
    write(engine, LOGIN, 1, word="b")
    made(engine, LOGIN).make(NOW)
    assert not export(engine, made(engine, LOGIN), target, now=NOW)
    (state,) = states(engine)
    assert state.problem == "holds a checkpoint of 3 entries that the database does not know"
