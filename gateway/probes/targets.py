"""What is probed: each country with a section ``[probe]``, by each connector that has one for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from connectors.eidas.settings import CountrySettings
from connectors.probing import ProbeSettings
from gateway.bundle import Configuration
from gateway.probes.failures import ProbeFailed, Reason
from gateway.settings import resolve
from trust.registry import ObjectKey, ObjectKind

_MOST_OCTETS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One partner to log in at. ``name`` is its identifier everywhere: ``<connector>.<country>``."""

    name: str
    connector: str
    country: str
    settings: ProbeSettings = field(repr=False)

    @classmethod
    def of(cls, country: CountrySettings, settings: ProbeSettings) -> Target:
        name = f"{country.connector}.{country.country}".lower()
        return cls(name=name, connector=country.connector, country=country.country, settings=settings)


def targets(configuration: Configuration, suspended: frozenset[ObjectKey] = frozenset()) -> dict[str, Target]:
    """Every target by its name; without what is suspended: that it does not work is intended."""
    found = (Target.of(country, country.probe) for country in configuration.countries if country.probe)
    return {target.name: target for target in found if not _suspended(configuration, target, suspended)}


def _suspended(configuration: Configuration, target: Target, suspended: frozenset[ObjectKey]) -> bool:
    own = [
        country
        for country in configuration.countries
        if (country.connector, country.country) == (target.connector, target.country)
    ]
    keys = {
        ObjectKey(ObjectKind.COUNTRY, target.name),
        ObjectKey(ObjectKind.CONNECTOR, target.connector),
        *(ObjectKey(ObjectKind.ANCHOR, country.anchor) for country in own if country.anchor),
        *(ObjectKey(ObjectKind.SOURCE, country.source) for country in own if country.source),
    }
    return bool(keys & suspended)


def answers(
    settings: ProbeSettings, directory: Path, environment: Mapping[str, str] = os.environ
) -> list[tuple[str, str]]:
    """The answers with their secrets, read anew for each probe. Raises ProbeFailed ``answers.missing``."""
    return [(name, _value(value, directory, environment)) for name, value in settings.answers.items()]


def _value(value: str, directory: Path, environment: Mapping[str, str]) -> str:
    kind, colon, rest = value.partition(":")
    try:
        if colon and kind == "env":
            return environment[rest]
        if colon and kind == "file":
            with resolve(rest, directory).open("rb") as file:
                return file.read(_MOST_OCTETS).decode("utf-8").rstrip("\r\n")
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise ProbeFailed(Reason.ANSWERS_MISSING) from error
    return value
