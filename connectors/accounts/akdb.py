"""The AKDB request extension, version 2 (interface description 9; bundid.md §1.6).

Without it BundID knows neither the service nor the attributes nor the login methods. The order of
the elements is the schema's; values are written without the padding of the printed samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.saml.request import Extension

AKDB = "https://www.akdb.de/request/2018/09"
CLASSIC_UI = "https://www.akdb.de/request/2018/09/classic-ui/v1"
LANGUAGES = ("de", "en", "ru", "uk")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedAttribute:
    name: str
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayInformation:
    """What the account shows the citizen about the service."""

    organization_display_name: str
    online_service_id: str | None
    language: str = "de"
    purpose: str | None = None
    back_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationRequest:
    """``akdb:AuthenticationRequest``."""

    methods: Sequence[str]
    """Exactly the methods to offer, as element names."""
    attributes: Sequence[RequestedAttribute]
    display: DisplayInformation
    status_detail: bool = True

    def extension(self) -> Extension:
        """The element for ``samlp:Extensions``."""
        attributes = {"Version": "2"}
        if self.status_detail:
            attributes["EnableStatusDetail"] = "true"
        children = [_akdb("RequestedAttributes", children=[_requested(a) for a in self.attributes])]
        if self.methods:
            children.insert(0, _akdb("AuthnMethods", children=[_method(name) for name in self.methods]))
        children.append(_akdb("DisplayInformation", children=[_version(self.display)]))
        return _akdb("AuthenticationRequest", attributes=attributes, children=children)


def _akdb(
    tag: str,
    *,
    text: str | None = None,
    attributes: dict[str, str] | None = None,
    children: Sequence[Extension] = (),
) -> Extension:
    return Extension(namespace=AKDB, tag=tag, text=text, attributes=attributes or {}, children=children)


def _method(name: str) -> Extension:
    return _akdb(name, children=[_akdb("Enabled", text="true")])


def _requested(attribute: RequestedAttribute) -> Extension:
    return _akdb(
        "RequestedAttribute",
        attributes={"Name": attribute.name, "RequiredAttribute": "true" if attribute.required else "false"},
    )


def _version(display: DisplayInformation) -> Extension:
    texts = {
        "Purpose": display.purpose,
        "OrganizationDisplayName": display.organization_display_name,
        "Lang": display.language,
        "BackURL": display.back_url,
        "OnlineServiceId": display.online_service_id,
    }
    return Extension(
        namespace=CLASSIC_UI,
        tag="Version",
        children=[
            Extension(namespace=CLASSIC_UI, tag=tag, text=text)
            for tag, text in texts.items()
            if text is not None
        ],
    )


def language(languages: Sequence[str]) -> str:
    """The first of the citizen's languages that the account speaks; German if none."""
    return next((tag for tag in languages if tag in LANGUAGES), "de")
