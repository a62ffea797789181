"""An ``EIDRequest`` as the attributes of the encrypted request extension (TR-03130-1 §4.2)."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.assurance import LevelOfAssurance
from connectors.npa.eid_service import EIDRequest
from connectors.npa.operations import EIDType, Operation
from connectors.saml.tr03130.extension import Requested

LEVELS = {
    "http://bsi.bund.de/eID/LoA/undefined": LevelOfAssurance.BASIC,
    "http://bsi.bund.de/eID/LoA/normal": LevelOfAssurance.LOW,
    "http://bsi.bund.de/eID/LoA/substantiell": LevelOfAssurance.SUBSTANTIAL,
    "http://bsi.bund.de/eID/LoA/hoch": LevelOfAssurance.HIGH,
}
"""National levels only; those of eIDAS belong to eSAML (TR-03130-1 §3.3.12). Undefined is none at all."""
_URIS = {level: uri for uri, level in LEVELS.items()}


def requested(request: EIDRequest) -> tuple[Requested, ...]:
    """The attributes in the order of the schema, the document's validity always among them."""
    return tuple(_requested(request))


def _requested(request: EIDRequest) -> Iterator[Requested]:
    for operation in Operation:
        if operation in request.required | request.optional:
            yield _operation(request, operation)
    yield Requested(name="DocumentValidity")
    if request.transaction_info is not None:
        yield Requested(name="TransactionInfo", type="xs:string", text=request.transaction_info)
    if request.minimum is not None:
        uri = _URIS[request.minimum]
        yield Requested(name="LevelOfAssurance", type="eid:LevelOfAssuranceType", text=uri)
    # also without a wish: whoever asks is told which carrier was used
    words = [
        (kind.value, "ALLOWED" if request.eid_types[kind] else "DENIED")
        for kind in EIDType
        if kind in request.eid_types
    ]
    yield Requested(name="EIDType", type="eid:EIDTypeRequestType", parts=words)


def _operation(request: EIDRequest, operation: Operation) -> Requested:
    required = operation in request.required
    kind = f"eid:{operation}RequestType"
    if operation is Operation.AGE_VERIFICATION:
        parts = [("Age", str(request.age))] if request.age is not None else []
        return Requested(name=operation, required=required, type=kind, parts=parts)
    if operation is Operation.PLACE_VERIFICATION:
        parts = [("CommunityID", request.community_id)] if request.community_id is not None else []
        return Requested(name=operation, required=required, type=kind, parts=parts)
    return Requested(name=operation, required=required)
