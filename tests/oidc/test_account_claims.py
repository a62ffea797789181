"""What services learn about logins through user accounts (bundid.md §1.10 to §1.12, §3.2, §4)."""

import json
from dataclasses import replace

import pytest

from connectors.assurance import Assurance
from connectors.identity import NaturalPerson, PartialDate
from gateway.oidc.fim import fim_claim
from gateway.oidc.offers import offers
from gateway.oidc.subject import SubjectKey, pairwise
from tests.oidc.harness import CLIENTS, claims_parameter
from tests.oidc.persons import BASIC, BPK2, BUNDID, COMPANY_ACCOUNT, GUEST, LOW, MAILBOX, NATURAL, attested
from tests.oidc.test_documented_claims import request

EVERYTHING = {"scope": "openid identity legal_person"}


def test_two_portals_get_different_subjects_for_one_bpk2(bench):
    """Issue 3, Shows 4; bundid.md §1.12."""
    bench.fresh(BUNDID)
    here, there = bench.userinfo(**EVERYTHING), bench.userinfo("other", **EVERYTHING)
    assert here["sub"] != there["sub"]
    assert here["sub"] == bench.userinfo(**EVERYTHING)["sub"]


@pytest.mark.parametrize("client_id", ["portal", "forms", "raw"])
@pytest.mark.parametrize("identity", [BUNDID, COMPANY_ACCOUNT], ids=["bundid", "muk"])
def test_identifier_of_an_account_leaves_nowhere(bench, client_id, identity):
    """bundid.md §1.12: the same for all services of a gateway; not even with ``raw_identifier``."""
    bench.fresh(identity)
    asked = claims_parameter(id_token={"eidas_identifier": None}, userinfo={"eidas_identifier": None})
    tokens = bench.tokens(client_id, claims=asked, **EVERYTHING)
    told = json.dumps([bench.userinfo(client_id, **EVERYTHING), bench.read(tokens["id_token"]).claims])
    assert identity.subject.identifier.value not in told
    assert "eidas_identifier" not in told
    assert "legal_person_identifier" not in told


def test_account_returned_with_a_new_bpk2_is_another_subject(bench):
    """bundid.md §1.11: deleted after 24 months; nothing else may join the two."""
    renewed = replace(
        BUNDID, subject=replace(BUNDID.subject, identifier=replace(BUNDID.subject.identifier, value="x" * 43))
    )
    bench.fresh(BUNDID)
    before = bench.userinfo(**EVERYTHING)
    bench.fresh(renewed)
    after = bench.userinfo(**EVERYTHING)
    assert before["sub"] != after["sub"]
    assert before["family_name"] == after["family_name"]


def test_guest_login_has_a_subject_of_its_own_and_says_so(bench):
    """bundid.md §1.11: no bPK2, no mailbox."""
    bench.fresh(GUEST)
    first, second = bench.userinfo("forms", **EVERYTHING), bench.userinfo("forms", **EVERYTHING)
    assert first["sub"] != second["sub"]
    assert first["sub_stability"] == "transient"
    assert first["account"]["guest"] is True
    assert "mailbox_handle" not in first["account"]


def test_facts_leave_for_registered_clients_only(bench):
    """bundid.md §4: the mailbox handle is personal data of its own."""
    bench.fresh(BUNDID)
    assert bench.userinfo(**EVERYTHING)["account"] == {"guest": False}
    assert bench.userinfo("forms", **EVERYTHING)["account"] == {
        "guest": False,
        "proved_by": "eID",
        "multi_factor": True,
        "mailbox_handle": MAILBOX,
    }


def test_account_is_in_the_id_token_if_asked_for(bench):
    """Core §5.5: nothing is there unasked."""
    bench.fresh(BUNDID)
    asked = claims_parameter(id_token={"account": None, "attribute_assurance": None})
    token = bench.id_token("forms", claims=asked, **EVERYTHING)
    assert token["account"]["mailbox_handle"] == MAILBOX
    assert token["attribute_assurance"]["family_name"]["level"] == "high"
    assert "fim" not in token
    assert "account" not in bench.id_token("forms", **EVERYTHING)


def test_fact_about_the_person_leaves_only_if_released(bench):
    """ux.md §5: the citizen sees what goes."""
    bench.fresh(BUNDID)
    bench.released = frozenset({"family_name"})
    assert "mailbox_handle" not in bench.userinfo("forms", **EVERYTHING)["account"]


def test_eidas_login_has_no_account(bench):
    bench.fresh(NATURAL)
    told = bench.userinfo("forms", **EVERYTHING)
    assert "account" not in told
    assert told["identity_source"]["notified"] is True


def test_nothing_claims_notification_for_an_account(bench):
    """(EU) 910/2014 Article 9 notifies schemes, not accounts."""
    bench.fresh(BUNDID)
    assert "notified" not in bench.userinfo(**EVERYTHING)["identity_source"]


def test_level_and_source_of_every_attribute(bench):
    """bundid.md §1.10: a login at ``high`` does not make every attribute ``high``; no level is not level 1."""
    bench.fresh(BUNDID)
    told = bench.userinfo("forms", **EVERYTHING)
    assurance = told["attribute_assurance"]
    assert assurance["family_name"] == {"source": "bundid", "level": "high"}
    assert assurance["gender"] == {"source": "bundid", "level": "basic"}
    assert assurance["email"] == {"source": "bundid", "level": "low"}
    assert assurance["phone_number"] == {"source": "bundid"}
    assert set(assurance) <= set(told)
    assert "attribute_assurance" not in bench.userinfo(**EVERYTHING)


def test_claim_of_several_attributes_has_the_least_of_their_levels(bench):
    person = replace(BUNDID.subject, given_name=replace(BUNDID.subject.given_name, level=LOW))
    bench.fresh(replace(BUNDID, subject=person))
    assert bench.userinfo("forms", **EVERYTHING)["attribute_assurance"]["name"]["level"] == "low"
    bench.fresh(replace(BUNDID, subject=replace(person, given_name=replace(person.given_name, level=None))))
    assert "level" not in bench.userinfo("forms", **EVERYTHING)["attribute_assurance"]["name"]


def test_levels_of_a_company_stand_where_its_claims_do(bench):
    bench.fresh(COMPANY_ACCOUNT)
    assurance = bench.userinfo("forms", **EVERYTHING)["attribute_assurance"]
    assert assurance["legal_person"]["legal_name"] == {"source": "muk", "level": "substantial"}
    assert "address" in assurance["legal_person"]


def test_acting_person_is_not_presented_as_identified(bench):
    """bundid.md §3.2: additional data whose level is not stated; never a ``representative``."""
    bench.fresh(COMPANY_ACCOUNT)
    told = bench.userinfo("forms", **EVERYTHING)
    assert "representative" not in told
    assert told["account"]["acting_person"] == {
        "identified": False,
        "family_name": "Kluge",
        "given_name": "Jana",
        "name": "Jana Kluge",
        "birthdate": "1979-03-05",
    }
    assert "family_name" not in told
    assert "family_name" not in told["attribute_assurance"]
    assert "acting_person" not in bench.userinfo(**EVERYTHING)["account"]


def test_acting_person_is_shown_before_release():
    """Each value under a key of its own, apart from subject and representative."""
    found = offers(CLIENTS["forms"], request(), COMPANY_ACCOUNT)
    acting = {offer.key for offer in found if offer.of_acting_person}
    assert acting == {"acting_person.family_name", "acting_person.given_name", "acting_person.date_of_birth"}
    assert not any(offer.of_representative for offer in found)


@pytest.mark.parametrize("identity", [BUNDID, GUEST, COMPANY_ACCOUNT], ids=["bundid", "guest", "muk"])
@pytest.mark.parametrize("framework", ["eidas", "bundid", "de_bundid", "muk"])
def test_accounts_give_no_verified_claims(bench, identity, framework):
    """oidc.md §19.1: no registered trust framework describes them, and ``eidas`` would be untrue."""
    bench.fresh(identity)
    element = {"verification": {"trust_framework": {"value": framework}}, "claims": {"family_name": None}}
    parameter = claims_parameter(userinfo={"verified_claims": element}, id_token={"verified_claims": element})
    assert "verified_claims" not in bench.userinfo(claims=parameter)
    assert "verified_claims" not in bench.id_token(claims=parameter)


def test_basic_registration_is_told_in_the_accounts_own_word(bench):
    """bundid.md §4.1: STORK level 1 is never eIDAS low."""
    bench.fresh(replace(BUNDID, assurance=Assurance(level=BASIC)))
    assert bench.id_token("basic")["acr"] == "STORK-QAA-Level-1"


def test_minimum_basic_can_be_asked_for_and_does_not_undercut_the_registration(bench):
    bench.fresh(NATURAL)
    bench.id_token("basic", acr_values="STORK-QAA-Level-1")
    assert bench.opened[-1].minimum is BASIC
    bench.id_token("portal", acr_values="STORK-QAA-Level-1")
    assert bench.opened[-1].minimum is LOW


# ---------------------------------------------------------------------------------------- FIM


def test_form_systems_get_the_data_field_ids(bench):
    """bundid.md §4: the family name's id is confirmed, all others are marked."""
    bench.fresh(BUNDID)
    fim = bench.userinfo("forms", **EVERYTHING)["fim"]
    assert fim["fields"]["F60000227"] == "Mustermann"
    assert fim["fields"]["F60000236"] == "000"
    assert "F60000227" not in fim["unconfirmed"]
    assert set(fim["fields"]) - {"F60000227"} <= set(fim["unconfirmed"])
    assert "fim" not in bench.userinfo(**EVERYTHING)


@pytest.mark.parametrize(
    ("date", "fields"),
    [
        (
            PartialDate(year=1964, month=8, day=12),
            {"F60000231": "12", "F60000232": "08", "F60000233": "1964"},
        ),
        (PartialDate(year=1964, month=8), {"F60000232": "08", "F60000233": "1964"}),
        (PartialDate(year=1964), {"F60000233": "1964"}),
        (PartialDate(year=None), {}),
    ],
)
def test_birth_date_is_split_so_that_partial_dates_fit(date, fields):
    """bundid.md §4."""
    person = NaturalPerson(identifier=None, date_of_birth=attested(date))
    assert fim_claim(person, frozenset({"date_of_birth"}))["fim"]["fields"] == {"G60000083": fields}


def test_only_released_data_get_field_ids():
    claim = fim_claim(BUNDID.subject, frozenset({"family_name"}))
    assert claim == {"fim": {"fields": {"F60000227": "Mustermann"}, "unconfirmed": []}}
    assert fim_claim(BUNDID.subject, frozenset()) == {}
    assert fim_claim(COMPANY_ACCOUNT.subject, frozenset({"legal_name"})) == {}


def test_nationality_without_a_known_key_is_left_out():
    """Only Germany's statistical key is documented."""
    person = replace(BUNDID.subject, nationalities=attested(("AT", "DE")))
    assert fim_claim(person, frozenset({"nationalities"}))["fim"]["fields"] == {"F60000236": "000"}
    person = replace(BUNDID.subject, nationalities=attested(("AT",)))
    assert fim_claim(person, frozenset({"nationalities"})) == {}


def test_bpk2_is_the_only_source_of_the_subject():
    """The same person with another name keeps the subject; the same name with another bPK2 does not."""
    key, client = SubjectKey(b"k" * 32), CLIENTS["portal"]
    married = replace(
        BUNDID, subject=replace(BUNDID.subject, family_name=attested(NATURAL.subject.family_name.value))
    )
    assert pairwise(key, client, BUNDID, "A") == pairwise(key, client, married, "B")
    assert BUNDID.account_key == f"bundid\0{BPK2}"
