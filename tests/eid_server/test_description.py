"""Certificate description: what the citizen is shown, and its hash (TR-03110-4 2.2.6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eid_server import tlv
from eid_server.cvc import CVCertificate
from eid_server.description import CertificateDescription, require_description
from eid_server.errors import Malformed, ProtocolViolation
from eid_server.pki import TrialPKI
from tests.eid_server.samples import octets


@pytest.mark.parametrize("letter", "ABCD")
def test_descriptions_of_the_conformity_test_bed_belong_to_their_certificates(letter: str) -> None:
    """data/npa/INDEX.md; and they are written again octet by octet."""
    encoded = octets(f"cvc-testbed/CERT_ECARD_CV_TERM_1_{letter}.desc.bin")
    certificate = CVCertificate.parse(octets(f"cvc-testbed/CERT_ECARD_CV_TERM_1_{letter}.cvcert"))
    description = require_description(certificate, encoded)
    assert description.subject_name == "eID-Server Testbed"
    assert description.subject_url == "https://some.test.url.de"
    assert len(description.comm_certificates) == 2
    assert description.encoded == encoded


def test_description_is_read_as_it_is_written(description: CertificateDescription) -> None:
    """Umlauts, addresses and hashes."""
    assert CertificateDescription.parse(description.encoded) == description
    bare = CertificateDescription(issuer_name="a", subject_name="b", terms_of_usage="c")
    assert CertificateDescription.parse(bare.encoded) == bare


def test_description_of_another_service_is_refused(
    pki: TrialPKI, description: CertificateDescription
) -> None:
    """TR-03124-2 A3_06: the hash in the certificate is of another description."""
    other = replace(description, subject_url="https://attacker.example")
    assert require_description(pki.terminal.certificate, description.encoded) == description
    with pytest.raises(ProtocolViolation, match="not that of the terminal certificate"):
        require_description(pki.terminal.certificate, other.encoded)


def test_certificate_without_the_extension_matches_no_description(
    pki: TrialPKI, description: CertificateDescription
) -> None:
    """A document verifier has none."""
    with pytest.raises(ProtocolViolation, match="not that of"):
        require_description(pki.document_verifier.certificate, description.encoded)


def _described(*fields: bytes, kind: str = "0.4.0.127.0.7.3.1.3.1.1") -> bytes:
    return tlv.write(0x30, tlv.write(0x06, tlv.object_identifier(kind)) + b"".join(fields))


def _text(tag: int, text: bytes, string: int = 0x0C) -> bytes:
    return tlv.write(tag, tlv.write(string, text))


ISSUER, SUBJECT, TERMS = _text(0xA1, b"a"), _text(0xA3, b"b"), _text(0xA5, b"c")


@pytest.mark.parametrize(
    "octets_",
    [
        b"",
        _described(ISSUER, SUBJECT),
        _described(SUBJECT, ISSUER, TERMS),
        _described(ISSUER, ISSUER, SUBJECT, TERMS),
        _described(ISSUER, SUBJECT, TERMS, _text(0xA8, b"d")),
        _described(ISSUER, SUBJECT, TERMS) + b"\0",
        _described(ISSUER, SUBJECT, TERMS, kind="0.4.0.127.0.7.3.1.3.1.2"),
        _described(_text(0xA1, b"\xff"), SUBJECT, TERMS),
        _described(_text(0xA1, b"a", 0x13), SUBJECT, TERMS),
        _described(ISSUER, _text(0xA3, b"b"), _text(0xA4, "ü".encode(), 0x13), TERMS),
        _described(ISSUER, SUBJECT, TERMS, tlv.write(0xA7, tlv.write(0x31, tlv.write(0x04, b"short")))),
        _described(ISSUER, SUBJECT, TERMS, tlv.write(0xA7, tlv.write(0x31, tlv.write(0x0C, bytes(32))))),
    ],
    ids=[
        "empty",
        "no terms",
        "order",
        "twice",
        "unknown field",
        "trailing octet",
        "HTML",
        "not UTF-8",
        "other string",
        "address not ASCII",
        "short hash",
        "hash of another type",
    ],
)
def test_other_forms_are_refused(octets_: bytes) -> None:
    """One DER encoding, plain format, three mandatory fields."""
    with pytest.raises(Malformed):
        CertificateDescription.parse(octets_)
