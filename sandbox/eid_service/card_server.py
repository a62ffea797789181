"""The eID-Server behind the eID service: what was asked goes in, what a card gave comes out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from eid_server.block_list import BlockList
from eid_server.chat import SELECTOR_RIGHTS
from eid_server.data_groups import FreetextPlace, NoPlace, StructuredPlace
from eid_server.errors import EIDServerError
from eid_server.levels import Level
from eid_server.passive_authentication import CardTrust
from eid_server.pki import TrialPKI
from eid_server.request import SessionRequest
from eid_server.result import Absence, RestrictedID, Result
from eid_server.security_infos import EIDType
from eid_server.server import EIDServer, PreSharedKey
from sandbox.card.issuer import CardIssuer
from sandbox.eid_service.material import cards_directory, pki_directory
from sandbox.eid_service.names import NO_RESULT_YET, Refused
from sandbox.eid_service.reading import PSK, UseID
from sandbox.eid_service.writing import Leaves, Outcome


def load(directory: Path) -> EIDServer:
    """Over what ``material.prepare`` has made; raises FileNotFoundError when it has not."""
    pki = TrialPKI.load(pki_directory(directory))
    issuer = CardIssuer(cards_directory(directory))
    blocked = pki_directory(directory) / "block-list.bin"
    return EIDServer(
        pki.terminal,
        CardTrust.of(
            authorities=[pki.country_signing_ca.certificate, issuer.trust_point.read_bytes()],
            revocation_lists=[issuer.revocations.read_bytes()],
        ),
        block_list=BlockList.parse(blocked.read_bytes())
        if blocked.is_file()
        else BlockList.of(pki.terminal.sector),
        production=False,
        clock=lambda: datetime.now(UTC),
    )


class Cards:
    """``interface.CardServer`` over an ``EIDServer``."""

    def __init__(self, server: EIDServer) -> None:
        self._server = server

    def rights(self) -> frozenset[str]:
        held = self._server.rights
        return frozenset(name for name, right in SELECTOR_RIGHTS.items() if right & held == right)

    def open(self, asked: UseID, psk: PSK) -> None:
        request = SessionRequest(
            required=asked.required,
            optional=asked.optional,
            age=asked.age,
            community_id=asked.community_id,
            transaction_info=asked.transaction_info,
            minimum=None if asked.minimum is None else Level.from_uri(asked.minimum),
            eid_types={EIDType(name): allowed for name, allowed in (asked.eid_types or {}).items()},
        )
        try:
            self._server.open(request, psk=PreSharedKey(id=psk.id, key=psk.key))
        except EIDServerError as error:
            raise Refused(error.minor) from error

    def result(self, identity: str) -> Outcome | None:
        try:
            return outcome(self._server.result(identity))
        except EIDServerError as error:
            if error.minor == NO_RESULT_YET:
                return None
            raise Refused(error.minor) from error


def outcome(result: Result) -> Outcome:
    """What the interface says of it (TR-03130-1 §3.4)."""
    states: dict[str, str] = {}
    data: dict[str, str | Leaves] = {}
    verdicts: dict[str, bool] = {}
    for name, value in result.values.items():
        states[name] = value.value if isinstance(value, Absence) else "ALLOWED"
        if isinstance(value, bool):
            verdicts[name] = value
        elif not isinstance(value, Absence):
            data[name] = _written(name, value)
    return Outcome(
        operations=states,
        personal_data=data,
        fulfils_age=verdicts.get("AgeVerification"),
        fulfils_place=verdicts.get("PlaceVerification"),
        level=result.level.uri,
        eid_type=result.eid_type.value,
    )


def _written(
    name: str, value: str | date | StructuredPlace | FreetextPlace | NoPlace | RestrictedID
) -> str | Leaves:
    match value:
        case RestrictedID(first=first, second=second):
            return {"ID": first.hex().upper()} | ({} if second is None else {"ID2": second.hex().upper()})
        case FreetextPlace(text=text):
            return {"FreetextPlace": text}
        case NoPlace(text=text):
            return {"NoPlaceInfo": text}
        case StructuredPlace():
            return {"StructuredPlace": _place(value)}
        case date():
            return value.isoformat()
    return _date_of_birth(value) if name == "DateOfBirth" else value


def _place(place: StructuredPlace) -> Mapping[str, str]:
    parts = {
        "Street": place.street,
        "City": place.city,
        "State": place.state,
        "Country": place.country,
        "ZipCode": place.zip_code,
    }
    return {name: text for name, text in parts.items() if text is not None}


def _date_of_birth(chip: str) -> Leaves:
    """GeneralDateType: DateValue only for a complete date."""
    complete = {} if " " in chip else {"DateValue": f"{chip[:4]}-{chip[4:6]}-{chip[6:]}"}
    return {"DateString": chip} | complete
