"""The order in which administrations of the Union list countries (Interinstitutional Style Guide 7.1.1, 7.1.2).

Members by the name in their own language, then the EEA and Switzerland, then everybody else by code.

>>> sorted(["IS", "DE", "GR", "UA", "AT", "BE", "GB"], key=protocol_position)
['BE', 'DE', 'GR', 'AT', 'IS', 'GB', 'UA']
"""

from __future__ import annotations

_ORDER = (
    "BE", "BG", "CZ", "DK", "DE", "EE", "IE", "GR", "ES", "FR", "HR", "IT", "CY", "LV",
    "LT", "LU", "HU", "MT", "NL", "AT", "PL", "PT", "RO", "SI", "SK", "FI", "SE",
    "IS", "LI", "NO", "CH",
)  # fmt: skip
_PLACES = {code: place for place, code in enumerate(_ORDER)}


def protocol_position(code: str) -> tuple[int, str]:
    """A key for sorting ISO codes."""
    return _PLACES.get(code, len(_ORDER)), code
