"""``ekyc-test-plan-oidccore``: OpenID Connect for Identity Assurance, requests from OpenID Connect Core.

The citizen is Greek, identified at level substantial. The suite's schemas are those of the specification;
``tests/oidc`` checks every kind of answer against them.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.certification.judge import Judge

pytestmark = pytest.mark.anyio

ELEMENT_NAMES = {"trust_framework", "assurance_level", "assurance_process", "time", "verification_process",
                 "evidence"}  # fmt: skip


async def ask(
    judge: Judge,
    claims: Any,
    verification: Any = None,
    *,
    places: tuple[str, ...] = ("userinfo",),
    **beside: Any,
) -> dict[str, Any]:
    """Log in with a request for verified claims; the answers by place."""
    element = {"verification": verification or {"trust_framework": None}, "claims": claims}
    wanted = {place: {"verified_claims": element, **beside} for place in places}
    found = await judge.log_in(claims=json.dumps(wanted))
    answers = {"userinfo": found["userinfo"], "id_token": found["claims"]}
    supported = await judge.metadata()
    for answer in answers.values():
        if "verified_claims" in answer:
            _fits_metadata(answer["verified_claims"], supported)
    return answers


def _fits_metadata(element: dict[str, Any], supported: dict[str, Any]) -> None:
    """Nothing that discovery does not announce (IDA §7)."""
    assert element.keys() == {"verification", "claims"}
    assert element["verification"].keys() <= ELEMENT_NAMES
    assert element["verification"]["trust_framework"] in supported["trust_frameworks_supported"]
    assert set(element["claims"]) <= set(supported["claims_in_verified_claims_supported"])


@pytest.mark.parametrize(
    "value", [None, {}, {"essential": False}], ids=["happypath", "emptyobjects", "essentialfalse"]
)
async def test_ekyc_server_happypath(judge: Judge, value: Any) -> None:
    """ekyc-server-happypath, -emptyobjects, -essentialfalse: one claim, as asked, and no other."""
    answer = (await ask(judge, {"family_name": value}))["userinfo"]["verified_claims"]
    assert answer["claims"].keys() == {"family_name"}
    assert answer["verification"].keys() == {"trust_framework"}


async def test_ekyc_server_metadata(judge: Judge) -> None:
    """What ekyc-server-happypath checks of the provider's metadata (IDA §7)."""
    found = await judge.metadata()
    assert found["claims_parameter_supported"] is True
    assert "eidas" in found["trust_frameworks_supported"]
    assert {"given_name", "family_name", "birthdate"} <= set(found["claims_in_verified_claims_supported"])
    if "electronic_record" in found.get("evidence_supported", ()):
        assert found["electronic_records_supported"]
    if "document" in found.get("evidence_supported", ()):
        assert found["documents_supported"]


@pytest.mark.parametrize(
    "claims",
    [{"no_such_claim": None}, {"no_such_claim": {"essential": True}}, {"{}[]\"'<>&?;äß": None}],
    ids=["unknown-claim", "unknown-essential-claim", "unknown-claim-special-chars"],
)
async def test_ekyc_server_unknown_claim_omitted(judge: Judge, claims: dict[str, Any]) -> None:
    """ekyc-server-unknown-claim-omitted and its two relatives: the known one is given, alone."""
    answers = await ask(judge, {"family_name": None, **claims})
    assert answers["userinfo"]["verified_claims"]["claims"].keys() == {"family_name"}


async def test_ekyc_server_one_claim_with_random_value_omitted(judge: Judge) -> None:
    """ekyc-server-one-claim-with-random-value-omitted (IDA §6.5.2): essential or not; empty is allowed (VC §5.3)."""
    for essential in (False, True):
        asked = {"family_name": {"value": str(uuid.uuid4()), "essential": essential}}
        answers = await ask(judge, asked)
        assert not answers["userinfo"].get("verified_claims", {}).get("claims")
        assert "verified_claims" not in answers["id_token"]


@pytest.mark.parametrize(("place", "other"), [("id_token", "userinfo"), ("userinfo", "id_token")])
async def test_ekyc_server_request_only_in_one_place(judge: Judge, place: str, other: str) -> None:
    """ekyc-server-request-only-in-idtoken, -only-in-userinfo: nothing in the other place."""
    answers = await ask(judge, {"given_name": None}, places=(place,))
    assert answers[place]["verified_claims"]["claims"].keys() == {"given_name"}
    assert "verified_claims" not in answers[other]


async def test_ekyc_server_testbasedonuserinfo_defaults(judge: Judge) -> None:
    """ekyc-server-testbasedonuserinfo-defaults: everything that is there, with its verification."""
    verification = {"trust_framework": {"value": "eidas"}, "assurance_level": None, "time": None}
    claims = {"given_name": None, "family_name": {"essential": True}}
    answer = (await ask(judge, claims, verification))["userinfo"]["verified_claims"]
    assert answer["claims"].keys() == claims.keys()
    assert answer["verification"]["assurance_level"] == "substantial"
    assert answer["verification"]["time"].endswith("Z")


async def test_ekyc_server_test_userinfo_notfoundinop(judge: Judge) -> None:
    """ekyc-server-test-userinfo-notfoundinop: what is not announced stays away, with the rest given."""
    answers = await ask(judge, {"family_name": None, "email": None, "phone_number": None})
    assert answers["userinfo"]["verified_claims"]["claims"].keys() == {"family_name"}


async def test_unverified_and_verified_claims_stand_side_by_side(judge: Judge) -> None:
    """VC §4: asking for both yields both, and each only in its place."""
    answers = await ask(judge, {"family_name": None}, given_name=None)
    person = answers["userinfo"]
    assert "given_name" in person
    assert person["verified_claims"]["claims"].keys() == {"family_name"}


@pytest.mark.parametrize("essential", [False, True])
@pytest.mark.parametrize("constraint", [{"value": "high"}, {"values": ["high"]}])
async def test_level_that_was_not_reached_leaves_out_the_element_and_is_no_error(
    judge: Judge, constraint: dict[str, Any], essential: bool
) -> None:
    """IDA §6.5.2: a Greek citizen at substantial, asked for ``high``; ``essential`` changes nothing."""
    verification = {"trust_framework": None, "assurance_level": {**constraint, "essential": essential}}
    answers = await ask(judge, {"family_name": None}, verification, places=("userinfo", "id_token"))
    assert "verified_claims" not in answers["userinfo"]
    assert "verified_claims" not in answers["id_token"]
    assert answers["id_token"]["acr"].endswith("/substantial")
