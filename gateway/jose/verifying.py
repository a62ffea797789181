"""Reading what others sign: the header is judged here, joserfc then checks one signature.

Two steps, because a client assertion says who sent it before anyone can know whose keys apply:
``parse`` gives a ``ParsedToken`` whose content is only *claimed*; its ``verify`` returns the claims.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from datetime import datetime

from joserfc.jws import JWSRegistry
from pydantic import JsonValue

from gateway.jose.errors import InvalidKeySet, InvalidToken, NoSuchKey
from gateway.jose.json_object import parse_object
from gateway.jose.keys import PublicKeySet, VerificationKey, embedded_key

_TOKEN_OCTETS = 16_384
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)

_REFUSED_MEMBERS = frozenset({"crit", "jku", "x5u", "jwk", "x5c", "zip", "b64"})
"""Header members that would change processing or bring a key along (SP 5.4.2(2), RFC 8725 §3.10)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPolicy:
    """What a token of one kind must look like. Comes from registration, never from the token."""

    algorithms: frozenset[str]
    types: frozenset[str | None]
    """Acceptable ``typ`` values in lower case; None means that it may be absent."""
    issuer: str = ""
    audience: str = ""
    """Must be the whole ``aud``, as a string: an array is refused (Core errata 3 §9)."""
    other_audiences: frozenset[str] = frozenset()
    """Further strings that may stand there instead, by registration."""
    audience_among_others: bool = False
    """``aud`` may also be an array that contains ``audience`` (request objects, RFC 9101 §5.2)."""
    required: frozenset[str]
    """Claims that must be there, beside ``iss`` and ``aud``."""
    skew: int
    """Seconds a peer's clock may be off."""
    expired: bool = False
    """Accept a token after its ``exp`` (``id_token_hint`` only)."""


@dataclass(frozen=True, slots=True)
class ParsedToken:
    """A well-formed JWS whose signature nobody has checked yet."""

    header: dict[str, JsonValue] = field(repr=False)
    _claims: dict[str, JsonValue] = field(repr=False)
    _signed: bytes = field(repr=False)
    _signature: bytes = field(repr=False)

    def claimed(self, name: str) -> str | None:
        """A string claim as the sender states it, good for finding keys and nothing else."""
        value = self._claims.get(name)
        return value if isinstance(value, str) else None

    def verify_possession(self, policy: TokenPolicy) -> tuple[dict[str, JsonValue], str]:
        """The claims of a proof that brings its own key, and that key's RFC 7638 thumbprint.

        Whoever made it holds the private key; nothing more is known, and claims are not checked
        but for ``policy.required``. Raises InvalidToken.
        """
        try:
            key, jkt = embedded_key(self.header.get("jwk"))
        except InvalidKeySet as error:
            raise InvalidToken("token.embedded-key") from error
        self._check_signature(PublicKeySet((key,)), policy, kid=None)
        if missing := policy.required - self._claims.keys():
            raise InvalidToken(f"token.missing-{min(missing)}")
        return self._claims, jkt

    def verify(self, keys: PublicKeySet, policy: TokenPolicy, *, now: datetime) -> dict[str, JsonValue]:
        """The claims, now known to be the issuer's; raises InvalidToken, NoSuchKey."""
        self._check_signature(keys, policy, kid=self.header.get("kid"))
        _check_claims(self._claims, policy, now)
        return self._claims

    def _check_signature(self, keys: PublicKeySet, policy: TokenPolicy, *, kid: JsonValue) -> None:
        alg = self.header.get("alg")
        if not isinstance(alg, str) or alg not in policy.algorithms:
            raise InvalidToken("token.algorithm")
        if _media_type(self.header.get("typ")) not in policy.types:
            raise InvalidToken("token.type")
        key = _select(keys, kid, alg)
        engine = JWSRegistry.algorithms[alg]
        engine.check_key(key.engine)
        if not engine.verify(self._signed, self._signature, key.engine):
            raise InvalidToken("token.signature")


def parse(token: str, *, brings_key: bool = False) -> ParsedToken:
    """Take a compact JWS apart; raises InvalidToken.

    ``brings_key``: the header must bring its key along as ``jwk`` (DPoP proofs, RFC 9449 §4.2); only
    ``verify_possession`` reads it.

    Refused: more than 16 KiB, anything but three base64url parts in canonical form, a header or
    payload that is no unambiguous JSON object, and every header member of ``_REFUSED_MEMBERS``.
    """
    if len(token) > _TOKEN_OCTETS:
        raise InvalidToken("token.too-large")
    match = _COMPACT.fullmatch(token)
    if match is None:
        raise InvalidToken("token.malformed")
    try:
        header = parse_object(_decode(match[1]))
        claims = parse_object(_decode(match[2]))
        signature = _decode(match[3])
    except ValueError as error:
        raise InvalidToken("token.malformed") from error
    refused = _REFUSED_MEMBERS - {"jwk"} if brings_key else _REFUSED_MEMBERS
    if refused & header.keys() or (brings_key and "jwk" not in header):
        raise InvalidToken("token.header-member")
    signed = token[: match.end(2)].encode("ascii")
    return ParsedToken(header, claims, signed, signature)


def _decode(part: str) -> bytes:
    try:
        octets = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if base64.urlsafe_b64encode(octets).rstrip(b"=") != part.encode("ascii"):
        raise ValueError("base64url with stray bits")  # two spellings of one token defeat replay checks
    return octets


def _media_type(typ: JsonValue) -> str | None:
    """``typ`` as RFC 7515 §4.1.9 compares it: case does not matter, ``application/`` may be left out."""
    if typ is None:
        return None
    if not isinstance(typ, str):
        raise InvalidToken("token.type")
    return typ.lower().removeprefix("application/")


def _select(keys: PublicKeySet, kid: JsonValue, alg: str) -> VerificationKey:
    """The one key that ``kid`` names and that fits ``alg`` (SP 5.4.3 allows repeated ``kid``)."""
    if kid is not None and not isinstance(kid, str):
        raise InvalidToken("token.kid")
    named = [key for key in keys.keys if kid is None or key.kid == kid]
    if not named:
        raise NoSuchKey("token.kid-unknown")
    fitting = [key for key in named if key.fits(alg)]
    if len(fitting) != 1:
        raise InvalidToken("token.key-does-not-fit" if not fitting else "token.key-ambiguous")
    return fitting[0]


def _check_claims(claims: dict[str, JsonValue], policy: TokenPolicy, now: datetime) -> None:
    if missing := policy.required - claims.keys():
        raise InvalidToken(f"token.missing-{min(missing)}")
    if claims.get("iss") != policy.issuer:
        raise InvalidToken("token.issuer")
    if not _is_meant_for_us(claims.get("aud"), policy):
        raise InvalidToken("token.audience")
    instant = now.timestamp()
    expires, begins, issued = (numeric_date(claims, name) for name in ("exp", "nbf", "iat"))
    if expires is not None and not policy.expired and instant >= expires + policy.skew:
        raise InvalidToken("token.expired")
    for start in (begins, issued):
        if start is not None and start > instant + policy.skew:
            raise InvalidToken("token.not-yet-valid")


def _is_meant_for_us(audience: JsonValue, policy: TokenPolicy) -> bool:
    if isinstance(audience, list):
        return policy.audience_among_others and policy.audience in audience
    return isinstance(audience, str) and audience in {policy.audience, *policy.other_audiences}


def numeric_date(claims: dict[str, JsonValue], name: str) -> float | None:
    """A NumericDate claim (RFC 7519 §2), None if absent; raises InvalidToken if it is no number."""
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise InvalidToken(f"token.{name}")
    return float(value)
