"""Cards of the sandbox's citizens for AusweisApp's simulator.

The simulator comes with one card of its own. Here its files and keys are replaced, EF.CardSecurity
and chip key included, so that the document signer is one that the sandbox's eID-Server knows.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from sandbox.card.document import Document, documents
from sandbox.card.issuer import CHIP_KEY, CardIssuer, card_access
from tests.ausweisapp.screen import SimulatedCard

CARD_ACCESS, CARD_SECURITY = 0x1C, 0x1D


def _file(number: int, content: bytes) -> dict[str, str]:
    """File 01xx has xx as its short identifier (TR-03110-3 A.1.2, TR-03127 §3.2)."""
    return {"fileId": f"01{number:02x}", "shortFileId": f"{number:02x}", "content": content.hex()}


def _key(number: int, secret: int) -> dict[str, object]:
    return {"id": number, "private": f"{secret:064x}"}


def simulated(name: str, directory: Path) -> SimulatedCard:
    """The card of citizen ``name``, issued by whoever has its keys in ``directory``."""
    document: Document = documents()[name]
    issuer = CardIssuer(directory)
    keys = issuer.keys(document)
    groups = document.files(date.today())  # noqa: DTZ011 - the card computes an age as its holder does
    return SimulatedCard(
        files=(
            *(_file(number, content) for number, content in groups.items()),
            _file(CARD_ACCESS, card_access()),
            _file(CARD_SECURITY, issuer.card_security(document)),
        ),
        keys=(_key(CHIP_KEY, keys.chip), *(_key(*pair) for pair in keys.restricted.items())),
    )
