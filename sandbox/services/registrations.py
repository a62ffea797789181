"""The services as ``data/services/<client_id>.toml`` describes them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

DATA = Path(__file__).parent.parent / "data" / "services"

Authentication = Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One demo service."""

    client_id: str
    authentication: Authentication
    scope: str
    acr: str | None
    """Level word asked for when the visitor chooses none; None: leave it to the gateway."""
    claims: tuple[str, ...]
    identity: tuple[str, ...] = ()
    """Claims also asked for in the ID token, so that it alone names the person."""
    verified: tuple[str, ...] = ()
    """Claims also asked for as ``verified_claims`` of trust framework ``eidas`` (OpenID IDA §6)."""
    calls: tuple[str, ...] = ()
    """Resource servers it calls for the citizen."""
    registration: Mapping[str, Any]
    """What the operator of the gateway writes into ``registry/clients/<client_id>.toml``."""

    @property
    def name(self) -> str:
        return str(self.registration["name"]["de"])

    @property
    def claims_parameter(self) -> dict[str, Any]:
        """The ``claims`` parameter (Core §5.5)."""
        wanted: dict[str, Any] = dict.fromkeys(self.claims)
        if self.verified:
            wanted["verified_claims"] = {
                "verification": {"trust_framework": {"value": "eidas"}},
                "claims": dict.fromkeys(self.verified),
            }
        return {"userinfo": wanted, "id_token": dict.fromkeys(self.identity)}

    @property
    def means(self) -> tuple[str, ...]:
        """Connectors of the gateway; foreign eIDs where nothing is said."""
        return tuple(self.registration.get("means", ("eidas",)))

    @property
    def persons(self) -> tuple[str, ...]:
        return tuple(self.registration["persons"])


def read_service(path: Path) -> Service:
    """One service file; raises KeyError when it lacks something."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    request = data["request"]
    return Service(
        client_id=path.stem,
        authentication=data["authentication"],
        scope=request["scope"],
        acr=request.get("acr"),
        claims=tuple(request["claims"]),
        identity=tuple(request.get("id_token", ())),
        verified=tuple(request.get("verified", ())),
        calls=tuple(data.get("calls", ())),
        registration=MappingProxyType(data["registration"]),
    )


@cache
def services() -> Mapping[str, Service]:
    """All services by client_id."""
    return MappingProxyType({p.stem: read_service(p) for p in sorted(DATA.glob("*.toml"))})
