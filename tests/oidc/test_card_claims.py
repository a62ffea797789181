"""What a service learns from an Online-Ausweis (npa.md §5.2, §5.3), and what it does not."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.identity import Identifier, PersonKind
from gateway.oidc.assurance.element import verified_claims
from gateway.oidc.assurance.request import well_formed
from gateway.oidc.card_claims import card_asked
from gateway.oidc.claims import id_token_claims, userinfo_claims
from gateway.oidc.claims_parameter import claim_requests
from gateway.oidc.errors import CLAIMS_MALFORMED
from gateway.oidc.offers import attributes_requested, offers, permitted
from gateway.oidc.request import AuthorizationRequest, ClaimsRequest
from gateway.oidc.subject import SubjectKey, pairwise, second_pairwise
from tests.oidc.harness import CALLBACK, CHALLENGE, ISSUER, client
from tests.oidc.persons import CARD, HIGH, NATURAL, OVER_18

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
KEY = SubjectKey(b"k" * 32)
REGISTERED = client(
    "registry",
    persons=("natural",),
    card_facts=(
        "document_type",
        "issuing_state",
        "date_of_expiry",
        "artistic_name",
        "community_id",
        "residence_permit",
    ),
    age_verification=(16, 18),
    place_verification="027614",
    raw_identifier=True,
)
SHOP = client(
    "shop", persons=("natural",), required=(), optional=(), age_verification=(18,), identifier=False
)
EVERY_CLAIM = (
    "document_type",
    "issuing_state",
    "document_expiry",
    "also_known_as",
    "community_id",
    "residence_permit",
    "age_over_18",
    "place_verification",
)


def request(*names, id_token=(), scope=("openid", "identity")):
    return AuthorizationRequest(
        client_id="registry",
        redirect_uri=CALLBACK,
        scope=scope,
        code_challenge=CHALLENGE,
        minimum=HIGH,
        issued_at=NOW,
        claims=ClaimsRequest(
            userinfo=claim_requests(dict.fromkeys(names), CLAIMS_MALFORMED),
            id_token=claim_requests(dict.fromkeys(id_token), CLAIMS_MALFORMED),
        ),
    )


def released(registered, wanted, identity):
    return frozenset(offer.key for offer in offers(registered, wanted, identity))


def userinfo(identity, *names, registered=REGISTERED, **changes):
    wanted = request(*names, **changes)
    return userinfo_claims(registered, wanted, identity, released(registered, wanted, identity))


def test_every_fact_of_a_card_has_its_claim():
    """npa.md §5.2."""
    claims = userinfo(CARD, *EVERY_CLAIM)
    assert claims["document_type"] == "AS"
    assert claims["issuing_state"] == "DE"
    assert claims["document_expiry"] == "2031-10-31"
    assert claims["community_id"] == "02760503150000"
    assert claims["residence_permit"] == "Erwerbstätigkeit gestattet"
    assert claims["age_over_18"] is True
    assert claims["place_verification"] == {"community_id": "027614", "fulfilled": False}
    assert claims["nationalities"] == ["XXA"]
    assert claims["identity_source"]["scheme"] == "de_eid"


def test_a_name_leaves_in_the_letters_of_the_chip():
    """DIN 91379: never folded."""
    assert userinfo(CARD)["family_name"] == "GROẞMANN"


def test_a_partial_date_of_birth_leaves_as_year_with_the_raw_characters_beside_it():
    """Core §5.1: ``YYYY`` or the whole date; npa.md §5.2: never filled in."""
    claims = userinfo(CARD)
    assert claims["birthdate"] == "1980"
    assert claims["birthdate_raw"] == "198002  "


def test_the_raw_date_can_be_asked_for_by_name():
    """Core §5.5: in the ID token only what is asked for."""
    wanted = request(id_token=("birthdate_raw",), scope=("openid",))
    found = id_token_claims(REGISTERED, wanted, CARD, released(REGISTERED, wanted, CARD))
    assert found == {"birthdate_raw": "198002  "}
    optional = client("optional", required=(), optional=("date_of_birth",), persons=("natural",))
    assert attributes_requested(optional, wanted, PersonKind.NATURAL).optional == ("date_of_birth",)


def test_what_is_not_there_says_why():
    """npa.md §5.2: not on the chip, refused, empty and no residence are four things."""
    claims = userinfo(CARD, "also_known_as")
    assert claims["card_absent"] == {
        "also_known_as": "empty",
        "address": "no-place",
        "birth_family_name": "not-on-chip",
        "title": "empty",
    }
    assert not {"also_known_as", "address", "birth_family_name", "title"} & claims.keys()


def test_no_residence_is_a_fact_that_the_citizen_sees_before_it_leaves():
    """Invariant 4: nothing about the person leaves unseen."""
    keys = released(REGISTERED, request(), CARD)
    assert "card.no_residence" in keys
    without = userinfo_claims(REGISTERED, request(), CARD, keys - {"card.no_residence"})
    assert "address" not in without["card_absent"]


def test_facts_that_were_not_asked_for_by_name_stay():
    """Three hands decide: the scope ``identity`` does not ask for what is on the document."""
    claims = userinfo(CARD)
    assert not set(EVERY_CLAIM) & claims.keys()


def test_facts_that_the_client_is_not_registered_for_stay():
    """The registration is the first of the three hands."""
    plain = client("plain", persons=("natural",))
    claims = userinfo(CARD, *EVERY_CLAIM, registered=plain)
    assert not set(EVERY_CLAIM) & claims.keys()
    wanted = request(*EVERY_CLAIM)
    assert not any(key.startswith("card.") for key in released(plain, wanted, CARD) - {"card.no_residence"})


def test_a_forged_release_lets_nothing_out():
    """offers.permitted is the last check before claims are built."""
    plain = client("plain", persons=("natural",))
    forged = frozenset({"card.community_id", "card.age", "identifier"})
    assert permitted(plain, request(*EVERY_CLAIM), CARD, forged) == frozenset()


def test_the_pseudonym_never_leaves_raw():
    """npa.md §5.3, even for a client that is registered for raw identifiers."""
    claims = userinfo(CARD)
    assert "eidas_identifier" not in claims
    assert CARD.subject.identifier.value not in str(claims)
    assert "identifier" not in released(REGISTERED, request(), CARD)


def test_only_over_18_gives_only_that():
    """design.md "Data minimisation"."""
    claims = userinfo(OVER_18, "age_over_18", registered=SHOP, scope=("openid",))
    assert set(claims) == {"age_over_18", "identity_source", "person_kind", "sub_stability"}
    assert claims["age_over_18"] is True
    assert claims["sub_stability"] == "transient"


def test_too_young_is_said_and_not_refused():
    """npa.md §5.2 AgeVerification."""
    child = replace(OVER_18, card=replace(OVER_18.card, age_fulfilled=False))
    assert userinfo(child, "age_over_18", registered=SHOP)["age_over_18"] is False


def test_a_card_without_community_says_so_in_place_of_an_answer():
    """NOTONCHIP of PlaceVerification (TR-03130-1 §3.4.1)."""
    facts = replace(CARD.card, community_fulfilled=None, absent={"community": "not-on-chip"})
    claims = userinfo(replace(CARD, card=facts), "place_verification")
    assert "place_verification" not in claims
    assert claims["card_absent"] == {"place_verification": "not-on-chip"}


def test_an_age_in_the_id_token_alone_stays_out_of_userinfo():
    """Core §5.5: each destination gets what was asked for there."""
    wanted = request(id_token=("age_over_18",), scope=("openid",))
    keys = released(SHOP, wanted, OVER_18)
    assert id_token_claims(SHOP, wanted, OVER_18, keys) == {"age_over_18": True}
    assert "age_over_18" not in userinfo_claims(SHOP, wanted, OVER_18, keys)


@pytest.mark.parametrize(
    ("names", "age"),
    [
        (("age_over_18",), 18),
        (("age_over_18", "age_over_16"), 16),
        (("age_over_21",), None),
        (("birthdate",), None),
    ],
)
def test_one_registered_age_is_asked_of_the_card(names, age):
    """TR-03110-3: one reference date in a login; the registration's order decides."""
    assert card_asked(REGISTERED, request(*names)).age == age


def test_what_is_asked_of_the_card_is_registration_and_request_together():
    """npa.md §1.4 and invariant 4."""
    asked = card_asked(REGISTERED, request("community_id", "document_expiry", "place_verification"))
    assert asked.facts == {"community_id", "date_of_expiry"}
    assert asked.community_id == "027614"
    nothing = card_asked(REGISTERED, request())
    assert (nothing.facts, nothing.age, nothing.community_id) == (frozenset(), None, None)


def test_sub_of_a_card_says_that_it_may_change():
    """npa.md §5.3: a new card is a new pseudonym."""
    assert userinfo(CARD)["sub_stability"] == "may-change"


def test_without_identifier_every_login_has_another_sub():
    """npa.md §5.3; Core §8: no login of this service can be recognised."""
    first, second = (pairwise(KEY, SHOP, OVER_18, journey) for journey in ("0000000000", "0000000001"))
    assert first != second
    assert second_pairwise(KEY, SHOP, OVER_18) is None


def test_while_the_sector_migrates_the_account_is_found_under_either_sub():
    """npa.md §5.3 ID2: accept a match on either."""
    old, new = "AA" * 32, "BB" * 32
    before = card_with(Identifier(value=old, stability="may-change"))
    during = card_with(Identifier(value=new, second=old, stability="may-change"))
    after = card_with(Identifier(value=new, stability="may-change"))
    known = pairwise(KEY, REGISTERED, before, "0000000000")
    assert second_pairwise(KEY, REGISTERED, during) == known
    assert pairwise(KEY, REGISTERED, during, "0000000000") == pairwise(KEY, REGISTERED, after, "0000000000")


def card_with(identifier):
    return replace(CARD, subject=replace(CARD.subject, identifier=identifier))


def test_the_german_card_is_in_verified_claims_as_a_notified_scheme():
    """oidc.md §19.1: trust framework ``eidas``, level ``high``."""
    elements = well_formed(
        {
            "verification": {"trust_framework": None, "assurance_level": {"value": "high"}},
            "claims": {"family_name": None, "birthdate": None, "age_over_18": None},
        }
    )
    found = verified_claims(
        CARD,
        frozenset({"family_name", "date_of_birth"}),
        elements,
        issuer=ISSUER,
        journey="0000000000",
        now=NOW,
    )
    assert found["verification"] == {"trust_framework": "eidas", "assurance_level": "high"}
    assert found["claims"] == {"family_name": "GROẞMANN"}  # the year of birth alone has no verified form


def test_a_derived_eid_on_a_phone_is_in_no_verified_claims():
    """Only notified schemes (oidc.md §19.1); the chip card alone is notified."""
    phone = replace(CARD, assurance=replace(CARD.assurance, notified=False))
    elements = well_formed({"verification": {"trust_framework": None}, "claims": {"family_name": None}})
    keys = frozenset({"family_name"})
    assert verified_claims(phone, keys, elements, issuer=ISSUER, journey="0000000000", now=NOW) is None


def test_a_value_of_the_age_that_was_not_met_is_left_out():
    """Core §5.5.1: a claim with another value than asked for is not returned."""
    wanted = request()
    asked = claim_requests({"age_over_18": {"value": True}}, CLAIMS_MALFORMED)
    wanted = replace(wanted, claims=ClaimsRequest(userinfo=asked))
    child = replace(OVER_18, card=replace(OVER_18.card, age_fulfilled=False))
    assert "age_over_18" not in userinfo_claims(SHOP, wanted, child, released(SHOP, wanted, child))


def test_other_sources_have_no_claims_of_a_card():
    """A foreign eID has no document that we read."""
    claims = userinfo(NATURAL, *EVERY_CLAIM)
    assert not {*EVERY_CLAIM, "birthdate_raw", "card_absent", "sub_second"} & claims.keys()


@pytest.fixture
def migrating(bench):
    """A bench whose citizen has a card while the terminal changes its sector."""
    bench.fresh(card_with(Identifier(value="BB" * 32, second="AA" * 32, stability="may-change")))
    return bench


def test_both_tokens_name_the_second_subject(migrating):
    """npa.md §5.3: whoever keeps accounts can look under both."""
    tokens = migrating.tokens()
    token = migrating.read(tokens["id_token"]).claims
    found = migrating.http.get(
        "/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}
    ).json()
    assert token["sub_second"] == found["sub_second"] != token["sub"]


def test_a_person_known_under_the_second_subject_is_let_in(migrating):
    """Core §5.5.1 ``sub`` with a value; npa.md §5.3: accept a match on either."""
    second = migrating.id_token()["sub_second"]
    for value, accepted in ((second, True), ("x" + second, False)):
        claims = json.dumps({"id_token": {"sub": {"value": value}}})
        assert ("code" in migrating.answer(claims=claims)) is accepted
