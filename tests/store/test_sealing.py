"""Sealed records (design.md §2 row 3, security.md D.10)."""

from __future__ import annotations

from secrets import token_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.store import BearerSecret, SealBroken, key_name, new_journey_number
from gateway.store.sealing import seal, unseal

UNTIL = 2_000_000_000


def secret() -> BearerSecret:
    return BearerSecret.new(new_journey_number(token_bytes), token_bytes)


@given(st.binary(max_size=2000))
def test_what_was_sealed_comes_out_again(plaintext: bytes) -> None:
    own = secret()
    value = seal(own, "journey", plaintext, until=UNTIL, nonce=token_bytes(12))
    assert unseal(own, "journey", value, now=0) == plaintext


def test_another_secret_of_the_same_journey_opens_nothing() -> None:
    """design.md §3 invariant 4: only the bearer reads."""
    own = secret()
    other = BearerSecret.new(own.journey, token_bytes)
    value = seal(own, "journey", b"Ada", until=UNTIL, nonce=token_bytes(12))
    with pytest.raises(SealBroken):
        unseal(other, "journey", value, now=0)


def test_a_record_cannot_be_moved_to_another_purpose() -> None:
    own = secret()
    value = seal(own, "journey", b"Ada", until=UNTIL, nonce=token_bytes(12))
    with pytest.raises(SealBroken):
        unseal(own, "code", value, now=0)


@pytest.mark.parametrize("position", [0, 1, 8, 9, 20, 21, -1])
def test_one_flipped_bit_anywhere_breaks_the_seal(position: int) -> None:
    own = secret()
    value = bytearray(seal(own, "journey", b"Ada", until=UNTIL, nonce=token_bytes(12)))
    value[position] ^= 1
    with pytest.raises(SealBroken):
        unseal(own, "journey", bytes(value), now=0)


def test_the_life_of_a_record_is_part_of_the_seal_and_ends() -> None:
    """security.md D.10: the expiry is authenticated, whatever the store's clock says."""
    own = secret()
    value = seal(own, "journey", b"Ada", until=UNTIL, nonce=token_bytes(12))
    assert unseal(own, "journey", value, now=UNTIL - 0.001) == b"Ada"
    with pytest.raises(SealBroken):
        unseal(own, "journey", value, now=UNTIL)
    longer = value[:1] + (UNTIL + 1000).to_bytes(8, "big") + value[9:]
    with pytest.raises(SealBroken):
        unseal(own, "journey", longer, now=UNTIL)


def test_key_name_tells_the_journey_and_nothing_of_the_secret() -> None:
    """The braces are the hash tag: all keys of a journey share a cluster slot."""
    own = secret()
    name = key_name(own, "journey")
    assert name.startswith(f"eg:{{{own.journey}}}:journey:")
    assert own.text.partition(".")[2] not in name
    assert own.text not in repr(own)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0123456789",
        "0123456789." + "A" * 42,
        "0123456789." + "A" * 44,
        "012345678I." + "A" * 43,
        "0123456789." + "A" * 42 + "=",
        "0123456789." + "A" * 43 + "\n",
        "{0123456789}." + "A" * 43,
    ],
)
def test_malformed_bearer_secrets_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a bearer secret"):
        BearerSecret.parse(text)


def test_journey_numbers_are_ten_characters_of_crockfords_alphabet() -> None:
    assert new_journey_number(bytes) == "0000000000"
    assert new_journey_number(lambda size: b"\xff" * size) == "ZZZZZZZZZZ"
