"""Pseudonyms and the block list (TR-03110-2 3.6, TR-03110-3 B.4, TR-03129)."""

from __future__ import annotations

from datetime import date, datetime
from hashlib import sha256

import pytest
from asn1crypto import keys
from cryptography.hazmat.primitives.asymmetric import ec

from eid_server import apdus, curves, tlv
from eid_server.block_list import BlockList
from eid_server.cvc import CVCertificate
from eid_server.document_signers import make_country_signing_ca, make_document_signer
from eid_server.errors import InvalidDocument, Malformed, Misconfigured
from eid_server.passive_authentication import ID_BLACK_LIST, CardTrust
from eid_server.pki import TrialPKI
from eid_server.restricted_id import SectorKey, parse_response, request, require_sector
from tests.eid_server import card_files as files
from tests.eid_server.samples import octets

CARD, OTHER = sha256(b"a card").digest(), sha256(b"another card").digest()


def sector() -> SectorKey:
    return SectorKey(public_key=ec.generate_private_key(ec.BrainpoolP256R1()).public_key())


def block_list(*sectors: tuple[SectorKey, list[bytes]], version: int = 0, kind: int = 0) -> bytes:
    details = [
        files.sequence(
            tlv.write(0x04, key.hash), files.sequence(*(tlv.write(0x04, entry) for entry in entries))
        )
        for key, entries in sectors
    ]
    header = files.integer(version) + files.integer(kind) + tlv.write(0x04, b"list 1")
    return files.sequence(header, files.sequence(*details))


def test_sector_of_the_conformity_test_bed_is_that_of_its_terminals() -> None:
    """TR-03110-3 C.3.2.1: what the hash is taken over, confirmed by somebody else's certificates."""
    info = keys.PrivateKeyInfo.load(octets("cvc-testbed/TERM_SECTOR1.pkcs8"))
    number = info["private_key"].parsed["private_key"].native
    key = SectorKey(public_key=ec.derive_private_key(number, ec.BrainpoolP256R1()).public_key())
    for letter in "ABCD":
        certificate = CVCertificate.parse(octets(f"cvc-testbed/CERT_ECARD_CV_TERM_1_{letter}.cvcert"))
        assert certificate.sector_hashes[0] == key.hash
        require_sector(certificate, key)


def test_sector_key_is_read_as_it_is_written() -> None:
    """The 7F49 object, with domain parameters."""
    key = sector()
    assert SectorKey.parse(key.data_object).hash == key.hash
    other = key.data_object.replace(
        tlv.object_identifier("0.4.0.127.0.7.2.2.5.2.3"), tlv.object_identifier("0.4.0.127.0.7.2.2.5.2.1")
    )
    with pytest.raises(Malformed, match="another protocol"):
        SectorKey.parse(other)


def test_foreign_sector_is_refused(pki: TrialPKI) -> None:
    """A terminal asks in the sector of its own certificate."""
    require_sector(pki.terminal.certificate, pki.terminal.sector)
    with pytest.raises(Misconfigured, match="sector key"):
        require_sector(pki.terminal.certificate, sector())


def test_question_holds_the_sector_keys_with_their_domain() -> None:
    """TR-03110-3 B.4: first sector in A0, second in A2."""
    first, second = sector(), sector()
    (question,) = tlv.read(request(first, second))
    assert [element.tag for element in question.children()] == [0xA0, 0xA2]
    assert [element.value for element in question.children()] == [first.fields, second.fields]
    assert request(first).hex().startswith("7c820121a082011d060a04007f000702020502038120")
    set_key = apdus.set_restricted_identification("0.4.0.127.0.7.2.2.5.2.3", 2)
    assert set_key.data.hex() == "800a04007f00070202050203840102"


def test_answer_holds_one_identifier_per_sector_asked() -> None:
    """TR-03130-1 §3.4.2: ID2 only while the sector migrates."""
    both = tlv.write(0x7C, tlv.write(0x81, CARD) + tlv.write(0x83, OTHER))
    assert parse_response(both, second=True) == (CARD, OTHER)
    alone = tlv.write(0x7C, tlv.write(0x81, CARD))
    assert parse_response(alone) == (CARD, None)
    for answer, second in ((both, False), (alone, True)):
        with pytest.raises(Malformed, match="not asked for"):
            parse_response(answer, second=second)


@pytest.mark.parametrize("identifier", [b"", bytes(31), bytes(33)])
def test_identifier_of_another_length_is_refused(identifier: bytes) -> None:
    """SHA-256, or it is no identifier."""
    with pytest.raises(Malformed, match="another length"):
        parse_response(tlv.write(0x7C, tlv.write(0x81, identifier)))


def test_blocked_card_is_refused_and_another_passes() -> None:
    """npa.md §4.4: validity, block list, data."""
    key = sector()
    listed = BlockList.parse(block_list((key, [OTHER, CARD]), (sector(), [])))
    with pytest.raises(InvalidDocument, match="blocked"):
        listed.require_not_blocked(key, CARD)
    listed.require_not_blocked(key, sha256(b"a third card").digest())
    with pytest.raises(InvalidDocument, match="blocked"):
        BlockList.of(key, [CARD]).require_not_blocked(key, CARD)


def test_missing_list_for_the_sector_is_no_empty_list() -> None:
    """Fails closed."""
    with pytest.raises(InvalidDocument, match="no block list"):
        BlockList.of(sector()).require_not_blocked(sector(), CARD)


def test_identifiers_are_not_kept() -> None:
    """An identifier of the block list must neither be stored nor released."""
    listed = BlockList.of(sector(), [CARD])
    assert CARD not in next(iter(listed.sectors.values()))
    assert CARD.hex() not in repr(listed)


def test_signed_list_is_read_under_a_configured_authority_only(
    pki: TrialPKI, today: date, now: datetime
) -> None:
    """TR-03129: CMS SignedData of type id-BlackList."""
    key = sector()
    trust = CardTrust.of(authorities=[pki.country_signing_ca.certificate])
    signed = files.signed(block_list((key, [CARD])), pki.document_signer, content_type=ID_BLACK_LIST)
    with pytest.raises(InvalidDocument, match="blocked"):
        BlockList.verify(signed, trust, now).require_not_blocked(key, CARD)
    stranger = make_document_signer(make_country_signing_ca(today), today)
    emptied = files.signed(block_list((key, [])), stranger, content_type=ID_BLACK_LIST)
    with pytest.raises(InvalidDocument, match="passive authentication"):
        BlockList.verify(emptied, trust, now)


@pytest.mark.parametrize("change", ["version", "difference", "twice", "trailing", "entry"])
def test_other_lists_are_refused(change: str) -> None:
    """A list of differences is not a list; a sector has one entry."""
    key = sector()
    wrong = {
        "version": block_list((key, []), version=1),
        "difference": block_list((key, []), kind=1),
        "twice": block_list((key, []), (key, [CARD])),
        "trailing": block_list((key, [])) + b"\0",
        "entry": block_list((key, [CARD])).replace(b"\x04\x20" + CARD, b"\x0c\x20" + CARD),
    }[change]
    with pytest.raises(Malformed):
        BlockList.parse(wrong)


def test_card_and_sector_agree_on_one_pseudonym(pki: TrialPKI) -> None:
    """With the sector's private key the list can be computed: the agreement is the same from both sides."""
    chip = ec.generate_private_key(curves.BRAINPOOL_P256R1.curve)
    from_card = sha256(chip.exchange(ec.ECDH(), pki.terminal.sector.public_key)).digest()
    from_list = sha256(pki.sectors[0].exchange(ec.ECDH(), chip.public_key())).digest()
    assert from_card == from_list
    in_second = sha256(pki.sectors[1].exchange(ec.ECDH(), chip.public_key())).digest()
    assert in_second != from_card
