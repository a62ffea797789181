"""Builds what is in force from one configuration: the provider, the login desk and their listeners.

``Premises`` is what lives as long as the process; everything else is built anew for each generation, which
costs a few milliseconds and keeps no state: that is in the store.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router

from connectors.contract import Connector, EIDClientConnector, FormDispatch
from gateway import registering
from gateway.audit import Audit
from gateway.bundle import Configuration
from gateway.client_settings import Client
from gateway.errors import GatewayError
from gateway.http import Guard
from gateway.jose import KeyRing, KeyStage, PublicKeySet, SigningKey
from gateway.jose.strength import client_rsa_bits
from gateway.live import Generation
from gateway.login.cookies import Cookies
from gateway.login.desk import EIDMeans, LoginDesk
from gateway.login.leave import error_page
from gateway.login.offer import reach
from gateway.login.open import open_journey
from gateway.oidc.authorization_code import CodeIssuer
from gateway.oidc.backchannel_logout import BackChannel, guarded_post
from gateway.oidc.client_keys import ClientKeys, guarded_get
from gateway.oidc.provider import Provider
from gateway.oidc.registered import RegisteredClients
from gateway.oidc.respond import Responder
from gateway.oidc.subject import SubjectKey
from gateway.probes.client import clients_of
from gateway.routes import certificate_listener, refuse, registration_routes, routes
from gateway.settings import KeyPurpose
from gateway.sources import fetch_policy
from gateway.store import Store
from gateway.web.eid_pages import Way
from gateway.web.frame import Frame
from gateway.web.pages import HandoverPage, Target
from gateway.web.render import Renderer
from gateway.web.static_files import StaticFiles
from gateway.withdrawn import Withdrawn
from trust.keys import Signer
from trust.registry import Fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What all generations of a process share."""

    started: Configuration
    """From the files, as the process was started."""
    store: Store
    audit: Audit
    static: StaticFiles
    renderer: Renderer
    registrations: sa.Engine | None
    """Where clients that registered themselves are; only where they may."""
    executor: Executor
    waiting: Executor
    clock: Callable[[], datetime]

    @property
    def base(self) -> str:
        """Path of the issuer."""
        return urlsplit(self.started.settings.gateway.issuer).path


def generation(
    premises: Premises,
    configuration: Configuration,
    connectors: Mapping[str, Connector],
    *,
    fold: Fold | None = None,
    withdrawn: Withdrawn,
) -> Generation:
    """Everything of one generation, not yet in force. ``configuration`` and ``withdrawn`` as ``gateway.suspension`` gave them."""
    settings, store, clock, base = configuration.settings, premises.store, premises.clock, premises.base
    issuer = settings.gateway.issuer
    token_keys = _token_keys(configuration)
    respond = Responder(issuer, token_keys)
    registered = None
    clients = clients_of(configuration)
    if premises.registrations is not None:
        clients = registered = RegisteredClients(clients, premises.registrations)
    desk = LoginDesk(
        issuer=issuer,
        clients=clients,
        connectors=connectors,
        means_names={name: settings.name for name, settings in configuration.connectors.items()},
        accounts=frozenset(configuration.accounts),
        eid_clients=_eid_clients(configuration, connectors),
        withdrawn=withdrawn,
        store=store,
        audit=premises.audit,
        render=premises.renderer.response,
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
        executor=premises.executor,
        waiting_executor=premises.waiting,
    )
    policy = fetch_policy(configuration)
    back_channel = BackChannel(
        issuer=issuer,
        keys=token_keys,
        audit=premises.audit,
        post=guarded_post(policy),
        random=secrets.token_bytes,
        clock=clock,
    )
    provider = Provider(
        issuer=issuer,
        clients=clients,
        client_keys=_client_keys(configuration),
        keys=token_keys,
        respond=respond,
        withdrawn=withdrawn,
        store=store,
        audit=premises.audit,
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
    table = routes(configuration, desk, provider, back_channel, premises.static, base)
    if registered is not None:
        registrar = registering.registrar(configuration, provider, registered, guarded_get(policy))
        table += registration_routes(registrar, desk, base)
    return Generation(
        configuration=configuration,
        connectors=connectors,
        fold=fold,
        suspended=frozenset(fold.suspensions) if fold is not None else frozenset(),
        since=clock(),
        public=Guard(
            app=Router(table, redirect_slashes=False),
            issuer=issuer,
            body_bytes=settings.limits.body_bytes,
            refuse=partial(refuse, desk),
        ),
        mtls=certificate_listener(settings, provider, store, base),
        back_channel=back_channel,
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
