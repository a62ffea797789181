"""What an eService asks for: useID, checked before the citizen is bothered (TR-03130-1 §3.2.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from eid_server.chat import NO_RIGHTS, SELECTOR_RIGHTS, Right, rights_of
from eid_server.errors import MissingArgument, MissingTerminalRights, SchemaViolation
from eid_server.levels import Level, accepted
from eid_server.security_infos import EIDType

MAXIMUM_AGE = 150
MAXIMUM_TRANSACTION_INFO = 4_096
_COMMUNITY_ID = re.compile(r"[0-9]{4}|[0-9]{6}|[0-9]{8}|[0-9]{10}|[0-9]{14}")
"""Country, Land, Bezirk, Kreis, Gemeinde: a prefix asks for the wider area (TR-03127 §3.2.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRequest:
    """Selectors by their element names; ``required`` and ``optional`` become the two CHATs."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    age: int | None = None
    """Completed years, for AgeVerification."""
    community_id: str | None = None
    """Digits, for PlaceVerification."""
    transaction_info: str | None = None
    """Shown to the citizen before the PIN."""
    minimum: Level | None = None
    eid_types: Mapping[EIDType, bool] = field(default_factory=dict)
    """Allowed or denied whatever the level says."""

    @property
    def selectors(self) -> frozenset[str]:
        return self.required | self.optional

    @property
    def required_rights(self) -> Right:
        return rights_of(*self.required)

    @property
    def optional_rights(self) -> Right:
        return rights_of(*self.optional)

    @property
    def accepted_eid_types(self) -> frozenset[EIDType]:
        return accepted(minimum=self.minimum, eid_types=self.eid_types)

    def check(self, terminal: Right) -> None:
        """Raises SchemaViolation, MissingArgument, MissingTerminalRights; ``terminal``: what it may do."""
        if not self.selectors or not self.selectors <= SELECTOR_RIGHTS.keys():
            raise SchemaViolation("no selector, or one that the eID-Interface does not know")
        if self.required & self.optional:
            raise SchemaViolation("a selector is required or optional, not both")
        if self.age is not None and not 0 <= self.age <= MAXIMUM_AGE:
            raise SchemaViolation("no age of a human being")
        if self.community_id is not None and not _COMMUNITY_ID.fullmatch(self.community_id):
            raise SchemaViolation("not the digits of a community or a wider area")
        if self.transaction_info is not None and len(self.transaction_info) > MAXIMUM_TRANSACTION_INFO:
            raise SchemaViolation("TransactionInfo is too long to be read by anybody")
        if not all(char.isprintable() or char in "\n\t" for char in self.transaction_info or ""):
            raise SchemaViolation("TransactionInfo holds what is no text")
        if not self.accepted_eid_types:
            raise SchemaViolation("no eID type is left that could be accepted")
        if "AgeVerification" in self.selectors and self.age is None:
            raise MissingArgument("AgeVerification without an age")
        if "PlaceVerification" in self.selectors and self.community_id is None:
            raise MissingArgument("PlaceVerification without a community")
        if (self.required_rights | self.optional_rights) & ~terminal != NO_RIGHTS:
            raise MissingTerminalRights("more is asked for than the terminal certificate allows")
