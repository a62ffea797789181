"""What every section of the configuration is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

SecretReference = Annotated[str, StringConstraints(pattern=r"^(file:.+|env:[A-Z][A-Z0-9_]*)$")]
"""Where a secret is, never the secret."""


class Section(BaseModel):
    """A configuration model: frozen, no unknown keys, no silent conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)
