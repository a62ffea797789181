"""A card believes no terminal on its word (TR-03110-2 §3.3, TR-03110-3 §2.5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from sandbox.card import curve, names
from sandbox.card.certificates import NotBelieved, load_roots
from sandbox.card.issuer import CHIP_KEY
from sandbox.card.messaging import Command
from sandbox.card.objects import write
from sandbox.card.reader import CardRefused
from sandbox.card.rights import ALL, Chat, Role, data_group
from tests.sandbox.card.terminal_session import Terminal, auxiliary
from tests.sandbox.card.terminals import FROM, TODAY, Authorities, Holder, authorities, certify

NAMES, BIRTH = 1 << data_group(4) | 1 << data_group(5), 1 << data_group(8)


def _terminal(issuer: Holder, **bent) -> Holder:
    return certify(Holder(name=b"DEATTEST00009"), issuer, Role.TERMINAL, **bent)


def _foreign_root(pki: Authorities) -> list[Holder]:
    """Same names, other keys."""
    other = authorities()
    return [other.verifier, other.terminal]


def _forged_terminal(pki: Authorities) -> list[Holder]:
    return [pki.verifier, _terminal(pki.verifier, signer=Holder(name=b"X"))]


def _expired_terminal(pki: Authorities) -> list[Holder]:
    return [pki.verifier, _terminal(pki.verifier, expires=date(2026, 11, 22))]


def _expired_verifier(pki: Authorities) -> list[Holder]:
    old = certify(Holder(name=b"DEDVTEST00002"), pki.root, Role.DV_OFFICIAL, expires=date(2026, 11, 2))
    return [old, _terminal(old)]


def _terminal_by_root(pki: Authorities) -> list[Holder]:
    return [_terminal(pki.root)]


def _terminal_by_terminal(pki: Authorities) -> list[Holder]:
    return [pki.verifier, pki.terminal, _terminal(pki.terminal)]


def _verifier_by_verifier(pki: Authorities) -> list[Holder]:
    second = certify(Holder(name=b"DEDVTEST00003"), pki.verifier, Role.DV_OFFICIAL)
    return [pki.verifier, second, _terminal(second)]


def _verifier_as_terminal(pki: Authorities) -> list[Holder]:
    return [pki.verifier]


def _root_made_by_verifier(pki: Authorities) -> list[Holder]:
    root = certify(Holder(name=b"DETESTeID00006"), pki.verifier, Role.CVCA)
    return [pki.verifier, root]


def _ends_before_it_begins(pki: Authorities) -> list[Holder]:
    return [pki.verifier, _terminal(pki.verifier, effective=date(2026, 12, 2), expires=date(2026, 12, 1))]


def _verifier_with_domain_parameters(pki: Authorities) -> list[Holder]:
    """TR-03110-3 D.3.3: a CVCA's certificates alone have them."""
    bent = certify(Holder(name=b"DEDVTEST00006"), pki.root, Role.DV_OFFICIAL, with_domain=True)
    return [bent, _terminal(bent)]


def _verifier_of_an_expired_root(pki: Authorities) -> list[Holder]:
    """The link still introduces it, but it certifies nobody any more."""
    after = certify(Holder(name=b"DETESTeID00007"), pki.root, Role.CVCA, expires=date(2026, 11, 2))
    verifier = certify(Holder(name=b"DEDVTEST00007"), after, Role.DV_OFFICIAL)
    return [after, verifier, _terminal(verifier)]


@pytest.mark.parametrize(
    "bent",
    [
        _foreign_root,
        _forged_terminal,
        _expired_terminal,
        _expired_verifier,
        _terminal_by_root,
        _terminal_by_terminal,
        _verifier_by_verifier,
        _verifier_as_terminal,
        _root_made_by_verifier,
        _ends_before_it_begins,
        _verifier_with_domain_parameters,
        _verifier_of_an_expired_root,
    ],
)
def test_card_refuses_this_chain(card, pki, bent: Callable[[Authorities], list[Holder]]) -> None:
    """TR-03110-3 §2.5, B.3: wrong, expired and unauthorised certificates; nothing can be read after."""
    chip = card(today=TODAY)
    chain = bent(pki)
    terminal = Terminal(chip, pki)
    with pytest.raises(CardRefused):
        terminal.authenticate(chain=[h.certificate for h in chain], terminal=chain[-1])
    with pytest.raises(CardRefused, match="6982"):
        terminal.reader.authenticate_chip(terminal.ephemeral, CHIP_KEY)
    assert chip.refusals


def test_right_chain_is_accepted(card, pki) -> None:
    """TR-03110-2 §3.3: the control of the cases above."""
    holder = _terminal(pki.verifier)
    terminal = Terminal(card(today=TODAY), pki)
    terminal.authenticate(chain=[pki.verifier.certificate, holder.certificate], terminal=holder)
    terminal.agree()


def test_signature_of_another_key_is_refused(card, pki) -> None:
    """TR-03110-2 §3.3: a copied chain is not enough."""
    terminal = Terminal(card(), pki)
    thief = Holder(name=pki.terminal.name, octets=pki.terminal.octets)
    with pytest.raises(CardRefused, match="6300"):
        terminal.authenticate(terminal=thief)


def test_signature_over_an_old_challenge_is_refused(card, pki) -> None:
    """TR-03110-2 §3.3: a recorded signature is not enough."""
    terminal = Terminal(card(), pki)
    terminal.reader.challenge()
    with pytest.raises(CardRefused, match="6300"):
        terminal.authenticate(challenge=bytes(8))


def test_challenge_serves_once(card, pki) -> None:
    """TR-03110-3 B.3: the next attempt needs a fresh one."""
    terminal = Terminal(card(), pki)
    challenge = terminal.reader.challenge()
    terminal.authenticate(challenge=challenge)
    with pytest.raises(CardRefused, match="6985"):
        terminal.authenticate(challenge=challenge)


def test_changed_auxiliary_data_are_refused(card, pki) -> None:
    """TR-03110-2 §3.3: nobody on the way changes the age that is asked for."""
    terminal = Terminal(card(), pki)
    with pytest.raises(CardRefused, match="6300"):
        terminal.authenticate(auxiliary(age=b"20261123"), signed_aux=auxiliary(age=b"20081123"))


def test_auxiliary_data_after_the_signature_undo_it(card, pki) -> None:
    """TR-03110-2 §3.3: a comparison is made with signed values only."""
    terminal = Terminal(card(), pki).open(auxiliary(age=b"19000101"))
    assert terminal.verify(names.DATE_OF_BIRTH) == 0x6300
    certificate = pki.terminal.certificate
    data = write(0x80, certificate.algorithm) + write(0x83, certificate.holder)
    data += auxiliary(age=b"20261123") + write(0x91, terminal.ephemeral[1:33])
    assert terminal.send(Command(ins=0x22, p1=0x81, p2=0xA4, data=data)).status == 0x9000
    assert terminal.verify(names.DATE_OF_BIRTH) == 0x6982


def test_another_ephemeral_key_than_the_signed_one_is_refused(card, pki) -> None:
    """TR-03110-2 §3.4: chip authentication 2 is with whom terminal authentication was."""
    terminal = Terminal(card(), pki)
    terminal.authenticate()
    with pytest.raises(CardRefused, match="6a80"):
        terminal.reader.authenticate_chip(curve.multiply(curve.scalar()).octets, CHIP_KEY)


@pytest.mark.parametrize(
    ("by_verifier", "by_terminal", "by_citizen"),
    [(NAMES, ALL, ALL), (ALL, NAMES, ALL), (ALL, ALL, NAMES), (NAMES, NAMES | BIRTH, ALL)],
)
def test_rights_are_what_all_agree_on(card, pki, by_verifier, by_terminal, by_citizen) -> None:
    """TR-03110-4 §2.2.3.3: the intersection over the chain and what the citizen allowed in PACE."""
    verifier = certify(Holder(name=b"DEDVTEST00004"), pki.root, Role.DV_OFFICIAL, by_verifier)
    holder = _terminal(verifier, bits=by_terminal)
    terminal = Terminal(card(), pki, bits=by_citizen)
    terminal.authenticate(chain=[verifier.certificate, holder.certificate], terminal=holder)
    terminal.agree()
    terminal.send_select()
    assert [terminal.read(group).status for group in (4, 5, 8, 9)] == [0x9000, 0x9000, 0x6982, 0x6982]


def test_no_rights_without_a_template_in_pace(card, pki) -> None:
    """TR-03110-3 B.1: a reader that named no rights cannot present a terminal."""
    terminal = Terminal(card(), pki)
    terminal.card.leave_field()
    terminal.reader.channel = None
    terminal.reader.establish("pin", "123456", None)
    assert terminal.reader.references == []
    with pytest.raises(CardRefused, match="6985"):
        terminal.authenticate()


def test_link_certificate_leads_to_a_new_root(card, pki) -> None:
    """TR-03110-3 §2.5.2: the card learns the next CVCA from the one it knows, and keeps two."""
    after = certify(Holder(name=b"DETESTeID00006"), pki.root, Role.CVCA)
    verifier = certify(Holder(name=b"DEDVTEST00005"), after, Role.DV_OFFICIAL)
    holder = _terminal(verifier)
    chip = card()
    terminal = Terminal(chip, pki)
    chain = [h.certificate for h in (after, verifier, holder)]
    terminal.authenticate(chain=chain, terminal=holder)
    assert chip.trust.references() == [b"DETESTeID00006", b"DETESTeID00005"]
    chip.leave_field()
    Terminal(chip, pki).authenticate(chain=chain[1:], terminal=holder)


def test_expired_links_still_lead_to_the_root_of_today(card, pki) -> None:
    """TR-03110-3 §2.5: a card that was not used for years follows them all."""
    lapsed = certify(Holder(name=b"DETESTeID00006"), pki.root, Role.CVCA, expires=date(2026, 11, 2))
    after = certify(Holder(name=b"DETESTeID00007"), lapsed, Role.CVCA)
    verifier = certify(Holder(name=b"DEDVTEST00008"), after, Role.DV_OFFICIAL)
    holder = _terminal(verifier)
    chip = card(today=TODAY)
    chain = [h.certificate for h in (lapsed, after, verifier, holder)]
    Terminal(chip, pki).authenticate(chain=chain, terminal=holder)
    assert chip.trust.references() == [b"DETESTeID00007", b"DETESTeID00006"]


def test_link_without_domain_parameters_keeps_those_of_its_issuer(card, pki) -> None:
    """TR-03110-3 D.3.3: conditional in a link certificate."""
    after = certify(Holder(name=b"DETESTeID00006"), pki.root, Role.CVCA, with_domain=False)
    verifier = certify(Holder(name=b"DEDVTEST00009"), after, Role.DV_OFFICIAL)
    holder = _terminal(verifier)
    chip = card(today=TODAY)
    chain = [h.certificate for h in (after, verifier, holder)]
    Terminal(chip, pki).authenticate(chain=chain, terminal=holder)
    assert not after.certificate.has_domain
    assert chip.trust.references() == [b"DETESTeID00006", b"DETESTeID00005"]


def test_forged_link_certificate_is_refused(card, pki) -> None:
    """TR-03110-3 §2.5.2: only the old root makes a new one."""
    attacker = Holder(name=b"DETESTeID00006")
    forged = certify(attacker, pki.root, Role.CVCA, signer=attacker)
    chip = card()
    with pytest.raises(CardRefused, match="6300"):
        Terminal(chip, pki).reader.present([forged.certificate])
    assert chip.trust.references() == [b"DETESTeID00005"]


def test_card_learns_the_day_from_its_own_countrys_certificates(card, pki) -> None:
    """TR-03110-3 §2.5: it has no clock; what ended before the newest date it saw is expired."""
    chip = card(today=date(2025, 1, 1))
    stale = _terminal(pki.verifier, effective=date(2025, 1, 1), expires=date(2026, 6, 1))
    Terminal(chip, pki).authenticate()
    assert chip.trust.today == FROM
    chip.leave_field()
    with pytest.raises(CardRefused, match="6300"):
        Terminal(chip, pki).authenticate(chain=[pki.verifier.certificate, stale.certificate], terminal=stale)
    assert chip.refusals[-1] == "expired"


def test_only_a_root_is_a_trust_point(pki) -> None:
    """TR-03110-3 §2.5.1."""
    with pytest.raises(NotBelieved):
        load_roots(pki.verifier.octets)


def test_rights_have_the_names_of_the_eid_interface() -> None:
    """npa.md §4.3: the measured example, read and written."""
    chat = Chat(Role.TERMINAL, 0x11B07)
    assert chat.octets.hex() == "7f4c12060904007f00070301020253050000011b07"
    assert Chat.parse(chat.octets) == chat
    assert chat.names == (
        "AgeVerification",
        "PlaceVerification",
        "RestrictedID",
        "DocumentType",
        "IssuingState",
        "GivenNames",
        "FamilyNames",
        "PlaceOfBirth",
    )
    assert names.oid(names.ID_AT) in chat.octets
