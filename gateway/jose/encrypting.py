"""Encrypting what we issue to a client's key (RFC 7516; Core §16.14: signed first, then encrypted).

python-jose does ``RSA-OAEP-256``, joserfc what it cannot: ``ECDH-ES`` with and without key wrapping
(RFC 7518 §4.6). Both get a typed key and a fixed algorithm; nothing comes from a header.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jose import jwe as rsa_jwe
from jose.exceptions import JOSEError as EngineError
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from pydantic import JsonValue

from gateway.jose.errors import InvalidKeySet
from gateway.jose.strength import RSA_BITS

KEY_MANAGEMENT: tuple[str, ...] = ("ECDH-ES", "ECDH-ES+A256KW", "RSA-OAEP-256")
"""``alg`` of what we encrypt (RFC 7518 §4.1); never RSA1_5 (oidc.md §15)."""
CONTENT_ENCRYPTION: tuple[str, ...] = ("A128CBC-HS256", "A128GCM", "A256GCM")
"""``enc`` (RFC 7518 §5.1), the default first (Reg §2)."""

_CURVES = {"EC": ("P-256", "P-384", "P-521"), "OKP": ("X25519",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptionKey:
    """One public encryption key (``use: enc``) of a client's key set."""

    kid: str | None
    alg: str | None
    """The one algorithm its owner allows it for; None if the owner did not say."""
    engine: ECKey | OKPKey | RSAKey = field(repr=False)

    def fits(self, alg: str) -> bool:
        """Whether ``alg`` may be used with this key (type, declared ``alg``)."""
        by_type = (alg == "RSA-OAEP-256") == isinstance(self.engine, RSAKey)
        return by_type and self.alg in {None, alg}

    def encrypt(self, plaintext: str, *, alg: str, enc: str, nested: bool) -> str:
        """A JWE in compact form; ``nested``: the plaintext is a JWS (RFC 7519 §5.2: ``cty`` JWT).

        Raises ValueError for a key or algorithm that does not fit.
        """
        if not self.fits(alg) or alg not in KEY_MANAGEMENT or enc not in CONTENT_ENCRYPTION:
            raise ValueError(f"{alg} with {enc} does not fit the key")
        try:
            if isinstance(self.engine, RSAKey):
                sealed: bytes = rsa_jwe.encrypt(
                    plaintext.encode("utf-8"),
                    self.engine.as_dict(private=False),
                    encryption=enc,
                    algorithm=alg,
                    cty="JWT" if nested else None,
                    kid=self.kid,
                )
                return sealed.decode("ascii")
            header: dict[str, str] = {"alg": alg, "enc": enc}
            if nested:
                header["cty"] = "JWT"
            if self.kid is not None:
                header["kid"] = self.kid
            return jwe.encrypt_compact(header, plaintext.encode("utf-8"), self.engine, algorithms=[alg, enc])
        except (EngineError, JoseError) as error:
            raise ValueError(f"{alg} with {enc} is impossible") from error


def encryption_key(entry: Mapping[str, JsonValue], rsa_bits: int = RSA_BITS) -> EncryptionKey | None:
    """The encryption key in a JWK; None if it is another kind, or weaker than we use.

    Raises InvalidKeySet for one that is no key at all. Whether it is private was looked at before.
    """
    kid, alg, kty, crv = (_text(entry.get(name)) for name in ("kid", "alg", "kty", "crv"))
    if entry.get("use") != "enc" or alg not in {None, *KEY_MANAGEMENT}:
        return None
    if kty == "RSA":
        names: tuple[str, ...] = ("kty", "n", "e")
    elif kty in _CURVES and crv in _CURVES[kty]:
        names = ("kty", "crv", "x", "y") if kty == "EC" else ("kty", "crv", "x")
    else:
        return None
    numbers: dict[str, str | list[str]] = {name: _text(entry.get(name)) or "" for name in names}
    engine: ECKey | OKPKey | RSAKey
    try:
        if kty == "RSA":
            if len(str(numbers["n"])) * 6 < rsa_bits:
                return None  # by its base64url length, since joserfc warns about short ones
            engine = RSAKey.import_key(numbers)
            if engine.get_op_key("wrapKey").key_size < rsa_bits:
                return None
        else:
            engine = ECKey.import_key(numbers) if kty == "EC" else OKPKey.import_key(numbers)
            _ = engine.public_key  # reads the point now, and not at use
    except (JoseError, ValueError, TypeError, AttributeError) as error:
        raise InvalidKeySet("jwks.malformed-key") from error
    return EncryptionKey(kid=kid, alg=alg, engine=engine)


def _text(value: JsonValue | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise InvalidKeySet("jwks.malformed-key")
