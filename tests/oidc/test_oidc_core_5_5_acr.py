"""Levels of assurance as acr (Core §5.5.1.1, oidc.md §3)."""

from dataclasses import replace

import pytest

from connectors.assurance import EIDAS_LEVELS, Assurance, LevelOfAssurance
from gateway.errors import GatewayError
from gateway.oidc.acr import VOCABULARIES, acr_of, returned_acr
from gateway.oidc.request import AcrRequest
from tests.oidc.harness import claims_parameter, client
from tests.oidc.persons import BUNDID

BASIC, LOW, SUBSTANTIAL, HIGH = LevelOfAssurance
STORK_1 = "STORK-QAA-Level-1"
BASE = "http://eidas.europa.eu/LoA/"
OTHER = "http://eidas.europa.eu/NotNotified/LoA/"


def notified(level):
    return Assurance(level=level)


def not_notified(level):
    return Assurance(level=level, notified=False)


def essential(*values):
    return claims_parameter(id_token={"acr": {"essential": True, "values": list(values)}})


@pytest.mark.parametrize(
    ("values", "is_essential", "achieved", "expected"),
    [
        ((), False, notified(HIGH), BASE + "high"),
        ((), True, notified(LOW), BASE + "low"),
        ((BASE + "high",), True, notified(HIGH), BASE + "high"),
        ((BASE + "substantial",), True, notified(HIGH), BASE + "substantial"),
        ((BASE + "low", BASE + "substantial"), True, notified(HIGH), BASE + "substantial"),
        ((BASE + "substantial", BASE + "high"), True, notified(HIGH), BASE + "high"),
        ((BASE + "high",), True, notified(SUBSTANTIAL), None),
        ((BASE + "high",), False, notified(SUBSTANTIAL), BASE + "substantial"),
        ((BASE + "low",), False, notified(SUBSTANTIAL), BASE + "low"),
        (("urn:unknown",), False, notified(SUBSTANTIAL), BASE + "substantial"),
        (("urn:unknown",), True, notified(SUBSTANTIAL), None),
        ((BASE + "LOW",), True, notified(HIGH), None),
        ((BASE + "low",), True, not_notified(HIGH), None),
        ((OTHER + "low",), True, notified(HIGH), None),
        ((OTHER + "low",), True, not_notified(HIGH), OTHER + "low"),
        ((BASE + "low", OTHER + "substantial"), True, not_notified(SUBSTANTIAL), OTHER + "substantial"),
        ((BASE + "low",), False, not_notified(HIGH), OTHER + "high"),
        ((), False, notified(BASIC), STORK_1),
        ((STORK_1,), True, notified(BASIC), STORK_1),
        ((STORK_1,), True, not_notified(HIGH), STORK_1),
        ((STORK_1, BASE + "substantial"), True, notified(HIGH), BASE + "substantial"),
        ((BASE + "low",), True, notified(BASIC), None),
        (("STORK-QAA-Level-4",), True, notified(HIGH), None),
    ],
)
def test_returned_acr(values, is_essential, achieved, expected):
    """Core §5.5.1.1: never above what was reached, one of the requested values if essential; levels of
    schemes that are not notified never stand for notified ones (eidas.md §11.4)."""
    request = AcrRequest(values=values, essential=is_essential)
    if expected is None:
        with pytest.raises(GatewayError, match="acr_unmet"):
            returned_acr(request, achieved)
    else:
        assert returned_acr(request, achieved) == expected


@pytest.mark.parametrize("level", EIDAS_LEVELS)
def test_acr_is_never_higher_than_what_was_reached(level):
    """design.md invariant 2, over all requests of two values."""
    values = [acr_of(make(other)) for make in (notified, not_notified) for other in EIDAS_LEVELS]
    for first in values:
        for second in values:
            given = returned_acr(AcrRequest(values=(first, second)), notified(level))
            assert given.startswith(BASE)
            assert LevelOfAssurance.parse(given.removeprefix(BASE)) <= level


@pytest.mark.parametrize(
    ("client_id", "changes", "minimum"),
    [
        ("portal", {}, LOW),
        ("strict", {}, SUBSTANTIAL),
        ("portal", {"acr_values": BASE + "high"}, HIGH),
        ("portal", {"acr_values": f"{BASE}high {BASE}substantial"}, SUBSTANTIAL),
        ("portal", {"acr_values": "urn:x"}, LOW),
        ("strict", {"acr_values": BASE + "low"}, SUBSTANTIAL),
        ("strict", {"claims": essential(BASE + "low")}, SUBSTANTIAL),
        ("portal", {"claims": essential(BASE + "substantial")}, SUBSTANTIAL),
        ("portal", {"claims": essential(BASE + "low"), "acr_values": BASE + "high"}, LOW),
        ("portal", {"claims": claims_parameter(id_token={"acr": {"value": BASE + "high"}})}, HIGH),
        ("portal", {"claims": claims_parameter(id_token={"acr": None})}, LOW),
        ("portal", {"acr_values": OTHER + "high"}, LOW),
        ("tolerant", {"acr_values": OTHER + "high"}, HIGH),
    ],
)
def test_what_is_asked_of_the_source(bench, client_id, changes, minimum):
    """The lowest level named, never less than the registration; the essential claim decides."""
    bench.answer(client_id=client_id, **changes)
    assert bench.opened[0].minimum is minimum


@pytest.mark.parametrize(
    ("client_id", "changes", "accepted"),
    [
        ("portal", {}, False),
        ("portal", {"acr_values": OTHER + "low"}, False),
        ("tolerant", {}, True),
        ("tolerant", {"claims": essential(BASE + "low")}, False),
        ("tolerant", {"claims": essential(BASE + "low", OTHER + "low")}, True),
    ],
)
def test_schemes_that_are_not_notified_need_registration_and_request(bench, client_id, changes, accepted):
    bench.answer(client_id=client_id, **changes)
    assert bench.opened[0].accept_non_notified is accepted


@pytest.mark.parametrize("values", [("urn:x",), (BASE + "LOW",), (OTHER + "high",), ("",)])
def test_essential_acr_that_nobody_here_has_is_refused_at_once(bench, values):
    """unmet_authentication_requirements, before the citizen is troubled."""
    answer = bench.answer(claims=essential(*values))
    assert answer["error"] == "unmet_authentication_requirements"
    assert not bench.opened


def test_essential_acr_beyond_reach_is_refused_at_once_and_a_wish_is_lowered(bench):
    bench.highest = SUBSTANTIAL
    answer = bench.answer(claims=essential(BASE + "high"))
    assert answer["error"] == "unmet_authentication_requirements"
    assert not bench.opened
    assert "code" in bench.answer(acr_values=BASE + "high")
    assert bench.opened[0].minimum is SUBSTANTIAL
    bench.highest = None
    bench.answer(acr_values=BASE + "high")
    assert bench.opened[1].minimum is HIGH


def test_essential_acr_that_was_not_reached_fails_the_login(bench):
    """Core §5.5.1.1: a failed authentication. The test's citizen is at substantial."""
    answer = bench.answer(claims=essential(BASE + "high"))
    assert answer["error"] == "unmet_authentication_requirements"
    assert "code" not in answer


def test_voluntary_acr_is_answered_with_what_was_reached(bench):
    assert bench.id_token(acr_values=BASE + "high")["acr"] == BASE + "substantial"
    assert bench.id_token(acr_values=BASE + "low")["acr"] == BASE + "low"


def test_level_of_a_scheme_that_is_not_notified_keeps_its_own_name(bench):
    bench.identity = replace(bench.identity, assurance=not_notified(HIGH))
    assert bench.id_token("tolerant")["acr"] == OTHER + "high"


# ---------------------------------------------------------------------------------------- vocabularies

TABLE = {
    "eidas": (STORK_1, BASE + "low", BASE + "substantial", BASE + "high"),
    "words": ("basic", "low", "substantial", "high"),
    "stork": ("STORK-QAA-Level-1", "STORK-QAA-Level-2", "STORK-QAA-Level-3", "STORK-QAA-Level-4"),
    "bsi": tuple(
        f"http://bsi.bund.de/eID/LoA/{word}" for word in ("undefined", "normal", "substantiell", "hoch")
    ),
    "tara": (STORK_1, "low", "substantial", "high"),
    "franceconnect": (STORK_1, "eidas1", "eidas2", "eidas3"),
}
ROWS = [
    (vocabulary, level, word)
    for vocabulary, words in TABLE.items()
    for level, word in zip(LevelOfAssurance, words, strict=True)
]


def speaking(bench, vocabulary, **changes):
    values = {"minimum_level": "basic", "accept_non_notified": True, **changes}
    bench.register(client("speaker", acr_vocabulary=vocabulary, **values))


def test_every_vocabulary_of_the_registration_is_in_the_table():
    """oidc.md §3; docs/claims.md shows the same table."""
    assert set(TABLE) == set(VOCABULARIES)


@pytest.mark.parametrize(("vocabulary", "level", "word"), ROWS)
def test_level_is_told_in_the_clients_words(bench, vocabulary, level, word):
    """Unasked, asked for as a wish, and demanded."""
    speaking(bench, vocabulary)
    bench.identity = replace(bench.identity, assurance=notified(level))
    assert bench.id_token("speaker")["acr"] == word
    assert bench.id_token("speaker", acr_values=word)["acr"] == word
    assert bench.id_token("speaker", claims=essential(word))["acr"] == word


@pytest.mark.parametrize("vocabulary", list(TABLE))
def test_demand_in_the_clients_words_fails_below_the_level(bench, vocabulary):
    """Core §5.5.1.1, in every vocabulary; the citizen is at substantial."""
    speaking(bench, vocabulary)
    answer = bench.answer(client_id="speaker", claims=essential(TABLE[vocabulary][3]))
    assert answer["error"] == "unmet_authentication_requirements"
    assert bench.opened[0].minimum is HIGH


@pytest.mark.parametrize("vocabulary", list(TABLE))
def test_other_scheme_has_its_own_name_in_every_vocabulary(bench, vocabulary):
    """eidas.md §11.4: no word stands for both."""
    speaking(bench, vocabulary)
    bench.identity = replace(bench.identity, assurance=not_notified(HIGH))
    assert bench.id_token("speaker")["acr"] == OTHER + "high"
    answer = bench.answer(client_id="speaker", claims=essential(TABLE[vocabulary][3]))
    assert answer["error"] == "unmet_authentication_requirements"


def test_eidas_uri_is_understood_and_answered_in_every_vocabulary(bench):
    """Core §5.5.1.1: the value told is one of those asked for."""
    speaking(bench, "franceconnect")
    assert bench.id_token("speaker", acr_values=BASE + "low")["acr"] == BASE + "low"
    assert bench.id_token("speaker", acr_values=f"eidas1 {BASE}substantial")["acr"] == BASE + "substantial"
    assert bench.id_token("speaker", acr_values=BASE + "high")["acr"] == "eidas2"


def test_words_of_another_vocabulary_mean_nothing(bench):
    """``high`` is no word of a client that speaks eIDAS URIs."""
    assert bench.answer(claims=essential("high"))["error"] == "unmet_authentication_requirements"
    assert bench.id_token(acr_values="high")["acr"] == BASE + "substantial"


@pytest.mark.parametrize("vocabulary", list(TABLE))
def test_resource_servers_are_told_in_eidas_words(bench, vocabulary):
    """RFC 9068 §2.2.3.1: the token's reader may speak another vocabulary than the client it came to."""
    speaking(bench, vocabulary, resources=("https://pay.example/",))
    code = bench.code(client_id="speaker", acr_values=TABLE[vocabulary][1])
    tokens = bench.token(code, client_id="speaker", resource="https://pay.example/").json()
    assert bench.read(tokens["id_token"]).claims["acr"] == TABLE[vocabulary][1]
    assert bench.read(tokens["access_token"]).claims["acr"] == BASE + "low"


def test_account_is_told_in_the_clients_words(bench):
    speaking(bench, "bsi")
    bench.fresh(BUNDID)
    assert bench.id_token("speaker")["acr"] == "http://bsi.bund.de/eID/LoA/hoch"


@pytest.mark.parametrize(
    ("changes", "minimum", "told"),
    [
        ({}, SUBSTANTIAL, "substantial"),
        ({"acr_values": "low"}, LOW, "low"),
        ({"claims": essential("low")}, LOW, "low"),
        ({"claims": claims_parameter(userinfo={"acr": {"value": "low"}})}, LOW, "low"),
        ({"claims": claims_parameter(id_token={"acr": {"essential": True}})}, SUBSTANTIAL, "substantial"),
    ],
)
def test_registered_values_are_those_of_a_request_without(bench, changes, minimum, told):
    """Reg §2 default_acr_values: acr_values and the acr claim override them."""
    speaking(bench, "words", default_acr_values=("substantial",))
    assert bench.id_token("speaker", **changes)["acr"] == told
    assert bench.opened[0].minimum is minimum


def test_registered_values_are_a_wish(bench):
    """Reg §2: voluntary."""
    speaking(bench, "words", default_acr_values=("high",))
    assert bench.id_token("speaker")["acr"] == "substantial"


def test_essential_acr_binds_wherever_it_was_asked_for(bench):
    """Core §5.5.1.1; a voluntary one beside it does not hide it."""
    parameter = claims_parameter(
        id_token={"acr": None}, userinfo={"acr": {"essential": True, "value": BASE + "high"}}
    )
    assert bench.answer(claims=parameter)["error"] == "unmet_authentication_requirements"


def test_discovery_names_the_words_that_some_client_speaks(bench):
    """Disc §3 acr_values_supported."""
    from gateway.oidc.discovery import discovery_document

    speaking(bench, "bsi")
    found = discovery_document(bench.provider)["acr_values_supported"]
    assert set(TABLE["bsi"]) | set(TABLE["eidas"]) <= set(found)
    assert "eidas1" not in found
    assert len(found) == len(set(found))
