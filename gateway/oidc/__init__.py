"""The OpenID Provider: code flow with PKCE only (Core, RFC 6749, RFC 9700).

``routes`` is what ``gateway.app`` mounts. Reading starts at ``authorize``.
"""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.oidc import authorize as authorize_endpoint
from gateway.oidc import discovery, jwks
from gateway.oidc import token as token_endpoint
from gateway.oidc import userinfo as userinfo_endpoint
from gateway.oidc.provider import Pages, Provider, Reach

__all__ = ["Pages", "Provider", "Reach", "routes"]


def routes(provider: Provider) -> list[Route]:
    """The endpoints of ``provider``; documents are built here, once."""
    configuration = json.dumps(discovery.discovery_document(provider), indent=1).encode("ascii")
    key_set = jwks.jwks_octets(provider.keys)

    async def authorize(request: Request) -> Response:
        return await authorize_endpoint.authorize(provider, request)

    async def token(request: Request) -> Response:
        return await token_endpoint.token(provider, request)

    async def userinfo(request: Request) -> Response:
        return await userinfo_endpoint.userinfo(provider, request)

    async def openid_configuration(_: Request) -> Response:
        return jwks.published(configuration, discovery.MAX_AGE)

    async def keys(_: Request) -> Response:
        return jwks.published(key_set, jwks.MAX_AGE)

    return [
        Route("/.well-known/openid-configuration", openid_configuration, methods=["GET"]),
        Route("/jwks", keys, methods=["GET"]),
        Route("/authorize", authorize, methods=["GET", "POST"]),
        Route("/token", token, methods=["POST"]),
        Route("/userinfo", userinfo, methods=["GET", "POST"]),
    ]
