"""``/log``: both logs, filtered, page by page; an entry with its proof; verification; export."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import get_args
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from gateway import audit
from gateway.admin.desk import AdminDesk, Visit
from gateway.admin.errors import CONSOLE_NOT_FOUND, CONSOLE_UNAVAILABLE
from gateway.admin.history.journeys_page import event_text
from gateway.admin.history.log_query import Filter, LogLine, LogPage, export, log_line, search
from gateway.admin.history.log_source import EntryChanged, Proof, TreeSource, proof_of
from gateway.admin.history.turns import VERIFICATION, busy, during, ending, export_of, give_back, take
from gateway.admin.history.verification import Check, CheckState, Progress, Verify
from gateway.admin.pages import AdminRoute, admin_page, redirect
from gateway.admin.render import moment_text
from gateway.web.local_time import ZONE
from gateway.web.security_headers import api_headers
from gateway.web.translations import Translations
from trust.checkpoint import CheckpointRefused
from trust.errors import KeyUnavailable, LogUnavailable
from trust.log_verification import verify_database
from trust.registry import entries
from trust.trees import LOGIN, TREES, TRUST, Row, Tree

_TYPED = ("since", "until", "event", "actor", "object")
_LONGEST = 400
_YEARS = range(1970, 9000)
"""Of times that can be reckoned with and written in four digits."""
_EVENTS: Mapping[str, tuple[str, ...]] = {
    LOGIN.name: (*(event.__name__ for event in get_args(audit.Event)), "MetadataChanged"),
    TRUST.name: (entries.PROPOSED, entries.APPROVAL, entries.REJECTED, entries.WITHDRAWN, entries.ACTIVATED),
}
_KINDS = {
    CheckState.NEVER: "info",
    CheckState.RUNNING: "info",
    CheckState.OK: "ok",
    CheckState.BROKEN: "danger",
    CheckState.FAILED: "warning",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the address asks for."""

    tree: Tree
    typed: Mapping[str, str]
    wanted: Filter
    before: int | None
    bad_time: bool

    def href(self, path: str, **more: object) -> str:
        """``path`` with the same filter."""
        named = {"tree": self.tree.name, **{name: text for name, text in self.typed.items() if text}, **more}
        return f"{path}?{urlencode(named)}"


def asked(request: Request) -> Asked:
    """Nothing in it is refused: what cannot be read counts as not given, a time is told."""
    query = request.query_params
    typed = {name: query.get(name, "").strip()[:_LONGEST] for name in _TYPED}
    since, until = _moment(typed["since"]), _moment(typed["until"])
    before = query.get("before", "")
    return Asked(
        tree=TREES.get(query.get("tree", ""), LOGIN),
        typed=typed,
        wanted=Filter(
            since=since,
            until=until,
            event=typed["event"],
            actor=typed["actor"],
            object=typed["object"].replace("-", "") if _is_shown_number(typed["object"]) else typed["object"],
        ),
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None,
        bad_time=bool((typed["since"] and since is None) or (typed["until"] and until is None)),
    )


async def log(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/log``."""
    query = asked(request)
    source = TreeSource(desk.engine, query.tree, visit.fold)
    try:
        found: LogPage | None = await desk.read_much(search, source, query.wanted, before=query.before)
    except LogUnavailable:
        found = None
    words = visit.words
    older = query.href("/log", before=found.next) + "#entries" if found and found.next else None
    return admin_page(
        desk, visit, "log.html",
        status_code=503 if found is None else 200,
        tree=query.tree.name,
        trees=tuple(TREES),
        typed=query.typed,
        bad_time=query.bad_time,
        events=[
            {"tree": tree, "events": sorted((name, event_text(words, name)) for name in names)}
            for tree, names in _EVENTS.items()
        ],
        page_found=found,
        lines=[_line(line, words) for line in found.lines] if found else [],
        older_href=older,
        newest_href=query.href("/log") + "#entries" if query.before is not None else None,
        export_href=query.href("/log/export"),
        checks=[_check(tree, desk.checks.of(tree), words) for tree in TREES],
        running=desk.checks.running,
    )  # fmt: skip


async def export_lines(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/log/export``: JSON lines of everything that matches, oldest first."""
    query = asked(request)
    source = TreeSource(desk.engine, query.tree, visit.fold)
    turn = export_of(visit.person)
    await take(desk.store, turn, reason="busy.export")
    try:
        lines = await desk.read_much(_first_read, export(source, query.wanted))
    except LogUnavailable as error:
        await give_back(desk.store, turn)
        raise CONSOLE_UNAVAILABLE(cause=error) from error
    name = f"log-{query.tree.name}-{visit.now:%Y%m%dT%H%M%SZ}.jsonl"
    return StreamingResponse(
        during(desk.store, turn, lines),
        media_type="application/jsonl",
        headers=_download(desk, name),
    )


async def entry(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/log/{tree}/{seq}``: one entry, and the proof that it is in the tree."""
    source, row = await _entry(desk, visit, request)
    line = log_line(row, source)
    proof, trouble = await _proof(desk, source.tree, row)
    words = visit.words
    return admin_page(
        desk, visit, "log_entry.html",
        tree=source.tree.name,
        line=line,
        trouble=trouble,
        proof=proof,
        body=_readable(line.body),
        summary=[
            (words.text("history.log_event"), event_text(words, line.event)),
            (words.text("history.log_time"), line.time),
            (words.text("history.log_leaf"), line.leaf),
        ],
        proof_facts=[] if proof is None else [
            (words.text("history.entry_size"), proof.size),
            (words.text("history.entry_root"), proof.root),
        ],
    )  # fmt: skip


async def proof_download(desk: AdminDesk, visit: Visit, request: Request) -> Response:
    """GET ``/log/{tree}/{seq}/proof``."""
    source, row = await _entry(desk, visit, request)
    proof, _ = await _proof(desk, source.tree, row)
    if proof is None:
        raise CONSOLE_NOT_FOUND()
    name = f"log-{proof.tree}-{proof.seq}-proof.json"
    return JSONResponse(proof.as_json(), headers=_download(desk, name))


async def verify(desk: AdminDesk, _visit: Visit, _request: Request) -> Response:
    """POST ``/log/verify``: begin, unless a run is under way, in whichever process, or was a moment ago."""
    if desk.checks.running:
        raise busy("busy.verification")
    await take(desk.store, VERIFICATION, reason="busy.verification")
    try:
        await asyncio.to_thread(_start, desk, ending(desk.store, VERIFICATION))
    except LogUnavailable as error:
        await give_back(desk.store, VERIFICATION)
        raise CONSOLE_UNAVAILABLE(cause=error) from error
    return redirect("/log#verify")


def _start(desk: AdminDesk, ended: Callable[[], None]) -> None:
    """Raises LogUnavailable where the size of a log cannot be told."""
    trees: dict[str, tuple[int, Verify]] = {}
    for tree in TREES.values():
        _, size = TreeSource(desk.engine, tree, desk.registry.known).bounds()
        trees[tree.name] = size, partial(_verify, desk, tree.name)
    desk.checks.start(trees, clock=desk.clock, ended=ended)


def _verify(desk: AdminDesk, tree: str, progress: Progress) -> int:
    return verify_database(desk.engine, desk.checkpoints(tree), progress=progress).size


async def _entry(desk: AdminDesk, visit: Visit, request: Request) -> tuple[TreeSource, Row]:
    """The entry of the address; raises ``console.not_found``."""
    tree, seq = TREES.get(request.path_params["tree"]), request.path_params["seq"]
    if tree is None or not (seq.isascii() and seq.isdigit() and len(seq) < 19):
        raise CONSOLE_NOT_FOUND()
    source = TreeSource(desk.engine, tree, visit.fold)
    try:
        rows = await asyncio.to_thread(source.read, int(seq), int(seq))
    except LogUnavailable as error:
        raise CONSOLE_UNAVAILABLE(cause=error) from error
    if not rows:
        raise CONSOLE_NOT_FOUND()
    return source, rows[0]


async def _proof(desk: AdminDesk, tree: Tree, row: Row) -> tuple[Proof | None, str]:
    """The proof, or the text that says why there is none."""
    try:
        proof = await desk.read_much(lambda: proof_of(row, desk.checkpoints(tree.name)))
    except EntryChanged:
        return None, "entry_broken"
    except (CheckpointRefused, KeyUnavailable, OSError):
        return None, "entry_unsigned"
    return proof, "" if proof else "entry_no_proof"


def _line(line: LogLine, words: Translations) -> dict[str, object]:
    about = dict.fromkeys((*line.actors, *line.objects))
    return {
        "seq": line.seq,
        "at": line.at,
        "time": line.time,
        "event": event_text(words, line.event),
        "about": [text if len(text) < 60 else f"{text[:48]}…" for text in about],
        "leaf": line.leaf,
    }


def _check(tree: str, check: Check, words: Translations) -> tuple[str, str, object]:
    when = moment_text(check.at, words.language) if check.at else ""
    text = words.text(
        f"history.verify_{check.state.value}",
        done=check.done, size=check.size, seq=check.seq or 0, reason=check.reason, when=when,
    )  # fmt: skip
    return tree, _KINDS[check.state], text


def _readable(body: str) -> str:
    """Indented for reading; as it is if it is no JSON."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body


def _moment(text: str) -> datetime | None:
    """What a field ``datetime-local`` sends, or with a zone; else None."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.year not in _YEARS:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZONE)


def _is_shown_number(text: str) -> bool:
    return len(text) == 11 and text[5] == "-" and text.replace("-", "").isalnum()


def _first_read(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Ask for the first line now, while there can still be an error page; raises LogUnavailable."""
    first = next(lines, b"")

    def everything() -> Iterator[bytes]:
        yield first
        yield from lines

    return everything()


def _download(desk: AdminDesk, name: str) -> dict[str, str]:
    https = desk.section.url.startswith("https")
    return api_headers(https=https) | {"Content-Disposition": f'attachment; filename="{name}"'}


ROUTES = (
    AdminRoute("/log", log, navigation="history.navigation_log"),
    AdminRoute("/log/export", export_lines),
    AdminRoute("/log/verify", verify, method="POST"),
    AdminRoute("/log/{tree}/{seq}", entry),
    AdminRoute("/log/{tree}/{seq}/proof", proof_download),
)
