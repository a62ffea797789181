"""Token exchange (RFC 8693), for one thing only: a client trades its own access token for one that a
resource server will take, and that opens nothing else."""

from __future__ import annotations

from functools import partial

from gateway.audit import TokenExchanged
from gateway.oidc import access_token, token_errors
from gateway.oidc.client_request import Call
from gateway.oidc.confirmation import proven
from gateway.oidc.grant import read_userinfo
from gateway.oidc.provider import Provider
from trust.errors import KeyUnavailable

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type
_RESULTS = {None, ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt"}


async def exchange(provider: Provider, call: Call) -> dict[str, object]:
    """The token response (RFC 8693 §2.2.1); raises GatewayError."""
    parameters, client, now = call.parameters, call.client, call.now
    subject_token = parameters.get("subject_token")
    if (
        subject_token is None
        or parameters.get("subject_token_type") != ACCESS_TOKEN
        or parameters.get("requested_token_type") not in _RESULTS
        or parameters.get("actor_token") is not None
    ):
        raise token_errors.EXCHANGE_UNSUPPORTED()
    confirmation = await proven(provider, call)
    resource = access_token.chosen(parameters.resources, client.resources)
    if resource is None:
        raise token_errors.TARGET_INVALID()
    found = await read_userinfo(provider.store, subject_token, withdrawn=provider.withdrawn, now=now)
    if found is None or found.client_id != client.client_id or resource not in found.audience.subjects:
        raise token_errors.SUBJECT_TOKEN_INVALID()
    if (found.jkt, found.x5t) != (confirmation.jkt, confirmation.x5t):
        raise token_errors.SUBJECT_TOKEN_INVALID()  # only with the key the old token is bound to
    try:
        token = await provider.keys.while_signing(
            partial(access_token.sign, provider, found.audience, resource, confirmation, now=now)
        )
    except KeyUnavailable as error:
        raise token_errors.TOKEN_UNSIGNED(cause=error) from error
    await access_token.note_origin(provider.store, found.audience)
    event = TokenExchanged(journey=found.audience.journey, client=client.client_id, resource=resource)
    await provider.audit.record(event, now=now)
    return {
        "access_token": token,
        "issued_token_type": ACCESS_TOKEN,
        "token_type": confirmation.token_type,
        "expires_in": int((found.audience.until - now).total_seconds()),
    }
