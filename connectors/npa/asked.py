"""From what the service asks to what is asked of the card: no more than it needs, never more than allowed.

Asked is the intersection of what the service is registered for, what its request wants (both already
done by the gateway) and what the authorisation certificate allows (npa.md §1.4, design.md "Data
minimisation"). A service that wants nothing but "over 18" leads to AgeVerification alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from connectors.assurance import LevelOfAssurance
from connectors.contract import AuthenticationRequest
from connectors.errors import InvalidAnswer, RequestNotPossible
from connectors.identity import PersonKind
from connectors.npa.eid_service import EIDRequest
from connectors.npa.operations import Operation

if TYPE_CHECKING:
    from connectors.npa.settings import NPASettings

ATTRIBUTE_OPERATIONS: Mapping[str, Operation] = {
    "family_name": Operation.FAMILY_NAMES,
    "given_name": Operation.GIVEN_NAMES,
    "date_of_birth": Operation.DATE_OF_BIRTH,
    "birth_family_name": Operation.BIRTH_NAME,
    "place_of_birth": Operation.PLACE_OF_BIRTH,
    "address": Operation.PLACE_OF_RESIDENCE,
    "nationalities": Operation.NATIONALITY,
    "title": Operation.ACADEMIC_TITLE,
}
"""Attributes of ``NaturalPerson`` that a card can give. It has no e-mail address, telephone number or sex
that could be read online, and no country of residence without the whole address."""

FACT_OPERATIONS: Mapping[str, Operation] = {
    "document_type": Operation.DOCUMENT_TYPE,
    "issuing_state": Operation.ISSUING_STATE,
    "date_of_expiry": Operation.DATE_OF_EXPIRY,
    "artistic_name": Operation.ARTISTIC_NAME,
    "community_id": Operation.COMMUNITY_ID,
    "residence_permit": Operation.RESIDENCE_PERMIT_I,
}
"""Fields of ``CardFacts`` that a service can ask for by themselves."""


def eid_request(request: AuthenticationRequest, settings: NPASettings) -> EIDRequest:
    """What the eID-Server is asked for.

    Raises RequestNotPossible: ``npa.person``, ``npa.attribute-not-offered``, ``npa.rights``,
    ``npa.nothing-asked``.
    """
    if PersonKind.NATURAL not in request.persons:
        raise RequestNotPossible("npa.person")
    for attribute in sorted(request.required):
        if attribute not in ATTRIBUTE_OPERATIONS:
            raise RequestNotPossible("npa.attribute-not-offered", attribute)
    required = {ATTRIBUTE_OPERATIONS[name] for name in request.required}
    if request.identifier:
        required.add(Operation.RESTRICTED_ID)
    if request.age is not None:
        required.add(Operation.AGE_VERIFICATION)
    if request.community_id is not None:
        required.add(Operation.PLACE_VERIFICATION)
    rights = frozenset(settings.rights)
    if missing := required - rights:
        raise RequestNotPossible("npa.rights", ", ".join(sorted(missing)))
    optional = {ATTRIBUTE_OPERATIONS[name] for name in request.optional if name in ATTRIBUTE_OPERATIONS}
    optional |= {FACT_OPERATIONS[name] for name in request.card_facts if name in FACT_OPERATIONS}
    optional = (optional & rights) - required
    if not required | optional:
        raise RequestNotPossible("npa.nothing-asked")
    return EIDRequest(
        required=frozenset(required),
        optional=frozenset(optional),
        age=request.age,
        community_id=request.community_id,
        transaction_info=_service_name(request) if settings.transaction_info else None,
        minimum=max(request.minimum, LevelOfAssurance.LOW),
        eid_types={kind: word == "allowed" for kind, word in settings.eid_types.items()},
    )


def _service_name(request: AuthenticationRequest) -> str:
    names = request.service.names
    return next((names[tag] for tag in request.languages if tag in names), names["de"])


def to_record(request: EIDRequest) -> dict[str, object]:
    """Plain JSON values; ``from_record`` gives an equal object back."""
    record: dict[str, object] = _adapter().dump_python(request, mode="json")
    return record


def from_record(record: object) -> EIDRequest:
    """Inverse of ``to_record``; raises InvalidAnswer ``npa.state`` for anything else."""
    try:
        return _adapter().validate_python(record)
    except ValidationError as error:
        raise InvalidAnswer("npa.state") from error


@cache
def _adapter() -> TypeAdapter[EIDRequest]:
    return TypeAdapter(EIDRequest)
