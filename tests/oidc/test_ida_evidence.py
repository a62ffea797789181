"""Evidence and trust frameworks of verified_claims (VC §5.4, IDA §6.3; oidc.md §19; ADR 14)."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, validators
from referencing import Registry, Resource

from connectors.assurance import Assurance
from tests.oidc.harness import ISSUER, claims_parameter, client
from tests.oidc.persons import (
    BASIC,
    BUNDID,
    CARD,
    COMPANY_ACCOUNT,
    GREEK,
    GUEST,
    HIGH,
    NATURAL,
    OVER_18,
    REPRESENTED,
    SUBSTANTIAL,
)

ACCOUNTS = f"{ISSUER}/ida/de_user_account"
NAMES = {"family_name": None, "legal_person": None}
CHECKS = {"check_method": None, "organization": None, "check_id": None, "time": None}
RECORD = {
    "type": {"value": "electronic_record"},
    "check_details": [CHECKS],
    "record": {"type": None, "source": {"name": None, "country_code": None}},
}
DOCUMENT = {
    "type": {"value": "document"},
    "check_details": [CHECKS],
    "document_details": {"type": None, "date_of_expiry": None, "issuer": {"country_code": None}},
}
EVERYTHING = {
    "trust_framework": None,
    "assurance_level": None,
    "time": None,
    "verification_process": None,
    "evidence": [RECORD, DOCUMENT],
}
CARD_FACTS = ("document_type", "date_of_expiry", "issuing_state", "artistic_name")


def answer(bench, verification, claims=NAMES, client_id="portal"):
    element = {"verification": verification, "claims": claims}
    parameter = claims_parameter(userinfo={"verified_claims": element})
    return bench.userinfo(client_id, scope="openid", claims=parameter)


def ask(bench, verification, claims=NAMES, client_id="portal"):
    return answer(bench, verification, claims, client_id).get("verified_claims")


def evidence(bench, *wanted, client_id="portal"):
    """The evidence that was given; None if the whole element was left out."""
    found = ask(bench, {"trust_framework": None, "evidence": list(wanted)}, client_id=client_id)
    return None if found is None else found["verification"].get("evidence")


def instant(bench):
    return bench.identity.source.authenticated_at.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def registry(bench):
    """A client that may learn about the document itself."""
    bench.register(client("registry", card_facts=CARD_FACTS))
    bench.fresh(CARD)
    return bench


# ------------------------------------------------------------------------------- what is true of whom


def test_notified_scheme_is_a_record_that_its_country_stated(bench):
    """oidc.md §19.1: country, scheme, time and the statement's number for audits; no register is claimed."""
    assert evidence(bench, RECORD) == [
        {
            "type": "electronic_record",
            "check_details": [
                {
                    "check_method": "data",
                    "organization": "https://node.example/NL",
                    "check_id": "_1",
                    "time": instant(bench),
                }
            ],
            "record": {
                "type": f"{ISSUER}/ida/eidas_assertion",
                "source": {"name": "https://node.example/NL", "country_code": "NL"},
            },
        }
    ]


def test_german_card_is_a_document_whose_chip_was_checked(registry):
    """oidc.md §19.1 (nPA): ``document``, ``vcrypt``, details as released; never a number."""
    assert evidence(registry, DOCUMENT, client_id="registry") == [
        {
            "type": "document",
            "check_details": [
                {
                    "check_method": "vcrypt",
                    "organization": "https://eid-service.example",
                    "check_id": "_1",
                    "time": instant(registry),
                }
            ],
            "document_details": {
                "type": "de_erp",
                "date_of_expiry": "2031-10-31",
                "issuer": {"country_code": "DE"},
            },
        }
    ]


@pytest.mark.parametrize(
    ("on_chip", "kind"),
    [("ID", "idcard"), ("AR", "de_erp"), ("AF", "de_erp"), ("UB", f"{ISSUER}/ida/de_eid_card"), ("ZZ", None)],
)
def test_document_is_named_by_what_the_chip_says(registry, on_chip, kind):
    """npa.md §7; a kind without a word is not guessed, and the details that need it go with it."""
    registry.identity = replace(registry.identity, card=replace(CARD.card, document_type=on_chip))
    details = evidence(registry, DOCUMENT, client_id="registry")[0].get("document_details")
    assert (details and details["type"]) == kind


@pytest.mark.parametrize(
    ("identity", "level"), [(BUNDID, "high"), (GUEST, "high"), (COMPANY_ACCOUNT, "substantial")], ids=str
)
def test_account_is_verified_under_a_framework_of_its_own(bench, identity, level):
    """ADR 14: not ``eidas``, which would be untrue, and an identifier under our domain (IDA §10)."""
    bench.fresh(identity)
    found = ask(bench, EVERYTHING)
    assert found["verification"]["trust_framework"] == ACCOUNTS
    assert found["verification"]["assurance_level"] == level
    (proof,) = found["verification"]["evidence"]
    assert proof["record"] == {
        "type": f"{ISSUER}/ida/user_account",
        "source": {"name": identity.source.issuer, "country_code": "DE"},
    }
    assert ask(bench, {"trust_framework": {"value": "eidas"}}) is None


def test_company_account_verifies_the_company_and_not_who_operated_it(bench):
    """bundid.md §3: the account names the acting person and does not say how it knows."""
    bench.fresh(COMPANY_ACCOUNT)
    wanted = {"legal_person": None, "family_name": None, "representative": None, "account": None}
    found = ask(bench, {"trust_framework": None}, wanted)["claims"]
    assert set(found) == {"legal_person"}
    assert found["legal_person"]["legal_name"] == "Muster Bau AG"


def test_account_does_not_say_when_it_verified_the_person(bench):
    """A login is not the verification: ``time`` is left out, and a bound on it is not met."""
    bench.fresh(BUNDID)
    assert "time" not in ask(bench, EVERYTHING)["verification"]
    assert ask(bench, {"trust_framework": None, "time": {"max_age": 31536000}}) is None


def test_values_of_an_account_below_its_level_are_not_verified(bench):
    """bundid.md §1.10: each value has its own level; the e-mail address and the sex do not reach the login's."""
    bench.fresh(BUNDID)
    wanted = dict.fromkeys(("family_name", "gender", "email", "phone_number", "title", "address"))
    assert set(ask(bench, {"trust_framework": None}, wanted)["claims"]) == {"family_name", "title", "address"}


def test_basic_registration_verifies_nothing(bench):
    """bundid.md §1.5: self-asserted behind a password, in no framework."""
    bench.fresh(replace(BUNDID, assurance=Assurance(level=BASIC)))
    element = {"verification": {"trust_framework": None}, "claims": NAMES}
    found = bench.userinfo("basic", claims=claims_parameter(userinfo={"verified_claims": element}))
    assert "verified_claims" not in found


# ------------------------------------------------------------------------------ only what was asked for


def test_evidence_is_given_only_if_asked_for(bench):
    """VC §5.4.2: a notified eID needs none."""
    assert "evidence" not in ask(bench, {"trust_framework": None})["verification"]


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ({"type": {"value": "electronic_record"}}, {}),
        ({"type": None}, {}),
        (
            {"type": None, "check_details": [{"organization": None}]},
            {"check_details": [{"check_method": "data", "organization": "https://node.example/NL"}]},
        ),
        ({"type": None, "check_details": None}, {"check_details": [{"check_method": "data"}]}),
        ({"type": None, "record": None}, {"record": {"type": f"{ISSUER}/ida/eidas_assertion"}}),
        (
            {"type": None, "record": {"source": {"country_code": {"essential": True}}}},
            {"record": {"type": f"{ISSUER}/ida/eidas_assertion", "source": {"country_code": "NL"}}},
        ),
        ({"type": None, "record": {"source": {"locality": None}}}, {"record": {"type": f"{ISSUER}/ida/eidas_assertion"}}),
        ({"type": None, "attachments": None, "document_details": {"type": None}}, {}),
    ],
    ids=str,
)  # fmt: skip
def test_members_of_evidence_must_be_asked_for_one_by_one(bench, wanted, given):
    """IDA §6.3; beside them only what their parent is not valid without."""
    assert evidence(bench, wanted) == [{"type": "electronic_record", **given}]


def test_unconstrained_evidence_is_its_type(bench):
    found = ask(bench, {"trust_framework": None, "evidence": None})
    assert found["verification"]["evidence"] == [{"type": "electronic_record"}]


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ([{"type": {"value": "document"}}], False),
        ([{"type": {"value": "vouch"}}], False),
        ([{"type": {"value": "document"}}, {"type": {"value": "electronic_record"}}], True),
        ([{**RECORD, "check_details": [{"check_method": {"value": "vcrypt"}}]}], False),
        ([{**RECORD, "check_details": [{"check_method": {"values": ["vcrypt", "data"]}}]}], True),
        ([{**RECORD, "check_details": [{"check_method": {"value": "vpip"}}, {"check_method": {"value": "data"}}]}], True),
        ([{**RECORD, "check_details": [{"time": {"max_age": 60}}]}], True),
        ([{**RECORD, "check_details": [{"time": {"max_age": 0}}]}], False),
        ([{**RECORD, "record": {"type": {"value": "population_register"}}}], False),
        ([{**RECORD, "record": {"type": {"value": f"{ISSUER}/ida/eidas_assertion"}}}], True),
        ([{**RECORD, "record": {"type": None, "created_at": {"max_age": 1}}}], False),
        ([{**RECORD, "record": {"source": {"country_code": {"values": ["BE", "NL"]}}}}], True),
        ([{**RECORD, "record": {"source": {"country_code": {"value": "BE"}}}}], False),
        ([{"type": None, "document_details": {"type": {"value": "idcard"}}}], False),
        ([{"type": None, "digest": {"alg": {"value": "sha-256"}}}], False),
    ],
    ids=str,
)  # fmt: skip
def test_filters_of_evidence_are_alternatives_and_one_must_be_met(bench, wanted, given):
    """IDA §6.3, §6.5.1: otherwise the whole of verified_claims is left out, without an error."""
    assert (evidence(bench, *wanted) is not None) is given


def test_first_filter_that_fits_says_what_is_given(bench):
    """IDA §6.3: alternatives, in the client's order."""
    other = {**RECORD, "record": {"type": {"value": "population_register"}, "source": {"name": None}}}
    (found,) = evidence(bench, other, {"type": None, "record": {"type": None}})
    assert found == {"type": "electronic_record", "record": {"type": f"{ISSUER}/ida/eidas_assertion"}}


@pytest.mark.parametrize(
    "wanted",
    [
        {"evidence": []},
        {"evidence": {}},
        {"evidence": [None]},
        {"evidence": [{}]},
        {"evidence": [{"type": "document"}]},
        {"evidence": [{"type": {"values": ["document"]}}]},
        {"evidence": [{"type": None, "check_details": {}}]},
        {"evidence": [{"type": None, "check_details": [{"check_method": "data"}]}]},
        {"evidence": [{"type": None, "record": []}]},
        {"evidence": [{"type": None, "record": {"source": "x"}}]},
        {"evidence": [{"type": None, "document_details": {"issuer": {"country_code": "DE"}}}]},
        {"evidence": [{"type": None}] * 9},
        {"assurance_process": "x"},
        {"assurance_process": {"assurance_details": {}}},
        {"assurance_level": {"essential": "yes"}},
        {"time": {"max_age": True}},
    ],
    ids=str,
)
def test_malformed_request_for_evidence_is_invalid(bench, wanted):
    """IDA §6.1, schema verified_claims_request: by its own error, before the citizen is troubled."""
    element = {"verification": {"trust_framework": None, **wanted}, "claims": NAMES}
    found = bench.answer(claims=claims_parameter(id_token={"verified_claims": element}))
    assert found["error"] == "invalid_request"
    assert found["error_uri"].endswith("authorize.verified_claims_malformed")
    assert not bench.opened


def test_signature_evidence_may_name_its_issuer_as_a_text(bench):
    """VC §5.4.4.4: there ``issuer`` is no object; the request is well-formed, and nothing is such evidence."""
    wanted = {"type": {"value": "electronic_signature"}, "issuer": {"value": "https://qtsp.example"}}
    assert evidence(bench, wanted) is None


# ------------------------------------------------------------------------- what a card says, and its yeses


def test_details_of_a_document_need_registration(registry):
    """No details without ``card_facts``: left out, or with a constraint the whole element."""
    (found,) = evidence(registry, DOCUMENT)
    assert "document_details" not in found
    assert evidence(registry, {"type": None, "document_details": {"type": {"value": "de_erp"}}}) is None
    found = evidence(
        registry, {"type": None, "document_details": {"type": {"value": "de_erp"}}}, client_id="registry"
    )
    assert found == [{"type": "document", "document_details": {"type": "de_erp"}}]


def test_details_of_a_document_need_release(registry):
    registry.released = frozenset({"family_name", "card.date_of_expiry"})
    (found,) = evidence(registry, DOCUMENT, client_id="registry")
    assert "document_details" not in found


def test_details_of_a_document_are_bounded_by_age(registry):
    """IDA §6.3 max_age: a date ahead is younger than any."""
    bound = {"type": None, "document_details": {"type": None, "date_of_expiry": {"max_age": 0}}}
    assert evidence(registry, bound, client_id="registry")
    expired = replace(CARD.card, date_of_expiry=CARD.card.date_of_expiry.replace(year=2020))
    registry.identity = replace(registry.identity, card=expired)
    assert evidence(registry, bound, client_id="registry") is None


def test_details_asked_for_as_evidence_are_nowhere_else(registry):
    found = answer(registry, EVERYTHING, client_id="registry")
    assert not {"document_type", "document_expiry", "issuing_state"} & set(found)
    assert found["verified_claims"]["verification"]["evidence"][0]["document_details"]["type"] == "de_erp"


def test_artistic_name_of_a_card_can_be_verified(registry):
    registry.identity = replace(registry.identity, card=replace(CARD.card, artistic_name="Blixa"))
    found = ask(registry, {"trust_framework": None}, {"also_known_as": None}, "registry")
    assert found["claims"] == {"also_known_as": "Blixa"}


# ------------------------------------------------------------------------------------------ issue 5, shows 2


@pytest.mark.parametrize("essential", [False, True])
@pytest.mark.parametrize("place", ["userinfo", "id_token"])
def test_level_that_was_not_reached_leaves_out_verified_claims_without_an_error(bench, place, essential):
    """IDA §6.5.1, essential or not: a Greek citizen at substantial, the request wants high."""
    subject = replace(GREEK.subject, family_name=replace(GREEK.subject.family_name, level=SUBSTANTIAL))
    bench.fresh(replace(GREEK, assurance=Assurance(level=SUBSTANTIAL), subject=subject))
    level = {"value": "high", "essential": True} if essential else {"value": "high"}
    element = {
        "verification": {"trust_framework": {"value": "eidas"}, "assurance_level": level},
        "claims": {"family_name": {"essential": essential}},
    }
    parameter = claims_parameter(**{place: {"verified_claims": element, "family_name": None}})
    tokens = bench.tokens(scope="openid", claims=parameter)
    told = bench.read(tokens["id_token"]).claims
    assert told["acr"] == "http://eidas.europa.eu/LoA/substantial"
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    found = told if place == "id_token" else bench.http.get("/userinfo", headers=headers).json()
    assert "verified_claims" not in found
    assert found["family_name"] == "Papadopoulou"


def test_level_that_was_reached_is_told_with_what_it_verifies(bench):
    """The same request, the citizen at high."""
    bench.fresh(GREEK)
    wanted = {"trust_framework": {"value": "eidas"}, "assurance_level": {"value": "high", "essential": True}}
    assert ask(bench, wanted) == {
        "verification": {"trust_framework": "eidas", "assurance_level": "high"},
        "claims": {"family_name": "Papadopoulou"},
    }


def test_the_same_level_as_essential_acr_is_a_failed_login(bench):
    """Core §5.5.1.1, for comparison: there it is an error."""
    acr = {"essential": True, "values": ["http://eidas.europa.eu/LoA/high"]}
    found = bench.answer(claims=claims_parameter(id_token={"acr": acr}))
    assert found["error"] == "unmet_authentication_requirements"


# ------------------------------------------------------------------------------------------------- claims


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ({"birthdate": {"max_age": 3_000_000_000}}, True),
        ({"birthdate": {"max_age": 86400}}, False),
        ({"family_name": {"max_age": 86400}}, False),
        ({"birthdate": {"max_age": 3_000_000_000, "value": "1980-02-02"}}, False),
    ],
)
def test_age_of_a_claim_can_be_bounded(bench, wanted, given):
    """IDA §6 max_age, on dates."""
    assert bool(ask(bench, {"trust_framework": None}, wanted)["claims"]) is given


def test_full_name_goes_with_a_part_that_is_constrained_away(bench):
    wanted = {"name": None, "family_name": {"value": "X"}, "given_name": None}
    found = ask(bench, {"trust_framework": None}, wanted)["claims"]
    assert found == {"given_name": "Anna Maria"}


def test_claims_that_are_never_verified_are_not_even_fetched(bench):
    """Suite ekyc-server-test-userinfo-notfoundinop; and no attribute is asked of the source for nothing."""
    from gateway.oidc.offers import asked_attributes

    found = ask(bench, {"trust_framework": None}, {"email": None, "preferred_username": None})
    assert found["claims"] == {}
    assert asked_attributes(bench.opened[0]).verified == frozenset()


# ------------------------------------------------------------------------------------ schema and metadata

STRICT = json.loads((Path(__file__).parent / "ida_verified_claims.schema.json").read_text("utf-8"))
PUBLISHED = Path(os.environ.get("IDA_SCHEMAS", Path(__file__).parents[2].parent / "shared" / "data" / "oidc"))
"""Directory with the published ``verified_claims.json``, ``verified_claims_request.json`` and what they refer to."""
IDENTITIES = {
    "natural": NATURAL,
    "greek": GREEK,
    "represented": REPRESENTED,
    "card": CARD,
    "over_18": OVER_18,
    "bundid": BUNDID,
    "guest": GUEST,
    "company": COMPANY_ACCOUNT,
}
REQUESTS = {
    "everything": EVERYTHING,
    "little": {"trust_framework": None},
    "records": {"trust_framework": None, "evidence": [{"type": None, "record": None, "check_details": None}]},
}
ALL_CLAIMS = dict.fromkeys(
    ("name", "family_name", "birthdate", "place_of_birth", "nationalities", "address", "legal_person",
     "representative", "title", "also_known_as")
)  # fmt: skip


def published(name):
    path = PUBLISHED / name
    if not path.is_file():
        pytest.skip(f"{name} is not among the shared data: IDA_SCHEMAS names a directory that has it")
    schemas = {file.name: json.loads(file.read_text("utf-8")) for file in PUBLISHED.glob("*.json")}
    resources = [
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas.values() if "$id" in schema
    ]
    wanted = schemas[name]
    return validators.validator_for(wanted)(wanted, registry=Registry().with_resources(resources))


def given(bench, identity, verification):
    bench.register(client("registry", card_facts=CARD_FACTS))
    bench.fresh(identity)
    elements = [{"verification": verification, "claims": ALL_CLAIMS}] * 2
    parameter = claims_parameter(userinfo={"verified_claims": elements})
    return bench.userinfo("registry", scope="openid", claims=parameter)


@pytest.mark.parametrize("wanted", REQUESTS)
@pytest.mark.parametrize("who", IDENTITIES)
def test_answer_has_the_form_of_the_specification(bench, who, wanted):
    """VC §5 with nothing left open: whatever is not in the schema is a mistake."""
    found = given(bench, IDENTITIES[who], REQUESTS[wanted])
    Draft202012Validator(STRICT).validate({"verified_claims": found["verified_claims"]})


@pytest.mark.parametrize("who", IDENTITIES)
def test_answer_is_valid_against_the_published_schema(bench, who):
    """VC §7, the working group's own file."""
    validator = published("verified_claims.json")
    found = given(bench, IDENTITIES[who], EVERYTHING)
    validator.validate({"verified_claims": found["verified_claims"]})


def test_our_requests_are_valid_against_the_published_schema():
    validator = published("verified_claims_request.json")
    for verification in (
        REQUESTS["everything"],
        REQUESTS["little"],
    ):  # ``null`` for an object is our leniency
        element = {"verification": verification, "claims": ALL_CLAIMS}
        validator.validate({"userinfo": {"verified_claims": element}})


def test_form_of_the_specification_knows_mistakes():
    """The schema of these tests refuses what it is there for."""
    good = {"verification": {"trust_framework": "eidas"}, "claims": {}}
    schema = Draft202012Validator(STRICT)
    assert schema.is_valid({"verified_claims": good})
    for change in (
        {"claims": {"name": None}},
        {"verification": {}},
        {"verification": {"trust_framework": "eidas", "time": "2026-11-23"}},
        {"verification": {"trust_framework": "eidas", "evidence": []}},
        {
            "verification": {
                "trust_framework": "eidas",
                "evidence": [{"type": "electronic_record", "record": {}}],
            }
        },
        {"verification": {"trust_framework": "eidas", "verifier": {}}},
    ):
        assert not schema.is_valid({"verified_claims": {**good, **change}})


def test_every_word_of_the_metadata_can_be_had(bench):
    """IDA §7: discovery tells the truth, and all of it."""
    document = bench.http.get("/.well-known/openid-configuration").json()
    seen = {name: set() for name in document if name.endswith("_supported")}
    cards = [replace(CARD, card=replace(CARD.card, document_type=kind)) for kind in ("ID", "AS", "UB")]
    for identity in (NATURAL, BUNDID, *cards):
        for element in given(bench, identity, EVERYTHING)["verified_claims"]:
            verification = element["verification"]
            seen["trust_frameworks_supported"].add(verification["trust_framework"])
            for proof in verification["evidence"]:
                seen["evidence_supported"].add(proof["type"])
                methods = {check["check_method"] for check in proof["check_details"]}
                if proof["type"] == "document":
                    seen["documents_check_methods_supported"] |= methods
                    seen["documents_supported"].add(proof["document_details"]["type"])
                else:
                    seen["electronic_records_supported"].add(proof["record"]["type"])
    for name in (
        "trust_frameworks_supported",
        "evidence_supported",
        "documents_supported",
        "documents_check_methods_supported",
        "electronic_records_supported",
    ):
        assert set(document[name]) == seen[name]
    assert set(document["claims_in_verified_claims_supported"]) <= set(document["claims_supported"])


def test_level_below_and_level_above_are_told_as_they_are(bench):
    bench.fresh(BUNDID)
    assert ask(bench, {"trust_framework": None, "assurance_level": {"value": HIGH.word}}) is not None
    bench.identity = replace(bench.identity, assurance=Assurance(level=SUBSTANTIAL))
    assert ask(bench, {"trust_framework": None, "assurance_level": {"value": HIGH.word}}) is None
