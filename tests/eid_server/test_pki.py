"""The throw-away hierarchy of sandbox and tests."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from eid_server.chat import Right, Role, rights_of
from eid_server.description import CertificateDescription
from eid_server.errors import Malformed, Misconfigured
from eid_server.passive_authentication import CardTrust
from eid_server.pki import CVCA_REFERENCE, TrialPKI, comm_certificates


def test_hierarchy_is_valid_today_and_bears_the_name_a_simulated_card_knows(
    pki: TrialPKI, today: date
) -> None:
    """data/npa/INDEX.md: the trial with AusweisApp used this name."""
    chain = pki.terminal.chain(today)
    assert chain.anchor.holder_reference == CVCA_REFERENCE == "DETESTeID00005"
    assert chain.rights == rights_of("GivenNames", "FamilyNames", "RestrictedID", "AgeVerification")
    assert chain.document_verifier.chat.role is Role.DV_DOMESTIC
    assert len(chain.terminal.sector_hashes) == 2


def test_terminal_is_valid_for_days_and_renewed_with_the_same_sectors(pki: TrialPKI, today: date) -> None:
    """TR-03129 RequestCertificate: pseudonyms must survive the renewal."""
    later = today + timedelta(days=60)
    with pytest.raises(Misconfigured, match="not valid today"):
        pki.terminal.chain(later)
    renewed = pki.renewed(today=later)
    renewed.terminal.chain(later)
    assert renewed.terminal.certificate.sector_hashes == pki.terminal.certificate.sector_hashes
    assert renewed.terminal.certificate.point != pki.terminal.certificate.point
    assert renewed.terminal.description == pki.terminal.description


def test_renewal_may_change_description_and_rights(
    pki: TrialPKI, description: CertificateDescription, today: date
) -> None:
    """A new TLS certificate of the eService needs a new description."""
    changed = replace(description, comm_certificates=comm_certificates([b"a renewed TLS certificate"]))
    renewed = pki.renewed(today=today, description=changed, rights=rights_of("AgeVerification"))
    assert renewed.terminal.chain(today).rights == Right.AGE_VERIFICATION
    assert renewed.terminal.certificate.description_hash == changed.hash != description.hash


def test_rights_that_nobody_can_grant_are_refused(description: CertificateDescription, today: date) -> None:
    """RFU bits."""
    with pytest.raises(Misconfigured, match="rights"):
        TrialPKI.create(today=today, description=description, rights=Right.RFU)


def test_hierarchy_survives_on_disk_and_its_keys_are_private(
    pki: TrialPKI, today: date, tmp_path: Path
) -> None:
    """Everything that is needed to issue again."""
    original = pki.succeeded(today=today, cvca_reference="DETESTeID00006")
    original.save(tmp_path)
    original.save(tmp_path)
    loaded = TrialPKI.load(tmp_path)
    assert loaded.terminal.certificate == original.terminal.certificate
    assert loaded.terminal.links == original.terminal.links
    assert loaded.terminal.chain(today) == original.terminal.chain(today)
    assert loaded.country_signing_ca.certificate == original.country_signing_ca.certificate
    loaded.renewed(today=today).terminal.chain(today)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("*.key")}
    assert modes == {0o600}
    assert "private" not in repr(loaded).lower()


def test_directory_with_another_kind_of_key_is_refused(pki: TrialPKI, tmp_path: Path) -> None:
    """And a damaged certificate."""
    pki.save(tmp_path)
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    good = (tmp_path / "dv.key").read_bytes()
    (tmp_path / "dv.key").write_bytes(pem)
    with pytest.raises(Misconfigured, match=r"dv\.key"):
        TrialPKI.load(tmp_path)
    (tmp_path / "dv.key").write_bytes(good)
    (tmp_path / "dv.cvcert").write_bytes(b"damaged")
    with pytest.raises(Malformed):
        TrialPKI.load(tmp_path)


def test_document_signer_is_issued_by_the_country_signing_ca(pki: TrialPKI) -> None:
    """And only the CA is an authority."""
    trust = CardTrust.of(authorities=[pki.country_signing_ca.certificate])
    assert trust.authorities[0].encoded == pki.country_signing_ca.certificate
    with pytest.raises(Malformed):
        CardTrust.of(authorities=[pki.document_signer.certificate])
