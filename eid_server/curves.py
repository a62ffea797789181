"""Elliptic curves of TR-03110-3 A.2.1.1: standardised domain parameters, explicit ones, points.

Certificates carry their curve three ways: by the number of the table of standardised domain
parameters (chips), by name (X.509) or written out (CVCA certificates, German CSCA certificates).
Written-out parameters are accepted only when they are exactly those of a curve listed here; anything
else would let whoever writes them choose a generator that fits a signature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from eid_server.errors import Malformed


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """Parameters as octets, each as long as the field or the order."""

    curve: ec.EllipticCurve
    oid: str
    p: bytes
    a: bytes
    b: bytes
    generator: bytes
    n: bytes
    h: bytes = b"\x01"

    @property
    def size(self) -> int:
        """Octets of a coordinate."""
        return len(self.p)


def _domain(curve: ec.EllipticCurve, oid: str, p: str, a: str, b: str, x: str, y: str, n: str) -> Domain:
    return Domain(
        curve=curve,
        oid=oid,
        p=bytes.fromhex(p),
        a=bytes.fromhex(a),
        b=bytes.fromhex(b),
        generator=b"\x04" + bytes.fromhex(x) + bytes.fromhex(y),
        n=bytes.fromhex(n),
    )


BRAINPOOL_P256R1 = _domain(
    ec.BrainpoolP256R1(),
    "1.3.36.3.3.2.8.1.1.7",
    p="a9fb57dba1eea9bc3e660a909d838d726e3bf623d52620282013481d1f6e5377",
    a="7d5a0975fc2c3057eef67530417affe7fb8055c126dc5c6ce94a4b44f330b5d9",
    b="26dc5c6ce94a4b44f330b5d9bbd77cbf958416295cf7e1ce6bccdc18ff8c07b6",
    x="8bd2aeb9cb7e57cb2c4b482ffc81b7afb9de27e1e3bd23c23a4453bd9ace3262",
    y="547ef835c3dac4fd97f8461a14611dc9c27745132ded8e545c1d54c72f046997",
    n="a9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7",
)
BRAINPOOL_P384R1 = _domain(
    ec.BrainpoolP384R1(),
    "1.3.36.3.3.2.8.1.1.11",
    p="8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b412b1da197fb71123acd3a729901d1a71874700133107ec53",
    a="7bc382c63d8c150c3c72080ace05afa0c2bea28e4fb22787139165efba91f90f8aa5814a503ad4eb04a8c7dd22ce2826",
    b="04a8c7dd22ce28268b39b55416f0447c2fb77de107dcd2a62e880ea53eeb62d57cb4390295dbc9943ab78696fa504c11",
    x="1d1c64f068cf45ffa2a63a81b7c13f6b8847a3e77ef14fe3db7fcafe0cbd10e8e826e03436d646aaef87b2e247d4af1e",
    y="8abe1d7520f9c2a45cb1eb8e95cfd55262b70b29feec5864e19c054ff99129280e4646217791811142820341263c5315",
    n="8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b31f166e6cac0425a7cf3ab6af6b7fc3103b883202e9046565",
)
BRAINPOOL_P512R1 = _domain(
    ec.BrainpoolP512R1(),
    "1.3.36.3.3.2.8.1.1.13",
    p="aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca70330871"
    "7d4d9b009bc66842aecda12ae6a380e62881ff2f2d82c68528aa6056583a48f3",
    a="7830a3318b603b89e2327145ac234cc594cbdd8d3df91610a83441caea9863bc"
    "2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94ca",
    b="3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a7"
    "2bf2c7b9e7c1ac4d77fc94cadc083e67984050b75ebae5dd2809bd638016f723",
    x="81aee4bdd82ed9645a21322e9c4c6a9385ed9f70b5d916c1b43b62eef4d0098e"
    "ff3b1f78e2d0d48d50d1687b93b97d5f7c6d5047406a5e688b352209bcb9f822",
    y="7dde385d566332ecc0eabfa9cf7822fdf209f70024a57b1aa000c55b881f8111"
    "b2dcde494a5f485e5bca4bd88a2763aed1ca2b2fa8f0540678cd1e0f3ad80892",
    n="aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca70330870"
    "553e5c414ca92619418661197fac10471db1d381085ddaddb58796829ca90069",
)
NIST_P256 = _domain(
    ec.SECP256R1(),
    "1.2.840.10045.3.1.7",
    p="ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
    a="ffffffff00000001000000000000000000000000fffffffffffffffffffffffc",
    b="5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
    x="6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
    y="4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
    n="ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
)
NIST_P384 = _domain(
    ec.SECP384R1(),
    "1.3.132.0.34",
    p="fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
    a="fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000fffffffc",
    b="b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
    x="aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
    y="3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
    n="ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
)
NIST_P521 = _domain(
    ec.SECP521R1(),
    "1.3.132.0.35",
    p="01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffff",
    a="01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "fffc",
    b="0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef1"
    "09e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b50"
    "3f00",
    x="00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d"
    "3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5"
    "bd66",
    y="011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e"
    "662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd1"
    "6650",
    n="01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "fffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e9138"
    "6409",
)

STANDARDISED: Mapping[int, Domain] = MappingProxyType(
    {
        12: NIST_P256,
        13: BRAINPOOL_P256R1,
        15: NIST_P384,
        16: BRAINPOOL_P384R1,
        17: BRAINPOOL_P512R1,
        18: NIST_P521,
    }
)
"""Numbers of TR-03110-3 A.2.1.1, table 4. Curves under 256 bits and P320 are of no use here."""


def standardised(number: int) -> Domain:
    """Raises Malformed for a number outside the table."""
    try:
        return STANDARDISED[number]
    except KeyError:
        raise Malformed("domain parameters outside the accepted list") from None


def named(oid: str) -> Domain:
    """The curve of an object identifier; raises Malformed."""
    for domain in STANDARDISED.values():
        if domain.oid == oid:
            return domain
    raise Malformed("a curve outside the accepted list")


def explicit(*, p: bytes, a: bytes, b: bytes, generator: bytes, n: bytes, h: bytes) -> Domain:
    """The listed curve with exactly these parameters, written in any length; raises Malformed."""
    written = [value.lstrip(b"\0") for value in (p, a, b, n, h)]
    for domain in STANDARDISED.values():
        listed = [value.lstrip(b"\0") for value in (domain.p, domain.a, domain.b, domain.n, domain.h)]
        if written == listed and generator == domain.generator:
            return domain
    raise Malformed("explicit domain parameters are those of no accepted curve")


def domain_of(key: ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey) -> Domain:
    """The listed curve of a key; raises Malformed."""
    for domain in STANDARDISED.values():
        if domain.curve.name == key.curve.name:
            return domain
    raise Malformed("a key on a curve outside the accepted list")


def public_key(domain: Domain, encoded: bytes) -> ec.EllipticCurvePublicKey:
    """The public key of an uncompressed point (TR-03110-3 D.2.1.2).

    Raises Malformed for another form, for a point that is not on the curve, and for infinity. The
    curves of the list have cofactor 1, so that every other point has the full order.
    """
    if len(encoded) != 1 + 2 * domain.size or encoded[0] != 0x04:
        raise Malformed("not an uncompressed point of this curve")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(domain.curve, encoded)
    except ValueError:
        raise Malformed("the point is not on the curve") from None


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    """Uncompressed encoding."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def x_coordinate(key: ec.EllipticCurvePublicKey) -> bytes:
    """Comp(PK) of ECDH keys (TR-03110-3 A.2.2.3)."""
    return point(key)[1 : 1 + domain_of(key).size]
