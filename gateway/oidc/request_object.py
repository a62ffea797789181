"""Request objects: authorization parameters in a JWT that the client has signed (RFC 9101, JAR).

Only what is inside counts. Request objects come by value, at the pushed or at the plain endpoint; a
``request_uri`` of a client is never fetched.
"""

from __future__ import annotations

import json
from datetime import datetime

from pydantic import JsonValue

from gateway.client_settings import Client
from gateway.errors import GatewayError
from gateway.jose import InvalidToken, NoSuchKey, ParsedToken, TokenPolicy, header_names, numeric_date, parse
from gateway.oidc import request_object_errors
from gateway.oidc.client_keys import ClientKeys
from gateway.oidc.parameters import RESOURCE, Parameters
from gateway.oidc.token_errors import CLIENT_KEYS_UNAVAILABLE

_HOUR = 3600
_NOT_INSIDE = frozenset(
    {"request", "request_uri", "client_assertion", "client_assertion_type", "client_secret"}
)
_OF_THE_JWT = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti", "sub"})


async def unpack(
    client: Client, parameters: Parameters, *, keys: ClientKeys, issuer: str, skew: int, now: datetime
) -> Parameters:
    """The parameters inside ``request``; raises GatewayError ``authorize.request_object_invalid`` and kin."""
    text = parameters.get("request")
    if text is None:
        return parameters
    if parameters.get("request_uri") is not None:  # never both (RFC 9101 §5)
        raise request_object_errors.REQUEST_URI_UNSUPPORTED()
    try:
        if text.endswith("."):  # no third part: alg none
            raise request_object_errors.REQUEST_OBJECT_UNSIGNED()
        token = parse(text)
        policy = _policy(client, issuer, skew)
        try:
            claims = token.verify(await keys.of(client, now=now), policy, now=now)
        except NoSuchKey:
            claims = token.verify(await keys.of(client, now=now, renew=True), policy, now=now)
        _check(client, token, claims, now)
    except InvalidToken as error:
        raise request_object_errors.REQUEST_OBJECT_INVALID(cause=error) from error
    except GatewayError as error:
        if error.entry is CLIENT_KEYS_UNAVAILABLE:  # also: none are registered
            raise request_object_errors.REQUEST_OBJECT_INVALID(cause=error) from error
        raise
    return _parameters(claims)


def _policy(client: Client, issuer: str, skew: int) -> TokenPolicy:
    alg = client.request_object_signing_alg or client.token_endpoint_auth_signing_alg
    strict = client.fapi or client.require_signed_request_object
    return TokenPolicy(
        algorithms=header_names(alg) - (frozenset({"RS256"}) if client.fapi else frozenset()),
        types=frozenset({None, "jwt", "oauth-authz-req+jwt"}),
        issuer=client.client_id,
        audience=issuer,
        audience_among_others=True,
        required=frozenset({"client_id", "nbf", "exp"} if strict else {"client_id"}),
        skew=skew,
    )


def _check(client: Client, token: ParsedToken, claims: dict[str, JsonValue], now: datetime) -> None:
    """What JAR and FAPI 2.0 Message Signing §5.3.1 ask beyond any JWT; raises InvalidToken."""
    if claims["client_id"] != client.client_id:
        raise InvalidToken("request.client_id")
    if token.claimed("sub") == client.client_id:
        raise InvalidToken("request.sub")  # it could pass for a client assertion (RFC 9101 §10.8)
    if _NOT_INSIDE & claims.keys():
        raise InvalidToken("request.member")
    begins, expires = numeric_date(claims, "nbf"), numeric_date(claims, "exp")
    if begins is not None and begins < now.timestamp() - _HOUR:
        raise InvalidToken("request.too-old")
    if begins is not None and expires is not None and expires > begins + _HOUR:
        raise InvalidToken("request.lifetime")


def _parameters(claims: dict[str, JsonValue]) -> Parameters:
    """Members as if they had come as parameters: ``claims`` may be an object, ``max_age`` a number."""
    values: dict[str, str] = {}
    resources: tuple[str, ...] = ()
    for name, value in claims.items():
        if name in _OF_THE_JWT or value is None:
            continue
        if name == RESOURCE:
            listed = value if isinstance(value, list) else [value]
            resources = tuple(str(resource) for resource in listed)
        elif isinstance(value, str):
            values[name] = value
        elif isinstance(value, int) and not isinstance(value, bool):
            values[name] = str(value)
        elif isinstance(value, dict):
            values[name] = json.dumps(value, ensure_ascii=False)
        else:
            raise request_object_errors.REQUEST_OBJECT_INVALID()
    return Parameters({name: value for name, value in values.items() if value}, frozenset(), resources)
