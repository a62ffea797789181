"""Secure messaging: what the chip answers is its own, whole, and in turn (TR-03110-3 F)."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given, settings
from hypothesis import strategies as st

from eid_server import apdus
from eid_server.apdus import CommandAPDU
from eid_server.chip_authentication import SessionKeys
from eid_server.errors import Malformed, ProtocolViolation
from eid_server.secure_messaging import Channel
from tests.eid_server.samples import known_answers

KEYS = SessionKeys(encryption=bytes(range(16)), authentication=bytes(range(16, 32)))
READ = apdus.read_data_group(4)


def padded(octets: bytes) -> bytes:
    octets += b"\x80"
    return octets + bytes(-len(octets) % 16)


def length(octets: bytes) -> bytes:
    size = len(octets)
    return (
        bytes([size])
        if size < 0x80
        else bytes([0x82]) + size.to_bytes(2, "big")
        if size > 255
        else bytes([0x81, size])
    )


def chip_answers(
    counter: int,
    data: bytes = b"",
    status: bytes = b"\x90\x00",
    *,
    keys: SessionKeys = KEYS,
    plain: bytes | None = None,
    marker: bytes = b"\x01",
    tag: bytes = b"\x87",
    outside: bytes | None = None,
) -> bytes:
    """The chip's side, written from TR-03110-3 F once more."""
    block = counter.to_bytes(16, "big")
    objects = b""
    if data or plain is not None:
        vector = Cipher(AES(keys.encryption), ECB()).encryptor().update(block)  # noqa: S305 -- one block
        encryptor = Cipher(AES(keys.encryption), CBC(vector)).encryptor()
        content = marker + encryptor.update(padded(data) if plain is None else plain)
        objects += tag + length(content) + content
    objects += b"\x99\x02" + status
    mac = CMAC(AES(keys.authentication))
    mac.update(block + padded(objects))
    return objects + b"\x8e\x08" + mac.finalize()[:8] + (status if outside is None else outside)


def channel(*commands: CommandAPDU) -> Channel:
    made = Channel(KEYS)
    for command in commands or (READ,):
        made.wrap(command)
    return made


@settings(derandomize=True, deadline=None, database=None)
@given(st.binary(max_size=400), st.binary(min_size=2, max_size=2))
def test_data_and_status_of_the_chip_arrive(data: bytes, status: bytes) -> None:
    """Every length, every status word."""
    opened = channel().unwrap(chip_answers(2, data, status))
    assert (opened.data, opened.status.to_bytes(2, "big")) == (data, status)


def test_answers_to_a_batch_are_opened_in_turn() -> None:
    """The counter grows by one for each command and each answer."""
    opened = channel(READ, READ, READ)
    assert [opened.unwrap(chip_answers(n, bytes([n]))).data for n in (2, 4, 6)] == [b"\2", b"\4", b"\6"]
    with pytest.raises(ProtocolViolation, match="no command waits"):
        opened.unwrap(chip_answers(8))


@pytest.mark.parametrize(("right", "wrong"), [((), 4), ((2,), 2), ((2,), 6)])
def test_exchanged_repeated_or_skipped_answers_are_refused(right: tuple[int, ...], wrong: int) -> None:
    """An answer belongs to its place in the session."""
    opened = channel(READ, READ)
    for counter in right:
        opened.unwrap(chip_answers(counter, b"data"))
    with pytest.raises(ProtocolViolation, match="MAC"):
        opened.unwrap(chip_answers(wrong, b"data"))


def test_changed_bit_anywhere_in_an_answer_is_refused() -> None:
    """TR-03130-4 C1_2_07: every bit of every octet."""
    genuine = chip_answers(2, b"Erika")
    for bit in range(8 * len(genuine)):
        changed = bytearray(genuine)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ProtocolViolation):
            channel().unwrap(bytes(changed))


def test_changed_octet_in_every_recorded_answer_is_refused() -> None:
    """The answers of AusweisApp's simulated card, each with one octet changed."""
    answers = known_answers()
    keys = SessionKeys(
        encryption=bytes.fromhex(answers["k_enc"]), authentication=bytes.fromhex(answers["k_mac"])
    )
    for number, result in enumerate(answers["results"]):
        changed = bytearray.fromhex(result["apdu"])
        changed[len(changed) // 2] ^= 0x10
        opened = Channel(keys)
        for _ in range(number + 1):
            opened.wrap(READ)
        for earlier in answers["results"][:number]:
            opened.unwrap(bytes.fromhex(earlier["apdu"]))
        with pytest.raises(ProtocolViolation):
            opened.unwrap(bytes(changed))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x90",
        b"\x90\x00",
        b"\x69\x88",
        b"\x61\x04\x13\x02\x49\x44\x90\x00",
        chip_answers(2, b"data")[:-12] + b"\x90\x00",
        chip_answers(2, b"data")[:-1],
        chip_answers(2) + b"\x90\x00",
    ],
    ids=["nothing", "half a status", "success", "SM error", "plain data", "no MAC", "truncated", "appended"],
)
def test_answer_outside_secure_messaging_is_refused(answer: bytes) -> None:
    """TR-03130-4 C1_2_08: also a bare error, since anybody on the way can say that."""
    with pytest.raises(ProtocolViolation):
        channel().unwrap(answer)


def test_broken_channel_stays_broken() -> None:
    """After the first wrong answer, a right one no longer counts and no command goes out."""
    opened = channel(READ, READ)
    with pytest.raises(ProtocolViolation):
        opened.unwrap(b"\x90\x00")
    with pytest.raises(ProtocolViolation):
        opened.unwrap(chip_answers(4, b"data"))
    with pytest.raises(ProtocolViolation, match="ended"):
        opened.wrap(READ)


def test_status_outside_that_differs_from_inside_is_refused() -> None:
    """Only the inner one is authenticated."""
    with pytest.raises(ProtocolViolation, match="status outside"):
        channel().unwrap(chip_answers(2, status=b"\x63\x00", outside=b"\x90\x00"))


def test_answer_under_the_keys_of_another_session_is_refused() -> None:
    """Whoever did not take part in the agreement cannot answer."""
    other = SessionKeys(encryption=KEYS.encryption, authentication=bytes(16))
    with pytest.raises(ProtocolViolation, match="MAC"):
        channel().unwrap(chip_answers(2, b"data", keys=other))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"marker": b"\x02"}, "another padding"),
        ({"marker": b"", "plain": bytes(16)}, "another padding"),
        ({"plain": b""}, "whole blocks"),
        ({"plain": b"\x80" + bytes(31)}, "padding"),
        ({"plain": bytes(16)}, "padding"),
        ({"plain": b"\x01" * 16}, "padding"),
    ],
    ids=["marker", "no marker", "no block", "padding too long", "only zeros", "no padding"],
)
def test_odd_padding_is_refused(wrong: dict[str, bytes], reason: str) -> None:
    """Even under a right MAC there is one encoding only."""
    with pytest.raises(Malformed, match=reason):
        channel().unwrap(chip_answers(2, b"data", **wrong))  # type: ignore[arg-type]  # one of them each


def test_answer_to_an_odd_instruction_has_no_marker() -> None:
    """ISO/IEC 7816-4: object 85 instead of 87."""
    command = CommandAPDU(ins=0xB1, p1=0, p2=4, data=b"\x54\x01\x00", expected=256)
    opened = Channel(KEYS)
    assert opened.wrap(command)[5] == 0x85
    assert opened.unwrap(chip_answers(2, b"data", marker=b"", tag=b"\x85")).data == b"data"


def test_long_command_and_long_answer_are_written_in_extended_length() -> None:
    """ISO/IEC 7816-4 §5.1: Lc of three octets; Le inside as long as it must be."""
    long = Channel(KEYS).wrap(CommandAPDU(ins=0x86, p1=0, p2=0, data=bytes(300), expected=65536))
    assert long[4] == 0
    assert int.from_bytes(long[5:7], "big") == len(long) - 9
    assert b"\x97\x02\x00\x00\x8e\x08" in long
    assert long.endswith(b"\0\0")
    short = Channel(KEYS).wrap(READ)
    assert short[:4].hex() == "0cb08400"
    assert b"\x97\x01\x00\x8e\x08" in short


@pytest.mark.parametrize("number", [0, 23])
def test_there_are_twenty_two_data_groups(number: int) -> None:
    """TR-03110-4 2.2.3.1."""
    with pytest.raises(ValueError, match=str(number)):
        apdus.read_data_group(number)
