"""One throw-away hierarchy for all tests of the cryptographic core."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from eid_server.chat import rights_of
from eid_server.description import CertificateDescription
from eid_server.pki import TrialPKI, comm_certificates

TODAY = date(2026, 11, 23)


@pytest.fixture(scope="session")
def today() -> date:
    return TODAY


@pytest.fixture(scope="session")
def now() -> datetime:
    return datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def description() -> CertificateDescription:
    return CertificateDescription(
        issuer_name="Prüfstelle",
        issuer_url="https://issuer.example",
        subject_name="Beispielbehörde",
        subject_url="https://login.example",
        terms_of_usage="Anschrift und Zweck",
        comm_certificates=comm_certificates([b"one certificate", b"another"]),
    )


@pytest.fixture(scope="session")
def pki(description: CertificateDescription) -> TrialPKI:
    return TrialPKI.create(
        today=TODAY,
        description=description,
        rights=rights_of("GivenNames", "FamilyNames", "RestrictedID", "AgeVerification"),
        migrating=True,
    )
