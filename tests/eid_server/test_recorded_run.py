"""The run recorded with AusweisApp 2.0.1 and its simulated card, reproduced bit by bit (data/npa/INDEX.md)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from hashlib import sha256

import pytest
from asn1crypto import cms
from asn1crypto import keys as asn1_keys
from cryptography.hazmat.primitives.asymmetric import ec

from eid_server import apdus, chip_authentication, curves, data_groups, restricted_id, terminal_authentication
from eid_server.card_security import parse_card_access, verify_card_security
from eid_server.certificates import Certificate
from eid_server.chat import Chat, rights_of
from eid_server.chip_authentication import SessionKeys
from eid_server.cvc import CVCertificate, verify_plain
from eid_server.cvc_chain import VerifiedChain, verify_chain
from eid_server.data_groups import FreetextPlace, StructuredPlace
from eid_server.description import require_description
from eid_server.errors import InvalidDocument
from eid_server.passive_authentication import CardTrust
from eid_server.restricted_id import SectorKey
from eid_server.secure_messaging import Channel
from tests.eid_server.samples import known_answers, octets, recorded, simulated_key

DAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CURVE = curves.BRAINPOOL_P256R1
PROTOCOL = "0.4.0.127.0.7.2.2.3.2.2"
DOCUMENT_SIGNER = "550be00e9f7ed612984343f0849cf929326c16aeab60843d7686209ce1e99e9e"
"""SHA-256 of the certificate that signs the simulated card's EF.CardSecurity."""


def private(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int(known_answers()[name], 16), CURVE.curve)


def simulated_private(number: int) -> ec.EllipticCurvePrivateKey:
    info = asn1_keys.PrivateKeyInfo.load(simulated_key(number))
    return ec.derive_private_key(info["private_key"].parsed["private_key"].native, CURVE.curve)


def chain() -> VerifiedChain:
    certificates = [CVCertificate.parse(value) for value in recorded("03-server", "Certificate")]
    anchor = CVCertificate.parse(octets("recorded-ausweisapp-2.0.1/cvca.cvcert.hex"))
    return verify_chain(certificates, [anchor], DAY)


def session_keys() -> SessionKeys:
    answers = known_answers()
    return chip_authentication.agree(
        private("ephemeral_private"),
        curves.public_key(CURVE, bytes.fromhex(answers["pk_icc"])),
        protocol=PROTOCOL,
        nonce=bytes.fromhex(answers["nonce"]),
        token=bytes.fromhex(answers["auth_token"]),
    )


def commands() -> list[apdus.CommandAPDU]:
    sector = SectorKey(public_key=private("sector_private").public_key())
    numbers = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 17, 18)
    return [
        apdus.select_eid(),
        apdus.verify_age(),
        *map(apdus.read_data_group, numbers),
        apdus.set_restricted_identification("0.4.0.127.0.7.2.2.5.2.3", 2),
        apdus.general_authenticate(restricted_id.request(sector)),
    ]


def test_chain_of_the_terminal_verifies_with_the_recorded_keys() -> None:
    """TR-03110-3 C: every certificate holds the key that signed the next one."""
    verified = chain()
    assert verified.terminal.point == curves.point(private("terminal_private").public_key())
    assert verified.document_verifier.point == curves.point(private("dv_private").public_key())
    assert verified.anchor.point == curves.point(private("cvca_private").public_key())
    info = asn1_keys.PublicKeyInfo.load(octets("recorded-ausweisapp-2.0.1/cvca-public.spki.hex"))
    assert bytes(info["public_key"]) == verified.anchor.point
    assert verified.terminal.chat.octets.hex() == "000513ff07"


def test_description_and_sector_are_those_of_the_terminal_certificate() -> None:
    """TR-03110-3 C.3: both extensions are hashes of what the client and the card are shown."""
    terminal = chain().terminal
    (encoded,) = recorded("03-server", "CertificateDescription")
    description = require_description(terminal, encoded)
    assert description.subject_url == "https://localhost:8843"
    assert description.encoded == encoded
    assert terminal.sector_hashes == (SectorKey(public_key=private("sector_private").public_key()).hash,)


def test_requested_and_granted_rights_are_read() -> None:
    """npa.md §4.3: the citizen unticked the comparison of the community."""
    (required,) = recorded("03-server", "RequiredCHAT")
    (granted,) = recorded("04-client", "CertificateHolderAuthorizationTemplate")
    names = ("DocumentType", "IssuingState", "GivenNames", "FamilyNames", "PlaceOfBirth", "RestrictedID")
    wanted = rights_of(*names, "AgeVerification", "PlaceVerification")
    assert Chat.parse(required) == Chat(rights=wanted)
    assert Chat(rights=wanted).encoded == required
    assert Chat.parse(granted).rights == rights_of(*names, "AgeVerification")


def test_auxiliary_data_are_written_as_recorded() -> None:
    """TR-03110-3 A.7.5: eighteen years and validity on that day."""
    auxiliary = terminal_authentication.auxiliary_data(
        birth_not_after=terminal_authentication.age_reference(DAY, 18), valid_on=DAY
    )
    assert auxiliary.hex() == known_answers()["aux_data"]
    assert [auxiliary] == recorded("03-server", "AuthenticatedAuxiliaryData")


def test_recorded_signature_of_the_terminal_verifies_over_what_we_would_sign() -> None:
    """TR-03110-2 3.3: the simulated card accepted it."""
    (id_picc,) = recorded("04-client", "IDPICC")
    (challenge,) = recorded("04-client", "Challenge")
    (ephemeral,) = recorded("05-server", "EphemeralPublicKey")
    (signature,) = recorded("05-server", "Signature")
    assert curves.point(private("ephemeral_private").public_key()) == ephemeral
    message = terminal_authentication.signed_octets(
        id_picc=id_picc,
        challenge=challenge,
        ephemeral_x=curves.x_coordinate(private("ephemeral_private").public_key()),
        auxiliary=bytes.fromhex(known_answers()["aux_data"]),
    )
    terminal = chain().terminal
    verify_plain(terminal.public_key(CURVE), signature, message, terminal.algorithm)


@pytest.mark.parametrize(
    "trusted",
    [
        {"authorities": ["DE_TEST_CSCA_2018_12.cer"]},
        {"authorities": ["TEST_csca_germany.cer", "DE_TEST_CSCA_2018_12.cer"]},
        {"authorities": [], "pinned": [DOCUMENT_SIGNER]},
    ],
    ids=["authority", "two of one name", "pinned"],
)
def test_card_security_of_the_simulated_card_is_authentic(trusted: dict[str, list[str]]) -> None:
    """ICAO Doc 9303-11 §5.1: under the German TEST CSCA of 2018, or the signer pinned by its hash."""
    trust = CardTrust.of(
        authorities=[octets(f"csca-testbed/{name}") for name in trusted["authorities"]],
        pinned_signers=[bytes.fromhex(pin) for pin in trusted.get("pinned", [])],
    )
    (access,) = recorded("04-client", "EFCardAccess")
    (security,) = recorded("06-client", "EFCardSecurity")
    card = verify_card_security(security, parse_card_access(access), trust, NOW)
    assert curves.point(card.chip_key).hex() == known_answers()["pk_icc"]
    assert curves.point(simulated_private(41).public_key()) == curves.point(card.chip_key)
    assert card.chip_authentication.protocol == PROTOCOL
    assert card.chip_authentication.domain is CURVE
    assert card.eid_type == "CardCertified"
    assert card.revocation_key is not None
    assert card.pseudonym_key is not None
    assert (card.revocation_key.key_id, card.pseudonym_key.key_id) == (1, 2)


def test_card_security_of_the_simulated_card_is_refused_under_the_newer_authority_of_the_same_name() -> None:
    """Two German TEST CSCAs bear one name: the key decides, not the name."""
    trust = CardTrust.of(authorities=[octets("csca-testbed/TEST_csca_germany.cer")])
    (access,) = recorded("04-client", "EFCardAccess")
    (security,) = recorded("06-client", "EFCardSecurity")
    with pytest.raises(InvalidDocument, match="no configured country signing CA"):
        verify_card_security(security, parse_card_access(access), trust, NOW)


def test_shared_secret_session_keys_and_token_are_the_recorded_ones() -> None:
    """TR-03110-3 A.2.3, A.2.4: K = x(ECDH), SHA-1 with counters 1 and 2, CMAC over the public key."""
    answers = known_answers()
    chip_key = curves.public_key(CURVE, bytes.fromhex(answers["pk_icc"]))
    ephemeral = private("ephemeral_private")
    assert ephemeral.exchange(ec.ECDH(), chip_key).hex() == answers["shared_secret_x"]
    keys = session_keys()
    assert keys.encryption.hex() == answers["k_enc"]
    assert keys.authentication.hex() == answers["k_mac"]
    token = chip_authentication.authentication_token(keys, ephemeral.public_key(), PROTOCOL)
    assert token.hex() == answers["auth_token"]


def test_every_command_is_protected_as_recorded() -> None:
    """TR-03110-3 F: the whole batch is built before the first answer."""
    channel = Channel(session_keys())
    protected = [channel.wrap(command) for command in commands()]
    assert protected == recorded("07-server", "InputAPDU")


def test_every_answer_opens_to_the_recorded_octets() -> None:
    """TR-03110-3 F: data and status of all seventeen."""
    channel = Channel(session_keys())
    for command in commands():
        channel.wrap(command)
    answers = known_answers()["results"]
    assert [bytes.fromhex(answer["apdu"]) for answer in answers] == recorded("08-client", "OutputAPDU")
    for answer in answers:
        opened = channel.unwrap(bytes.fromhex(answer["apdu"]))
        assert (opened.data.hex(), f"{opened.status:04x}") == (answer["plain"], answer["sw"]), answer["cmd"]


def test_recorded_data_groups_are_read() -> None:
    """TR-03110-4 2.2.3.1: what stands on the simulated card."""
    plain = {
        answer["cmd"]: bytes.fromhex(answer["plain"])
        for answer in known_answers()["results"]
        if answer["cmd"].startswith("DG")
    }
    values = {name: data_groups.parse(int(name[2:]), value) for name, value in plain.items()}
    assert values == {
        "DG1": "ID",
        "DG2": "D",
        "DG3": date(2029, 10, 31),
        "DG4": "ERIKA",
        "DG5": "MUSTERMANN",
        "DG6": "",
        "DG7": "",
        "DG8": "19640812",
        "DG9": FreetextPlace(text="BERLIN"),
        "DG10": "D",
        "DG13": "GABLER",
        "DG17": StructuredPlace(street="HEIDESTRAẞE 17", city="KÖLN", country="D", zip_code="51147"),
        "DG18": "02760503150000",
    }


def test_recorded_pseudonym_is_the_hash_of_the_agreement_with_the_sector() -> None:
    """TR-03110-2 3.6, with the simulated card's own key 2."""
    answer = bytes.fromhex(known_answers()["results"][-1]["plain"])
    identifier, second = restricted_id.parse_response(answer)
    agreed = simulated_private(2).exchange(ec.ECDH(), private("sector_private").public_key())
    assert identifier == sha256(agreed).digest()
    assert second is None


def test_pinned_signer_is_the_certificate_inside_the_card() -> None:
    """The pin can be taken from the card itself: what it holds is shown, not invented."""
    (security,) = recorded("06-client", "EFCardSecurity")
    (choice,) = cms.ContentInfo.load(security)["content"]["certificates"]
    assert Certificate.load(choice.chosen.dump()).fingerprint.hex() == DOCUMENT_SIGNER
