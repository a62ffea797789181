"""What a node is about to answer, as one plain record.

``answer_plan`` makes the honest plan for a citizen; a fault of the error menu changes some of its
fields; ``response.build`` follows it to the letter, right or wrong.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape
from typing import Any

from sandbox.nodes import names as eidas
from sandbox.nodes.attributes import BY_FRIENDLY, AttributeName
from sandbox.nodes.countries import Citizen, Country
from sandbox.nodes.request import Request
from sandbox.saml.plan import Failure, ResponsePlan, valid_for

_ADDRESS_ORDER = (
    "PoBox", "LocatorDesignator", "LocatorName", "CvaddressArea", "Thoroughfare", "PostName",
    "AdminunitFirstline", "AdminunitSecondline", "PostCode", "AdminUnitFirstLine", "FullCvaddress",
    "AddressId",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One AttributeValue; ``latin`` False is the original script, None says nothing."""

    text: str
    latin: bool | None = None
    comment_at: int | None = None
    """Put an XML comment after so many characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One saml2:Attribute to be sent."""

    attribute: AttributeName
    values: tuple[Value, ...]
    representative: bool = False

    @property
    def uri(self) -> str:
        return self.attribute.representative_uri if self.representative else self.attribute.uri

    @property
    def friendly(self) -> str:
        return ("Representative" if self.representative else "") + self.attribute.friendly


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(ResponsePlan):
    """Every choice in a node's Response."""

    speaker: Country
    """Who signs: the country's node, or the national connector."""
    request: Request
    statements: tuple[Statement, ...] = ()
    level: str = ""
    name_id: str = ""


def failure_plan(speaker: Country, issuer: str, request: Request, now: datetime, failure: Failure) -> Plan:
    """A Response that says no."""
    return replace(_addressed(speaker, issuer, request, now), failure=failure)


def answer_plan(
    speaker: Country, origin: Country, issuer: str, request: Request, citizen: Citizen, now: datetime
) -> Plan:
    """The honest answer of ``citizen`` of ``origin``."""
    level = eidas.level_uri(citizen.level, notified=origin.notified)
    if not request.satisfied_by(level):
        failure = Failure(top="Responder", second="NoAuthnContext", message="000009 - level not reached")
        return failure_plan(speaker, issuer, request, now, failure)
    return replace(
        valid_for(_addressed(speaker, issuer, request, now), request.requester.entity_id),
        statements=statements(origin, request, citizen),
        level=level,
        name_id=secrets.token_urlsafe(24),
        content=speaker.content,
    )


def _addressed(speaker: Country, issuer: str, request: Request, now: datetime) -> Plan:
    return Plan(
        speaker=speaker,
        request=request,
        now=now,
        in_response_to=request.id,
        destination=request.consumer,
        issuer=issuer,
        method=speaker.signature,
        digest=speaker.digest,
    )


def statements(origin: Country, request: Request, citizen: Citizen) -> tuple[Statement, ...]:
    """The attributes that were asked for and that this citizen has, in the order asked."""
    target = request.requester.country
    known = dict(citizen.attributes)
    key = "PersonIdentifier" if citizen.kind == "natural" else "LegalPersonIdentifier"
    known[key] = _identifier(origin, target, citizen.identifier)
    found = [
        Statement(attribute=a, values=_values(origin, known[a.friendly], a))
        for a in request.attributes
        if a.friendly in known and a.person == citizen.kind
    ]
    # Before format 1.4 both persons could be asked for at once; who acts is then the natural one.
    beside = origin.mixed_requests and len(request.persons) == 2
    return tuple(found) + acting_person(origin, target, citizen.representative, beside=beside)


def acting_person(
    origin: Country, target: str, person: Mapping[str, Any], *, beside: bool = False
) -> tuple[Statement, ...]:
    """The natural person acting: as representative (Attribute Profile §2.8), or as natural person
    ``beside`` the legal one."""
    if not person:
        return ()
    known = dict(person)
    known["PersonIdentifier"] = _identifier(origin, target, known.pop("identifier"))
    return tuple(
        Statement(
            attribute=BY_FRIENDLY[friendly],
            values=_values(origin, value, BY_FRIENDLY[friendly]),
            representative=not beside,
        )
        for friendly, value in known.items()
    )


def _identifier(origin: Country, target: str, rest: str) -> str:
    return f"{origin.node_code}/{target}/{rest.replace('*', secrets.token_hex(12))}"


def _values(origin: Country, value: Any, attribute: AttributeName) -> tuple[Value, ...]:
    if isinstance(value, list):
        return tuple(Value(text=str(v)) for v in value)
    if isinstance(value, dict) and "form" in value:
        return (Value(text=address(value, attribute.person)),)
    if isinstance(value, dict):
        pair = []
        if "latin" in value:
            pair.append(Value(text=value["latin"]))
        pair.append(Value(text=value["original"], latin=False))
        return tuple(reversed(pair)) if origin.original_first else tuple(pair)
    return (Value(text=str(value)),)


def address(parts: Mapping[str, str], person: str) -> str:
    """The base64 of an address in one of the forms seen in practice (eidas.md §5.6)."""
    form = parts["form"]
    prefix = {"profile": "eidas:", "node": f"eidas-{person}:", "broken": "eidas:", "plain": ""}[form]
    elements = [
        f"<{prefix}{name}>{escape(parts[name])}</{prefix}{name}>" for name in _ADDRESS_ORDER if name in parts
    ]
    text = "\n".join(elements)
    if form == "broken":
        text = text.replace("</eidas:PostCode>", "</eidas:Postcode>")
    octets = text.encode()
    # Java nodes wrap their base64 (MIME style); others do not.
    return (base64.encodebytes(octets) if form == "node" else base64.b64encode(octets)).decode()
