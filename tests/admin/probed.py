"""A console with countries that are probed; Greece has a history."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connectors.eidas.settings import CountrySettings, EIDASSettings
from connectors.probing import ProbeSettings
from gateway.probes.failures import Reason, Step
from gateway.probes.result import ProbeResult
from tests.admin.console import Console

SECRET = "correct horse"


def country(code: str) -> CountrySettings:
    return CountrySettings(
        country=code, anchor=f"{code.lower()}-node", probe=ProbeSettings(answers={"password": SECRET})
    )


def with_probes(console: Console) -> None:
    """The countries in force, or two, are probed; and three results of Greece."""
    before = console.live.current
    configured = before.configuration
    eidas = EIDASSettings(kind="eidas", name={"de": "Europäische eID", "en": "European eID"})
    probe = ProbeSettings(answers={"password": SECRET})
    countries = [known.model_copy(update={"probe": probe}) for known in configured.countries]
    configuration = replace(
        configured,
        countries=tuple(countries) or (country("GR"), country("SE")),
        connectors=configured.connectors or {"eidas": eidas},
    )
    console.live.swap(replace(before, configuration=configuration))
    for minutes, reason in ((90, None), (60, Reason.PARTNER_TIMEOUT), (30, Reason.ANSWERS_REFUSED)):
        console.probes.history.add(result(console, minutes, reason))


def result(console: Console, minutes_ago: int, reason: Reason | None) -> ProbeResult:
    return ProbeResult(
        target="eidas.gr",
        at=console.clock() - timedelta(minutes=minutes_ago),
        reason=reason,
        step=Step.IDENTIFY if reason else None,
        steps={Step.PUSH: 12, Step.IDENTIFY: 300},
    )
