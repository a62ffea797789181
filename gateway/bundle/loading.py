"""Loads the configuration directory: ``gateway.toml`` and ``registry/<folder>/*.toml``.

``load`` gives a frozen ``Configuration`` or raises ConfigurationError with *all* problems, each with
file, path and remedy. ``eid-gateway check-config`` runs the same code. Nothing is read again after
start-up, and there is no silent fallback for anything that touches trust.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from pydantic import BaseModel, ValidationError

from connectors.accounts import AccountSettings
from connectors.eidas.settings import CountrySettings, EIDASSettings
from connectors.npa import NPASettings
from gateway.bundle import accounts as bundle_accounts
from gateway.bundle import certificates as bundle_certificates
from gateway.bundle import checks as bundle_checks
from gateway.bundle import clients as bundle_clients
from gateway.bundle import key_plans as bundle_key_plans
from gateway.bundle import npa as bundle_npa
from gateway.bundle import partners as bundle_partners
from gateway.bundle import sources as bundle_sources
from gateway.bundle.keys import SAML_PURPOSES, load_keys, read_secret
from gateway.bundle.problems import Located, Problems
from gateway.bundle.watch import WatchSecrets, check_watch
from gateway.client_settings import Client
from gateway.log_key import LogKeys, check_log
from gateway.own_keys.calendar import in_use, standings
from gateway.own_keys.loaded import LoadedKey
from gateway.own_keys.plan import KeyPlan
from gateway.settings import ConfigurationError, ConfigurationProblem, KeyPurpose, Settings, resolve
from trust.anchors import TrustAnchor
from trust.sources import SourceSettings

M = TypeVar("M", bound=BaseModel)

ConnectorSettings = EIDASSettings | AccountSettings | NPASettings
_KINDS: Mapping[object, type[ConnectorSettings]] = {
    "eidas": EIDASSettings,
    "account": AccountSettings,
    "npa": NPASettings,
}
"""``kind`` of a connector to its model."""

SUSPENDED = "suspended.toml"
"""In ``registry/`` of an exported bundle: what is suspended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Everything that was configured, checked; secrets are not in its repr."""

    directory: Path
    settings: Settings
    anchors: Mapping[str, TrustAnchor]
    connectors: Mapping[str, ConnectorSettings]
    countries: tuple[CountrySettings, ...]
    sources: Mapping[str, SourceSettings] = field(default_factory=dict)
    clients: Mapping[str, Client]
    keys: Mapping[KeyPurpose, tuple[LoadedKey, ...]] = field(repr=False)
    """Those in use, with their states, when this was loaded; ``key_calendar.as_of`` for another time."""
    declared_keys: tuple[LoadedKey, ...] = field(default=(), repr=False)
    """Every key of ``gateway.toml``, with the state that stands there."""
    key_plans: Mapping[str, KeyPlan] = field(default_factory=dict)
    """By the key's identifier."""
    suspended_keys: frozenset[str] = frozenset()
    """Keys that must not be used, by the suspension of their plan."""
    subject_key: bytes = field(repr=False)
    store_password: str | None = field(repr=False)
    database_url: sa.URL = field(repr=False)
    registration_token: str | None = field(default=None, repr=False)
    """Initial access token of dynamic client registration."""
    watch_secrets: WatchSecrets = field(default=WatchSecrets(), repr=False)
    log_keys: LogKeys = field(default=LogKeys(), repr=False)
    warnings: tuple[ConfigurationProblem, ...] = ()
    """Nothing that prevents a start; ``check-config`` tells them."""

    @property
    def accounts(self) -> Mapping[str, AccountSettings]:
        """The connectors that are user accounts."""
        return {name: found for name, found in self.connectors.items() if isinstance(found, AccountSettings)}

    @property
    def cards(self) -> Mapping[str, NPASettings]:
        """The connectors that are an Online-Ausweis."""
        return {name: found for name, found in self.connectors.items() if isinstance(found, NPASettings)}

    def path(self, reference: str) -> Path:
        """A path of the configuration, relative to its directory."""
        return resolve(reference, self.directory)


def load(directory: Path, *, started: Configuration | None = None) -> Configuration:
    """Read and check everything; raises ConfigurationError.

    ``started``: what this process was started with. Settings, keys and secrets are taken from there, and
    only the registry is read, which alone changes while a gateway runs.
    """
    problems = Problems()
    settings = started.settings if started else _settings(directory, problems)
    registry = directory / "registry"
    anchors = _unique(_models(registry / "anchors", TrustAnchor, problems), "id", problems)
    connectors = _unique(_connectors(registry / "connectors", problems), "id", problems)
    nodes = _of_kind(connectors, EIDASSettings)
    accounts = _of_kind(connectors, AccountSettings)
    cards = _of_kind(connectors, NPASettings)
    sources = _unique(_models(registry / "sources", SourceSettings, problems), "id", problems)
    countries = _models(registry / "countries", CountrySettings, problems)
    clients = _unique(_models(registry / "clients", Client, problems), "client_id", problems)
    plans = _unique(_models(registry / "keys", KeyPlan, problems), "id", problems)
    if (registry / SUSPENDED).exists():
        problems.add(
            f"registry/{SUSPENDED}", "", "lists objects that would be used all the same",
            "take the bundle over with: eid-gateway registry propose; or remove them and this file",
        )  # fmt: skip
    if settings is None:
        raise ConfigurationError(tuple(problems.found))
    bundle_checks.check_gateway(settings, directory, problems)
    bundle_checks.check_anchors(anchors.values(), settings, directory, problems)
    bundle_checks.check_connectors(nodes.values(), anchors, problems)
    bundle_sources.check_sources(sources.values(), nodes, settings, directory, problems)
    bundle_sources.check_pins(anchors.values(), directory, problems)
    bundle_checks.check_countries(
        countries, nodes, anchors, problems,
        check_source=lambda country, name, file: bundle_sources.check_country_source(
            country, name, sources, file, problems
        ),
    )  # fmt: skip
    bundle_accounts.check_accounts(accounts.values(), anchors, settings, problems)
    bundle_npa.check_connectors(cards.values(), settings, directory, problems)
    bundle_partners.check_partners(nodes.values(), cards.values(), settings, directory, problems)
    bundle_clients.check_clients(clients.values(), connectors, settings, directory, problems)
    bundle_clients.check_sectors(clients.values(), problems)
    bundle_certificates.check_certificates(clients.values(), settings, directory, problems)
    bundle_accounts.check_presentations(clients.values(), accounts, settings, problems)
    bundle_npa.check_clients(clients.values(), cards, settings, problems)
    if started is not None:
        declared, subject_key = started.declared_keys, started.subject_key
    else:
        loaded, subject_key = load_keys(settings, directory, problems)
        declared = tuple(key for found in loaded.values() for key in found)

    def check_keys(keys: Mapping[KeyPurpose, Sequence[LoadedKey]], problems: Problems) -> None:
        bundle_checks.check_keys(
            keys,
            connectors={name: _key_purposes(located.model) for name, located in connectors.items()},
            clients=[located.model for located in clients.values()],
            problems=problems,
        )
        bundle_accounts.check_account_keys(accounts.values(), keys, problems)

    now = datetime.now(UTC)
    key_plans = {name: located.model for name, located in plans.items()}
    bundle_key_plans.check_plans(
        plans,
        declared,
        settings=settings,
        clients=[located.model for located in clients.values()],
        metadata_valid=bundle_key_plans.valid_for(located.model for located in connectors.values()),
        by_hand=bundle_accounts.keys_of_accounts(accounts, declared),
        now=now,
        running=started is not None,
        problems=problems,
    )
    bundle_key_plans.check_days(
        key_plans, declared, check_keys, now=now, strictly=started is None, problems=problems
    )
    if started is not None:
        secrets = _Secrets(
            started.store_password,
            started.database_url,
            started.registration_token,
            started.watch_secrets,
            started.log_keys,
        )
    else:
        secrets = _secrets(settings, directory, problems)
    if problems.found or secrets.database_url is None:
        raise ConfigurationError(tuple(problems.found))
    return Configuration(
        directory=directory,
        settings=settings,
        anchors={name: located.model for name, located in anchors.items()},
        connectors={name: located.model for name, located in connectors.items()},
        countries=tuple(located.model for located in countries),
        sources={name: located.model for name, located in sources.items()},
        clients={name: located.model for name, located in clients.items()},
        keys=in_use(standings(declared, key_plans, now)),
        declared_keys=declared,
        key_plans=key_plans,
        subject_key=subject_key,
        store_password=secrets.store_password,
        database_url=secrets.database_url,
        registration_token=secrets.registration_token,
        watch_secrets=secrets.watch,
        log_keys=secrets.log_keys,
        warnings=tuple(problems.warnings),
    )


@dataclass(frozen=True, slots=True)
class _Secrets:
    store_password: str | None
    database_url: sa.URL | None
    registration_token: str | None
    watch: WatchSecrets
    log_keys: LogKeys


def _secrets(settings: Settings, directory: Path, problems: Problems) -> _Secrets:
    def word(reference: str | None, path: str) -> str | None:
        return _word(read_secret(reference, directory, settings.gateway.mode, problems, path))

    return _Secrets(
        word(settings.store.password, "store.password"),
        _database_url(settings, directory, problems),
        word(settings.registration.initial_access_token, "registration.initial_access_token"),
        check_watch(settings, directory, problems),
        check_log(settings, directory, problems),
    )


def load_installation(directory: Path) -> tuple[Settings, sa.URL]:
    """``gateway.toml`` alone and the address of the database; raises ConfigurationError."""
    problems = Problems()
    settings = _settings(directory, problems)
    database_url = None if settings is None else _database_url(settings, directory, problems)
    if settings is None or database_url is None or problems.found:
        raise ConfigurationError(tuple(problems.found))
    return settings, database_url


def _key_purposes(connector: ConnectorSettings) -> frozenset[KeyPurpose]:
    return bundle_npa.key_purposes(connector) if isinstance(connector, NPASettings) else SAML_PURPOSES


def _settings(directory: Path, problems: Problems) -> Settings | None:
    path = directory / "gateway.toml"
    if not path.is_file():
        problems.add("gateway.toml", "", "does not exist", "give the configuration directory with --config")
        return None
    return _model(path, "gateway.toml", Settings, problems)


def _models(folder: Path, model: type[M], problems: Problems) -> list[Located[M]]:
    found = []
    for path in sorted(folder.rglob("*.toml")):
        name = path.relative_to(folder.parent.parent).as_posix()
        parsed = _model(path, name, model, problems)
        if parsed is not None:
            found.append(Located(file=name, model=parsed))
    return found


def _connectors(folder: Path, problems: Problems) -> list[Located[ConnectorSettings]]:
    found: list[Located[ConnectorSettings]] = []
    for path in sorted(folder.rglob("*.toml")):
        name = path.relative_to(folder.parent.parent).as_posix()
        values = _values(path, name, problems)
        if values is None:
            continue
        model = _KINDS.get(values.get("kind"))
        if model is None:
            problems.add(name, "kind", "is no kind of connector", f"one of {', '.join(map(str, _KINDS))}")
            continue
        parsed = _parsed(values, name, model, problems)
        if parsed is not None:
            found.append(Located(file=name, model=parsed))
    return found


def _of_kind(connectors: Mapping[str, Located[ConnectorSettings]], kind: type[M]) -> dict[str, Located[M]]:
    return {
        name: Located(file=located.file, model=located.model)
        for name, located in connectors.items()
        if isinstance(located.model, kind)
    }


def _model(path: Path, name: str, model: type[M], problems: Problems) -> M | None:
    values = _values(path, name, problems)
    return None if values is None else _parsed(values, name, model, problems)


def _values(path: Path, name: str, problems: Problems) -> dict[str, object] | None:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        problems.add(name, "", f"cannot be read: {error.strerror}", "restore or remove it, check permissions")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.add(name, "", f"cannot be read: {error}", "correct the TOML")
    return None


def _parsed(values: Mapping[str, object], name: str, model: type[M], problems: Problems) -> M | None:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            location = tuple(str(part) for part in detail["loc"])
            problem, remedy = _in_words(detail["type"], detail["msg"], location, model)
            problems.add(name, _dotted(location), problem, remedy)
        return None


def _in_words(kind: str, message: str, location: tuple[str, ...], model: type[BaseModel]) -> tuple[str, str]:
    if kind == "extra_forbidden":
        known = model.model_fields if len(location) == 1 else _section_fields(location, model)
        near = get_close_matches(location[-1], list(known), n=1)
        return "unknown setting", f"did you mean {near[0]}?" if near else "remove it"
    if kind == "missing":
        return "is missing", "add it"
    problem, _, remedy = message.removeprefix("Value error, ").partition("; remedy: ")
    return problem, remedy or "see docs/configuration.md"


def _section_fields(location: tuple[str, ...], model: type[BaseModel]) -> Iterable[str]:
    info = model.model_fields.get(location[0])
    section = info.annotation if info else None
    return section.model_fields if isinstance(section, type) and issubclass(section, BaseModel) else ()


def _dotted(location: tuple[str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if part.isdigit() else f"{'.' if path else ''}{part}"
    return path


def _unique(located: Iterable[Located[M]], key: str, problems: Problems) -> dict[str, Located[M]]:
    found: dict[str, Located[M]] = {}
    for entry in located:
        name: str = getattr(entry.model, key)
        if name in found:
            problems.add(entry.file, key, f"{name} is also in {found[name].file}", "keep one of the two")
        else:
            found[name] = entry
    return found


def _database_url(settings: Settings, directory: Path, problems: Problems) -> sa.URL | None:
    section = settings.database
    password = read_secret(section.password, directory, settings.gateway.mode, problems, "database.password")
    try:
        url = sa.make_url(section.url)
        backend = url.get_backend_name()
    except sa.exc.ArgumentError:
        problems.add("gateway.toml", "database.url", "is no database URL", "sqlite:///var/gateway.sqlite3")
        return None
    if backend not in {"sqlite", "postgresql"}:
        problems.add(
            "gateway.toml", "database.url", f"{backend} is not supported", "use sqlite or postgresql"
        )
        return None
    if url.password:
        problems.add("gateway.toml", "database.url", "holds a password", 'set database.password = "file:..."')
    if backend == "sqlite" and url.database and not Path(url.database).is_absolute():
        return url.set(database=str(directory.resolve() / url.database))
    return url.set(password=_word(password)) if password else url


def _word(secret: bytes | None) -> str | None:
    return secret.decode().rstrip("\r\n") if secret else None
