"""One exchange from begin to identity, in both roles (eidas.md §3, §10.1); what security.md A asks of every SAML
answer stands in tests/attacks."""

import base64
import itertools
import json
import logging
import secrets
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.assurance import EIDAS_LEVELS, Assurance
from connectors.contract import Answer, PendingExchange
from connectors.eidas.settings import CountrySettings, EIDASSettings, PeerExceptionKind
from connectors.errors import (
    AttributeMissing,
    AuthenticationFailed,
    Cancelled,
    ConnectorError,
    InvalidAnswer,
    LevelNotReached,
    LevelTooLow,
    PeerRefused,
    PeerUnavailable,
    RepresentationRefused,
)
from connectors.identity import Absent, Name, PersonKind, Source
from tests.connectors.national_peer import NATIONAL, install_national
from tests.support.saml_peer import (
    CITIZEN,
    COMPANY,
    IDENTIFIER,
    LOA,
    NATURAL,
    PERSONAL,
    STATUS,
    Node,
    authentication_request,
    begin,
    ec_pair,
    install,
    login,
    natural,
    read_request,
    rsa_pair,
    stamp,
    value,
)
from tests.support.xml_encryption import Envelope
from tests.support.xml_signing import NOW, Recipe, ec_key, pair, rsa_key

NN = "http://eidas.europa.eu/NotNotified/LoA/"
LOW, SUBSTANTIAL, HIGH = EIDAS_LEVELS
LEGAL_ONLY = frozenset({PersonKind.LEGAL})
YESTERDAY, TODAY = NOW.date() - timedelta(days=1), NOW.date()


@pytest.fixture
def installed(tmp_path):
    return install(config_dir=tmp_path)


def refusal(error, installed, **changes):
    with pytest.raises(error) as caught:
        login(installed, **changes)
    assert type(caught.value) is error
    assert not any(word in str(caught.value) for word in PERSONAL)
    return caught.value.reason


# ------------------------------------------------------------------------------------- the identity


def test_a_citizen_of_greece_is_identified(installed):
    """eidas.md §3, §5: everything the answer says, with its source."""
    identity = login(installed, assertion_id="_assertion").identity
    assert identity.source == Source(
        connector="eidas",
        scheme="eidas",
        issuer="https://eidas.el.example/metadata",
        country="GR",
        authenticated_at=NOW,
        statement_id="_assertion",
    )
    assert identity.assurance == Assurance(level=HIGH, notified=True)
    assert identity.subject.identifier.value == IDENTIFIER
    assert identity.subject.family_name.value == Name(
        latin="Papadopoulou", original="Παπαδοπούλου", script="Grek"
    )
    assert identity.subject.family_name.level is HIGH
    assert identity.subject.gender is Absent.NOT_REQUESTED
    assert identity.representative is None


def test_the_name_id_is_never_the_identifier(installed):
    """eidas.md §2.5: it may be transient; the key is the identifier attribute."""
    other = '<saml2:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient">_x9</saml2:NameID>'
    first, second = login(installed), login(installed, name_id=other)
    assert first.identity.account_key == second.identity.account_key == f"eidas\0{IDENTIFIER}"


def test_an_answer_is_found_again_after_a_restart(tmp_path, installed):
    """design.md: the connector keeps nothing; another instance with the same keys finishes the exchange."""
    exchange = begin(installed)
    octets = exchange.reply().octets()
    pending = replace(exchange.pending, state=json.loads(json.dumps(exchange.pending.state)))
    (tmp_path / "other").mkdir()
    other = install(config_dir=tmp_path / "other", keys=installed.keys)
    assert other.connector.finish(pending, exchange.answer(octets), now=NOW).identity.source.country == "GR"


def test_replay_keys_name_issuer_and_both_identifiers(installed):
    """eidas.md §3.1 row 7: Response and assertion, per country, beyond the longest accepted validity."""
    verified = login(installed, response_id="_response", assertion_id="_assertion")
    issuer = "https://eidas.el.example/metadata"
    assert {k.key for k in verified.replay_keys} == {f"{issuer}\0_response", f"{issuer}\0_assertion"}
    assert all(k.until > NOW + timedelta(minutes=6) for k in verified.replay_keys)


def test_an_answer_after_the_deadline_is_refused(installed):
    """eidas.md §8: the lifetime of a request is bounded, by default to 15 minutes."""
    exchange = begin(installed)
    assert exchange.pending.deadline == NOW + timedelta(minutes=15)
    late = NOW + timedelta(minutes=15, seconds=1)
    with pytest.raises(InvalidAnswer) as caught:
        exchange.finish(exchange.reply(now=late).octets(), now=late)
    assert caught.value.reason == "saml.deadline"


def test_a_slow_citizen_is_not_refused(installed):
    """The answer is made just before the deadline, long after the request."""
    exchange = begin(installed)
    late = NOW + timedelta(minutes=14, seconds=50)
    assert (
        exchange.finish(exchange.reply(now=late).octets(), now=late).identity.source.authenticated_at == late
    )


def test_answers_come_by_post_only(installed):
    """Interoperability architecture §3.2.2.1."""
    exchange = begin(installed)
    query = b"SAMLResponse=" + base64.b64encode(exchange.reply().octets())
    with pytest.raises(InvalidAnswer) as caught:
        installed.connector.finish(exchange.pending, Answer(method="GET", query=query), now=NOW)
    assert caught.value.reason == "saml.binding.method"
    with pytest.raises(InvalidAnswer):
        installed.connector.relay_state(Answer(method="GET", query=query + b"&RelayState=a.b"))


def test_an_answer_of_another_country_is_refused(tmp_path):
    """eidas.md §3.1 row 6: only the one that was asked may answer; mix-up of issuers."""
    sweden = Node(
        country="SE",
        wire_code="SE",
        entity_id="https://eidas.se.example/metadata",
        location="https://eidas.se.example/sso",
        signer=pair("se message", ec_key("se message")),
        metadata_signer=pair("se metadata", ec_key("se metadata")),
    )
    installed = install(Node(), sweden, config_dir=tmp_path)
    exchange = begin(installed)
    with pytest.raises(InvalidAnswer) as caught:
        exchange.finish(replace(exchange.reply(), node=sweden).octets())
    assert caught.value.reason == "saml.issuer"
    with pytest.raises(InvalidAnswer):
        exchange.finish(exchange.reply(signer=sweden.signer).octets())


def test_a_peer_that_changed_its_entity_id_meanwhile_is_not_the_one_asked(installed):
    """Configuration replaced between request and answer."""
    exchange = begin(installed)
    pending = replace(exchange.pending, peer="https://old.example/metadata")
    with pytest.raises(InvalidAnswer) as caught:
        installed.connector.finish(pending, exchange.answer(exchange.reply().octets()), now=NOW)
    assert caught.value.reason == "saml.issuer"


# ------------------------------------------------------------------------------------------- levels


@pytest.mark.parametrize("uri", [LOA + "substantial", LOA + "high"])
def test_what_was_asked_or_better_is_taken(installed, uri):
    """eidas.md §2.4 minimum."""
    assert login(installed, authn_context=uri).identity.assurance.level.word == uri.rpartition("/")[2]


def test_whitespace_around_the_level_is_no_part_of_it(installed):
    """shared/data/eidas: the UK template pads its class reference."""
    assert login(installed, authn_context=f"\n   {LOA}high ").identity.assurance.level is HIGH


def test_a_lower_level_is_refused(installed):
    """eidas.md §13 number 6."""
    assert refusal(LevelTooLow, installed, authn_context=LOA + "low") == "eidas.level.too-low"


def test_a_level_its_issuer_does_not_publish_is_refused(tmp_path):
    """eidas.md §13 number 6."""
    installed = install(Node(levels=(LOA + "substantial",)), config_dir=tmp_path)
    assert refusal(InvalidAnswer, installed, authn_context=LOA + "high") == "eidas.level.not-published"


@pytest.mark.parametrize("accepted", [False, True])
def test_a_non_notified_level_needs_the_service_s_consent(tmp_path, accepted):
    """eidas.md §13 number 6: a NotNotified answer to a notified request is refused."""
    installed = install(Node(levels=(LOA + "high", NN + "high")), config_dir=tmp_path)
    request = authentication_request(accept_non_notified=accepted)
    if accepted:
        verified = login(installed, request=request, authn_context=NN + "high")
        assert verified.identity.assurance == Assurance(level=HIGH, notified=False)
    else:
        reason = refusal(InvalidAnswer, installed, request=request, authn_context=NN + "high")
        assert reason == "eidas.level.not-notified"


@pytest.mark.parametrize(
    "uri", [LOA + "test", LOA + "unknown", LOA + "HIGH", LOA + "NotNotified/high", "high"]
)
def test_what_is_no_level_is_refused(tmp_path, uri):
    """eidas.md §13 number 5, published by the issuer or not."""
    for levels in ((LOA + "high",), (LOA + "high", uri)):
        installed = install(Node(levels=levels), config_dir=tmp_path)
        assert refusal(InvalidAnswer, installed, authn_context=uri) == "eidas.level.unknown"


# ------------------------------------------------------------------------------------------- persons


@pytest.mark.parametrize(
    ("identifier", "reason"),
    [
        ("GR/DE/x", "eidas.identifier.country"),
        ("SE/DE/x", "eidas.identifier.country"),
        ("EL/AT/x", "eidas.identifier.destination"),
        ("EL/DE/a b", "eidas.identifier.form"),
    ],
)
def test_an_identifier_must_be_of_the_country_asked_and_for_us(installed, identifier, reason):
    """eidas.md §13 number 11: through the whole exchange."""
    attributes = (natural("PersonIdentifier", identifier), *CITIZEN[1:])
    assert refusal(InvalidAnswer, installed, attributes=attributes) == reason


@pytest.mark.parametrize(
    ("country", "node_code", "wire"), [("GR", None, "EL"), ("GB", "UK", "UK"), ("AT", None, "AT")]
)
def test_the_code_on_the_wire_is_the_country_s_setting(country, node_code, wire):
    """Message format §4.2; a country may write another code than ISO's by registration."""
    settings = CountrySettings(country=country, node_code=node_code)
    assert settings.wire_code == wire
    assert EIDASSettings(kind="eidas", node_country="GR").wire_code == "EL"


def test_our_own_country_is_the_destination(tmp_path):
    """The YY of every identifier is the country of the connector."""
    installed = install(config_dir=tmp_path, settings={"node_country": "AT"})
    attributes = (natural("PersonIdentifier", "EL/AT/1"), *CITIZEN[1:])
    assert login(installed, attributes=attributes).identity.subject.identifier.value == "EL/AT/1"
    assert refusal(InvalidAnswer, installed) == "eidas.identifier.destination"


def test_the_stability_of_identifiers_is_handed_on(tmp_path):
    """eidas.md §12: a country whose identifiers change says so downstream."""
    installed = install(config_dir=tmp_path, country={"identifier_stability": "may-change"})
    assert login(installed).identity.subject.identifier.stability == "may-change"


def test_a_missing_name_ends_the_login(installed):
    """eidas.md §3.1 row 17; eidas.md §4: mandatory attribute missing."""
    assert refusal(AttributeMissing, installed, attributes=CITIZEN[:2]) == "eidas.attribute.missing"


CLERK = tuple(
    natural(suffix, text, representative=True)
    for suffix, text in (
        ("PersonIdentifier", "EL/DE/clerk"),
        ("CurrentFamilyName", "Nikolaou"),
        ("CurrentGivenName", "Petros"),
        ("DateOfBirth", "1990-01-01"),
    )
)


@pytest.mark.parametrize(("kind", "subject"), [(PersonKind.NATURAL, CITIZEN), (PersonKind.LEGAL, COMPANY)])
def test_representation_is_refused_unless_the_service_handles_it(installed, kind, subject):
    """eidas.md §13 number 14."""
    persons = frozenset({kind})
    refused = authentication_request(persons=persons)
    assert (
        refusal(RepresentationRefused, installed, request=refused, attributes=(*subject, *CLERK))
        == "eidas.representation.refused"
    )
    request = authentication_request(persons=persons, accept_representation=True)
    identity = login(installed, request=request, attributes=(*subject, *CLERK)).identity
    assert identity.subject.kind is kind
    assert identity.representative.identifier.value == "EL/DE/clerk"
    legal = "legal\0" if kind is PersonKind.LEGAL else ""
    assert identity.account_key == f"eidas\0{legal}{identity.subject.identifier.value}"


def test_accepting_representation_does_not_demand_it(installed):
    """Whether a service requires it is decided by the gateway from the same identity."""
    request = authentication_request(persons=LEGAL_ONLY, accept_representation=True)
    assert login(installed, request=request, attributes=COMPANY).identity.representative is None


def test_a_mixed_answer_is_taken_where_it_was_asked(tmp_path):
    """Formats up to 1.3, dated exception: the natural person acts for the legal one."""
    country = lenient("mixed-request", TODAY)
    installed = install(Node(protocol_versions=("1.3",)), config_dir=tmp_path, country=country)
    request = authentication_request(persons=LEGAL_ONLY, accept_representation=True)
    identity = login(installed, request=request, attributes=(*COMPANY, *CITIZEN)).identity
    assert identity.subject.kind is PersonKind.LEGAL
    assert identity.representative.identifier.value == IDENTIFIER
    plain = install(Node(), config_dir=tmp_path)
    assert (
        refusal(InvalidAnswer, plain, request=request, attributes=(*COMPANY, *CITIZEN)) == "eidas.person-kind"
    )


def test_wanted_attributes_arrive_and_others_do_not(installed):
    """Data minimisation, through the whole exchange."""
    extra = (
        natural("Gender", "Female"),
        natural("PlaceOfBirth", "Patra"),
        natural("Nationality", "EL", "CY"),
    )
    request = authentication_request(
        required=frozenset({"nationalities"}), optional=frozenset({"gender", "email"})
    )
    subject = login(installed, request=request, attributes=(*CITIZEN, *extra)).identity.subject
    assert subject.nationalities.value == ("GR", "CY")
    assert subject.email is Absent.NOT_DELIVERED
    assert subject.place_of_birth is Absent.NOT_REQUESTED
    assert refusal(AttributeMissing, installed, request=request) == "eidas.attribute.missing"


@pytest.mark.parametrize("qualified", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_script_pairs_survive_the_wire(installed, qualified, reverse):
    """eidas.md §13 number 12: qualified or not, in both orders, inside a signed and encrypted answer."""
    forms = [value("Georgiou"), value("Γεωργίου", latin="false", qualified=qualified)]
    pairs = natural("CurrentFamilyName", *(forms[::-1] if reverse else forms))
    attributes = (CITIZEN[0], pairs, *CITIZEN[2:])
    found = login(installed, attributes=attributes).identity.subject.family_name.value
    assert found == Name(latin="Georgiou", original="Γεωργίου", script="Grek")


def test_addresses_survive_the_wire(installed):
    """eidas.md §13 number 13: Base64 in lines, prefix bound nowhere."""
    encoded = base64.encodebytes(
        "<eidas-natural:Thoroughfare>Οδός Ερμού</eidas-natural:Thoroughfare>"
        "<eidas-natural:AdminunitFirstline>EL</eidas-natural:AdminunitFirstline>".encode()
    ).decode()
    request = authentication_request(required=frozenset({"address"}))
    attributes = (*CITIZEN, natural("CurrentAddress", encoded))
    found = login(installed, request=request, attributes=attributes).identity.subject.address.value
    assert (found.thoroughfare, found.country) == ("Οδός Ερμού", "GR")


# ------------------------------------------------------------------------------------------ failures


@pytest.mark.parametrize(
    ("top", "second", "message", "error", "reason"),
    [
        ("Requester", "RequestDenied", None, Cancelled, "saml.status.Requester.RequestDenied"),
        ("Responder", "RequestDenied", None, Cancelled, "saml.status.Responder.RequestDenied"),
        ("Responder", "AuthnFailed", None, AuthenticationFailed, "saml.status.Responder.AuthnFailed"),
        ("Responder", "NoAuthnContext", None, LevelNotReached, "saml.status.Responder.NoAuthnContext"),
        ("Responder", "InvalidNameIDPolicy", None, PeerRefused, "saml.status.Responder.InvalidNameIDPolicy"),
        ("Requester", "InvalidAttrNameOrValue", None, PeerRefused, "saml.status.Requester.InvalidAttrNameOrValue"),
        ("VersionMismatch", None, None, PeerRefused, "saml.status.VersionMismatch"),
        ("Requester", None, None, PeerRefused, "saml.status.Requester"),
        ("Responder", "SomethingNew", None, PeerRefused, "saml.status.Responder.SomethingNew"),
        ("Responder", None, "003002 - authentication failed", AuthenticationFailed, "saml.status.Responder"),
        ("Responder", None, "202010 - mandatory attribute", PeerRefused, "saml.status.Responder"),
    ],
)  # fmt: skip
def test_a_failure_means_what_the_status_says(installed, top, second, message, error, reason):
    """eidas.md §4: registered codes first, six-digit node codes where they add something."""
    found = refusal(
        error,
        installed,
        status=STATUS + top,
        second_status=None if second is None else STATUS + second,
        status_message=message,
    )
    assert found == reason


def test_foreign_words_of_a_status_do_not_reach_a_log(installed):
    """eidas.md §4: the raw text is never shown; only a six-digit code survives."""
    with pytest.raises(PeerRefused) as caught:
        login(
            installed,
            status=STATUS + "Responder",
            second_status="urn:evil:Papadopoulou",
            status_message="Eleni Papadopoulou is blocked 003002",
        )
    assert str(caught.value) == "saml.status.Responder.other"
    with pytest.raises(PeerRefused) as caught:
        login(installed, status=STATUS + "Responder", status_message="202010 Papadopoulou")
    assert str(caught.value) == "saml.status.Responder: node code 202010"


@pytest.mark.parametrize("status", [STATUS + "Partial", "urn:example:Success", "Success", ""])
def test_an_unknown_top_level_status_is_no_status(installed, status):
    """saml-core §3.2.2.2: four values."""
    assert refusal(InvalidAnswer, installed, status=status) == "saml.status"


@pytest.mark.parametrize("signed", [False, True])
def test_a_plain_assertion_inside_a_failure_is_ignored_and_not_logged(installed, caplog, signed):
    """eidas.md §13 number 15: several nodes send one; its content is nobody's business."""
    caplog.set_level(logging.DEBUG)
    exchange = begin(installed)
    plain = exchange.reply(encrypted=False, sign_assertion=signed).assertion()
    reply = exchange.reply(
        status=STATUS + "Responder",
        second_status=STATUS + "AuthnFailed",
        edit_response=lambda root: root.append(plain),
    )
    octets = reply.octets()
    assert b"Papadopoulou" in octets
    with pytest.raises(AuthenticationFailed) as caught:
        exchange.finish(octets)
    assert not any(word in caplog.text + repr(caught.value) for word in PERSONAL)


def test_a_failure_must_be_genuine_too(installed):
    """eidas.md §3.1: status is looked at after signature, Destination and InResponseTo."""
    denied = {"status": STATUS + "Requester", "second_status": STATUS + "RequestDenied"}
    assert refusal(InvalidAnswer, installed, sign_response=False, **denied) == "signature.missing"
    assert refusal(InvalidAnswer, installed, in_response_to="_other", **denied) == "saml.in-response-to"
    assert (
        refusal(InvalidAnswer, installed, destination="https://other.example", **denied) == "saml.destination"
    )


# ----------------------------------------------------------------- strict, lenient, dated exceptions


def lenient(kind, until, **changes):
    return {
        "profile": "lenient",
        "exceptions": [{"kind": kind, "until": str(until), "reason": "agreed with the operator"}],
        **changes,
    }


WEAKNESSES = {
    "rsa-pkcs1": ({}, {"recipe": Recipe(method="pkcs1-256")}),
    "rsa-2048": ({"signer": "rsa_2048"}, {}),
    "oaep-mgf1p-sha1": (
        {},
        {"envelope": Envelope(transport="rsa-oaep-mgf1p", oaep_digest="sha1", oaep_mask=None)},
    ),
    "missing-subject-confirmation": ({}, {"subject_confirmation": ""}),
    "expired-certificate": ({"signer": "expired"}, {}),
}


def weak_node(kind):
    signer = WEAKNESSES[kind][0].get("signer")
    if signer == "rsa_2048":
        return Node(signer=rsa_pair("short", 2048))
    if signer == "expired":
        end = NOW - timedelta(days=1)
        return Node(signer=pair("expired", rsa_key("expired"), end=end))
    return Node()


@pytest.mark.parametrize("kind", WEAKNESSES)
def test_a_weakness_is_refused_by_default_and_after_its_date(tmp_path, kind):
    """Strict profile, and the lenient one when the date is over, are the same."""
    for country in (None, lenient(kind, YESTERDAY), lenient(kind, TODAY, profile="strict")):
        installed = install(weak_node(kind), config_dir=tmp_path, country=country)
        with pytest.raises(InvalidAnswer):
            login(installed, **WEAKNESSES[kind][1])


@pytest.mark.parametrize("kind", WEAKNESSES)
def test_a_weakness_is_tolerated_until_its_date(tmp_path, kind):
    """issue item 3: lenient per dated peer profile, the last day included."""
    installed = install(weak_node(kind), config_dir=tmp_path, country=lenient(kind, TODAY))
    assert login(installed, **WEAKNESSES[kind][1]).identity.source.country == "GR"


@pytest.mark.parametrize(("kind", "other"), list(itertools.permutations(WEAKNESSES, 2)))
def test_an_exception_excuses_nothing_else(tmp_path, kind, other):
    """Each exception is its own decision."""
    installed = install(weak_node(kind), config_dir=tmp_path, country=lenient(other, TODAY))
    with pytest.raises(InvalidAnswer):
        login(installed, **WEAKNESSES[kind][1])


def test_a_request_is_signed_with_pkcs1_only_by_dated_exception(tmp_path):
    """Cryptographic requirements §3.3 want RSASSA-PSS; a peer that cannot verify it gets a dated exception."""
    for country, algorithm in (
        (lenient("sign-rsa-pkcs1", TODAY), "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
        (lenient("sign-rsa-pkcs1", YESTERDAY), "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"),
        (lenient("rsa-pkcs1", TODAY), "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"),
        (None, "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"),
    ):
        installed = install(Node(bindings=("POST",)), config_dir=tmp_path, country=country)
        root = begin(installed).request.root
        method = root.find(".//{http://www.w3.org/2000/09/xmldsig#}SignatureMethod")
        assert method.get("Algorithm") == algorithm


def test_every_kind_of_exception_is_tested_here_or_with_the_requests():
    """A new kind must not come without a test of its date."""
    elsewhere = {"mixed-request", "skip-scoping", "sign-rsa-pkcs1"}
    assert {kind.value for kind in PeerExceptionKind} == {*WEAKNESSES, *elsewhere}


@pytest.mark.parametrize("skew", [0, 60, 300])
def test_the_clock_skew_is_the_country_s(tmp_path, skew):
    """eidas.md §8: 60 seconds by default, per country, at most 300."""
    installed = install(config_dir=tmp_path, country={"clock_skew_seconds": skew})
    exchange = begin(installed)
    end = NOW + timedelta(seconds=-1 if skew else 1)
    octets = exchange.reply(not_before=stamp(NOW - timedelta(minutes=1)), not_on_or_after=stamp(end)).octets()
    last = end + timedelta(seconds=skew)
    assert exchange.finish(octets, now=last - timedelta(seconds=1)).identity.source.country == "GR"
    with pytest.raises(InvalidAnswer) as caught:
        exchange.finish(octets, now=last)
    assert caught.value.reason == "saml.conditions.expired"


# -------------------------------------------------------------------------------------- role national


def national_login(installed, code="GR", attributes=CITIZEN, **changes):
    request = authentication_request(country=code)
    return login(installed, request=request, attributes=attributes, **{"sign_assertion": True, **changes})


def test_a_citizen_comes_through_the_national_connector(tmp_path):
    """eidas.md §10.1: one peer, the country by registration."""
    identity = national_login(install_national(tmp_path)).identity
    assert identity.source.issuer == NATIONAL.entity_id
    assert (identity.source.connector, identity.source.country) == ("bund", "GR")
    assert identity.account_key == f"bund\0{IDENTIFIER}"


@pytest.mark.parametrize("missing", ["sign_assertion", "sign_response"])
def test_the_national_connector_signs_both(tmp_path, missing):
    """eidas.md §10.1: Response and assertion."""
    installed = install_national(tmp_path)
    with pytest.raises(InvalidAnswer) as caught:
        national_login(installed, **{missing: False})
    assert caught.value.reason == "signature.missing"


def test_an_assertion_signed_by_another_key_than_the_national_connector_s_is_refused(tmp_path):
    """The inner signature is verified, not only looked for."""
    installed = install_national(tmp_path)
    exchange = begin(installed, authentication_request())
    forged = exchange.reply(sign_assertion=True, signer=ec_pair("stranger")).assertion()
    signature = forged.find("{http://www.w3.org/2000/09/xmldsig#}Signature")

    def graft(assertion):
        assertion.insert(1, signature)

    with pytest.raises(InvalidAnswer):
        exchange.finish(exchange.reply(edit_assertion=graft).octets())


def test_the_national_connector_answers_for_the_country_chosen(tmp_path):
    """eidas.md §3.1 row 16: the identifier must be of the selected country."""
    installed = install_national(tmp_path)
    with pytest.raises(InvalidAnswer) as caught:
        national_login(installed, code="SE")
    assert caught.value.reason == "eidas.identifier.country"
    swedish = (natural("PersonIdentifier", "SE/DE/1"), *CITIZEN[1:])
    assert national_login(installed, code="SE", attributes=swedish).identity.source.country == "SE"


def test_a_level_not_registered_for_the_country_is_refused(tmp_path):
    """What a country may deliver through the national connector is registration."""
    installed = install_national(tmp_path, country={"levels": ["substantial"]})
    with pytest.raises(InvalidAnswer) as caught:
        national_login(installed, authn_context=LOA + "high")
    assert caught.value.reason == "eidas.level.not-published"


def test_a_refusal_by_the_national_connector_is_the_citizen_s_no(tmp_path):
    """eidas.md §10.1: denial after an accepted request comes as Requester/RequestDenied."""
    installed = install_national(tmp_path)
    with pytest.raises(Cancelled):
        national_login(installed, status=STATUS + "Requester", second_status=STATUS + "RequestDenied")


# ---------------------------------------------------------------------------------------- what is kept


def test_pending_exchanges_hold_no_secret_and_no_person(installed):
    """design.md: sealed by the gateway, yet nothing in it is worth stealing."""
    pending = begin(installed).pending
    assert isinstance(pending, PendingExchange)
    assert (pending.connector, pending.peer) == ("eidas", "https://eidas.el.example/metadata")
    assert set(pending.state) == {
        "request_id", "requested_at", "country", "person", "minimum", "accept_non_notified",
        "accept_representation", "requested", "required", "mixed",
    }  # fmt: skip
    assert set(pending.state["requested"]) == {
        NATURAL + n for n in ("PersonIdentifier", "CurrentFamilyName", "CurrentGivenName", "DateOfBirth")
    }


def test_randomness_and_time_come_from_outside(installed):
    """connectors.contract: same octets, same moment, same message."""

    def message(seed):
        start = installed.connector.begin(
            authentication_request(), relay_state="a.b", now=NOW, random=lambda size: seed * size
        )
        return read_request(start.dispatch).root.get("ID")

    assert message(b"\x01") == message(b"\x01") == "_" + "01" * 20
    assert message(b"\x02") != message(b"\x01")


def test_no_metadata_no_answer(tmp_path, installed):
    """A connector that has lost its peer's metadata takes nothing on trust."""
    exchange = begin(installed)
    (tmp_path / "empty").mkdir()
    bare = install(config_dir=tmp_path / "empty", keys=installed.keys, refresh=False)
    with pytest.raises(PeerUnavailable):
        bare.connector.finish(exchange.pending, exchange.answer(exchange.reply().octets()), now=NOW)


def test_nothing_but_connector_errors_ends_an_exchange(installed):
    """connectors.errors: one family, whatever arrives."""
    exchange = begin(installed)
    genuine = exchange.reply().octets()
    for junk in (b"", b"x", genuine[:-1], genuine[:500], secrets.token_bytes(400), b"<a/>", genuine * 2):
        with pytest.raises(ConnectorError):
            exchange.finish(junk)
