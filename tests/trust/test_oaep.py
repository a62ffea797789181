"""EME-OAEP decoding without the private key (RFC 8017 §7.1.2)."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from trust import oaep
from trust.errors import DecryptionError
from trust.keys import oaep_hash

KEY = rsa.generate_private_key(65537, 3072)
NUMBERS = KEY.private_numbers()
SIZE = 384


def encoded(message: bytes, digest: str, mgf1: str) -> bytes:
    """EM of an encryption by an independent implementation."""
    scheme = padding.OAEP(padding.MGF1(oaep_hash(mgf1)), oaep_hash(digest), None)
    number = int.from_bytes(KEY.public_key().encrypt(message, scheme), "big")
    return pow(number, NUMBERS.d, NUMBERS.public_numbers.n).to_bytes(SIZE, "big")


@pytest.mark.parametrize("mgf1", ["SHA1", "SHA256", "SHA384", "SHA512"])
@pytest.mark.parametrize("digest", ["SHA1", "SHA256", "SHA384", "SHA512"])
def test_what_another_implementation_encrypted_comes_back(digest: str, mgf1: str) -> None:
    """Digest and mask are independent; message lengths from none to the longest."""
    longest = SIZE - 2 * oaep_hash(digest).digest_size - 2
    for message in (b"", b"\0" * 16, b"\1\0\1", b"k" * longest):
        assert oaep.decode(encoded(message, digest, mgf1), digest=digest, mgf1=mgf1) == message


def test_every_fault_has_the_same_face() -> None:
    """Manger 2001: who can tell a first octet that is not zero from another fault reads messages."""
    good = encoded(b"secret", "SHA256", "SHA256")
    faults = [bytes([1]) + good[1:], *(good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :] for i in (1, 40, 383))]
    seen = set()
    for fault in (*faults, bytes(SIZE), b"\xff" * SIZE):
        with pytest.raises(DecryptionError) as refused:
            oaep.decode(fault, digest="SHA256", mgf1="SHA256")
        seen.add((str(refused.value), refused.value.__cause__, refused.value.__context__))
    assert len(seen) == 1


def test_wrong_digest_or_mask_is_refused() -> None:
    """The label's digest and the mask both take part."""
    good = encoded(b"secret", "SHA256", "SHA1")
    for digest, mgf1 in (("SHA1", "SHA1"), ("SHA256", "SHA256"), ("SHA512", "SHA1")):
        with pytest.raises(DecryptionError):
            oaep.decode(good, digest=digest, mgf1=mgf1)
