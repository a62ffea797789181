"""Section [soap] (style.md §6: no silent fallback)."""

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from connectors.npa.soap.settings import SignerPin, SOAPSection
from trust.algorithms import Deviation

GOOD = {
    "address": "https://eid.example/eID",
    "server_ca": "ca.pem",
    "signers": [{"certificate": "signing.pem"}],
}
PKCS1 = {"kind": "rsa-pkcs1", "until": date(2027, 6, 30), "reason": "service cannot do PSS yet"}


def test_smallest_section_is_enough():
    """Everything else has a default that is safe."""
    section = SOAPSection.model_validate(GOOD)
    assert not section.propose_psk
    assert section.level_of_assurance
    assert section.deviations(datetime(2026, 11, 23, tzinfo=UTC)) == frozenset()


@pytest.mark.parametrize(
    "change",
    [
        {"address": "http://eid.example/eID"},
        {"address": "https://"},
        {"address": "https://user:secret@eid.example/"},
        {"address": "https://eid.example/eID#x"},
        {"address": "https://eid.example/e ID"},
        {"paos_address": "http://eid.example/paos"},
        {"signers": []},
        {"server_ca": None},
        {"request_signature": "pkcs1"},
        {"exceptions": [{**PKCS1, "kind": "expired-certificate"}]},
        {"exceptions": [{**PKCS1, "until": "never"}]},
        {"timeout_seconds": 0},
        {"wait_seconds": 60},
        {"unknown": 1},
    ],
)
def test_mistake_is_refused(change):
    """Each ends the start, with its path."""
    with pytest.raises(ValidationError):
        SOAPSection.model_validate({**GOOD, **change})


def test_exception_ends_with_its_day():
    """security.md A.12."""
    section = SOAPSection.model_validate({**GOOD, "request_signature": "pkcs1", "exceptions": [PKCS1]})
    last = datetime(2027, 6, 30, 23, 59, tzinfo=UTC)
    assert section.deviations(last) == {Deviation.RSA_PKCS1}
    assert section.deviations(datetime(2027, 7, 1, tzinfo=UTC)) == frozenset()


def test_pin_is_believed_from_its_first_to_its_last_day():
    """security.md D.1."""
    pin = SignerPin(certificate="x", since=date(2026, 5, 1), until=date(2027, 5, 1))
    days = {
        date(2026, 4, 30): False,
        date(2026, 5, 1): True,
        date(2027, 5, 1): True,
        date(2027, 5, 2): False,
    }
    found = {day: pin.believed(datetime(day.year, day.month, day.day, 12, tzinfo=UTC)) for day in days}
    assert found == days
