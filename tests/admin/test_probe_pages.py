"""The console's pages on probe logins (ux.md §11)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from connectors.eidas.settings import EIDASSettings
from connectors.probing import ProbeSettings
from gateway.admin.probe_views import HEIGHT, probe_view
from gateway.probes.failures import Reason, Step
from gateway.probes.result import ProbeResult, Surroundings
from gateway.probes.targets import Target
from tests.admin.console import OLGA, VERA, Console
from tests.admin.probed import SECRET, country, result, with_probes
from trust.registry import ObjectKey, ObjectKind

pytestmark = pytest.mark.anyio


@pytest.fixture
def probed(console: Console) -> Console:
    with_probes(console)
    return console


def answering(reason: Reason | None) -> Callable[[Target, Surroundings], ProbeResult]:
    def run(target: Target, around: Surroundings) -> ProbeResult:
        return ProbeResult(target=target.name, at=around.clock(), reason=reason, steps={Step.PUSH: 1})

    return run


async def test_list_shows_every_target_and_the_failing_first(probed: Console) -> None:
    """With the reason in words, the row of failures and the charts' numbers as text."""
    page = (await (await probed.sign_in(VERA)).get("/probes")).text
    assert page.index("/probes/eidas.gr") < page.index("/probes/eidas.se")
    for words in ("Partner refuses the test identity", "2 times in a row", "2 of 3 probes failed",
                  "Never probed", "1 last probe has failed", "European eID"):  # fmt: skip
        assert words in page


async def test_page_of_a_target_has_history_steps_and_what_to_do(probed: Console) -> None:
    """A chart with title and description, and the same as a table."""
    page = (await (await probed.sign_in(VERA)).get("/probes/eidas.gr?lang=de")).text
    assert len(re.findall(r"<rect ", page)) == 3
    assert '<desc id="chart-description">2 von 3 Proben sind gescheitert.</desc>' in page
    for words in (
        "Fragen Sie den Partner nach den gültigen Zugangsdaten",
        "Partner antwortet zu spät",
        "300 ms",
    ):
        assert words in page
    assert SECRET not in page


async def test_name_in_another_language_stays_out_of_attributes(probed: Console) -> None:
    """There a language cannot be told apart, and markup would be read out."""
    current = probed.live.current
    named = EIDASSettings(kind="eidas", name={"de": "Europäische eID"})
    configuration = replace(current.configuration, connectors={"eidas": named})
    probed.live.swap(replace(current, configuration=configuration))
    browser = await probed.sign_in(OLGA)
    listed, one = [(await browser.get(path)).text for path in ("/probes", "/probes/eidas.gr")]
    assert 'aria-label="Probe now: Greece, Europäische eID"' in listed
    assert "<title>Probe login: Greece, Europäische eID –" in one
    assert '<span lang="de">Europäische eID</span>' in one


async def test_operator_probes_now_and_sees_the_result(probed: Console) -> None:
    """Written down before it begins."""
    probed.probes.run = answering(None)
    browser = await probed.sign_in(OLGA)
    page = await browser.post("/probes/eidas.se/now")
    assert (page.status_code, page.headers["location"]) == (303, "/probes/eidas.se")
    assert "Login worked" in (await browser.get("/probes/eidas.se")).text
    asked = [body for event, body in probed.events() if event == "ProbeAsked"]
    assert asked == [{"target": "eidas.se", "by": OLGA}]


async def test_viewer_cannot_probe_and_sees_no_button(probed: Console) -> None:
    """Role operator."""
    browser = await probed.sign_in(VERA)
    assert "/now" not in (await browser.get("/probes")).text
    assert (await browser.post("/probes/eidas.gr/now")).status_code == 403
    assert "ProbeAsked" not in [event for event, _ in probed.events()]


async def test_unknown_and_suspended_targets_have_no_page(probed: Console) -> None:
    """That a suspended country does not work is intended."""
    browser = await probed.sign_in(OLGA)
    assert (await browser.get("/probes/eidas.xx")).status_code == 404
    suspended = frozenset({ObjectKey(ObjectKind.ANCHOR, "gr-node")})
    probed.live.swap(replace(probed.live.current, suspended=suspended))
    assert (await browser.get("/probes/eidas.gr")).status_code == 404
    assert "/probes/eidas.gr" not in (await browser.get("/probes")).text


async def test_lost_history_is_said_and_the_page_stays(probed: Console) -> None:
    """The table is away, the rest of the console works."""
    browser = await probed.sign_in(VERA)
    with probed.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE probe_results")
    for path in ("/probes", "/probes/eidas.gr"):
        page = await browser.get(path)
        assert page.status_code == 200
        assert "results are missing here" in page.text


@pytest.mark.parametrize("language", ["de", "en"])
async def test_every_reason_and_every_step_has_its_words(probed: Console, language: str) -> None:
    """A missing text would be a page that fails."""
    for reason in Reason:
        probed.probes.history.add(replace(result(probed, 1, reason), step=Step.FORGET))
    every_step = dict.fromkeys(Step, 1)
    probed.probes.history.add(replace(result(probed, 0, Reason.DEFECT), steps=every_step))
    browser = await probed.sign_in(VERA)
    assert (await browser.get(f"/probes/eidas.gr?lang={language}")).status_code == 200


async def test_bars_are_as_high_as_the_probe_was_long(console: Console) -> None:
    """A failed one is as high as the chart, in another form; time goes to the right."""
    results = [
        result(console, 3, None),
        replace(result(console, 2, None), steps={Step.PUSH: 156}),
        result(console, 1, Reason.LEVEL),
    ]
    target = Target.of(country("GR"), ProbeSettings(answers={"a": "b"}))
    view = probe_view(console.live.current.configuration, target, results, language="en")
    assert [(bar.height, bar.ok) for bar in view.bars] == [
        (HEIGHT, True),
        (HEIGHT / 2, True),
        (HEIGHT, False),
    ]
    assert [bar.x for bar in view.bars] == sorted(bar.x for bar in view.bars)
    assert view.bars[-1].x + view.bars[-1].width <= 1000
    assert view.connector.text == "eidas"
