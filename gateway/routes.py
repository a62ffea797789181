"""The whole route table: who answers what, and with which limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from gateway import public
from gateway.bundle import Configuration
from gateway.client_certificate import FromProxy
from gateway.errors import GatewayError
from gateway.http import Guard, admission, limited
from gateway.login.back import back
from gateway.login.callback import callback
from gateway.login.desk import LoginDesk
from gateway.login.eid_client import paos, tc_token
from gateway.login.eid_pages import choose_way, intro, run
from gateway.login.leave import cancel, error_page, failed
from gateway.login.logout import logout
from gateway.login.phone import connect as connect_phone
from gateway.login.phone import visit_page, warn
from gateway.login.release import decide, show
from gateway.login.second_device import qr_page, qr_step
from gateway.login.select import select
from gateway.login.start import start
from gateway.oidc import discovery, jwks
from gateway.oidc.authorize import authorize
from gateway.oidc.backchannel_logout import BackChannel
from gateway.oidc.client_request import refusal
from gateway.oidc.introspection import introspect
from gateway.oidc.provider import Provider
from gateway.oidc.push import push
from gateway.oidc.registration import PATH, Registrar, manage, register
from gateway.oidc.respond import description, error_uri
from gateway.oidc.revocation import revoke
from gateway.oidc.token import token
from gateway.oidc.userinfo import userinfo
from gateway.settings import Settings
from gateway.store import Store
from gateway.web.static_files import StaticFiles

Handler = Callable[[Request], Awaitable[Response]]


def routes(
    configuration: Configuration,
    desk: LoginDesk,
    provider: Provider,
    back_channel: BackChannel,
    static: StaticFiles,
    base: str,
) -> list[Route]:
    """Everything the public listener answers, below the issuer's path ``base``."""
    rate = configuration.settings.rate
    discovery_octets = JSONResponse(discovery.discovery_document(provider)).body
    jwks_octets = jwks.jwks_octets(provider.keys)

    async def serve_discovery(_: Request) -> Response:
        return jwks.published(bytes(discovery_octets), discovery.MAX_AGE)

    async def serve_jwks(_: Request) -> Response:
        return jwks.published(jwks_octets, jwks.MAX_AGE)

    def at(step: Callable[[LoginDesk, Request], Awaitable[Response]]) -> Handler:
        return partial(step, desk)

    def op(endpoint: Callable[[Provider, Request], Awaitable[Response]], name: str, limit: int) -> Handler:
        return limited(partial(endpoint, provider), desk.store, name, limit)

    async def end_session(request: Request) -> Response:
        return await logout(desk, back_channel, request)

    def begins(step: Callable[[LoginDesk, Request], Awaitable[Response]]) -> Handler:
        """One login can begin any number of exchanges, and each is remembered until it ends."""
        return limited(at(step), desk.store, "begin", rate.authorize)

    # a page that may be looked at without end, but for where it begins an exchange by itself
    choice = at(partial(select, admit=admission(desk.store, "begin", rate.authorize)))
    answer = limited(at(callback), desk.store, "callback", rate.callback)
    client = limited(at(tc_token), desk.store, "tctoken", rate.callback)
    # a login takes about five
    messages = limited(at(paos), desk.store, "paos", 10 * rate.callback)
    table: list[tuple[str, list[str], Handler]] = [
        # OpenID Provider
        ("/.well-known/openid-configuration", ["GET"], serve_discovery),
        ("/jwks", ["GET"], serve_jwks),
        ("/authorize", ["GET", "POST"], op(authorize, "authorize", rate.authorize)),
        ("/par", ["POST"], op(push, "token", rate.token)),
        ("/token", ["POST"], op(token, "token", rate.token)),
        ("/introspect", ["POST"], op(introspect, "token", rate.token)),
        ("/revoke", ["POST"], op(revoke, "token", rate.token)),
        ("/userinfo", ["GET", "POST"], op(userinfo, "token", rate.token)),
        ("/logout", ["GET", "POST"], limited(end_session, desk.store, "authorize", rate.authorize)),
        # the citizen's journey
        ("/login/{journey}", ["GET"], choice),
        ("/login/{journey}/start", ["POST"], begins(start)),
        ("/login/{journey}/failed", ["GET"], at(failed)),
        ("/login/{journey}/release", ["GET"], at(show)),
        ("/login/{journey}/release", ["POST"], at(decide)),
        ("/login/{journey}/cancel", ["POST"], at(cancel)),
        ("/login/{journey}/back", ["GET"], at(back)),
        # with an eID-Client; "qr" stands before any other way
        ("/login/{journey}/client", ["GET"], at(intro)),
        ("/login/{journey}/client/start", ["GET"], at(choose_way)),
        ("/login/{journey}/client/qr", ["GET"], at(qr_page)),
        ("/login/{journey}/client/qr", ["POST"], begins(qr_step)),
        ("/login/{journey}/client/{way}", ["GET"], at(run)),
        ("/login/{journey}/phone", ["GET"], at(visit_page)),
        ("/login/{journey}/phone/{link}", ["GET"], at(warn)),
        ("/login/{journey}/phone/{link}", ["POST"], begins(connect_phone)),
        # sources of identity
        ("/connectors/{connector}/acs", ["GET", "POST"], answer),
        ("/connectors/{connector}/tctoken/{ticket}", ["GET"], client),
        ("/connectors/{connector}/paos", ["POST"], messages),
        ("/connectors/{connector}/{document}", ["GET"], at(public.document)),
        # for everybody
        ("/", ["GET"], at(public.index)),
        ("/countries", ["GET"], at(public.list_countries)),
        ("/error/{code}", ["GET"], at(public.error_reference)),
        ("/static/{name}", ["GET"], static.endpoint),
    ]
    below = [Route(base + path, _as_endpoint(handler), methods=methods) for path, methods, handler in table]
    # RFC 8414 §3.1: inserted between host and path of the issuer
    return [
        *below,
        Route(f"/.well-known/oauth-authorization-server{base}", serve_discovery, methods=["GET"]),
    ]


def registration_routes(registrar: Registrar, desk: LoginDesk, base: str) -> list[Route]:
    """Dynamic client registration, in development mode only."""

    def at(step: Callable[[Registrar, Request], Awaitable[Response]]) -> Handler:
        return _as_endpoint(limited(partial(step, registrar), desk.store, "token", registrar.per_minute))

    one = f"{base}{PATH}/{{client_id}}"
    return [
        Route(base + PATH, at(register), methods=["POST"]),
        Route(one, at(manage), methods=["GET", "PUT", "DELETE"]),
    ]


def certificate_listener(settings: Settings, provider: Provider, store: Store, base: str) -> ASGIApp | None:
    """The endpoints that clients call themselves, once more, behind TLS that asks for a certificate."""
    listen = settings.listen
    if listen.mtls_url is None:
        return None
    endpoints: dict[str, tuple[list[str], Callable[[Provider, Request], Awaitable[Response]]]] = {
        "/par": (["POST"], push),
        "/token": (["POST"], token),
        "/introspect": (["POST"], introspect),
        "/revoke": (["POST"], revoke),
        "/userinfo": (["GET", "POST"], userinfo),
    }
    routes = [
        Route(
            base + path,
            _as_endpoint(limited(partial(endpoint, provider), store, "token", settings.rate.token)),
            methods=methods,
        )
        for path, (methods, endpoint) in endpoints.items()
    ]
    guarded = Guard(
        app=Router(routes, redirect_slashes=False),
        issuer=listen.mtls_url,
        body_bytes=settings.limits.body_bytes,
        refuse=lambda _, error: refusal(provider, error, basic=False),
    )
    return guarded if listen.mtls_client_ca is not None else FromProxy(guarded, listen.trusted_proxies)


def _as_endpoint(handler: Handler) -> Handler:
    # Starlette takes a partial for an ASGI application; a function is what it must see.
    async def endpoint(request: Request) -> Response:
        return await handler(request)

    return endpoint


def refuse(desk: LoginDesk, request: Request, error: GatewayError) -> Response:
    """The answer for an error that no route has answered: JSON for programs, a page for people."""
    if desk.audit.counts is not None:
        desk.audit.counts.answered(error)
    path = request.url.path.removeprefix(desk.base)
    if path in {"/par", "/token", "/userinfo", "/introspect", "/revoke"} or path.startswith(PATH):
        body = {
            "error": error.entry.oidc_error,
            "error_description": description(error),
            "error_uri": error_uri(desk.issuer, error),
        }
        return JSONResponse(body, status_code=error.entry.http_status)
    return error_page(desk, request, error)
