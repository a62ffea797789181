"""What each page shows: one frozen dataclass per template, filled by ``login`` and ``oidc``.

| dataclass | template | answer to |
|---|---|---|
| ``SelectPage`` | ``select.html`` | GET ``/login/{journey}`` |
| ``HandoverPage`` | ``handover.html`` | a form that the browser posts to another origin |
| ``GoPage`` | ``go.html`` | a link that the browser follows to another origin |
| ``ReleasePage`` | ``release.html`` | GET ``/login/{journey}/release`` |
| ``ErrorPage`` | ``error.html`` | every ``GatewayError`` that is shown |
| ``EndedPage`` | ``ended.html`` | a journey that is over, or went on in another window |
| ``TimeoutPage`` | ``timeout.html`` | a journey whose deadline has passed |
| ``LogoutPage`` | ``logout.html`` | GET, POST ``/logout``: shall the session end? |
| ``LoggedOutPage`` | ``logged_out.html`` | the same, when it has ended |
| ``ErrorReferencePage`` | ``error_reference.html`` | GET ``/error/{code}`` |
| ``IndexPage`` | ``index.html`` | GET ``/`` |

The pages around an eID-Client are in ``gateway.web.eid_pages``.

A page holds words of the catalogue, codes and values, never sentences: texts belong to the
locales, formatting and sorting to the renderer. Nothing here is ever logged.

Chromium applies ``form-action`` to every redirect after a form was sent. So a form of ours is never
answered by a redirect to another origin: the answer is a ``GoPage`` (``<meta http-equiv="refresh">``
and a visible link), which is not a form submission, or a ``HandoverPage``, whose policy must also
admit wherever the receiver redirects to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from connectors.assurance import LevelOfAssurance
from connectors.identity import Address, Gender, Name, PartialDate, PersonKind
from gateway.errors import CatalogueEntry
from gateway.web.eid_pages import EIDPage
from gateway.web.frame import Frame


class Target(StrEnum):
    """Where a hand-over leads, for its words."""

    COUNTRY = "country"
    MEANS = "means"
    """A means of identification without countries."""
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonChoice:
    """A link that shows the countries for the other kind of person."""

    kind: PersonKind
    selected: bool
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryChoice:
    """One submit button; the button sends ``means`` and ``country``."""

    means: str
    country: str | None
    """ISO 3166-1 alpha-2; None for a means without countries."""
    available: bool
    reason: str | None = None
    """If not available: ``level``, ``person``, ``attributes`` or ``down``."""
    down_since: datetime | None = None
    scheme_names: tuple[str, ...] = ()
    test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MeansChoice:
    """One means of identification with its countries, in the connector's order (not sorted)."""

    means: str
    name: Mapping[str, str]
    """Display name by language, may be empty."""
    countries: tuple[CountryChoice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectPage:
    frame: Frame
    action: str
    """POST with ``means``, ``country``, ``person``."""
    cancel_action: str
    """POST without fields."""
    person: PersonKind
    """Kind of person the countries were computed for; hidden field ``person``."""
    persons: tuple[PersonChoice, ...]
    """Empty when the service accepts one kind only."""
    means: tuple[MeansChoice, ...]
    minimum: LevelOfAssurance
    test: bool = False
    """At least one test country: the yellow band."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverPage:
    """A form for another origin: visible button, submitted at once by the external script."""

    frame: Frame
    action: str
    fields: tuple[tuple[str, str], ...]
    target: Target
    country: str | None = None
    means: Mapping[str, str] = field(default_factory=dict)
    """What a means without countries is called, by language."""
    change_href: str | None = None
    """Back to the choice."""
    cancel_action: str | None = None
    """POST without fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoPage:
    """Leads to ``url`` by ``meta refresh`` after no delay, and by a visible link."""

    frame: Frame
    url: str
    target: Target
    country: str | None = None
    means: Mapping[str, str] = field(default_factory=dict)
    change_href: str | None = None
    cancel_action: str | None = None


ReleaseValue = str | Name | PartialDate | Address | Gender | tuple[str, ...]
"""As in ``connectors.identity``; a tuple holds ISO 3166-1 alpha-2 codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseItem:
    """One attribute with its value."""

    attribute: str
    """Name of ``connectors.identity``, e.g. ``date_of_birth``, or ``identifier``: the source's own."""
    value: ReleaseValue
    field: str
    """Value of the check box ``optional`` for an optional item."""
    below: bool = False
    """The source vouches for this value less than for the login; it then says how well."""
    level: LevelOfAssurance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """What would be transmitted about one person."""

    role: str
    """``subject``, ``representative``, or ``acting``: named by a company's account, not identified."""
    kind: PersonKind
    required: tuple[ReleaseItem, ...]
    optional: tuple[ReleaseItem, ...]
    """Check boxes, never ticked beforehand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePage:
    frame: Frame
    action: str
    """POST with ``decision`` = ``release`` or ``refuse``, any number of ``optional``, and ``registration``."""
    registration: str = ""
    """Of the service, as it is shown here."""
    mode: str
    """``inform``: one button onwards (and a quiet way out); ``confirm``: two equal buttons."""
    persons: tuple[PersonView, ...]
    country: str | None
    level: LevelOfAssurance
    notified: bool
    means: str
    means_name: Mapping[str, str] = field(default_factory=dict)
    account: bool = False
    """Identified through a user account, which has a name and no country."""
    card: bool = False
    """Identified with an eID-Client, whose means has a name that says more than the country."""
    recognised: bool = True
    """The service gets a ``sub`` by which it knows the person again; else one of this login alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    """What happened, whether data were transmitted, what to do now, numbers for support."""

    frame: Frame
    code: str
    """Catalogue code; texts ``error.<code>.what`` and ``error.<code>.todo``."""
    number: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Words that fill the texts (level words ``low``, ``substantial``, ``high``)."""
    transmitted: bool = False
    """No error of a journey has let data out; True only if that cannot be excluded."""
    back_action: str | None = None
    """POST without fields: to the service, with the error. Preferred over ``back_href``."""
    back_href: str | None = None
    """The service's home page, when no journey is left to end properly."""
    retry_href: str | None = None
    """Back to the choice, where another way may succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedPage:
    frame: Frame
    back_href: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeoutPage:
    frame: Frame
    back_href: str | None = None
    back_action: str | None = None
    """POST without fields: to the service, which learns that time was over. Preferred over ``back_href``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutPage:
    """Asks before a session ends that no ID token has named."""

    frame: Frame
    action: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedOutPage:
    """The session is over; leads on to ``url`` if the service named a registered one."""

    frame: Frame
    url: str | None = None
    frames: tuple[str, ...] = ()
    """Addresses of services that hidden frames call (Front-Channel Logout §2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReferencePage:
    """GET ``/error/{code}``, for integrators: cause and remedy of one catalogue entry, in English."""

    frame: Frame
    entry: CatalogueEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPage:
    """GET ``/``: what this is and where integrators and citizens find more."""

    frame: Frame
    discovery_href: str
    countries_href: str


Page = (
    SelectPage
    | HandoverPage
    | GoPage
    | ReleasePage
    | ErrorPage
    | EndedPage
    | TimeoutPage
    | LogoutPage
    | LoggedOutPage
    | ErrorReferencePage
    | IndexPage
    | EIDPage
)
