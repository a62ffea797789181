"""One citizen's document, read from ``sandbox/data/cards/<id>.toml``, and its files (TR-03127 §3.2)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from sandbox.card.objects import write

DATA = Path(__file__).parent.parent / "data" / "cards"
DEFAULT = "erika"

PRINTABLE, NUMERIC, UTF8 = 0x13, 0x12, 0x0C
FREE_TEXT, NO_PLACE = 0xA1, 0xA2

State = Literal["active", "deactivated", "pin-suspended", "pin-blocked"]
EIDType = Literal["CardCertified", "SECertified", "SEEndorsed", "HWKeyStore"]

_TEXT = {
    "DocumentType": (1, PRINTABLE),
    "IssuingState": (2, PRINTABLE),
    "DateOfExpiry": (3, NUMERIC),
    "GivenNames": (4, UTF8),
    "FamilyNames": (5, UTF8),
    "ArtisticName": (6, UTF8),
    "AcademicTitle": (7, UTF8),
    "DateOfBirth": (8, NUMERIC),
    "Nationality": (10, PRINTABLE),
    "Sex": (11, PRINTABLE),
    "BirthName": (13, UTF8),
    "DateOfIssuance": (15, NUMERIC),
    "PhoneNumber": (21, PRINTABLE),
    "EmailAddress": (22, PRINTABLE),
}
_PLACES = {"PlaceOfBirth": 9, "PlaceOfResidence": 17}
_NOTES = {"ResidencePermitI": 19, "ResidencePermitII": 20}
_COMMUNITY = 18
_PARTS = {"street": (0xAA, UTF8), "city": (0xAB, UTF8), "state": (0xAC, UTF8), "country": (0xAD, PRINTABLE)}
_ZIP = (0xAE, PRINTABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A card of a test citizen. ``values`` by the names of the eID-Interface; absent: not on the chip."""

    id: str
    note: str
    pin: str = "123456"
    can: str = "500540"
    state: State = "active"
    revoked: bool = False
    """On the block list of every service."""
    eid_type: EIDType = "CardCertified"
    age: int | None = None
    """For somebody who stays this old: DateOfBirth is computed at the card's first day of use."""
    values: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def files(self, today: date) -> dict[int, bytes]:
        """The data groups by number."""
        values = dict(self.values)
        if self.age is not None:
            values["DateOfBirth"] = f"{today.year - self.age}0101"
        return dict(_file(name, value) for name, value in values.items())


def _file(name: str, value: Any) -> tuple[int, bytes]:
    if name in _TEXT:
        number, kind = _TEXT[name]
        return number, _group(number, write(kind, str(value).encode()))
    if name in _PLACES:
        return _PLACES[name], _group(_PLACES[name], _place(value))
    if name in _NOTES:
        return _NOTES[name], _group(_NOTES[name], write(FREE_TEXT, write(UTF8, str(value).encode())))
    if name == "CommunityID":
        return _COMMUNITY, _group(_COMMUNITY, write(0x04, bytes.fromhex(value)))
    raise ValueError(f"no data group for {name}")


def _group(number: int, content: bytes) -> bytes:
    return write(0x60 + number, content)


def _place(value: Any) -> bytes:
    """GeneralPlace: a text is free text; a table is structured, or says why there is no place."""
    if isinstance(value, str):
        return write(FREE_TEXT, write(UTF8, value.encode()))
    if "none" in value:
        return write(NO_PLACE, write(UTF8, value["none"].encode()))
    parts = [(*_PARTS[n], value[n]) for n in _PARTS if n in value]
    if "zip" in value:
        parts.append((*_ZIP, value["zip"]))
    return write(0x30, *(write(tag, write(kind, text.encode())) for tag, kind, text in parts))


@cache
def documents() -> Mapping[str, Document]:
    """All test citizens' documents by id; raises ValueError for one that cannot be."""
    found = {}
    for path in sorted(DATA.glob("*.toml")):
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        document = Document(id=path.stem, values=MappingProxyType(content.pop("data")), **content)
        document.files(date(2026, 1, 1))
        found[document.id] = document
    return MappingProxyType(found)
