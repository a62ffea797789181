"""Which alerts hold (issue 6: expiry, stale metadata, failed refresh, pending approvals, log gap)."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from connectors.contract import PeerStatus
from gateway.admin.routes import AREAS
from gateway.expiry import Band, Expiry, ExpiryKind, band_at
from gateway.settings.watch import Severity
from gateway.watch.alerts import Alert, News, Notice, Record
from gateway.watch.conditions import alerts
from gateway.watch.observation import (
    Failing,
    LogStanding,
    Observation,
    ProbeStanding,
    RegistryStanding,
    TaskStanding,
)
from gateway.watch.words import DIRECTORY, Words, letter
from gateway.web.translations import load
from tests.support.enrolled_people import people
from tests.trust.registry.people import ANNA, BERT, CLARA, CZECHIA, GREECE, NOW, People, document
from trust.log import migrate, open_database
from trust.metadata_source import SourceState, SourceStatus
from trust.registry import ChangeClass, Fold

__all__ = ["people"]

NODE = "node-1"
QUIET = Observation(node=NODE, now=NOW)
DAY = timedelta(days=1)


def held(seen: Observation) -> dict[str, Alert]:
    return {alert.key: alert for alert in alerts(seen)}


def expiry(when: datetime, *, kind: ExpiryKind = ExpiryKind.ANCHOR, pressing: bool = True) -> Expiry:
    return Expiry(
        key="anchor/el",
        kind=kind,
        subject="el",
        when=when,
        band=band_at(when, NOW),
        link="/anchors/el",
        pressing=pressing,
    )


def test_a_gateway_without_troubles_has_no_alerts() -> None:
    assert alerts(QUIET) == ()


@pytest.mark.parametrize(
    ("days", "severity", "kind"),
    [
        (91, None, ""),
        (90, Severity.INFORMATION, "expiry"),
        (30, Severity.INFORMATION, "expiry"),
        (14, Severity.WARNING, "expiry"),
        (7, Severity.WARNING, "expiry"),
        (1, Severity.CRITICAL, "expiry"),
        (0, Severity.CRITICAL, "expired"),
    ],
)
def test_ends_are_told_90_30_14_7_and_1_days_before(days: int, severity: Severity | None, kind: str) -> None:
    found = held(replace(QUIET, expiries=(expiry(NOW + days * DAY),)))
    if severity is None:
        assert found == {}
    else:
        assert (found["expiry/anchor/el"].severity, found["expiry/anchor/el"].kind) == (severity, kind)


def test_each_narrower_band_is_worse_so_it_is_told_at_once() -> None:
    levels = [
        alerts(replace(QUIET, expiries=(expiry(NOW + days * DAY),)))[0].level
        for days in (90, 30, 14, 7, 1, 0)
    ]
    assert levels == sorted(set(levels))


def test_what_is_replaced_by_itself_is_not_told() -> None:
    """A certificate beside a longer one, a step of a key's calendar."""
    listed = (expiry(NOW, pressing=False), expiry(NOW, kind=ExpiryKind.OWN_KEY))
    assert held(replace(QUIET, expiries=listed)) == {}


def source(
    state: SourceState, *, spent: float = 0.1, failing: timedelta = DAY, reason: str = "fetch.timeout"
) -> SourceStatus:
    return SourceStatus(
        anchor="el", state=state, since=NOW - failing, reason=reason, valid_until=NOW + DAY, next_refresh=NOW,
        refreshed_at=None, tried_at=None, spent=spent, entities=1, dropped=(), alerts=(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "kind", "severity"),
    [
        (source(SourceState.STALE), "metadata-refresh", Severity.INFORMATION),
        (source(SourceState.STALE, spent=0.5), "metadata-stale", Severity.WARNING),
        (source(SourceState.STALE, spent=0.8), "metadata-stale", Severity.CRITICAL),
        (source(SourceState.DOWN), "metadata-down", Severity.CRITICAL),
    ],
)
def test_metadata_that_cannot_be_refreshed_ring_at_50_and_80_percent(
    status: SourceStatus, kind: str, severity: Severity
) -> None:
    """security.md D.2."""
    found = held(replace(QUIET, sources=(status,)))
    assert (found["metadata/el"].kind, found["metadata/el"].severity) == (kind, severity)


@pytest.mark.parametrize(
    "status",
    [
        source(SourceState.OK, spent=0.9),
        source(SourceState.STALE, failing=timedelta(minutes=5)),
        source(SourceState.DOWN, reason="metadata.anchor-inactive"),
        source(SourceState.DOWN, reason="source.inactive"),
    ],
)
def test_one_failed_attempt_and_what_somebody_suspended_are_no_alert(status: SourceStatus) -> None:
    assert held(replace(QUIET, sources=(status,))) == {}


@pytest.mark.parametrize(
    ("words", "kind", "severity"),
    [
        (["https://n.example signing:key.not-approved"], "keys-waiting", Severity.WARNING),
        (
            ["https://n.example signing:key.none-approved", "https://n.example signing:key.not-approved"],
            "keys-changed",
            Severity.CRITICAL,
        ),
        (["https://n.example signing:certificate.expired", "https://n.example signing:key.not-pinned"], None, None),
    ],
)  # fmt: skip
def test_keys_that_wait_for_two_people_are_told(
    words: list[str], kind: str | None, severity: Severity | None
) -> None:
    """Critical where the peer names none but new keys: its logins fail as soon as it signs with one."""
    status = replace(source(SourceState.OK), alerts=tuple(words))
    found = held(replace(QUIET, sources=(status,)))
    if kind is None:
        assert found == {}
    else:
        assert (found["keys/el"].kind, found["keys/el"].severity) == (kind, severity)
        assert found["keys/el"].values["peers"] == "https://n.example"


def test_a_peer_of_many_countries_is_one_alert() -> None:
    down = [
        PeerStatus(peer="https://n.example", country=code, state="down", reason="npa.unreachable")
        for code in ("SE", "FI")
    ]
    found = held(replace(QUIET, peers={"npa": tuple(down)}))
    assert list(found) == ["peer/npa/https://n.example"]
    assert found["peer/npa/https://n.example"].values["countries"] == "FI, SE"


def test_a_peer_whose_metadata_are_down_is_told_once() -> None:
    """The document could not be fetched and has expired: one alert, with the first reason."""
    gone = source(SourceState.DOWN)
    down = PeerStatus(peer="p", country="SE", state="down", reason="metadata.expired", since=gone.since)
    assert list(held(replace(QUIET, peers={"eidas": (down,)}, sources=(gone,)))) == ["metadata/el"]


def test_a_peer_that_left_its_metadata_is_told_beside_others_that_are_down() -> None:
    left = PeerStatus(peer="p", country="SE", state="down", reason="metadata.unknown-entity", since=NOW)
    suspended = replace(left, peer="q", reason="metadata.anchor-inactive")
    seen = replace(QUIET, peers={"eidas": (left, suspended)}, sources=(source(SourceState.DOWN),))
    assert list(held(seen)) == ["metadata/el", "peer/eidas/p"]


class TestRegistry:
    def seen(self, people: People, **standing: object) -> Observation:
        fold: Fold = people.registry.follow()
        known = {"fold": fold, "problem": None, "checked_at": people.now, **standing}
        return replace(QUIET, now=people.now, registry=RegistryStanding(**known))

    def test_a_proposal_names_whose_signature_is_missing(self, people: People) -> None:
        change = people.draft([people.edit(GREECE, document())])
        people.propose(change)
        alert = held(self.seen(people))[f"proposal/{change.change_hash}"]
        assert (alert.kind, alert.level, alert.people) == ("proposal-pending", 0, (BERT, CLARA))
        assert alert.values["missing"] == "1"
        assert not {"because", "file 1", ANNA} & set(alert.values.values())

    def test_a_proposal_about_to_expire_is_worse_and_an_expired_one_is_none(self, people: People) -> None:
        change = people.draft([people.edit(GREECE, document())])
        people.propose(change)
        people.later(hours=60)
        assert held(self.seen(people))[f"proposal/{change.change_hash}"].level == 1
        people.later(hours=24)
        assert held(self.seen(people)) == {}

    def test_a_proposal_that_a_newer_change_overtook_is_told(self, people: People) -> None:
        late = people.draft([people.edit(GREECE, document(x="late"))])
        people.propose(late)
        people.put(GREECE, document())
        assert held(self.seen(people))[f"proposal/{late.change_hash}"].kind == "proposal-conflict"

    def test_what_is_signed_and_not_sound_is_told_after_a_while(self, people: People) -> None:
        change = people.draft([people.edit(GREECE, document())])
        people.propose(change)
        people.invalid = ["no"]
        people.approve(change, BERT)
        assert held(self.seen(people)) == {}
        people.later(minutes=3)
        assert held(self.seen(people))[f"proposal/{change.change_hash}"].kind == "proposal-stuck"

    def test_a_suspension_waits_for_its_review_and_is_worse_when_that_is_overdue(
        self, people: People
    ) -> None:
        people.put(CZECHIA, document())
        people.suspend(CZECHIA)
        key = f"review/{CZECHIA}"
        first = held(self.seen(people))[key]
        people.later(hours=60)
        soon = held(self.seen(people))[key]
        people.later(hours=24)
        late = held(self.seen(people))[key]
        assert [(alert.kind, alert.level) for alert in (first, soon, late)] == [
            ("review-due", 0), ("review-due", 1), ("review-overdue", 2)
        ]  # fmt: skip

    def test_rows_forced_into_the_database_ring_once_each(self, people: People) -> None:
        """security.md D.7: whoever writes rows changes nothing and is seen."""
        people.force("change-activated", {"change": "0" * 64, "state": "0" * 64})
        alert = held(self.seen(people))["registry/ignored"]
        assert (alert.severity, alert.level, alert.repeated) == (Severity.CRITICAL, 1, False)
        people.force("nonsense", {})
        assert held(self.seen(people))["registry/ignored"].level == 2

    def test_an_entry_that_is_dated_back_rings_once(self, people: People) -> None:
        """Signatures expire by the times of the log."""
        alert = held(self.seen(people, dated_back=7))["registry/dated-back"]
        assert (alert.severity, alert.repeated, alert.values["seq"]) == (Severity.CRITICAL, False, "7")

    def test_a_machine_that_would_believe_any_ceremony_is_named(self, people: People) -> None:
        """security.md D.8: a database can be replaced as a whole."""
        alert = held(self.seen(people, pinned=False))[f"registry/unpinned@{NODE}"]
        assert alert.severity is Severity.WARNING
        assert (
            held(
                replace(
                    QUIET, registry=RegistryStanding(fold=Fold(), problem=None, checked_at=NOW, pinned=False)
                )
            )
            == {}
        )

    def test_a_machine_that_cannot_follow_is_named(self, people: People) -> None:
        for problem in ("registry.broken: entry 3", "registry.rolled-back: 7", "registry.invalid: x"):
            found = held(self.seen(people, problem=problem))
            assert found[f"registry/behind@{NODE}"].values["reason"] == problem

    def test_a_database_that_restarts_is_no_alert_but_one_that_stays_away_is(self, people: People) -> None:
        away = "registry.unavailable: OperationalError"
        assert held(self.seen(people, problem=away)) == {}
        gone = held(self.seen(people, problem=away, checked_at=people.now - timedelta(minutes=2)))
        assert gone[f"registry/behind@{NODE}"].values["reason"] == away
        dead = held(self.seen(people, checked_at=people.now - timedelta(minutes=2)))
        assert dead[f"registry/behind@{NODE}"].values["reason"] == "registry.not-followed"

    def test_a_database_that_is_away_is_one_alert(self, people: People) -> None:
        seen = self.seen(people, problem="registry.unavailable: OperationalError", checked_at=None)
        assert list(held(replace(seen, database="OperationalError"))) == [f"database@{NODE}"]

    def test_a_clock_behind_the_log_is_told(self, people: People) -> None:
        people.now -= timedelta(minutes=6)
        assert list(held(self.seen(people))) == [f"clock/registry@{NODE}"]

    def test_a_viewer_is_not_asked_to_sign(self, people: People) -> None:
        """Only approvers' signatures count."""
        seen = self.seen(people)
        assert seen.registry is not None
        change = people.draft([people.edit(GREECE, document())], ChangeClass.ORDINARY)
        people.propose(change)
        fold = people.registry.follow()
        key = next(key for key in fold.state.objects if key.id == CLARA)
        found = fold.state.objects[key]
        viewer = replace(found, document={**found.document, "role": "viewer"})
        state = replace(fold.state, objects={**fold.state.objects, key: viewer})
        watched = held(self.seen(people, fold=replace(fold, state=state)))
        assert watched[f"proposal/{change.change_hash}"].people == (BERT,)


def test_what_is_wrong_with_a_machine_names_the_machine() -> None:
    seen = replace(
        QUIET,
        store="store.unavailable",
        database="OperationalError",
        keys={"saml-2026": "key.device"},
        jump=timedelta(seconds=-90),
        tasks=(
            TaskStanding(
                name="rollup", seconds=60, failing=Failing(since=NOW - timedelta(minutes=3), reason="X")
            ),
            TaskStanding(
                name="young", seconds=60, failing=Failing(since=NOW - timedelta(minutes=2), reason="X")
            ),
        ),
    )
    assert set(held(seen)) == {
        f"store@{NODE}", f"database@{NODE}", f"key/saml-2026@{NODE}", f"clock-jump@{NODE}", f"task/rollup@{NODE}"
    }  # fmt: skip


def test_log_probes_keys_and_channels() -> None:
    failing = Failing(since=NOW, reason="x", times=2)
    seen = replace(
        QUIET,
        log=(
            LogStanding(
                tree="trust", broken="entry 17 is missing", late_since=NOW, unexported={"x": failing}
            ),
        ),
        probes=(
            ProbeStanding(connector="eidas", country="GR", failing=failing),
            ProbeStanding(connector="eidas", country="CZ", failing=replace(failing, times=1)),
        ),
        staying={"oidc-2026": "oidc-signing"},
        channels={"ops": failing},
    )
    assert set(held(seen)) == {
        "log/trust/broken", "log/trust/late", "log/trust/export/x", "probe/eidas/GR", "key-stays/oidc-2026", "channel/ops"
    }  # fmt: skip


KINDS = set(re.findall(r'"([a-z-]+)\.title"', (DIRECTORY / "en/LC_MESSAGES/gateway.po").read_text("utf-8")))


@pytest.mark.parametrize("language", ["de", "en"])
def test_whatever_a_text_may_name_has_a_text_itself(language: str) -> None:
    catalogue = load(language, DIRECTORY)
    wanted = [f"{kind}.{part}" for kind in KINDS for part in ("title", "text")]
    wanted += [f"what.{kind.value}" for kind in ExpiryKind] + [f"class.{kind.value}" for kind in ChangeClass]
    wanted += [f"news.{news.value}" for news in News] + [f"severity.{one.value}" for one in Severity]
    assert [identifier for identifier in wanted if identifier not in catalogue] == []


def test_languages_have_the_same_texts_with_the_same_placeholders() -> None:
    texts = {}
    for language in ("de", "en"):
        content = (DIRECTORY / language / "LC_MESSAGES/gateway.po").read_text("utf-8")
        entries = re.findall(r'msgid "([^"]+)"\nmsgstr "((?:[^"\\]|\\.)*)"', content)
        texts[language] = {name: sorted(re.findall(r"{(\w+)}", text)) for name, text in entries}
    assert texts["de"] == texts["en"]


@pytest.mark.parametrize("language", ["de", "en"])
def test_each_alert_can_be_said_in_a_mail(language: str, people: People) -> None:
    """A placeholder without a value would be found only when the alert comes."""
    people.put(CZECHIA, document())
    people.suspend(CZECHIA)
    people.propose(people.draft([people.edit(GREECE, document())]))
    people.force("nonsense", {})
    fold = people.registry.follow()
    failing = Failing(since=NOW - DAY, reason="x", times=2)
    seen = Observation(
        node=NODE, now=NOW, expiries=(expiry(NOW), replace(expiry(NOW + DAY), key="anchor/b", band=Band.DAYS_1)),
        sources=(source(SourceState.DOWN), replace(source(SourceState.STALE), anchor="cz"),
                 replace(source(SourceState.STALE, spent=0.6), anchor="se"),
                 replace(source(SourceState.OK), anchor="dk", alerts=("urn:n signing:key.not-approved",)),
                 replace(source(SourceState.OK), anchor="fi", alerts=(
                     "urn:n signing:key.none-approved", "urn:n signing:key.not-approved"))),
        peers={"npa": (PeerStatus(peer="p\r\nBcc: x@y.example", country=None, state="down", reason="r"),)},
        registry=RegistryStanding(
            fold=replace(fold, time=NOW + DAY), problem="registry.broken", checked_at=None, dated_back=7,
            pinned=False),
        store="s", database="d", keys={"k": "r"}, staying={"k": "oidc-signing"},
        log=(LogStanding(tree="login", broken="r", late_since=NOW, unexported={"x": failing}),), jump=DAY, channels={"ops": failing},
        probes=(ProbeStanding(connector="c", country=None, failing=failing),),
        tasks=(TaskStanding(name="t", seconds=1, failing=failing),),
    )  # fmt: skip
    found = alerts(seen)
    assert {alert.kind for alert in found} >= KINDS - {
        "test",
        "proposal-stuck",
        "proposal-conflict",
        "review-overdue",
    }
    pages = [re.sub(r"{\w+}", "[^/]+", route.path) for area in AREAS for route in area]
    assert [alert.link for alert in found if not any(re.fullmatch(page, alert.link) for page in pages)] == []
    notices = [
        Notice(news=News.RAISED, record=Record(alert=alert, since=datetime(2026, 1, 1, tzinfo=UTC), seen=NOW))
        for alert in found
    ]
    written = letter(notices, Words(language), installation="id.example", console="https://console.example")
    assert "\n" not in written.subject
    assert "Bcc" not in written.body.split("\ufffd")[0]
    assert not re.search(r"[{}@]", written.body.replace("@" + NODE, "").replace("x@y.example", ""))
    assert "https://console.example/changes/" in written.body


def test_markup_is_plain_text_in_a_mail() -> None:
    """The catalogues escape for pages; a mail must show what was meant."""
    alert = Alert(key="k", kind="peer-down", severity=Severity.CRITICAL,
                  values={"peer": "https://n.example/?a=1&b=<2>", "connector": "c", "reason": "r", "countries": "–"})  # fmt: skip
    assert "a=1&b=<2>" in Words("de").title(Record(alert=alert, since=NOW, seen=NOW))


def test_database_of_alerts_is_made_by_the_migration(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/gateway.sqlite3")
    migrate(engine)
    assert {"alerts", "alert_deliveries"} <= set(sa.inspect(engine).get_table_names())
    engine.dispose()
