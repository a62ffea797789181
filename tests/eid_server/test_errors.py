"""What getResult answers for each failure (TR-03130-1 §3.5)."""

from __future__ import annotations

import pytest

from eid_server.errors import (
    ECARD_MINOR,
    INTERNAL_ERROR,
    ClientReported,
    DeniedDocument,
    InvalidDocument,
    Malformed,
    MissingTerminalRights,
)


def test_failures_have_the_codes_of_the_interface() -> None:
    """Complete URIs; what is nobody's business is internalError."""
    prefix = "http://www.bsi.bund.de/eid/server/2.0/resultminor"
    assert InvalidDocument.minor == f"{prefix}/getResult#invalidDocument"
    assert DeniedDocument.minor == f"{prefix}/getResult#deniedDocument"
    assert MissingTerminalRights.minor == f"{prefix}/useID#missingTerminalRights"
    assert Malformed.minor == INTERNAL_ERROR == f"{prefix}/common#internalError"


def test_reason_of_the_client_is_kept_if_it_is_one_of_the_codes() -> None:
    """TR-03112-1 §4."""
    minor = f"{ECARD_MINOR}/sal#cancellationByUser"
    assert ClientReported(minor).minor == minor


@pytest.mark.parametrize(
    "minor",
    [
        "",
        "https://attacker.example/#x",
        f"{ECARD_MINOR}/" + "x" * 200,
        f"{ECARD_MINOR}/sal#a\nb",
        f"{ECARD_MINOR}/ü",
    ],
)
def test_anything_else_a_client_writes_is_dropped(minor: str) -> None:
    """Foreign text travels neither into answers nor into logs."""
    reported = ClientReported(minor)
    assert reported.minor == INTERNAL_ERROR
    assert "attacker" not in str(reported)
