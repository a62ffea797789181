"""The project's shared material on the Online-Ausweis, where it lies beside the checkout."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).parents[3] / "shared/data/npa"


def octets(name: str) -> bytes:
    """A file, decoded if it is hexadecimal."""
    path = SHARED / name
    if not path.is_file():
        pytest.skip("no shared samples")
    content = path.read_bytes()
    return bytes.fromhex(content.decode("ascii")) if path.suffix == ".hex" else content


def known_answers() -> dict[str, Any]:
    """Keys and decrypted answers of the run recorded with AusweisApp 2.0.1."""
    answers: dict[str, Any] = json.loads(octets("recorded-ausweisapp-2.0.1/default-kat.json"))
    return answers


def recorded(message: str, element: str) -> list[bytes]:
    """The hexadecimal contents of an element in a recorded message, in document order."""
    text = octets(f"recorded-ausweisapp-2.0.1/default-{message}.xml").decode("utf-8")
    found = re.findall(rf"<(?:iso:)?{element}>\s*([0-9A-Fa-f]+)\s*<", text)
    return [bytes.fromhex(value) for value in found]


def simulated_file(identifier: str) -> bytes:
    """A file of AusweisApp's simulated card."""
    files = json.loads(octets("ausweisapp-card/simulatorFiles.json"))["files"]
    return bytes.fromhex(next(file["content"] for file in files if file["fileId"] == identifier))


def simulated_key(number: int) -> bytes:
    """PKCS#8 of a private key of AusweisApp's simulated card."""
    keys = json.loads(octets("ausweisapp-card/simulatorFiles.json"))["keys"]
    return bytes.fromhex(next(key["content"] for key in keys if key["id"] == number))
