"""Each service of the mission with each country: a verified person, or the documented refusal."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.launcher import Sandbox
from sandbox.nodes.countries import countries
from sandbox.nodes.faults import FAULTS
from sandbox.services.registrations import services

ORDER = ["basic", "low", "substantial", "high"]
SERVICES = [name for name, service in services().items() if "eidas" in service.means]
PAIRS = [(service, country.node_code) for service in SERVICES for country in countries().values()]
REFUSALS = {
    "choice.level",  # the country's eIDs do not reach the service's level
    "choice.person",  # nor identify the kind of person it wants
    "choice.attributes",  # nor deliver what it cannot do without
    "eidas.cancelled",  # the citizen declined at the node
    "eidas.representation",  # a company without anybody acting for it, where the service wants somebody
}


def word(acr: str) -> str:
    return acr.rpartition("/")[2]


@pytest.mark.parametrize(("service", "code"), PAIRS)
def test_service_gets_a_person_at_its_level_or_a_documented_refusal(
    login: Any, service: str, code: str
) -> None:
    """design.md §4, §6; invariant 2: never a level below the service's policy."""
    country = next(found for found in countries().values() if found.node_code == code)
    registration = services()[service].registration
    minimum = registration["minimum_level"]
    reachable = max(country.levels, key=ORDER.index)
    result = login(service=service, country=code)
    if ORDER.index(reachable) < ORDER.index(minimum):
        assert result["error"] == "unmet_authentication_requirements"
        assert result["code"] in {"choice.level", "choice.person"}
    elif "error" in result:
        assert result["error"] in {"access_denied", "unmet_authentication_requirements"}
        assert result["code"] in REFUSALS
    else:
        assert ORDER.index(word(result["acr"])) >= ORDER.index(minimum)
        assert "NotNotified" not in result["acr"] or registration.get("accept_non_notified")
        assert result["userinfo"]["sub"] == result["id_token"]["sub"]
        assert result["userinfo"]["identity_source"]["country"] == country.code


@pytest.mark.parametrize("service", SERVICES)
def test_service_can_be_used_from_several_countries(login: Any, service: str) -> None:
    """design.md §6: the services are the product's acceptance cases."""
    results = {code: login(service=service, country=code) for code in ("EL", "NL", "EE", "CZ")}
    assert sum("error" not in result for result in results.values()) >= 2, results


def test_greek_citizen_reaches_the_registry_office_at_high(login: Any) -> None:
    """The main job of the first version; names in both scripts (Core §5.2)."""
    result = login(service="personenstand", country="EL", level="high")
    assert result["acr"] == "http://eidas.europa.eu/LoA/high"
    assert result["userinfo"]["family_name"] == "Onasis"
    assert result["userinfo"]["family_name#el-Grek"] == "Ωνάσης"


def test_same_citizen_is_the_same_to_one_service_and_another_to_the_next(login: Any) -> None:
    """Core §8.1; invariant 5: pairwise subjects, stable within a sector."""
    first, again = (login(service="amt24", country="EL")["id_token"]["sub"] for _ in range(2))
    other = login(service="service-bw", country="EL")["id_token"]["sub"]
    assert first == again
    assert other != first


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"replay"}))
def test_wrong_answer_gives_no_login(login: Any, fault: str) -> None:
    """Invariant 1; every entry of the node's error menu, as an integrator would try it."""
    result = login(service="personenstand", country="EL", level="high", fault=fault)
    assert result["error"] in {"access_denied", "unmet_authentication_requirements", "server_error",
                               "temporarily_unavailable"}  # fmt: skip
    assert result["code"].startswith("eidas.")
    assert "userinfo" not in result


def test_logs_name_no_citizen(login: Any, sandbox: Sandbox) -> None:
    """Invariant 4; security.md B.5: test identities are nowhere in the gateway's log."""
    login(service="personenstand", country="EL", level="high")
    log = sandbox.state.log("gateway").read_text("utf-8")
    assert log
    for secret in ("Onasis", "Ωνάσης", "1964-12-31", "1111-onasis", "Arcacia"):
        assert secret not in log


@pytest.mark.parametrize(
    ("code", "kept"), [("BG", "source-sandbox-list.xml"), ("NL", "sandbox-query.nl.*.xml")]
)
def test_country_known_from_a_list_or_a_query_service_serves_logins(
    login: Any, sandbox: Sandbox, code: str, kept: str
) -> None:
    """security.md D.3, D.4: the country's file names a source, and no anchor."""
    assert "anchor" not in (sandbox.state.config / f"registry/countries/{code.lower()}.toml").read_text()
    result = login(service="gaestetaxe-leipzig", country=code)
    assert result["userinfo"]["identity_source"]["country"] == code
    assert list((sandbox.state.config / "var/metadata").glob(kept))
