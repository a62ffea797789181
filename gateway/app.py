"""Builds the application: keys, store, sources of identity, the provider and the login desk."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import ASGIApp

from connectors.contract import Connector, EIDClientConnector, FormDispatch
from connectors.saml.selfcheck import selfcheck
from gateway import registering
from gateway.audit import Audit
from gateway.bundle import Configuration
from gateway.bundle_keys import probed_keys
from gateway.client_settings import Client
from gateway.errors import GatewayError
from gateway.health import Health
from gateway.http import Guard
from gateway.jose import KeyRing, KeyStage, PublicKeySet, SigningKey
from gateway.jose.strength import client_rsa_bits
from gateway.login.cookies import Cookies
from gateway.login.desk import EIDMeans, LoginDesk
from gateway.login.leave import error_page
from gateway.login.offer import reach
from gateway.login.open import open_journey
from gateway.metadata_refresh import MetadataRefresh
from gateway.oidc.backchannel_logout import BackChannel, guarded_post
from gateway.oidc.client_keys import ClientKeys, guarded_get
from gateway.oidc.grant import CodeIssuer
from gateway.oidc.provider import Provider
from gateway.oidc.registered import RegisteredClients
from gateway.oidc.respond import Responder
from gateway.oidc.subject import SubjectKey
from gateway.routes import certificate_listener, refuse, registration_routes, routes
from gateway.settings import KeyPurpose, StoreSection
from gateway.sources import build_connectors, fetch_policy
from gateway.store import Acknowledgement, Store, StoreAddress, connect
from gateway.web.eid_pages import Way
from gateway.web.frame import Frame
from gateway.web.pages import HandoverPage, Target
from gateway.web.render import Renderer
from gateway.web.static_files import StaticFiles
from trust.keys import Signer
from trust.log import AppendOnlyLog, open_database

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
    table = routes(configuration, desk, provider, back_channel, static, base)
    if registered is not None:
        get = guarded_get(fetch_policy(configuration))
        table += registration_routes(
            registering.registrar(configuration, provider, registered, get), desk, base
        )
    refresh = MetadataRefresh(connectors, clock=clock)
    health = Health(
        store=store,
        log=log,
        connectors=connectors,
        refresh=refresh,
        keys=probed_keys(configuration.keys),
        clock=clock,
    )
    return Application(
        public=Guard(
            app=Router(table, redirect_slashes=False),
            issuer=issuer,
            body_bytes=settings.limits.body_bytes,
            refuse=partial(refuse, desk),
        ),
        mtls=certificate_listener(settings, provider, store, base),
        management=Router(health.routes()),
        store=store,
        log=log,
        refresh=refresh,
        registered=registered,
        back_channel=back_channel,
        executors=(executor, waiting),
    )


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


def _algorithm(key: Signer) -> str:
    return "RS256" if isinstance(key.public_key, rsa.RSAPublicKey) else "ES256"


def _client_keys(configuration: Configuration) -> ClientKeys:
    rsa_bits = client_rsa_bits(anybody_may_register=configuration.settings.registration.enabled)
    files = {
        name: PublicKeySet.parse(configuration.path(client.jwks_file).read_bytes(), rsa_bits=rsa_bits)
        for name, client in configuration.clients.items()
        if client.jwks_file is not None
    }
    return ClientKeys(files, guarded_get(fetch_policy(configuration)), rsa_bits=rsa_bits)
