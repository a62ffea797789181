"""A country as ``data/countries/<iso>.toml`` describes it: its node and its citizens."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from babel import Locale

from sandbox.nodes.attributes import ALL, COMMON_SINCE_1_3, AttributeName
from sandbox.nodes.names import LEVELS, level_uri
from sandbox.saml.names import FORMAT_PERSISTENT, FORMAT_TRANSIENT, FORMAT_UNSPECIFIED

DATA = Path(__file__).parent.parent / "data" / "countries"

_FORMATS = {
    "persistent": FORMAT_PERSISTENT,
    "transient": FORMAT_TRANSIENT,
    "unspecified": FORMAT_UNSPECIFIED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Citizen:
    """A test citizen or test company; ``attributes`` by FriendlyName."""

    id: str
    note: str
    kind: str
    level: str
    identifier: str
    """What follows ``XX/YY/``; ``*`` stands for a value that is new at every login."""
    attributes: Mapping[str, Any]
    representative: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Attributes of the natural person acting, with ``identifier``; empty for nobody."""
    decides: str = "answer"
    """What the citizen does: ``answer`` or ``decline``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """One foreign node. Field names as in the TOML file."""

    code: str
    node_code: str
    key: str = "rsa-3072"
    """``rsa-3072``, ``rsa-4096``, ``p256``, ``p384``, ``brainpoolP256r1``."""
    signature: str = "sha256-rsa-MGF1"
    digest: str = "sha256"
    metadata_key: str = "p256"
    chained: bool = False
    """Metadata signed by a certificate below the anchor instead of by the anchor itself."""
    protocol_versions: tuple[str, ...] = ("1.4", "1.3", "1.2")
    levels: tuple[str, ...] = LEVELS
    notified: bool = True
    persons: tuple[str, ...] = ("natural", "legal")
    name_id_formats: tuple[str, ...] = ("persistent", "transient", "unspecified")
    content: str = "aes256-gcm"
    party_info: str = "00"
    """ConcatKDF fields when the recipient's key is EC: ``00`` is empty, ``0000`` one zero octet."""
    requester_id_required: bool = False
    refuses_scoping: bool = False
    mixed_requests: bool = False
    """Tolerates natural and legal attributes in one request (sets before 1.4)."""
    subject_confirmation: bool = True
    sign_assertion: bool = False
    original_first: bool = False
    """Order of a LatinScript pair: the original script before the Latin form."""
    qualified_latin_script: bool = True
    hidden: bool = False
    citizens: tuple[Citizen, ...] = ()
    gateway: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """What the receiving side has to know: goes into its ``registry/countries/<iso>.toml``."""

    @property
    def path(self) -> str:
        return self.code.lower()

    @property
    def name(self) -> str:
        name: str = Locale("en").territories.get(self.code, "National connector")
        return name

    @property
    def elliptic(self) -> bool:
        return not self.key.startswith("rsa")

    @property
    def formats(self) -> tuple[str, ...]:
        return tuple(_FORMATS[f] for f in self.name_id_formats)

    @property
    def published_levels(self) -> tuple[str, ...]:
        """LoA URIs in the metadata's ``assurance-certification``."""
        return tuple(level_uri(word, notified=self.notified) for word in self.levels)

    @property
    def attributes(self) -> tuple[AttributeName, ...]:
        """What the metadata publish as supported."""
        modern = any(v not in ("1.1", "1.2") for v in self.protocol_versions)
        return tuple(
            a for a in ALL if a.person in self.persons and (modern or a.friendly not in COMMON_SINCE_1_3)
        )

    def citizen(self, identifier: str) -> Citizen | None:
        return next((c for c in self.citizens if c.id == identifier), None)


def read_country(path: Path) -> Country:
    """One country file; raises TypeError or KeyError when it does not fit the fields above."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    unknown = set(data) - {"node_code", "node", "gateway", "citizens"}
    if unknown:
        raise KeyError(f"{path.name}: {', '.join(sorted(unknown))}")
    fields: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in data.pop("node", {}).items()
    }
    citizens = tuple(_citizen(c) for c in data.pop("citizens", ()))
    code = path.stem.upper()
    return Country(
        code=code,
        node_code=data.pop("node_code", code),
        citizens=citizens,
        gateway=MappingProxyType(data.pop("gateway", {})),
        **fields,
    )


def _citizen(data: dict[str, Any]) -> Citizen:
    kind = data.pop("kind", "natural")
    return Citizen(
        id=data.pop("id"),
        note=data.pop("note"),
        kind=kind,
        level=data.pop("level", "high"),
        identifier=data.pop("identifier"),
        decides=data.pop("decides", "answer"),
        representative=MappingProxyType(data.pop("representative", {})),
        attributes=MappingProxyType(data),
    )


@cache
def national() -> Country:
    """The national connector (eidas.md §10.1): a speaker without citizens of its own."""
    return read_country(DATA.parent / "national.toml")


@cache
def countries() -> Mapping[str, Country]:
    """All countries by lower-case ISO code."""
    return MappingProxyType({p.stem: read_country(p) for p in sorted(DATA.glob("*.toml"))})
