"""Answers of BundID and its sisters: values, levels, methods, guests, contradictions (bundid.md §1.7 to §1.12)."""

from dataclasses import replace
from typing import get_args

import pytest

from connectors.accounts.attributes import OID_ATTRIBUTES
from connectors.assurance import LevelOfAssurance
from connectors.errors import AttributeMissing, InvalidAnswer, LevelTooLow
from connectors.identity import NATURAL_ATTRIBUTES, Absent
from gateway.client_settings import AccountFact
from tests.support.account_peer import (
    BPK2,
    CITIZEN,
    ISSUING_COUNTRY,
    LEVEL,
    MAILBOX,
    PROVED_BY,
    PSEUDONYM,
    ask,
    begin,
    install_account,
    login,
    oid,
    service,
    technical,
    without,
)
from tests.support.saml_peer import URI_FORMAT

BASIC, LOW, SUBSTANTIAL, HIGH = LevelOfAssurance
EVERYTHING = frozenset({*NATURAL_ATTRIBUTES, *get_args(AccountFact)})
NATIONALITY, DOCUMENT = "1.2.40.0.10.2.1.1.225577", "1.2.40.0.10.2.1.1.552255"

VALUES = {  # number: (value on the wire, where, field, value inside)
    "2.5.4.42": ("Erika", "subject", "given_name", "Erika"),
    "2.5.4.4": ("Mustermann", "subject", "family_name", "Mustermann"),
    "0.9.2342.19200300.100.1.3": ("e@example.org", "subject", "email", "e@example.org"),
    "2.5.4.16": ("HEIDESTRAẞE 17", "address", "thoroughfare", "HEIDESTRAẞE 17"),
    "2.5.4.17": ("51147", "address", "post_code", "51147"),
    "2.5.4.7": ("KÖLN", "address", "post_name", "KÖLN"),
    "1.2.40.0.10.2.1.1.225599": ("DE", "address", "country", "DE"),
    "0.9.2342.19200300.100.1.40": ("Dr.", "subject", "title", "Dr."),
    "1.3.6.1.4.1.33592.1.3.5": ("2", "account", "form_of_address", "female"),
    "1.2.40.0.10.2.1.1.55": ("1964-08-12", "subject", "date_of_birth", "1964-08-12"),
    "1.3.6.1.5.5.7.9.2": ("Berlin", "subject", "place_of_birth", "Berlin"),
    "1.2.40.0.10.2.1.1.225566": ("Gabler", "subject", "birth_family_name", "Gabler"),
    NATIONALITY: ("D", "subject", "nationalities", ("DE",)),
    DOCUMENT: ("ID", "account", "document_type", "ID"),
    "1.3.6.1.4.1.55605.70737875.1.1.1.7.1": ("a@b.de-mail.de", "account", "de_mail", "a@b.de-mail.de"),
    "2.5.4.20": ("+49 351 1234", "subject", "phone_number", "+49 351 1234"),
    "1.3.6.1.4.1.25484.494450.5": ("02760503150000", "account", "community_id", "02760503150000"),
    MAILBOX: ("b980f78d-f5e0-45d9-8971-cc0e27f0beaf", "account", "mailbox_handle",
              "b980f78d-f5e0-45d9-8971-cc0e27f0beaf"),
    "1.3.6.1.4.1.25484.494450.4": ("1d3b0c2e-0000", "account", "application_id", "1d3b0c2e-0000"),
    "1.2.40.0.10.2.1.1.226699": ("DKK/1", "account", "pseudonym", "DKK/1"),
}  # fmt: skip


def wide(**changes):
    """Everything an account has, nothing required."""
    return ask(required=frozenset(), optional=EVERYTHING, **changes)


def inside(value):
    found = value.value
    if hasattr(found, "latin"):
        return found.latin
    return found.openid() if hasattr(found, "openid") else found


@pytest.mark.parametrize("number", VALUES)
def test_every_attribute_of_the_interface_finds_its_place(bundid, number):
    """bundid.md §1.8, §1.9: by Name, with its own level."""
    wire, place, name, expected = VALUES[number]
    others = without((*technical(), *CITIZEN), number)
    identity = login(
        bundid, request=wide(), attributes=(*others, oid(number, wire, trust="SUBSTANTIELL"))
    ).identity
    holder = {"subject": identity.subject, "account": identity.account}.get(place)
    if place == "address":
        assert getattr(identity.subject.address.value, name) == expected
        assert identity.subject.address.level is SUBSTANTIAL
    elif place == "account":
        assert getattr(holder, name) == expected
        assert holder.levels[name] is SUBSTANTIAL
    else:
        assert inside(getattr(holder, name)) == expected
        assert getattr(holder, name).level is SUBSTANTIAL


def test_the_table_is_the_interface():
    """Every row of §1.8 and §1.9 but the discontinued bPK and issuingState."""
    evaluated = {
        LEVEL,
        PROVED_BY,
        BPK2,
        "1.3.6.1.4.1.25484.494450.1",
        "1.3.6.1.4.1.25484.494450.7",
        ISSUING_COUNTRY,
    }
    assert {a.name.removeprefix("urn:oid:") for a in OID_ATTRIBUTES} == VALUES.keys() | evaluated
    assert len(OID_ATTRIBUTES) == len(VALUES) + len(evaluated)


def test_what_a_login_says_about_itself_is_kept(bundid):
    """bundid.md §1.9: method, version, second factor, pseudonym as account key."""
    identity = login(bundid).identity
    account = identity.account
    assert (account.proved_by, account.interface_version, account.multi_factor, account.guest) == (
        "eID",
        "2020.2.1",
        True,
        False,
    )
    assert identity.account_key == f"bundid\0{PSEUDONYM}"
    assert (identity.source.scheme, identity.source.country) == ("bundid", "DE")


def test_a_value_nobody_asked_for_does_not_enter(bundid):
    """Data minimisation: the account sent more than was asked."""
    attributes = (*technical(), *CITIZEN, oid(MAILBOX, "box"), oid("0.9.2342.19200300.100.1.3", "e@x.de"))
    identity = login(bundid, attributes=attributes).identity
    assert identity.account.mailbox_handle is None
    assert identity.subject.email is Absent.NOT_REQUESTED


EVERY_METHOD = "Authega Benutzername Diia eID eIDAS Elster FINK"

# ------------------------------------------------------------------------------------------- levels


@pytest.mark.parametrize(
    ("reference", "minimum", "expected"),
    [
        ("STORK-QAA-Level-1", BASIC, BASIC),
        ("STORK-QAA-Level-2", LOW, LOW),
        ("STORK-QAA-Level-3", LOW, SUBSTANTIAL),
        ("STORK-QAA-Level-3", SUBSTANTIAL, SUBSTANTIAL),
        ("STORK-QAA-Level-4", HIGH, HIGH),
    ],
)
def test_stork_levels_are_ours_by_number(bundid, reference, minimum, expected):
    """bundid.md §1.5, §4.1: level 1 is basic registration, never eIDAS low."""
    method = {
        "STORK-QAA-Level-1": "Benutzername",
        "STORK-QAA-Level-2": "eIDAS",
        "STORK-QAA-Level-3": "Elster",
    }.get(reference, "eID")
    attributes = (*technical(int(reference[-1]), method), *CITIZEN)
    found = login(bundid, request=ask(minimum=minimum), authn_context=reference, attributes=attributes)
    assert found.identity.assurance.level is expected


@pytest.mark.parametrize(
    ("reference", "level", "method", "minimum"),
    [
        ("STORK-QAA-Level-1", 1, "Benutzername", BASIC),
        ("STORK-QAA-Level-3", 3, "Elster", SUBSTANTIAL),
        ("STORK-QAA-Level-4", 3, "eID", SUBSTANTIAL),  # accumulated with older data
    ],
)
def test_a_level_below_the_request_is_refused(bundid, reference, level, method, minimum):
    """bundid.md §1.7: the library does not compare; a service that demands more never gets less."""
    higher = LevelOfAssurance(minimum + 1)
    attributes = (*technical(level, method), *CITIZEN)
    request = ask(minimum=HIGH if higher is LOW else higher)
    exchange = begin(bundid, request)
    with pytest.raises((LevelTooLow, InvalidAnswer)) as caught:
        exchange.finish(exchange.reply(authn_context=reference, attributes=attributes).octets())
    assert caught.value.reason in {"account.level.too-low", "account.method.not-offered"}


def test_a_substantial_login_never_satisfies_high(bundid):
    exchange = begin(bundid, ask(minimum=HIGH))
    reply = exchange.reply(authn_context="STORK-QAA-Level-3", attributes=(*technical(3, "eIDAS"), *CITIZEN))
    with pytest.raises(LevelTooLow) as caught:
        exchange.finish(reply.octets())
    assert (caught.value.achieved, caught.value.required) == (SUBSTANTIAL, HIGH)


@pytest.mark.parametrize(
    "reference",
    [
        "STORK-QAA-Level-5",
        "stork-qaa-level-4",
        "http://eidas.europa.eu/LoA/high",
        "http://www.stork.gov.eu/1.0/citizenQAALevel/4",
    ],
)
def test_an_unknown_class_reference_is_no_level(bundid, reference):
    with pytest.raises(InvalidAnswer, match=r"account\.level\.unknown"):
        login(bundid, authn_context=reference)


@pytest.mark.parametrize(
    ("stated", "reason"),
    [("STORK-QAA-Level-4", "account.level.contradiction"), ("HOCH", "account.level.unknown")],
)
def test_a_level_attribute_above_the_login_is_a_contradiction(bundid, stated, reason):
    """bundid.md §1.7: EID-CITIZEN-QAA-LEVEL must be consistent with the class reference."""
    attributes = (
        *without(technical(3, "Elster"), LEVEL),
        oid(LEVEL, stated, trust="NORMAL"),
        *CITIZEN,
    )
    with pytest.raises(InvalidAnswer) as caught:
        login(bundid, authn_context="STORK-QAA-Level-3", attributes=attributes)
    assert caught.value.reason == reason


def test_a_missing_level_attribute_leaves_the_class_reference(bundid):
    identity = login(bundid, attributes=(*without(technical(), LEVEL), *CITIZEN)).identity
    assert identity.assurance.level is HIGH


# ------------------------------------------------------------------------------------ trust levels


@pytest.mark.parametrize(
    ("word", "level"),
    [("UNTERGEORDNET", BASIC), ("NORMAL", LOW), ("SUBSTANTIELL", SUBSTANTIAL), ("HOCH", HIGH)],
)
def test_each_value_keeps_its_own_level(bundid, word, level):
    """bundid.md §1.10: a login at level 4 does not make every value level 4."""
    attributes = (*technical(), oid("2.5.4.42", "Erika", trust=word), oid("2.5.4.4", "M", trust="HOCH"))
    assert login(bundid, attributes=attributes).identity.subject.given_name.level is level


def test_a_missing_trust_level_is_unknown_and_not_level_one(bundid):
    """IF 6.2.9; issue 3, bad input."""
    attributes = (*technical(), oid("2.5.4.42", "Erika", trust=None), oid("2.5.4.4", "M"))
    assert login(bundid, attributes=attributes).identity.subject.given_name.level is None


@pytest.mark.parametrize("word", ["SUBSTANZIELL", "hoch", "HOCH ", "4", ""])
def test_an_unknown_trust_level_is_refused(bundid, word):
    """Issue 3, bad input; also on an attribute that nobody asked for."""
    for number, value in (("2.5.4.42", "Erika"), (MAILBOX, "box")):
        attributes = (
            *technical(),
            *without(CITIZEN, number, "2.5.4.42"),
            oid("2.5.4.42", "Erika", trust=word),
        )
        if number == MAILBOX:
            attributes = (*technical(), *CITIZEN, oid(number, value, trust=word))
        with pytest.raises(InvalidAnswer, match=r"account\.trust-level: unknown"):
            login(bundid, attributes=attributes)


def test_a_trust_level_above_the_login_is_lowered_to_it(bundid):
    """Issue 3, bad input; design.md §3 invariant 2."""
    attributes = (*technical(3, "Elster"), *CITIZEN)
    identity = login(bundid, authn_context="STORK-QAA-Level-3", attributes=attributes).identity
    assert identity.subject.family_name.level is SUBSTANTIAL


def test_a_trust_level_above_the_login_can_be_refused(tmp_path):
    """``trust_above_login = "refuse"``."""
    installed = install_account("bundid", tmp_path, trust_above_login="refuse")
    with pytest.raises(InvalidAnswer, match=r"account\.trust-level: above"):
        login(installed, authn_context="STORK-QAA-Level-3", attributes=(*technical(3, "Elster"), *CITIZEN))


def test_an_address_is_as_good_as_its_weakest_part(bundid):
    parts = (oid("2.5.4.7", "Köln", trust="HOCH"), oid("2.5.4.17", "51147", trust="NORMAL"))
    identity = login(bundid, request=wide(), attributes=(*technical(), *CITIZEN, *parts)).identity
    assert identity.subject.address.level is LOW
    unlevelled = (parts[0], oid("2.5.4.17", "51147", trust=None))
    identity = login(bundid, request=wide(), attributes=(*technical(), *CITIZEN, *unlevelled)).identity
    assert identity.subject.address.level is None


# ----------------------------------------------------------------------- missing, empty, unlevelled


def test_missing_empty_and_unlevelled_are_three_states(bundid):
    """bundid.md §4.1."""
    attributes = (
        *technical(),
        *CITIZEN,
        oid("1.3.6.1.5.5.7.9.2", ""),
        oid("0.9.2342.19200300.100.1.40"),
        oid("2.5.4.20", "+49 351 1", trust=None),
    )
    person = login(bundid, request=wide(), attributes=attributes).identity.subject
    assert person.email is Absent.NOT_DELIVERED
    assert person.place_of_birth is Absent.DELIVERED_EMPTY
    assert person.title is Absent.DELIVERED_EMPTY
    assert (person.phone_number.value, person.phone_number.level) == ("+49 351 1", None)
    assert person.address is Absent.NOT_DELIVERED
    assert person.gender is Absent.NOT_REQUESTED


@pytest.mark.parametrize("attributes", [(), (oid("2.5.4.42", ""),), (oid("2.5.4.42"),)])
def test_a_required_value_that_is_missing_or_empty_ends_the_login(bundid, attributes):
    with pytest.raises(AttributeMissing, match=r"account\.attribute\.missing: given_name"):
        login(bundid, attributes=(*technical(), *without(CITIZEN, "2.5.4.42"), *attributes))


# ------------------------------------------------------------------------------------- nationality


@pytest.mark.parametrize(
    ("wire", "iso"),
    [("D", ("DE",)), ("DEU", ("DE",)), ("DE", ("DE",)), ("AUT", ("AT",)), ("GBN", ("GB",)), ("GRC", ("GR",)), ("EL", ("GR",)),
     ("RKS", ("XK",))],
)  # fmt: skip
def test_nationality_is_iso_whatever_the_document_wrote(bundid, wire, iso):
    """bundid.md §1.8, §4.1; the code as delivered is kept beside it."""
    identity = login(
        bundid, request=wide(), attributes=(*technical(), *CITIZEN, oid(NATIONALITY, wire))
    ).identity
    assert identity.subject.nationalities.value == iso
    assert identity.account.icao_nationality == wire


@pytest.mark.parametrize("wire", ["XXA", "XXX", "UNO", "QQQ"])
def test_a_code_of_no_state_is_no_nationality_but_no_offence(bundid, wire):
    """A stateless person can log in."""
    identity = login(
        bundid, request=wide(), attributes=(*technical(), *CITIZEN, oid(NATIONALITY, wire))
    ).identity
    assert identity.subject.nationalities is Absent.DELIVERED_EMPTY
    assert identity.account.icao_nationality == wire


def test_an_empty_nationality_on_an_identity_card_is_assumed_german(bundid):
    """IF 6.1: cards before November 2019. Nobody vouches for it, so it has no level."""
    for empty in ((), (oid(NATIONALITY, ""),)):
        attributes = (*technical(), *CITIZEN, *empty, oid(DOCUMENT, "ID"))
        identity = login(
            bundid, request=ask(optional=frozenset({"nationalities"})), attributes=attributes
        ).identity
        assert (identity.subject.nationalities.value, identity.subject.nationalities.level) == (("DE",), None)
        assert identity.account.assumed == ("nationalities",)
        assert identity.account.document_type is None


@pytest.mark.parametrize("document", [(), (oid(DOCUMENT, "AR"),)])
def test_an_empty_nationality_on_another_document_stays_empty(bundid, document):
    attributes = (*technical(), *CITIZEN, oid(NATIONALITY, ""), *document)
    identity = login(
        bundid, request=ask(optional=frozenset({"nationalities"})), attributes=attributes
    ).identity
    assert identity.subject.nationalities is Absent.DELIVERED_EMPTY
    assert identity.account.assumed == ()


def test_a_stateless_identity_card_holder_is_not_made_german(bundid):
    attributes = (*technical(), *CITIZEN, oid(NATIONALITY, "XXA"), oid(DOCUMENT, "ID"))
    identity = login(bundid, request=wide(), attributes=attributes).identity
    assert identity.subject.nationalities is Absent.DELIVERED_EMPTY


# ------------------------------------------------------------------------------------------ gender


@pytest.mark.parametrize(
    ("code", "word"), [("0", "unknown"), ("1", "male"), ("2", "female"), ("9", "not-applicable")]
)
def test_the_gender_attribute_is_a_form_of_address_and_never_a_sex(bundid, code, word):
    """bundid.md §1.8: two documents contradict each other about 1 and 2; the interface wins."""
    number = "1.3.6.1.4.1.33592.1.3.5"
    identity = login(bundid, request=wide(), attributes=(*technical(), *CITIZEN, oid(number, code))).identity
    assert identity.account.form_of_address == word
    assert identity.subject.gender is Absent.NOT_REQUESTED


def test_a_service_that_requires_a_gender_is_not_served(bundid):
    request = ask(required=frozenset({"gender"}))
    assert [o.reason for o in bundid.connector.options(request, now=begin(bundid).pending.deadline)] == [
        "attributes"
    ]


# ------------------------------------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("wire", "parts"),
    [("1964-08-12", (1964, 8, 12)), ("1964-08-00", (1964, 8, None)), ("1964-00-00", (1964, None, None)),
     ("1964-08", (1964, 8, None)), ("1964", (1964, None, None)), ("0000-00-00", (None, None, None)),
     ("1964-XX-XX", (1964, None, None)), ("2000-02-29", (2000, 2, 29))],
)  # fmt: skip
def test_birth_dates_may_be_partial(bundid, wire, parts):
    """bundid.md §4.1: partial dates exist on cards."""
    attributes = (*technical(), *without(CITIZEN, "1.2.40.0.10.2.1.1.55"), oid("1.2.40.0.10.2.1.1.55", wire))
    date = login(bundid, attributes=attributes).identity.subject.date_of_birth.value
    assert (date.year, date.month, date.day) == parts


@pytest.mark.parametrize(
    "wire",
    ["12.08.1964", "1964-13-01", "1964-02-30", "1964-00-12", "64-08-12", "1964-08-12Z", "１９６４-08-12"],
)
def test_another_form_of_date_is_refused(bundid, wire):
    attributes = (*technical(), *without(CITIZEN, "1.2.40.0.10.2.1.1.55"), oid("1.2.40.0.10.2.1.1.55", wire))
    with pytest.raises(InvalidAnswer, match=r"account\.date"):
        login(bundid, attributes=attributes)


# ----------------------------------------------------------------------------------- guest, account


def test_a_temporary_login_has_no_identifier(bundid):
    """bundid.md §1.11: nothing is stored, nobody can be recognised again."""
    request = replace(ask(), service=service(guest="true"))
    identity = login(bundid, request=request, attributes=(*technical(pseudonym=None), *CITIZEN)).identity
    assert identity.subject.identifier is None
    assert identity.account_key is None
    assert identity.account.guest is True


def test_a_service_with_guests_recognises_nobody(bundid):
    """It asked for no pseudonym, so one that comes nevertheless does not enter."""
    identity = login(bundid, request=replace(ask(), service=service(guest="true"))).identity
    assert (identity.account.guest, identity.account_key) == (True, None)


@pytest.mark.parametrize("pseudonym", [None, ""])
def test_a_temporary_login_is_refused_where_no_guest_is_wanted(bundid, pseudonym):
    with pytest.raises(AttributeMissing, match=r"account\.guest"):
        login(bundid, attributes=(*technical(pseudonym=pseudonym), *CITIZEN))


def test_guests_can_be_forbidden_for_all_services(tmp_path):
    installed = install_account("bundid", tmp_path, guest_login=False)
    request = replace(ask(), service=service(guest="true"))
    with pytest.raises(AttributeMissing):
        login(installed, request=request, attributes=(*technical(pseudonym=None), *CITIZEN))


@pytest.mark.parametrize("pseudonym", ["a b", "a\u00a0b", "x" * 200 + "é", "Ω"])
def test_a_pseudonym_is_visible_ascii(bundid, pseudonym):
    with pytest.raises(InvalidAnswer, match=r"account\.(identifier\.form|value)"):
        login(bundid, attributes=(*technical(pseudonym=pseudonym), *CITIZEN))


def test_an_account_that_returns_with_a_new_pseudonym_is_another_account(bundid):
    """Issue 3, bad input: deleted and registered again; the same name is no reason to merge."""
    first = login(bundid).identity
    second = login(bundid, attributes=(*technical(pseudonym="another-pseudonym"), *CITIZEN)).identity
    assert first.subject.family_name == second.subject.family_name
    assert first.account_key != second.account_key


def test_the_mailbox_handle_is_never_the_identifier(bundid):
    """bundid.md §1.9: a delivery address, personal data of its own."""
    request = ask(account_facts=frozenset({"mailbox_handle"}))
    identity = login(
        bundid, request=request, attributes=(*technical(), *CITIZEN, oid(MAILBOX, "box-1"))
    ).identity
    assert (identity.account.mailbox_handle, identity.account_key) == ("box-1", f"bundid\0{PSEUDONYM}")
    with pytest.raises(AttributeMissing, match=r"account\.guest"):
        login(
            bundid, request=request, attributes=(*technical(pseudonym=None), *CITIZEN, oid(MAILBOX, "box-1"))
        )


# ------------------------------------------------------------------------------------------ methods


@pytest.mark.parametrize(
    ("word", "level", "country"),
    [("eID", 4, "DE"), ("Smart-eID", 4, "DE"), ("FINK", 4, "DE"), ("Elster", 3, "DE"), ("Authega", 3, "DE"),
     ("Diia", 3, "DE"), ("Benutzername", 1, "DE"), ("eIDAS", 3, "AT"), ("eIDAS", 4, "AT")],
)  # fmt: skip
def test_every_method_arrives_with_its_name_and_state(bundid, word, level, country):
    """bundid.md §1.11."""
    attributes = (
        *technical(level, word),
        *CITIZEN,
        *([oid(ISSUING_COUNTRY, country)] if word == "eIDAS" else []),
    )
    identity = login(
        bundid,
        request=ask(minimum=BASIC, service=service(methods=EVERY_METHOD)),
        authn_context=f"STORK-QAA-Level-{level}",
        attributes=attributes,
    ).identity
    assert (identity.account.proved_by, identity.account.issuing_country) == (word, country)


def test_an_eidas_login_may_leave_its_state_unsaid(bundid):
    """The attribute is optional (IF 6.1)."""
    identity = login(bundid, attributes=(*technical(4, "eIDAS"), *CITIZEN)).identity
    assert identity.account.issuing_country is None


def test_the_state_of_an_eidas_login_counts_for_eidas_only(bundid):
    identity = login(bundid, attributes=(*technical(), *CITIZEN, oid(ISSUING_COUNTRY, "AT"))).identity
    assert identity.account.issuing_country == "DE"


@pytest.mark.parametrize(
    ("word", "level"), [("Benutzername", 4), ("Benutzername", 3), ("Elster", 4), ("Diia", 4)]
)
def test_a_method_cannot_prove_more_than_it_can(bundid, word, level):
    """security.md C.6: a table, and never more than it grants."""
    with pytest.raises(InvalidAnswer, match=r"account\.method\.level"):
        login(
            bundid,
            request=ask(minimum=BASIC, service=service(methods=EVERY_METHOD)),
            authn_context=f"STORK-QAA-Level-{level}",
            attributes=(*technical(level, word), *CITIZEN),
        )


def test_a_method_that_was_not_offered_is_refused(bundid):
    """bundid.md §1.7: AssertionProvedBy in the allowed set."""
    request = replace(ask(), service=service(methods="eID"))
    with pytest.raises(InvalidAnswer, match=r"account\.method\.not-offered"):
        login(
            bundid,
            request=request,
            attributes=(*technical(3, "Elster"), *CITIZEN),
            authn_context="STORK-QAA-Level-3",
        )
    assert login(bundid, request=request, attributes=(*technical(4, "Smart-eID"), *CITIZEN))


@pytest.mark.parametrize("word", ["EUDIWallet", "eid", "Passwort"])
def test_an_unknown_method_is_refused(bundid, word):
    with pytest.raises(InvalidAnswer, match=r"account\.method\.unknown"):
        login(bundid, attributes=(*technical(4, word), *CITIZEN))


def test_a_missing_method_is_refused_only_where_methods_were_restricted(bundid):
    attributes = (*technical(4, None), *CITIZEN)
    assert login(bundid, attributes=attributes).identity.account.proved_by is None
    with pytest.raises(InvalidAnswer, match=r"account\.method\.missing"):
        login(bundid, request=replace(ask(), service=service(methods="eID")), attributes=attributes)


def test_a_wallet_behind_the_account_is_a_setting(tmp_path):
    """bundid.md §1.11: not in the interface yet, so name, word and level are configured."""
    installed = install_account(
        "akdb",
        tmp_path,
        more_methods=[{"name": "EUDIW", "proved_by": ["eudiwallet"], "highest": "high", "foreign": True}],
    )
    attributes = (*technical(4, "eudiwallet"), *CITIZEN, oid(ISSUING_COUNTRY, "FR"))
    exchange = begin(installed, ask("akdb"))
    assert exchange.request.root.find(".//{https://www.akdb.de/request/2018/09}EUDIW") is not None
    identity = exchange.finish(exchange.reply(attributes=attributes).octets()).identity
    assert (identity.account.proved_by, identity.account.issuing_country) == ("eudiwallet", "FR")


# ------------------------------------------------------------------------------------ shape of an answer


def test_an_attribute_is_found_by_name_and_a_foreign_friendly_name_is_ignored(bundid):
    """Issue 3, bad input: another OID under bPK2's friendly name neither counts nor offends."""
    spoof = oid("2.5.4.99", "stolen", friendly="bPK2")
    renamed = oid("2.5.4.42", "Erika", friendly="surname")
    identity = login(
        bundid, attributes=(spoof, *technical(), *without(CITIZEN, "2.5.4.42"), renamed)
    ).identity
    assert identity.account_key == f"bundid\0{PSEUDONYM}"
    assert (identity.subject.given_name.value.latin, identity.subject.family_name.value.latin) == (
        "Erika",
        "MUSTERMANN",
    )


@pytest.mark.parametrize("number", [BPK2, "2.5.4.4", LEVEL, PROVED_BY, MAILBOX])
def test_two_attributes_of_one_name_are_refused(bundid, number):
    """Issue 3, bad input: nobody knows which of them is meant."""
    attributes = (*technical(), *CITIZEN, oid(number, "x"), oid(number, "x"))
    with pytest.raises(InvalidAnswer, match=r"account\.attribute-twice"):
        login(bundid, attributes=attributes)


def test_two_values_of_one_attribute_are_refused(bundid):
    with pytest.raises(InvalidAnswer, match=r"account\.attribute\.values"):
        login(bundid, attributes=(*technical(), *without(CITIZEN, "2.5.4.4"), oid("2.5.4.4", "A", "B")))


def test_another_name_format_is_refused(bundid):
    wrong = replace(oid("2.5.4.4", "M"), name_format=URI_FORMAT.replace("uri", "basic"))
    with pytest.raises(InvalidAnswer, match=r"account\.attribute-name"):
        login(bundid, attributes=(*technical(), *without(CITIZEN, "2.5.4.4"), wrong))


@pytest.mark.parametrize("text", ["a\u202eb", "x" * 201, "a\u2066b"])
def test_deceptive_or_endless_values_are_refused(bundid, text):
    with pytest.raises(InvalidAnswer, match=r"account\.value"):
        login(bundid, attributes=(*technical(), *without(CITIZEN, "2.5.4.4"), oid("2.5.4.4", text)))


def test_element_content_in_a_value_is_refused(bundid):
    value = "<saml2:AttributeValue><b>x</b></saml2:AttributeValue>"
    with pytest.raises(InvalidAnswer, match=r"account\.value"):
        login(bundid, attributes=(*technical(), *without(CITIZEN, "2.5.4.4"), oid("2.5.4.4", value)))


def test_a_name_in_another_script_is_refused(bundid):
    """These interfaces have no place for a Latin form beside it."""
    with pytest.raises(InvalidAnswer, match=r"account\.name\.script"):
        login(bundid, attributes=(*technical(), *without(CITIZEN, "2.5.4.4"), oid("2.5.4.4", "Шевченко")))


def test_a_name_with_characters_outside_din_91379_is_marked_and_unchanged(bundid):
    """Values pass as they came; a service can see that its register may not take it."""
    identity = login(
        bundid, attributes=(*technical(), *without(CITIZEN, "2.5.4.4"), oid("2.5.4.4", "Müller 2"))
    ).identity
    assert identity.subject.family_name.value.latin == "Müller 2"
    assert identity.account.irregular == ("family_name",)


def test_an_answer_to_another_portals_request_is_refused(bundid):
    """Issue 3, bad input: one entityID for all portals, so only InResponseTo tells them apart."""
    one, two = begin(bundid), begin(bundid, replace(ask(), service=service("service-bw")))
    with pytest.raises(InvalidAnswer, match=r"saml\.in-response-to"):
        two.finish(one.reply().octets())
    assert one.finish(one.reply().octets())
