"""What a service says of itself to an account: section ``[accounts.<connector id>]`` of its registration.

The citizen must see the service's name at the account, not the gateway's::

    [accounts.bundid]
    display_name = "Amt24: Bohranzeige"
    online_service_id = "BMI-X0000"
    methods = ["eID", "eIDAS"]
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError, field_validator

from connectors.accounts.settings import AccountSettings, MethodName, Section
from connectors.contract import Service
from connectors.errors import RequestNotPossible


class Presentation(Section):
    """One service as one account shows and serves it."""

    display_name: str | None = None
    """Shown before data are released; default: the service's name. Cut above 50 characters."""
    online_service_id: str | None = None
    """``BMI-X0000`` at BundID, ``<11 digits>-DE`` at BayernID; tells services behind us apart."""
    purpose: str | None = None
    """Plain text. The account accepts it and shows nothing since its redesign; better left out."""
    back_url: str | None = None
    """Where *back* leads: a page of ours or of the service, never anything from user input. Without it
    the account answers with an error Response, with it no Response ever comes."""
    methods: tuple[MethodName, ...] | None = None
    """Login methods of this service, blanks between them; default: all that the connector allows."""
    guest: bool = False
    """Temporary logins are welcome. Asking for the pseudonym or the mailbox hides them, so neither is
    asked for, and no login of this service can be recognised again."""

    @field_validator("methods", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        return tuple(value.split()) or None if isinstance(value, str) else value


def of(service: Service, settings: AccountSettings) -> Presentation:
    """The presentation of ``service`` at this account.

    Raises RequestNotPossible ``account.presentation`` for a service that has none, or an odd one.
    """
    if settings.id not in service.presentation:
        raise RequestNotPossible("account.presentation", service.client_id)
    try:
        return Presentation.model_validate(service.presentation[settings.id])
    except ValidationError as error:
        raise RequestNotPossible("account.presentation", service.client_id) from error


def display_name(presentation: Presentation, service: Service, languages: Iterable[str]) -> str:
    """What the citizen reads: the registered text, else the service's name in a language of theirs."""
    if presentation.display_name:
        return presentation.display_name
    for language in (*languages, "de"):
        if language in service.names:
            return service.names[language]
    return ""
