"""What a node knows about the connector that asks: its metadata, fetched and verified.

Only metadata signed by a certificate that was handed over when the sandbox was set up count, as between
Member States (eidas.md §6.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from cryptography import x509
from lxml import etree

from sandbox.nodes.names import PROTOCOL_VERSION
from sandbox.saml.elements import certificates
from sandbox.saml.names import BINDING_POST, tag
from sandbox.saml.provider_metadata import KEPT, ProviderMetadata
from sandbox.saml.signing import BadSignature, verify


class UnknownRequester(Exception):
    """No believable metadata for this Issuer; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """A connector, as its verified metadata describe it."""

    entity_id: str
    valid_until: datetime
    country: str
    sp_type: str | None
    protocol_versions: tuple[str, ...]
    signing: tuple[x509.Certificate, ...]
    encryption: tuple[x509.Certificate, ...]
    consumers: tuple[str, ...]
    """AssertionConsumerService locations for POST, the default one first."""


class Requesters:
    """Verified metadata of the allow-listed connectors, kept for some minutes."""

    def __init__(
        self,
        allowed: tuple[str, ...],
        signers: tuple[x509.Certificate, ...],
        authority: Path | None = None,
        *,
        kept: timedelta = KEPT,
    ) -> None:
        self._allowed = allowed
        self._signers = signers
        self._metadata = ProviderMetadata[Requester](authority, kept=kept)

    def find(self, entity_id: str, *, fresh: bool = False) -> Requester:
        """The connector with this entityID; raises UnknownRequester."""
        if entity_id not in self._allowed:
            raise UnknownRequester("Issuer is not on this node's list")

        def read(document: bytes) -> Requester:
            requester = read_requester(document, self._signers, datetime.now(UTC))
            if requester.entity_id != entity_id:
                raise UnknownRequester("metadata are those of another entity")
            return requester

        try:
            return self._metadata.get(entity_id, read, fresh=fresh)
        except httpx.HTTPError as error:
            raise UnknownRequester(f"metadata not retrievable: {type(error).__name__}") from error


def read_requester(document: bytes, signers: tuple[x509.Certificate, ...], now: datetime) -> Requester:
    """Verify and read a connector's EntityDescriptor; raises UnknownRequester."""
    try:
        root = verify(document, signers)
    except BadSignature as error:
        raise UnknownRequester(f"metadata signature: {error}") from error
    if root.tag != tag("md:EntityDescriptor"):
        raise UnknownRequester("metadata are no EntityDescriptor")
    until = root.get("validUntil")
    if until is None:
        raise UnknownRequester("metadata without validUntil")
    valid_until = datetime.fromisoformat(until)
    if valid_until.tzinfo is None or valid_until <= now:
        raise UnknownRequester("metadata expired")
    role = root.find(tag("md:SPSSODescriptor"))
    if role is None or role.get("AuthnRequestsSigned") != "true":
        raise UnknownRequester("no SPSSODescriptor with AuthnRequestsSigned=true")
    country = role.findtext(f"{tag('md:Extensions')}/{tag('eidas:NodeCountry')}")
    if country is None:
        raise UnknownRequester("metadata without NodeCountry")
    consumers = [
        c
        for c in role.findall(tag("md:AssertionConsumerService"))
        if c.get("Binding") == BINDING_POST and c.get("Location")
    ]
    if not consumers:
        raise UnknownRequester("no AssertionConsumerService with HTTP-POST")
    consumers.sort(key=lambda c: c.get("isDefault") != "true")
    sp_type = root.findtext(f"{tag('md:Extensions')}/{tag('eidas:SPType')}")
    return Requester(
        entity_id=root.get("entityID") or "",
        valid_until=valid_until,
        country=country.strip(),
        sp_type=sp_type.strip() if sp_type else None,
        protocol_versions=_entity_attribute(root, PROTOCOL_VERSION),
        signing=_certificates(role, "signing"),
        encryption=_certificates(role, "encryption"),
        consumers=tuple(c.get("Location") or "" for c in consumers),
    )


def _certificates(role: etree._Element, use: str) -> tuple[x509.Certificate, ...]:
    found = certificates(role, use)
    if not found:
        raise UnknownRequester(f"no certificate with use={use}")
    return found


def _entity_attribute(root: etree._Element, name: str) -> tuple[str, ...]:
    path = f"{tag('md:Extensions')}/{tag('mdattr:EntityAttributes')}/{tag('saml2:Attribute')}"
    return tuple(
        (value.text or "").strip()
        for attribute in root.findall(path)
        if attribute.get("Name") == name
        for value in attribute.findall(tag("saml2:AttributeValue"))
    )
