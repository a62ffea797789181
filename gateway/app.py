"""Builds the application: keys, connectors, the whole route table."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from connectors.contract import Connector, EIDClientConnector, FormDispatch
from connectors.saml.selfcheck import selfcheck
from gateway import public, registering
from gateway.audit import Audit
from gateway.bundle import Configuration
from gateway.client_certificate import FromProxy
from gateway.client_settings import Client
from gateway.errors import GatewayError
from gateway.health import Health
from gateway.http import Guard, limited
from gateway.jose import KeyRing, KeyStage, PublicKeySet, SigningKey
from gateway.login.back import back
from gateway.login.callback import callback
from gateway.login.cookies import Cookies
from gateway.login.desk import EIDMeans, LoginDesk
from gateway.login.eid_client import paos, tc_token
from gateway.login.eid_pages import choose_way, intro, run
from gateway.login.leave import cancel, error_page, failed
from gateway.login.logout import logout
from gateway.login.offer import reach
from gateway.login.open import open_journey
from gateway.login.phone import connect as connect_phone
from gateway.login.phone import visit_page, warn
from gateway.login.release import decide, show
from gateway.login.second_device import qr_page, qr_step
from gateway.login.select import select
from gateway.login.start import start
from gateway.metadata_refresh import MetadataRefresh
from gateway.oidc import discovery, jwks
from gateway.oidc.authorize import authorize
from gateway.oidc.backchannel_logout import BackChannel, guarded_post
from gateway.oidc.client_keys import ClientKeys, guarded_get
from gateway.oidc.client_request import refusal
from gateway.oidc.grant import CodeIssuer
from gateway.oidc.introspection import introspect
from gateway.oidc.provider import Provider
from gateway.oidc.push import push
from gateway.oidc.registered import RegisteredClients
from gateway.oidc.registration import PATH, Registrar, manage, register
from gateway.oidc.respond import Responder, description
from gateway.oidc.revocation import revoke
from gateway.oidc.subject import SubjectKey
from gateway.oidc.token import token
from gateway.oidc.userinfo import userinfo
from gateway.settings import KeyPurpose, Settings, StoreSection
from gateway.sources import build_connectors, fetch_policy
from gateway.store import Acknowledgement, Store, StoreAddress, connect
from gateway.web.eid_pages import Way
from gateway.web.frame import Frame
from gateway.web.pages import HandoverPage, Target
from gateway.web.render import Renderer
from gateway.web.static_files import StaticFiles
from trust.keys import InMemoryKey
from trust.log import AppendOnlyLog, open_database

Handler = Callable[[Request], Awaitable[Response]]
_THREADS = 4
_WAITING_THREADS = 32
"""Each waits for an eID service and costs next to nothing meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """One process's share of the gateway; ``start`` before the first request, ``stop`` after the last."""

    public: ASGIApp
    mtls: ASGIApp | None
    """For clients that show a TLS certificate."""
    management: ASGIApp
    store: Store
    log: AppendOnlyLog
    refresh: MetadataRefresh
    registered: RegisteredClients | None
    """Only where clients may register themselves."""
    back_channel: BackChannel
    executors: tuple[Executor, ...] = field(repr=False)

    def start(self) -> None:
        self.log.start()
        self.refresh.start()

    async def stop(self) -> None:
        self.refresh.stop()
        await self.back_channel.settled()
        await self.store.close()
        for executor in self.executors:
            executor.shutdown(wait=True)
        if self.registered is not None:
            self.registered.close()
        self.log.stop()


def build(
    configuration: Configuration,
    store_address: StoreAddress,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    connectors: Mapping[str, Connector] | None = None,
) -> Application:
    """Put everything together; raises what makes a start unsafe (design.md §3 invariant 9).

    ``connectors`` replaces the configured ones, for tests of the journey alone.
    """
    selfcheck()
    settings = configuration.settings
    issuer = settings.gateway.issuer
    base = urlsplit(issuer).path
    store = Store(
        connect(store_address),
        clock=lambda: clock().timestamp(),
        acknowledgement=_acknowledgement(configuration.settings.store),
    )
    log = AppendOnlyLog(open_database(configuration.database_url.render_as_string(hide_password=False)))
    audit = Audit(log)
    if connectors is None:
        connectors = build_connectors(configuration, log, clock=clock)
    static = StaticFiles(base_path=base)
    renderer = Renderer(settings.gateway, static)
    token_keys = _token_keys(configuration)
    respond = Responder(issuer, token_keys)
    registered = registering.registered_clients(configuration) if registering.enabled(configuration) else None
    clients: Mapping[str, Client] = configuration.clients if registered is None else registered
    executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="cryptography")
    waiting = ThreadPoolExecutor(_WAITING_THREADS, thread_name_prefix="eid-service")
    desk = LoginDesk(
        issuer=issuer,
        clients=clients,
        connectors=connectors,
        means_names={name: settings.name for name, settings in configuration.connectors.items()},
        accounts=frozenset(configuration.accounts),
        eid_clients=_eid_clients(configuration, connectors),
        store=store,
        audit=audit,
        render=renderer.response,
        codes=CodeIssuer(
            issuer=issuer,
            store=store,
            subject_key=SubjectKey(configuration.subject_key),
            clients=clients,
            limits=settings.limits,
            random=secrets.token_bytes,
        ),
        respond=respond,
        cookies=Cookies(https=issuer.startswith("https")),
        limits=settings.limits,
        clock=clock,
        random=secrets.token_bytes,
        languages=settings.gateway.languages,
        base=base,
        executor=executor,
        waiting_executor=waiting,
    )
    back_channel = BackChannel(
        issuer=issuer,
        keys=token_keys,
        audit=audit,
        post=guarded_post(fetch_policy(configuration)),
        random=secrets.token_bytes,
        clock=clock,
    )
    provider = Provider(
        issuer=issuer,
        clients=clients,
        client_keys=_client_keys(configuration),
        keys=token_keys,
        respond=respond,
        store=store,
        audit=audit,
        pages=_Pages(desk),
        open_journey=partial(open_journey, desk),
        reach=partial(reach, desk),
        limits=settings.limits,
        languages=settings.gateway.languages,
        clock=clock,
        random=secrets.token_bytes,
        policy_uri=settings.gateway.privacy_url,
        mtls_url=settings.listen.mtls_url,
        registration=registered is not None,
    )
    routes = _routes(configuration, desk, provider, back_channel, static, base)
    if registered is not None:
        get = guarded_get(fetch_policy(configuration))
        routes += _registration(registering.registrar(configuration, provider, registered, get), desk, base)
    refresh = MetadataRefresh(connectors, clock=clock)
    health = Health(store=store, log=log, connectors=connectors, refresh=refresh, clock=clock)
    return Application(
        public=Guard(
            app=Router(routes, redirect_slashes=False),
            issuer=issuer,
            body_bytes=settings.limits.body_bytes,
            refuse=partial(_refuse, desk),
        ),
        mtls=_mtls(settings, provider, store, base),
        management=Router(health.routes()),
        store=store,
        log=log,
        refresh=refresh,
        registered=registered,
        back_channel=back_channel,
        executors=(executor, waiting),
    )


def _routes(
    configuration: Configuration,
    desk: LoginDesk,
    provider: Provider,
    back_channel: BackChannel,
    static: StaticFiles,
    base: str,
) -> list[Route]:
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
        ("/login/{journey}", ["GET"], at(select)),
        ("/login/{journey}/start", ["POST"], at(start)),
        ("/login/{journey}/failed", ["GET"], at(failed)),
        ("/login/{journey}/release", ["GET"], at(show)),
        ("/login/{journey}/release", ["POST"], at(decide)),
        ("/login/{journey}/cancel", ["POST"], at(cancel)),
        ("/login/{journey}/back", ["GET"], at(back)),
        # with an eID-Client; "qr" stands before any other way
        ("/login/{journey}/client", ["GET"], at(intro)),
        ("/login/{journey}/client/start", ["GET"], at(choose_way)),
        ("/login/{journey}/client/qr", ["GET"], at(qr_page)),
        ("/login/{journey}/client/qr", ["POST"], at(qr_step)),
        ("/login/{journey}/client/{way}", ["GET"], at(run)),
        ("/login/{journey}/phone", ["GET"], at(visit_page)),
        ("/login/{journey}/phone/{link}", ["GET"], at(warn)),
        ("/login/{journey}/phone/{link}", ["POST"], at(connect_phone)),
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
    routes = [Route(base + path, _as_endpoint(handler), methods=methods) for path, methods, handler in table]
    # RFC 8414 §3.1: inserted between host and path of the issuer
    return [
        *routes,
        Route(f"/.well-known/oauth-authorization-server{base}", serve_discovery, methods=["GET"]),
    ]


def _registration(registrar: Registrar, desk: LoginDesk, base: str) -> list[Route]:
    """Dynamic client registration, in development mode only."""

    def at(step: Callable[[Registrar, Request], Awaitable[Response]]) -> Handler:
        return _as_endpoint(limited(partial(step, registrar), desk.store, "token", registrar.per_minute))

    one = f"{base}{PATH}/{{client_id}}"
    return [
        Route(base + PATH, at(register), methods=["POST"]),
        Route(one, at(manage), methods=["GET", "PUT", "DELETE"]),
    ]


def _mtls(settings: Settings, provider: Provider, store: Store, base: str) -> ASGIApp | None:
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
    return guarded if listen.mtls_client_ca is not None else FromProxy(guarded)


def _as_endpoint(handler: Handler) -> Handler:
    # Starlette takes a partial for an ASGI application; a function is what it must see.
    async def endpoint(request: Request) -> Response:
        return await handler(request)

    return endpoint


def _refuse(desk: LoginDesk, request: Request, error: GatewayError) -> Response:
    """The answer for an error that no route has answered: JSON for programs, a page for people."""
    path = request.url.path.removeprefix(desk.base)
    if path in {"/par", "/token", "/userinfo", "/introspect", "/revoke"} or path.startswith(PATH):
        body = {"error": error.entry.oidc_error, "error_description": description(error)}
        return JSONResponse(body, status_code=error.entry.http_status)
    return error_page(desk, request, error)


@dataclass(frozen=True, slots=True)
class _Pages:
    """``gateway.oidc.provider.Pages``: the provider's pages look like those of the journey."""

    desk: LoginDesk

    def error(self, request: Request, error: GatewayError, *, client: Client | None) -> Response:
        return error_page(self.desk, request, error, client=client)

    def form(self, form: FormDispatch, *, client: Client, languages: tuple[str, ...]) -> Response:
        del client
        frame = Frame(languages=languages, now=self.desk.clock())
        page = HandoverPage(frame=frame, action=form.action, fields=form.fields, target=Target.SERVICE)
        return self.desk.render(page)


def _eid_clients(configuration: Configuration, connectors: Mapping[str, Connector]) -> dict[str, EIDMeans]:
    cards = configuration.cards
    return {
        name: EIDMeans(
            connector=connector, ways=tuple(map(Way, cards[name].start_on)) if name in cards else tuple(Way)
        )
        for name, connector in connectors.items()
        if isinstance(connector, EIDClientConnector)
    }


def _acknowledgement(section: StoreSection) -> Acknowledgement | None:
    if not section.replicas:
        return None
    # half the time of a command, so that its answer comes before the connection is given up
    return Acknowledgement(section.replicas, int(section.timeout_seconds * 500))


def _token_keys(configuration: Configuration) -> KeyRing:
    return KeyRing(
        SigningKey.of(key.key, _algorithm(key.key), KeyStage(key.state.value))
        for key in configuration.keys[KeyPurpose.OIDC_SIGNING]
    )


def _algorithm(key: InMemoryKey) -> str:
    return "RS256" if key.private_key.key_size >= 2048 else "ES256"


def _client_keys(configuration: Configuration) -> ClientKeys:
    files = {
        name: PublicKeySet.parse(configuration.path(client.jwks_file).read_bytes())
        for name, client in configuration.clients.items()
        if client.jwks_file is not None
    }
    return ClientKeys(files, guarded_get(fetch_policy(configuration)))
