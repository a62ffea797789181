"""Passive authentication and what a chip announces (ICAO Doc 9303-11 §5.1, TR-03110-3 A.1, TR-03130-4 C1_2)."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from re import search

import pytest
from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from eid_server import curves
from eid_server.card_security import (
    CardSecurity,
    choose_chip_authentication,
    parse_card_access,
    verify_card_security,
)
from eid_server.certificates import Certificate, RevocationList, verify
from eid_server.document_signers import Signer, make_country_signing_ca, make_document_signer
from eid_server.errors import InvalidDocument, Malformed, Misconfigured, ProtocolViolation
from eid_server.passive_authentication import (
    ID_BLACK_LIST,
    ID_ICAO_MASTER_LIST,
    CardTrust,
    read_master_list,
)
from eid_server.pki import TrialPKI
from eid_server.security_infos import EIDType, SecurityInfos
from tests.eid_server import card_files as files
from tests.eid_server.samples import octets, recorded, simulated_file

CHIP = ec.generate_private_key(ec.BrainpoolP256R1())
POINT = curves.point(CHIP.public_key())


def content(*more: bytes, point: bytes = POINT) -> bytes:
    return files.infos(
        *files.card_access_infos(),
        files.chip_key_info(point),
        *files.restricted_identification_infos(),
        *more,
    )


@pytest.fixture(scope="module")
def trust(pki: TrialPKI) -> CardTrust:
    return CardTrust.of(authorities=[pki.country_signing_ca.certificate])


def verified(
    security: bytes, trust: CardTrust, now: datetime, access: bytes = files.card_access()
) -> CardSecurity:
    return verify_card_security(security, parse_card_access(access), trust, now)


def revocations(
    authority: Signer, now: datetime, *serials: int, key: ec.EllipticCurvePrivateKey | None = None
) -> bytes:
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=x509.load_der_x509_certificate(authority.certificate).subject,
        last_update=now - timedelta(days=1),
        next_update=now + timedelta(days=1),
    )
    for serial in serials:
        entry = x509.RevokedCertificateBuilder(serial_number=serial, revocation_date=now).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(key or authority.key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_genuine_card_security_gives_the_key_of_the_chip(
    pki: TrialPKI, trust: CardTrust, now: datetime
) -> None:
    """Key, protocols and identifiers come out of the signed file."""
    card = verified(files.signed(content(), pki.document_signer), trust, now)
    assert curves.point(card.chip_key) == POINT
    assert card.chip_authentication.key_id == files.CHIP_KEY
    assert card.eid_type is EIDType.CARD_CERTIFIED
    assert card.revocation_key is not None
    assert card.pseudonym_key is not None
    assert (card.revocation_key.key_id, card.pseudonym_key.key_id) == (1, 2)


def test_longer_hashes_and_padding_of_the_file_are_accepted(
    pki: TrialPKI, trust: CardTrust, now: datetime
) -> None:
    """Doc 9303-12 §4.1.6; a file on a chip is as long as it was made."""
    security = files.signed(content(), pki.document_signer, digest="sha512")
    card = verified(security + bytes(100), trust, now, files.card_access() + bytes(64))
    assert curves.point(card.chip_key) == POINT


@pytest.mark.parametrize(
    ("suffix", "kind"), [("1", EIDType.SE_CERTIFIED), ("2", EIDType.SE_ENDORSED), ("3", EIDType.HW_KEY_STORE)]
)
def test_type_of_the_eid_is_read_from_the_signed_file(
    suffix: str, kind: EIDType, pki: TrialPKI, trust: CardTrust, now: datetime
) -> None:
    """Amendment "eIDType Signalling" to TR-03112-7."""
    info = files.sequence(files.oid(f"0.4.0.127.0.7.3.2.3.2.{suffix}"), b"\x05\x00")
    assert verified(files.signed(content(info), pki.document_signer), trust, now).eid_type is kind


def test_tampered_card_security_is_refused_or_says_the_same(
    pki: TrialPKI, trust: CardTrust, now: datetime
) -> None:
    """TR-03130-4 C1_2: CMS has a few octets that no signature covers, versions and the like; they change nothing."""
    signed = content()
    original = files.signed(signed, pki.document_signer)
    genuine = verified(original, trust, now)
    inside = range(original.index(signed), original.index(signed) + len(signed))
    for position in range(0, len(original), 5):
        changed = bytearray(original)
        changed[position] ^= 0x01
        try:
            card = verified(bytes(changed), trust, now)
        except InvalidDocument:
            continue
        assert position not in inside, position
        assert curves.point(card.chip_key) == curves.point(genuine.chip_key), position
        assert card.restricted_identification == genuine.restricted_identification, position


def test_chip_key_of_a_forger_is_refused(pki: TrialPKI, trust: CardTrust, now: datetime) -> None:
    """The key is exchanged, the signature kept."""
    other = curves.point(ec.generate_private_key(ec.BrainpoolP256R1()).public_key())
    forged = files.signed(content(), pki.document_signer).replace(POINT, other)
    with pytest.raises(InvalidDocument, match="not what was signed"):
        verified(forged, trust, now)


def test_signature_of_another_key_is_refused(pki: TrialPKI, trust: CardTrust, now: datetime) -> None:
    """The genuine document signer's certificate lies beside it and helps nothing."""
    forged = files.signed(content(), pki.document_signer, key=ec.generate_private_key(ec.BrainpoolP256R1()))
    with pytest.raises(InvalidDocument, match="does not verify"):
        verified(forged, trust, now)


def test_document_signer_of_an_unknown_authority_is_refused(
    trust: CardTrust, today: date, now: datetime
) -> None:
    """Same names, another key."""
    stranger = make_document_signer(make_country_signing_ca(today), today)
    with pytest.raises(InvalidDocument, match="no configured country signing CA"):
        verified(files.signed(content(), stranger), trust, now)


def test_empty_trust_list_believes_nobody(pki: TrialPKI, now: datetime) -> None:
    """There is no default."""
    with pytest.raises(InvalidDocument, match="no configured"):
        verified(files.signed(content(), pki.document_signer), CardTrust(), now)


def test_pinned_signer_is_believed_without_its_authority_and_no_other(
    pki: TrialPKI, today: date, now: datetime
) -> None:
    """For test cards whose CA certificate is not at hand."""
    trust = CardTrust.of(pinned_signers=[sha256(pki.document_signer.certificate).digest()])
    assert verified(files.signed(content(), pki.document_signer), trust, now).chip_key
    other = make_document_signer(pki.country_signing_ca, today)
    with pytest.raises(InvalidDocument, match="no configured"):
        verified(files.signed(content(), other), trust, now)


@pytest.mark.parametrize("days", [-3, 12 * 365])
def test_document_signer_outside_its_validity_is_refused(
    days: int, pki: TrialPKI, trust: CardTrust, now: datetime
) -> None:
    """Doc 9303-12 §7.1: dates of signer and authority; a pin does not help."""
    security = files.signed(content(), pki.document_signer)
    pinned = CardTrust.of(pinned_signers=[sha256(pki.document_signer.certificate).digest()])
    for trusted in (trust, pinned):
        with pytest.raises(InvalidDocument, match="not valid now"):
            verified(security, trusted, now + timedelta(days=days))


def test_country_signing_ca_does_not_sign_cards_itself(
    pki: TrialPKI, trust: CardTrust, now: datetime
) -> None:
    """Key usage: certificates and revocation lists only."""
    with pytest.raises(InvalidDocument, match="not that of a document signer"):
        verified(files.signed(content(), pki.country_signing_ca), trust, now)


def test_document_signer_is_no_authority(pki: TrialPKI) -> None:
    """The operator's mistake is found when the list is loaded."""
    with pytest.raises(Malformed, match="country signing CA"):
        CardTrust.of(authorities=[pki.document_signer.certificate])


def test_revoked_document_signer_is_refused(pki: TrialPKI, now: datetime) -> None:
    """Doc 9303-12 §7.1.4."""
    serial = x509.load_der_x509_certificate(pki.document_signer.certificate).serial_number
    security = files.signed(content(), pki.document_signer)
    authorities = [pki.country_signing_ca.certificate]
    good = CardTrust.of(
        authorities=authorities, revocation_lists=[revocations(pki.country_signing_ca, now, serial + 1)]
    )
    assert verified(security, good, now).chip_key
    bad = CardTrust.of(
        authorities=authorities, revocation_lists=[revocations(pki.country_signing_ca, now, serial)]
    )
    with pytest.raises(InvalidDocument, match="revoked"):
        verified(security, bad, now)


def test_stale_revocation_list_stops_everything(pki: TrialPKI, now: datetime) -> None:
    """Fails closed, and as our fault: the card is not to blame."""
    trust = CardTrust.of(
        authorities=[pki.country_signing_ca.certificate],
        revocation_lists=[revocations(pki.country_signing_ca, now)],
    )
    with pytest.raises(Misconfigured, match="out of date"):
        verified(files.signed(content(), pki.document_signer), trust, now + timedelta(days=2))


def test_revocation_list_of_a_stranger_is_refused_when_loaded(pki: TrialPKI, now: datetime) -> None:
    """Otherwise an empty list could hide a revocation."""
    forged = revocations(pki.country_signing_ca, now, key=ec.generate_private_key(ec.BrainpoolP256R1()))
    with pytest.raises(Malformed, match="no configured"):
        CardTrust.of(authorities=[pki.country_signing_ca.certificate], revocation_lists=[forged])


def test_german_test_revocation_list_is_read_and_belongs_to_its_authority() -> None:
    """data/npa/INDEX.md; it ended in January 2020."""
    trust = CardTrust.of(
        authorities=[octets("csca-testbed/DE_TEST_CSCA_2018_12.cer")],
        revocation_lists=[octets("csca-testbed/TEST.crl")],
    )
    (revoked,) = trust.revocation_lists
    revoked.require_current(datetime(2020, 1, 10, tzinfo=UTC))
    with pytest.raises(Misconfigured):
        revoked.require_current(datetime(2026, 11, 23, tzinfo=UTC))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"digest": "sha1"}, "outside the accepted list"),
        ({"content_type": ID_BLACK_LIST}, "of another type"),
        ({"signed_type": ID_BLACK_LIST}, "signed type"),
        ({"certificates": ()}, "certificate is not inside"),
        ({"signers": 2}, "exactly one signer"),
        ({"signers": 0}, "exactly one signer"),
        ({"attributed": False}, "attributes missing"),
    ],
    ids=str,
)
def test_other_signatures_are_refused(
    wrong: dict[str, object], reason: str, pki: TrialPKI, trust: CardTrust, now: datetime
) -> None:
    """SHA-1, a signed block list in place of a card, nobody's and everybody's signature."""
    security = files.signed(content(), pki.document_signer, **wrong)  # type: ignore[arg-type]  # one each
    with pytest.raises(InvalidDocument, match=reason):
        verified(security, trust, now)


@pytest.mark.parametrize("damaged", [b"", b"\x30\x00", b"\x31\x00", b"not CMS at all", bytes(40)])
def test_octets_that_are_no_cms_are_refused(damaged: bytes, trust: CardTrust, now: datetime) -> None:
    """And nothing but InvalidDocument comes out."""
    with pytest.raises(InvalidDocument):
        verified(damaged, trust, now)


def test_octets_behind_the_signature_are_refused(pki: TrialPKI, trust: CardTrust, now: datetime) -> None:
    """Zeros are padding; anything else is somebody's."""
    with pytest.raises(InvalidDocument, match="behind"):
        verified(files.signed(content(), pki.document_signer) + b"\x01", trust, now)


@pytest.mark.parametrize(
    "announced",
    [
        files.infos(*files.card_access_infos()[1:], files.sequence(files.oid(files.PACE), files.integer(2), files.integer(12))),
        files.infos(*files.card_access_infos(), files.sequence(files.oid("0.4.0.127.0.7.2.2.3.2.4"), files.integer(2), files.integer(41))),
        files.infos(*files.card_access_infos(domain=12)),
        files.infos(*files.card_access_infos(), files.sequence(files.oid("0.4.0.127.0.7.2.2.6"), b"\x16\x01x")),
    ],
    ids=["PACE domain", "CA protocol", "CA domain", "anything else"],
)  # fmt: skip
def test_card_access_that_card_security_does_not_confirm_is_refused(
    announced: bytes, pki: TrialPKI, trust: CardTrust, now: datetime
) -> None:
    """TR-03130-4 C1_2_04: somebody between card and server has changed the proposal."""
    with pytest.raises(InvalidDocument, match="does not confirm"):
        verified(files.signed(content(), pki.document_signer), trust, now, announced)


def test_chip_key_outside_the_curve_is_refused(pki: TrialPKI, trust: CardTrust, now: datetime) -> None:
    """TR-03130-4 C1_2_05, even if a document signer has signed it."""
    outside = POINT[:-1] + bytes([POINT[-1] ^ 1])
    with pytest.raises(InvalidDocument, match="not on the curve"):
        verified(files.signed(content(point=outside), pki.document_signer), trust, now)


def test_chip_key_on_another_curve_is_refused(pki: TrialPKI, trust: CardTrust, now: datetime) -> None:
    """The ephemeral key has been made on the announced one."""
    elsewhere = curves.point(ec.generate_private_key(ec.SECP256R1()).public_key())
    signed = files.infos(*files.card_access_infos(), files.chip_key_info(elsewhere, domain=12))
    with pytest.raises(InvalidDocument, match="another curve"):
        verified(files.signed(signed, pki.document_signer), trust, now)


def test_card_security_without_the_chosen_key_is_refused(
    pki: TrialPKI, trust: CardTrust, now: datetime
) -> None:
    """The key of another terminal type does not stand in for it."""
    signed = files.infos(*files.card_access_infos(), files.chip_key_info(POINT, key_id=45))
    with pytest.raises(InvalidDocument, match="no key"):
        verified(files.signed(signed, pki.document_signer), trust, now)


def test_chip_with_unknown_protocols_only_is_refused() -> None:
    """3DES and version 1 are not accepted (TR-03110-3 A.4.1.3)."""
    for protocol in ("0.4.0.127.0.7.2.2.3.2.1", "0.4.0.127.0.7.2.2.3.2.9"):
        with pytest.raises(ProtocolViolation, match="no chip authentication"):
            choose_chip_authentication(parse_card_access(files.infos(*files.card_access_infos(protocol))))


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        files.infos(files.integer(1)),
        files.infos(files.sequence()),
        files.infos(files.sequence(files.integer(1), files.integer(1))),
        files.infos(files.sequence(files.oid(files.PACE))),
        files.card_access() + b"\x01",
        files.infos(files.sequence(files.oid("0.4.0.127.0.7.2.2.3.2"), files.standardised(7), files.integer(41))),
        files.infos(files.sequence(files.oid("0.4.0.127.0.7.2.2.3.2.2"), files.oid(files.PACE))),
        files.infos(files.chip_key_info(POINT), files.chip_key_info(POINT)),
        files.infos(*(files.sequence(files.oid(f"0.4.0.127.0.7.3.2.3.2.{n}"), b"\x05\x00") for n in (1, 3))),
        files.infos(files.sequence(files.oid("0.4.0.127.0.7.2.2.5.2.3"), files.sequence(files.integer(1), files.integer(1), b"\x01\x01\x07"))),
    ],
)  # fmt: skip
def test_damaged_security_infos_are_refused(damaged: bytes) -> None:
    """TR-03110-3 A.1: listed kinds are read strictly."""
    with pytest.raises(Malformed):
        SecurityInfos.parse(damaged)


def test_files_of_the_simulated_card_are_read() -> None:
    """Unknown kinds (card info, hashes, keys for privileged terminals) are left alone."""
    access = parse_card_access(simulated_file("011c"))
    (chosen,) = access.chip_authentication
    assert (chosen.key_id, chosen.domain) == (41, curves.BRAINPOOL_P256R1)
    assert access.chip_keys == {}
    assert parse_card_access(octets("ausweisapp-card/efCardAccess.hex")).chip_authentication[0].key_id == 72


def test_expired_test_card_is_refused() -> None:
    """efCardSecurity.hex was signed by a document signer whose certificate ended in 2023."""
    security = octets("ausweisapp-card/efCardSecurity.hex")
    (choice,) = cms.ContentInfo.load(security)["content"]["certificates"]
    signer = Certificate.load(choice.chosen.dump())
    trust = CardTrust.of(pinned_signers=[signer.fingerprint])
    access = octets("ausweisapp-card/efCardAccess.hex")
    with pytest.raises(InvalidDocument, match="not valid now"):
        verified(security, trust, datetime(2026, 11, 23, tzinfo=UTC), access)
    with pytest.raises(InvalidDocument, match="does not confirm"):
        # on a day on which it was valid: the two files of the collection are not of one card
        verified(security, trust, datetime(2016, 1, 1, tzinfo=UTC), access)


def test_card_security_of_a_real_card_is_read() -> None:
    """open-ecard's recorded EAC2Output: productive document signer, chip key on brainpoolP256r1."""
    texts = {name: octets(f"open-ecard/{name}.xml").decode() for name in ("Eac1Output", "Eac2Output")}
    found = {
        element: search(rf"<{element}[^>]*>\s*([0-9A-F]+)", texts[name])
        for name, element in (("Eac1Output", "EFCardAccess"), ("Eac2Output", "EFCardSecurity"))
    }
    access, security = (bytes.fromhex(match[1]) for match in found.values() if match)
    (choice,) = cms.ContentInfo.load(security)["content"]["certificates"]
    signer = Certificate.load(choice.chosen.dump())
    then = signer.parsed["tbs_certificate"]["validity"]["not_before"].native + timedelta(days=1)
    card = verified(security, CardTrust.of(pinned_signers=[signer.fingerprint]), then, access)
    assert card.chip_authentication.key_id == 72


def test_master_list_of_the_test_bed_is_read_under_its_authority(now: datetime) -> None:
    """ICAO Doc 9303-12 §9: signed by a master list signer under a CSCA already believed."""
    authority = octets("csca-testbed/CERT_ECARD_CSCA_1.DER")
    master_list = octets("csca-testbed/MASTERLIST_ECARD_CSCA_1.DER")
    (listed,) = read_master_list(master_list, CardTrust.of(authorities=[authority]), now)
    assert listed.encoded == authority
    with pytest.raises(InvalidDocument):
        read_master_list(master_list, CardTrust(), now)
    with pytest.raises(InvalidDocument):
        read_master_list(master_list[:-1] + b"\0", CardTrust.of(authorities=[authority]), now)


def test_document_signer_of_the_test_bed_is_issued_by_its_authority() -> None:
    """The stored file went through a line-end conversion; with that undone it verifies."""
    stored = octets("csca-testbed/CERT_ECARD_DS_1_A.DER")
    with pytest.raises(Malformed):
        Certificate.load(stored)
    signer = Certificate.load(stored.replace(b"\r\n", b"\n"))
    authority = Certificate.load(octets("csca-testbed/CERT_ECARD_CSCA_1.DER"))
    signer.verify_issued_by(authority)
    signer.require_signer()
    authority.require_authority()
    with pytest.raises(Malformed, match="another issuer"):
        authority.verify_issued_by(signer)


def test_own_master_list_with_a_signer_in_it_is_refused(
    pki: TrialPKI, trust: CardTrust, now: datetime
) -> None:
    """Whoever is on the list may issue: only authorities belong there."""
    for listed, good in ((pki.country_signing_ca, True), (pki.document_signer, False)):
        octets_ = files.sequence(files.integer(0), files.infos(listed.certificate))
        signed = files.signed(octets_, pki.document_signer, content_type=ID_ICAO_MASTER_LIST)
        if good:
            assert [a.encoded for a in read_master_list(signed, trust, now)] == [listed.certificate]
        else:
            with pytest.raises(InvalidDocument, match="master list"):
                read_master_list(signed, trust, now)


def test_certificate_with_an_rsa_key_is_no_signer(now: datetime) -> None:
    """Only ECDSA is accepted; the refusal is ours, not the library's."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "RSA")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now)
        .sign(key, hashes.SHA256())
    )
    loaded = Certificate.load(certificate.public_bytes(Encoding.PEM))
    with pytest.raises(Malformed, match="not for elliptic curves"):
        loaded.public_key()
    with pytest.raises(Malformed, match="algorithm"):
        verify(CHIP.public_key(), b"", b"", loaded.parsed["signature_algorithm"]["algorithm"].native)


@pytest.mark.parametrize("damaged", [b"", b"\x30\x00", b"-----BEGIN CERTIFICATE-----\nAAAA"])
def test_damaged_files_of_the_operator_are_refused(damaged: bytes) -> None:
    """Certificates and lists, DER and PEM."""
    with pytest.raises(Malformed):
        Certificate.load(damaged)
    with pytest.raises(Malformed):
        RevocationList.load(damaged)


def test_recorded_card_access_is_confirmed_by_the_card_security_of_its_run_only(now: datetime) -> None:
    """EF.CardAccess of one card, EF.CardSecurity of another."""
    (security,) = recorded("06-client", "EFCardSecurity")
    trust = CardTrust.of(authorities=[octets("csca-testbed/DE_TEST_CSCA_2018_12.cer")])
    with pytest.raises(InvalidDocument, match="does not confirm"):
        verified(security, trust, now, octets("ausweisapp-card/efCardAccess.hex"))


def test_damaged_card_security_raises_nothing_but_invalid_document(
    pki: TrialPKI, trust: CardTrust, now: datetime
) -> None:
    """A thousand mutations, the same ones every time: whatever a client sends, the session ends in order."""
    chance = random.Random(4)
    original = files.signed(content(), pki.document_signer)
    outcomes = set()
    for _ in range(1000):
        damaged = bytearray(original)
        for _ in range(chance.randint(1, 3)):
            start = chance.randrange(len(damaged))
            damaged[start : start + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 2))
        try:
            verified(bytes(damaged), trust, now)
            outcomes.add("unharmed")
        except InvalidDocument:
            outcomes.add("refused")
    assert "refused" in outcomes


def test_certificate_on_a_binary_field_is_refused() -> None:
    """Explicit parameters are compared with listed curves over prime fields only."""
    authority = octets("csca-testbed/DE_TEST_CSCA_2018_12.cer")
    prime, characteristic_two = (bytes.fromhex(f"06072a8648ce3d01{end}") for end in ("01", "02"))
    assert authority.count(prime) == 1
    Certificate.load(authority).public_key()
    with pytest.raises(Malformed):
        Certificate.load(authority.replace(prime, characteristic_two)).public_key()


@pytest.mark.parametrize("field", ["issuer and serial number", "subject key identifier"])
def test_signer_is_found_either_way(field: str, pki: TrialPKI, trust: CardTrust, now: datetime) -> None:
    """RFC 5652 §5.3: both forms of SignerIdentifier; a name that fits nobody finds nobody."""
    by_key = field == "subject key identifier"
    security = files.signed(content(), pki.document_signer, by_key_identifier=by_key)
    assert curves.point(verified(security, trust, now).chip_key) == POINT


def test_unsigned_attributes_are_refused(pki: TrialPKI, trust: CardTrust, now: datetime) -> None:
    """TR-03110-3 A.1.2.5: nothing may hang on a security object that nobody has signed."""
    with pytest.raises(InvalidDocument, match="unsigned attributes"):
        verified(files.signed(content(), pki.document_signer, unsigned=True), trust, now)


def test_card_access_may_name_its_curve(pki: TrialPKI, trust: CardTrust, now: datetime) -> None:
    """AlgorithmIdentifier with id-ecPublicKey; a curve that is not listed is refused."""

    def named(curve: str) -> list[bytes]:
        algorithm = files.sequence(files.oid("1.2.840.10045.2.1"), files.oid(curve))
        domain = files.sequence(files.oid("0.4.0.127.0.7.2.2.3.2"), algorithm, files.integer(41))
        return [*files.card_access_infos()[:3], domain]

    announced = named(curves.BRAINPOOL_P256R1.oid)
    signed = files.infos(*announced, files.chip_key_info(POINT))
    card = verified(files.signed(signed, pki.document_signer), trust, now, files.infos(*announced))
    assert card.chip_authentication.domain is curves.BRAINPOOL_P256R1
    with pytest.raises(Malformed, match="curve outside"):
        parse_card_access(files.infos(*named("1.3.132.0.10")))


def test_critical_extension_that_nobody_knows_is_refused(
    pki: TrialPKI, trust: CardTrust, now: datetime
) -> None:
    """RFC 5280 §4.2; a document signer under the right authority, but with a condition we cannot judge."""
    authority = x509.load_der_x509_certificate(pki.country_signing_ca.certificate)
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    usage = x509.load_der_x509_certificate(
        pki.document_signer.certificate
    ).extensions.get_extension_for_class(x509.KeyUsage)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "signer")]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(usage.value, critical=True)
        .add_extension(
            x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), critical=True
        )
        .sign(pki.country_signing_ca.key, hashes.SHA256())
    )
    signer = Signer(key=key, certificate=certificate.public_bytes(Encoding.DER))
    with pytest.raises(InvalidDocument, match="critical extension"):
        verified(files.signed(content(), signer), trust, now)


def test_revocation_list_of_another_authority_says_nothing(pki: TrialPKI, today: date, now: datetime) -> None:
    """It must belong to a configured authority, and counts for that one's signers only."""
    other = make_country_signing_ca(today)
    with pytest.raises(Malformed, match="no configured"):
        CardTrust.of(
            authorities=[octets("csca-testbed/CERT_ECARD_CSCA_1.DER")],
            revocation_lists=[revocations(other, now)],
        )
    assert pki.country_signing_ca.certificate != other.certificate
