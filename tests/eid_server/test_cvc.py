"""Card verifiable certificates (TR-03110-3 C.1, D.2)."""

from __future__ import annotations

from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from eid_server import curves, tlv
from eid_server.chat import Chat, Right, Role
from eid_server.cvc import (
    ID_DESCRIPTION,
    ID_SECTOR_RI,
    ID_TA_ECDSA_SHA_256,
    CVCertificate,
    build_certificate,
    explicit_key,
    sign_plain,
    verify_plain,
)
from eid_server.errors import EIDServerError, Malformed, ProtocolViolation
from eid_server.pki import TrialPKI
from tests.eid_server.samples import octets

FILES = [
    *(f"cvc-testbed/CERT_ECARD_CV_{name}.cvcert" for name in ("CVCA_1", "DV_1_A")),
    *(f"cvc-testbed/CERT_ECARD_CV_TERM_1_{letter}.cvcert" for letter in "ABCD"),
    *(f"ausweisapp-card/cvca-DETESTeID0000{number}.hex" for number in (1, 2, 4)),
    "ausweisapp-card/cvca-DETESTeID00002_DETESTeID00001.hex",
    "ausweisapp-card/cvca-DETESTeID00004_DETESTeID00002.hex",
    "ausweisapp-card/cvdv-DEDVeIDDPST00035.hex",
    "ausweisapp-card/cvat-DEDEMODEV00038.hex",
    "recorded-ausweisapp-2.0.1/cvca.cvcert.hex",
]


@pytest.mark.parametrize("name", FILES)
def test_certificates_of_the_public_test_hierarchies_are_read(name: str) -> None:
    """data/npa/INDEX.md: parse: accept."""
    encoded = octets(name)
    certificate = CVCertificate.parse(encoded)
    assert certificate.encoded == encoded
    assert certificate.effective < certificate.expiry
    assert (certificate.domain is not None) == (certificate.chat.role is Role.CVCA)


def test_fields_of_a_certificate_are_what_stands_in_it() -> None:
    """The terminal of the German demonstration environment."""
    certificate = CVCertificate.parse(octets("ausweisapp-card/cvat-DEDEMODEV00038.hex"))
    assert certificate.authority_reference == "DEDVeIDDPST00035"
    assert certificate.holder_reference == "DEDEMODEV00038"
    assert (certificate.effective, certificate.expiry) == (date(2014, 3, 13), date(2014, 4, 11))
    assert certificate.chat.octets.hex() == "000513ff87"
    assert certificate.description_hash is not None
    assert certificate.description_hash.hex().startswith("12ca9d0a51df9297")
    assert len(certificate.sector_hashes) == 1


def test_self_signed_certificates_verify_with_their_own_key() -> None:
    """German test CVCAs and that of the conformity test bed."""
    for name in FILES:
        certificate = CVCertificate.parse(octets(name))
        if certificate.authority_reference == certificate.holder_reference:
            certificate.verify(certificate.public_key(), certificate.algorithm)


def test_wrong_signer_is_refused(pki: TrialPKI) -> None:
    """The signature is checked with the issuer's key and nobody else's."""
    stranger = ec.generate_private_key(ec.BrainpoolP256R1())
    with pytest.raises(ProtocolViolation, match="does not verify"):
        pki.terminal.certificate.verify(stranger.public_key(), ID_TA_ECDSA_SHA_256)


def test_a_changed_bit_in_any_octet_of_a_certificate_is_noticed(pki: TrialPKI) -> None:
    """Nothing in a certificate lies outside the signature or the strict encoding."""
    original = pki.terminal.certificate.encoded
    issuer = pki.document_verifier.key.public_key()
    for position in range(len(original)):
        changed = bytearray(original)
        changed[position] ^= 0x01
        with pytest.raises(ProtocolViolation):
            CVCertificate.parse(bytes(changed)).verify(issuer, ID_TA_ECDSA_SHA_256)


@settings(derandomize=True, deadline=None, database=None)
@given(st.binary(max_size=40), st.integers(min_value=0, max_value=400))
def test_damaged_octets_are_refused_and_nothing_else_happens(noise: bytes, position: int) -> None:
    """A parser of foreign octets raises its own error or none."""
    base = _certificate(Chat(rights=Right.READ_DG4)).encoded
    damaged = base[:position] + noise + base[position + len(noise) :]
    try:
        CVCertificate.parse(damaged)
    except EIDServerError as reason:
        assert isinstance(reason, Malformed)  # noqa: PT017 -- a certificate that still parses is fine


def test_certificate_is_read_as_it_was_built() -> None:
    """TR-03110-3 D.2, with both extensions absent."""
    certificate = _certificate(Chat(role=Role.TERMINAL, rights=Right.READ_DG5))
    assert certificate == CVCertificate.parse(certificate.encoded)
    assert certificate.description_hash is None
    assert certificate.sector_hashes == ()


def test_octets_behind_a_certificate_are_refused() -> None:
    """One certificate per Certificate element of EAC1Input."""
    with pytest.raises(Malformed, match="behind"):
        CVCertificate.parse(_certificate(Chat()).encoded + b"\0")


@pytest.mark.parametrize("reference", ["DE1", "dexTRIAL00001", "DETRIAL0000100001", "DE\x00TRIAL00001"])
def test_odd_references_are_refused(reference: str) -> None:
    """TR-03110-3 A.7.1: country, mnemonic, sequence number."""
    with pytest.raises(Malformed, match="reference"):
        _certificate(Chat(), holder_reference=reference)


def test_impossible_date_is_refused() -> None:
    """Six decimal digits that are a day."""
    built = _certificate(Chat(), effective=date(2026, 2, 28)).encoded
    for wrong in (bytes([2, 6, 0, 2, 3, 0]), bytes([2, 6, 0, 2, 0x0A, 0])):
        with pytest.raises(Malformed, match=r"date|calendar"):
            CVCertificate.parse(built.replace(bytes([2, 6, 0, 2, 2, 8]), wrong))


def test_point_outside_the_curve_is_refused() -> None:
    """TR-03110-3 A.2.2: an invalid point would give away the secret it is multiplied with."""
    generator = bytearray(curves.BRAINPOOL_P256R1.generator)
    generator[-1] ^= 1
    with pytest.raises(Malformed, match="not on the curve"):
        curves.public_key(curves.BRAINPOOL_P256R1, bytes(generator))


@pytest.mark.parametrize("encoded", [b"\0", b"\x02" + bytes(32), b"\x04" + bytes(63), b"\x04" + bytes(64)])
def test_other_forms_of_a_point_are_refused(encoded: bytes) -> None:
    """Infinity, compressed, short, and the origin."""
    with pytest.raises(Malformed, match="point"):
        curves.public_key(curves.BRAINPOOL_P256R1, encoded)


def test_domain_parameters_of_nobodys_curve_are_refused(pki: TrialPKI) -> None:
    """CVE-2020-0601: a chosen generator fits every signature."""
    domain = curves.BRAINPOOL_P256R1
    forged = pki.cvca.certificate.encoded.replace(
        tlv.write(0x84, domain.generator), tlv.write(0x84, pki.cvca.certificate.point)
    )
    assert forged != pki.cvca.certificate.encoded
    with pytest.raises(Malformed, match="no accepted curve"):
        CVCertificate.parse(forged)


def test_terminal_that_brings_its_own_domain_parameters_is_refused(pki: TrialPKI) -> None:
    """TR-03110-3 D.3.3: only a CVCA states the curve."""
    certificate = pki.terminal.certificate
    key = tlv.write(0x06, tlv.object_identifier(ID_TA_ECDSA_SHA_256))
    own = key + explicit_key(curves.BRAINPOOL_P256R1, certificate.point)
    body = tlv.one(certificate.body, 0x7F4E).value.replace(
        tlv.write(0x7F49, key + tlv.write(0x86, certificate.point)), tlv.write(0x7F49, own)
    )
    forged = tlv.write(0x7F4E, body)
    assert forged != certificate.body
    signature = sign_plain(pki.document_verifier.key, forged, ID_TA_ECDSA_SHA_256)
    with pytest.raises(Malformed, match="where none belong"):
        CVCertificate.parse(tlv.write(0x7F21, forged + tlv.write(0x5F37, signature)))


def _resigned(body: bytes, pki: TrialPKI) -> bytes:
    signature = sign_plain(pki.cvca.key, body, ID_TA_ECDSA_SHA_256)
    return tlv.write(0x7F21, body + tlv.write(0x5F37, signature))


def _with_key(certificate: CVCertificate, *objects: bytes) -> bytes:
    """The body of ``certificate`` with another public key object."""
    fields = tlv.one(certificate.body, 0x7F4E).children()
    key = tlv.write(0x7F49, tlv.write(0x06, tlv.object_identifier(ID_TA_ECDSA_SHA_256)) + b"".join(objects))
    return tlv.write(0x7F4E, b"".join(key if field.tag == 0x7F49 else field.encoded for field in fields))


def test_link_certificate_may_inherit_its_domain_parameters(pki: TrialPKI, today: date) -> None:
    """TR-03110-3 D.3.3: a link MAY contain them, a self-signed certificate SHALL."""
    (link,) = pki.succeeded(today=today, cvca_reference="DETESTeID00006").terminal.links
    bare = CVCertificate.parse(_resigned(_with_key(link, tlv.write(0x86, link.point)), pki))
    assert bare.domain is None
    assert curves.point(bare.public_key(curves.BRAINPOOL_P256R1)) == link.point
    with pytest.raises(Malformed, match="no domain parameters"):
        bare.public_key()
    root = pki.cvca.certificate
    with pytest.raises(Malformed, match="domain parameters missing"):
        CVCertificate.parse(_resigned(_with_key(root, tlv.write(0x86, root.point)), pki))


def test_cofactor_may_be_left_out_and_leading_zeros_must_be(pki: TrialPKI) -> None:
    """TR-03110-3 D.3.3 (all present, except the cofactor), D.2.1.1."""
    root, domain = pki.cvca.certificate, curves.BRAINPOOL_P256R1
    objects = [element.encoded for element in tlv.read(explicit_key(domain, root.point))]
    without = CVCertificate.parse(_resigned(_with_key(root, *objects[:-1]), pki))
    assert without.domain is domain
    padded = [tlv.write(0x81, b"\0" + domain.p), *objects[1:]]
    with pytest.raises(Malformed, match="leading zeros"):
        CVCertificate.parse(_resigned(_with_key(root, *padded), pki))


def test_parameters_of_every_curve_are_written_without_leading_zeros_and_read_back() -> None:
    """The second coefficient of P-521 begins with a zero octet."""
    for domain in curves.STANDARDISED.values():
        key = ec.generate_private_key(domain.curve)
        root = build_certificate(
            issuer=key,
            authority_reference="DETESTROOT00001",
            holder=key.public_key(),
            holder_reference="DETESTROOT00001",
            chat=Chat(role=Role.CVCA),
            effective=date(2026, 11, 1),
            expiry=date(2026, 12, 1),
        )
        assert root.domain is domain
        root.verify(root.public_key(), root.algorithm)


def _extended(*extensions: bytes) -> bytes:
    fields = tlv.one(_certificate(Chat()).body, 0x7F4E).value
    body = tlv.write(0x7F4E, fields + tlv.write(0x65, b"".join(extensions)))
    return tlv.write(0x7F21, body + tlv.write(0x5F37, bytes(64)))


def _extension(name: str, *objects: bytes) -> bytes:
    return tlv.write(0x73, tlv.write(0x06, tlv.object_identifier(name)) + b"".join(objects))


HASH = tlv.write(0x80, bytes(32))


def test_unknown_extensions_are_left_alone() -> None:
    """TR-03110-3 C.3: uncritical; id-PS-Sector has nested objects."""
    pseudonymous = _extension("0.4.0.127.0.7.3.1.3.3", tlv.write(0xA0, HASH), tlv.write(0xA0, HASH))
    certificate = CVCertificate.parse(_extended(pseudonymous, _extension(ID_DESCRIPTION, HASH)))
    assert set(certificate.extensions) == {ID_DESCRIPTION}


@pytest.mark.parametrize(
    "extensions",
    [
        [_extension(ID_DESCRIPTION, HASH)] * 2,
        [_extension(ID_DESCRIPTION)],
        [_extension(ID_DESCRIPTION, tlv.write(0x80, bytes(20)))],
        [_extension(ID_SECTOR_RI, tlv.write(0x81, bytes(32)), HASH)],
        [tlv.write(0x73, HASH)],
        [HASH],
    ],
    ids=["twice", "empty", "SHA-1", "order", "no name", "no template"],
)
def test_other_forms_of_the_known_extensions_are_refused(extensions: list[bytes]) -> None:
    """One description, one or two sectors, SHA-256."""
    with pytest.raises(Malformed, match="extension"):
        CVCertificate.parse(_extended(*extensions))


@pytest.mark.parametrize("ending", ["1", "2", "6"])
def test_signature_with_another_algorithm_is_refused(ending: str) -> None:
    """SHA-1, SHA-224 and what is no id-TA-ECDSA at all."""
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    with pytest.raises(Malformed, match="algorithm"):
        sign_plain(key, b"message", f"0.4.0.127.0.7.2.2.2.2.{ending}")


@pytest.mark.parametrize("curve", [domain.curve for domain in curves.STANDARDISED.values()])
@pytest.mark.parametrize("ending", ["3", "4", "5"])
def test_plain_signature_has_two_numbers_of_the_order_on_every_curve(
    curve: ec.EllipticCurve, ending: str
) -> None:
    """TR-03111 §5.2.1; a signature that is longer or shorter is none."""
    key = ec.generate_private_key(curve)
    algorithm = f"0.4.0.127.0.7.2.2.2.2.{ending}"
    signature = sign_plain(key, b"message", algorithm)
    assert len(signature) == 2 * len(curves.domain_of(key).n)
    verify_plain(key.public_key(), signature, b"message", algorithm)
    with pytest.raises(Malformed, match="two numbers"):
        verify_plain(key.public_key(), signature + b"\0", b"message", algorithm)
    with pytest.raises(ProtocolViolation):
        verify_plain(key.public_key(), signature, b"another message", algorithm)


def test_listed_parameters_are_those_of_the_library() -> None:
    """TR-03110-3 A.2.1.1 table 4: 1·G is G on each curve, and n·G is nothing."""
    for domain in curves.STANDARDISED.values():
        one = ec.derive_private_key(1, domain.curve)
        assert curves.point(one.public_key()) == domain.generator
        last = ec.derive_private_key(int.from_bytes(domain.n, "big") - 1, domain.curve).public_key()
        assert curves.x_coordinate(last) == curves.x_coordinate(one.public_key())


def _certificate(
    chat: Chat, *, holder_reference: str = "DEGWTRIAL00001", effective: date = date(2026, 11, 1)
) -> CVCertificate:
    return build_certificate(
        issuer=_ISSUER,
        authority_reference="DEDVTRIAL00001",
        holder=_HOLDER.public_key(),
        holder_reference=holder_reference,
        chat=chat,
        effective=effective,
        expiry=date(2026, 12, 1),
    )


_ISSUER, _HOLDER = (ec.generate_private_key(ec.BrainpoolP256R1()) for _ in range(2))
