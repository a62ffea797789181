"""The run recorded with AusweisApp 2.0.1, message by message through the server (data/npa/INDEX.md).

The server is given what it had then: keys, randomness, the day, and the order of commands of that
trial, which had neither validity nor block list. The client's messages are the recorded octets.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree

from eid_server import apdus, curves, restricted_id
from eid_server.block_list import BlockList
from eid_server.card_batch import Purpose, Step, Wanted
from eid_server.cvc import CVCertificate, verify_plain
from eid_server.data_groups import SELECTOR_DATA_GROUPS, FreetextPlace
from eid_server.errors import EIDServerError, InvalidSession, ProtocolViolation
from eid_server.passive_authentication import CardTrust
from eid_server.request import SessionRequest
from eid_server.restricted_id import SectorKey
from eid_server.result import Absence, RestrictedID
from eid_server.server import EIDServer
from eid_server.terminal import Terminal
from eid_server.terminal_authentication import signed_octets
from tests.eid_server.conformance import step
from tests.eid_server.samples import known_answers, octets, recorded
from tests.support import paos
from tests.support.paos import WSA, Command

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CURVE = curves.BRAINPOOL_P256R1
SESSION = "3401f350b0dbede647ed8bafdfe0c334"
SERVER_MESSAGES = ("03", "05", "07", "09")
REQUIRED = frozenset(
    {
        "DocumentType",
        "IssuingState",
        "GivenNames",
        "FamilyNames",
        "PlaceOfBirth",
        "RestrictedID",
        "AgeVerification",
    }
)


def private(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int(known_answers()[name], 16), CURVE.curve)


def message(number: str, side: str) -> bytes:
    return octets(f"recorded-ausweisapp-2.0.1/default-{number}-{side}.xml")


def randomness() -> Iterator[bytes]:
    """The session identifier, then the MessageIDs of the recorded answers."""
    yield bytes.fromhex(SESSION)
    for number in SERVER_MESSAGES:
        text = etree.fromstring(message(number, "server")).findtext(f".//{WSA}MessageID")
        yield UUID(text).bytes
    while True:
        yield secrets.token_bytes(16)


def order_of_the_trial(wanted: Wanted) -> Sequence[Step]:
    """Age, every file, pseudonym; whatever was asked for."""
    pseudonym = wanted.card.pseudonym_key
    return [
        Step(purpose=Purpose.PREPARE, command=apdus.select_eid()),
        Step(purpose=Purpose.VERIFY, command=apdus.verify_age(), selector="AgeVerification"),
        *(
            Step(purpose=Purpose.READ, command=apdus.read_data_group(number), selector=selector)
            for selector, number in SELECTOR_DATA_GROUPS.items()
            if number != 19
        ),
        Step(
            purpose=Purpose.PREPARE,
            command=apdus.set_restricted_identification(pseudonym.protocol, pseudonym.key_id),
        ),
        Step(
            purpose=Purpose.IDENTIFY,
            command=apdus.general_authenticate(restricted_id.request(wanted.sector)),
            selector="RestrictedID",
        ),
    ]


@pytest.fixture
def terminal() -> Terminal:
    verifier, certificate = (CVCertificate.parse(value) for value in recorded("03-server", "Certificate"))
    (description,) = recorded("03-server", "CertificateDescription")
    return Terminal(
        key=private("terminal_private"),
        certificate=certificate,
        document_verifier=verifier,
        anchor=CVCertificate.parse(octets("recorded-ausweisapp-2.0.1/cvca.cvcert.hex")),
        description=description,
        sector=SectorKey(public_key=private("sector_private").public_key()),
    )


@pytest.fixture
def server(terminal: Terminal) -> EIDServer:
    source = randomness()
    return EIDServer(
        terminal,
        CardTrust.of(authorities=[octets("csca-testbed/DE_TEST_CSCA_2018_12.cer")]),
        block_list=BlockList.of(terminal.sector),
        production=False,
        clock=lambda: NOW,
        random=lambda _count: next(source),
        ephemeral_keys=lambda _curve: private("ephemeral_private"),
        order=order_of_the_trial,
    )


def replay(server: EIDServer, request: SessionRequest, last: str = "08") -> list[Command]:
    assert server.open(request).id == SESSION
    numbers = [number for number in ("02", "04", "06", "08") if number <= last]
    return [Command(server.paos(message(number, "client"))) for number in numbers]


def test_recorded_run_ends_with_its_known_answers(server):
    """Every value of the recorded card comes out of the state machine, and its pseudonym."""
    replay(server, SessionRequest(required=REQUIRED, optional=frozenset({"BirthName"}), age=18))
    result = server.result(SESSION)
    (pseudonym,) = [one["plain"] for one in known_answers()["results"] if one["cmd"] == "GA RI"]
    assert result.values == {
        "DocumentType": "ID",
        "IssuingState": "D",
        "GivenNames": "ERIKA",
        "FamilyNames": "MUSTERMANN",
        "PlaceOfBirth": FreetextPlace(text="BERLIN"),
        "AgeVerification": True,
        "RestrictedID": RestrictedID(first=bytes.fromhex(pseudonym)[-32:]),
        "BirthName": Absence.PROHIBITED,  # read by the order of the trial, but not granted
    }
    with pytest.raises(InvalidSession):
        server.result(SESSION)


def test_server_sends_what_was_recorded(server, terminal):
    """Octet by octet, but for the signature, which is random, and the rights, of which one was refused."""
    request = SessionRequest(required=REQUIRED, age=18)
    consent, proof, transmit, end = replay(server, request)
    for name in ("Certificate", "CertificateDescription", "AuthenticatedAuxiliaryData"):
        assert [bytes.fromhex(text) for text in consent.texts(name)] == recorded("03-server", name)
    assert proof.octets("EphemeralPublicKey") == recorded("05-server", "EphemeralPublicKey")[0]
    (id_picc,), (challenge,) = (recorded("04-client", name) for name in ("IDPICC", "Challenge"))
    signed = signed_octets(
        id_picc=id_picc,
        challenge=challenge,
        ephemeral_x=curves.x_coordinate(private("ephemeral_private").public_key()),
        auxiliary=bytes.fromhex(known_answers()["aux_data"]),
    )
    key = terminal.certificate.public_key(CURVE)
    verify_plain(key, proof.octets("Signature"), signed, terminal.certificate.algorithm)
    sent = [bytes.fromhex(apdu) for apdu in transmit.texts("InputAPDU")]
    assert sent == recorded("07-server", "InputAPDU")
    assert (end.name, end.major) == ("StartPAOSResponse", paos.OK)
    for ours, number in zip((consent, proof, transmit, end), SERVER_MESSAGES, strict=True):
        theirs = Command(message(number, "server"))
        assert (ours.message_id, ours.relates_to) == (theirs.message_id, theirs.relates_to)


def test_right_that_the_recorded_citizen_removed_is_prohibited(server):
    """TR-03130-4 A1_1_03: the recorded client unticked the comparison of the community, required or not."""
    request = SessionRequest(required=REQUIRED | {"PlaceVerification"}, age=18, community_id="0276")
    answers = replay(server, request, last="04")
    assert answers[-1].name == "DIDAuthenticate"


def test_recorded_answer_is_taken_once(server):
    """A message that comes again answers nothing that was asked."""
    replay(server, SessionRequest(required=REQUIRED, age=18), last="04")
    assert Command(server.paos(message("04", "client"))).major == paos.ERROR
    assert Command(server.paos(message("06", "client"))).name == "Transmit"


def test_recorded_answers_do_not_fit_another_order(terminal):
    """TR-03110-3 F: with the mandated order the recorded answers belong to other commands."""
    source = randomness()
    server = EIDServer(
        terminal,
        CardTrust.of(authorities=[octets("csca-testbed/DE_TEST_CSCA_2018_12.cer")]),
        block_list=BlockList.of(terminal.sector),
        production=False,
        clock=lambda: NOW,
        random=lambda _count: next(source),
        ephemeral_keys=lambda _curve: private("ephemeral_private"),
    )
    assert replay(server, SessionRequest(required=REQUIRED, age=18))[-1].major == paos.ERROR
    with pytest.raises(ProtocolViolation):
        server.result(SESSION)


EAC1 = "OUT_DID_AUTHENTICATE_EAC_1_OUTPUTTYPE"
EAC2 = "OUT_DID_AUTHENTICATE_EAC_2_OUTPUTTYPE"


def filled(name: str, last: Command | None) -> bytes:
    """A step of the conformity suite with what the recorded card said at that point."""
    return step(
        name,
        SESSIONIDENTIFIER=SESSION,
        MESSAGEID=last.message_id if last is not None else "urn:uuid:0",
        UUID="5d6f714a-07ae-bced-56c9-77068f5e9af5",
        CHAT="0000011b05",
        CUSTOM_CLIENT_CHAT="7f4c12060904007f0007030102025305000513ff07",
        EFCARDACCESS=recorded("04-client", "EFCardAccess")[0].hex(),
        IDPICC=recorded("04-client", "IDPICC")[0].hex(),
        CHALLENGE=recorded("04-client", "Challenge")[0].hex(),
        EFCARDSECURITY=recorded("06-client", "EFCardSecurity")[0].hex(),
        AUTHENTICATION_TOKEN=recorded("06-client", "AuthenticationToken")[0].hex(),
        NONCE=recorded("06-client", "Nonce")[0].hex(),
        APDU="".join(
            f"<OutputAPDU>{apdu.hex()}</OutputAPDU>" for apdu in recorded("08-client", "OutputAPDU")
        ),
    )


@pytest.mark.parametrize("start", ["OUT_START_PAOS", "OUT_START_PAOS_DIDPROTOCOLS"])
@pytest.mark.parametrize("challenge_once_more", [False, True])
def test_good_steps_of_the_conformity_suite_lead_to_the_data(server, start, challenge_once_more):
    """TR-03130-4 group C: the suite's own messages around the recorded card's values."""
    server.open(SessionRequest(required=REQUIRED, age=18))
    late = [f"{EAC2}_B"] if challenge_once_more else []
    last = None
    for name in [start, f"{EAC1}_WITH_CHAT", *late, f"{EAC2}_A", "OUT_TRANSMIT"]:
        last = Command(server.paos(filled(name, last)))
        assert last.major in {None, paos.OK}
    assert server.result(SESSION).values["FamilyNames"] == "MUSTERMANN"


@pytest.mark.parametrize(
    ("before", "bad", "minor"),
    [
        (1, f"{EAC1}_INTERNALERROR", "/al/common#internalError"),
        (1, f"{EAC1}_WITHOUT_CHALLENGE", "/common#internalError"),
        (1, f"{EAC1}_WITHOUT_IDPICC", "/common#internalError"),
        (1, f"{EAC1}_WITH_CUSTOM_CHAT", "/common#internalError"),
        (1, "OUT_DIDLIST", "/common#internalError"),
        (1, f"{EAC2}_A", "/common#internalError"),
        (2, f"{EAC1}_WITH_CHAT", "/common#internalError"),
        (2, f"{EAC2}_INTERNALERROR", "/al/common#internalError"),
        (2, f"{EAC2}_A_INTERNALERROR", "/al/common#internalError"),
        (2, f"{EAC2}_A_CUSTOM_AUTHTOKEN", "/getResult#invalidDocument"),
        (2, f"{EAC2}_A_NO_AUTHENTICATIONTOKEN", "/common#internalError"),
        (2, f"{EAC2}_A_NO_EFCARDSECURITY", "/common#internalError"),
        (2, f"{EAC2}_A_NO_NONCE", "/common#internalError"),
        (2, f"{EAC2}_A_DUPLICATED_AUTHENTICATIONTOKEN", "/common#internalError"),
        (2, f"{EAC2}_A_DUPLICATED_EFCARDSECURITY", "/common#internalError"),
        (2, f"{EAC2}_A_DUPLICATED_NONCE", "/common#internalError"),
        (2, "OUT_TRANSMIT", "/common#internalError"),
        (3, "OUT_TRANSMIT_NO_APDUS", "/common#internalError"),
        (3, f"{EAC2}_B", "/common#internalError"),
    ],
)
def test_bad_step_of_the_conformity_suite_ends_the_session_without_data(server, before, bad, minor):
    """TR-03130-4 C1_2, C1_3: error StartPAOSResponse; getResult names the reason once, then nothing."""
    server.open(SessionRequest(required=REQUIRED, age=18))
    last = None
    for name in ["OUT_START_PAOS", f"{EAC1}_WITH_CHAT", f"{EAC2}_A"][:before]:
        last = Command(server.paos(filled(name, last)))
    octets_ = filled(bad, last)
    if "CUSTOM_AUTHTOKEN" in bad:
        octets_ = octets_.replace(
            recorded("06-client", "AuthenticationToken")[0].hex().encode(), bytes(8).hex().encode()
        )
    end = Command(server.paos(octets_))
    assert (end.name, end.major) == ("StartPAOSResponse", paos.ERROR)
    with pytest.raises(EIDServerError) as caught:
        server.result(SESSION)
    assert caught.value.minor.endswith(minor)
    with pytest.raises(InvalidSession):
        server.result(SESSION)


def test_disconnect_after_the_end_finds_nothing(server):
    """The suite's optional last step: this server asks for no Disconnect."""
    end = replay(server, SessionRequest(required=REQUIRED, age=18))[-1]
    assert Command(server.paos(filled("OUT_DISCONNECT", end))).major == paos.ERROR
    assert server.result(SESSION).values["FamilyNames"] == "MUSTERMANN"
