"""Chains from a trust point to a terminal, and every way to forge one (TR-03110-3 2.5, 2.7)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from eid_server.chat import ALL_RIGHTS, Chat, Right, Role
from eid_server.cvc import CVCertificate, build_certificate
from eid_server.cvc_chain import links_from, verify_chain
from eid_server.errors import Misconfigured, ProtocolViolation
from eid_server.pki import TrialPKI
from tests.eid_server.samples import octets

FROM, UNTIL = date(2026, 11, 1), date(2026, 12, 1)


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Somebody with a key and a name; issues for others."""

    name: str
    role: Role
    rights: Right = ALL_RIGHTS
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.BrainpoolP256R1())
    )

    def issue(
        self, holder: Holder, *, effective: date = FROM, expiry: date = UNTIL, named: str | None = None
    ) -> CVCertificate:
        return build_certificate(
            issuer=self.key,
            authority_reference=named or self.name,
            holder=holder.key.public_key(),
            holder_reference=holder.name,
            chat=Chat(role=holder.role, rights=holder.rights),
            effective=effective,
            expiry=expiry,
        )


CVCA = Holder(name="DETESTROOT00001", role=Role.CVCA)
SUCCESSOR = Holder(name="DETESTROOT00002", role=Role.CVCA)
DV = Holder(name="DETESTDV00001", role=Role.DV_DOMESTIC)
TERMINAL = Holder(name="DETESTTERM00001", role=Role.TERMINAL, rights=Right.READ_DG4 | Right.READ_DG5)
ROOT = CVCA.issue(CVCA)
GOOD = [DV.issue(TERMINAL), CVCA.issue(DV)]


@pytest.mark.parametrize("letter", "ABCD")
def test_chains_of_the_conformity_test_bed_verify(letter: str, today: date) -> None:
    """data/npa/INDEX.md: accept as own test terminal."""
    names = (f"TERM_1_{letter}", "DV_1_A")
    certificates = [CVCertificate.parse(octets(f"cvc-testbed/CERT_ECARD_CV_{name}.cvcert")) for name in names]
    anchor = CVCertificate.parse(octets("cvc-testbed/CERT_ECARD_CV_CVCA_1.cvcert"))
    chain = verify_chain(certificates, [anchor], today)
    assert chain.terminal.holder_reference == f"DEESTTERM1{letter}00001"
    expected = {"A": "3c0ff3ffff", "B": "000000103f", "C": "0000000038", "D": "000000003c"}[letter]
    assert chain.chat.octets.hex() == expected
    assert len(chain.terminal.sector_hashes) == (2 if letter == "D" else 1)


def test_chain_of_the_conformity_test_bed_ends_with_its_terminal(today: date) -> None:
    """Terminals expire 2027-09-17."""
    certificates = [
        CVCertificate.parse(octets(f"cvc-testbed/CERT_ECARD_CV_{name}.cvcert"))
        for name in ("TERM_1_A", "DV_1_A")
    ]
    anchor = CVCertificate.parse(octets("cvc-testbed/CERT_ECARD_CV_CVCA_1.cvcert"))
    verify_chain(certificates, [anchor], date(2027, 9, 17))
    with pytest.raises(ProtocolViolation, match="not valid today"):
        verify_chain(certificates, [anchor], date(2027, 9, 18))


def test_chain_of_the_german_test_hierarchy_verifies_through_two_links() -> None:
    """TR-03110-3 2.5: DETESTeID00001 → 00002 → 00004, the first two expired on the day of the terminal."""
    names = (
        "cvat-DEDEMODEV00038",
        "cvdv-DEDVeIDDPST00035",
        "cvca-DETESTeID00004_DETESTeID00002",
        "cvca-DETESTeID00002_DETESTeID00001",
    )
    certificates = [CVCertificate.parse(octets(f"ausweisapp-card/{name}.hex")) for name in names]
    anchor = CVCertificate.parse(octets("ausweisapp-card/cvca-DETESTeID00001.hex"))
    day = date(2014, 3, 20)
    assert anchor.expiry < day
    chain = verify_chain(certificates, [anchor], day)
    assert [link.holder_reference for link in chain.links] == ["DETESTeID00002", "DETESTeID00004"]
    assert chain.chat.octets.hex() == "000513ff87"
    with pytest.raises(ProtocolViolation, match="not valid today"):
        verify_chain(certificates, [anchor], date(2014, 4, 12))


def test_chain_verifies_in_any_order() -> None:
    """EAC1Input is a set of certificates, not a list."""
    for certificates in (GOOD, GOOD[::-1]):
        chain = verify_chain(certificates, [ROOT], FROM)
        assert (chain.terminal, chain.document_verifier, chain.links) == (*GOOD, ())


def test_first_and_last_day_belong_to_the_validity() -> None:
    """TR-03110-3 2.4."""
    assert verify_chain(GOOD, [ROOT], FROM).anchor is ROOT
    assert verify_chain(GOOD, [ROOT], UNTIL).anchor is ROOT


@pytest.mark.parametrize("day", [FROM - timedelta(days=1), UNTIL + timedelta(days=1)])
def test_chain_outside_its_validity_is_refused(day: date) -> None:
    """Not yet, and no longer."""
    with pytest.raises(ProtocolViolation, match="not valid today"):
        verify_chain(GOOD, [ROOT], day)


@pytest.mark.parametrize("expired", ["terminal", "document verifier", "root"])
def test_one_expired_certificate_is_enough(expired: str) -> None:
    """Every certificate of the chain is looked at."""
    early = {"effective": FROM - timedelta(days=30), "expiry": FROM - timedelta(days=1)}
    terminal = DV.issue(TERMINAL, **early if expired == "terminal" else {})
    document_verifier = CVCA.issue(DV, **early if expired == "document verifier" else {})
    root = CVCA.issue(CVCA, **early if expired == "root" else {})
    with pytest.raises(ProtocolViolation, match="not valid today"):
        verify_chain([terminal, document_verifier], [root], FROM)


def test_certificate_of_a_stranger_under_the_right_name_is_refused() -> None:
    """The name of the issuer proves nothing."""
    stranger = replace(DV, key=ec.generate_private_key(ec.BrainpoolP256R1()))
    with pytest.raises(ProtocolViolation, match="does not verify"):
        verify_chain([stranger.issue(TERMINAL), GOOD[1]], [ROOT], FROM)
    false_root = replace(CVCA, key=stranger.key)
    with pytest.raises(ProtocolViolation, match="does not verify"):
        verify_chain([GOOD[0], false_root.issue(DV)], [ROOT], FROM)


def test_chain_to_an_unknown_root_is_refused() -> None:
    """A self-signed CVCA in the message is no trust point."""
    other = Holder(name="DEOTHERROOT0001", role=Role.CVCA)
    certificates = [DV.issue(TERMINAL), other.issue(DV), other.issue(other)]
    with pytest.raises(ProtocolViolation, match="does not lead to a trust point"):
        verify_chain(certificates, [ROOT], FROM)


def test_rights_do_not_widen_down_the_chain() -> None:
    """TR-03110-3 2.7: a terminal certificate with more rights than its DV has no more than the DV."""
    narrow = replace(DV, rights=Right.READ_DG4 | Right.AGE_VERIFICATION)
    greedy = replace(TERMINAL, rights=ALL_RIGHTS)
    chain = verify_chain([narrow.issue(greedy), CVCA.issue(narrow)], [ROOT], FROM)
    assert chain.rights == Right.READ_DG4 | Right.AGE_VERIFICATION
    assert chain.chat.role is Role.TERMINAL


def test_rights_come_from_the_cvca_that_issued_for_the_document_verifier() -> None:
    """TR-03110-3 2.7: a link replaces the rights of its predecessor, in either direction."""
    few, many = Right.READ_DG4, Right.READ_DG4 | Right.READ_DG5
    for old_rights, new_rights in ((few, many), (many, few)):
        old, new = replace(CVCA, rights=old_rights), replace(SUCCESSOR, rights=new_rights)
        link = old.issue(new)
        chain = verify_chain([DV.issue(TERMINAL), new.issue(DV), link], [old.issue(old)], FROM)
        assert chain.rights == new_rights
        assert chain.links == (link,)


def test_expired_cvca_hands_on_trust_but_issues_no_more() -> None:
    """TR-03110-3 2.5: an expired link is accepted, an expired issuer of a document verifier is not."""
    early = {"effective": FROM - timedelta(days=30), "expiry": FROM - timedelta(days=1)}
    third = Holder(name="DETESTROOT00003", role=Role.CVCA)
    expired = [CVCA.issue(SUCCESSOR, **early), CVCA.issue(CVCA, **early)]
    chain = verify_chain(
        [DV.issue(TERMINAL), third.issue(DV), SUCCESSOR.issue(third), expired[0]], [expired[1]], FROM
    )
    assert len(chain.links) == 2
    with pytest.raises(ProtocolViolation, match="not valid today"):
        verify_chain([DV.issue(TERMINAL), SUCCESSOR.issue(DV), expired[0]], [expired[1]], FROM)


def test_terminal_does_not_issue_certificates() -> None:
    """TR-03110-3 2.1, 2.2: the role decides who may issue."""
    other = replace(TERMINAL, name="DEOTHERTERM001")
    with pytest.raises(ProtocolViolation, match="not exactly one terminal"):
        verify_chain([TERMINAL.issue(other), *GOOD], [ROOT], FROM)


def test_document_verifier_does_not_issue_for_another() -> None:
    """DV under DV: nobody leads to the trust point."""
    second = replace(DV, name="DETESTDV00002", key=ec.generate_private_key(ec.BrainpoolP256R1()))
    certificates = [second.issue(TERMINAL), DV.issue(second), CVCA.issue(DV)]
    with pytest.raises(ProtocolViolation, match="does not lead"):
        verify_chain(certificates, [ROOT], FROM)


def test_terminal_directly_under_the_root_is_refused() -> None:
    """There is a document verifier in between."""
    with pytest.raises(ProtocolViolation, match="does not lead"):
        verify_chain([CVCA.issue(TERMINAL)], [ROOT], FROM)


def test_document_verifier_as_trust_point_is_refused() -> None:
    """Only a CVCA states the domain parameters."""
    with pytest.raises(ProtocolViolation):
        verify_chain([DV.issue(TERMINAL)], [CVCA.issue(DV)], FROM)


@pytest.mark.parametrize("count", [0, 2])
def test_chain_has_exactly_one_terminal(count: int) -> None:
    """TR-03112-7 EAC1InputType: one terminal certificate."""
    terminals = [DV.issue(replace(TERMINAL, name=f"DETESTTERM0000{number}")) for number in range(count)]
    with pytest.raises(ProtocolViolation, match="exactly one terminal"):
        verify_chain([*terminals, GOOD[1]], [ROOT], FROM)


def test_certificates_that_lead_nowhere_are_refused() -> None:
    """What is not needed is not sent, and not looked at."""
    other = Holder(name="DEOTHERDV00001", role=Role.DV_DOMESTIC)
    with pytest.raises(ProtocolViolation, match="do not belong"):
        verify_chain([*GOOD, CVCA.issue(other)], [ROOT], FROM)


def test_endless_chain_is_refused() -> None:
    """Two CVCAs that introduce each other."""
    first, second = (Holder(name=f"DECIRCLE0000{number}", role=Role.CVCA) for number in (1, 2))
    certificates = [DV.issue(TERMINAL), first.issue(DV), first.issue(second), second.issue(first)]
    with pytest.raises(ProtocolViolation, match="does not lead"):
        verify_chain(certificates, [ROOT], FROM)


def test_huge_pile_of_certificates_is_refused() -> None:
    """Before anything is verified."""
    with pytest.raises(ProtocolViolation, match="more certificates"):
        verify_chain(GOOD * 9, [ROOT], FROM)


def test_links_are_found_from_the_reference_the_chip_named() -> None:
    """TR-03112-7: the chip names its trust points, the server answers with what leads on from there."""
    third = Holder(name="DETESTROOT00003", role=Role.CVCA)
    first_link, second_link = CVCA.issue(SUCCESSOR), SUCCESSOR.issue(third)
    pile = [second_link, third.issue(third), first_link, *GOOD]
    assert links_from([CVCA.name], pile) == (first_link, second_link)
    assert links_from([SUCCESSOR.name], pile) == (second_link,)
    assert links_from(["DEUNKNOWN000001", SUCCESSOR.name], pile) == (second_link,)
    assert links_from([third.name], pile) == ()
    assert links_from([], pile) == ()


def test_links_in_a_circle_end() -> None:
    """Whoever writes them decides how long we follow."""
    circle = [CVCA.issue(SUCCESSOR), SUCCESSOR.issue(CVCA)]
    assert links_from([CVCA.name], circle) == tuple(circle)


def test_throw_away_hierarchy_reaches_older_cards_through_its_link(pki: TrialPKI, today: date) -> None:
    """TR-03110-3 2.4: a card that knows the first CVCA only accepts the terminal of the second."""
    successor = pki.succeeded(today=today, cvca_reference="DETESTeID00006")
    chain = successor.terminal.chain(today)
    assert chain.anchor == pki.cvca.certificate
    assert [link.holder_reference for link in chain.links] == ["DETESTeID00006"]
    terminal = [successor.terminal.certificate, successor.terminal.document_verifier]
    assert verify_chain(terminal, [successor.cvca.certificate], today).links == ()
    with pytest.raises(ProtocolViolation):
        verify_chain(terminal, [pki.cvca.certificate], today)


def test_terminal_with_a_foreign_key_is_refused(pki: TrialPKI, today: date) -> None:
    """The eID-Server notices before a citizen does."""
    foreign = replace(pki.terminal, key=ec.generate_private_key(ec.BrainpoolP256R1()))
    with pytest.raises(Misconfigured, match="key is not that"):
        foreign.chain(today)
