"""What BundID and BayernID answer: the logins offered, the attributes, the levels, the errors."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import datetime

import pytest

from sandbox.accounts.accounts import accounts
from sandbox.accounts.names import AKDB, FRIENDLY, OIDS, STORK, TRUST_LEVELS
from sandbox.saml.names import STATUS, tag

from .conftest import USUAL, akdb_extension, message

EVERYTHING = tuple(OIDS)
SECOND_HAND = "<akdb:AuthnMethods><akdb:eudiwallet/></akdb:AuthnMethods>"


def attributes(assertion) -> dict[str, tuple[str, str | None]]:
    """FriendlyName by OID to text and trust level; every attribute has one value."""
    found = {}
    for item in assertion.iter(tag("saml2:Attribute")):
        (value,) = item
        assert value.get(tag("xsi:type")) == "xsd:string"
        found[FRIENDLY[item.get("Name")]] = (value.text or "", item.get(f"{{{AKDB}}}TrustLevel"))
    return found


def offered(portal, account="bundid", *, level=1, **extension) -> set[str]:
    """Identifiers of the logins on the page."""
    inner = akdb_extension(account, **extension)
    request = portal.request(account, context=f"STORK-QAA-Level-{level}", extension=inner)
    page = portal.send(account, request)
    assert page.status_code == 200, page.text
    return set(re.findall(r'name="citizen" value="([^"]+)"', page.text))


def people(account="bundid", **wanted) -> set[str]:
    return {
        p.id
        for p in accounts()[account].people
        if all(getattr(p, name) in values for name, values in wanted.items())
    }


def status(response) -> tuple[str, str | None]:
    codes = [c.get("Value").removeprefix(STATUS) for c in response.iter(tag("saml2p:StatusCode"))]
    return codes[0], codes[1] if len(codes) > 1 else None


ORDINARY = [
    (account.path, person)
    for account in accounts().values()
    if account.profile == "akdb"
    for person in account.people
    if person.decides == "answer"
]


@pytest.mark.parametrize(("account", "person"), ORDINARY, ids=[f"{a}-{p.id}" for a, p in ORDINARY])
def test_each_login_answers_at_its_level_with_what_was_asked(portal, account, person) -> None:
    """IF 10.2: encrypted assertion in a signed Response, one value each, levels that agree."""
    method = accounts()[account].method(person.method)
    methods = SECOND_HAND if method.second_hand else ""
    response = portal.log_in(account, person.id, usual=EVERYTHING, methods=methods)
    portal.verify(response, account)
    assert response.find(tag("saml2:Assertion")) is None
    assertion = portal.assertion(response)
    assert assertion.findtext(f".//{tag('saml2:Audience')}") == portal.entity_id
    level = STORK[person.level - 1]
    assert assertion.findtext(f".//{tag('saml2:AuthnContextClassRef')}") == level
    found = attributes(assertion)
    assert found["EID-CITIZEN-QAA-LEVEL"][0] == level
    assert found["AssertionProvedBy"][0] == method.proved_by
    for name, value in person.values.items():
        assert found[name][0] == value
    for _, trust in found.values():
        assert trust is None or TRUST_LEVELS.index(trust) < person.level


def test_the_signature_is_rsassa_pss_and_the_content_aes_gcm(portal) -> None:
    """IF 5.4."""
    response = portal.log_in("bundid", "mustermann")
    methods = {e.get("Algorithm") for e in response.iter(tag("ds:SignatureMethod"))}
    assert methods == {"http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"}
    algorithm = response.find(f".//{tag('xenc:EncryptedData')}/{tag('xenc:EncryptionMethod')}")
    assert algorithm.get("Algorithm") == "http://www.w3.org/2009/xmlenc11#aes256-gcm"
    inner = portal.assertion(response)
    portal.verify(inner, "bundid")
    assert [e.get("PrefixList") for e in inner.iter("{*}InclusiveNamespaces")] == ["xsd"]
    assert portal.world.signing["bundid"].key.key_size == 4096


def test_the_assertion_is_bound_to_request_time_and_address(portal) -> None:
    """bundid.md §1.7."""
    request = portal.request("bundid")
    done = portal.decide("bundid", portal.send("bundid", request), citizen="mustermann")
    response = message(done.text)
    assert response.get("InResponseTo") == request.get("ID")
    assert response.get("Destination") == portal.acs
    assertion = portal.assertion(response)
    data = assertion.find(f".//{tag('saml2:SubjectConfirmationData')}")
    assert data.get("InResponseTo") == request.get("ID")
    assert data.get("Recipient") == portal.acs
    conditions = assertion.find(tag("saml2:Conditions"))
    assert conditions.get("NotBefore") == assertion.get("IssueInstant")
    begin, end = (datetime.fromisoformat(conditions.get(a)) for a in ("NotBefore", "NotOnOrAfter"))
    assert (end - begin).total_seconds() == 300
    name_id = assertion.find(f".//{tag('saml2:NameID')}")
    assert name_id.get("Format") == "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
    assert name_id.get("SPNameQualifier") == portal.entity_id


def test_only_what_was_asked_for_is_returned(portal) -> None:
    """IF 9.2."""
    asked = ("surname", "birthdate")
    assertion = portal.assertion(portal.log_in("bundid", "mustermann", usual=asked))
    assert set(attributes(assertion)) == set(asked)


def test_unknown_and_repeated_requests_for_an_attribute_do_no_harm(portal) -> None:
    """An OID nobody knows is not delivered, a repeated one once."""
    names = (OIDS["surname"], "urn:oid:1.2.3.4", OIDS["surname"])
    listed = "".join(f'<akdb:RequestedAttribute Name="{n}"/>' for n in names)
    assertion = portal.assertion(portal.log_in("bundid", "mustermann", attributes=listed))
    assert set(attributes(assertion)) == {"surname"}


def test_trust_levels_differ_inside_one_login_by_card(portal) -> None:
    """IF 10.2: card data HOCH, account data NORMAL, gender UNTERGEORDNET; some have none."""
    found = attributes(portal.assertion(portal.log_in("bundid", "mustermann", usual=EVERYTHING)))
    assert found["surname"][1] == "HOCH"
    assert {found[n][1] for n in ("bPK2", "mail", "legacyPostkorbHandle")} == {"NORMAL"}
    assert found["gender"][1] == "UNTERGEORDNET"
    assert found["applicationId"][1] is None


def test_bpk2_is_the_same_for_every_login_of_one_account_and_other_for_another_host(portal) -> None:
    """IF 6.2.2: depends on account and entityID host, neither on method nor on path."""

    def bpk2(citizen: str) -> str:
        return attributes(portal.assertion(portal.log_in("bundid", citizen)))["bPK2"][0]

    first = bpk2("mustermann")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", first)
    assert bpk2("mustermann-elster") == bpk2("mustermann-name") == first
    assert bpk2("weissenburg") != first
    portal.entity_id = "https://portal.example/other/path"
    portal.hand_in("bundid")
    assert bpk2("mustermann") == first
    portal.entity_id = "https://other.example"
    portal.hand_in("bundid")
    assert bpk2("mustermann") != first


def test_a_deleted_account_returns_with_a_new_bpk2(portal) -> None:
    """bundid.md §1.11: deleted after 24 months of inactivity."""
    asked = ("bPK2", "legacyPostkorbHandle", "surname")
    before = attributes(portal.assertion(portal.log_in("bundid", "mustermann", usual=asked)))
    response = portal.log_in("bundid", "mustermann", usual=asked, fault="new-account")
    after = attributes(portal.assertion(response))
    assert before["bPK2"] != after["bPK2"]
    assert before["legacyPostkorbHandle"] != after["legacyPostkorbHandle"]
    assert before["surname"] == after["surname"]


def test_the_card_pseudonym_comes_with_the_card_only(portal) -> None:
    """IF 6.2: pseudonym of the source system."""
    card = attributes(portal.assertion(portal.log_in("bundid", "guest-eid", usual=EVERYTHING)))
    other = attributes(portal.assertion(portal.log_in("bundid", "elster", usual=EVERYTHING)))
    assert len(card["pseudonym"][0]) == 64
    assert "pseudonym" not in other


def test_a_guest_has_neither_bpk2_nor_mailbox(portal) -> None:
    """bundid.md §1.11."""
    found = attributes(portal.assertion(portal.log_in("bundid", "guest-eid", usual=EVERYTHING)))
    assert not {"bPK2", "legacyPostkorbHandle"} & set(found)


def test_a_required_bpk2_hides_guests_but_not_fink(portal) -> None:
    """IF 9.2.1."""
    shown = offered(portal, required=("bPK2",))
    assert not shown & people(guest=(True,))
    assert people(method=("FINK",)) <= shown
    assert people(guest=(True,)) <= offered(portal)


def test_a_required_mailbox_hides_guests_and_fink(portal) -> None:
    """IF 9.2.1: FINK has no value for it."""
    shown = offered(portal, required=("legacyPostkorbHandle",))
    assert not shown & (people(guest=(True,)) | people(method=("FINK",)))


def test_fink_has_a_prefixed_bpk2_and_no_mailbox(portal) -> None:
    """IF 6.2.2; the form of the prefixes is not public."""
    found = attributes(portal.assertion(portal.log_in("bundid", "fink", usual=EVERYTHING)))
    assert found["bPK2"][0].startswith("FINK::")
    assert "legacyPostkorbHandle" not in found


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_nobody_below_the_requested_level_is_offered(portal, level) -> None:
    """IF 5.1: minimum."""
    shown = offered(portal, level=level)
    ordinary = {p for p in people() if p != "wallet"}
    assert shown == {i for i in ordinary if accounts()["bundid"].person(i).level >= level}


def test_the_methods_of_the_request_and_only_those_are_offered(portal) -> None:
    """IF 9.1: absent Enabled counts as enabled; names are case-sensitive."""
    methods = "<akdb:AuthnMethods><akdb:eIDAS/><akdb:Elster><akdb:Enabled>false</akdb:Enabled></akdb:Elster><akdb:eid/></akdb:AuthnMethods>"
    assert offered(portal, methods=methods) == people(method=("eIDAS",))


def test_the_wallet_is_offered_only_when_named(portal) -> None:
    """Second-hand: not in the interface description."""
    assert offered(portal, methods=SECOND_HAND) == {"wallet"}
    assert "wallet" not in offered(portal)
    assert accounts()["bundid"].method("eudiwallet").second_hand


def test_eidas_logins_bring_the_minimum_data_set_and_the_country(portal) -> None:
    """IF 6.1, end note."""
    for citizen, country, level in (
        ("eidas-low", "DK", 2),
        ("eidas-substantial", "IT", 3),
        ("eidas-high", "EE", 4),
    ):
        found = attributes(portal.assertion(portal.log_in("bundid", citizen, usual=EVERYTHING)))
        assert found["eIDAS-Issuing-Country"][0] == country
        assert found["EID-CITIZEN-QAA-LEVEL"][0] == STORK[level - 1]
        assert not {"postalAddress", "birthName", "personalTitle"} & set(found)


def test_a_missing_required_attribute_fails_with_detail(portal) -> None:
    """IF 9.7."""
    response = portal.log_in("bundid", "mononym", required=("givenName", "postalAddress"))
    assert status(response) == ("Requester", "RequestDenied")
    assert response.findtext(f".//{tag('saml2p:StatusMessage')}") == "security-msg"
    detail = json.loads(response.findtext(f".//{tag('saml2p:StatusDetail')}/{{{AKDB}}}StatusDetail"))
    (error,) = detail["errors"]
    assert error["code"] == "IDP_REQUIRED_ATTRIBUTES_MISSING"
    assert OIDS["givenName"] in error["message"]
    assert OIDS["postalAddress"] in error["message"]
    portal.verify(response, "bundid")


def test_the_detail_must_be_asked_for(portal) -> None:
    """IF 9.7: EnableStatusDetail."""
    response = portal.log_in("bundid", "mononym", required=("givenName",), detail=False)
    assert status(response) == ("Requester", "RequestDenied")
    assert response.find(f".//{tag('saml2p:StatusDetail')}") is None


def test_the_discontinued_bpk_as_required_fails(portal) -> None:
    """IF 6.2.1."""
    listed = '<akdb:RequestedAttribute Name="urn:oid:1.2.40.0.10.2.1.1.149" RequiredAttribute="true"/>'
    assert status(portal.log_in("bundid", "mustermann", attributes=listed)) == ("Requester", "RequestDenied")


@pytest.mark.parametrize("citizen", ["mustermann", "walks-away"])
def test_back_without_back_url_sends_a_saml_error(portal, citizen) -> None:
    """IF 9.5."""
    page = portal.send("bundid", portal.request("bundid"))
    decision = "back" if citizen == "mustermann" else "answer"
    done = portal.decide("bundid", page, citizen=citizen, decision=decision)
    assert status(message(done.text)) == ("Requester", "AuthnFailed")


def test_back_with_back_url_leads_there_and_nobody_answers(portal) -> None:
    """IF 9.5: no SAML Response."""
    url = "https://portal.example/back?case=1"
    fine = akdb_extension("bundid", more=f"<cui:BackURL>{url}</cui:BackURL>")
    page = portal.send("bundid", portal.request("bundid", extension=fine))
    assert "Back to the online service" in page.text
    done = portal.decide("bundid", page, citizen="mustermann", decision="back")
    assert (done.status_code, done.headers["location"]) == (303, url)
    assert "SAMLResponse" not in done.text


def test_a_long_display_name_is_cut_on_the_page(portal) -> None:
    """IF 9.5: 50 characters are shown."""
    fine = akdb_extension("bundid", display="A" * 60)
    page = portal.send("bundid", portal.request("bundid", extension=fine))
    assert "A" * 50 in page.text
    assert "A" * 51 not in page.text


def test_a_login_that_was_not_offered_cannot_be_chosen(portal) -> None:
    """A service that demands high is never answered by the substantial login of the page."""
    page = portal.send("bundid", portal.request("bundid", context="STORK-QAA-Level-4"))
    assert portal.decide("bundid", page, citizen="elster").status_code == 400


def test_an_exchange_is_used_once(portal) -> None:
    """The page's button pressed twice."""
    page = portal.send("bundid", portal.request("bundid"))
    assert portal.decide("bundid", page, citizen="mustermann").status_code == 200
    assert portal.decide("bundid", page, citizen="mustermann").status_code == 410


def test_partial_birth_dates_and_empty_values_pass_through_unchanged(portal) -> None:
    """bundid.md §4.1: missing, empty and unlevelled are three states."""
    asked = ("birthdate", "birthName", "nationality", "givenName")
    found = attributes(portal.assertion(portal.log_in("bundid", "unknown-day", usual=asked)))
    assert found["birthdate"][0] == "1957-11-00"
    assert found["birthName"] == ("", "HOCH")
    mononym = attributes(portal.assertion(portal.log_in("bundid", "mononym", usual=asked)))
    assert mononym["birthdate"][0] == "1980-00-00"
    assert mononym["nationality"][1] is None
    assert not {"givenName", "birthName"} & set(mononym)


def test_bayernid_knows_authega_and_bundid_does_not(portal) -> None:
    """bundid.md §2.1."""
    methods = "<akdb:AuthnMethods><akdb:Authega/></akdb:AuthnMethods>"
    assert offered(portal, "bayernid", methods=methods) == {"authega"}
    assert offered(portal, methods=methods) == set()


def test_metadata_are_at_the_entity_id(portal) -> None:
    """bundid.md §1.1: entityID and metadata address are one."""
    page = portal.client.get("/bundid/idp")
    assert page.headers["content-type"] == "application/samlmetadata+xml"
    assert f'entityID="{portal.world.addresses.nodes}/bundid/idp"' in page.text


def test_all_names_are_in_normal_form(portal) -> None:
    """bundid.md §1.7: UTF-8, NFC; the data have names that break naive code."""
    texts = [
        v
        for account in accounts().values()
        for person in account.people
        for v in person.values.values()
        if isinstance(v, str)
    ]
    assert all(unicodedata.is_normalized("NFC", t) for t in texts)
    assert any("ẞ" in t for t in texts)
    assert any(unicodedata.combining(c) for t in texts for c in t)
    assert set(USUAL) <= set(OIDS)
