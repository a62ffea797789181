"""Public keys: thumbprints, publication, and the key sets of others.

Keys are typed objects built once, never octets: handing octets to a JOSE library is what makes
HMAC with a public key as secret possible (CVE-2024-33663).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from pydantic import JsonValue

from gateway.jose.encrypting import EncryptionKey, encryption_key
from gateway.jose.errors import InvalidKeySet
from gateway.jose.json_object import parse_object
from gateway.jose.strength import RSA_BITS
from trust.keys import PublicKey

_SET_OCTETS = 65_536
_SET_KEYS = 32
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

_FITS: dict[str, tuple[str, str | None]] = {
    "ES256": ("EC", "P-256"),
    "PS256": ("RSA", None),
    "RS256": ("RSA", None),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
"""Algorithm to key type and curve (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2)."""


def header_names(alg: str) -> frozenset[str]:
    """The names in a header that mean ``alg``: RFC 9864 renames EdDSA with this curve to Ed25519."""
    return frozenset({"EdDSA", "Ed25519"}) if alg in {"EdDSA", "Ed25519"} else frozenset({alg})


def base64url(octets: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def thumbprint(jwk: dict[str, str]) -> str:
    """RFC 7638 SHA-256 thumbprint over the required members.

    >>> thumbprint({"kty": "OKP", "crv": "Ed25519",
    ...             "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'
    """
    required = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}
    members = {name: jwk[name] for name in required[jwk["kty"]]}
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return base64url(hashlib.sha256(canonical.encode("ascii")).digest())


def public_jwk(key: PublicKey, alg: str) -> dict[str, str]:
    """The JWK to publish, written from the public numbers, so that it cannot hold a private one.

    Raises ValueError for a key that must not be used with ``alg``.
    """
    jwk: dict[str, str]
    if isinstance(key, ec.EllipticCurvePublicKey):
        if alg != "ES256" or not isinstance(key.curve, ec.SECP256R1):
            raise ValueError(f"{alg} does not fit an EC key on {key.curve.name}")
        point = key.public_numbers()
        jwk = {
            "kty": "EC",
            "crv": "P-256",
            "x": base64url(point.x.to_bytes(32, "big")),
            "y": base64url(point.y.to_bytes(32, "big")),
        }
    else:
        if alg not in {"RS256", "PS256"} or key.key_size < RSA_BITS:
            raise ValueError(f"{alg} does not fit an RSA key of {key.key_size} bits")
        numbers = key.public_numbers()
        jwk = {"kty": "RSA", "n": _unsigned(numbers.n), "e": _unsigned(numbers.e)}
    return {**jwk, "kid": thumbprint(jwk), "use": "sig", "alg": alg}


def _unsigned(number: int) -> str:
    return base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationKey:
    """One public signature key of a key set."""

    kid: str | None
    alg: str | None
    """The one algorithm its owner allows it for; None if the owner did not say."""
    kty: str
    crv: str | None
    engine: ECKey | RSAKey | OKPKey = field(repr=False)

    def fits(self, alg: str) -> bool:
        """Whether ``alg`` may be checked with this key (type, curve, declared ``alg``)."""
        kty, crv = _FITS[alg]
        return self.kty == kty and self.crv == crv and (self.alg is None or alg in header_names(self.alg))


@dataclass(frozen=True, slots=True)
class PublicKeySet:
    """Somebody's public keys (RFC 7517 §5), weak and unknown ones left out."""

    keys: tuple[VerificationKey, ...]
    certificates: frozenset[bytes] = frozenset()
    """SHA-256 of the certificates that stand beside the keys as ``x5c`` (RFC 8705 §2.2.2)."""
    encryption: tuple[EncryptionKey, ...] = ()
    """The keys for encrypting to their owner (``use: enc``), in the owner's order."""

    def recipient(self, alg: str) -> EncryptionKey | None:
        """The first key that what its owner gets can be encrypted to with ``alg``."""
        return next((key for key in self.encryption if key.fits(alg)), None)

    @classmethod
    def parse(cls, octets: bytes, *, rsa_bits: int = RSA_BITS) -> PublicKeySet:
        """Read a JWK Set; raises InvalidKeySet.

        Keys of unknown type, or of RSA below ``rsa_bits``, are skipped, as RFC 7517 §5 wants it. A set
        that shows a private or symmetric key is refused as a whole: that key is known to everybody.
        """
        if len(octets) > _SET_OCTETS:
            raise InvalidKeySet("jwks.too-large")
        try:
            document = parse_object(octets)
        except ValueError as error:
            raise InvalidKeySet("jwks.malformed") from error
        entries = document.get("keys")
        if not isinstance(entries, list) or len(entries) > _SET_KEYS:
            raise InvalidKeySet("jwks.malformed")
        keys, encryption = [], []
        for entry in entries:
            if not isinstance(entry, dict):
                raise InvalidKeySet("jwks.malformed")
            if _PRIVATE_MEMBERS & entry.keys():
                raise InvalidKeySet("jwks.private-key-published")
            key = _verification_key(entry, rsa_bits)
            if key is not None:
                keys.append(key)
            elif (other := encryption_key(entry, rsa_bits)) is not None:
                encryption.append(other)
        return cls(tuple(keys), frozenset(_certificates(entries)), tuple(encryption))


def _certificates(entries: list[JsonValue]) -> Iterator[bytes]:
    """Digests of the first certificate of each key's ``x5c`` (RFC 7517 §4.7)."""
    for entry in entries:
        chain = entry.get("x5c") if isinstance(entry, dict) else None
        if isinstance(chain, list) and chain and isinstance(chain[0], str):
            try:
                yield hashlib.sha256(base64.b64decode(chain[0], validate=True)).digest()
            except binascii.Error as error:
                raise InvalidKeySet("jwks.malformed-certificate") from error


def embedded_key(jwk: JsonValue) -> tuple[VerificationKey, str]:
    """The public key that a header brings along, and its RFC 7638 thumbprint; raises InvalidKeySet."""
    if not isinstance(jwk, dict) or _PRIVATE_MEMBERS & jwk.keys():
        raise InvalidKeySet("jwk.not-a-public-key")
    bare = {name: value for name, value in jwk.items() if name not in {"kid", "use"}}
    key = _verification_key(bare, RSA_BITS)
    if key is None:
        raise InvalidKeySet("jwk.unsupported")
    return key, thumbprint({name: str(value) for name, value in jwk.items()})


def _verification_key(entry: dict[str, JsonValue], rsa_bits: int) -> VerificationKey | None:
    kid, alg, kty, crv = (_text(entry.get(name)) for name in ("kid", "alg", "kty", "crv"))
    operations = entry.get("key_ops")
    if entry.get("use", "sig") != "sig" or (alg is not None and alg not in _FITS):
        return None
    if operations is not None and not (isinstance(operations, list) and "verify" in operations):
        return None
    required = {"EC": ("crv", "x", "y"), "RSA": ("n", "e"), "OKP": ("crv", "x")}.get(kty or "")
    if required is None or (kty, crv) not in {("EC", "P-256"), ("OKP", "Ed25519"), ("RSA", None)}:
        return None
    numbers: dict[str, str | list[str]] = {name: _text(entry.get(name)) or "" for name in required}
    numbers["kty"] = str(kty)
    engine: ECKey | RSAKey | OKPKey
    try:
        if kty == "EC":
            engine = ECKey.import_key(numbers)
            engine.get_op_key("verify")  # checks that the point lies on the curve, now and not at use
        elif kty == "RSA":
            if len(str(numbers["n"])) * 6 < rsa_bits:
                return None  # by its base64url length, since joserfc warns about short ones
            engine = RSAKey.import_key(numbers)
            if engine.get_op_key("verify").key_size < rsa_bits:
                return None
        else:
            engine = OKPKey.import_key(numbers)
            engine.get_op_key("verify")
    except (JoseError, ValueError, TypeError, AttributeError) as error:
        raise InvalidKeySet("jwks.malformed-key") from error
    return VerificationKey(kid=kid, alg=alg, kty=str(kty), crv=crv, engine=engine)


def _text(value: JsonValue | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise InvalidKeySet("jwks.malformed-key")
