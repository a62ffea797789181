"""Terminal and chip authentication version 2, server side (TR-03110-2 3.3 and 3.4)."""

from __future__ import annotations

import hashlib
from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from eid_server import chip_authentication, curves, terminal_authentication
from eid_server.cvc import ID_TA_ECDSA_SHA_256, verify_plain
from eid_server.errors import InvalidDocument, Malformed, Misconfigured, ProtocolViolation
from eid_server.pki import TrialPKI

NONCE = bytes(range(8))
PROTOCOLS = {2: ("sha1", 16), 3: ("sha256", 24), 4: ("sha256", 32)}
ID_PICC, CHALLENGE, X = bytes(range(32)), bytes(8), bytes(32)


def key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve or ec.BrainpoolP256R1())


def chips_token(chip: ec.EllipticCurvePrivateKey, terminal: ec.EllipticCurvePublicKey, ending: int) -> bytes:
    """What a chip answers, written from TR-03110-3 A.2.3, A.2.4 and D.3 once more."""
    digest, length = PROTOCOLS[ending]
    secret = chip.exchange(ec.ECDH(), terminal)
    mac = CMAC(AES(hashlib.new(digest, secret + NONCE + b"\0\0\0\2").digest()[:length]))
    oid = bytes.fromhex("04007f000702020302") + bytes([ending])
    point = curves.point(terminal)
    inner = b"\x06\x0a" + oid + b"\x86" + bytes([len(point)]) + point
    mac.update(b"\x7f\x49" + bytes([len(inner)]) + inner)
    return mac.finalize()[:8]


@pytest.mark.parametrize("ending", PROTOCOLS)
def test_server_and_chip_come_to_the_same_keys(ending: int) -> None:
    """All three AES key lengths; the keys are as long as the protocol says and two."""
    chip, ephemeral = key(), key()
    keys = chip_authentication.agree(
        ephemeral,
        chip.public_key(),
        protocol=f"0.4.0.127.0.7.2.2.3.2.{ending}",
        nonce=NONCE,
        token=chips_token(chip, ephemeral.public_key(), ending),
    )
    digest, length = PROTOCOLS[ending]
    secret = chip.exchange(ec.ECDH(), ephemeral.public_key())
    assert keys.encryption == hashlib.new(digest, secret + NONCE + b"\0\0\0\1").digest()[:length]
    assert keys.authentication == hashlib.new(digest, secret + NONCE + b"\0\0\0\2").digest()[:length]
    assert "encryption" not in repr(keys)


@pytest.mark.parametrize("change", ["bit", "short", "empty", "other chip"])
def test_wrong_token_is_refused(change: str) -> None:
    """TR-03110-2 3.4: only the chip that holds the signed key knows the token."""
    chip, ephemeral = key(), key()
    token = chips_token(chip, ephemeral.public_key(), 2)
    wrong = {
        "bit": bytes([token[0] ^ 1]) + token[1:],
        "short": token[:7],
        "empty": b"",
        "other chip": chips_token(key(), ephemeral.public_key(), 2),
    }[change]
    with pytest.raises(InvalidDocument, match="token is wrong"):
        chip_authentication.agree(
            ephemeral, chip.public_key(), protocol="0.4.0.127.0.7.2.2.3.2.2", nonce=NONCE, token=wrong
        )


def test_token_for_another_nonce_is_refused() -> None:
    """A recorded answer does not fit another session."""
    chip, ephemeral = key(), key()
    token = chips_token(chip, ephemeral.public_key(), 2)
    for nonce in (bytes(8), NONCE[:7], b""):
        with pytest.raises(InvalidDocument):
            chip_authentication.agree(
                ephemeral, chip.public_key(), protocol="0.4.0.127.0.7.2.2.3.2.2", nonce=nonce, token=token
            )


def test_chip_key_on_another_curve_is_refused() -> None:
    """Before any agreement takes place; also for a curve nobody has listed."""
    for curve in (ec.SECP256R1(), ec.SECP256K1()):
        with pytest.raises(InvalidDocument, match="curve"):
            chip_authentication.agree(
                key(),
                key(curve).public_key(),
                protocol="0.4.0.127.0.7.2.2.3.2.2",
                nonce=NONCE,
                token=bytes(8),
            )


def test_unknown_protocol_is_refused() -> None:
    """3DES (TR-03110-3 A.4.1.3)."""
    with pytest.raises(ProtocolViolation, match="outside the accepted list"):
        chip_authentication.derive(bytes(32), NONCE, "0.4.0.127.0.7.2.2.3.2.1")


def test_terminal_signature_covers_every_part(pki: TrialPKI) -> None:
    """TR-03110-2 3.3: identifier of the chip, challenge, ephemeral key, auxiliary data."""
    auxiliary = terminal_authentication.auxiliary_data(valid_on=date(2026, 11, 23))
    signature = terminal_authentication.sign(
        pki.terminal.key, id_picc=ID_PICC, challenge=CHALLENGE, ephemeral_x=X, auxiliary=auxiliary
    )
    public = pki.terminal.key.public_key()
    verify_plain(public, signature, ID_PICC + CHALLENGE + X + auxiliary, ID_TA_ECDSA_SHA_256)
    for message in (
        bytes(32) + CHALLENGE + X + auxiliary,
        ID_PICC + b"\1" * 8 + X + auxiliary,
        ID_PICC + CHALLENGE + b"\1" * 32 + auxiliary,
        ID_PICC + CHALLENGE + X,
    ):
        with pytest.raises(ProtocolViolation):
            verify_plain(public, signature, message, ID_TA_ECDSA_SHA_256)


@pytest.mark.parametrize(
    ("id_picc", "challenge"),
    [(ID_PICC, bytes(7)), (ID_PICC, bytes(9)), (b"", CHALLENGE), (bytes(129), CHALLENGE)],
)
def test_terminal_signs_nothing_of_another_shape(id_picc: bytes, challenge: bytes, pki: TrialPKI) -> None:
    """With free lengths, a client could shift what the signature means."""
    with pytest.raises(ProtocolViolation):
        terminal_authentication.sign(
            pki.terminal.key, id_picc=id_picc, challenge=challenge, ephemeral_x=X, auxiliary=b""
        )


def test_auxiliary_data_hold_what_is_compared_and_nothing_else() -> None:
    """TR-03110-3 A.7.5."""
    assert terminal_authentication.auxiliary_data() == b""
    community = terminal_authentication.auxiliary_data(community_id="027605")
    assert community.hex() == "67127310060904007f00070301040353" + "03027605"


@pytest.mark.parametrize("community_id", ["02760", "0276 5", "０２", "02760a"])
def test_odd_community_is_refused(community_id: str) -> None:
    """BCD needs an even number of digits; only ASCII digits are digits."""
    with pytest.raises(Misconfigured, match="community"):
        terminal_authentication.auxiliary_data(community_id=community_id)


@pytest.mark.parametrize(
    ("today", "years", "latest"),
    [
        (date(2026, 11, 23), 18, date(2008, 11, 23)),
        (date(2026, 11, 23), 0, date(2026, 11, 23)),
        (date(2028, 2, 29), 16, date(2012, 2, 29)),
        (date(2028, 2, 29), 18, date(2010, 2, 28)),
        (date(2027, 3, 1), 18, date(2009, 3, 1)),
    ],
)
def test_years_are_completed_on_the_birthday(today: date, years: int, latest: date) -> None:
    """The latest date of birth of somebody who has completed the years."""
    assert terminal_authentication.age_reference(today, years) == latest


def test_ephemeral_key_lies_on_a_listed_curve() -> None:
    """Comp(PK) of a foreign curve is not written."""
    with pytest.raises(Malformed, match="curve"):
        curves.x_coordinate(key(ec.SECP256K1()).public_key())
    assert len(curves.x_coordinate(key().public_key())) == 32
