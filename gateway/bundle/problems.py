"""Where the checks of a configuration collect what is wrong, so that all of it is told at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gateway.settings import ConfigurationProblem

M = TypeVar("M")


@dataclass(frozen=True, slots=True, kw_only=True)
class Located(Generic[M]):
    """A model with the file it came from."""

    file: str
    model: M


@dataclass(slots=True)
class Problems:
    """Collects what is wrong."""

    found: list[ConfigurationProblem] = field(default_factory=list)
    warnings: list[ConfigurationProblem] = field(default_factory=list)
    """What works and is probably not what was meant."""

    def add(self, file: str, path: str, problem: str, remedy: str = "") -> None:
        self.found.append(ConfigurationProblem(file=file, path=path, problem=problem, remedy=remedy))

    def warn(self, file: str, path: str, problem: str, remedy: str = "") -> None:
        self.warnings.append(ConfigurationProblem(file=file, path=path, problem=problem, remedy=remedy))
