"""The request for ``verified_claims`` (IDA §6): its form, and which claims it names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from gateway.oidc.assurance.vocabulary import CLAIMS
from gateway.oidc.claims_parameter import claim_requests
from gateway.oidc.errors import VERIFIED_CLAIMS_MALFORMED

_ELEMENTS = 8
_FILTERS = 8
_VALUES = 64
_PURPOSE = (3, 300)
_CONSTRAINTS = frozenset({"value", "values", "max_age"})
_ABOUT = _CONSTRAINTS | {"essential", "purpose"}
"""Members that say something about an element, as against the names of elements inside it."""
_LISTS = frozenset({"evidence", "check_details", "assurance_details", "evidence_ref"})
_COMPOUND = _LISTS | {
    "assurance_process", "document_details", "record", "attestation", "voucher", "source",
    "evidence_metadata",
}  # fmt: skip

_DOCUMENT_CLAIMS = {"date_of_expiry": "document_expiry", "issuer": "issuing_state"}


def well_formed(value: JsonValue) -> tuple[dict[str, JsonValue], ...]:
    """The elements of a request for ``verified_claims``; raises GatewayError (IDA §6.1)."""
    elements = _array(value, _ELEMENTS) if isinstance(value, list) else [value]
    checked = []
    for element in map(_object, elements):
        verification, claims = _object(element.get("verification")), element.get("claims", {})
        if "trust_framework" not in verification or claims == {}:
            raise VERIFIED_CLAIMS_MALFORMED()
        _check_members(verification)
        for about in claims.values() if isinstance(claims, dict) else ():
            _check_purpose(about if isinstance(about, dict) else {})
        claim_requests(claims, VERIFIED_CLAIMS_MALFORMED)
        checked.append(element)
    return tuple(checked)


def constrained(wanted: JsonValue) -> bool:
    """Whether a constraint stands anywhere in a request for one element."""
    if isinstance(wanted, list):
        return any(constrained(one) for one in wanted)
    if isinstance(wanted, dict):
        return bool(_CONSTRAINTS & wanted.keys()) or any(constrained(one) for one in wanted.values())
    return False


def asked_claims(elements: Iterable[Mapping[str, JsonValue]]) -> frozenset[str]:
    """Claims that are asked for inside ``verified_claims``, without their language tags.

    Details of a document count as the claims that tell the same: they are read from the same chip, and
    released under the same name.
    """
    names: set[str] = set()
    for element in elements:
        claims, verification = element.get("claims"), element.get("verification")
        if isinstance(claims, dict):
            names.update({name.partition("#")[0] for name in claims} & set(CLAIMS))
        evidence = verification.get("evidence") if isinstance(verification, dict) else None
        for one in evidence if isinstance(evidence, list) else ():
            if isinstance(one, dict) and "document_details" in one:
                details = one["document_details"]
                named = details.keys() if isinstance(details, dict) else ()
                names.add("document_type")
                names.update(claim for detail, claim in _DOCUMENT_CLAIMS.items() if detail in named)
    return frozenset(names)


def _check_members(compound: JsonValue) -> None:
    """The elements inside an object; each ``null``, an object, or where several can be, an array of them."""
    for name, wanted in _object(compound).items():
        if wanted is None:
            continue
        if name in _LISTS:
            for one in _array(wanted, _FILTERS):
                _check_members(one)
                if name == "evidence":
                    _check_type(_object(one))
        elif _is_compound(name, wanted):
            _check_members(wanted)
        else:
            _check_constraint(_object(wanted))


def _is_compound(name: str, wanted: JsonValue) -> bool:
    """A document's issuer is an object, a signature's a text."""
    if name == "issuer":
        return isinstance(wanted, dict) and not _ABOUT & wanted.keys()
    return name in _COMPOUND


def _check_type(evidence: dict[str, JsonValue]) -> None:
    """``type`` must be there, and is constrained by ``value`` alone (IDA §6.3)."""
    if "type" not in evidence or (evidence["type"] is not None and "values" in _object(evidence["type"])):
        raise VERIFIED_CLAIMS_MALFORMED()


def _check_constraint(wanted: dict[str, JsonValue]) -> None:
    if "values" in wanted:
        _array(wanted["values"], _VALUES)
    age = wanted.get("max_age", 0)
    if not isinstance(age, int | float) or isinstance(age, bool) or age < 0:
        raise VERIFIED_CLAIMS_MALFORMED()
    _check_purpose(wanted)
    if not isinstance(wanted.get("essential", False), bool) or {"value", "values"} <= wanted.keys():
        raise VERIFIED_CLAIMS_MALFORMED()


def _check_purpose(wanted: dict[str, JsonValue]) -> None:
    """Its length has bounds in the request schema; what it says is not shown, our own texts are."""
    purpose = wanted.get("purpose", "any")
    if not isinstance(purpose, str) or not _PURPOSE[0] <= len(purpose) <= _PURPOSE[1]:
        raise VERIFIED_CLAIMS_MALFORMED()


def _object(value: JsonValue) -> dict[str, JsonValue]:
    if not isinstance(value, dict):
        raise VERIFIED_CLAIMS_MALFORMED()
    return value


def _array(value: JsonValue, longest: int) -> list[JsonValue]:
    if not isinstance(value, list) or not 0 < len(value) <= longest:
        raise VERIFIED_CLAIMS_MALFORMED()
    return value
