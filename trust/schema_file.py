"""A schema file of our own, compiled once: what a partner's message must look like before anybody reads it."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from lxml import etree

from trust.errors import VerificationError
from trust.xml import Element

COMPILING = Lock()
"""libxml2 compiles one schema at a time: two threads spoil each other's, or end the process."""


class SchemaFile:
    """An XML Schema in the package; its imports are files beside it."""

    def __init__(self, path: Path) -> None:
        """Raises lxml's XMLSchemaParseError for a file that is no schema: a defect of ours."""
        with COMPILING:
            self._schema = etree.XMLSchema(file=str(path))
        self._lock = Lock()

    def validate(self, element: Element) -> None:
        """Raises VerificationError ``xml.schema`` with the name of the rule, never with a value."""
        with self._lock:  # the error log of an XMLSchema object is shared between threads
            if self._schema.validate(element):
                return
            rules = [entry.type_name for entry in self._schema.error_log]  # type: ignore[attr-defined]  # missing in lxml's stubs
        raise VerificationError("xml.schema", rules[-1] if rules else "")
