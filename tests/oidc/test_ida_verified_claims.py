"""verified_claims (OpenID Connect for Identity Assurance §5, §6)."""

from dataclasses import replace

import pytest

from connectors.assurance import Assurance
from tests.oidc.harness import claims_parameter
from tests.oidc.persons import GREEK, HIGH, LOW, REPRESENTED, SUBSTANTIAL, attested, source

NAMES = {"given_name": None, "family_name": None}


def ask(bench, verification=None, claims=NAMES, place="userinfo", **more):
    element = {"verification": verification or {"trust_framework": None}, "claims": claims, **more}
    return ask_all(bench, element, place)


def ask_all(bench, elements, place="userinfo"):
    parameter = claims_parameter(**{place: {"verified_claims": elements}})
    if place == "userinfo":
        return bench.userinfo(scope="openid", claims=parameter).get("verified_claims")
    return bench.id_token(scope="openid", claims=parameter).get("verified_claims")


@pytest.mark.parametrize("place", ["userinfo", "id_token"])
def test_what_was_asked_for_is_returned_and_nothing_else(bench, place):
    """IDA §6: every verification element must be requested explicitly."""
    assert ask(bench, place=place) == {
        "verification": {"trust_framework": "eidas"},
        "claims": {"given_name": "Anna Maria", "family_name": "Jansen"},
    }


def test_full_verification(bench):
    """oidc.md §19.1: UTC with seconds."""
    wanted = {
        "trust_framework": {"value": "eidas"},
        "assurance_level": None,
        "time": None,
        "verification_process": None,
    }
    found = ask(bench, wanted)["verification"]
    journey = found.pop("verification_process")
    assert len(journey) == 10
    assert found == {
        "trust_framework": "eidas",
        "assurance_level": "substantial",
        "time": bench.identity.source.authenticated_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def test_nothing_is_returned_unasked(bench):
    assert "verified_claims" not in bench.userinfo(scope="openid identity")
    assert "verified_claims" not in bench.id_token(scope="openid identity")


@pytest.mark.parametrize(
    ("verification", "given"),
    [
        ({"trust_framework": {"value": "eidas"}}, True),
        ({"trust_framework": {"values": ["de_aml", "eidas"]}}, True),
        ({"trust_framework": {"value": "de_aml"}}, False),
        ({"trust_framework": {"values": ["de_aml"]}}, False),
        ({"trust_framework": {"value": "EIDAS"}}, False),
        ({"trust_framework": None, "assurance_level": {"value": "substantial"}}, True),
        ({"trust_framework": None, "assurance_level": {"values": ["substantial", "high"]}}, True),
        ({"trust_framework": None, "assurance_level": {"value": "high"}}, False),
        ({"trust_framework": None, "assurance_level": {"value": "very_high"}}, False),
        ({"trust_framework": None, "assurance_level": {"essential": True, "value": "high"}}, False),
        ({"trust_framework": None, "time": {"max_age": 3600}}, True),
        ({"trust_framework": None, "time": {"max_age": 0}}, False),
        ({"trust_framework": None, "time": {"value": "2020-01-01T00:00:00Z"}}, False),
        ({"trust_framework": None, "evidence": [{"type": {"value": "document"}}]}, False),
        ({"trust_framework": None, "assurance_process": {"policy": {"value": "x"}}}, False),
        ({"trust_framework": None, "assurance_process": None}, True),
        ({"trust_framework": None, "urn:unknown": None}, True),
    ],
)
def test_constraint_that_is_not_met_leaves_out_the_whole_element(bench, verification, given):
    """IDA §6.5: no error, independent of essential."""
    assert (ask(bench, verification) is not None) is given


def test_higher_level_answers_for_a_lower_one(bench):
    """As with acr: who identified at high also did at substantial; the value is one of those asked for."""
    bench.fresh(GREEK)
    wanted = {"trust_framework": None, "assurance_level": {"values": ["low", "substantial"]}}
    assert ask(bench, wanted)["verification"]["assurance_level"] == "substantial"
    assert ask(bench, {"trust_framework": None, "assurance_level": None})["verification"] == {
        "trust_framework": "eidas",
        "assurance_level": "high",
    }


def test_claim_constraint_that_is_not_met_leaves_out_that_claim(bench):
    """IDA §6.5.2."""
    found = ask(bench, claims={"given_name": {"value": "Bert"}, "family_name": None})
    assert found["claims"] == {"family_name": "Jansen"}


@pytest.mark.parametrize("claims", [{"email": None}, {"title": None}, {"nosuch": None}, None])
def test_claims_that_cannot_be_given_leave_an_empty_object(bench, claims):
    """VC §5: claims may be empty; suite ekyc-server-test-userinfo-notfoundinop."""
    assert ask(bench, claims=claims)["claims"] == {}


def test_value_the_source_does_not_vouch_for_stays_outside(bench):
    """An attribute without a level, or with a lower one than the statement, is not verified by it."""
    subject = replace(
        bench.identity.subject,
        given_name=attested(bench.identity.subject.given_name.value, None),
        birth_family_name=attested(bench.identity.subject.birth_family_name.value, LOW),
    )
    bench.identity = replace(bench.identity, subject=subject)
    wanted = {**NAMES, "birth_family_name": None, "name": None}
    assert ask(bench, claims=wanted)["claims"] == {"family_name": "Jansen"}


def test_what_the_citizen_kept_back_stays_back(bench):
    bench.released = frozenset({"family_name"})
    assert ask(bench)["claims"] == {"family_name": "Jansen"}


def test_scheme_that_is_not_notified_gives_no_verified_claims(bench):
    """Only notified eIDAS schemes."""
    bench.identity = replace(bench.identity, assurance=Assurance(level=SUBSTANTIAL, notified=False))
    assert ask(bench) is None


def test_other_scheme_gives_no_verified_claims_of_this_framework(bench):
    changed = replace(source("DE", scheme="bundid"), authenticated_at=bench.identity.source.authenticated_at)
    bench.identity = replace(bench.identity, source=changed)
    assert ask(bench) is None


def test_several_elements_are_handled_each_on_its_own(bench):
    """IDA §6.4: one per satisfiable element."""
    low = {
        "verification": {"trust_framework": None, "assurance_level": {"value": "low"}},
        "claims": {"birthdate": None},
    }
    high = {"verification": {"trust_framework": None, "assurance_level": {"value": "high"}}, "claims": NAMES}
    any_level = {"verification": {"trust_framework": None}, "claims": NAMES}
    found = ask_all(bench, [low, high, any_level])
    assert [sorted(element["claims"]) for element in found] == [["birthdate"], ["family_name", "given_name"]]
    assert ask_all(bench, [low, high])["claims"] == {"birthdate": "1980-02-01"}
    assert ask_all(bench, [high]) is None


def test_legal_person_and_representative_can_be_verified(bench):
    bench.fresh(REPRESENTED)
    found = ask(bench, claims={"legal_person": None, "representative": None})["claims"]
    assert found["legal_person"]["legal_name"] == "Forage du Rhin SAS"
    assert "email" not in found["legal_person"]
    assert found["representative"]["birthdate"] == "0000-04-30"


def test_original_script_is_given_by_its_tag(bench):
    """Core §5.2; IDA §6: nothing that was not asked for, and only names that are in the metadata."""
    bench.fresh(GREEK)
    bench.identity = replace(bench.identity, assurance=Assurance(level=HIGH))
    assert ask(bench, claims={"family_name": None})["claims"] == {"family_name": "Papadopoulou"}
    both = {"family_name": None, "family_name#el-Grek": None}
    assert ask(bench, claims=both)["claims"] == {
        "family_name": "Papadopoulou",
        "family_name#el-Grek": "Παπαδοπούλου",
    }


def test_birthdate_without_month_and_day_stays_outside(bench):
    """VC claims_schema: no form for a year alone; UserInfo tells it, unverified."""
    bench.fresh(GREEK)
    parameter = claims_parameter(
        userinfo={
            "verified_claims": {"verification": {"trust_framework": None}, "claims": {"birthdate": None}}
        }
    )
    found = bench.userinfo(scope="openid profile", claims=parameter)
    assert found["verified_claims"]["claims"] == {}
    assert found["birthdate"] == "1974"


@pytest.mark.parametrize(("length", "accepted"), [(2, False), (3, True), (300, True), (301, False)])
def test_purpose_has_its_bounds(bench, length, accepted):
    """Suite ekyc-server-short-purpose-invalid-request and its sister for long ones."""
    about = {"purpose": "x" * length}
    for element in (
        {"verification": {"trust_framework": None}, "claims": {"family_name": about}},
        {"verification": {"trust_framework": about}, "claims": NAMES},
    ):
        answer = bench.answer(claims=claims_parameter(userinfo={"verified_claims": element}))
        assert answer.get("error") == (None if accepted else "invalid_request")


@pytest.mark.parametrize("about", [None, {}, {"essential": False}, {"essential": True}], ids=str)
def test_every_way_of_asking_without_a_constraint_is_the_same(bench, about):
    """Suite ekyc-server-happypath, …-emptyobject, …-essentialfalse, and names with special characters."""
    found = ask(bench, claims={"family_name": about, "claim%1/a&,.b": about})
    assert found["claims"] == {"family_name": "Jansen"}


def test_only_value_that_cannot_be_met_leaves_empty_claims(bench):
    """Suite ekyc-server-one-claim-with-random-value-omitted, in both places at once."""
    element = {"verification": {"trust_framework": None}, "claims": {"name": {"value": "6f1c0b1e-0000"}}}
    parameter = claims_parameter(userinfo={"verified_claims": element}, id_token={"verified_claims": element})
    for found in (bench.userinfo(claims=parameter), bench.id_token(claims=parameter)):
        assert found["verified_claims"] == {"verification": {"trust_framework": "eidas"}, "claims": {}}


@pytest.mark.parametrize(
    "element",
    [
        None,
        [],
        "x",
        {},
        {"claims": NAMES},
        {"verification": None, "claims": NAMES},
        {"verification": {}, "claims": NAMES},
        {"verification": {"assurance_level": None}, "claims": NAMES},
        {"verification": {"trust_framework": "eidas"}, "claims": NAMES},
        {"verification": {"trust_framework": {"values": []}}, "claims": NAMES},
        {"verification": {"trust_framework": {"values": "eidas"}}, "claims": NAMES},
        {"verification": {"trust_framework": {"value": "a", "values": ["a"]}}, "claims": NAMES},
        {"verification": {"trust_framework": None, "time": {"max_age": -1}}, "claims": NAMES},
        {"verification": {"trust_framework": None, "time": {"max_age": "1"}}, "claims": NAMES},
        {"verification": {"trust_framework": None}},
        {"verification": {"trust_framework": None}, "claims": {}},
        {"verification": {"trust_framework": None}, "claims": ["name"]},
        {"verification": {"trust_framework": None}, "claims": {"name": 1}},
        [{"verification": {"trust_framework": None}, "claims": NAMES}] * 9,
    ],
    ids=str,
)
def test_malformed_request_for_verified_claims_is_invalid(bench, element):
    """IDA §6.1."""
    answer = bench.answer(claims=claims_parameter(userinfo={"verified_claims": element}))
    assert answer["error"] == "invalid_request"
    assert answer["error_uri"].endswith("authorize.verified_claims_malformed")
