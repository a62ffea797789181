"""A place as an eID-Server tells it (TR-03130-1 §3.4.2, ``GeneralPlaceType``): exactly one of three forms."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StructuredPlace:
    city: str
    country: str
    """ICAO 9303-3 code as on the chip, e.g. ``D``."""
    street: str | None = None
    state: str | None = None
    zip_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FreetextPlace:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPlace:
    """The card states that there is no place, e.g. "keine Hauptwohnung in Deutschland"."""

    text: str


Place = StructuredPlace | FreetextPlace | NoPlace
