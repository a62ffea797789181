"""The block list of the sandbox: cards reported as lost, as the authority computes them for our sector.

An entry is what the chip will answer to "who are you on the list of this sector" (TR-03110-2 3.5): the
hash of a shared secret of the chip's revocation key and the sector's key. Nobody can tell from it which
card that is in another sector.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from eid_server import tlv
from eid_server.pki import TrialPKI
from sandbox.card.issuer import CardIssuer

FILE = "block-list.bin"
_COMPLETE = 0


def write_block_list(pki_directory: Path, issuer: CardIssuer) -> None:
    """``block-list.bin`` beside the authorisation, for the first sector."""
    sector = TrialPKI.load(pki_directory).terminal.sector
    public = sector.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    (pki_directory / FILE).write_bytes(_encoded(sector.hash, issuer.blocked(public)))


def _encoded(sector: bytes, identifiers: list[bytes]) -> bytes:
    """A complete, unsigned list (TR-03129 4.5)."""
    entries = b"".join(tlv.write(0x04, identifier) for identifier in identifiers)
    detail = tlv.write(0x30, tlv.write(0x04, sector) + tlv.write(0x30, entries))
    head = tlv.write(0x02, b"\0") + tlv.write(0x02, bytes([_COMPLETE])) + tlv.write(0x04, b"sandbox")
    return tlv.write(0x30, head + tlv.write(0x30, detail))
