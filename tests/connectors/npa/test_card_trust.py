"""Whose cards an attached eID-Server believes: CSCA certificates, one by one or in a master list."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from connectors.npa.attached import card_trust
from connectors.npa.settings import AttachedSection
from eid_server.certificates import Certificate
from eid_server.chat import rights_of
from eid_server.description import CertificateDescription
from eid_server.document_signers import make_country_signing_ca
from eid_server.errors import InvalidDocument, Malformed
from eid_server.passive_authentication import ID_ICAO_MASTER_LIST
from eid_server.pki import TrialPKI
from tests.eid_server import card_files as files

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = NOW.date()


@pytest.fixture(scope="module")
def pki():
    description = CertificateDescription(
        issuer_name="trial", subject_name="Land", subject_url="https://id.example", terms_of_usage="none"
    )
    return TrialPKI.create(today=TODAY, description=description, rights=rights_of("GivenNames"))


@pytest.fixture(scope="module")
def other():
    return make_country_signing_ca(TODAY)


def master_list(signer, *authorities):
    listed = files.sequence(files.integer(0), files.infos(*(one.certificate for one in authorities)))
    return files.signed(listed, signer, content_type=ID_ICAO_MASTER_LIST)


def believed(directory, pki, *, now=NOW, **section):
    trust = card_trust(AttachedSection(pki="pki", **section), directory, pki, now=now)
    return [authority.encoded for authority in trust.authorities]


def test_own_authority_is_enough(tmp_path, pki):
    assert believed(tmp_path, pki) == [pki.country_signing_ca.certificate]


def test_authorities_of_a_master_list_are_believed(tmp_path, pki, other):
    """ICAO Doc 9303-12 §9; one that is known already counts once."""
    (tmp_path / "list.ml").write_bytes(master_list(pki.document_signer, pki.country_signing_ca, other))
    assert believed(tmp_path, pki, master_lists=("list.ml",)) == [
        pki.country_signing_ca.certificate,
        other.certificate,
    ]


def test_master_list_of_somebody_else_is_not_believed(tmp_path, pki, other):
    """Doc 9303-12 §9: its signer is issued by an authority that is known otherwise, not by one in the list."""
    stranger = replace(pki.document_signer, certificate=other.certificate, key=other.key)
    (tmp_path / "list.ml").write_bytes(master_list(stranger, other))
    with pytest.raises(InvalidDocument):
        believed(tmp_path, pki, master_lists=("list.ml",))


def test_master_list_whose_signer_has_ended_is_not_believed(tmp_path, pki, other):
    (tmp_path / "list.ml").write_bytes(master_list(pki.document_signer, other))
    with pytest.raises(InvalidDocument):
        believed(tmp_path, pki, master_lists=("list.ml",), now=NOW + timedelta(days=30 * 365))


def test_file_that_is_no_certificate_stops_the_start(tmp_path, pki):
    (tmp_path / "csca.cer").write_bytes(b"no certificate")
    with pytest.raises(Malformed):
        believed(tmp_path, pki, csca=("csca.cer",))


@pytest.mark.parametrize("place", ["in front", "behind", "in another armour"])
def test_file_with_a_second_certificate_stops_the_start(tmp_path, pki, other, place):
    """Whoever approves the file is shown what one parser finds in it; the first object may be another one."""
    genuine = armoured(other.certificate)
    stranger = armoured(make_country_signing_ca(TODAY).certificate)
    octets = {
        "in front": stranger + genuine,
        "behind": genuine + stranger,
        "in another armour": stranger.replace(b"-----", b"---- ", 1).replace(b"E-----\nM", b"E ----\nM")
        + genuine,
    }[place]
    (tmp_path / "csca.cer").write_bytes(octets)
    with pytest.raises(Malformed):
        believed(tmp_path, pki, csca=("csca.cer",))
    (tmp_path / "csca.cer").write_bytes(genuine)
    assert believed(tmp_path, pki, csca=("csca.cer",)) == [
        pki.country_signing_ca.certificate,
        other.certificate,
    ]


def test_certificate_is_not_looked_for_inside_another_one(other):
    """A name may hold what reads as the beginning of PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    inside = "\n" + armoured(other.certificate).decode()
    name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "DE")])
    outer = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(
            x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), inside.encode()), critical=False
        )
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    assert Certificate.load(outer).encoded == outer


def armoured(der):
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
