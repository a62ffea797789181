"""One person, one key: what is enrolled is somebody's alone, whatever it is written like (security.md D.7)."""

from __future__ import annotations

import json

import cbor2
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from tests.trust.registry.passkey import ORIGIN, RP_ID, Passkey
from tests.trust.registry.people import ANNA, BERT, GREECE, People, document
from trust.registry import (
    Approver,
    ChangeClass,
    ChangeRefused,
    Decision,
    Ed25519Credential,
    EntryStore,
    ObjectKey,
    ObjectKind,
    PasskeyCredential,
)
from trust.registry.approvers import Credential, base64url
from trust.registry.credential_keys import ed25519_key
from trust.registry.entries import TABLE, _hash

P = 2**255 - 19
DORA = ObjectKey(ObjectKind.APPROVER, "d.neu")
ORDER_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"


def little(number: int) -> bytes:
    return number.to_bytes(32, "little")


def passkey(cose: object, identifier: bytes = b"new") -> PasskeyCredential:
    octets = cose if isinstance(cose, bytes) else cbor2.dumps(cose)
    return PasskeyCredential(credential_id=identifier, public_key=octets, rp_id=RP_ID, origins=(ORIGIN,))


def enrol(people: People, *credentials: Credential, name: str = "Dora Neu") -> str:
    """Why the person is not enrolled."""
    edit = people.edit(DORA, Approver(name=name, credentials=credentials).as_json())
    with pytest.raises(ChangeRefused) as caught:
        people.propose(people.draft([edit], ChangeClass.ENROLMENT))
    assert caught.value.reason == "registry.approver"
    return caught.value.detail


@pytest.mark.parametrize(
    "octets",
    [
        little(1),
        little(1 + 2**255),
        little(P + 1),
        bytes(32),
        little(P - 1),
        bytes.fromhex(ORDER_8),
        little(2),
        little(P + 3),
        bytes(31),
    ],
    ids=bytes.hex,
)
def test_key_that_signs_for_everybody_or_nobody_is_nobodys(octets: bytes) -> None:
    """RFC 8032 §5.1.7: with a key of small order anybody with the database would be an approver."""
    with pytest.raises(ValueError, match="one person alone"):
        ed25519_key(octets)


def test_universal_key_is_not_enrolled(people: People) -> None:
    """The signature that it gives to every change does verify: so it must not come in, in either form."""
    identity = little(1)
    Ed25519Credential(public_key=identity).key().verify(identity + bytes(32), b"any change")
    assert "one person alone" in enrol(people, Ed25519Credential(public_key=identity))
    assert "one person alone" in enrol(people, passkey({1: 1, 3: -8, -1: 6, -2: identity}))


def test_keys_that_people_make_are_theirs() -> None:
    for _ in range(20):
        public = ed25519.Ed25519PrivateKey.generate().public_key()
        assert ed25519_key(public.public_bytes_raw()).endswith(public.public_bytes_raw())


def test_one_key_is_one_person_in_every_form(people: People) -> None:
    """As a key file and as a passkey; in one CBOR text and in another; as COSE and as a bare point."""
    raw = people.keys[ANNA].public_key().public_bytes_raw()
    assert "same key" in enrol(people, passkey({1: 1, 3: -8, -1: 6, -2: raw}))
    known = cbor2.loads(people.passkey.cose)
    for cose in (dict(reversed(known.items())), {**known, 2: b"kid"}, b"\x04" + known[-2] + known[-3]):
        assert "same key" in enrol(people, passkey(cose))


def test_passkey_that_cannot_or_must_not_sign_is_not_enrolled(people: People) -> None:
    """Else two people remain of whom one can never sign; or one for whom others can."""
    modulus = (2**1023 + 1).to_bytes(128, "big")
    wide = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
    coordinates = {-2: wide.x.to_bytes(48, "big"), -3: wide.y.to_bytes(48, "big")}
    for cose in (
        b"",
        b"\x80",
        b"\x04",
        {1: 3, 3: -257, -1: modulus, -2: b"\x01\x00\x01"},
        {1: 2, 3: -36, -1: 2, **coordinates},
        {1: 2, 3: -257, -1: 2, **coordinates},
        {**cbor2.loads(Passkey().cose), -2: bytes(32)},
    ):
        assert "a key of d.neu is" in enrol(people, passkey(cose))


@pytest.mark.parametrize("name", ["Bert\u202eMuster", "Bert\u200bMuster", "Bert\nMuster", "B\x1b[2K"])
def test_name_that_hides_something_is_not_enrolled(people: People, name: str) -> None:
    key = Ed25519Credential(public_key=ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    assert "hidden marks" in enrol(people, key, name=name)


@pytest.mark.parametrize("name", ["b.muster", " B.MUSTER ", "b.\N{FULLWIDTH LATIN SMALL LETTER M}uster"])
def test_two_people_of_one_name_are_not_enrolled(people: People, name: str) -> None:
    """Pages name people: two signatures by one name would look like those of one, or of the other.

    Nor is somebody called what another one is identified by.
    """
    key = Ed25519Credential(public_key=ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    assert "look like one person" in enrol(people, key, name=name)


def test_deeply_nested_client_data_stops_no_reader(people: People) -> None:
    """Forced into the database beside a real proposal: the row counts for nothing, and what follows is read."""
    change = people.draft([people.edit(GREECE, document())])
    people.propose(change)
    approval = people.passkey.approve(change.change_hash, "c.probe").as_json()
    response = dict(approval["assertion"]["response"], clientDataJSON=base64url(b"[" * 100_000))
    people.force(
        "approval", {"approval": {**approval, "assertion": {**approval["assertion"], "response": response}}}
    )
    assert "no client data" in people.registry.follow().ignored[0].reason
    assert people.approve(change, BERT).waiting is None


@pytest.mark.parametrize("reason", ["\ud800", "x" * 4001])
def test_reason_that_no_page_can_show_counts_for_nothing(people: People, reason: str) -> None:
    """It stands beside what was signed, so whoever has the database chooses it; the list of changes shows it."""
    change = people.draft([people.edit(GREECE, document())], proposer="source/nobid")
    people.propose(change, by=None)
    store, rejection = EntryStore(people.engine), people.signed(change.change_hash, BERT, Decision.REJECT)
    for kind, body in (
        ("change-withdrawn", {"change": change.change_hash}),
        ("change-rejected", {"approval": rejection.as_json()}),
    ):
        head = store.head()
        text = json.dumps({**body, "reason": reason}, sort_keys=True, separators=(",", ":"))
        row = {"seq": head.seq + 1, "time": "2026-11-23T08:00:00.000000Z", "type": kind, "body": text}
        row["hash"] = _hash(head.hash, *row.values())
        with people.engine.begin() as connection:
            connection.execute(sa.insert(TABLE), [row])
    fold = people.registry.follow()
    assert len(fold.ignored) == 2
    assert [one.change_hash for one in fold.open_proposals()] == [change.change_hash]


def test_nobody_is_identified_by_what_another_one_is_called(people: People) -> None:
    key = Ed25519Credential(public_key=ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    anna = ObjectKey(ObjectKind.APPROVER, ANNA)
    renamed = Approver(name="d.NEU", credentials=people.approver(ANNA).credentials)
    new = Approver(name="Dora Neu", credentials=(key,))
    edits = [people.edit(anna, renamed.as_json()), people.edit(DORA, new.as_json())]
    with pytest.raises(ChangeRefused, match="look like one person"):
        people.propose(people.draft(edits, ChangeClass.ENROLMENT))
