"""``getResultResponse`` as an ``EIDResult`` (TR-03130-1 §3.4).

Three things are told apart all the way: a value, a value that is empty, and no value with the reason
the service gives. What was not asked for must not be there at all: it would be more than the citizen
saw on the screen of the eID-Client.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from connectors.assurance import LevelOfAssurance
from connectors.errors import InvalidAnswer
from connectors.npa.eid_service import EIDRequest, EIDResult, Missing, RestrictedID
from connectors.npa.operations import EIDType, Operation
from connectors.npa.soap.names import LEVELS, eid
from connectors.places import FreetextPlace, NoPlace, Place, StructuredPlace
from trust.xml import Element, only_child, optional_child, text

_CALENDAR = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_DEFAULT = "PROHIBITED"
"""Of a selector that is absent or empty."""


def result(
    response: Element,
    request: EIDRequest,
    *,
    level_asked: bool,
    carrier_asked: bool,
    authenticated_at: datetime,
    statement_id: str,
    issuer: str,
    replay_keys: tuple[tuple[str, datetime], ...],
) -> EIDResult:
    """The values of a verified, schema-valid, successful answer.

    Raises InvalidAnswer ``npa.result.*``, VerificationError.
    """
    states = operations(optional_child(response, eid("OperationsAllowedByUser")))
    data = optional_child(response, eid("PersonalData"))
    fields: dict[str, Any] = {}
    for operation in Operation:
        element = _element(response, data, operation)
        if operation not in request.required | request.optional:
            if element is not None:
                raise InvalidAnswer("npa.result.not-asked", operation)
            continue
        field, read = _FIELDS[operation]
        fields[field] = _value(element, states[operation], operation, read)
    level = optional_child(response, eid("LevelOfAssuranceResult"))
    if level_asked and level is None:
        raise InvalidAnswer("npa.result.level", "missing")
    carrier = optional_child(response, eid("EIDTypeResponse"))
    if carrier_asked and carrier is None:
        raise InvalidAnswer("npa.result.carrier", "missing")
    return EIDResult(
        **fields,
        level=None if level is None else _level(text(level)),
        eid_type=None if carrier is None else EIDType(str(carrier[0].tag).rpartition("}")[2]),
        authenticated_at=authenticated_at,
        statement_id=statement_id,
        issuer=issuer,
        replay_keys=replay_keys,
    )


def operations(selectors: Element | None) -> dict[Operation, str]:
    """What a block of selectors says of each operation, defaults filled in."""
    found = {} if selectors is None else {child.tag: (child.text or "") for child in selectors}
    return {operation: found.get(eid(operation)) or _DEFAULT for operation in Operation}


def _element(response: Element, data: Element | None, operation: Operation) -> Element | None:
    if operation is Operation.AGE_VERIFICATION:
        return optional_child(response, eid("FulfilsAgeVerification"))
    if operation is Operation.PLACE_VERIFICATION:
        return optional_child(response, eid("FulfilsPlaceVerification"))
    return None if data is None else optional_child(data, eid(operation))


def _value(
    element: Element | None, state: str, operation: Operation, read: Callable[[Element], Any]
) -> Any | Missing:
    if state == "ALLOWED":
        if element is None:
            raise InvalidAnswer("npa.result.missing", operation)
        return read(element)
    if element is not None:
        raise InvalidAnswer("npa.result.contradiction", operation)
    return Missing(state)


def _text(element: Element) -> str:
    """As on the chip: blanks at the ends are the chip's."""
    return element.text or ""


def _date(element: Element) -> date:
    # xs:date may carry a zone, which a card's date has not; and a sign or more digits of the year, which would
    # stand in the text of the error
    found = _CALENDAR.fullmatch(text(element))
    if found is None:
        raise InvalidAnswer("npa.result.date")
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError as error:
        raise InvalidAnswer("npa.result.date") from error


def _date_of_birth(element: Element) -> str:
    chip = _text(only_child(element, eid("DateString")))
    complete = optional_child(element, eid("DateValue"))
    if complete is not None:
        value = _date(complete)
        if chip != f"{value:%Y%m%d}":
            raise InvalidAnswer("npa.result.date", "DateString and DateValue differ")
    return chip


def _place(element: Element) -> Place:
    place = element[0]
    if place.tag == eid("FreetextPlace"):
        return FreetextPlace(text=_text(place))
    if place.tag == eid("NoPlaceInfo"):
        return NoPlace(text=_text(place))
    return StructuredPlace(
        street=_optional_text(place, "Street"),
        city=_text(only_child(place, eid("City"))),
        state=_optional_text(place, "State"),
        country=_text(only_child(place, eid("Country"))),
        zip_code=_optional_text(place, "ZipCode"),
    )


def _optional_text(parent: Element, name: str) -> str | None:
    element = optional_child(parent, eid(name))
    return None if element is None else _text(element)


def _restricted_id(element: Element) -> RestrictedID:
    second = optional_child(element, eid("ID2"))
    return RestrictedID(
        first=bytes.fromhex(text(only_child(element, eid("ID")))),
        second=None if second is None else bytes.fromhex(text(second)),
    )


def _fulfils(element: Element) -> bool:
    return text(only_child(element, eid("FulfilsRequest"))) in {"true", "1"}


def _level(uri: str) -> LevelOfAssurance:
    level = LEVELS.get(uri)
    if level is None:  # one of eidas.europa.eu, which the national interface must not answer
        raise InvalidAnswer("npa.result.level", "not of the national interface")
    return level


_FIELDS: dict[Operation, tuple[str, Callable[[Element], Any]]] = {
    Operation.DOCUMENT_TYPE: ("document_type", _text),
    Operation.ISSUING_STATE: ("issuing_state", _text),
    Operation.DATE_OF_EXPIRY: ("date_of_expiry", _date),
    Operation.GIVEN_NAMES: ("given_names", _text),
    Operation.FAMILY_NAMES: ("family_names", _text),
    Operation.ARTISTIC_NAME: ("artistic_name", _text),
    Operation.ACADEMIC_TITLE: ("academic_title", _text),
    Operation.DATE_OF_BIRTH: ("date_of_birth", _date_of_birth),
    Operation.PLACE_OF_BIRTH: ("place_of_birth", _place),
    Operation.NATIONALITY: ("nationality", _text),
    Operation.BIRTH_NAME: ("birth_name", _text),
    Operation.PLACE_OF_RESIDENCE: ("place_of_residence", _place),
    Operation.COMMUNITY_ID: ("community_id", _text),
    Operation.RESIDENCE_PERMIT_I: ("residence_permit_i", _text),
    Operation.RESTRICTED_ID: ("restricted_id", _restricted_id),
    Operation.AGE_VERIFICATION: ("age_fulfilled", _fulfils),
    Operation.PLACE_VERIFICATION: ("place_fulfilled", _fulfils),
}
