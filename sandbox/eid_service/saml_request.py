"""An AuthnRequest of the TR-03130 SAML profile as the eID service takes it (TR-03130-1 §4.2).

What cannot be verified gets HTTP 400 and never a SAML answer; so does an extension nobody can read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from lxml import etree

from sandbox.authority import KeyPair
from sandbox.eid_service.names import EID, SELECTORS, eid
from sandbox.saml.decryption import Undecryptable, decrypt
from sandbox.saml.names import XSI, tag
from sandbox.saml.request import Incoming, Unreadable, read_message
from sandbox.saml.signing import BadSignature, parse

_ID = re.compile(r"[A-Za-z_][A-Za-z0-9._-]{31,}")
_INPUTS = {
    "AgeVerification": "Age",
    "PlaceVerification": "CommunityID",
}
_VALUED = {"TransactionInfo", "LevelOfAssurance", "EIDType"}
NATIONAL = frozenset({*SELECTORS, "DocumentValidity", "TransactionAttestation", *_VALUED})
EIDAS = frozenset(
    {
        *SELECTORS, "DocumentValidity", "UseEidas", "EidasExtension", "IdentityFlavour", "Sex", "LegalName",
        "LegalPersonIdentifier", "LegalAddress", "VATRegistration", "TaxReference", "BusinessCodes", "LEI",
        "EORI", "SEED", "SIC",
    }
)  # fmt: skip


class Unverifiable(Exception):
    """HTTP 400; the text says which rule, for whoever builds a client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One eService, as its operator registered it with us."""

    issuer: str
    consumer: str
    signing: x509.Certificate
    encryption: x509.Certificate
    next_signing: tuple[x509.Certificate, ...] = ()
    """Handed over ahead of a roll-over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One requested attribute."""

    name: str
    required: bool
    value: etree._Element | None

    def part(self, name: str) -> str | None:
        """Text of a child of the value in the eID namespace."""
        return None if self.value is None else self.value.findtext(eid(name))

    @property
    def text(self) -> str:
        return "" if self.value is None else (self.value.text or "").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that is accepted."""

    id: str
    registration: Registration
    relay_state: str | None
    provider_name: str | None
    wanted: Mapping[str, Wanted]


def take(
    incoming: Incoming,
    registrations: Mapping[str, Registration],
    key: KeyPair,
    names: frozenset[str],
    *,
    now: datetime | None = None,
) -> Asked:
    """Decode, verify, decrypt; ``names`` are the attributes that may be asked for. Raises Unverifiable."""
    try:
        message = read_message(incoming)
        registration = registrations.get(message.issuer)
        if registration is None:
            raise Unverifiable("Issuer is missing or not registered")
        element = message.verified((registration.signing, *registration.next_signing))
    except (Unreadable, BadSignature) as error:
        raise Unverifiable(str(error)) from error
    _header(element, incoming, registration, now or datetime.now(UTC))
    return Asked(
        id=element.get("ID") or "",
        registration=registration,
        relay_state=incoming.relay_state,
        provider_name=element.get("ProviderName"),
        wanted=_wanted(_extension(element, key), names),
    )


def _header(element: etree._Element, incoming: Incoming, registration: Registration, now: datetime) -> None:
    if element.get("Version") != "2.0" or not _ID.fullmatch(element.get("ID") or ""):
        raise Unverifiable("Version or ID")
    if element.get("Destination") != incoming.destination:
        raise Unverifiable("Destination is another address")
    if element.get("AssertionConsumerServiceURL", registration.consumer) != registration.consumer:
        raise Unverifiable("AssertionConsumerServiceURL is not registered")
    try:
        issued = datetime.fromisoformat(element.get("IssueInstant") or "")
    except ValueError as error:
        raise Unverifiable("IssueInstant") from error
    if issued.tzinfo is None or abs(now - issued) > timedelta(minutes=5):
        raise Unverifiable("IssueInstant is not now")


def _extension(element: etree._Element, key: KeyPair) -> etree._Element:
    found = element.findall(f"{tag('saml2p:Extensions')}/{eid('EncryptedAuthnRequestExtension')}")
    if len(found) != 1:
        raise Unverifiable("Extensions without exactly one EncryptedAuthnRequestExtension")
    data = found[0].find(tag("xenc:EncryptedData"))
    if data is None:
        raise Unverifiable("EncryptedAuthnRequestExtension is empty")
    try:
        root = parse(decrypt(data, key.key))
    except (Undecryptable, BadSignature) as error:
        raise Unverifiable(f"request extension: {error}") from error
    if root.tag != eid("AuthnRequestExtension") or root.get("Version") != "2":
        raise Unverifiable("AuthnRequestExtension of version 2 expected")
    return root


def _wanted(root: etree._Element, names: frozenset[str]) -> dict[str, Wanted]:
    found: dict[str, Wanted] = {}
    for attribute in root.iterfind(f"{eid('RequestedAttributes')}/{tag('saml2:Attribute')}"):
        name = attribute.get("Name") or ""
        if name not in names or name in found:
            raise Unverifiable("an attribute that is unknown here, or asked for twice")
        required = attribute.get(f"{{{EID}}}RequiredAttribute", "true") in {"true", "1"}
        value = attribute.find(tag("saml2:AttributeValue"))
        if value is not None and ":" not in (value.get(f"{{{XSI}}}type") or ""):
            raise Unverifiable("a value without xsi:type")
        found[name] = Wanted(name=name, required=required, value=value)
    if not found:
        raise Unverifiable("RequestedAttributes is empty")
    for name, part in _INPUTS.items():
        if name in found and not found[name].part(part):
            raise Unverifiable(f"{name} without {part}")
    return found
