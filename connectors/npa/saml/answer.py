"""The attributes of a verified assertion as an ``EIDResult`` (TR-03130-1 §4.3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from connectors.assurance import LevelOfAssurance
from connectors.errors import InvalidAnswer
from connectors.npa import failures
from connectors.npa.eid_service import EIDRequest, EIDResult, Missing, RestrictedID
from connectors.npa.operations import EIDType, Operation
from connectors.npa.saml.request import LEVELS
from connectors.saml.response import VerifiedAssertion
from connectors.saml.tr03130.values import Attributes
from trust.errors import VerificationError

T = TypeVar("T")
_INVALID = f"{failures.SERVER_MINOR}/getResult#invalidDocument"


def read(assertion: VerifiedAssertion, request: EIDRequest, *, now: datetime) -> EIDResult:
    """What was asked for, and nothing else that may have come.

    Raises InvalidAnswer ``eid.*`` and AuthenticationFailed for a document that is not valid.
    """
    try:
        return _read(assertion, request, now)
    except VerificationError as error:
        raise InvalidAnswer(error.reason, error.detail) from error


def _read(assertion: VerifiedAssertion, request: EIDRequest, now: datetime) -> EIDResult:
    attributes = Attributes.of(assertion.attributes)
    attributes.require_valid_document(now, failures.of_minor(_INVALID))
    reading = _Reading(attributes, request)
    text, value = reading.text, reading.value
    return EIDResult(
        document_type=text(Operation.DOCUMENT_TYPE),
        issuing_state=text(Operation.ISSUING_STATE),
        date_of_expiry=value(Operation.DATE_OF_EXPIRY, attributes.day),
        given_names=text(Operation.GIVEN_NAMES),
        family_names=text(Operation.FAMILY_NAMES),
        artistic_name=text(Operation.ARTISTIC_NAME),
        academic_title=text(Operation.ACADEMIC_TITLE),
        date_of_birth=value(Operation.DATE_OF_BIRTH, attributes.date_string),
        place_of_birth=value(Operation.PLACE_OF_BIRTH, attributes.place),
        nationality=text(Operation.NATIONALITY),
        birth_name=text(Operation.BIRTH_NAME),
        place_of_residence=value(Operation.PLACE_OF_RESIDENCE, attributes.place),
        community_id=text(Operation.COMMUNITY_ID),
        residence_permit_i=text(Operation.RESIDENCE_PERMIT_I),
        restricted_id=value(Operation.RESTRICTED_ID, reading.restricted_id),
        age_fulfilled=value(Operation.AGE_VERIFICATION, reading.age),
        place_fulfilled=value(Operation.PLACE_VERIFICATION, reading.community),
        level=_level(attributes),
        eid_type=_eid_type(attributes),
        authenticated_at=assertion.authn_instant,
        statement_id=assertion.assertion_id,
        issuer=assertion.issuer,
        replay_keys=tuple((key.key, key.until) for key in assertion.replay_keys),
    )


class _Reading:
    """One answer beside its question."""

    def __init__(self, attributes: Attributes, request: EIDRequest) -> None:
        self._attributes = attributes
        self._request = request
        self._asked = request.required | request.optional

    def value(self, operation: Operation, read: Callable[[str], T]) -> T | Missing | None:
        """Absent altogether is what the citizen has unticked, or no right to read."""
        if operation not in self._asked:
            return None
        if not self._attributes.delivered(operation):
            return Missing.PROHIBITED
        if self._attributes.not_on_chip(operation):
            return Missing.NOT_ON_CHIP
        return read(operation.value)

    def text(self, operation: Operation) -> str | Missing | None:
        return self.value(operation, self._attributes.text)

    def restricted_id(self, name: str) -> RestrictedID:
        first, second = self._attributes.restricted_id(name)
        return RestrictedID(first=first, second=second)

    def age(self, name: str) -> bool:
        return self._attributes.fulfils(name, {"Age": str(self._request.age)})

    def community(self, name: str) -> bool:
        return self._attributes.fulfils(name, {"CommunityID": self._request.community_id or ""})


def _level(attributes: Attributes) -> LevelOfAssurance | None:
    if not attributes.delivered("LevelOfAssurance"):
        return None
    level = LEVELS.get(attributes.text("LevelOfAssurance"))
    if level is None:
        raise InvalidAnswer("eid.level.unknown")
    return level


def _eid_type(attributes: Attributes) -> EIDType | None:
    if not attributes.delivered("EIDType"):
        return None
    used = [name for name, word in attributes.members("EIDType").items() if word == "USED"]
    if len(used) != 1 or used[0] not in {kind.value for kind in EIDType}:
        raise InvalidAnswer("eid.eid-type")
    return EIDType(used[0])
