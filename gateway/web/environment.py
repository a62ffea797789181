"""How templates become pages, those of the citizens as those of the console."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined

from gateway.web.static_files import StaticFiles

_SHARED = "shared"


def environment(
    templates: Path, static: StaticFiles, *, finalize: Callable[[object], object] | None = None
) -> Environment:
    """For the files in ``templates``, which may name those in ``templates/shared`` of this package, too.

    Every value is escaped; an undefined name is an error, not an empty string.
    """
    shared = FileSystemLoader(Path(__file__).parent / "templates" / _SHARED)
    made = Environment(
        loader=ChoiceLoader([FileSystemLoader(templates), PrefixLoader({_SHARED: shared})]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["static"] = static.url
    return made
