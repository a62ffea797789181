"""Claims (Core §5): what an identity is called, what may leave, and in which token."""

from dataclasses import replace

import pytest

from connectors.assurance import Assurance
from connectors.identity import (
    LEGAL_ATTRIBUTES,
    NATURAL_ATTRIBUTES,
    Absent,
    Address,
    Name,
    NaturalPerson,
    PartialDate,
    PersonKind,
)
from gateway.oidc.claims import CLAIMS_SUPPORTED, identity_claims
from gateway.oidc.offers import ATTRIBUTE_CLAIMS, attributes_requested, offers
from tests.oidc.harness import CLIENTS, claims_parameter
from tests.oidc.persons import BUNDID, GREEK, HIGH, LEGAL, NATURAL, REPRESENTED, attested, source


def everything(identity):
    names = {*NATURAL_ATTRIBUTES, *LEGAL_ATTRIBUTES}
    return identity_claims(identity, frozenset(names | {f"representative.{name}" for name in names}))


def person(**attributes):
    subject = NaturalPerson(identifier=None, **{name: attested(value) for name, value in attributes.items()})
    return replace(NATURAL, subject=subject)


# ------------------------------------------------------------------------------------------- names


def test_original_script_stands_beside_the_latin_form():
    """Core §5.2: language and script tag."""
    claims = everything(GREEK)
    assert claims["family_name"] == "Papadopoulou"
    assert claims["family_name#el-Grek"] == "Παπαδοπούλου"
    assert claims["name"] == "Eleni Papadopoulou"
    assert claims["name#el-Grek"] == "Ελένη Παπαδοπούλου"


@pytest.mark.parametrize(
    ("script", "country", "tag"),
    [
        ("Grek", "GR", "el-Grek"),
        ("Grek", "CY", "el-Grek"),
        ("Cyrl", "BG", "bg-Cyrl"),
        ("Cyrl", "UA", "uk-Cyrl"),
        ("Cyrl", "EE", "und-Cyrl"),
        ("Cyrl", None, "und-Cyrl"),
        ("Arab", "MT", "und-Arab"),
        (None, "GR", "und"),
    ],
)
def test_language_is_only_named_where_it_is_certain(script, country, tag):
    """BCP 47: ``und`` instead of a guess."""
    identity = person(family_name=Name(latin="Ivanov", original="Иванов", script=script))
    identity = replace(identity, source=source(country))
    assert everything(identity)[f"family_name#{tag}"] == "Иванов"


def test_names_of_two_scripts_make_no_common_name():
    identity = person(
        family_name=Name(latin="A", original="Α", script="Grek"),
        given_name=Name(latin="B", original="Б", script="Cyrl"),
    )
    assert [name for name in everything(identity) if name.startswith("name")] == ["name"]


def test_full_name_needs_both_parts_released():
    """The citizen who keeps the given name back does not release it through ``name``."""
    assert "name" not in identity_claims(NATURAL, frozenset({"family_name"}))


def test_transliteration_of_ours_is_told():
    """A Latin form that no authority wrote must be recognisable."""
    assert everything(GREEK)["transliterated"] == ["eidas_birth_name"]
    assert "transliterated" not in everything(NATURAL)
    company = replace(
        LEGAL.subject,
        legal_name=attested(Name(latin="Ilios AE", original="Ήλιος ΑΕ", script="Grek", derived=True)),
    )
    claims = everything(replace(LEGAL, subject=company))["legal_person"]
    assert claims["legal_name#el-Grek"] == "Ήλιος ΑΕ"
    assert claims["transliterated"] == ["legal_name"]


# ------------------------------------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("date", "text"),
    [
        (PartialDate(year=1980, month=2, day=1), "1980-02-01"),
        (PartialDate(year=1980), "1980"),
        (PartialDate(year=1980, month=2), "1980"),
        (PartialDate(year=None, month=4, day=30), "0000-04-30"),
        (PartialDate(year=907, month=1, day=2), "0907-01-02"),
    ],
)
def test_partial_birthdate_is_written_as_core_says(date, text):
    """Core §5.1 birthdate."""
    assert everything(person(date_of_birth=date))["birthdate"] == text


# ------------------------------------------------------------------------------------ places, addresses


@pytest.mark.parametrize(
    ("attributes", "place"),
    [
        ({"place_of_birth": "Köln, DE"}, {"locality": "Köln, DE"}),
        ({"town_of_birth": "Köln", "place_of_birth": "Köln"}, {"locality": "Köln"}),
        ({"town_of_birth": "Köln", "place_of_birth": "NRW"}, {"locality": "Köln", "formatted": "NRW"}),
        ({"country_of_birth": "GR"}, {"country": "GR"}),
        ({}, None),
    ],
)
def test_place_of_birth_comes_from_three_attributes(attributes, place):
    """IDA claims registration §4: country, region, locality."""
    assert everything(person(**attributes)).get("place_of_birth") == place


@pytest.mark.parametrize(
    ("address", "claim"),
    [
        (
            Address(
                thoroughfare="Hauptstr.", locator_designator="1a", locator_name="Hinterhaus", post_code="01067",
                post_name="Dresden", admin_unit_second_line="Sachsen", admin_unit_first_line="Deutschland",
                country="DE", address_area="Altstadt", po_box="7",
            ),
            {
                "formatted": "Hinterhaus\nHauptstr. 1a\nPO Box 7\nAltstadt\n01067 Dresden\nSachsen\nDeutschland",
                "street_address": "Hinterhaus\nHauptstr. 1a\nPO Box 7\nAltstadt",
                "postal_code": "01067",
                "locality": "Dresden",
                "region": "Sachsen",
                "country": "Deutschland",
                "country_code": "DE",
            },
        ),
        (Address(full="only\ntext"), {"formatted": "only\ntext"}),
        (Address(country="GR"), {"formatted": "GR", "country": "GR", "country_code": "GR"}),
    ],
)  # fmt: skip
def test_address_is_put_together_from_its_parts(address, claim):
    """Core §5.1.1, eidas.md §11.2."""
    assert everything(person(address=address))["address"] == claim


# ------------------------------------------------------------------------------------ absent values


@pytest.mark.parametrize("absent", list(Absent))
def test_absent_value_is_omitted_and_never_null(absent):
    """Core §5.3.2, whichever of the three reasons it has."""
    attributes = dict.fromkeys(ATTRIBUTE_CLAIMS, absent)
    identity = replace(NATURAL, subject=NaturalPerson(identifier=None, **attributes))
    assert everything(identity) == {}


def test_no_claim_of_any_person_is_null():
    for identity in (NATURAL, GREEK, LEGAL, REPRESENTED):
        assert "null" not in repr(everything(identity))
        assert None not in everything(identity).values()


def test_contact_data_are_never_called_verified():
    """No source proves that a citizen reads this mail box."""
    claims = everything(NATURAL)
    assert (claims["email_verified"], claims["phone_number_verified"]) == (False, False)


# ----------------------------------------------------------------------------------- legal persons


def test_legal_person_is_an_object_and_gives_no_personal_claims():
    claims = everything(LEGAL)
    assert set(claims) == {"legal_person"}
    assert claims["legal_person"]["legal_name"] == "Forage du Rhin SAS"
    assert claims["legal_person"]["address"]["country_code"] == "FR"
    assert claims["legal_person"]["email_verified"] is False


def test_representative_is_an_object_of_its_own():
    claims = everything(REPRESENTED)
    assert set(claims) == {"legal_person", "representative"}
    assert claims["representative"] == {
        "person_kind": "natural",
        "family_name": "Müller-Lefèvre",
        "given_name": "Zoé",
        "name": "Zoé Müller-Lefèvre",
        "birthdate": "0000-04-30",
    }


def test_representative_of_whom_nothing_was_released_is_not_mentioned():
    assert "representative" not in identity_claims(REPRESENTED, frozenset({"legal_name"}))


# --------------------------------------------------------------------------- who decides what leaves


def requested(bench, person=PersonKind.NATURAL, client_id="portal", **changes):
    bench.answer(client_id=client_id, **changes)
    found = attributes_requested(CLIENTS[client_id], bench.opened[-1], person)
    return set(found.required), set(found.optional)


BASIC = {"family_name", "given_name", "date_of_birth"}


@pytest.mark.parametrize(
    ("scope", "optional"),
    [
        ("openid", set()),
        ("openid profile", {"gender"}),
        ("openid email phone", {"email", "phone_number"}),
        ("openid address", {"address"}),
        ("openid identity", set(ATTRIBUTE_CLAIMS) - BASIC),
        ("openid legal_person", {"email", "phone_number"}),
    ],
)
def test_scopes_ask_for_optional_attributes(bench, scope, optional):
    """Core §5.4; what is registered as required is always asked for."""
    assert requested(bench, scope=scope) == (BASIC, optional)


def test_legal_person_is_asked_for_its_own_attributes(bench):
    required, optional = requested(bench, PersonKind.LEGAL, scope="openid legal_person")
    assert required == {"legal_name"}
    assert {"vat_registration", "lei", "legal_address"} <= optional


@pytest.mark.parametrize("place", ["userinfo", "id_token"])
@pytest.mark.parametrize(
    ("claim", "attributes"),
    [
        ("place_of_birth", {"place_of_birth", "town_of_birth", "country_of_birth"}),
        ("birth_family_name#el", {"birth_family_name"}),
        ("phone_number_verified", {"phone_number"}),
        ("nickname", set()),
    ],
)
def test_claims_parameter_asks_for_attributes(bench, place, claim, attributes):
    """Core §5.5."""
    asked = requested(bench, scope="openid", claims=claims_parameter(**{place: {claim: None}}))
    assert asked[1] == attributes


def test_verified_claims_ask_for_attributes(bench):
    wanted = {"verification": {"trust_framework": None}, "claims": {"nationalities": None}}
    asked = requested(bench, scope="openid", claims=claims_parameter(userinfo={"verified_claims": wanted}))
    assert asked[1] == {"nationalities"}


def test_registration_is_the_limit(bench):
    """A request cannot ask for more than the client is registered for."""
    asked = requested(bench, client_id="sparse", scope="openid identity email")
    assert asked == ({"family_name"}, {"given_name"})
    found = bench.userinfo("sparse", scope="openid identity email")
    assert {"family_name", "given_name", "name"} <= set(found)
    assert not {"birthdate", "email", "address", "nationalities"} & set(found)


def test_release_offers_what_is_there_and_marks_what_is_required(bench):
    bench.answer(scope="openid email")
    found = {offer.key: offer.required for offer in offers(CLIENTS["portal"], bench.opened[0], NATURAL)}
    assert found == {"family_name": True, "given_name": True, "date_of_birth": True, "email": False}


def test_release_offers_the_representative_under_a_prefix(bench):
    bench.answer(scope="openid legal_person")
    found = offers(CLIENTS["portal"], bench.opened[0], REPRESENTED)
    assert [offer.key for offer in found if offer.of_representative] == [
        "representative.family_name",
        "representative.given_name",
        "representative.date_of_birth",
    ]
    assert not [
        offer for offer in offers(CLIENTS["sparse"], bench.opened[0], REPRESENTED) if offer.of_representative
    ]


def test_only_what_the_citizen_released_leaves(bench):
    bench.released = frozenset({"family_name"})
    found = bench.userinfo(scope="openid identity")
    assert found["family_name"] == "Jansen"
    assert not {"given_name", "name", "birthdate", "address", "email", "nationalities"} & set(found)


def test_released_beyond_the_request_is_cut_off(bench):
    """The last check stands even if the page offered too much."""
    bench.released = frozenset({*ATTRIBUTE_CLAIMS, "identifier", "sector_attributes", "representative.title"})
    found = bench.userinfo(scope="openid")
    assert "birthdate" in found
    assert not {"email", "address", "eidas_identifier"} & set(found)


# ----------------------------------------------------------------------------------- which token


def test_id_token_carries_what_the_claims_parameter_asks_for(bench):
    """Core §5.5; userinfo keeps its own."""
    wanted = claims_parameter(id_token={"family_name": None, "email": None, "identity_source": None})
    token = bench.id_token(scope="openid", claims=wanted)
    assert (token["family_name"], token["email"]) == ("Jansen", "anna@example.org")
    assert token["identity_source"]["country"] == "NL"
    assert "given_name" not in token
    assert "email" not in bench.userinfo(scope="openid", claims=wanted)


def test_tagged_and_untagged_names_can_be_asked_for(bench):
    """Core §5.2."""
    bench.fresh(GREEK)
    tagged = bench.id_token(scope="openid", claims=claims_parameter(id_token={"family_name#el-Grek": None}))
    assert "family_name" not in tagged
    assert tagged["family_name#el-Grek"] == "Παπαδοπούλου"
    both = bench.id_token(scope="openid", claims=claims_parameter(id_token={"family_name": None}))
    assert {"family_name", "family_name#el-Grek"} <= set(both)


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "sub", "at_hash", "acr", "nonce", "auth_time"])
def test_protocol_claims_cannot_be_changed_by_a_request(bench, name):
    tokens = bench.id_token(claims=claims_parameter(id_token={name: {"essential": True}}))
    assert tokens["aud"] == "portal"
    assert tokens["nonce"] == "no"


def test_claim_with_another_value_than_asked_for_is_left_out(bench):
    """Core §5.5.1; without an error, essential or not."""
    wanted = {"given_name": {"essential": True, "value": "Bert"}, "family_name": {"values": ["X", "Jansen"]}}
    found = bench.userinfo(claims=claims_parameter(userinfo=wanted))
    assert "given_name" not in found
    assert found["family_name"] == "Jansen"


@pytest.mark.parametrize("part", ["family_name", "given_name"])
@pytest.mark.parametrize("place", ["userinfo", "id_token"])
def test_part_that_is_constrained_away_is_not_told_by_the_full_name(bench, place, part):
    """Core §5.5.1: ``name`` would tell the value that was not to be told, in either script."""
    bench.fresh(GREEK)
    parameter = claims_parameter(**{place: {"name": None, "family_name": None, part: {"value": "X"}}})
    ask = bench.userinfo if place == "userinfo" else bench.id_token
    found = ask(scope="openid", claims=parameter)
    assert not {name for name in found if name.partition("#")[0] in {"name", part}}
    text = {"family_name": ("Papadopoulou", "Παπαδοπούλου"), "given_name": ("Eleni", "Ελένη")}[part]
    assert not any(value in str(found) for value in text)


def test_full_name_with_another_value_leaves_its_parts(bench):
    found = bench.userinfo(claims=claims_parameter(userinfo={"name": {"value": "X"}}))
    assert "name" not in found
    assert (found["given_name"], found["family_name"]) == ("Anna Maria", "Jansen")


def test_original_script_with_another_value_goes_with_the_full_name_in_that_script(bench):
    """Core §5.2: a claim with a tag is a claim of its own."""
    bench.fresh(GREEK)
    found = bench.userinfo(claims=claims_parameter(userinfo={"family_name#el-Grek": {"value": "X"}}))
    assert not {"family_name#el-Grek", "name#el-Grek"} & set(found)
    assert (found["family_name"], found["name"]) == ("Papadopoulou", "Eleni Papadopoulou")


def test_value_constrained_away_is_told_by_no_other_claim(bench):
    """Neither its FIM field, nor its level, nor what is said beside it."""
    bench.fresh(BUNDID)
    wanted = {"family_name": {"value": "X"}, "email": {"value": "x@example.org"}}
    found = bench.userinfo("forms", scope="openid identity", claims=claims_parameter(userinfo=wanted))
    assert "Mustermann" not in str(found)
    assert "erika@example.org" not in str(found)
    assert "email_verified" not in found
    assert not {"family_name", "email"} & set(found["attribute_assurance"])


@pytest.mark.parametrize(
    ("request_of_claim", "given"),
    [
        ({"value": False}, True),
        ({"value": 0}, False),
        ({"values": [True, False]}, True),
        ({"value": "false"}, False),
    ],
)
def test_values_are_compared_as_json(bench, request_of_claim, given):
    """Core §5.5.1: ``false`` is not ``0``."""
    found = bench.userinfo(claims=claims_parameter(userinfo={"email_verified": request_of_claim}))
    assert ("email_verified" in found) is given
    assert found["email"] == "anna@example.org"


def test_arrays_and_objects_are_compared_as_a_whole(bench):
    wanted = {"nationalities": {"value": ["NL", "BE"]}, "place_of_birth": {"value": {"country": "BE"}}}
    found = bench.userinfo(claims=claims_parameter(userinfo=wanted))
    assert found["nationalities"] == ["NL", "BE"]
    assert "place_of_birth" not in found


def test_claims_about_the_login_are_in_userinfo_where_asked_for(bench):
    """Core §5.5: any claim may be asked for in either place."""
    found = bench.userinfo(claims=claims_parameter(userinfo={"acr": None, "auth_time": {"essential": True}}))
    assert found["acr"] == "http://eidas.europa.eu/LoA/substantial"
    assert found["auth_time"] == int(bench.identity.source.authenticated_at.timestamp())
    assert "amr" not in found
    assert not {"acr", "amr", "auth_time"} & set(bench.userinfo())


def test_essential_claim_that_is_missing_is_no_error(bench):
    """Core §5.5.1."""
    assert "code" in bench.answer(claims=claims_parameter(userinfo={"title": {"essential": True}}))


def test_userinfo_tells_who_said_it(bench):
    """Issue 2: source and issuing country."""
    found = bench.userinfo()
    assert found["person_kind"] == "natural"
    assert found["sub_stability"] == "persistent"
    assert found["identity_source"] == {
        "connector": "eidas",
        "scheme": "eidas",
        "country": "NL",
        "notified": True,
        "authenticated_at": bench.identity.source.authenticated_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def test_instability_of_an_identifier_is_told(bench):
    bench.fresh(LEGAL)
    bench.identity = replace(bench.identity, assurance=Assurance(level=HIGH))
    assert bench.userinfo()["sub_stability"] == "may-change"


def test_raw_identifier_leaves_only_where_the_client_is_registered_for_it(bench):
    """design.md invariant 5."""
    assert bench.userinfo("raw")["eidas_identifier"] == "NL/DE/1234"
    assert "NL/DE/1234" not in str(bench.userinfo("portal", scope="openid identity"))
    bench.fresh(REPRESENTED)
    found = bench.userinfo("raw", scope="openid legal_person")
    assert found["legal_person"]["legal_person_identifier"] == "FR/DE/88888888"
    assert found["representative"]["eidas_identifier"] == "FR/DE/1"
    assert "FR/DE/" not in str(bench.userinfo("portal", scope="openid identity"))


def test_every_claim_that_is_given_is_announced(bench):
    """Discovery §3 claims_supported."""
    for identity in (NATURAL, GREEK, LEGAL, REPRESENTED):
        names = {name.partition("#")[0] for name in everything(identity)}
        assert names <= set(CLAIMS_SUPPORTED)
