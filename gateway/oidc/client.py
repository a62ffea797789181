"""Client authentication at the token endpoint (Core §9, RFC 6749 §2.3, RFC 7523).

One method per client, the registered one; nothing falls back to another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Never
from urllib.parse import unquote_plus

from pydantic import JsonValue

from gateway.client_settings import Client, ClientClass
from gateway.errors import CatalogueEntry, GatewayError
from gateway.jose import InvalidToken, NoSuchKey, ParsedToken, TokenPolicy, header_names, numeric_date, parse
from gateway.oidc import token_errors
from gateway.oidc.certificate_names import names_client
from gateway.oidc.parameters import Parameters
from gateway.oidc.provider import Provider
from gateway.store import AlreadyClaimed

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SIGNING_ALGORITHMS = ("ES256", "PS256", "EdDSA", "RS256")

_TLS = "tls"
_NOBODYS = hashlib.sha256(b"").hexdigest()

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request brought along, one method's worth."""

    method: str
    client_id: str
    secret: str | None = None
    certificate: bytes | None = field(default=None, repr=False)
    assertion: ParsedToken | None = None


async def authenticate(
    provider: Provider,
    authorization: str | None,
    parameters: Parameters,
    *,
    certificate: bytes | None = None,
    now: datetime,
) -> Client:
    """The client that sent the request; raises GatewayError of the family ``client.*``.

    ``certificate``: what the client showed in the TLS handshake. Unknown client, other method and wrong
    secret take the same steps and say the same.
    """
    credentials = _credentials(authorization, parameters, certificate)
    known = provider.clients.get(credentials.client_id)
    fits = known is not None and credentials.method in _METHODS.get(known.token_endpoint_auth_method, ())
    client = known if fits else None
    if parameters.get("client_id") not in {None, credentials.client_id}:
        _fail(token_errors.CLIENT_AUTHENTICATION_FAILED, "two-clients")
    if credentials.secret is not None:
        _check_secret(client, credentials.secret)
    elif client is None:
        _fail(token_errors.CLIENT_AUTHENTICATION_FAILED, "unknown-client" if known is None else "method")
    elif credentials.assertion is not None:
        await _check_assertion(provider, client, credentials.assertion, now)
    else:
        await _check_certificate(provider, client, credentials.certificate or b"", now)
    if client is None:
        _fail(token_errors.CLIENT_AUTHENTICATION_FAILED, "unknown-client")
    return client


_METHODS = {
    "client_secret_basic": ("client_secret_basic",),
    "client_secret_post": ("client_secret_post",),
    "private_key_jwt": ("private_key_jwt",),
    "tls_client_auth": (_TLS,),
    "self_signed_tls_client_auth": (_TLS,),
}


def claimed_client(
    authorization: str | None, parameters: Parameters, certificate: bytes | None
) -> str | None:
    """Whom a request claims to come from, unproven; for the audit log after a refusal."""
    try:
        return _credentials(authorization, parameters, certificate).client_id
    except GatewayError:
        return None


def _credentials(authorization: str | None, parameters: Parameters, certificate: bytes | None) -> Credentials:
    """Find the one method in a request (RFC 6749 §2.3: a client must not use more than one)."""
    assertion = parameters.get("client_assertion")
    by_assertion = assertion is not None or parameters.get("client_assertion_type") is not None
    secret, client_id = parameters.get("client_secret"), parameters.get("client_id")
    if [authorization is not None, by_assertion, secret is not None].count(True) > 1:
        raise token_errors.CLIENT_AUTHENTICATION_AMBIGUOUS()
    if authorization is not None:
        return _basic(authorization)
    if by_assertion:
        return _assertion(assertion, parameters.get("client_assertion_type"))
    if client_id is not None and secret is not None:
        return Credentials("client_secret_post", client_id, secret=secret)
    if client_id is not None and certificate is not None:
        return Credentials(_TLS, client_id, certificate=certificate)
    raise token_errors.CLIENT_AUTHENTICATION_MISSING()


def _basic(authorization: str) -> Credentials:
    """``client_secret_basic``: both parts form-urlencoded, then base64 (RFC 6749 §2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        _fail(token_errors.CLIENT_AUTHENTICATION_FAILED, "scheme")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
        client_id, colon, secret = text.partition(":")
        decoded = unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except (binascii.Error, ValueError):
        _fail(token_errors.CLIENT_AUTHENTICATION_FAILED, "malformed")
    if not colon or not all(decoded):
        _fail(token_errors.CLIENT_AUTHENTICATION_FAILED, "malformed")
    return Credentials("client_secret_basic", decoded[0], secret=decoded[1])


def _assertion(assertion: str | None, kind: str | None) -> Credentials:
    if assertion is None or kind != ASSERTION_TYPE:
        _fail(token_errors.CLIENT_ASSERTION_INVALID, "assertion-type")
    try:
        token = parse(assertion)
    except InvalidToken as error:
        _fail(token_errors.CLIENT_ASSERTION_INVALID, error.reason)
    subject = token.claimed("sub")
    if subject is None:
        _fail(token_errors.CLIENT_ASSERTION_INVALID, "token.missing-sub")
    return Credentials("private_key_jwt", subject, assertion=token)


def _check_secret(client: Client | None, secret: str) -> None:
    """Also for a client that does not exist, so that the time does not tell (oidc.md §9)."""
    digest = hashlib.sha256(secret.encode("utf-8")).hexdigest()
    expected = client.client_secret_sha256 if client else None
    if not hmac.compare_digest(digest, expected or _NOBODYS) or expected is None:
        _fail(token_errors.CLIENT_AUTHENTICATION_FAILED, "secret")


async def _check_certificate(provider: Provider, client: Client, certificate: bytes, now: datetime) -> None:
    """RFC 8705 §2.1, §2.2: the registered name in a certificate of the PKI, or a registered certificate."""
    if client.token_endpoint_auth_method == "tls_client_auth":  # noqa: S105 - the name of a method
        if not names_client(certificate, client):
            _fail(token_errors.CLIENT_AUTHENTICATION_FAILED, "certificate-name")
        return
    digest = hashlib.sha256(certificate).digest()
    keys = await provider.client_keys.of(client, now=now)
    if digest not in keys.certificates:
        keys = await provider.client_keys.of(client, now=now, renew=True)
    if digest not in keys.certificates:
        _fail(token_errors.CLIENT_AUTHENTICATION_FAILED, "certificate")


async def _check_assertion(provider: Provider, client: Client, token: ParsedToken, now: datetime) -> None:
    alg = client.token_endpoint_auth_signing_alg
    if client.client_class is ClientClass.FAPI2 and alg == "RS256":
        _fail(token_errors.CLIENT_ASSERTION_INVALID, "rs256-in-fapi2")
    policy = TokenPolicy(
        algorithms=header_names(alg),
        types=frozenset({None, "jwt", "client-authentication+jwt"}),
        issuer=client.client_id,
        audience=provider.issuer,
        other_audiences=_token_endpoint(provider, client),
        required=frozenset({"iss", "sub", "aud", "exp", "jti"}),
        skew=provider.limits.clock_skew_seconds,
    )
    try:
        try:
            keys = await provider.client_keys.of(client, now=now)
            claims = token.verify(keys, policy, now=now)
        except NoSuchKey:
            keys = await provider.client_keys.of(client, now=now, renew=True)
            claims = token.verify(keys, policy, now=now)
        until = _usable_until(claims, policy, client.client_assertion_seconds, now)
    except InvalidToken as error:
        _fail(token_errors.CLIENT_ASSERTION_INVALID, error.reason)
    try:
        await provider.store.claim([(f"client-assertion {client.client_id} {claims['jti']}", until)])
    except AlreadyClaimed:
        _fail(token_errors.CLIENT_ASSERTION_REPLAYED, "jti")


def _token_endpoint(provider: Provider, client: Client) -> frozenset[str]:
    """The token endpoint as an audience, where the registration still allows it."""
    if client.client_class is ClientClass.FAPI2 or not client.token_endpoint_audience:
        return frozenset()
    return frozenset({f"{provider.issuer}/token"})


def _usable_until(claims: dict[str, JsonValue], policy: TokenPolicy, seconds: int, now: datetime) -> datetime:
    """When a replay is refused for its age; until then its ``jti`` is remembered."""
    if claims["sub"] != policy.issuer:
        raise InvalidToken("token.subject")
    if not isinstance(claims["jti"], str) or not 1 <= len(claims["jti"]) <= 512:
        raise InvalidToken("token.jti")
    expires = numeric_date(claims, "exp")
    if expires is None or expires > now.timestamp() + seconds + policy.skew:
        raise InvalidToken("token.lifetime")
    return datetime.fromtimestamp(expires, UTC) + timedelta(seconds=policy.skew + 1)


def _fail(entry: CatalogueEntry, reason: str) -> Never:
    _log.info("client authentication refused: %s", reason)
    raise entry()
