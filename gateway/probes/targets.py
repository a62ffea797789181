"""What is probed: each country with a section ``[probe]``, by each connector that has one, and each such account."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from connectors.accounts import AccountSettings
from connectors.eidas.settings import CountrySettings
from connectors.probing import ProbeSettings
from gateway.bundle import Configuration
from gateway.probes.failures import ProbeFailed, Reason
from gateway.settings import resolve
from trust.registry import ObjectKey, ObjectKind

_MOST_OCTETS = 1000


_GERMANY = "DE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One partner to log in at."""

    name: str
    """Its identifier everywhere: ``<connector>.<country>``, or ``<connector>`` for an account."""
    connector: str
    country: str
    """``DE`` for an account."""
    choice: str
    """What the form of the ways gets as country; empty for an account."""
    settings: ProbeSettings = field(repr=False)
    anchor: str | None = None

    @classmethod
    def of(cls, country: CountrySettings, settings: ProbeSettings) -> Target:
        return cls(
            name=f"{country.connector}.{country.country}".lower(),
            connector=country.connector,
            country=country.country,
            choice=country.country,
            settings=settings,
            anchor=country.anchor,
        )

    @classmethod
    def of_account(cls, account: AccountSettings, settings: ProbeSettings) -> Target:
        return cls(
            name=account.id,
            connector=account.id,
            country=_GERMANY,
            choice="",
            settings=settings,
            anchor=account.anchor,
        )

    @property
    def objects(self) -> frozenset[ObjectKey]:
        """What must not be suspended."""
        keys = {ObjectKey(ObjectKind.CONNECTOR, self.connector)}
        if self.choice:
            keys.add(ObjectKey(ObjectKind.COUNTRY, self.name))
        if self.anchor is not None:
            keys.add(ObjectKey(ObjectKind.ANCHOR, self.anchor))
        return frozenset(keys)


def targets(configuration: Configuration, suspended: frozenset[ObjectKey] = frozenset()) -> dict[str, Target]:
    """Every target by its name; without what is suspended: that it does not work is intended."""
    found = [
        *(Target.of(country, country.probe) for country in configuration.countries if country.probe),
        *(
            Target.of_account(account, account.probe)
            for account in configuration.accounts.values()
            if account.probe
        ),
    ]
    return {target.name: target for target in found if not target.objects & suspended}


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
