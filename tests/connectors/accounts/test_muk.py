"""Mein Unternehmenskonto: the organisation, its data, whoever acts for it (bundid.md §3)."""

import pytest

from connectors.assurance import LevelOfAssurance
from connectors.errors import AttributeMissing, InvalidAnswer, LevelTooLow
from connectors.identity import Absent, LegalPerson, PersonKind
from tests.support.account_peer import (
    COMPANY,
    PERSISTENT,
    Account,
    accounts,
    ask,
    basic,
    begin,
    install_account,
    login,
    structured,
    without,
)
from tests.support.saml_peer import rsa_pair
from tests.support.xml_signing import pair, rsa_key

FACTS = frozenset({"acting_person", "company"})
LEVELS = ("ElsterVertrauensniveauIdentifizierung", "ElsterVertrauensniveauAuthentifizierung")


def wide(**changes):
    return ask("muk", optional=frozenset({"legal_address"}), account_facts=FACTS, **changes)


def test_the_organisation_is_the_subject(muk):
    identity = login(muk, request=wide()).identity
    subject = identity.subject
    assert isinstance(subject, LegalPerson)
    assert (subject.legal_name.value.latin, subject.legal_name.level) == (
        "Bohrtechnik Elbe 3000 AG",
        LevelOfAssurance.SUBSTANTIAL,
    )
    assert identity.assurance.level is LevelOfAssurance.SUBSTANTIAL
    assert (identity.source.scheme, identity.source.country) == ("muk", "DE")


def test_the_structured_address_is_read_from_its_elements(muk):
    """bundid.md §3.2: a reader of flat values loses it."""
    address = login(muk, request=wide()).identity.subject.legal_address
    value = address.value
    assert (value.thoroughfare, value.locator_designator, value.post_code, value.post_name, value.country) == (
        "Egtoftevej", "55", None, "Vedbæk", "DK",
    )  # fmt: skip
    assert address.level is LevelOfAssurance.SUBSTANTIAL


def test_the_acting_person_is_kept_apart_and_has_no_level(muk):
    """Issue 3 number 4: named by the organisation, identified by nobody."""
    identity = login(muk, request=wide()).identity
    assert identity.representative is None
    person = identity.account.acting_person
    assert person.identifier is None
    assert (person.family_name.value.latin, person.given_name.value.latin) == ("von Petersen", "Maren")
    assert (person.title.value, person.date_of_birth.value.openid()) == ("Dr.", "1970-09-05")
    assert {person.family_name.level, person.given_name.level, person.date_of_birth.level} == {None}


def test_the_elster_data_block_is_kept_under_its_own_names(muk):
    account = login(muk, request=wide()).identity.account
    assert account.company == {
        "DatenkranzTyp": "StNr", "PersTyp": "NNatPers", "Rechtsform": "310", "RechtsformText": "Aktiengesellschaft",
        "Registerart": "HRB", "Registergericht": "Dresden", "Registernummer": "12345",
    }  # fmt: skip
    assert (account.account_kind, account.proved_by) == ("StNr", "Elster")


def test_what_the_service_is_not_registered_for_does_not_enter(muk):
    """The account sends its whole data set, whoever asks."""
    identity = login(muk).identity
    assert identity.subject.legal_address is Absent.NOT_REQUESTED
    assert (identity.account.acting_person, identity.account.company) == (None, {})


def test_account_and_organisation_together_are_the_user_key(muk):
    """bundid.md §4.1: two users of one organisation are two accounts of one organisation."""
    first = login(muk).identity
    second = login(muk, name_id=PERSISTENT.replace("ek-77", "ek-78")).identity
    assert first.account_key == "muk\0legal\0du-" + "0a1b" * 10 + " ek-77"
    assert second.account_key != first.account_key
    assert second.account.organisation_pseudonym == first.account.organisation_pseudonym


@pytest.mark.parametrize("flag", ["true", "1", "TRUE"])
def test_a_test_account_is_refused(muk, flag):
    """Issue 3 number 4."""
    with pytest.raises(InvalidAnswer, match=r"account\.test-account"):
        login(muk, attributes=(*without(COMPANY, "IstTestkonto"), basic("IstTestkonto", flag)))


def test_a_test_account_is_accepted_in_development_only(tmp_path):
    attributes = (*without(COMPANY, "IstTestkonto"), basic("IstTestkonto", "true"))
    for development in (False, True):
        folder = tmp_path / str(development)
        folder.mkdir()
        installed = install_account("muk", folder, test_accounts=True, development=development)
        if development:
            assert login(installed, attributes=attributes)
        else:
            with pytest.raises(InvalidAnswer, match=r"account\.test-account"):
                login(installed, attributes=attributes)


@pytest.mark.parametrize("flag", ["ja", "2", "yes"])
def test_an_odd_test_flag_is_not_taken_for_false(muk, flag):
    with pytest.raises(InvalidAnswer, match=r"account\.flag"):
        login(muk, attributes=(*without(COMPANY, "IstTestkonto"), basic("IstTestkonto", flag)))


@pytest.mark.parametrize(
    ("identification", "authentication"),
    [("hoch", "hoch"), ("SUBSTANZIELL", "hoch"), ("substantiell", "substanziell")],
)
def test_both_levels_are_compared_by_table_and_capped(muk, identification, authentication):
    """bundid.md §3.2, §4.1: spelling and case differ; an organisation login is substantial at most."""
    attributes = (
        *without(COMPANY, *LEVELS),
        basic(LEVELS[0], identification),
        basic(LEVELS[1], authentication),
    )
    assert login(muk, attributes=attributes).identity.assurance.level is LevelOfAssurance.SUBSTANTIAL


def test_the_lower_of_both_levels_counts(tmp_path):
    installed = install_account("muk", tmp_path, levels=["substantial", "high"])
    attributes = (*without(COMPANY, *LEVELS), basic(LEVELS[0], "hoch"), basic(LEVELS[1], "substanziell"))
    with pytest.raises(LevelTooLow):
        login(installed, request=ask("muk", minimum=LevelOfAssurance.HIGH), attributes=attributes)


@pytest.mark.parametrize("word", ["normal", "4", "HÖCHST"])
def test_an_unknown_level_word_is_refused(muk, word):
    with pytest.raises(InvalidAnswer, match=r"account\.level\.unknown"):
        login(muk, attributes=(*without(COMPANY, LEVELS[0]), basic(LEVELS[0], word)))


def test_an_unstated_level_is_refused_unless_configured(muk, tmp_path):
    attributes = without(COMPANY, LEVELS[1])
    with pytest.raises(InvalidAnswer, match=r"account\.level\.missing"):
        login(muk, attributes=attributes)
    lenient = install_account("muk", tmp_path, unstated_level="substantial")
    assert login(lenient, attributes=attributes).identity.assurance.level is LevelOfAssurance.SUBSTANTIAL


@pytest.mark.parametrize("attributes", [without(COMPANY, "DatenuebermittlerPseudonymId")])
def test_without_the_pseudonym_nobody_is_recognised(muk, attributes):
    with pytest.raises(AttributeMissing, match=r"account\.identifier\.missing"):
        login(muk, attributes=attributes)


@pytest.mark.parametrize("name_id", ["", "a b", "\u00a0"])
def test_an_odd_name_id_is_refused(muk, name_id):
    with pytest.raises(InvalidAnswer, match=r"account\.identifier\.form"):
        login(muk, name_id=PERSISTENT.replace("ek-77", name_id))


def test_a_pseudonym_with_a_blank_cannot_imitate_another_pair(muk):
    attributes = (
        *without(COMPANY, "DatenuebermittlerPseudonymId"),
        basic("DatenuebermittlerPseudonymId", "du-1 ek"),
    )
    with pytest.raises(InvalidAnswer, match=r"account\.identifier\.form"):
        login(muk, attributes=attributes)


def test_the_data_set_of_a_natural_person_is_refused(muk):
    """The tax number may go nowhere; no organisation is identified by it."""
    attributes = (
        *without(COMPANY, "DatenkranzTyp"),
        basic("DatenkranzTyp", "IdNr"),
        basic("IdNr", "12345678901"),
    )
    with pytest.raises(InvalidAnswer, match=r"account\.person-kind"):
        login(muk, attributes=attributes)


def test_an_organisation_may_have_signs_and_letters_that_no_person_has(muk):
    attributes = (*without(COMPANY, "Firmenname"), basic("Firmenname", "Ω & 3 Söhne µ-Tec GmbH"))
    identity = login(muk, attributes=attributes).identity
    assert identity.subject.legal_name.value.latin == "Ω & 3 Söhne µ-Tec GmbH"
    assert identity.account.irregular == ()


@pytest.mark.parametrize(
    "address",
    [
        structured("Unternehmensanschrift", "AdresseType", "urn:other", Ort="x"),
        basic(
            "Unternehmensanschrift",
            '<saml2:AttributeValue xmlns:e="http://www.elster.de/schema/ekona/saml/extensions">'
            "<e:Ort>a</e:Ort><e:Ort>b</e:Ort></saml2:AttributeValue>",
        ),
        structured("Unternehmensanschrift", "AdresseType", Ort="x" * 501),
    ],
)
def test_an_ambiguous_structure_is_refused(muk, address):
    with pytest.raises(InvalidAnswer, match=r"account\.(structure|value)"):
        login(muk, request=wide(), attributes=(*without(COMPANY, "Unternehmensanschrift"), address))


@pytest.mark.parametrize("value", [(), ("",)])
def test_a_missing_and_an_empty_address_differ(muk, value):
    bare = without(COMPANY, "Unternehmensanschrift")
    assert login(muk, request=wide(), attributes=bare).identity.subject.legal_address is Absent.NOT_DELIVERED
    empty = (*bare, basic("Unternehmensanschrift", *value))
    assert (
        login(muk, request=wide(), attributes=empty).identity.subject.legal_address is Absent.DELIVERED_EMPTY
    )


@pytest.mark.parametrize(
    ("born", "expected"), [("00.00.1970", "1970"), ("1970", "1970"), ("05.09.1970", "1970-09-05")]
)
def test_german_dates_may_be_partial(muk, born, expected):
    person = structured("HandelndePerson", "HandelndePersonType", Nachname="P", Geburtsdatum=born)
    attributes = (*without(COMPANY, "HandelndePerson"), person)
    found = login(muk, request=wide(), attributes=attributes).identity.account.acting_person
    assert found.date_of_birth.value.openid() == expected


@pytest.mark.parametrize("born", ["1970-09-05", "31.02.1970", "5.9.1970", "05.00.1970"])
def test_another_form_of_date_is_refused(muk, born):
    person = structured("HandelndePerson", "HandelndePersonType", Nachname="P", Geburtsdatum=born)
    with pytest.raises(InvalidAnswer, match=r"account\.date"):
        login(muk, request=wide(), attributes=(*without(COMPANY, "HandelndePerson"), person))


def test_the_response_signature_is_required_although_the_assertion_has_none(muk):
    """bundid.md §3.1: the assertion is not signed on its own, so the Response must be."""
    exchange = begin(muk)
    with pytest.raises(InvalidAnswer, match=r"signature\.missing"):
        exchange.finish(exchange.reply(sign_response=False, sign_assertion=True).octets())
    with pytest.raises(InvalidAnswer, match=r"encryption\.missing"):
        exchange.finish(exchange.reply(encrypted=False).octets())


def test_a_certificate_signed_with_pss_pins_its_key(tmp_path):
    """bundid.md §3.1: ELSTER's certificates are RSASSA-PSS signed themselves."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    plain = rsa_pair("elster", 4096)
    builder = (
        x509.CertificateBuilder()
        .subject_name(plain.certificate.subject)
        .issuer_name(plain.certificate.issuer)
        .public_key(plain.key.public_key())
        .serial_number(7)
        .not_valid_before(plain.certificate.not_valid_before_utc)
        .not_valid_after(plain.certificate.not_valid_after_utc)
    )
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    made = builder.sign(plain.key, hashes.SHA256(), rsa_padding=pss)
    account = accounts()["muk"]
    changed = Account(
        entity_id=account.entity_id,
        location=account.location,
        reply=account.reply,
        settings=account.settings,
        signer=type(plain)(plain.key, made),
    )
    installed = install_account("muk", tmp_path, account=changed)
    assert login(installed).identity.subject.kind is PersonKind.LEGAL
    stranger = pair("stranger", rsa_key("stranger"))
    with pytest.raises(InvalidAnswer):
        login(installed, signer=stranger)
