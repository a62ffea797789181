"""Points of brainpoolP256r1 (RFC 5639 §3.4), the curve of all German cards.

``cryptography`` multiplies, but cannot add two points nor use another base point, which the generic
mapping of PACE needs (TR-03110-3 A.3.4.1). This arithmetic does not run in constant time: fit for
test cards only.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.card.objects import Malformed

P = 0xA9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377
A = 0x7D5A0975FC2C3057EEF67530417AFFE7FB8055C126DC5C6CE94A4B44F330B5D9
B = 0x26DC5C6CE94A4B44F330B5D9BBD77CBF958416295CF7E1CE6BCCDC18FF8C07B6
N = 0xA9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7
SIZE = 32


@dataclass(frozen=True, slots=True)
class Point:
    """A finite point; the point at infinity is None wherever it can occur."""

    x: int
    y: int

    @property
    def octets(self) -> bytes:
        """Uncompressed (TR-03111 §3.2.1)."""
        return b"\x04" + self.x_octets + self.y.to_bytes(SIZE, "big")

    @property
    def x_octets(self) -> bytes:
        """The x coordinate alone, ``Comp()`` of TR-03110-3 A.2.2.3."""
        return self.x.to_bytes(SIZE, "big")


GENERATOR = Point(
    0x8BD2AEB9CB7E57CB2C4B482FFC81B7AFB9DE27E1E3BD23C23A4453BD9ACE3262,
    0x547EF835C3DAC4FD97F8461A14611DC9C27745132DED8E545C1D54C72F046997,
)

Jacobian = tuple[int, int, int]


def point(octets: bytes) -> Point:
    """Read an uncompressed point; raises Malformed when it is not on the curve."""
    if len(octets) != 1 + 2 * SIZE or octets[0] != 4:
        raise Malformed("not an uncompressed point")
    x, y = int.from_bytes(octets[1 : 1 + SIZE], "big"), int.from_bytes(octets[1 + SIZE :], "big")
    if x >= P or y >= P or (y * y - x * x * x - A * x - B) % P:
        raise Malformed("not on the curve")
    return Point(x, y)


def scalar() -> int:
    """A secret number between 1 and N - 1."""
    return 1 + secrets.randbelow(N - 1)


def add(first: Point, second: Point) -> Point:
    """Raises Malformed when the sum is infinity."""
    return _affine(_sum((first.x, first.y, 1), (second.x, second.y, 1)))


def multiply(number: int, base: Point = GENERATOR) -> Point:
    """Raises Malformed when the product is infinity."""
    result: Jacobian = (1, 1, 0)
    step: Jacobian = (base.x, base.y, 1)
    for bit in f"{number % N:b}":
        result = _double(result)
        if bit == "1":
            result = _sum(result, step)
    return _affine(result)


def _double(point_: Jacobian) -> Jacobian:
    x, y, z = point_
    if not z or not y:
        return (1, 1, 0)
    squared = y * y % P
    s = 4 * x * squared % P
    m = (3 * x * x + A * pow(z, 4, P)) % P
    x3 = (m * m - 2 * s) % P
    return x3, (m * (s - x3) - 8 * squared * squared) % P, 2 * y * z % P


def _sum(first: Jacobian, second: Jacobian) -> Jacobian:
    if not first[2]:
        return second
    if not second[2]:
        return first
    z1, z2 = first[2] * first[2] % P, second[2] * second[2] % P
    u1, u2 = first[0] * z2 % P, second[0] * z1 % P
    s1, s2 = first[1] * z2 * second[2] % P, second[1] * z1 * first[2] % P
    if u1 == u2:
        return _double(first) if s1 == s2 else (1, 1, 0)
    h, r = u2 - u1, s2 - s1
    h2 = h * h % P
    h3, v = h * h2 % P, u1 * h2 % P
    x = (r * r - h3 - 2 * v) % P
    return x, (r * (v - x) - s1 * h3) % P, h * first[2] * second[2] % P


def _affine(point_: Jacobian) -> Point:
    if not point_[2]:
        raise Malformed("the point at infinity")
    inverse = pow(point_[2], -1, P)
    square = inverse * inverse % P
    return Point(point_[0] * square % P, point_[1] * square * inverse % P)


def public_key(of: Point) -> ec.EllipticCurvePublicKey:
    """For ``cryptography``."""
    return ec.EllipticCurvePublicNumbers(of.x, of.y, ec.BrainpoolP256R1()).public_key()
