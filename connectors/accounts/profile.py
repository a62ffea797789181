"""What a kind of German account is made of; ``profiles`` declares the ones there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from connectors.accounts.attributes import AccountAttribute, Place
from connectors.assurance import LevelOfAssurance
from connectors.identity import PersonKind


class Dialect(Enum):
    """How attributes are written, and so which module reads them."""

    OID = auto()
    """One OID per value, a trust level beside it, asked for by the AKDB extension."""
    OSI = auto()
    """Named values and structures of Dataport."""
    EKONA = auto()
    """Named values and structures of ELSTER."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One way to log in at the account."""

    name: str
    """Element of the extension."""
    proved_by: frozenset[str]
    """Values of ``AssertionProvedBy``."""
    highest: LevelOfAssurance
    foreign: bool = False
    card: bool = False
    """Reads the online ID card, under an authorisation certificate."""
    unlisted: bool = False
    """Only offered where the operator lists it: the interface names it, the account does not have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One kind of account."""

    name: str
    dialect: Dialect
    persons: frozenset[PersonKind]
    known_levels: Mapping[str, LevelOfAssurance]
    """Class references this account may answer with; empty: it states its level elsewhere."""
    references: Mapping[LevelOfAssurance, str]
    """Class reference that asks for a level; empty: none is asked for."""
    offered: tuple[LevelOfAssurance, ...]
    """What citizens can reach there."""
    attributes: tuple[AccountAttribute, ...]
    structured_fields: frozenset[str] = frozenset()
    """Fields that are filled from inside structures, beyond those of ``attributes``."""
    name_format: str
    name_id_format: str | None
    """What ``NameIDPolicy`` asks for; None: no NameIDPolicy is sent."""
    allow_create: bool | None = None
    methods: tuple[Method, ...] = ()
    encryption_required: bool = True
    response_signature_required: bool = True
    assertion_signature_required: bool = False

    @property
    def extended(self) -> bool:
        """Whether requests carry the AKDB extension."""
        return self.dialect is Dialect.OID

    def by_name(self) -> dict[str, AccountAttribute]:
        return {attribute.name: attribute for attribute in self.attributes}

    def method(self, name: str) -> Method | None:
        return next((m for m in self.methods if m.name == name), None)

    @property
    def fields(self) -> frozenset[str]:
        """Every field a service can ask of this account."""
        gathered = {Place.ADDRESS: "address", Place.FACT: "company"}
        return self.structured_fields | {
            gathered.get(attribute.place, attribute.field)
            for attribute in self.attributes
            if attribute.place is not Place.EVIDENCE
        }

    def proved_by(self, word: str) -> Method | None:
        """The method that a value of ``AssertionProvedBy`` names."""
        return next((m for m in self.methods if word in m.proved_by), None)
