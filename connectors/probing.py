"""Section ``[probe]`` of a country or user account: how to log in there with a test identity that the partner offers.

Example::

    [probe]
    every_seconds = 1800
    level = "substantial"
    hosts = ["login.example.gr"]

    [probe.answers]
    username = "probe-de"
    password = "file:probes/gr-password"

The answers of a real person must never stand here.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Word = Literal["low", "substantial", "high"]
_REFERENCE = re.compile(r"file:probes/[A-Za-z0-9][A-Za-z0-9._-]{0,99}|env:PROBE_[A-Z0-9_]{1,60}")


class ProbeSettings(BaseModel):
    """One probe login."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    every_seconds: int = Field(default=3600, ge=300, le=86_400)
    """About how long from one probe to the next."""
    level: Word = "substantial"
    """The least level that is asked for."""
    expected: Word | None = None
    """The level that must come, neither less nor more; default: at least the one asked for."""
    person: Literal["natural", "legal"] = "natural"
    answers: Annotated[dict[str, str], Field(min_length=1, max_length=30)]
    """What the partner's forms get, by the name of the field. A secret is ``file:probes/<name>`` below the
    configuration directory or ``env:PROBE_<NAME>``, nothing else can be named."""
    hosts: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?$")], ...] = ()
    """Hosts the partner's pages may lead to, beyond the one its metadata name; ``host:port`` for another
    port than 443."""
    pages: int = Field(default=8, ge=1, le=20)
    """How many pages of the partner there may be until the answer."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name, value in self.answers.items():
            if value.startswith(("file:", "env:")) and not _REFERENCE.fullmatch(value):
                raise ValueError(
                    f"answers.{name} names something else than file:probes/<name> or env:PROBE_<NAME>; "
                    "remedy: put the secret there, so that no other file can ever be sent to a partner"
                )
        words = ("low", "substantial", "high")
        if self.expected is not None and words.index(self.expected) < words.index(self.level):
            raise ValueError("expected is below level; remedy: ask for no more than the test identity has")
        return self


class AccountProbeSettings(ProbeSettings):
    """One probe login at a user account."""

    online_service_id: str | None = None
    """Number under which the account knows the gateway's own service for probes, if it wants one."""
