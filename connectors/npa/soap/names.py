"""Names of the eID-Interface (TR-03130-1 §3), and its schema."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from connectors.assurance import LevelOfAssurance
from trust.schema_file import SchemaFile

EID = "http://bsi.bund.de/eID/"
DSS = "urn:oasis:names:tc:dss:1.0:core:schema"
MAJOR_OK = "http://www.bsi.bund.de/ecard/api/1.1/resultmajor#ok"

_LEVEL = "http://bsi.bund.de/eID/LoA/"
LEVELS = {
    _LEVEL + "undefined": LevelOfAssurance.BASIC,
    _LEVEL + "normal": LevelOfAssurance.LOW,
    _LEVEL + "substantiell": LevelOfAssurance.SUBSTANTIAL,
    _LEVEL + "hoch": LevelOfAssurance.HIGH,
}
"""The URIs of the national interface; those of eidas.europa.eu belong to eSAML (§5)."""
LEVEL_URIS = {level: uri for uri, level in LEVELS.items()}


def eid(name: str) -> str:
    """``name`` in the namespace of the eID-Interface."""
    return f"{{{EID}}}{name}"


def dss(name: str) -> str:
    return f"{{{DSS}}}{name}"


@cache
def schema() -> SchemaFile:
    """Our schema of the messages, for requests and responses alike."""
    return SchemaFile(Path(__file__).with_name("eid-interface.xsd"))
