"""The error catalogue: every way the gateway says no, as data (style.md §5).

An entry is raised by calling it: ``raise AUTHORIZE_REDIRECT_URI_MISMATCH()``. The optional
``cause`` goes to the log only. Numbers are for the telephone: the first two digits are the
family, and neither number nor code is ever reused or renamed.

| family | about |
|---|---|
| 10 | authorization request |
| 11 | client authentication, token, UserInfo |
| 12 | registration of clients |
| 13 | logout |
| 20 | the citizen's journey |
| 21 | choice of means and country |
| 30 | exchange with an eIDAS peer |
| 31 | exchange with a user account (BundID, accounts of the Länder, MUK) |
| 32 | exchange with an eID-Client (Online-Ausweis) |
| 40 | the gateway's own state: store, database, keys |
| 50 | HTTP: size, method, host, rate |
| 60 | the console of security admins |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """One refusal; see the module docstring. ``message`` is the stem of two translation keys:
    ``error.<code>.what`` (what happened) and ``error.<code>.todo`` (what to do now)."""

    code: str
    number: str
    oidc_error: str
    http_status: int
    to_client: bool
    """May it leave towards a proven ``redirect_uri``?"""
    hint: str
    """For the integrator, English ASCII without quotes or backslashes; sent as error_description."""
    documentation: str
    """For support and the error reference: cause and remedy."""

    def __call__(self, *, cause: BaseException | None = None, **parameters: str) -> GatewayError:
        """An exception for this entry; ``parameters`` fill the citizen's text (level names only)."""
        return GatewayError(self, cause=cause, parameters=parameters)


class GatewayError(Exception):
    """A refusal of the catalogue, on its way to a page, a client or a JSON body."""

    def __init__(
        self,
        entry: CatalogueEntry,
        *,
        cause: BaseException | None = None,
        parameters: dict[str, str] | None = None,
    ) -> None:
        super().__init__(entry.code)
        self.entry = entry
        self.cause = cause
        self.parameters = parameters or {}


@dataclass(slots=True)
class Catalogue:
    """All entries, unique by code and by number; iteration is by number."""

    _entries: dict[str, CatalogueEntry] = field(default_factory=dict)

    def add(
        self,
        code: str,
        number: str,
        oidc_error: str,
        http_status: int,
        *,
        hint: str,
        documentation: str,
        to_client: bool = True,
    ) -> CatalogueEntry:
        entry = CatalogueEntry(
            code=code,
            number=number,
            oidc_error=oidc_error,
            http_status=http_status,
            to_client=to_client,
            hint=hint,
            documentation=documentation,
        )
        if code in self._entries or any(e.number == number for e in self._entries.values()):
            raise ValueError(f"catalogue entry {code} / {number} exists already")
        self._entries[code] = entry
        return entry

    def __iter__(self) -> Iterator[CatalogueEntry]:
        return iter(sorted(self._entries.values(), key=lambda e: e.number))

    def __getitem__(self, code: str) -> CatalogueEntry:
        return self._entries[code]


CATALOGUE = Catalogue()


STORE_UNAVAILABLE = CATALOGUE.add(
    "store.unavailable",
    "4001",
    "temporarily_unavailable",
    503,
    to_client=False,
    hint="The gateway cannot reach its short-term store at the moment; try again later",
    documentation=(
        "Redis or Valkey does not answer within [store] timeout_seconds, or refuses. Nothing was half "
        "done: single-use records are taken before they take effect. Check the server, its memory "
        "limit (noeviction) and the password; the gateway recovers by itself."
    ),
)

AUDIT_UNAVAILABLE = CATALOGUE.add(
    "audit.unavailable",
    "4002",
    "temporarily_unavailable",
    503,
    to_client=False,
    hint="The gateway cannot write its audit log at the moment; try again later",
    documentation=(
        "The database of the audit log cannot be written. Without a durable entry nothing takes effect, "
        "so the step was refused. Check [database] url, free disk space and file permissions; the "
        "gateway recovers by itself."
    ),
)

KEY_UNAVAILABLE = CATALOGUE.add(
    "key.unavailable",
    "4003",
    "server_error",
    503,
    to_client=False,
    hint="The gateway cannot use one of its keys at the moment; try again later",
    documentation=(
        "A key of the gateway is missing, locked or unfit, or the hardware module that holds it does not "
        "answer. /health/ready names the key; check-config tells more. A module that comes back is used "
        "again without a restart."
    ),
)

INTERNAL = CATALOGUE.add(
    "internal",
    "4004",
    "server_error",
    500,
    to_client=False,
    hint="Unexpected condition in the gateway; it was logged",
    documentation="A defect of the gateway. The log line with event=unexpected names the place.",
)
