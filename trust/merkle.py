"""Merkle trees of RFC 9162 §2.1 (the same as RFC 6962): hashes, proofs, and their verification. Nothing else.

A leaf is ``SHA-256(0x00 || data)``, a node ``SHA-256(0x01 || left || right)``; the root of the empty tree is
SHA-256 of nothing. A tree that only grows is known by the roots of its complete subtrees (``Frontier``), so
that going on needs no old leaf. Proofs are built from leaf hashes, 32 octets each, one after another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

SIZE = 32
"""Octets of a hash."""
EMPTY = sha256(b"").digest()

_LEAF, _NODE = b"\x00", b"\x01"


class ProofRefused(Exception):
    """A proof does not show what it was given for."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of an entry (RFC 9162 §2.1.1)."""
    return sha256(_LEAF + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return sha256(_NODE + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree by the roots of its complete subtrees, the largest first: one for each bit that is set in ``size``."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ValueError("as many roots as the size has bits that are set")

    @property
    def root(self) -> bytes:
        if not self.peaks:
            return EMPTY
        *others, root = self.peaks
        for peak in reversed(others):
            root = node_hash(peak, root)
        return root

    def extended(self, leaves: Iterable[bytes]) -> Frontier:
        """The tree with ``leaves`` (hashes) after its own."""
        size, peaks = self.size, list(self.peaks)
        for leaf in leaves:
            node, carry = leaf, size
            while carry & 1:
                node = node_hash(peaks.pop(), node)
                carry >>= 1
            peaks.append(node)
            size += 1
        return Frontier(size, tuple(peaks))


def split(octets: bytes) -> Iterator[bytes]:
    """Single hashes of a row of them; raises ValueError if one is incomplete."""
    if len(octets) % SIZE:
        raise ValueError("not a row of hashes")
    return (octets[at : at + SIZE] for at in range(0, len(octets), SIZE))


def inclusion_proof(index: int, leaves: bytes) -> tuple[bytes, ...]:
    """The path from leaf ``index`` (from 0) to the root of the tree with ``leaves`` (RFC 9162 §2.1.3.1)."""
    size = _count(leaves)
    if not 0 <= index < size:
        raise ValueError("there is no such leaf in this tree")
    proof: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _left(high - low)
        if index < middle:
            proof.append(_root(leaves, middle, high))
            high = middle
        else:
            proof.append(_root(leaves, low, middle))
            low = middle
    return tuple(reversed(proof))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """That ``leaf`` is number ``index`` (from 0) of the tree; raises ProofRefused (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        raise ProofRefused("there is no such leaf in this tree")
    first, second, found = index, size - 1, leaf
    for node in proof:
        if second == 0:
            raise ProofRefused("the proof is too long")
        if first & 1 or first == second:
            found = node_hash(node, found)
            while not first & 1 and first:
                first, second = first >> 1, second >> 1
        else:
            found = node_hash(found, node)
        first, second = first >> 1, second >> 1
    if second or found != root:
        raise ProofRefused("the entry is not in this tree at this place")


def consistency_proof(old: int, leaves: bytes) -> tuple[bytes, ...]:
    """That the tree of the first ``old`` leaves is the beginning of this one (RFC 9162 §2.1.4.1)."""
    size = _count(leaves)
    if not 0 < old <= size:
        raise ValueError("the older tree is empty, or larger than this one")
    proof: list[bytes] = []
    low, high, complete = 0, size, True
    while low + old != high:
        middle = low + _left(high - low)
        if low + old <= middle:
            proof.append(_root(leaves, middle, high))
            high = middle
        else:
            proof.append(_root(leaves, low, middle))
            old, low, complete = old - (middle - low), middle, False
    if not complete:
        proof.append(_root(leaves, low, high))
    return tuple(reversed(proof))


def verify_consistency(old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """That the older tree is the beginning of the newer; raises ProofRefused (RFC 9162 §2.1.4.2)."""
    if not 0 < old <= size:
        raise ProofRefused("the older tree is empty, or larger than the newer")
    if old == size:
        if proof or old_root != root:
            raise ProofRefused("two different trees of one size")
        return
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        raise ProofRefused("the proof is empty")
    first, second = old - 1, size - 1
    while first & 1:
        first, second = first >> 1, second >> 1
    of_old = of_new = path[0]
    for node in path[1:]:
        if second == 0:
            raise ProofRefused("the proof is too long")
        if first & 1 or first == second:
            of_old, of_new = node_hash(node, of_old), node_hash(node, of_new)
            while not first & 1 and first:
                first, second = first >> 1, second >> 1
        else:
            of_new = node_hash(of_new, node)
        first, second = first >> 1, second >> 1
    if second or of_old != old_root or of_new != root:
        raise ProofRefused("the newer tree does not begin with the older")


def _count(leaves: bytes) -> int:
    if len(leaves) % SIZE:
        raise ValueError("not a row of hashes")
    return len(leaves) // SIZE


def _left(size: int) -> int:
    """The largest power of two smaller than ``size``."""
    return 1 << (size - 1).bit_length() - 1


def _root(leaves: bytes, low: int, high: int) -> bytes:
    return Frontier().extended(split(leaves[low * SIZE : high * SIZE])).root
