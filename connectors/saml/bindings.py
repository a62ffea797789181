"""HTTP-POST and HTTP-Redirect, both directions (saml-bindings §3.4, §3.5).

Reading is strict: one message parameter, one RelayState at most, nothing twice, no silent
repair. A Redirect signature is computed over the octets as they came, never over something
decoded and encoded again.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, unquote_to_bytes

from connectors.contract import FormDispatch, RedirectDispatch
from connectors.errors import InvalidAnswer
from trust import signing
from trust.algorithms import NONE, Deviations
from trust.errors import VerificationError
from trust.keys import Signer
from trust.pinned import PinnedKey
from trust.signatures import verify_detached

MAX_MESSAGE = 262_144
"""Octets of a decoded message."""
MAX_RELAY_STATE = 80
_DEFLATE = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"
_MESSAGES = ("SAMLResponse", "SAMLRequest")
_BASE64_SPACE = re.compile(rb"[ \t\r\n]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One received SAML message, still unverified."""

    octets: bytes
    relay_state: str
    signed_query: SignedQuery | None = None
    """HTTP-Redirect only: what was signed, by what, with which value."""

    def require_signed_query(
        self, keys: Sequence[PinnedKey], *, now: datetime, deviations: Deviations = NONE
    ) -> None:
        """Raises VerificationError unless the query was signed, and by one of ``keys``.

        Without SigAlg and Signature a message is not "unsigned" but refused (security.md A.17).
        """
        if self.signed_query is None:
            raise VerificationError("signature.missing")
        self.signed_query.verify(keys, now=now, deviations=deviations)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedQuery:
    data: bytes
    signature: bytes
    algorithm: str

    def verify(self, keys: Sequence[PinnedKey], *, now: datetime, deviations: Deviations = NONE) -> None:
        """Raises VerificationError unless one of ``keys`` signed the query."""
        verify_detached(self.data, self.signature, self.algorithm, keys, now=now, deviations=deviations)


def read_post(fields: Sequence[tuple[str, str]], parameter: str = "SAMLResponse") -> Message:
    """The message of an HTTP-POST form; raises InvalidAnswer ``saml.binding.*``."""
    encoded = _exactly_one(fields, parameter)
    return Message(octets=_base64(encoded), relay_state=_relay_state(fields))


def read_relay_state(fields: Sequence[tuple[str, str]]) -> str:
    """The RelayState alone, to find the browser's pending exchange; nothing is believed yet."""
    return _relay_state(fields)


def read_redirect(query: bytes, parameter: str = "SAMLResponse") -> Message:
    """The message of an HTTP-Redirect query string, given as the raw octets of the request.

    Raises InvalidAnswer ``saml.binding.*``; the signature is cut out, not verified.
    """
    raw: dict[str, bytes] = {}
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        try:
            key = unquote_to_bytes(name).decode("ascii")
        except UnicodeDecodeError as error:
            raise InvalidAnswer("saml.binding.parameter") from error
        if key in raw:
            raise InvalidAnswer("saml.binding.duplicate", key if key in _MESSAGES else "")
        raw[key] = part if key in {*_MESSAGES, "RelayState", "SigAlg"} else value
    other = next(name for name in _MESSAGES if name != parameter)
    if parameter not in raw or other in raw:
        raise InvalidAnswer("saml.binding.parameter")
    encoding = raw.get("SAMLEncoding")
    if encoding is not None and unquote_to_bytes(encoding) != _DEFLATE.encode():
        raise InvalidAnswer("saml.binding.encoding")
    return Message(
        octets=_inflate(_base64(_value(raw[parameter]))),
        relay_state=_limit_relay_state(_value(raw.get("RelayState", b""))),
        signed_query=_signed_query(raw, parameter),
    )


def _signed_query(raw: dict[str, bytes], parameter: str) -> SignedQuery | None:
    if "Signature" not in raw and "SigAlg" not in raw:
        return None
    if "Signature" not in raw or "SigAlg" not in raw:
        raise InvalidAnswer("saml.binding.signature")
    signed = [raw[name] for name in (parameter, "RelayState", "SigAlg") if name in raw]
    return SignedQuery(
        data=b"&".join(signed),
        signature=_base64(unquote_to_bytes(raw["Signature"].replace(b"+", b" ")).decode("latin-1")),
        algorithm=_value(raw["SigAlg"]),
    )


def _value(part: bytes) -> str:
    try:
        return unquote_to_bytes(part.partition(b"=")[2].replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidAnswer("saml.binding.parameter") from error


def _exactly_one(fields: Sequence[tuple[str, str]], parameter: str) -> str:
    found = [value for name, value in fields if name == parameter]
    others = [name for name, _ in fields if name in _MESSAGES and name != parameter]
    if len(found) != 1 or others:
        raise InvalidAnswer("saml.binding.parameter", f"{len(found)} x {parameter}")
    return found[0]


def _relay_state(fields: Sequence[tuple[str, str]]) -> str:
    found = [value for name, value in fields if name == "RelayState"]
    if len(found) > 1:
        raise InvalidAnswer("saml.binding.relay-state", "several")
    return _limit_relay_state(found[0] if found else "")


def _limit_relay_state(value: str) -> str:
    if len(value.encode()) > MAX_RELAY_STATE:
        raise InvalidAnswer("saml.binding.relay-state", "too long")
    return value


def _base64(encoded: str) -> bytes:
    if len(encoded) > MAX_MESSAGE * 3 // 2:
        raise InvalidAnswer("saml.binding.size")
    if not encoded.isascii():
        raise InvalidAnswer("saml.binding.base64")
    try:
        octets = base64.b64decode(_BASE64_SPACE.sub(b"", encoded.encode("ascii")), validate=True)
    except binascii.Error as error:
        raise InvalidAnswer("saml.binding.base64") from error
    if len(octets) > MAX_MESSAGE:
        raise InvalidAnswer("saml.binding.size")
    return octets


def _inflate(octets: bytes) -> bytes:
    inflater = zlib.decompressobj(-15)
    try:
        message = inflater.decompress(octets, MAX_MESSAGE + 1)
    except zlib.error as error:
        raise InvalidAnswer("saml.binding.deflate") from error
    if len(message) > MAX_MESSAGE or inflater.unconsumed_tail:
        raise InvalidAnswer("saml.binding.size")
    if inflater.unused_data or not inflater.eof:
        raise InvalidAnswer("saml.binding.deflate")
    return message


def send_post(
    destination: str, message: bytes, relay_state: str, parameter: str = "SAMLRequest"
) -> FormDispatch:
    """The form a browser must submit (saml-bindings §3.5.4)."""
    return FormDispatch(
        action=destination,
        fields=((parameter, base64.b64encode(message).decode()), ("RelayState", relay_state)),
    )


def send_redirect(
    destination: str,
    message: bytes,
    relay_state: str,
    signer: Signer,
    *,
    parameter: str = "SAMLRequest",
    pkcs1: bool = False,
) -> RedirectDispatch:
    """The signed redirect (saml-bindings §3.4.4.1); ``message`` itself carries no signature.

    Raises VerificationError when ``destination`` already has a fragment.
    """
    if "#" in destination:
        raise VerificationError("saml.binding.destination")
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    compressed = deflater.compress(message) + deflater.flush()
    scheme = signing.scheme_for(signer.public_key, pkcs1=pkcs1)
    relay, algorithm = quote(relay_state, safe=""), quote(signing.signature_uri(scheme), safe="")
    query = f"{parameter}={_base64_value(compressed)}&RelayState={relay}&SigAlg={algorithm}"
    signature = _base64_value(signer.sign(query.encode("ascii"), scheme))
    joiner = "&" if "?" in destination else "?"
    return RedirectDispatch(url=f"{destination}{joiner}{query}&Signature={signature}")


def _base64_value(octets: bytes) -> str:
    """Base64 as a query value: three characters of its alphabet need an escape, and a loop over a
    thousand characters of a message to find them costs more than an ECDSA signature."""
    text = base64.b64encode(octets).decode("ascii")
    return text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
