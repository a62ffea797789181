"""What ``/metrics`` says: the names of ux.md §13, added up over workers, and nobody in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client import generate_latest, values
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError

from gateway.audit import DataReleased, JourneyEnded, JourneyOpened, SessionUsed
from gateway.client_settings import PROBE_CLIENT
from gateway.counters import Counters
from gateway.errors import AUDIT_UNAVAILABLE, GatewayError
from gateway.metrics_table import METRICS, Sample
from tests.login.fake_source import FAMILY_NAME, IDENTIFIER, PEER
from tests.login.installation import Installation

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
UX = {
    "eidgateway_journeys_total": ("means", "outcome"),
    "eidgateway_journey_duration_seconds": (),
    "eidgateway_peer_up": ("peer",),
    "eidgateway_anchor_expiry_timestamp_seconds": ("anchor",),
    "eidgateway_metadata_valid_until_timestamp_seconds": ("peer",),
    "eidgateway_errors_total": ("code",),
    "eidgateway_log_size": (),
    "eidgateway_build_info": None,
}


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def scraped(installation: Installation) -> str:
    transport = httpx.ASGITransport(app=installation.application.management)
    async with httpx.AsyncClient(transport=transport, base_url="http://management") as http:
        response = await http.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    return response.text


@pytest.mark.anyio
async def test_a_login_is_counted_with_its_means_and_its_outcome_and_nothing_else_of_it(
    installation: Installation,
) -> None:
    browser = installation.browser()
    journey = await browser.identified()
    installation.clock.forward(seconds=42)
    await browser.release(journey)
    given_up = await browser.authorize()
    await browser.post(f"{given_up}/cancel", {})
    text = await scraped(installation)
    found = samples(text)
    ended = "eidgateway_journeys_total"
    assert found[ended, (("means", "eidas"), ("outcome", "released"))] == 1
    assert found[ended, (("means", ""), ("outcome", "cancelled"))] == 1
    assert found["eidgateway_journeys_opened_total", ()] == 2
    assert found["eidgateway_journey_duration_seconds_count", ()] == 1
    assert 42 <= found["eidgateway_journey_duration_seconds_sum", ()] <= 60
    assert found["eidgateway_errors_total", (("code", "journey.cancelled"),)] == 1
    assert found["eidgateway_peer_up", (("peer", PEER),)] == 1
    assert found["eidgateway_log_size", ()] == len(installation.events())
    assert (found["eidgateway_store_up", ()], found["eidgateway_database_up", ()]) == (1, 1)
    # neither client nor person nor journey nor country: one from a small country would be somebody
    for private in ("amt24", FAMILY_NAME, IDENTIFIER, journey.rpartition("/")[2], '"GR"'):
        assert private not in text


@pytest.mark.anyio
async def test_what_is_scraped_is_what_the_table_says(installation: Installation) -> None:
    known = {(metric.name, metric.type): metric for metric in METRICS}
    for family in text_string_to_metric_families(await scraped(installation)):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        metric = known[name, family.type]
        assert family.documentation == metric.meaning
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)


@pytest.mark.anyio
async def test_a_part_that_cannot_be_asked_hides_no_other(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is away, or a part has a defect: monitoring is needed then most."""

    def broken(*_: object) -> Iterator[Sample]:
        raise OperationalError("SELECT", {}, OSError())

    monkeypatch.setattr("gateway.metrics._peers", broken)
    installation.database.rename(installation.database.with_suffix(".away"))
    found = samples(await scraped(installation))
    assert found["eidgateway_database_up", ()] == 0
    assert ("eidgateway_log_size", ()) not in found
    assert ("eidgateway_registry_behind", ()) in found


def test_names_and_labels_are_those_of_the_reference() -> None:
    """ux.md §13."""
    table = {metric.name: metric.labels for metric in METRICS}
    for name, labels in UX.items():
        assert name in table
        assert labels is None or table[name] == labels


def test_no_label_can_tell_a_service_a_person_or_a_country() -> None:
    """ux.md §13: no client label; never country and client together."""
    labels = {label for metric in METRICS for label in metric.labels}
    assert labels.isdisjoint({"client", "service", "country", "journey", "sub", "person"})


@pytest.fixture
def two_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Counters, Counters]]:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    before = values.ValueClass
    yield Counters.shared(tmp_path, 0), Counters.shared(tmp_path, 1)
    values.ValueClass = before


def opened(journey: str = "J") -> JourneyOpened:
    return JourneyOpened(journey=journey, client="amt24", minimum="low")


def released(seconds: int | None) -> DataReleased:
    return DataReleased(
        journey="J", client="amt24", level="low", attributes=(), connector="eidas", seconds=seconds
    )


def test_counters_of_all_workers_are_added_up_and_survive_one(
    two_workers: tuple[Counters, Counters], tmp_path: Path
) -> None:
    """A replaced worker counts on where the one before it ended: nothing falls, nothing counts twice."""
    first, second = two_workers
    first.event(opened())
    second.event(opened())
    second.event(released(30))
    replaced = Counters.shared(tmp_path, 1)
    replaced.event(opened())
    found = samples(generate_latest(first.registry()).decode())
    assert found["eidgateway_journeys_opened_total", ()] == 3
    assert found["eidgateway_journey_duration_seconds_bucket", (("le", "30.0"),)] == 1
    assert found["eidgateway_journeys_total", (("means", "eidas"), ("outcome", "released"))] == 1


def test_outcomes() -> None:
    counters = Counters.alone()
    counters.event(SessionUsed(journey="J", client="a", sid="s", connector="eidas"))
    counters.event(released(None))
    for code in ("journey.refused", "journey.timed_out", "eidas.cancelled", "eidas.level-too-low"):
        counters.event(JourneyEnded(journey="J", client="a", code=code, connector="eidas"))
    counters.answered(GatewayError(AUDIT_UNAVAILABLE))
    found = samples(generate_latest(counters.registry()).decode())
    outcomes = {
        dict(labels)["outcome"]: value
        for (name, labels), value in found.items()
        if name == "eidgateway_journeys_total"
    }
    assert outcomes == {"session": 1, "refused": 1, "expired": 1, "cancelled": 1, "failed": 1}
    assert found["eidgateway_errors_total", (("code", AUDIT_UNAVAILABLE.code),)] == 1


def test_a_probe_is_nobody_who_logged_in() -> None:
    counters = Counters.alone()
    counters.event(JourneyOpened(journey="J", client=PROBE_CLIENT, minimum="low"))
    counters.event(JourneyEnded(journey="J", client=PROBE_CLIENT, code="journey.cancelled"))
    found = samples(generate_latest(counters.registry()).decode())
    assert found == {("eidgateway_journeys_opened_total", ()): 0} | {
        key: 0 for key in found if key[0].startswith("eidgateway_journey_duration")
    }


def test_every_metric_in_rules_and_dashboard_exists() -> None:
    """Alert rules and dashboards go stale unnoticed: nothing fires."""
    known = {metric.name for metric in METRICS}
    histograms = {metric.name for metric in METRICS if metric.type == "histogram"}
    known |= {f"{name}_{part}" for name in histograms for part in ("bucket", "sum", "count")}
    files = sorted(MONITORING.iterdir())
    assert [file.name for file in files] == ["dashboard.json", "prometheus-rules.yml"]
    for file in files:
        used = set(re.findall(r"\beidgateway_\w+", file.read_text("utf-8")))
        assert used
        assert used <= known, file.name


def test_the_dashboard_is_json_with_a_query_in_every_panel() -> None:
    dashboard = json.loads((MONITORING / "dashboard.json").read_text("utf-8"))
    assert dashboard["title"] == "eid-gateway"
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in panels:
        assert panel["targets"], panel["title"]
        assert all(target["expr"] for target in panel["targets"])


def test_every_rule_has_what_an_operator_needs() -> None:
    text = (MONITORING / "prometheus-rules.yml").read_text("utf-8")
    rules = text.split("- alert: ")[1:]
    assert len(rules) >= 10
    for rule in rules:
        for part in ("expr:", "severity:", "summary:", "description:"):
            assert part in rule, rule[:60]
    for days in (90, 30, 14, 7, 1):
        assert f'"{days}"' in text or f"|{days}" in text or f"{days}|" in text
