"""The last good octets of something that is fetched, in a file: whole or not at all.

They survive a restart while the peer is away. Nobody believes the file: it is verified again before use.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from pathlib import Path

_log = logging.getLogger(__name__)


def keep(path: Path, octets: bytes, *, what: str) -> None:
    """Write ``octets``; a full disk is logged and stops no login. ``what``: an id for the log."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(octets)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        _log.warning("%s could not be kept: %s", what, type(error).__name__)


def holds(path: Path | None, sha256: str) -> bool:
    """Whether the file has exactly these octets: then another process of this host has taken them already."""
    if path is None:
        return False
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False
