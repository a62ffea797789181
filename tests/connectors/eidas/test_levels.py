"""Levels of assurance on the wire (message format 1.4 §2.4.1, §3.1; eidas.md §1, §2.4, §13 items 4 to 6)."""

import itertools

import pytest

from connectors.assurance import EIDAS_LEVELS, Assurance, LevelOfAssurance
from connectors.eidas import levels
from connectors.errors import InvalidAnswer, LevelTooLow, RequestNotPossible

BASIC, LOW, SUBSTANTIAL, HIGH = LevelOfAssurance
N = "http://eidas.europa.eu/LoA/"
NN = "http://eidas.europa.eu/NotNotified/LoA/"

NO_LEVELS = (
    N + "test",
    N + "test#case",
    N + "unknown",
    N + "LOW",
    N + "NotNotified/high",
    "http://eidas.europa.eu/NonNotified/LoA/high",
    "http://eidas.europa.eu/notnotified/LoA/high",
    "https://eidas.europa.eu/LoA/high",
    N + "high ",
    N + "high/",
    "High",
    "high",
    "",
)


def ask(minimum, published, *, non_notified=False):
    context = levels.request(minimum, accept_non_notified=non_notified, published=published)
    return context.comparison, list(context.references)


@pytest.mark.parametrize("minimum", EIDAS_LEVELS)
def test_a_notified_level_is_asked_as_minimum_with_one_reference(minimum):
    """Message format §2.4.1; whatever higher level the peer offers satisfies it."""
    assert ask(minimum, [N + "high"]) == ("minimum", [N + minimum.word])


def test_a_service_content_with_less_than_low_asks_for_low():
    """bundid.md §1.5: ``basic`` is no eIDAS level, so no node ever hears of it."""
    assert ask(BASIC, [N + "high"]) == ("minimum", [N + "low"])
    assert ask(BASIC, [NN + "low"], non_notified=True) == ("exact", [NN + "low"])


def test_non_notified_levels_are_not_asked_unless_accepted():
    """eidas.md §11.4: no silent equivalence."""
    published = [N + "high", NN + "substantial", NN + "high"]
    assert ask(SUBSTANTIAL, published) == ("minimum", [N + "substantial"])


def test_a_non_notified_level_makes_the_list_exact_with_all_higher_notified_ones():
    """eidas.md §13 number 4: the example of eidas.md §2.4."""
    published = [N + "substantial", NN + "substantial", NN + "high", NN + "low"]
    assert ask(SUBSTANTIAL, published, non_notified=True) == (
        "exact",
        [N + "substantial", N + "high", NN + "substantial", NN + "high"],
    )


def test_only_non_notified_levels_make_a_list_without_notified_ones():
    """Message format §2.4.1: notified ones need not be listed."""
    assert ask(LOW, [NN + "substantial"], non_notified=True) == ("exact", [NN + "substantial"])


def test_accepting_non_notified_changes_nothing_where_none_is_offered():
    """eidas.md §13 number 4: exact with notified levels only is invalid, so it stays minimum."""
    assert ask(LOW, [N + "low", N + "high"], non_notified=True) == ("minimum", [N + "low"])


@pytest.mark.parametrize("minimum", EIDAS_LEVELS)
@pytest.mark.parametrize("non_notified", [False, True])
def test_no_combination_breaks_the_rules_of_comparison(minimum, non_notified):
    """eidas.md §13 number 4, for all sets of published levels: the three forms a node refuses never appear."""
    uris = [prefix + level.word for prefix in (N, NN) for level in EIDAS_LEVELS]
    for size in range(len(uris) + 1):
        for published in itertools.combinations(uris, size):
            try:
                comparison, references = ask(minimum, published, non_notified=non_notified)
            except RequestNotPossible:
                continue  # a test of its own below
            notified = [r for r in references if r.startswith(N)]
            assert len(references) == len(set(references)) > 0
            if comparison == "minimum":
                assert references == notified == [N + minimum.word]
            else:
                assert comparison == "exact"
                assert non_notified
                assert len(notified) < len(references)
                if N + "substantial" in notified:
                    assert N + "high" in notified
                if N + "low" in notified:
                    assert N + "substantial" in notified


@pytest.mark.parametrize("published", [[], [N + "low"], [NN + "high"], list(NO_LEVELS)])
def test_a_peer_that_offers_nothing_sufficient_is_not_asked(published):
    """eidas.md §2.4: refused early if the published levels cannot satisfy."""
    with pytest.raises(RequestNotPossible) as caught:
        ask(SUBSTANTIAL, published)
    assert caught.value.reason == "eidas.level-not-offered"


@pytest.mark.parametrize("uri", NO_LEVELS)
def test_nothing_but_the_six_uris_is_a_level(uri):
    """eidas.md §13 number 5: test, unknown, LOW, NotNotified/high; even when published."""
    assert levels.offered([uri]) == frozenset()
    with pytest.raises(InvalidAnswer) as caught:
        levels.achieved(uri, minimum=LOW, accept_non_notified=True, published=[uri])
    assert caught.value.reason == "eidas.level.unknown"


@pytest.mark.parametrize(
    ("minimum", "word"), [(LOW, "low"), (LOW, "high"), (SUBSTANTIAL, "high"), (HIGH, "high")]
)
def test_a_sufficient_level_is_taken_as_asserted(minimum, word):
    """Never raised, never lowered (eidas.md §11.4)."""
    found = levels.achieved(N + word, minimum=minimum, accept_non_notified=False, published=[N + word])
    assert found == Assurance(level=LevelOfAssurance.parse(word), notified=True)


def test_a_level_below_the_request_is_refused():
    """eidas.md §13 number 6."""
    with pytest.raises(LevelTooLow) as caught:
        levels.achieved(N + "low", minimum=HIGH, accept_non_notified=False, published=[N + "low", N + "high"])
    assert (caught.value.achieved, caught.value.required) == (LOW, HIGH)


def test_a_level_the_issuer_does_not_publish_is_refused():
    """eidas.md §13 number 6; interoperability architecture §5 step 7."""
    with pytest.raises(InvalidAnswer) as caught:
        levels.achieved(N + "high", minimum=LOW, accept_non_notified=False, published=[N + "substantial"])
    assert caught.value.reason == "eidas.level.not-published"


def test_a_non_notified_answer_to_a_notified_request_is_refused():
    """eidas.md §13 number 6."""
    uri = NN + "high"
    with pytest.raises(InvalidAnswer) as caught:
        levels.achieved(uri, minimum=LOW, accept_non_notified=False, published=[uri])
    assert caught.value.reason == "eidas.level.not-notified"
    accepted = levels.achieved(uri, minimum=LOW, accept_non_notified=True, published=[uri])
    assert accepted == Assurance(level=HIGH, notified=False)


def test_uris_and_levels_are_a_bijection():
    """eidas.md §1: three notified, three non-notified."""
    assert len(levels.LEVELS) == 6
    for uri, assurance in levels.LEVELS.items():
        assert levels.uri(assurance) == uri
