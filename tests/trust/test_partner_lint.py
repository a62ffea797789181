"""A partner against the table of algorithms, with years (security.md A.12, C.1)."""

from datetime import date, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.trust.metadata_maker import (
    ENTITY_ID,
    NOW,
    Node,
    aggregate,
    document,
    issue,
    key,
    key_descriptor,
    policy,
    rsa_key,
    sign,
)
from trust.algorithms import Deviation
from trust.errors import VerificationError
from trust.metadata_document import verify_document
from trust.partner_lint import Finding, Part, Verdict, lint_document, lint_peer, refused

OAEP_SHA1 = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
CBC = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"


def keys(*descriptors: str) -> Node:
    return Node(keys=(key_descriptor(issue("message signer", key("message signer"))), *descriptors))


def of(findings: tuple[Finding, ...], part: Part) -> list[Finding]:
    return [finding for finding in findings if finding.part is part]


def lint(node: Node | None = None, **arguments: object) -> tuple[Finding, ...]:
    return lint_document(sign(document(node)), now=NOW, **arguments)  # type: ignore[arg-type]  # free keywords


def test_sound_partner_is_accepted_with_the_year_in_which_each_part_ends() -> None:
    """Signatures until 2035, encryption to a key until 2031, certificates until their own end."""
    encryption = key_descriptor(issue("encryption", rsa_key(3072)), use="encryption", methods=(GCM,))
    found = lint(keys(encryption))
    assert not refused(found)
    assert {finding.verdict for finding in found} == {Verdict.ACCEPTED}
    assert [finding.until for finding in of(found, Part.SIGNING_KEY)] == [
        date(2035, 12, 31),
        (NOW + timedelta(days=265)).date(),
    ]
    assert of(found, Part.ENCRYPTION_KEY)[0].until == date(2031, 12, 31)
    assert {finding.name for finding in of(found, Part.ADVERTISED)} >= {GCM}
    assert {finding.entity_id for finding in found} == {ENTITY_ID}


@pytest.mark.parametrize(("years", "soon"), [(0, 0), (1, 1), (10, 3)])
def test_what_ends_within_the_years_asked_for_is_marked(years: int, soon: int) -> None:
    """The certificate ends next year, what signs with it in 2035."""
    peer = next(iter(verify_document(sign(document()), policy(), now=NOW).peers.values()))
    found = lint_peer(peer, now=NOW, years=years)
    assert sum(finding.ends_soon for finding in found) == soon
    assert all(finding.sentence.endswith("(ends soon)") == finding.ends_soon for finding in found)


def test_weak_but_excepted_algorithms_need_their_exception() -> None:
    """The row's own end is shown, too."""
    weak = key_descriptor(issue("short", rsa_key(2048)), use="encryption", methods=(OAEP_SHA1, CBC))
    found = lint(keys(weak), deviations=frozenset({Deviation.OAEP_MGF1P_SHA1}))
    assert of(found, Part.ENCRYPTION_KEY)[0].reason.endswith("exception rsa-2048")
    advertised = {finding.name: finding for finding in of(found, Part.ADVERTISED)}
    assert (advertised[OAEP_SHA1].verdict, advertised[OAEP_SHA1].until) == (
        Verdict.EXCEPTION,
        date(2027, 12, 31),
    )
    assert advertised[OAEP_SHA1].reason.endswith("the country has it")
    assert advertised[CBC].verdict is Verdict.IGNORED
    assert not refused(found)


def test_what_cannot_be_kept_or_has_ended_is_refused_with_its_reason() -> None:
    """An old certificate; a curve that is too short."""
    old = issue("old", key("old"), end=NOW - timedelta(days=1))
    short = issue("small", ec.generate_private_key(ec.SECP224R1()))
    found = lint(keys(key_descriptor(old), key_descriptor(short)))
    reasons = [f"{finding.name} {finding.reason}" for finding in found if finding.verdict is Verdict.REFUSED]
    assert len(reasons) == 2
    assert any("certificate.expired 2026-11-22" in reason for reason in reasons)
    assert any(reason.startswith("signing:key.curve") for reason in reasons)
    assert refused(found)
    again = lint(keys(key_descriptor(old)), deviations=frozenset({Deviation.EXPIRED_CERTIFICATE}))
    assert not refused(again)


def test_file_that_nobody_signed_or_that_has_ended_is_said_to_be_so() -> None:
    """And its keys are looked at all the same; a pinned file needs no signature."""
    octets = document(valid=timedelta(days=-1)).encode()
    found = lint_document(octets, now=NOW)
    assert [finding.name for finding in of(found, Part.DOCUMENT)] == ["signature", "validUntil"]
    assert of(found, Part.SIGNING_KEY)
    assert not refused(lint_document(octets, now=NOW, pinned=True))


def test_each_entity_of_an_aggregate_is_looked_at_by_itself() -> None:
    """A broken one is one finding."""
    good = Node(entity_id="urn:good", identifier="_1").xml()
    bad = Node(entity_id="urn:bad", identifier="_2", keys=()).xml()
    octets = sign(aggregate(good, bad))
    found = lint_document(octets, now=NOW)
    assert [finding.reason for finding in found if finding.entity_id == "urn:bad"] == ["entity.signing-key"]
    assert {f.entity_id for f in lint_document(octets, now=NOW, entity_id="urn:good", pinned=True)} == {
        "urn:good"
    }


@pytest.mark.parametrize("octets", [b"<x/>", b"<!DOCTYPE x><x/>", b"text"])
def test_what_is_no_metadata_is_refused(octets: bytes) -> None:
    """Hardened parser, as ever."""
    with pytest.raises(VerificationError):
        lint_document(octets, now=NOW)
