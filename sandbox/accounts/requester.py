"""Whom an account system knows: service providers whose metadata were handed in as a file.

The sandbox takes the file from the gateway itself and then treats it as handed in: there is no
signature and no expiry, it is believed because it came by this way, and it is checked as the
onboarding does (IF 7.2, bundid.md §1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from cryptography import x509
from lxml import etree

from sandbox.accounts.accounts import Account
from sandbox.accounts.names import MDUI
from sandbox.saml.elements import certificates
from sandbox.saml.names import BINDING_POST, tag
from sandbox.saml.provider_metadata import KEPT, ProviderMetadata
from sandbox.saml.signing import BadSignature, parse


class NotHandedIn(Exception):
    """No metadata, or metadata that the onboarding would send back; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A service provider, as its metadata describe it."""

    entity_id: str
    signing: tuple[x509.Certificate, ...]
    encryption: tuple[x509.Certificate, ...]
    """In the order of the file; two while a key is being changed."""
    consumers: tuple[str, ...]

    @property
    def host(self) -> str:
        """Input of bPK2 (IF 6.2.2)."""
        return urlsplit(self.entity_id).hostname or self.entity_id


class Providers:
    """Metadata handed in, one file per account system, read again after some minutes."""

    def __init__(
        self, handed_in: Mapping[str, str], authority: Path | None = None, *, kept: timedelta = KEPT
    ) -> None:
        """``handed_in``: path of the account system to the address the file is taken from."""
        self._addresses = dict(handed_in)
        self._metadata = ProviderMetadata[Provider](authority, kept=kept)

    def of(self, account: Account, *, fresh: bool = False) -> Provider:
        """The provider known to this account system; raises NotHandedIn."""
        address = self._addresses.get(account.path)
        if address is None:
            raise NotHandedIn("nobody has handed in metadata here")
        try:
            return self._metadata.get(address, lambda d: read_provider(d, account), fresh=fresh)
        except httpx.HTTPError as error:
            raise NotHandedIn(f"no metadata: {type(error).__name__}") from error


def read_provider(document: bytes, account: Account) -> Provider:
    """Read metadata as the onboarding of ``account`` does; raises NotHandedIn."""
    try:
        root = parse(document)
    except BadSignature as error:
        raise NotHandedIn("the file is not XML") from error
    if root.tag != tag("md:EntityDescriptor"):
        raise NotHandedIn("the file is no EntityDescriptor")
    role = root.find(tag("md:SPSSODescriptor"))
    if role is None:
        raise NotHandedIn("no SPSSODescriptor")
    for rule in (
        *(_AKDB if account.profile == "akdb" else ()),
        *(_BAYERN if account.strict_metadata else ()),
    ):
        rule(root, role)
    consumers = tuple(
        c.get("Location") or ""
        for c in role.findall(tag("md:AssertionConsumerService"))
        if c.get("Binding") == BINDING_POST
    )
    if not consumers:
        raise NotHandedIn("no AssertionConsumerService with HTTP-POST")
    return Provider(
        entity_id=root.get("entityID") or "",
        signing=_certificates(role, "signing"),
        encryption=_certificates(role, "encryption"),
        consumers=consumers,
    )


def _no_id(root: etree._Element, _role: etree._Element) -> None:
    if root.get("ID") is not None or root.find(tag("ds:Signature")) is not None:
        raise NotHandedIn("EntityDescriptor must have neither ID nor signature")


def _no_expiry(root: etree._Element, role: etree._Element) -> None:
    if root.get("validUntil") is not None or role.get("validUntil") is not None:
        raise NotHandedIn("metadata must not have validUntil")


def _https_without_port(root: etree._Element, _role: etree._Element) -> None:
    parts = urlsplit(root.get("entityID") or "")
    if parts.scheme != "https" or not parts.hostname or ":" in parts.netloc:
        raise NotHandedIn("entityID must be an https URL without port")


def _texts(*paths: str) -> Callable[[etree._Element, etree._Element], None]:
    """A rule: each of these paths below EntityDescriptor holds text."""

    def rule(root: etree._Element, _role: etree._Element) -> None:
        for path in paths:
            steps = "/".join(_step(s) for s in path.split("/"))
            if not (root.findtext(steps) or "").strip():
                raise NotHandedIn(f"{path} missing")

    return rule


def _step(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{MDUI}}}{local}" if prefix == "mdui" else tag(name)


def _contacts(root: etree._Element, _role: etree._Element) -> None:
    for kind in ("technical", "support"):
        contact = root.find(f"{tag('md:ContactPerson')}[@contactType='{kind}']")
        if contact is None or not all(
            (contact.findtext(tag(n)) or "").strip() for n in ("md:GivenName", "md:EmailAddress")
        ):
            raise NotHandedIn(f"ContactPerson {kind} with GivenName and EmailAddress missing")


_AKDB = (_no_id, _no_expiry, _https_without_port)
_BAYERN = (
    _texts(
        "md:SPSSODescriptor/md:Extensions/mdui:UIInfo/mdui:DisplayName",
        "md:SPSSODescriptor/md:Extensions/mdui:UIInfo/mdui:Description",
        "md:SPSSODescriptor/md:AttributeConsumingService/md:ServiceName",
        "md:SPSSODescriptor/md:AttributeConsumingService/md:ServiceDescription",
        "md:Organization/md:OrganizationName",
        "md:Organization/md:OrganizationDisplayName",
        "md:Organization/md:OrganizationURL",
    ),
    _contacts,
)


def _certificates(role: etree._Element, use: str) -> tuple[x509.Certificate, ...]:
    found = certificates(role, use, None)
    if not found:
        raise NotHandedIn(f"no certificate with use={use}")
    return found
