"""What clients that register themselves get: the settings they cannot choose, and the checks they must pass.

Everything here is for trying out; ``gateway.bundle.checks`` refuses it in production.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from connectors.identity import LEGAL_ATTRIBUTES, NATURAL_ATTRIBUTES
from gateway.bundle import Configuration
from gateway.bundle.accounts import check_presentations
from gateway.bundle.clients import check_clients
from gateway.bundle.npa import check_clients as check_cards
from gateway.bundle.problems import Located, Problems
from gateway.client_settings import BACK_THROUGH_GATEWAY, AccountPresentation, Client
from gateway.oidc.client_keys import Get
from gateway.oidc.provider import Provider
from gateway.oidc.registered import RegisteredClients
from gateway.oidc.registration import Registrar
from gateway.settings import ConfigurationProblem, Mode

_REQUIRED = ("family_name", "given_name", "date_of_birth", "legal_name")
_NAME = "Test-Client"
_SESSION_SECONDS = 600


def enabled(configuration: Configuration) -> bool:
    """Whether anybody may register here."""
    settings = configuration.settings
    return settings.registration.enabled and settings.gateway.mode is Mode.DEVELOPMENT


def registrar(
    configuration: Configuration, provider: Provider, clients: RegisteredClients, get: Get
) -> Registrar:
    """The registration endpoint's surroundings."""
    return Registrar(
        provider=provider,
        clients=clients,
        check=partial(problems_of, configuration),
        fixed=fixed_settings(configuration),
        get=get,
        per_minute=configuration.settings.rate.token,
        initial_access_token=configuration.registration_token,
    )


def fixed_settings(configuration: Configuration) -> dict[str, Any]:
    """Generous: both kinds of person, every attribute, every means that such a client can use."""
    everything = dict.fromkeys((*NATURAL_ATTRIBUTES, *LEGAL_ATTRIBUTES))
    fixed: dict[str, Any] = {
        "operator": {"de": "Nicht geprüft", "en": "Not verified"},
        "purpose": {"de": "Ausprobieren", "en": "Trying out"},
        "persons": ("natural", "legal"),
        "representation": "accept",
        "required": _REQUIRED,
        "optional": tuple(name for name in everything if name not in _REQUIRED),
        "accept_non_notified": True,
        "session_seconds": _SESSION_SECONDS,
        "resources": tuple(
            client.resource for client in configuration.clients.values() if client.resource is not None
        ),
    }
    accounts = {name: _presentation() for name in configuration.accounts}
    usable = [
        name for name in sorted(configuration.connectors) if _usable(configuration, fixed, accounts, name)
    ]
    return {
        **fixed,
        "means": tuple(usable),
        "accounts": {name: accounts[name] for name in usable if name in accounts},
    }


def problems_of(configuration: Configuration, client: Client) -> list[ConfigurationProblem]:
    """What ``check-config`` would say about a file with this registration."""
    problems, settings = Problems(), configuration.settings
    located = [Located(file="", model=client)]
    accounts = {name: Located(file="", model=found) for name, found in configuration.accounts.items()}
    cards = {name: Located(file="", model=found) for name, found in configuration.cards.items()}
    check_clients(located, configuration.connectors, settings, configuration.directory, problems)
    check_presentations(located, accounts, settings, problems)
    check_cards(located, cards, settings, problems)
    return problems.found


def _presentation() -> AccountPresentation:
    return AccountPresentation(
        display_name=_NAME, online_service_id="BMI-0000", back_url=BACK_THROUGH_GATEWAY
    )


def _usable(
    configuration: Configuration, fixed: dict[str, Any], accounts: dict[str, AccountPresentation], means: str
) -> bool:
    sample = Client.model_validate(
        {
            **fixed,
            "client_id": "sample",
            "name": {"de": _NAME},
            "home_url": "https://sample.example/",
            "redirect_uris": ("https://sample.example/callback",),
            "client_secret_sha256": "0" * 64,
            "means": (means,),
            "accounts": {means: accounts[means]} if means in accounts else {},
        }
    )
    return not problems_of(configuration, sample)
