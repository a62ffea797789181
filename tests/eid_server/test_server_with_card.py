"""The eID-Server with a card that shares no code with it: the whole way, and every wrong turn (npa.md §4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from eid_server import envelope
from eid_server.block_list import BlockList
from eid_server.chat import Right, rights_of
from eid_server.data_groups import FreetextPlace, NoPlace, StructuredPlace
from eid_server.description import CertificateDescription
from eid_server.dialogue import Dialogue, today
from eid_server.errors import (
    ClientReported,
    DeniedDocument,
    EIDServerError,
    InvalidDocument,
    InvalidSession,
    Misconfigured,
    NoCertificatePath,
    NoResultYet,
    ProtocolViolation,
)
from eid_server.levels import Level
from eid_server.passive_authentication import CardTrust
from eid_server.pki import TrialPKI, comm_certificates
from eid_server.request import SessionRequest
from eid_server.result import Absence, RestrictedID, Result
from eid_server.security_infos import EIDType
from eid_server.server import EIDServer
from eid_server.session import PreSharedKey, Session
from sandbox.card.chip import Card
from sandbox.card.document import documents
from sandbox.card.issuer import CardIssuer
from tests.eid_server.eid_client import (
    ALL_RIGHTS,
    EVERYTHING,
    NOW,
    EIDClient,
    names,
    replacing,
    revocation_identifier,
)
from tests.support import paos
from tests.support.paos import MINOR, Command

TODAY = today(NOW)
NAMES = SessionRequest(required=frozenset({"GivenNames", "FamilyNames"}))
READ = EVERYTHING - {"AgeVerification", "PlaceVerification", "RestrictedID"}
PSK = PreSharedKey(id="0f" * 16, key="a0" * 32)


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> CardIssuer:
    return CardIssuer(tmp_path_factory.mktemp("card-issuer"))


@pytest.fixture(scope="module")
def terminal_pki() -> TrialPKI:
    description = CertificateDescription(
        issuer_name="Prüfstelle",
        subject_name="Beispielbehörde",
        subject_url="https://login.example",
        terms_of_usage="Anschrift und Zweck",
        comm_certificates=comm_certificates([b"a certificate"]),
    )
    return TrialPKI.create(today=TODAY, description=description, rights=ALL_RIGHTS)


@pytest.fixture(scope="module")
def trust(issuer: CardIssuer) -> CardTrust:
    return CardTrust.of(
        authorities=[issuer.trust_point.read_bytes()], revocation_lists=[issuer.revocations.read_bytes()]
    )


@pytest.fixture
def make_server(terminal_pki: TrialPKI, trust: CardTrust) -> Callable[..., EIDServer]:
    def make(**changed) -> EIDServer:
        pki = changed.pop("pki", terminal_pki)
        settings = {
            "terminal": pki.terminal,
            "trust": trust,
            "block_list": BlockList.of(pki.terminal.sector),
            "production": False,
            "clock": lambda: NOW,
        }
        return EIDServer(**(settings | changed))

    return make


@pytest.fixture
def server(make_server) -> EIDServer:
    return make_server()


@pytest.fixture
def card(issuer: CardIssuer, terminal_pki: TrialPKI) -> Callable[..., Card]:
    def take(citizen: str = "erika", root: bytes | None = None) -> Card:
        root = root or terminal_pki.cvca.certificate.encoded
        return Card(documents()[citizen], issuer, root, today=TODAY)

    return take


def login(server: EIDServer, card: Card, request: SessionRequest = NAMES, **manner) -> Result:
    session = server.open(request)
    last = EIDClient(card, server.paos, **manner).run(session)
    result = server.result(session.id)
    assert last.major == paos.OK
    return result


def failed(server: EIDServer, card: Card, error: type[EIDServerError], request=NAMES, **manner) -> Command:
    """The last answer is an error, getResult raises, and afterwards there is nothing more."""
    session = server.open(request)
    client = EIDClient(card, server.paos, **manner)
    last = client.run(session)
    assert (last.name, last.major) == ("StartPAOSResponse", paos.ERROR)
    assert last.minor.startswith(MINOR)
    with pytest.raises(error):
        server.result(session.id)
    with pytest.raises(InvalidSession):
        server.result(session.id)
    return last


def test_everything_on_the_card_is_read(server, card):
    """TR-03130-1 §3.4.1: every selector, as it stands on the chip."""
    request = SessionRequest(required=EVERYTHING, age=18, community_id="0276")
    result = login(server, card(), request)
    pseudonym = result.values["RestrictedID"]
    assert isinstance(pseudonym, RestrictedID)
    assert (len(pseudonym.first), pseudonym.second) == (32, None)
    assert result.values == {
        "DocumentType": "ID",
        "IssuingState": "D",
        "DateOfExpiry": date(2035, 10, 31),
        "GivenNames": "ERIKA",
        "FamilyNames": "MUSTERMANN",
        "ArtisticName": "",
        "AcademicTitle": "",
        "DateOfBirth": "19640812",
        "PlaceOfBirth": FreetextPlace(text="BERLIN"),
        "Nationality": "D",
        "BirthName": "GABLER",
        "PlaceOfResidence": StructuredPlace(
            street="HEIDESTRAẞE 17", city="KÖLN", country="D", zip_code="51147"
        ),
        "CommunityID": "02760503150000",
        "ResidencePermitI": Absence.NOT_ON_CHIP,
        "RestrictedID": pseudonym,
        "AgeVerification": True,
        "PlaceVerification": True,
    }
    assert (result.eid_type, result.level, result.authenticated_at) == (
        EIDType.CARD_CERTIFIED,
        Level.HOCH,
        NOW,
    )


@pytest.mark.parametrize(
    ("citizen", "selector", "value"),
    [
        ("year-only", "DateOfBirth", "1964    "),
        ("abroad", "PlaceOfResidence", NoPlace(text="keine Hauptwohnung in Deutschland")),
        ("abroad", "CommunityID", Absence.NOT_ON_CHIP),
        ("union-citizen", "BirthName", Absence.NOT_ON_CHIP),
        ("union-citizen", "PlaceOfResidence", FreetextPlace(text="CALLE BETIS 12, 41010 SEVILLA, ESP")),
        (
            "residence-permit",
            "ResidencePermitI",
            "AUFENTHALTSERLAUBNIS § 24 ABS. 1 AUFENTHG, ERWERBSTÄTIGKEIT ERLAUBT",
        ),
    ],
)
def test_unusual_values_come_as_they_are_on_the_chip(server, card, citizen, selector, value):
    """TR-03130-1 §3.4.2: unknown parts, free text, no place, and fields the document lacks."""
    result = login(server, card(citizen), SessionRequest(required=frozenset({selector})))
    assert result.values == {selector: value}


def test_notes_longer_than_a_short_answer_are_read_whole(server, issuer, terminal_pki):
    """TR-03127 §3.2: notes of a residence permit take up to 750 characters."""
    notes = "NEBENBESTIMMUNGEN SIEHE ZUSATZBLATT " * 20
    original = documents()["residence-permit"]
    document = replace(original, values={**original.values, "ResidencePermitI": notes})
    card = Card(document, issuer, terminal_pki.cvca.certificate.encoded, today=TODAY)
    result = login(server, card, SessionRequest(required=frozenset({"ResidencePermitI"})))
    assert result.values == {"ResidencePermitI": notes}


def test_nothing_but_what_was_asked_is_asked_of_the_card(server, card):
    """TR-03127 §3.2.2: a service that only wants "over 18" gets only that, and only that is sent."""
    request = SessionRequest(required=frozenset({"AgeVerification"}), age=18)
    session = server.open(request)
    client = EIDClient(card(), server.paos)
    client.run(session)
    assert server.result(session.id).values == {"AgeVerification": True}
    consent = client.commands[0]
    assert consent.octets("RequiredCHAT")[-5:].hex() == "0000000001"
    assert consent.octets("OptionalCHAT")[-5:].hex() == "0000000000"
    # select, validity, two for the block list, age
    assert [apdu[1] for apdu in client.sent] == [0xA4, 0x20, 0x22, 0x86, 0x20]


def test_validity_and_block_list_come_before_any_data(server, card):
    """TR-03130-1 §2.3.3: validity, block list, data; the order is on the wire."""
    request = SessionRequest(required=EVERYTHING, age=18, community_id="0276")
    client = EIDClient(card(), server.paos)
    client.run(server.open(request))
    instructions = [apdu[1] for apdu in client.sent]
    assert instructions[:4] == [0xA4, 0x20, 0x22, 0x86]
    assert 0xB0 in instructions[4:]


@pytest.mark.parametrize(("citizen", "old_enough"), [("erika", True), ("under-18", False)])
def test_age_is_a_verdict_and_not_an_error(server, card, citizen, old_enough):
    """TR-03130-1 §3.2.2: FulfilsAgeVerification is true or false."""
    request = SessionRequest(required=frozenset({"AgeVerification"}), age=18)
    assert login(server, card(citizen), request).values == {"AgeVerification": old_enough}


@pytest.mark.parametrize(
    ("community", "lives_there"), [("02760503150000", True), ("0276", True), ("027609", False)]
)
def test_place_is_compared_by_its_prefix(server, card, community, lives_there):
    """TR-03127 §3.2.2: a beginning of the digits asks for the wider area."""
    request = SessionRequest(required=frozenset({"PlaceVerification"}), community_id=community)
    assert login(server, card(), request).values == {"PlaceVerification": lives_there}


def test_pseudonym_belongs_to_card_and_sector(make_server, card, terminal_pki):
    """TR-03110-2 3.6: the same for the same card and sector, another one for any other."""
    request = SessionRequest(required=frozenset({"RestrictedID"}))
    description = CertificateDescription.parse(terminal_pki.terminal.description)
    other = TrialPKI.create(today=TODAY, description=description, rights=ALL_RIGHTS)
    elsewhere = card(root=other.cvca.certificate.encoded)
    seen = [
        login(make_server(), card(), request).values["RestrictedID"],
        login(make_server(), card(), request).values["RestrictedID"],
        login(make_server(), card("abroad"), request).values["RestrictedID"],
        login(make_server(pki=other), elsewhere, request).values["RestrictedID"],
    ]
    assert seen[0] == seen[1]
    assert len({one.first for one in seen}) == 3


def test_second_sector_gives_a_second_pseudonym(make_server, card, terminal_pki):
    """npa.md §5.3: while the sector migrates, the answer holds both."""
    description = CertificateDescription.parse(terminal_pki.terminal.description)
    pki = TrialPKI.create(today=TODAY, description=description, rights=ALL_RIGHTS, migrating=True)
    request = SessionRequest(required=frozenset({"RestrictedID"}))
    found = login(make_server(pki=pki), card(root=pki.cvca.certificate.encoded), request)
    pseudonym = found.values["RestrictedID"]
    assert pseudonym.second not in {None, pseudonym.first}


def test_optional_right_that_the_citizen_keeps_back_is_prohibited(server, card):
    """TR-03130-1 §3.4.1: PROHIBITED, and the card is not asked for it."""
    request = SessionRequest(required=frozenset({"GivenNames"}), optional=frozenset({"FamilyNames"}))
    result = login(server, card(), request, removed=Right.READ_DG5)
    assert result.values == {"GivenNames": "ERIKA", "FamilyNames": Absence.PROHIBITED}


def test_no_effective_chat_means_that_nothing_was_changed(server, card):
    """TR-03112-7 §3.6.4.2."""
    assert login(server, card(), unchanged=True).values == {
        "GivenNames": "ERIKA",
        "FamilyNames": "MUSTERMANN",
    }


def test_required_right_that_the_citizen_removes_is_prohibited_too(server, card):
    """TR-03130-4 A1_1_03; the eService decides what becomes of its login (npa.md §5.2)."""
    result = login(server, card(), removed=Right.READ_DG5)
    assert result.values == {"GivenNames": "ERIKA", "FamilyNames": Absence.PROHIBITED}


def test_more_rights_than_were_asked_for_end_the_login(server, card):
    """TR-03112-7 §3.6.4.2: the effective CHAT only narrows."""
    more = rights_of("GivenNames", "FamilyNames", "Nationality")
    bend = replacing("EAC1Output", "53050000001800", f"5305{int(more):010x}")
    failed(server, card(), ProtocolViolation, bend=bend)


def test_signature_over_a_later_challenge_is_given_once(server, card):
    """TR-03112-7 §3.6.4.4: EACAdditionalInput, for clients that ask for the challenge late."""
    session = server.open(NAMES)
    client = EIDClient(card(), server.paos, late_challenge=True)
    client.run(session)
    assert names(client.commands) == [
        "EAC1InputType", "EAC2InputType", "EACAdditionalInputType", "Transmit", "StartPAOSResponse",
    ]  # fmt: skip
    assert server.result(session.id).values["GivenNames"] == "ERIKA"


def test_second_late_challenge_ends_the_login(server, card):
    """The terminal signs for one session twice at most, and nothing for anybody else."""

    def bend(name: str, octets: bytes) -> bytes:
        if name != "EAC2Output":
            return octets
        relates_to = octets.split(b"<wsa:RelatesTo>")[1].split(b"<")[0].decode()
        body = paos.did_response("EAC2OutputType", ("Challenge", "0102030405060708"))
        return paos.envelope(body, message_id="urn:uuid:9", relates_to=relates_to)

    failed(server, card(), ProtocolViolation, late_challenge=True, bend=bend)


def test_card_with_an_older_trust_point_is_led_to_ours_by_links(make_server, card, terminal_pki):
    """TR-03110-3 2.1.1: EAC1Input carries the link certificates."""
    newer = terminal_pki.succeeded(today=TODAY, cvca_reference="DETESTeID00006")
    result = login(make_server(pki=newer), card(root=terminal_pki.cvca.certificate.encoded))
    assert result.values["GivenNames"] == "ERIKA"


def test_client_that_finds_no_chain_is_sent_the_links_once_more(make_server, card, terminal_pki):
    """TR-03112-7 §3.6.4.3: CertificationAuthorityReference is answered with link certificates."""
    newer = terminal_pki.succeeded(today=TODAY, cvca_reference="DETESTeID00006")
    server = make_server(pki=newer)
    named = replacing(
        "EAC1Output",
        "<EFCardAccess>",
        "<CertificationAuthorityReference>DETESTeID00005</CertificationAuthorityReference><EFCardAccess>",
    )
    session = server.open(NAMES)
    client = EIDClient(card(root=terminal_pki.cvca.certificate.encoded), server.paos, bend=named)
    client.run(session)
    links = [link.encoded for link in newer.terminal.links]
    sent = [bytes.fromhex(text) for text in client.commands[1].texts("Certificate")]
    assert sent == [*links, newer.terminal.document_verifier.encoded]
    assert server.result(session.id).values["GivenNames"] == "ERIKA"


def test_card_of_another_hierarchy_ends_the_login(server, card, terminal_pki):
    """TR-03112-7 §3.6.4.3: nobody can lead a card from a trust point that is not ours."""
    description = CertificateDescription.parse(terminal_pki.terminal.description)
    other = TrialPKI.create(
        today=TODAY, description=description, rights=ALL_RIGHTS, cvca_reference="DETESTeID00099"
    )
    last = failed(server, card(root=other.cvca.certificate.encoded), NoCertificatePath)
    assert last.minor == f"{MINOR}/il/signature#invalidCertificatePath"


def test_expired_card_gives_no_data(server, card):
    """TR-03130-4 A1_2_05: invalidDocument."""
    last = failed(server, card("expired"), InvalidDocument)
    assert last.minor == f"{MINOR}/sal/mEAC#DocumentValidityVerificationFailed"


def test_blocked_card_gives_no_data(make_server, card, issuer, terminal_pki):
    """TR-03130-1 §2.3.3: on the block list of our sector."""
    stolen = card("blocked")
    identifier = revocation_identifier(issuer, stolen, terminal_pki)
    block_list = BlockList.of(terminal_pki.terminal.sector, [identifier])
    server = make_server(block_list=block_list)
    failed(server, stolen, InvalidDocument)
    assert login(server, card()).values["GivenNames"] == "ERIKA"


def test_card_of_an_unknown_issuer_gives_no_data(server, terminal_pki, tmp_path: Path):
    """TR-03130-4 C1_2: passive authentication against the CSCA list."""
    stranger = CardIssuer(tmp_path)
    root = terminal_pki.cvca.certificate.encoded
    failed(server, Card(documents()["erika"], stranger, root, today=TODAY), InvalidDocument)


def test_mobile_eid_is_accepted_and_named(server, card):
    """TR-03130-1 §3.4.2, EIDTypeResponse and LevelOfAssuranceResult."""
    result = login(server, card("smart-eid"))
    assert (result.eid_type, result.level) == (EIDType.SE_CERTIFIED, Level.SUBSTANTIELL)


@pytest.mark.parametrize(
    ("citizen", "rules"),
    [
        ("smart-eid", {"minimum": Level.HOCH}),
        ("smart-eid", {"eid_types": {EIDType.SE_CERTIFIED: False}}),
        ("erika", {"eid_types": {EIDType.CARD_CERTIFIED: False}}),
    ],
)
def test_document_of_a_refused_type_or_level_is_denied(server, card, citizen, rules):
    """TR-03130-1 §3.4.2: deniedDocument."""
    failed(server, card(citizen), DeniedDocument, replace(NAMES, **rules))


def test_explicitly_allowed_type_is_accepted_below_the_level(server, card):
    """TR-03130-1 §3.4.2: EIDTypeRequest overrides the level, and the client is told."""
    request = replace(NAMES, minimum=Level.HOCH, eid_types={EIDType.SE_CERTIFIED: True})
    session = server.open(request)
    client = EIDClient(card("smart-eid"), server.paos)
    client.run(session)
    assert client.commands[0].texts("AcceptedEIDType") == ["CardCertified", "SECertified"]
    assert server.result(session.id).level is Level.SUBSTANTIELL


def test_transaction_info_and_certificates_reach_the_client(server, terminal_pki):
    """ISO24727-Protocols.xsd, EAC1InputType: exactly one terminal certificate, its DV, the description."""
    session = server.open(replace(NAMES, transaction_info="Wohnsitz ummelden"))
    sent = paos.envelope(paos.start_paos(session.id))
    consent = Command(server.paos(sent))
    terminal = terminal_pki.terminal
    assert consent.texts("TransactionInfo") == ["Wohnsitz ummelden"]
    assert {bytes.fromhex(text) for text in consent.texts("Certificate")} == {
        terminal.certificate.encoded,
        terminal.document_verifier.encoded,
    }
    assert consent.octets("CertificateDescription") == terminal.description
    assert consent.texts("AcceptedEIDType") == []


def test_framework_is_initialised_where_it_is_wanted(make_server, card):
    """TR-03112-3 §3.1.1."""
    server = make_server(initialize_framework=True)
    session = server.open(NAMES)
    client = EIDClient(card(), server.paos)
    client.run(session)
    assert names(client.commands)[:2] == ["InitializeFramework", "EAC1InputType"]
    assert server.result(session.id).values["GivenNames"] == "ERIKA"


@pytest.mark.parametrize(
    "bend",
    [
        replacing(
            "InitializeFrameworkResponse",
            "<ResultMajor>http://www.bsi.bund.de/ecard/api/1.1/resultmajor#ok</ResultMajor>",
            "",
        ),
        replacing("InitializeFrameworkResponse", "<Minor>1<", "<Minor>0<"),
    ],
)
def test_bad_framework_ends_the_login(make_server, card, bend):
    """TR-03130-4, step OUT_INITIALIZE_FRAMEWORK_RESPONSE_EMPTY_RESULT."""
    failed(make_server(initialize_framework=True), card(), ProtocolViolation, bend=bend)


def drop(name: str, element: str):
    def bend(sent: str, octets: bytes) -> bytes:
        if sent != name:
            return octets
        start, end = f"<{element}>".encode(), f"</{element}>".encode()
        before, _, rest = octets.partition(start)
        return before + rest.partition(end)[2]

    return bend


def double(name: str, element: str):
    def bend(sent: str, octets: bytes) -> bytes:
        if sent != name:
            return octets
        start, end = f"<{element}>".encode(), f"</{element}>".encode()
        whole = start + octets.partition(start)[2].partition(end)[0] + end
        return octets.replace(whole, whole * 2)

    return bend


def flip(name: str, element: str, position: int = 0):
    """Change one hexadecimal digit of an element's value."""

    def bend(sent: str, octets: bytes) -> bytes:
        if sent != name:
            return octets
        start = octets.index(f"<{element}>".encode()) + len(element) + 2 + position
        digit = b"0" if octets[start : start + 1] != b"0" else b"1"
        return octets[:start] + digit + octets[start + 1 :]

    return bend


@pytest.mark.parametrize(
    ("bend", "error"),
    [
        *((drop("EAC1Output", name), ProtocolViolation) for name in ("EFCardAccess", "IDPICC", "Challenge")),
        *(
            (double("EAC1Output", name), ProtocolViolation)
            for name in ("EFCardAccess", "IDPICC", "Challenge")
        ),
        *(
            (change("EAC2Output", name), ProtocolViolation)
            for name in ("EFCardSecurity", "AuthenticationToken", "Nonce")
            for change in (drop, double)
        ),
        (flip("EAC1Output", "EFCardAccess"), ProtocolViolation),
        (flip("EAC2Output", "EFCardSecurity", 400), InvalidDocument),
        (flip("EAC2Output", "AuthenticationToken"), InvalidDocument),
        (flip("EAC2Output", "Nonce"), InvalidDocument),
        (replacing("EAC1Output", "<Challenge>", "<Challenge>00"), ProtocolViolation),
        (drop("TransmitResponse", "OutputAPDU"), ProtocolViolation),
        (double("TransmitResponse", "OutputAPDU"), ProtocolViolation),
        (flip("TransmitResponse", "OutputAPDU", 14), ProtocolViolation),
        (replacing("EAC1Output", "EAC1OutputType", "EAC2OutputType"), ProtocolViolation),
        (replacing("EAC2Output", "DIDAuthenticateResponse", "TransmitResponse"), ProtocolViolation),
        (replacing("TransmitResponse", "resultmajor#ok", "resultmajor#error"), ClientReported),
        (replacing("EAC1Output", "resultmajor#ok", "resultmajor#error"), ClientReported),
    ],
)
def test_message_that_was_tampered_with_ends_the_login(server, card, bend, error):
    """TR-03130-4 C1_2, C1_3: an error StartPAOSResponse, no data, and the session is dead."""

    # A client that bends a message tag keeps it well-formed: opening and closing one alike.
    def whole(name: str, octets: bytes) -> bytes:
        bent = bend(name, octets)
        return (
            bent.replace(b"</DIDAuthenticateResponse>", b"</TransmitResponse>")
            if b"<TransmitResponse" in bent
            else bent
        )

    failed(server, card(), error, bend=whole)


def test_answers_without_secure_messaging_end_the_login(server, card):
    """TR-03130-4 C1_2_07: OutputAPDU without a MAC."""

    def bend(name: str, octets: bytes) -> bytes:
        if name != "TransmitResponse":
            return octets
        count = octets.count(b"<OutputAPDU>")
        relates_to = octets.split(b"<wsa:RelatesTo>")[1].split(b"<")[0].decode()
        return paos.envelope(paos.transmit_response(["9000"] * count), message_id="m", relates_to=relates_to)

    failed(server, card(), ProtocolViolation, bend=bend)


def test_answers_in_another_order_end_the_login(server, card):
    """TR-03110-3 F.3: the send sequence counter binds each answer to its command."""

    def bend(name: str, octets: bytes) -> bytes:
        if name != "TransmitResponse":
            return octets
        relates_to = octets.split(b"<wsa:RelatesTo>")[1].split(b"<")[0].decode()
        apdus = [part.split(b"<")[0].decode() for part in octets.split(b"<OutputAPDU>")[1:]]
        body = paos.transmit_response([apdus[0], apdus[2], apdus[1], *apdus[3:]])
        return paos.envelope(body, message_id="m", relates_to=relates_to)

    failed(server, card(), ProtocolViolation, bend=bend)


def test_cancellation_keeps_its_reason(server):
    """npa.md §1.6: getResult answers the eCard minor."""
    session = server.open(NAMES)
    consent = Command(server.paos(paos.envelope(paos.start_paos(session.id))))
    outcome = paos.result(paos.ERROR, f"{MINOR}/sal#cancellationByUser")
    body = paos.did_response("EAC1OutputType", outcome=outcome)
    last = Command(server.paos(paos.envelope(body, relates_to=consent.message_id)))
    assert (last.major, last.minor) == (paos.ERROR, f"{MINOR}/sal#cancellationByUser")
    with pytest.raises(ClientReported) as caught:
        server.result(session.id)
    assert caught.value.minor == f"{MINOR}/sal#cancellationByUser"


def test_result_is_there_after_the_end_and_once(server, card):
    """TR-03130-1 §3.2.2: noResultYet until then; any other answer ends the session."""
    session = server.open(NAMES)
    with pytest.raises(NoResultYet):
        server.result(session.id)
    asked: list[str] = []

    def early(name: str, octets: bytes) -> bytes:
        with pytest.raises(NoResultYet):
            server.result(session.id)
        asked.append(name)
        return octets

    EIDClient(card(), server.paos, bend=early).run(session)
    assert asked == ["StartPAOS", "EAC1Output", "EAC2Output", "TransmitResponse"]
    assert server.result(session.id).values["GivenNames"] == "ERIKA"
    with pytest.raises(InvalidSession):
        server.result(session.id)


def test_revocation_token_is_in_no_result(server, card, issuer, terminal_pki):
    """npa.md §5.3: never stored, never released."""
    citizen = card()
    token = revocation_identifier(issuer, citizen, terminal_pki)
    request = SessionRequest(required=EVERYTHING, age=18, community_id="0276")
    result = login(server, citizen, request)
    assert result.values["RestrictedID"].first != token
    assert token.hex() not in repr(result)


def test_nothing_of_the_person_is_in_the_representation_of_a_result(server, card):
    """security.md: a log line made by accident names nobody."""
    assert "ERIKA" not in repr(login(server, card()))


def test_session_with_a_key_is_served_through_its_channel_only(server, card):
    """TR-03130-1 §2.3.2: TLS-2 with the session's PSK."""
    session = server.open(NAMES, psk=PSK)
    assert (session.id, session.psk) == (PSK.id, PSK.key)
    assert server.psk(PSK.id) == bytes.fromhex(PSK.key)
    start = paos.envelope(paos.start_paos(session.id))
    for identity in (None, "ff" * 16):
        assert Command(server.paos(start, psk_identity=identity)).major == paos.ERROR
    last = EIDClient(card(), lambda octets: server.paos(octets, psk_identity=PSK.id)).run(session)
    assert last.major == paos.OK
    assert server.psk(PSK.id) is None
    assert server.result(session.id).values["GivenNames"] == "ERIKA"


def test_attached_session_is_not_served_through_a_channel_of_another_kind(server):
    """npa.md §3.4: attached has no PSK."""
    session = server.open(NAMES)
    start = paos.envelope(paos.start_paos(session.id))
    assert Command(server.paos(start, psk_identity=session.id)).major == paos.ERROR
    assert server.psk(session.id) is None


def test_unreadable_message_ends_the_session_of_its_channel(server):
    """What cannot be parsed names no session, but the PSK does."""
    session = server.open(NAMES, psk=PSK)
    assert Command(server.paos(b"<", psk_identity=PSK.id)).major == paos.ERROR
    with pytest.raises(ProtocolViolation):
        server.result(session.id)


def test_production_mode_is_refused(make_server):
    """Issue 4: for test and reference; says so."""
    with pytest.raises(Misconfigured, match="production"):
        make_server(production=True)


@pytest.mark.parametrize(
    "part", ["key", "certificate", "document_verifier", "description", "sector", "anchor"]
)
def test_terminal_whose_parts_do_not_belong_together_is_refused(make_server, terminal_pki, part):
    """TR-03130-1 §2.3.3: found at the start, not by a citizen's card."""
    description = replace(CertificateDescription.parse(terminal_pki.terminal.description), subject_name="X")
    other = TrialPKI.create(today=TODAY, description=description, rights=ALL_RIGHTS).terminal
    mixed = replace(terminal_pki.terminal, **{part: getattr(other, part)})
    with pytest.raises(Misconfigured):
        make_server(terminal=mixed)


def test_expired_terminal_certificate_is_our_misconfiguration(make_server):
    """TR-03130-1 §2.3.3: terminal certificates are renewed in time, or nothing is opened."""
    later = NOW + timedelta(days=400)
    with pytest.raises(Misconfigured):
        make_server(clock=lambda: later)


def test_fault_of_ours_is_not_told_as_the_cards(make_server, card, issuer):
    """TR-03130-1 §3.5 common#internalError: a revocation list that is out of date is not the citizen's."""
    outdated = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.authority.certificate.subject)
        .last_update(NOW - timedelta(days=2))
        .next_update(NOW - timedelta(days=1))
        .sign(issuer.authority.key, hashes.SHA384())
    )
    trust = CardTrust.of(
        authorities=[issuer.trust_point.read_bytes()],
        revocation_lists=[outdated.public_bytes(Encoding.DER)],
    )
    last = failed(make_server(trust=trust), card(), Misconfigured)
    assert last.minor == f"{MINOR}/al/common#internalError"


def test_nothing_is_taken_after_the_end(terminal_pki, trust, card):
    """TR-03112-7 §2.6: StartPAOSResponse is the last message, also for whoever holds the dialogue itself."""
    dialogue = Dialogue(
        NAMES, terminal_pki.terminal, trust, BlockList.of(terminal_pki.terminal.sector), now=NOW
    )

    def answer(octets: bytes) -> bytes:
        read = envelope.read(octets)
        return envelope.write(dialogue.take(read.body, NOW), message_id="m", relates_to=read.message_id)

    client = EIDClient(card(), answer)
    client.run(Session(id="00" * 16, expires=NOW))
    assert dialogue.result.values["GivenNames"] == "ERIKA"
    with pytest.raises(ProtocolViolation):
        answer(paos.envelope(paos.start_paos("00" * 16)))
