"""Cards of the sandbox's citizens for AusweisApp's simulator.

The simulator comes with one card of its own. Here its files and keys are replaced, EF.CardSecurity
and chip key included, so that the document signer is one that the sandbox's eID-Server knows.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from sandbox.card.document import Document, documents
from sandbox.card.issuer import CHIP_KEY, CardIssuer, ChipKeys, card_access
from tests.ausweisapp.screen import SimulatedCard

CARD_ACCESS, CARD_SECURITY = 0x1C, 0x1D
DIRECTORY = {
    "fileId": "2f00",
    "shortFileId": "1e",
    "content": "61094f07a0000002471001610b4f09e80704007f00070302",
}
"""EF.DIR: a travel document and an eID application (ISO 7816-4 §8.2.1.1). AusweisApp 1.26 wants to be told."""
FIXED_CHIP_KEY = 0xA07EB62E891DAA84643E0AFCC1AF006891B669B8F51E379477DBEAB8C987A610
"""Published in the SDK documentation; the simulator of AusweisApp 1.26 knows this one only."""


class FixedChipIssuer(CardIssuer):
    """Issues cards for a chip whose key it cannot choose."""

    def keys(self, document: Document) -> ChipKeys:
        return replace(super().keys(document), chip=FIXED_CHIP_KEY)


def _file(number: int, content: bytes) -> dict[str, str]:
    """File 01xx has xx as its short identifier (TR-03110-3 A.1.2, TR-03127 §3.2)."""
    return {"fileId": f"01{number:02x}", "shortFileId": f"{number:02x}", "content": content.hex()}


def _key(number: int, secret: int) -> dict[str, object]:
    return {"id": number, "private": f"{secret:064x}"}


def simulated(name: str, directory: Path, *, fixed_keys: bool = False) -> SimulatedCard:
    """The card of citizen ``name``, issued by whoever has its keys in ``directory``."""
    document: Document = documents()[name]
    issuer = FixedChipIssuer(directory) if fixed_keys else CardIssuer(directory)
    keys = issuer.keys(document)
    groups = document.files(date.today())  # noqa: DTZ011 - the card computes an age as its holder does
    return SimulatedCard(
        files=(
            DIRECTORY,
            *(_file(number, content) for number, content in groups.items()),
            _file(CARD_ACCESS, card_access()),
            _file(CARD_SECURITY, issuer.card_security(document)),
        ),
        keys=(_key(CHIP_KEY, keys.chip), *(_key(*pair) for pair in keys.restricted.items())),
    )
