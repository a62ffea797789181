"""Approvals by passkey: what an assertion must say before it counts (WebAuthn-3 §7.2; security.md D.7)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.trust.registry.passkey import ORIGIN, PRESENT, RP_ID, VERIFIED, Passkey
from tests.trust.registry.people import ANNA, BERT, CLARA, GREECE, People, document
from trust.registry import Approval, ChangeRefused, enrol_passkey, message
from trust.registry.approvals import verify
from trust.registry.approvers import Approver
from trust.registry.changes import REJECT

CHANGE = "ab" * 32
OTHER = "cd" * 32


@pytest.fixture
def passkey() -> Passkey:
    return Passkey()


def person(*passkeys: Passkey) -> Approver:
    return Approver(name=CLARA, credentials=tuple(passkey.credential for passkey in passkeys))


def refused(approval: Approval, approver: Approver, counters: dict[str, int] | None = None) -> str:
    with pytest.raises(ChangeRefused) as caught:
        verify(approval, approver, counters or {})
    assert caught.value.reason in {"registry.signature", "registry.form"}
    return caught.value.detail


def test_passkey_is_the_second_person(people: People) -> None:
    change = people.draft([people.edit(GREECE, document())])
    people.propose(change)
    approval = people.passkey.approve(change.change_hash, CLARA)
    assert people.registry.approve(approval, now=people.now).waiting is None
    assert people.node().follow().state.objects == people.state.objects


def test_passkey_and_key_file_of_one_person_are_one_person(people: People) -> None:
    change = people.draft([people.edit(GREECE, document())], proposer=CLARA)
    people.propose(change, by=CLARA)
    with pytest.raises(ChangeRefused, match="same-person"):
        people.registry.approve(people.passkey.approve(change.change_hash, CLARA), now=people.now)


def test_assertion_names_key_and_counter(passkey: Passkey) -> None:
    signature = verify(passkey.approve(CHANGE, CLARA, counter=7), person(passkey), {})
    assert (signature.approver, signature.sign_count) == (CLARA, 7)
    assert signature.credential == passkey.credential.fingerprint


@pytest.mark.parametrize(
    "attack",
    [
        {"challenge": message(OTHER)},
        {"challenge": message(CHANGE, REJECT)},
        {"challenge": bytes.fromhex(CHANGE)},
        {"challenge": b""},
        {"origin": "https://trust.sachsen.example.evil.example"},
        {"origin": "https://evil.example"},
        {"origin": f"{ORIGIN}:8443"},
        {"rp_id": "sachsen.example"},
        {"rp_id": "evil.example"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"flags": 0},
        {"type": "webauthn.create"},
        {"crossOrigin": True},
        {"crossOrigin": "yes"},
        {"topOrigin": "https://evil.example"},
    ],
    ids=str,
)
def test_assertion_for_anything_else_is_refused(passkey: Passkey, attack: dict[str, object]) -> None:
    """§7.2 steps 11 to 17: type, challenge, origin, RP ID, user present, user verified."""
    refused(passkey.approve(CHANGE, CLARA, **attack), person(passkey))


def test_assertion_of_another_passkey_is_refused(passkey: Passkey) -> None:
    stranger = Passkey(credential_id=passkey.credential_id)
    assert "signature" in refused(stranger.approve(CHANGE, CLARA), person(passkey))
    unknown = Passkey(credential_id=b"another")
    assert "enrolled passkey" in refused(unknown.approve(CHANGE, CLARA), person(passkey))


def test_counter_that_does_not_count_up_is_refused(passkey: Passkey) -> None:
    """§6.1.1: the sign of a cloned authenticator."""
    counters = {passkey.credential.fingerprint: 9}
    for counter in (0, 8, 9):
        assert "count" in refused(passkey.approve(CHANGE, CLARA, counter=counter), person(passkey), counters)
    assert verify(passkey.approve(CHANGE, CLARA, counter=10), person(passkey), counters).sign_count == 10


def test_passkeys_without_a_counter_are_accepted(passkey: Passkey) -> None:
    """Synchronised passkeys always say 0."""
    counters = {passkey.credential.fingerprint: 0}
    assert verify(passkey.approve(CHANGE, CLARA, counter=0), person(passkey), counters).sign_count == 0


def test_counter_is_remembered_in_the_log(people: People) -> None:
    """Also over changes, and by every node."""
    first = people.draft([people.edit(GREECE, document(key="1"))])
    people.propose(first)
    people.registry.approve(people.passkey.approve(first.change_hash, CLARA, counter=5), now=people.now)
    second = people.draft([people.edit(GREECE, document(key="2"))])
    people.propose(second)
    node = people.node()
    with pytest.raises(ChangeRefused, match="sign count"):
        node.approve(people.passkey.approve(second.change_hash, CLARA, counter=5), now=people.now)
    approval = people.passkey.approve(second.change_hash, CLARA, counter=6)
    assert node.approve(approval, now=people.now).waiting is None


def test_each_passkey_of_a_person_counts(passkey: Passkey) -> None:
    second = Passkey(credential_id=b"credential-0002")
    assert verify(second.approve(CHANGE, CLARA), person(passkey, second), {}).approver == CLARA


@pytest.mark.parametrize(
    "damage",
    [
        {"response": {}},
        {"response": None},
        {"response": {"clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA"}},
        {"rawId": "AAAA"},
        {"type": "password"},
        {"id": None},
    ],
    ids=str,
)
def test_damaged_assertion_is_refused(passkey: Passkey, damage: dict[str, object]) -> None:
    approval = passkey.approve(CHANGE, CLARA)
    refused(replace(approval, assertion={**approval.assertion, **damage}), person(passkey))


@pytest.mark.parametrize("member", ["clientDataJSON", "authenticatorData", "signature"])
@pytest.mark.parametrize("octets", ["", "AA", "_" * 400, "!!", "6Q"])
def test_damaged_octets_are_refused(passkey: Passkey, member: str, octets: str) -> None:
    approval = passkey.approve(CHANGE, CLARA)
    response = {**approval.assertion["response"], member: octets}
    refused(replace(approval, assertion={**approval.assertion, "response": response}), person(passkey))


def test_method_must_fit(passkey: Passkey, people: People) -> None:
    approval = passkey.approve(CHANGE, CLARA)
    refused(replace(approval, method="ed25519"), person(passkey))
    refused(replace(approval, method="none"), person(passkey))
    refused(people.signed(CHANGE, ANNA), person(passkey))


def test_registration_gives_the_credential_to_enrol(passkey: Passkey) -> None:
    """§7.1, attestation none: whose it is, two people sign."""
    found = enrol_passkey(
        passkey.registration(b"challenge"), challenge=b"challenge", rp_id=RP_ID, origins=(ORIGIN,)
    )
    assert found == passkey.credential


@pytest.mark.parametrize(
    "wrong", [{"challenge": b"other"}, {"origin": "https://evil.example"}, {"flags": PRESENT}], ids=str
)
def test_registration_for_anything_else_is_refused(passkey: Passkey, wrong: dict[str, object]) -> None:
    response = passkey.registration(**{"challenge": b"challenge", **wrong})
    with pytest.raises(ChangeRefused, match="passkey"):
        enrol_passkey(response, challenge=b"challenge", rp_id=RP_ID, origins=(ORIGIN,))


def test_rejection_by_passkey(people: People) -> None:
    change = people.draft([people.edit(GREECE, document())])
    people.propose(change)
    rejection = people.passkey.reject(change.change_hash, CLARA)
    people.registry.reject(rejection, reason="fingerprint differs", now=people.now)
    with pytest.raises(ChangeRefused, match=r"registry\.rejected"):
        people.approve(change, BERT)
