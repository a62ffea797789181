"""The Python card from PACE to the pseudonym (TR-03110-2 §3, TR-03127 §3)."""

from __future__ import annotations

import hashlib

import pytest
from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.card import curve, names
from sandbox.card.document import documents
from sandbox.card.functions import latest_birth
from sandbox.card.messaging import Command, Response
from sandbox.card.reader import CardRefused, Reader
from sandbox.card.rights import ALL, Chat, Role, data_group
from tests.sandbox.card.terminal_session import Terminal, auxiliary
from tests.sandbox.card.terminals import public_key

TERMINAL = Chat(Role.TERMINAL, ALL)


def test_all_protocols_lead_to_the_data(card, pki) -> None:
    """TR-03110-2 §3.1: PACE, terminal authentication 2, chip authentication 2, then data."""
    terminal = Terminal(card(), pki).open()
    assert terminal.read(4).data.hex() == "64070c054552494b41"
    assert terminal.read(17).data.hex() == (
        "712d302baa120c10484549444553545241e1ba9e45203137ab070c054bc3964c4ead03130144ae0713053531313437"
    )


def test_card_security_is_there_after_terminal_authentication_only(card, pki, issuer) -> None:
    """TR-03110-3 A.1.2.4: signed by a document signer of the CSCA, with the chip's public key inside."""
    terminal = Terminal(card(), pki)
    with pytest.raises(CardRefused, match="6982"):
        terminal.reader.read_file(0x1D)
    terminal.authenticate()
    signed = cms.ContentInfo.load(terminal.reader.read_file(0x1D))["content"]
    [info] = signed["signer_infos"]
    [certificate] = signed["certificates"]
    signer = x509.load_der_x509_certificate(certificate.chosen.dump())
    signer.verify_directly_issued_by(issuer.authority.certificate)
    covered = info["signed_attrs"].untag().dump()
    signer.public_key().verify(info["signature"].native, covered, ec.ECDSA(hashes.SHA256()))
    content = signed["encap_content_info"]["content"].native
    digests = [a["values"][0].native for a in info["signed_attrs"] if a["type"].native == "message_digest"]
    assert digests == [hashlib.sha256(content).digest()]
    assert curve.multiply(terminal.card._keys.chip).octets in content


def test_wrong_pin_counts_down_until_the_can_is_needed(card) -> None:
    """TR-03110-2 §3.5.1: suspended at one attempt, resumed by the CAN, blocked at none."""
    chip = card()
    for left in (2, 1):
        with pytest.raises(CardRefused) as refused:
            Reader(chip.transmit).establish("pin", "000000", TERMINAL)
        assert refused.value.attempts == left
    with pytest.raises(CardRefused) as refused:
        Reader(chip.transmit).establish("pin", "123456", TERMINAL)
    assert refused.value.attempts == 1
    reader = Reader(chip.transmit)
    reader.establish("can", chip.document.can)
    reader.establish("pin", "123456", TERMINAL)
    assert chip.attempts == 3
    assert reader.references == [b"DETESTeID00005"]


def test_third_wrong_pin_blocks_the_card(card) -> None:
    """TR-03110-2 §3.5.1: only the PUK helps then."""
    chip = card("pin-suspended")
    for pin in ("000000", "123456"):
        chip.leave_field()
        reader = Reader(chip.transmit)
        reader.establish("can", chip.document.can)
        with pytest.raises(CardRefused) as refused:
            reader.establish("pin", pin, TERMINAL)
        assert refused.value.attempts == 0


def test_switched_off_card_says_so(card) -> None:
    """TR-03127 §4.3: a deactivated PIN answers 6283."""
    with pytest.raises(CardRefused) as refused:
        Reader(card("deactivated").transmit).establish("pin", "123456", TERMINAL)
    assert refused.value.deactivated


def test_can_is_for_terminals_with_the_right_to_it(card) -> None:
    """TR-03110-4 §2.2.3.2: bit 4, CAN allowed."""
    with pytest.raises(CardRefused, match="6982"):
        Reader(card().transmit).establish("can", "500540", Chat(Role.TERMINAL, 1 << data_group(4)))
    Reader(card().transmit).establish("can", "500540", Chat(Role.TERMINAL, 1 << 4))


def test_data_need_chip_authentication(card, pki) -> None:
    """TR-03127 §3.2: without the channel to the server nothing is read."""
    terminal = Terminal(card(), pki)
    terminal.authenticate()
    reader = terminal.reader
    reader.send("SELECT", Command(ins=0xA4, p1=4, p2=0x0C, data=names.EID_APPLICATION))
    with pytest.raises(CardRefused, match="6982"):
        reader.read_file(4)


@pytest.mark.parametrize(
    ("citizen", "at_latest", "expected"),
    [
        ("erika", b"20081123", 0x9000),
        ("under-18", b"20081123", 0x6300),
        ("year-only", b"19641231", 0x9000),
        ("year-only", b"19641230", 0x6300),
        ("year-and-month", b"19850228", 0x9000),
        ("year-and-month", b"19850227", 0x6300),
    ],
)
def test_age_is_compared_never_told(card, pki, citizen, at_latest, expected) -> None:
    """TR-03127 §3.2.2: an incomplete date of birth counts as the last day it may be."""
    terminal = Terminal(card(citizen), pki, bits=0b1).open(auxiliary(age=at_latest))
    assert terminal.verify(names.DATE_OF_BIRTH) == expected
    assert terminal.read(8).status == 0x6982


def test_place_is_compared_by_its_beginning(card, pki) -> None:
    """TR-03127 §3.2.2: a prefix asks for the wider area."""
    for community, expected in ((b"\x02\x76\x05", 0x9000), (b"\x02\x76\x06", 0x6300)):
        terminal = Terminal(card(), pki).open(auxiliary(community=community))
        assert terminal.verify(names.COMMUNITY_ID) == expected


def test_expired_card_is_not_valid_and_needs_no_right_to_say_so(card, pki) -> None:
    """TR-03110-4 §2.2.3: document validity verification is free for every terminal."""
    for citizen, expected in (("erika", 0x9000), ("expired", 0x6300)):
        terminal = Terminal(card(citizen), pki, bits=0).open(auxiliary(expiry=b"20261123"))
        assert terminal.verify(names.DATE_OF_EXPIRY) == expected


def test_comparison_needs_a_signed_value_and_a_right(card, pki) -> None:
    """TR-03110-3 B.5: the reference value comes from the authenticated auxiliary data."""
    assert Terminal(card(), pki).open().verify(names.DATE_OF_BIRTH) == 0x6A88
    aux = auxiliary(age=b"20081123")
    assert Terminal(card(), pki, bits=0).open(aux).verify(names.DATE_OF_BIRTH) == 0x6982


def test_pseudonym_is_the_cards_and_the_sectors(card, pki) -> None:
    """TR-03110-2 §3.5: the same again, another for another card; two keys, two identifiers."""
    first = Terminal(card(), pki).open()
    again = Terminal(card(), pki).open()
    other = Terminal(card("artist"), pki).open()
    found = first.restricted_id(2, pki.sector_public).data
    assert len(found) == 32
    assert again.restricted_id(2, pki.sector_public).data == found
    assert other.restricted_id(2, pki.sector_public).data != found
    assert first.restricted_id(1, pki.sector_public).data != found
    shared = curve.multiply(pki.sector, curve.multiply(first.card._keys.restricted[2]))
    assert hashlib.sha256(shared.x_octets).digest() == found


def test_foreign_sector_key_is_refused(card, pki) -> None:
    """TR-03110-2 §3.5.1: its hash must be in the terminal's certificate."""
    terminal = Terminal(card(), pki).open()
    assert terminal.restricted_id(2, public_key(curve.scalar(), with_domain=True)).status == 0x6982


def test_pseudonym_needs_its_right_the_block_list_none(card, pki) -> None:
    """TR-03110-3 A.1.1.5: key 1 is free for every authenticated terminal, key 2 for authorised ones."""
    terminal = Terminal(card(), pki, bits=0).open()
    assert terminal.restricted_id(1, pki.sector_public).status == 0x9000
    assert terminal.restricted_id(2, pki.sector_public).status == 0x6982


def test_changed_command_ends_the_session(card, pki) -> None:
    """TR-03110-3 F.3: a wrong MAC closes the channel, for good."""
    terminal = Terminal(card(), pki).open()
    good = terminal.channel.protect(Command(ins=0xB0, p1=0x84, le=256)).octets
    assert terminal.card.transmit(good[:-2] + bytes([good[-2] ^ 1]) + good[-1:]).hex() == "6988"
    good = terminal.channel.protect(Command(ins=0xB0, p1=0x84, le=256)).octets
    assert Response.parse(terminal.card.transmit(good)).status != 0x9000


def test_plain_command_ends_the_session(card, pki) -> None:
    """TR-03110-3 F.3: nothing plain after PACE."""
    terminal = Terminal(card(), pki).open()
    assert terminal.card.transmit(Command(ins=0xB0, p1=0x84, le=256).octets).hex() == "6988"


def test_replayed_command_is_refused(card, pki) -> None:
    """TR-03110-3 F.3: the counter is part of the MAC."""
    terminal = Terminal(card(), pki).open()
    sent = terminal.channel.protect(Command(ins=0xB0, p1=0x84, le=256)).octets
    assert terminal.card.transmit(sent).endswith(b"\x90\x00")
    assert terminal.card.transmit(sent).hex() == "6988"


def test_missing_group_and_empty_group_differ(card, pki) -> None:
    """npa.md §4.4: not on the chip is 6A82; an empty name is a file with an empty text."""
    terminal = Terminal(card("union-citizen"), pki).open()
    assert terminal.read(13).status == 0x6A82
    assert terminal.read(7).data.hex() == "67020c00"
    assert terminal.read(17).data.startswith(bytes.fromhex("7126a1240c22"))


@pytest.mark.parametrize("citizen", documents())
def test_every_citizens_document_can_be_made(citizen, card) -> None:
    """TR-03127 §3.2: group n is an object with application tag n."""
    for number, content in card(citizen)._files.items():
        assert content[0] == 0x60 + number


def test_unknown_parts_of_a_birth_date_count_against_the_holder() -> None:
    """TR-03127 §3.2.2."""
    assert latest_birth("        ") == "99999999"
    assert latest_birth("19880200") == "19880229"
    assert latest_birth("19880000") == "19881231"
