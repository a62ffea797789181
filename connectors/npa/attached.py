"""Way (c) to an eID service: our own eID-Server in the same process, for test and reference.

Gateway and eID-Server are one component, so there is no PSK, and PAOS comes in the TLS session in which
the TC token went out (TR-03130-1 §2.3.1, npa.md §3.4). Sessions live in the memory of this process: a
gateway with this way runs with one worker. In production ``eid_server`` refuses to start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from connectors.assurance import LevelOfAssurance
from connectors.contract import Answer, ClientAddresses, ClientOpened, TCToken, TokenSource
from connectors.errors import InvalidAnswer
from connectors.npa import failures, tc_token
from connectors.npa.eid_service import EIDRequest, EIDResult, Missing, RestrictedID
from connectors.npa.operations import EIDType, Operation
from connectors.npa.settings import AttachedSection, NPASettings
from connectors.npa.way import Surroundings, Way
from connectors.places import FreetextPlace, NoPlace, StructuredPlace
from eid_server import chat, data_groups, levels, result, security_infos
from eid_server.block_list import BlockList
from eid_server.errors import EIDServerError
from eid_server.passive_authentication import CardTrust, read_master_list
from eid_server.pki import TrialPKI
from eid_server.request import SessionRequest
from eid_server.server import EIDServer

_LEVELS: Mapping[levels.Level, LevelOfAssurance] = {
    levels.Level.UNDEFINED: LevelOfAssurance.BASIC,
    levels.Level.NORMAL: LevelOfAssurance.LOW,
    levels.Level.SUBSTANTIELL: LevelOfAssurance.SUBSTANTIAL,
    levels.Level.HOCH: LevelOfAssurance.HIGH,
}
_MINIMA = {ours: theirs for theirs, ours in _LEVELS.items() if theirs is not levels.Level.UNDEFINED}
_FIELDS: Mapping[str, str] = {
    Operation.DOCUMENT_TYPE: "document_type",
    Operation.ISSUING_STATE: "issuing_state",
    Operation.DATE_OF_EXPIRY: "date_of_expiry",
    Operation.GIVEN_NAMES: "given_names",
    Operation.FAMILY_NAMES: "family_names",
    Operation.ARTISTIC_NAME: "artistic_name",
    Operation.ACADEMIC_TITLE: "academic_title",
    Operation.DATE_OF_BIRTH: "date_of_birth",
    Operation.PLACE_OF_BIRTH: "place_of_birth",
    Operation.NATIONALITY: "nationality",
    Operation.BIRTH_NAME: "birth_name",
    Operation.PLACE_OF_RESIDENCE: "place_of_residence",
    Operation.COMMUNITY_ID: "community_id",
    Operation.RESIDENCE_PERMIT_I: "residence_permit_i",
    Operation.RESTRICTED_ID: "restricted_id",
    Operation.AGE_VERIFICATION: "age_fulfilled",
    Operation.PLACE_VERIFICATION: "place_fulfilled",
}
"""Selector to the field of ``EIDResult``."""


def assemble(
    section: AttachedSection,
    settings: NPASettings,
    surroundings: Surroundings,
    *,
    clock: Callable[[], datetime],
) -> Way:
    """Raises EIDServerError ``Misconfigured`` in production or for material that does not fit together,
    OSError for files that cannot be read, ValueError for rights that the certificate does not have.
    """
    base = surroundings.config_dir
    directory = base / section.pki
    pki = TrialPKI.load(directory)
    trust = card_trust(section, base, pki, now=clock())
    blocked = directory / "block-list.bin"
    server = EIDServer(
        pki.terminal,
        trust,
        block_list=(
            BlockList.parse(blocked.read_bytes()) if blocked.is_file() else BlockList.of(pki.terminal.sector)
        ),
        production=not surroundings.development,
        clock=clock,
        lifetime=timedelta(seconds=section.session_seconds),
    )
    if missing := [name for name in settings.rights if not chat.rights_of(name) & server.rights]:
        raise ValueError(f"the terminal certificate does not allow {', '.join(missing)}")
    address = f"{surroundings.issuer_url}/connectors/{settings.id}/paos"
    service = AttachedService(
        server=server, issuer=address, lifetime=timedelta(seconds=section.session_seconds)
    )
    return Way(service=service, peer=address, paos=lambda message, _: server.paos(message))


def card_trust(section: AttachedSection, base: Path, pki: TrialPKI, *, now: datetime) -> CardTrust:
    """Whose cards are genuine. Raises EIDServerError for a file that is none or is not to be believed, OSError."""
    authorities = [pki.country_signing_ca.certificate, *_read(base, section.csca)]
    known = CardTrust.of(authorities=authorities)
    for octets in _read(base, section.master_lists):
        authorities += [listed.encoded for listed in read_master_list(octets, known, now)]
    return CardTrust.of(
        authorities=dict.fromkeys(authorities),
        revocation_lists=_read(base, section.revocation_lists),
        pinned_signers=[bytes.fromhex(digest) for digest in section.pinned_signers],
    )


def _read(base: Path, files: tuple[str, ...]) -> list[bytes]:
    return [(base / name).read_bytes() for name in files]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedService:
    """Implements ``connectors.npa.eid_service.EIDService`` over an ``EIDServer``."""

    server: EIDServer
    issuer: str
    lifetime: timedelta

    def open(
        self,
        request: EIDRequest,
        *,
        relay_state: str,
        addresses: ClientAddresses,
        now: datetime,
        random: TokenSource,
    ) -> ClientOpened:
        del (
            relay_state,
            now,
            random,
        )  # the address carries the handle, the server has its own clock and chance
        try:
            session = self.server.open(_session_request(request))
        except EIDServerError as error:
            raise failures.of_minor(error.minor) from error
        token = tc_token.token(
            server_address=addresses.paos,
            session_identifier=session.id,
            refresh_address=addresses.refresh,
            communication_error_address=addresses.refresh,
        )
        return ClientOpened(reply=TCToken(octets=token), session={"id": session.id})

    def result(
        self, request: EIDRequest, session: Mapping[str, object], answer: Answer, *, now: datetime
    ) -> EIDResult:
        del request, answer  # hints only, and the caller has read them
        identifier = session.get("id")
        if not isinstance(identifier, str):
            raise InvalidAnswer("npa.state")
        try:
            found = self.server.result(identifier)
        except EIDServerError as error:
            raise failures.of_minor(error.minor) from error
        digest = sha256(identifier.encode()).hexdigest()[:32]
        return EIDResult(
            **_values(found),
            level=_LEVELS[found.level],
            eid_type=EIDType(found.eid_type.value),
            authenticated_at=found.authenticated_at,
            statement_id=f"npa-{digest}",
            issuer=self.issuer,
            replay_keys=((f"npa:{digest}", now + self.lifetime),),
        )


def _session_request(request: EIDRequest) -> SessionRequest:
    return SessionRequest(
        required=frozenset(operation.value for operation in request.required),
        optional=frozenset(operation.value for operation in request.optional),
        age=request.age,
        community_id=request.community_id,
        transaction_info=request.transaction_info,
        minimum=_MINIMA[request.minimum] if request.minimum is not None else None,
        eid_types={
            security_infos.EIDType(kind.value): allowed for kind, allowed in request.eid_types.items()
        },
    )


def _values(found: result.Result) -> dict[str, Any]:
    """The fields of ``EIDResult`` that were read; each selector has a type of its own, hence Any."""
    return {field: _value(found.values[name]) for name, field in _FIELDS.items() if name in found.values}


def _value(found: object) -> object:
    """The server's value in the words of ``connectors.npa.eid_service``; texts, dates and verdicts are the same."""
    match found:
        case result.Absence():
            return Missing(found.value)
        case result.RestrictedID():
            return RestrictedID(first=found.first, second=found.second)
        case data_groups.StructuredPlace():
            return StructuredPlace(
                street=found.street,
                city=found.city,
                state=found.state,
                country=found.country,
                zip_code=found.zip_code,
            )
        case data_groups.FreetextPlace():
            return FreetextPlace(text=found.text)
        case data_groups.NoPlace():
            return NoPlace(text=found.text)
        case _:
            return found
