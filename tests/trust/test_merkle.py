"""Merkle trees of RFC 9162 §2.1: published roots and paths, and every proof of every small tree."""

from __future__ import annotations

import pytest

from trust.merkle import (
    EMPTY,
    Frontier,
    ProofRefused,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    split,
    verify_consistency,
    verify_inclusion,
)

# The test data of the reference implementation of RFC 6962 (certificate-transparency, merkle_tree_test).
DATA = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PUBLISHED_PATHS = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
}
PUBLISHED_CONSISTENCY = {
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
PUBLISHED = b"".join(leaf_hash(bytes.fromhex(data)) for data in DATA)
LARGEST = 19
"""One more than a full level, and its neighbours."""
LEAVES = b"".join(leaf_hash(bytes([number])) for number in range(LARGEST))


def root(leaves: bytes) -> bytes:
    return Frontier().extended(split(leaves)).root


def plain_root(leaves: list[bytes]) -> bytes:
    """The definition of RFC 9162 §2.1.1, word for word."""
    from hashlib import sha256

    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + plain_root(leaves[:k]) + plain_root(leaves[k:])).digest()


def test_roots_are_the_published_ones() -> None:
    """RFC 6962 §2.1, test data of its reference implementation."""
    assert EMPTY.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert [root(PUBLISHED[: 32 * size]).hex() for size in range(1, 9)] == ROOTS


@pytest.mark.parametrize(("index", "size"), PUBLISHED_PATHS)
def test_inclusion_proofs_are_the_published_ones(index: int, size: int) -> None:
    """RFC 6962 §2.1.1."""
    proof = inclusion_proof(index, PUBLISHED[: 32 * size])
    assert [node.hex() for node in proof] == PUBLISHED_PATHS[index, size]


@pytest.mark.parametrize(("old", "size"), PUBLISHED_CONSISTENCY)
def test_consistency_proofs_are_the_published_ones(old: int, size: int) -> None:
    """RFC 6962 §2.1.2."""
    proof = consistency_proof(old, PUBLISHED[: 32 * size])
    assert [node.hex() for node in proof] == PUBLISHED_CONSISTENCY[old, size]


def test_the_root_is_that_of_the_definition_however_the_tree_grew() -> None:
    """RFC 9162 §2.1.1: a frontier forgets leaves, not the tree."""
    leaves = list(split(LEAVES))
    for size in range(LARGEST + 1):
        wanted = plain_root(leaves[:size])
        assert root(LEAVES[: 32 * size]) == wanted
        for cut in range(size + 1):
            assert Frontier().extended(leaves[:cut]).extended(leaves[cut:size]).root == wanted


def test_every_entry_of_every_tree_is_proven_and_nothing_else() -> None:
    """RFC 9162 §2.1.3: right for its leaf, place, size and root; wrong for any other."""
    leaves = list(split(LEAVES))
    for size in range(1, LARGEST + 1):
        top = root(LEAVES[: 32 * size])
        for index in range(size):
            proof = inclusion_proof(index, LEAVES[: 32 * size])
            verify_inclusion(leaves[index], index, size, proof, top)
            wrong = [
                (leaf_hash(b"other"), index, size, proof, top),
                (leaves[index], index, size, proof, bytes(32)),
                (leaves[index], index, size, (*proof, bytes(32)), top),
                (leaves[index], size, size, proof, top),
                (leaves[index], -1, size, proof, top),
            ]
            if proof:
                wrong += [
                    (leaves[index], index, size, proof[:-1], top),
                    (leaves[index], index ^ 1, size, proof, top),
                    (leaves[index], index, size, (bytes(32), *proof[1:]), top),
                ]
            for arguments in wrong:
                with pytest.raises(ProofRefused):
                    verify_inclusion(*arguments)


def test_every_older_tree_is_proven_the_beginning_of_every_newer_and_no_other_tree_is() -> None:
    """RFC 9162 §2.1.4."""
    for size in range(1, LARGEST + 1):
        top = root(LEAVES[: 32 * size])
        for old in range(1, size + 1):
            before = root(LEAVES[: 32 * old])
            proof = consistency_proof(old, LEAVES[: 32 * size])
            verify_consistency(old, before, size, top, proof)
            wrong = [
                (old, bytes(32), size, top, proof),
                (old, before, size, bytes(32), proof),
                (old, before, size, top, (*proof, bytes(32))),
                (0, EMPTY, size, top, proof),
                (size + 1, before, size, top, proof),
            ]
            if proof:
                wrong.append((old, before, size, top, proof[:-1]))
                wrong.append((old, before, size, top, (bytes(32), *proof[1:])))
            for arguments in wrong:
                with pytest.raises(ProofRefused):
                    verify_consistency(*arguments)


def test_a_forked_tree_is_not_consistent() -> None:
    """An entry in the middle was exchanged and everything after it computed anew."""
    forked = LEAVES[: 32 * 5] + leaf_hash(b"forged") + LEAVES[32 * 6 :]
    with pytest.raises(ProofRefused):
        verify_consistency(10, root(LEAVES[: 32 * 10]), LARGEST, root(forked), consistency_proof(10, forked))


def test_what_is_no_tree_is_refused() -> None:
    with pytest.raises(ValueError, match="row of hashes"):
        split(b"short")
    with pytest.raises(ValueError, match="row of hashes"):
        inclusion_proof(0, b"short")
    with pytest.raises(ValueError, match="no such leaf"):
        inclusion_proof(1, bytes(32))
    with pytest.raises(ValueError, match="older tree"):
        consistency_proof(2, bytes(32))
    with pytest.raises(ValueError, match="bits"):
        Frontier(3, (bytes(32),))
