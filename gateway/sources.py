"""Builds the configured sources of identity. This module alone names concrete connectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from connectors import accounts, eidas, npa
from connectors.accounts import AccountSettings
from connectors.contract import Connector
from connectors.npa import NPASettings, ServiceKeys
from connectors.saml.keys import OwnKey, SAMLKeys
from connectors.saml.surroundings import Surroundings
from gateway.bundle import Configuration
from gateway.bundle.accounts import keys_for
from gateway.bundle.keys import SAML_PURPOSES
from gateway.bundle.npa import key_purposes
from gateway.metadata_refresh import announce
from gateway.settings import KeyPurpose, Mode
from trust.fetch import FetchPolicy
from trust.log import AppendOnlyLog


def build_connectors(
    configuration: Configuration, log: AppendOnlyLog, *, clock: Callable[[], datetime]
) -> dict[str, Connector]:
    """Every configured connector by its identifier; raises what makes one of them unusable."""
    now = clock()
    if not configuration.connectors:
        return {}
    surroundings = surroundings_of(configuration, log)
    anchors = configuration.anchors
    built: dict[str, Connector] = {}
    for name, connector in configuration.connectors.items():
        if isinstance(connector, NPASettings):
            built[name] = npa.assemble(
                connector, service_keys(configuration, connector), surroundings, clock=clock
            )
        elif isinstance(connector, AccountSettings):
            keys = saml_keys(configuration, name)
            built[name] = accounts.assemble(connector, anchors, keys, surroundings, now=now)
        else:
            keys = saml_keys(configuration, name)
            built[name] = eidas.assemble(
                connector, configuration.countries, anchors, keys, surroundings, now=now,
                sources=configuration.sources,
            )  # fmt: skip
    return built


def surroundings_of(configuration: Configuration, log: AppendOnlyLog) -> Surroundings:
    """What the installation provides to every source of identity, and to whoever reads metadata."""
    settings = configuration.settings
    return Surroundings(
        issuer_url=settings.gateway.issuer,
        config_dir=configuration.directory,
        state_dir=configuration.path("var/metadata"),
        fetch_policy=fetch_policy(configuration),
        development=settings.gateway.mode is Mode.DEVELOPMENT,
        announce=partial(announce, log),
    )


def with_keys_of(
    configuration: Configuration, connectors: Mapping[str, Connector], before: Configuration
) -> dict[str, Connector]:
    """Those of ``connectors`` that go on with the keys of ``configuration``, where only keys have changed.

    They keep what they know of their peers, so that nobody waits for metadata. What is left out has to be
    built anew.
    """
    kept: dict[str, Connector] = {}
    for name, connector in connectors.items():
        if _keys_of(configuration, name) == _keys_of(before, name):
            kept[name] = connector
        elif isinstance(connector, eidas.EIDASConnector | accounts.AccountConnector):
            kept[name] = connector.with_keys(saml_keys(configuration, name))
    return kept


def _keys_of(configuration: Configuration, connector: str) -> list[list[OwnKey]]:
    """Everything that ``connector`` uses, to compare."""
    settings = configuration.connectors.get(connector)
    purposes = key_purposes(settings) if isinstance(settings, NPASettings) else SAML_PURPOSES
    return [_own_keys(configuration, purpose, connector) for purpose in sorted(purposes)]


def saml_keys(configuration: Configuration, connector: str) -> SAMLKeys:
    """What ``connector`` signs and decrypts with: its own keys, else the common ones, by purpose."""
    return SAMLKeys(
        signing=_own_keys(configuration, KeyPurpose.SAML_SIGNING, connector),
        decryption=_own_keys(configuration, KeyPurpose.SAML_DECRYPTION, connector),
        metadata=_own_keys(configuration, KeyPurpose.SAML_METADATA_SIGNING, connector),
    )


def service_keys(configuration: Configuration, connector: NPASettings) -> ServiceKeys:
    """What the way to an eID service needs, and nothing of what it does not."""
    name = connector.id
    saml = KeyPurpose.SAML_SIGNING in key_purposes(connector)
    return ServiceKeys(
        saml=saml_keys(configuration, name) if saml else None,
        signing=_own_keys(configuration, KeyPurpose.EID_SIGNING, name),
        tls=_own_keys(configuration, KeyPurpose.EID_TLS, name),
    )


def _own_keys(configuration: Configuration, purpose: KeyPurpose, connector: str) -> list[OwnKey]:
    return [
        OwnKey(id=key.id, state=key.state.value, key=key.key)
        for key in keys_for(connector, configuration.keys.get(purpose, ()))
    ]


def fetch_policy(configuration: Configuration) -> FetchPolicy:
    """How files are fetched from partners and clients."""
    section = configuration.settings.http
    return FetchPolicy(
        connect_seconds=section.connect_seconds,
        total_seconds=section.total_seconds,
        ca_file=configuration.path(section.ca_file) if section.ca_file else None,
        allow_private_addresses=section.allow_private_addresses,
        allow_http_loopback=configuration.settings.gateway.mode is Mode.DEVELOPMENT,
    )
